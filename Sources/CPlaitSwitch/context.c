#include "plait_switch.h"

#include <stddef.h>
#include <string.h>

// Exported by libswiftCore, but the runtime's private business: absent, contexts do without (sound
// for fibers that stay on their thread, except that two of them parked inside accesses to one object
// are taken for a conflict).
extern void swift_task_enterThreadLocalContext(char *state) __attribute__((weak));
extern void swift_task_exitThreadLocalContext(char *state) __attribute__((weak));

extern void plait_raw_entry(void);

#if defined(__SANITIZE_THREAD__)
#define PLAIT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLAIT_TSAN 1
#endif
#endif

#ifdef PLAIT_TSAN
extern void *__tsan_get_current_fiber(void);
extern void *__tsan_create_fiber(unsigned flags);
extern void __tsan_destroy_fiber(void *fiber);
extern void __tsan_switch_to_fiber(void *fiber, unsigned flags);
#define UNINSTRUMENTED __attribute__((no_sanitize("thread")))
#else
#define UNINSTRUMENTED
#endif

int plait_context_carries_accesses(void) {
    return swift_task_enterThreadLocalContext != NULL && swift_task_exitThreadLocalContext != NULL;
}

void plait_context_make(plait_context *context, void *top, void (*entry)(void *), void *argument) {
#ifdef PLAIT_TSAN
    // Of the fiber that used this stack before; a fresh stack is all zero.
    if (context->sanitizer) __tsan_destroy_fiber(context->sanitizer);
#endif
    memset(context, 0, sizeof *context);
    uintptr_t *frame;
#if defined(__x86_64__)
    // Above the frame the switch takes off: 16-byte aligned, as the ABI wants it before a call.
    frame = (uintptr_t *)((uintptr_t)top - 16 - 0x40);
    uint32_t mxcsr;
    uint16_t control;
    __asm__("stmxcsr %0" : "=m"(mxcsr));
    __asm__("fnstcw %0" : "=m"(control));
    frame[0] = (uintptr_t)mxcsr | ((uintptr_t)control << 32);
    frame[1] = (uintptr_t)entry;     // r12
    frame[2] = (uintptr_t)argument;  // r13
    frame[3] = frame[4] = frame[5] = frame[6] = 0;
    frame[7] = (uintptr_t)plait_raw_entry;
    frame[8] = 0;
#elif defined(__aarch64__)
    frame = (uintptr_t *)((uintptr_t)top - 0xb0);
    memset(frame, 0, 0xb0);
    frame[8] = (uintptr_t)entry;     // x19
    frame[9] = (uintptr_t)argument;  // x20
    frame[19] = (uintptr_t)plait_raw_entry;
    uint64_t fpcr;
    __asm__("mrs %0, fpcr" : "=r"(fpcr));
    frame[20] = fpcr;
#endif
    context->stack_pointer = frame;
#ifdef PLAIT_TSAN
    context->sanitizer = __tsan_create_fiber(0);
#endif
}

UNINSTRUMENTED void plait_context_switch(plait_context *from, plait_context *to) {
    if (swift_task_exitThreadLocalContext) swift_task_exitThreadLocalContext((char *)from->accesses);
#ifdef PLAIT_TSAN
    from->sanitizer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->sanitizer, 0);
#endif
    plait_raw_switch(&from->stack_pointer, to->stack_pointer);
    if (swift_task_enterThreadLocalContext) swift_task_enterThreadLocalContext((char *)from->accesses);
}

UNINSTRUMENTED void plait_context_leave(plait_context *from, plait_context *to) {
    // Its accesses ended with its frames, and it began with none: see plait_context_switch, which
    // leaves the thread without any.
#ifdef PLAIT_TSAN
    __tsan_switch_to_fiber(to->sanitizer, 0);
#endif
    plait_raw_switch(&from->stack_pointer, to->stack_pointer);
    __builtin_unreachable();
}
