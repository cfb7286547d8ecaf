// What the programs of this package share: options, limits, placement, clocks, work, children.
#ifndef BENCH_SUPPORT_H
#define BENCH_SUPPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/// The number after `--name` in the arguments, or `fallback` if the option is absent.
/// Ends the program with a message if what follows is not a number.
long bench_option(int argc, char **argv, const char *name, long fallback);

/// Raises the soft limit of open descriptors to the hard one and returns it.
long bench_raise_descriptor_limit(void);

/// Pins the calling thread to a core. A negative number leaves it where it is.
bool bench_pin_to_cpu(int cpu);

/// Pins the calling thread, and those that it starts, to the cores whose bits are set.
bool bench_pin_to_cpus(uint64_t cores);

/// Nanoseconds of the monotonic clock.
uint64_t bench_now_ns(void);

/// Nanoseconds of processor time that all threads of a process have used, 0 if it is gone.
uint64_t bench_process_cpu_ns(pid_t pid);

/// What a thread does between two operations on a contended lock, in nanoseconds.
enum { BENCH_WORK_NS = 129 };

/// Work that no compiler can leave out, merge or move: each round needs the one before.
void bench_work(uint64_t rounds);

/// How many rounds of `bench_work` take so long on this machine, the call included.
uint64_t bench_work_rounds(uint64_t nanoseconds);

/// The next of a sequence of numbers without a pattern; the one before must not be 0.
static inline uint64_t bench_next_random(uint64_t number) {
    number ^= number << 13;
    number ^= number >> 7;
    number ^= number << 17;
    return number;
}

/// Starts a program on the cores whose bits are set, with pipes for its standard input and output.
///
/// The child is killed when the calling process ends, however that comes about. Only for a
/// single-threaded caller, since it forks.
/// Returns the child's process id, or -1 with errno set.
pid_t bench_spawn(char *const arguments[], uint64_t cores, int *input, int *output);

#endif
