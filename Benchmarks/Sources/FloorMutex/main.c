// The floor of the lock figure: an uncontended pthread_mutex, in nanoseconds a lock and unlock.
#include "bench_support.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { WARM_UP = 2000000, PAIRS = 20000000 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

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

int main(int argc, char **argv) {
    if (!bench_pin_to_cpu((int)bench_option(argc, argv, "--cpu", -1))) exit(1);
    // While a process has one thread, glibc leaves out the atomic operations, which no program
    // that needs a lock profits from.
    pthread_t other;
    if (pthread_create(&other, NULL, sleep_forever, NULL) != 0) exit(1);

    lock_and_unlock(WARM_UP);
    uint64_t start = bench_now_ns();
    lock_and_unlock(PAIRS);
    uint64_t elapsed = bench_now_ns() - start;
    printf("{\"ns\": %.3f}\n", (double)elapsed / PAIRS);
    return 0;
}
