// Stacks, looked at: the caller's own, another thread's, and the names of what is found there.
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// The frame of the function that calls this one, if it keeps a frame pointer.
uintptr_t plait_caller_frame(void);

/// Return addresses from the record at `frame`, which lies on the calling thread's running stack,
/// outward, without the first `skipping`: at most `limit`, and none beyond a fiber's entry.
/// Allocates nothing, and reads nothing outside of the stack.
size_t plait_stack_walk(uintptr_t frame, uintptr_t *_Nonnull out, size_t limit, size_t skipping);

enum { plait_name_capacity = 128 };

/// Whom a thread was busy with when its stack was taken.
typedef struct plait_stack_owner {
    /// Of the thread's cell; not to be followed.
    const void *_Nullable strand;
    const void *_Nullable hub;
    /// Of the running fiber; 0 if none ran.
    uint64_t fiber_number;
    /// The name the fiber was given, cut to what fits; empty if none.
    char fiber_name[plait_name_capacity];
} plait_stack_owner;

/// The stack of another thread of this process: the address where it was, then return addresses.
///
/// By a signal, SIGRTMIN + 6, whose handler copies the stack; all else is done by the caller. Waits
/// for the thread until `deadline` (CLOCK_MONOTONIC ns). The count, -ESRCH without such a thread, or
/// -ETIMEDOUT: the thread blocks the signal, or is ending.
int plait_stack_of_thread(pid_t thread, uint64_t deadline, uintptr_t *_Nonnull out, size_t limit,
                          plait_stack_owner *_Nonnull owner);

/// Lets `plait_stack_of_thread` look at the calling thread, which may have been started with all
/// signals blocked.
void plait_stack_allow(void);

/// What is known of an address in the program.
typedef struct plait_symbol {
    /// The file that it comes from, without directories; null if none.
    char *_Nullable module;
    /// The function, demangled if it is Swift's; null if nothing says it.
    char *_Nullable name;
    /// From the start of the function.
    uintptr_t offset;
    /// In the module, as addr2line takes it.
    uintptr_t module_offset;
} plait_symbol;

/// Fills `out[0 ..< count]`; each is to be given to `plait_symbol_free`. Reads files.
void plait_symbolise(const uintptr_t *_Nonnull addresses, size_t count, plait_symbol *_Nonnull out);
void plait_symbol_free(plait_symbol *_Nonnull symbol);
