// Private: unwinds the copy of a stack by the tables that compilers write for exceptions.
#pragma once
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
enum { reg_frame = 6, reg_stack = 7, reg_return = 16, reg_count = 17 };
#elif defined(__aarch64__)
enum { reg_frame = 29, reg_stack = 31, reg_return = 30, reg_count = 32 };
#endif

/// A stopped thread: its registers by their DWARF numbers, and its stack from the stack pointer up.
typedef struct plait_stopped {
    uintptr_t pc;
    uintptr_t registers[reg_count];
    size_t bytes;
    uint64_t stack[8192];
} plait_stopped;

/// Writes addresses to `out` and returns how many. Changes the registers in `stopped`.
size_t plait_unwind(plait_stopped *stopped, uintptr_t *out, size_t limit);
