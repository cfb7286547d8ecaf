// The floor of the switch figures: two contexts that switch to each other, in nanoseconds a switch.
#include "bench_support.h"
#include "floor_switch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STACK_SIZE = 64 * 1024, WARM_UP = 2000000, SWITCHES = 20000000 };

static void *main_context, *other_context;
static _Alignas(16) char stack[STACK_SIZE];

static void answer(void) {
    for (;;) floor_switch(&other_context, main_context);
}

static void prepare(void (*entry)(void)) {
    char *top = stack + STACK_SIZE;
#if defined(__x86_64__)
    // A function finds its stack eight bytes off sixteen, as after a call.
    top -= 8;
#endif
    char *frame = top - FLOOR_FRAME;
    memset(frame, 0, (size_t)(stack + STACK_SIZE - frame));
#if defined(__x86_64__)
    __asm__ volatile("stmxcsr %0\n\tfnstcw %1"
                     : "=m"(*(unsigned *)frame), "=m"(*(unsigned short *)(frame + 4)));
#endif
    memcpy(frame + FLOOR_RESUME_AT, &entry, sizeof entry);
    other_context = frame;
}

static void switch_back_and_forth(long switches) {
    for (long i = 0; i < switches; i += 2) floor_switch(&main_context, other_context);
}

int main(int argc, char **argv) {
    if (!bench_pin_to_cpu((int)bench_option(argc, argv, "--cpu", -1))) exit(1);
    prepare(answer);
    switch_back_and_forth(WARM_UP);
    uint64_t start = bench_now_ns();
    switch_back_and_forth(SWITCHES);
    uint64_t elapsed = bench_now_ns() - start;
    printf("{\"ns\": %.3f}\n", (double)elapsed / SWITCHES);
    return 0;
}
