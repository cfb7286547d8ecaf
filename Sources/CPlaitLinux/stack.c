// Takes stack traces. The caller's own stack is walked by frame pointers, which Swift keeps, in a
// few nanoseconds for each frame. The handler of a signal copies another thread's stack, and the
// caller unwinds the copy afterwards. The C library keeps no frame pointers, so walking them would
// lose a thread that blocks in it, and a handler cannot read unwind tables.
#define _GNU_SOURCE
#include "plait_stack.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include "plait_linux.h"
#include "unwind.h"

#if defined(__SANITIZE_THREAD__)
#define PLAIT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PLAIT_TSAN 1
#endif
#endif

// Reads other stacks in signal handlers, which a sanitizer must not follow.
#define UNINSTRUMENTED __attribute__((disable_sanitizer_instrumentation, noinline))
// The functions that they call need it too if nothing is inlined.
#define PART __attribute__((disable_sanitizer_instrumentation, always_inline)) static inline

// MARK: Bounds

typedef struct {
    uintptr_t low, high;
} bounds;

// The bounds of the calling thread's own stack; zero before they were asked for.
static __thread bounds thread_stack __attribute__((tls_model("initial-exec")));

static void find_thread_stack(void) {
    pthread_attr_t attributes;
    void *low = NULL;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) == 0) {
        pthread_attr_getstack(&attributes, &low, &size);
        pthread_attr_destroy(&attributes);
    }
    // Unknown. Use an empty range, so that every address is checked with the kernel.
    thread_stack = (bounds){low ? (uintptr_t)low : 1, low ? (uintptr_t)low + size : 1};
}

PART int contains(bounds range, uintptr_t address) {
    return address >= range.low && address < range.high;
}

PART bounds fiber_stack(void) {
    const plait_stack_note *note = plait_thread_cell.stack;
    if (!note) return (bounds){0, 0};
    return (bounds){note->guard_low, note->guard_low + note->size};
}

// Copies bytes as far as they can be read, and returns how many. The kernel does the copying, so
// memory that another thread unmaps meanwhile is not a fault. If the end of a stack is unknown,
// another stack may follow it.
UNINSTRUMENTED static size_t read_anywhere(uintptr_t from, volatile void *to, size_t bytes) {
    size_t count = 0;
    while (count < bytes) {
        // Within a page, the kernel copies everything or nothing.
        size_t step = 4096 - (from + count) % 4096;
        if (step > bytes - count) step = bytes - count;
        struct iovec source = {(void *)(from + count), step};
        struct iovec target = {(char *)(uintptr_t)to + count, step};
        if (syscall(SYS_process_vm_readv, getpid(), &target, 1L, &source, 1L, 0L) != (long)step) {
            break;
        }
        count += step;
    }
    return count;
}

// MARK: The caller's own stack

__attribute__((noinline)) uintptr_t plait_caller_frame(void) {
    return *(uintptr_t *)__builtin_frame_address(0);
}

// Removes the bits that the compiler or the processor adds to an address.
PART uintptr_t plain_return(uintptr_t address) {
#if defined(__aarch64__)
    // Strips signed return addresses with xpaclri, which does nothing on processors without them.
    register uintptr_t x30 __asm__("x30") = address;
    __asm__("hint #7" : "+r"(x30));
    return x30;
#else
    return address;
#endif
}

// Bit 60 marks the frames of Swift's async functions.
PART uintptr_t plain_frame(uintptr_t frame) { return frame & ~((uintptr_t)1 << 60); }

UNINSTRUMENTED static size_t walk(uintptr_t frame, uintptr_t end, int asks, uintptr_t *out,
                                  size_t limit, size_t skipping) {
    size_t count = 0;
    while (count < limit && frame % sizeof(uintptr_t) == 0 && end - frame >= 16 && frame < end) {
        volatile uintptr_t pair[2];
        if (asks) {
            if (read_anywhere(frame, pair, sizeof pair) < sizeof pair) break;
        } else {
            pair[0] = ((const volatile uintptr_t *)frame)[0];
            pair[1] = ((const volatile uintptr_t *)frame)[1];
        }
        uintptr_t next = plain_frame(pair[0]);
        uintptr_t address = plain_return(pair[1]);
        // The outermost frame: a fiber's entry called it, or nobody did.
        if (next == 0 || address < 4096) break;
        if (skipping > 0) {
            skipping--;
        } else {
            out[count++] = address;
        }
        if (next <= frame) break;
        frame = next;
    }
    return count;
}

size_t plait_stack_walk(uintptr_t frame, uintptr_t *out, size_t limit, size_t skipping) {
    bounds fiber = fiber_stack();
    if (contains(fiber, frame)) return walk(frame, fiber.high, 0, out, limit, skipping);
    if (!thread_stack.high) find_thread_stack();
    if (contains(thread_stack, frame)) {
        return walk(frame, thread_stack.high, 0, out, limit, skipping);
    }
    // The stack belongs neither to the thread nor to its fiber.
    int error = errno;
    size_t count = walk(frame, frame + (16 << 20), 1, out, limit, skipping);
    errno = error;
    return count;
}

// MARK: Another thread's stack

// One request at a time. `state` holds the request's number, shifted left twice, and its phase.
enum { phase_idle = 0, phase_wanted = 1, phase_taken = 2, phase_done = 3 };

static struct {
    uint32_t busy;
    uint32_t state;
    uint32_t number;
    plait_stack_owner owner;
    plait_stopped stopped;
} slot;

UNINSTRUMENTED static void save_registers(const ucontext_t *context) {
#if defined(__x86_64__)
    static const int of_dwarf[16] = {REG_RAX, REG_RDX, REG_RCX, REG_RBX, REG_RSI, REG_RDI,
                                     REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                     REG_R12, REG_R13, REG_R14, REG_R15};
    for (int i = 0; i < 16; i++) {
        slot.stopped.registers[i] = (uintptr_t)context->uc_mcontext.gregs[of_dwarf[i]];
    }
    slot.stopped.pc = (uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    for (int i = 0; i < 31; i++) slot.stopped.registers[i] = context->uc_mcontext.regs[i];
    slot.stopped.registers[31] = context->uc_mcontext.sp;
    slot.stopped.pc = context->uc_mcontext.pc;
#endif
}

// Copies the stack word by word: memcpy belongs to the sanitizers.
UNINSTRUMENTED static void save_stack(void) {
    uintptr_t from = slot.stopped.registers[reg_stack];
    uintptr_t end = from + sizeof slot.stopped.stack;
    slot.stopped.bytes = 0;
    if (from % 8) return;
    bounds fiber = fiber_stack();
    // In the middle of a switch, the cell belongs to the next fiber and the stack to the last one.
    bounds known = contains(fiber, from) ? fiber : thread_stack;
    if (!contains(known, from)) {
        slot.stopped.bytes =
            read_anywhere(from, slot.stopped.stack, sizeof slot.stopped.stack) / 8 * 8;
        return;
    }
    if (known.high < end) end = known.high;
    const volatile uint64_t *source = (const volatile uint64_t *)from;
    volatile uint64_t *target = slot.stopped.stack;
    size_t count = 0;
    for (uintptr_t address = from; address + 8 <= end; address += 8, count++) {
        target[count] = source[count];
    }
    slot.stopped.bytes = count * 8;
}

UNINSTRUMENTED static void save_owner(void) {
    const plait_cell *cell = &plait_thread_cell;
    const plait_stack_note *note = cell->stack;
    slot.owner.strand = cell->strand;
    slot.owner.hub = cell->hub;
    slot.owner.fiber_number = note ? note->fiber_number : 0;
    const char *name = note ? note->fiber_name : NULL;
    volatile char *kept = slot.owner.fiber_name;
    size_t length = 0;
    while (name && name[length] && length + 1 < plait_name_capacity) {
        kept[length] = name[length];
        length++;
    }
    kept[length] = 0;
}

UNINSTRUMENTED static void take(int signal, siginfo_t *info, void *context) {
    (void)signal;
    // The number distinguishes an abandoned request from the present one.
    uint32_t wanted = (uint32_t)info->si_value.sival_int << 2 | phase_wanted;
    uint32_t taken = (wanted & ~3u) | phase_taken;
    if (!__atomic_compare_exchange_n(&slot.state, &wanted, taken, 0, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED)) {
        return;
    }
    int error = errno;
    save_registers(context);
    save_stack();
    save_owner();
    // Pairs with the acquiring load of the requester.
    __atomic_store_n(&slot.state, taken | phase_done, __ATOMIC_RELEASE);
    syscall(SYS_futex, &slot.state, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1, NULL, NULL, 0);
    errno = error;
}

static int number_of_signal(void) { return SIGRTMIN + 6; }

#ifdef PLAIT_TSAN
// The sanitizer would hold the signal back until the thread calls a function that it knows, which a
// computing thread never does. So install the handler directly with the kernel.
struct kernel_action {
    void (*handler)(int, siginfo_t *, void *);
    unsigned long flags;
#if defined(__x86_64__)
    void (*restorer)(void);
#endif
    uint64_t mask;
};
#if defined(__x86_64__)
__attribute__((naked, disable_sanitizer_instrumentation)) static void restore(void) {
    __asm__ volatile("movl $15, %eax\n\tsyscall");
}
#endif
static void install(void) {
    struct kernel_action action = {.handler = take, .flags = SA_RESTART | SA_SIGINFO | SA_ONSTACK};
#if defined(__x86_64__)
    action.flags |= 0x04000000;  // SA_RESTORER
    action.restorer = restore;
#endif
    syscall(SYS_rt_sigaction, number_of_signal(), &action, NULL, 8);
}
#else
static void install(void) {
    struct sigaction action = {.sa_sigaction = take,
                               .sa_flags = SA_RESTART | SA_SIGINFO | SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(number_of_signal(), &action, NULL);
}
#endif

static void install_once(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
}

void plait_stack_allow(void) {
    // Install the handler before unblocking the signal, which would otherwise end the process.
    install_once();
    plait_block_signal(number_of_signal(), 0);
}

static int send_request(pid_t thread, uint32_t number) {
    siginfo_t info;
    memset(&info, 0, sizeof info);
    info.si_code = SI_QUEUE;
    info.si_pid = getpid();
    info.si_uid = getuid();
    info.si_value.sival_int = (int)number;
    long r = syscall(SYS_rt_tgsigqueueinfo, getpid(), thread, number_of_signal(), &info);
    return r < 0 ? -errno : 0;
}

static int lock_slot(uint64_t deadline) {
    uint32_t seen = 0;
    // 2 means that somebody may sleep. Lock with 2, since others may be sleeping.
    if (__atomic_compare_exchange_n(&slot.busy, &seen, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
        return 0;
    }
    while (__atomic_exchange_n(&slot.busy, 2, __ATOMIC_ACQUIRE) != 0) {
        if (plait_futex_wait(&slot.busy, 2, deadline) == -ETIMEDOUT) return -ETIMEDOUT;
    }
    return 0;
}

static void unlock_slot(void) {
    if (__atomic_exchange_n(&slot.busy, 0, __ATOMIC_RELEASE) == 2) plait_futex_wake(&slot.busy, 1);
}

// Waits until the handler has run. Returns -ETIMEDOUT if it has not begun in time; it will not run
// then.
static int await_answer(uint32_t wanted, uint64_t deadline) {
    for (;;) {
        uint32_t state = __atomic_load_n(&slot.state, __ATOMIC_ACQUIRE);
        if ((state & 3) == phase_done) return 0;
        if (plait_futex_wait(&slot.state, state, deadline) != -ETIMEDOUT) continue;
        uint32_t expected = wanted;
        if (__atomic_compare_exchange_n(&slot.state, &expected, phase_idle, 0, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
            return -ETIMEDOUT;
        }
        // The handler is running.
        deadline = UINT64_MAX;
    }
}

int plait_stack_of_thread(pid_t thread, uint64_t deadline, uintptr_t *out, size_t limit,
                          plait_stack_owner *owner) {
    install_once();
    int r = lock_slot(deadline);
    if (r < 0) return r;
    uint32_t number = ++slot.number & (UINT32_MAX >> 2);
    uint32_t wanted = number << 2 | phase_wanted;
    __atomic_store_n(&slot.state, wanted, __ATOMIC_RELEASE);
    r = send_request(thread, number);
    if (r == 0) r = await_answer(wanted, deadline);
    if (r == 0) {
        r = (int)plait_unwind(&slot.stopped, out, limit);
        *owner = slot.owner;
    }
    __atomic_store_n(&slot.state, phase_idle, __ATOMIC_RELAXED);
    unlock_slot();
    return r;
}
