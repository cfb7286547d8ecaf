// Makes copies of a process with new thread-local memory.
//
// The Swift runtime (for lazy globals and the like) and the standard library's `Mutex` know the
// holder of a lock by the kernel's number of the thread. Each library and each object file keeps
// its own copy of that number in thread-local memory. A copied process would go on with its
// parent's number, and a lock that two of its threads want would never be released. So the thread
// of a copy begins with the thread-local memory of a new thread.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

// Lacking in older headers.
#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x1000
#endif

// MARK: Thread-local memory

/// The part of one library or of the program.
typedef struct part {
    char *memory;
    /// The initial contents; the rest is zero.
    const void *image;
    size_t image_size, size;
} part;

enum { most_parts = 256 };
static part parts[most_parts];
static size_t part_count;

static int note_part(struct dl_phdr_info *library, size_t size, void *unused) {
    (void)size, (void)unused;
    char *memory = library->dlpi_tls_data;
    if (!memory) return 0;
    for (int i = 0; i < library->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &library->dlpi_phdr[i];
        if (segment->p_type != PT_TLS || part_count == most_parts) continue;
        // glibc handles its own memory, which has errno.
        const char *own = (const char *)&errno;
        if (own >= memory && own < memory + segment->p_memsz) continue;
        parts[part_count++] = (part){memory, (const void *)(library->dlpi_addr + segment->p_vaddr),
                                     segment->p_filesz, segment->p_memsz};
    }
    return 0;
}

// Done before the copy is made, since a copy would fault on the headers of all libraries.
static void note_parts(void) {
    part_count = 0;
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(address_sanitizer)
    // These keep state there that must be copied.
    return;
#endif
#endif
    dl_iterate_phdr(note_part, NULL);
}

static void renew_parts(void) {
    plait_cell cell = plait_thread_cell;
    for (const part *p = parts; p < parts + part_count; p++) {
        memcpy(p->memory, p->image, p->image_size);
        memset(p->memory + p->image_size, 0, p->size - p->image_size);
    }
    plait_thread_cell = cell;
}

// MARK: Forking

static long clone_sibling(int *pidfd) {
    // glibc's fork does these for its own memory, but it cannot make siblings.
    void *thread_number = NULL;
    if (prctl(PR_GET_TID_ADDRESS, &thread_number) < 0) return -1;
    void *robust_list = NULL;
    size_t robust_size = 0;
    if (syscall(SYS_get_robust_list, 0, &robust_list, &robust_size) < 0) return -1;

    unsigned long flags =
        CLONE_PARENT | CLONE_PIDFD | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
#if defined(__x86_64__)
    long child = syscall(SYS_clone, flags, NULL, pidfd, thread_number, NULL);
#else
    long child = syscall(SYS_clone, flags, NULL, pidfd, NULL, thread_number);
#endif
    if (child == 0) syscall(SYS_set_robust_list, robust_list, robust_size);
    return child;
}

// Uses glibc's fork, which calls the handlers that libraries have registered but gives no
// descriptor. Nothing in this process reaps children meanwhile: it has one thread, whose signals
// are blocked.
static long fork_with(int *pidfd) {
    // Makes sure that there is room for the child's descriptor.
    int room = plait_pidfd_open(getpid());
    if (room < 0) {
        errno = -room;
        return -1;
    }
    pid_t child = fork();
    int error = errno;
    close(room);
    if (child > 0) {
        int made = plait_pidfd_open(child);
        // If SIGCHLD is ignored, the child may be gone already.
        *pidfd = made < 0 ? -1 : made;
    }
    errno = error;
    return child;
}

static pid_t copy(int is_sibling, int *pidfd) {
    sigset_t all, before;
    sigfillset(&all);
    // No handler runs before the memory is new.
    pthread_sigmask(SIG_SETMASK, &all, &before);
    note_parts();
    long child = is_sibling ? clone_sibling(pidfd) : fork_with(pidfd);
    int error = errno;
    if (child == 0) renew_parts();
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return child < 0 ? -error : (pid_t)child;
}

pid_t plait_fork(int *pidfd) { return copy(0, pidfd); }
pid_t plait_clone_sibling(int *pidfd) { return copy(1, pidfd); }
