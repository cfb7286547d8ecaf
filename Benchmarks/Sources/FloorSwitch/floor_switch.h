#ifndef FLOOR_SWITCH_H
#define FLOOR_SWITCH_H

#include <stddef.h>

/// Bytes that `floor_switch` keeps at a suspended context's stack pointer, and where in them
/// the address lies at which it goes on.
#if defined(__x86_64__)
enum { FLOOR_FRAME = 64, FLOOR_RESUME_AT = 56 };
#elif defined(__aarch64__)
enum { FLOOR_FRAME = 160, FLOOR_RESUME_AT = 88 };
#else
#error "floor_switch is written for x86-64 and arm64"
#endif

/// Suspends the running context, stores its stack pointer in `*from` and resumes `to`.
void floor_switch(void **from, void *to);

#endif
