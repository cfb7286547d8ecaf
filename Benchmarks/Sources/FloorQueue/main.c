// The floor of the queue figures: one thread sends numbers to another, in nanoseconds a number.
//
//     floor-queue [ring|capacity-1]
//
// `ring` has 1,024 places and never sleeps; it can have one sender and one receiver only.
// `capacity-1` has one place and two semaphores, on which both threads sleep.
#define _GNU_SOURCE
#include "bench_support.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1024, RING_ITEMS = 50000000, SINGLE_ITEMS = 200000 };

// Looks this often before it lets another thread have the core.
enum { SPINS = 100 };

static struct {
    // The sender's: where it puts next, and where it last saw the receiver.
    alignas(64) atomic_ulong tail;
    unsigned long seen_head;
    // The receiver's.
    alignas(64) atomic_ulong head;
    unsigned long seen_tail;
    alignas(64) unsigned long slots[SLOTS];
} ring;

static struct {
    sem_t places, items;
    unsigned long item;
} single;

static void relax(unsigned long *spins) {
    if (++*spins % SPINS == 0) {
        sched_yield();
        return;
    }
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static void *send_through_ring(void *unused) {
    unsigned long spins = 0;
    for (unsigned long i = 0; i < RING_ITEMS; i++) {
        while (i - ring.seen_head == SLOTS) {
            // Pairs with the receiver's release: it is done with the slot.
            ring.seen_head = atomic_load_explicit(&ring.head, memory_order_acquire);
            if (i - ring.seen_head == SLOTS) relax(&spins);
        }
        ring.slots[i % SLOTS] = i;
        atomic_store_explicit(&ring.tail, i + 1, memory_order_release);
    }
    return unused;
}

static unsigned long receive_from_ring(void) {
    unsigned long spins = 0, sum = 0;
    for (unsigned long i = 0; i < RING_ITEMS; i++) {
        while (i == ring.seen_tail) {
            // Pairs with the sender's release: the slot is filled.
            ring.seen_tail = atomic_load_explicit(&ring.tail, memory_order_acquire);
            if (i == ring.seen_tail) relax(&spins);
        }
        sum += ring.slots[i % SLOTS];
        atomic_store_explicit(&ring.head, i + 1, memory_order_release);
    }
    return sum;
}

static void wait_for(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0) {
    }
}

static void *send_one_by_one(void *unused) {
    for (unsigned long i = 0; i < SINGLE_ITEMS; i++) {
        wait_for(&single.places);
        single.item = i;
        sem_post(&single.items);
    }
    return unused;
}

static unsigned long receive_one_by_one(void) {
    unsigned long sum = 0;
    for (unsigned long i = 0; i < SINGLE_ITEMS; i++) {
        wait_for(&single.items);
        sum += single.item;
        sem_post(&single.places);
    }
    return sum;
}

int main(int argc, char **argv) {
    const char *subject = argc > 1 ? argv[1] : "ring";
    bool is_ring = strcmp(subject, "ring") == 0;
    if (!is_ring && strcmp(subject, "capacity-1") != 0) {
        fprintf(stderr, "usage: %s [ring|capacity-1]\n", argv[0]);
        return 64;
    }
    unsigned long items = is_ring ? RING_ITEMS : SINGLE_ITEMS;
    if (sem_init(&single.places, 0, 1) != 0 || sem_init(&single.items, 0, 0) != 0) return 1;

    pthread_t sender;
    uint64_t start = bench_now_ns();
    if (pthread_create(&sender, NULL, is_ring ? send_through_ring : send_one_by_one, NULL) != 0) {
        return 1;
    }
    unsigned long sum = is_ring ? receive_from_ring() : receive_one_by_one();
    pthread_join(sender, NULL);
    uint64_t elapsed = bench_now_ns() - start;
    if (sum != items * (items - 1) / 2) return 1;
    printf("{\"ns\": %.3f}\n", (double)elapsed / (double)items);
    return 0;
}
