// Takes traces of the caller's own stack and of other threads' stacks, and finds the names of
// addresses.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The frame of the function that calls this one, if it keeps a frame pointer.
uintptr_t plait_caller_frame(void);

/// Collects return addresses outward from the record at `frame`, which lies on the calling thread's
/// running stack. Skips the first `skipping`, and takes at most `limit`, and none beyond a fiber's
/// entry. Allocates nothing, and reads nothing outside of the stack.
size_t plait_stack_walk(uintptr_t frame, uintptr_t *_Nonnull out, size_t limit, size_t skipping);

enum { plait_name_capacity = 128 };

/// What a thread was running when its stack was taken.
typedef struct plait_stack_owner {
    /// Addresses from the thread's cell. Do not dereference them.
    const void *_Nullable strand;
    const void *_Nullable hub;
    /// The number of the running fiber; 0 if none ran.
    uint64_t fiber_number;
    /// The name of the fiber, cut to fit; empty if it has none.
    char fiber_name[plait_name_capacity];
} plait_stack_owner;

/// The stack of another thread of this process: the address where it was, then return addresses.
///
/// Uses the signal SIGRTMIN + 6, whose handler copies the stack; the caller does everything else.
/// Waits for the thread until `deadline` (in ns of CLOCK_MONOTONIC). Returns the count, -ESRCH if
/// there is no such thread, or -ETIMEDOUT if the thread blocks the signal or is ending.
int plait_stack_of_thread(pid_t thread, uint64_t deadline, uintptr_t *_Nonnull out, size_t limit,
                          plait_stack_owner *_Nonnull owner);

/// Lets `plait_stack_of_thread` look at the calling thread, even if it was started with all signals
/// blocked.
void plait_stack_allow(void);

/// What is known about an address in the program.
typedef struct plait_symbol {
    /// The file of the address, without directories; null if there is none.
    char *_Nullable module;
    /// The function, demangled if it is Swift's; null if unknown.
    char *_Nullable name;
    /// The offset from the start of the function.
    uintptr_t offset;
    /// The offset in the module, as addr2line takes it.
    uintptr_t module_offset;
} plait_symbol;

/// Fills `out[0 ..< count]`. The caller passes each to `plait_symbol_free`. Reads files.
void plait_symbolise(const uintptr_t *_Nonnull addresses, size_t count, plait_symbol *_Nonnull out);
void plait_symbol_free(plait_symbol *_Nonnull symbol);
