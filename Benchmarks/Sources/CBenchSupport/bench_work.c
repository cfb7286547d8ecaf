#include "bench_support.h"

enum { BATCHES = 20, CALLS = 2000, REFINEMENTS = 4 };

void bench_work(uint64_t rounds) {
    uint64_t number = 1;
    for (uint64_t i = 0; i < rounds; i++) {
        // A multiplication waits for the one before, so that the loop takes the same time wherever
        // the linker puts it.
        number *= 0x9E3779B97F4A7C15u;
        __asm__ volatile("" : "+r"(number));
    }
}

// Takes the quickest of some batches, since other work on the machine only adds time.
static double nanoseconds_a_call(uint64_t rounds) {
    uint64_t least = UINT64_MAX;
    for (int batch = 0; batch < BATCHES; batch++) {
        uint64_t start = bench_now_ns();
        for (int call = 0; call < CALLS; call++) bench_work(rounds);
        uint64_t elapsed = bench_now_ns() - start;
        if (elapsed < least) least = elapsed;
    }
    return (double)least / CALLS;
}

uint64_t bench_work_rounds(uint64_t nanoseconds) {
    double rounds = (double)nanoseconds;
    for (int i = 0; i < REFINEMENTS; i++) {
        rounds *= (double)nanoseconds / nanoseconds_a_call((uint64_t)(rounds + 0.5));
        if (rounds < 1) return 1;
    }
    return (uint64_t)(rounds + 0.5);
}
