// The stack switch: what Swift cannot express, and no policy.
#pragma once
#include <stdint.h>

/// A suspended flow of control. Lives in raw memory: an access to a Swift property may not be held
/// across a switch.
typedef struct plait_context {
    /// Where its registers lie while it is suspended.
    void *_Nullable stack_pointer;
    /// Swift's list of open exclusive accesses, taken off the thread while it is suspended.
    uintptr_t accesses[4];
    /// The sanitizer's view of this stack; null without one.
    void *_Nullable sanitizer;
} plait_context;

/// Prepares `context`, which is all zero or was left for good, to run `entry(argument)` on the stack
/// that ends (exclusively) at `top`, 16-byte aligned. `entry` must never return.
void plait_context_make(plait_context *_Nonnull context, void *_Nonnull top,
                        void (*_Nonnull entry)(void *_Nonnull), void *_Nonnull argument);

/// Suspends the caller in `from` and continues `to`. Returns when something switches back to `from`.
void plait_context_switch(plait_context *_Nonnull from, plait_context *_Nonnull to);

/// Leaves a finished stack for `to`, for good.
void plait_context_leave(plait_context *_Nonnull from, plait_context *_Nonnull to)
    __attribute__((noreturn));

/// Whether the runtime exports the entry points that take the access list along.
int plait_context_carries_accesses(void);

/// The bare switch, callee-saved registers and floating-point control words: for measuring.
void plait_raw_switch(void *_Nullable *_Nonnull from, void *_Nonnull to);
