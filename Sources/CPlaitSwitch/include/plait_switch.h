// The switch of stacks, which Swift cannot express, without any policy.
#pragma once
#include <stdint.h>

/// A suspended flow of control. It lives in raw memory, since no access to a Swift property may be
/// open across a switch.
typedef struct plait_context {
    /// The address of its registers while it is suspended.
    void *_Nullable stack_pointer;
    /// Its task-local values, while it is suspended.
    uintptr_t bindings;
    /// The first and the last of its open exclusive accesses that were taken off the thread's list.
    /// If the list's head was not found, the runtime's own record of them.
    uintptr_t accesses[4];
    /// Its stack; 0 for a stack that Plait has not made. An access lies on the stack of the code
    /// that makes it.
    uintptr_t low, high;
    /// The sanitizer's view of this stack; null without one.
    void *_Nullable sanitizer;
} plait_context;

/// Prepares `context`, which must be all zero or left for good, to run `entry(argument)` on the
/// stack from `low` up to `top`, aligned to 16 bytes. `entry` must never return.
void plait_context_make(plait_context *_Nonnull context, void *_Nonnull low, void *_Nonnull top,
                        void (*_Nonnull entry)(void *_Nonnull), void *_Nonnull argument);

/// Suspends the caller in `from` and continues `to`. Returns when something switches back to `from`.
void plait_context_switch(plait_context *_Nonnull from, plait_context *_Nonnull to);

/// Leaves a finished stack for `to`, for good.
void plait_context_leave(plait_context *_Nonnull from, plait_context *_Nonnull to)
    __attribute__((noreturn));

/// How many accesses of suspended contexts a thread's list keeps. Beyond that, a context takes its
/// own off, so that accesses stay cheap; overlaps with those are not found.
enum { plait_most_listed_accesses = 32 };
/// How often a context has taken its accesses off, in the whole program.
uint64_t plait_accesses_taken_off(void);

/// The bare switch of callee-saved registers and floating-point control words, for measurements.
void plait_raw_switch(void *_Nullable *_Nonnull from, void *_Nonnull to);
