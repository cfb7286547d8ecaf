// Copies of a process whose thread-local memory is new.
//
// The Swift runtime (for what is made once, such as a lazy global) and the standard library's `Mutex` know who
// holds a lock by the kernel's number of the thread, which they keep in thread-local memory: each library
// and each object file its own. A plain copy would go on with its parent's number, and a lock that two of
// its threads want would never be let go. So the process is copied while its thread uses the thread-local
// memory of another, which has never run anything but the lines below.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<sys/rseq.h>)
// glibc 2.35 and later.
#include <sys/rseq.h>
#endif

#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
// They keep in thread-local memory what must go along.
#define PLAIT_PLAIN_FORK 1
#endif
#endif

/// What glibc tells the kernel of a thread.
typedef struct thread_memory {
    uintptr_t pointer;
    /// Where glibc keeps the thread's number.
    void *number;
    void *robust_list;
    size_t robust_size;
} thread_memory;

static uintptr_t own_pointer(void) {
    uintptr_t pointer;
#if defined(__x86_64__)
    __asm__ volatile("mov %%fs:0, %0" : "=r"(pointer));
#elif defined(__aarch64__)
    __asm__ volatile("mrs %0, tpidr_el0" : "=r"(pointer));
#else
#error "not known here: how a thread finds its thread-local memory, and changes it"
#endif
    return pointer;
}

static int describe(thread_memory *memory) {
    memory->pointer = own_pointer();
    if (prctl(PR_GET_TID_ADDRESS, &memory->number) < 0) return -errno;
    if (syscall(SYS_get_robust_list, 0, &memory->robust_list, &memory->robust_size) < 0) return -errno;
    return 0;
}

// MARK: The thread that lends its memory

static struct {
    /// The process that it is a thread of; in a copy, another's.
    pid_t process;
    thread_memory memory;
    int error;
    _Atomic uint32_t is_ready;
} spare;

static void *be_spare(void *unused) {
    (void)unused;
    plait_name_thread(PLAIT_FORK_THREAD);
    // Has glibc make what it keeps of allocations for each thread, once for all copies.
    void *volatile memory = malloc(1);
    free(memory);
#ifdef RSEQ_SIG
    // In a copy, the kernel goes on telling the processor's number to where it did: glibc is to ask for it.
    syscall(SYS_rseq, own_pointer() + (uintptr_t)__rseq_offset, 32, RSEQ_FLAG_UNREGISTER, RSEQ_SIG);
#endif
    spare.error = describe(&spare.memory);
    atomic_store(&spare.is_ready, 1);
    plait_futex_wake((const uint32_t *)&spare.is_ready, 1);
    // No signal comes, and nothing below uses thread-local memory any more.
    for (;;) syscall(SYS_ppoll, NULL, 0, NULL, NULL, 0);
    return NULL;
}

/// With all signals blocked, which the thread inherits.
static int prepare_spare(void) {
    if (spare.process == getpid()) return 0;
    atomic_store(&spare.is_ready, 0);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 1 << 18);
    pthread_t thread;
    int error = pthread_create(&thread, &attributes, be_spare, NULL);
    pthread_attr_destroy(&attributes);
    if (error) return -error;
    while (!atomic_load(&spare.is_ready)) {
        plait_futex_wait((const uint32_t *)&spare.is_ready, 0, UINT64_MAX);
    }
    if (spare.error) return spare.error;
    spare.process = getpid();
    return 0;
}

int plait_has_fork_thread(void) { return spare.process == getpid(); }

// MARK: Forking

static long clone_sibling(const thread_memory *memory) {
    // glibc's fork does these for its own; it cannot make siblings.
    unsigned long flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
#if defined(__x86_64__)
    long child = syscall(SYS_clone, flags, NULL, NULL, memory->number, NULL);
#else
    long child = syscall(SYS_clone, flags, NULL, NULL, NULL, memory->number);
#endif
    if (child == 0) syscall(SYS_set_robust_list, memory->robust_list, memory->robust_size);
    return child < 0 ? -errno : child;
}

// Not inlined: errno is in thread-local memory too.
__attribute__((noinline)) static long plain_copy(int is_sibling, const thread_memory *memory) {
    if (is_sibling) return clone_sibling(memory);
    long child = fork();
    return child < 0 ? -errno : child;
}

#ifdef PLAIT_PLAIN_FORK

static pid_t copy(int is_sibling) {
    thread_memory own;
    int error = describe(&own);
    return error ? error : (pid_t)plain_copy(is_sibling, &own);
}

#else

static void use_memory(uintptr_t pointer) {
#if defined(__x86_64__)
    enum { set_fs = 0x1002 };
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"((long)SYS_arch_prctl), "D"((long)set_fs), "S"(pointer)
                     : "rcx", "r11", "memory");
#else
    __asm__ volatile("msr tpidr_el0, %0" : : "r"(pointer) : "memory");
#endif
}

// Not inlined, as above.
__attribute__((noinline)) static long copy_with(const thread_memory *memory, int is_sibling) {
    uintptr_t own = own_pointer();
    use_memory(memory->pointer);
    long child = plain_copy(is_sibling, memory);
    if (child != 0) use_memory(own);
    return child;
}

__attribute__((noinline)) static void set_cell(const plait_cell *cell) { plait_thread_cell = *cell; }

static pid_t copy(int is_sibling) {
    sigset_t all, before;
    sigfillset(&all);
    // A handler would run with the other memory.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    plait_cell cell = plait_thread_cell;
    long child = prepare_spare();
    if (child == 0) {
        child = copy_with(&spare.memory, is_sibling);
        if (child == 0) set_cell(&cell);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return (pid_t)child;
}

#endif

pid_t plait_fork(void) { return copy(0); }
pid_t plait_clone_sibling(void) { return copy(1); }
