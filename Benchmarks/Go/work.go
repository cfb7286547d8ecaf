package main

import (
	"math"
	"time"
)

// As BENCH_WORK_NS of the C programs: to call their work would take Go about as long as the work.
const workNanoseconds = 129

// work is a chain of multiplications, each of which waits for the one before.
//
//go:noinline
func work(rounds int) uint64 {
	number := uint64(1)
	for n := 0; n < rounds; n++ {
		number *= 0x9E3779B97F4A7C15
	}
	return number
}

// workRounds is how many rounds of work take so long on this machine, the call included.
func workRounds(nanoseconds float64) int {
	rounds := nanoseconds
	for i := 0; i < 4; i++ {
		rounds = math.Max(1, rounds*nanoseconds/nanosecondsACall(int(rounds+0.5)))
	}
	return int(rounds + 0.5)
}

// nanosecondsACall is of the quickest of some batches: what else the machine does only adds to it.
func nanosecondsACall(rounds int) float64 {
	const calls = 2000
	least := math.Inf(1)
	for batch := 0; batch < 20; batch++ {
		start := time.Now()
		for call := 0; call < calls; call++ {
			work(rounds)
		}
		least = math.Min(least, float64(time.Since(start).Nanoseconds())/calls)
	}
	return least
}
