// The floor of the lock figures: pthread_mutex, in nanoseconds a lock and unlock.
//
//     floor-mutex [uncontended|recursive|contended] [--work ROUNDS]
#include "bench_support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARM_UP = 2000000, PAIRS = 20000000, CONTENDED = 10000000 };

static pthread_mutex_t mutex;

static void *sleep_forever(void *unused) {
    for (;;) pause();
    return unused;
}

static void lock_and_unlock(long times) {
    for (long i = 0; i < times; i++) {
        pthread_mutex_lock(&mutex);
        __asm__ volatile("" ::: "memory");
        pthread_mutex_unlock(&mutex);
    }
}

static double uncontended(void) {
    // While a process has one thread, glibc leaves out the atomic operations, which no program
    // that needs a lock profits from.
    pthread_t other;
    if (pthread_create(&other, NULL, sleep_forever, NULL) != 0) exit(1);

    lock_and_unlock(WARM_UP);
    uint64_t start = bench_now_ns();
    lock_and_unlock(PAIRS);
    return (double)(bench_now_ns() - start) / PAIRS;
}

static uint64_t work;
// Guarded by `mutex`.
static long taken;

// How often this thread took the mutex before both had taken it CONTENDED times.
static void *lock_and_work(void *own_count) {
    long own = 0;
    for (;;) {
        pthread_mutex_lock(&mutex);
        long number = taken;
        if (number < CONTENDED) taken = number + 1;
        pthread_mutex_unlock(&mutex);
        if (number >= CONTENDED) break;
        own++;
        bench_work(work);
    }
    *(long *)own_count = own;
    return NULL;
}

static double contended(void) {
    pthread_t threads[2];
    long counts[2];
    uint64_t start = bench_now_ns();
    for (int i = 0; i < 2; i++) {
        if (pthread_create(&threads[i], NULL, lock_and_work, &counts[i]) != 0) exit(1);
    }
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    uint64_t elapsed = bench_now_ns() - start;
    if (counts[0] + counts[1] != CONTENDED) exit(1);
    return (double)elapsed / CONTENDED;
}

int main(int argc, char **argv) {
    if (!bench_pin_to_cpu((int)bench_option(argc, argv, "--cpu", -1))) exit(1);
    const char *subject = argc > 1 && argv[1][0] != '-' ? argv[1] : "uncontended";

    pthread_mutexattr_t kind;
    pthread_mutexattr_init(&kind);
    double ns;
    if (strcmp(subject, "uncontended") == 0) {
        pthread_mutex_init(&mutex, &kind);
        ns = uncontended();
    } else if (strcmp(subject, "recursive") == 0) {
        pthread_mutexattr_settype(&kind, PTHREAD_MUTEX_RECURSIVE);
        pthread_mutex_init(&mutex, &kind);
        ns = uncontended();
    } else if (strcmp(subject, "contended") == 0) {
        pthread_mutex_init(&mutex, &kind);
        long rounds = bench_option(argc, argv, "--work", -1);
        work = rounds >= 0 ? (uint64_t)rounds : bench_work_rounds(BENCH_WORK_NS);
        ns = contended();
    } else {
        fprintf(stderr, "usage: %s [uncontended|recursive|contended] [--work ROUNDS]\n", argv[0]);
        return 64;
    }
    printf("{\"ns\": %.3f}\n", ns);
    return 0;
}
