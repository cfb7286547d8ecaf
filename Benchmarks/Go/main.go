// What Go offers for the same: channels, mutexes and goroutines, in nanoseconds an operation.
//
//	go-micro mutex-uncontended
//
// Goroutines run on as many threads as the program has cores: on one core they take turns as fibers
// do. The standard library is all it needs.
package main

import (
	"fmt"
	"os"
	"sync"
	"time"
)

var subjects = map[string]func() float64{
	"mutex-uncontended": mutexUncontended,
	"mutex-contended":   mutexContended,
	"queue-1-1":         func() float64 { return queue(1024, 1, 5_000_000) },
	"queue-2-2":         func() float64 { return queue(1024, 2, 5_000_000) },
	"queue-capacity-1":  func() float64 { return queue(1, 1, 1_000_000) },
	"channel":           channel,
}

func main() {
	if len(os.Args) < 2 || subjects[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: go-micro SUBJECT, which is one of:")
		for name := range subjects {
			fmt.Fprintln(os.Stderr, name)
		}
		os.Exit(64)
	}
	fmt.Printf("{\"ns\": %.3f}\n", subjects[os.Args[1]]())
}

// perOperation is how many nanoseconds each of count operations in body takes.
func perOperation(count int, body func()) float64 {
	start := time.Now()
	body()
	return float64(time.Since(start).Nanoseconds()) / float64(count)
}

func demand(condition bool, message string) {
	if !condition {
		fmt.Fprintln(os.Stderr, "go-micro: "+message)
		os.Exit(1)
	}
}

// queue sends items from pairs goroutines to as many others.
func queue(capacity, pairs, items int) float64 {
	queue := make(chan int, capacity)
	sums := make(chan int)
	share := items / pairs
	sum := 0
	ns := perOperation(share*pairs, func() {
		for i := 0; i < pairs; i++ {
			go func() {
				for item := 0; item < share; item++ {
					queue <- item
				}
			}()
			go func() {
				sum := 0
				for n := 0; n < share; n++ {
					sum += <-queue
				}
				sums <- sum
			}()
		}
		for i := 0; i < pairs; i++ {
			sum += <-sums
		}
	})
	demand(sum == pairs*share*(share-1)/2, "an item was lost")
	return ns
}

// channel sends items there and back through two channels without places; a direction.
func channel() float64 {
	const rounds = 1_000_000
	there, back := make(chan int), make(chan int)
	go func() {
		for n := 0; n < rounds; n++ {
			back <- <-there + 1
		}
	}()
	return perOperation(2*rounds, func() {
		for n := 0; n < rounds; n++ {
			there <- n
			demand(<-back == n+1, "an item came back wrong")
		}
	})
}

func mutexUncontended() float64 {
	const rounds = 50_000_000
	var mutex sync.Mutex
	run := func(count int) {
		for n := 0; n < count; n++ {
			mutex.Lock()
			mutex.Unlock()
		}
	}
	run(1_000_000)
	return perOperation(rounds, func() { run(rounds) })
}

// mutexContended has two goroutines want the same mutex, and work for themselves in between.
func mutexContended() float64 {
	const operations = 10_000_000
	rounds := workRounds(workNanoseconds)
	fmt.Fprintf(os.Stderr, "go-micro: %d ns of private work are %d rounds\n", workNanoseconds, rounds)
	var mutex sync.Mutex
	left := operations
	done := make(chan int)
	total := 0
	ns := perOperation(operations, func() {
		for i := 0; i < 2; i++ {
			go func() {
				own := 0
				for {
					mutex.Lock()
					taken := left > 0
					if taken {
						left--
					}
					mutex.Unlock()
					if !taken {
						break
					}
					own++
					work(rounds)
				}
				done <- own
			}()
		}
		total = <-done + <-done
	})
	demand(total == operations, "an operation was lost")
	return ns
}
