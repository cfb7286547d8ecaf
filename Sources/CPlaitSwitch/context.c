#include "plait_switch.h"

#include <stddef.h>
#include <string.h>

#include "plait_words.h"

// libswiftCore exports these, but they are private to the runtime. They are used only if the list's
// head was not found. Each context then carries its accesses along, and overlaps of two contexts
// are not found.
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

// MARK: Accesses

/// The field of an access that holds the address of the next one, with a mark in the lowest bit.
enum { next_of_access = 2 };

static uintptr_t *next_access(uintptr_t access) {
    return (uintptr_t *)(((uintptr_t *)access)[next_of_access] & ~(uintptr_t)1);
}

static void link_access(uintptr_t access, uintptr_t next) {
    uintptr_t *link = &((uintptr_t *)access)[next_of_access];
    *link = (*link & 1) | next;
}

/// How many switches pass until the list is counted again; 0 while it is counted at each switch.
static __thread unsigned crowded;
enum { crowded_switches = 1024 };
static uint64_t taken_off;

uint64_t plait_accesses_taken_off(void) { return __atomic_load_n(&taken_off, __ATOMIC_RELAXED); }

// Accesses are open. The list may keep those of a few contexts, so that Swift finds their overlaps.
// Beyond that, `from` takes off its accesses at the front, which are all that it opened since it
// last ran.
static __attribute__((noinline)) UNINSTRUMENTED void park_accesses(plait_context *from, uintptr_t *head) {
    if (crowded == 0) {
        unsigned count = 0;
        for (uintptr_t access = *head; access && count <= plait_most_listed_accesses; count++)
            access = (uintptr_t)next_access(access);
        if (count <= plait_most_listed_accesses) return;
        crowded = crowded_switches;
    } else {
        crowded--;
    }
    uintptr_t last = 0, rest = *head;
    while (rest >= from->low && rest < from->high) {
        last = rest;
        rest = (uintptr_t)next_access(rest);
    }
    if (!last) return;
    from->accesses[0] = *head;
    from->accesses[1] = last;
    link_access(last, 0);
    *head = rest;
    __atomic_add_fetch(&taken_off, 1, __ATOMIC_RELAXED);
}

static __attribute__((noinline)) UNINSTRUMENTED void resume_accesses(plait_context *from) {
    uintptr_t *head = plait_thread_words.accesses;
    if (!head) {
        swift_task_enterThreadLocalContext((char *)from->accesses);
        return;
    }
    link_access(from->accesses[1], *head);
    *head = from->accesses[0];
    from->accesses[0] = 0;
}

// MARK: Contexts

void plait_context_make(plait_context *context, void *low, void *top, void (*entry)(void *), void *argument) {
#ifdef PLAIT_TSAN
    // The context of the fiber that used this stack before; a fresh stack is all zero.
    if (context->sanitizer) __tsan_destroy_fiber(context->sanitizer);
#endif
    memset(context, 0, sizeof *context);
    uintptr_t *frame;
#if defined(__x86_64__)
    // Lies above the frame that the switch pops, aligned to 16 bytes as the ABI demands before a
    // call.
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
    context->low = (uintptr_t)low;
    context->high = (uintptr_t)top;
#ifdef PLAIT_TSAN
    context->sanitizer = __tsan_create_fiber(0);
#endif
}

// Takes the state of `from` off the thread, and puts that of `to` on it.
static inline __attribute__((always_inline)) UNINSTRUMENTED void exchange(plait_context *from,
                                                                          plait_context *to) {
    uintptr_t *head = plait_thread_words.accesses;
    if (head) {
        if (__builtin_expect(*head != 0, 0)) park_accesses(from, head);
    } else if (swift_task_exitThreadLocalContext) {
        swift_task_exitThreadLocalContext((char *)from->accesses);
    }
    uintptr_t *bindings = plait_thread_words.bindings;
    if (bindings) {
        from->bindings = *bindings;
        *bindings = to->bindings;
    }
#ifdef PLAIT_TSAN
    from->sanitizer = __tsan_get_current_fiber();
    __tsan_switch_to_fiber(to->sanitizer, 0);
#endif
}

UNINSTRUMENTED void plait_context_switch(plait_context *from, plait_context *to) {
    exchange(from, to);
    plait_raw_switch(&from->stack_pointer, to->stack_pointer);
    if (__builtin_expect(from->accesses[0] != 0, 0)) resume_accesses(from);
}

UNINSTRUMENTED void plait_context_leave(plait_context *from, plait_context *to) {
    // Its accesses and task-local values have ended with its frames.
    exchange(from, to);
    plait_raw_switch(&from->stack_pointer, to->stack_pointer);
    __builtin_unreachable();
}
