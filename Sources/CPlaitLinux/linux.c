#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// MARK: The thread-local cell

__thread plait_cell plait_thread_cell;

static pthread_key_t exit_key;
static pthread_once_t exit_once = PTHREAD_ONCE_INIT;
static __thread void (*exit_destroy)(void *);

static void exit_run(void *value) {
    if (exit_destroy) exit_destroy(value);
}
static void exit_make(void) { pthread_key_create(&exit_key, exit_run); }

void plait_at_thread_exit(void *value, void (*destroy)(void *)) {
    pthread_once(&exit_once, exit_make);
    exit_destroy = destroy;
    pthread_setspecific(exit_key, value);
}

// MARK: Futex

int plait_futex_wait(const uint32_t *word, uint32_t expected, uint64_t deadline) {
    struct timespec limit, *until = NULL;
    if (deadline != UINT64_MAX) {
        limit.tv_sec = (time_t)(deadline / 1000000000u);
        limit.tv_nsec = (long)(deadline % 1000000000u);
        until = &limit;
    }
    long r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, expected, until, NULL,
                     FUTEX_BITSET_MATCH_ANY);
    return r < 0 ? -errno : 0;
}

int plait_futex_wake(const uint32_t *word, int count) {
    long r = syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, count, NULL, NULL, 0);
    return r < 0 ? -errno : (int)r;
}

// MARK: epoll, poll, eventfd

int plait_epoll_create(void) {
    int r = epoll_create1(EPOLL_CLOEXEC);
    return r < 0 ? -errno : r;
}

int plait_epoll_control(int epoll, int operation, int descriptor, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data.u64 = token};
    return epoll_ctl(epoll, operation, descriptor, &event) < 0 ? -errno : 0;
}

int plait_epoll_wait(int epoll, void *events, int capacity, int64_t timeout) {
    int r;
    if (timeout <= 0) {
        r = epoll_wait(epoll, events, capacity, timeout < 0 ? -1 : 0);
    } else {
        struct timespec limit = {timeout / 1000000000, timeout % 1000000000};
        r = epoll_pwait2(epoll, events, capacity, &limit, NULL);
        if (r < 0 && errno == ENOSYS) {
            r = epoll_wait(epoll, events, capacity, (int)((timeout + 999999) / 1000000));
        }
    }
    return r < 0 ? -errno : r;
}

plait_event plait_epoll_event(const void *events, int index) {
    const struct epoll_event *event = (const struct epoll_event *)events + index;
    return (plait_event){event->events, event->data.u64};
}

size_t plait_epoll_event_size(void) { return sizeof(struct epoll_event); }

int plait_poll(void *descriptors, unsigned count, int64_t timeout, int unblocked) {
    struct timespec limit = {timeout / 1000000000, timeout % 1000000000};
    sigset_t mask, *during = NULL;
    if (unblocked) {
        pthread_sigmask(SIG_BLOCK, NULL, &mask);
        sigdelset(&mask, unblocked);
        during = &mask;
    }
    int r = ppoll(descriptors, count, timeout < 0 ? NULL : &limit, during);
    return r < 0 ? -errno : r;
}

int plait_accept(int listener) {
    int r = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    return r < 0 ? -errno : r;
}

int plait_eventfd(void) {
    int r = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return r < 0 ? -errno : r;
}

// MARK: Threads and signals

pid_t plait_gettid(void) { return (pid_t)syscall(SYS_gettid); }

void plait_name_thread(const char *name) {
    char kept[16] = {0};
    size_t length = strnlen(name, 16);
    if (length > 15) {
        length = 15;
        // Do not cut within a UTF-8 character.
        while (length > 0 && ((unsigned char)name[length] & 0xC0) == 0x80) length--;
    }
    memcpy(kept, name, length);
    pthread_setname_np(pthread_self(), kept);
}

int plait_tgkill(pid_t thread, int signal) {
    return syscall(SYS_tgkill, getpid(), thread, signal) < 0 ? -errno : 0;
}

static void interrupted(int signal) { (void)signal; }

int plait_prepare_interrupt(int signal) {
    struct sigaction action = {.sa_handler = interrupted};
    sigemptyset(&action.sa_mask);
    if (sigaction(signal, &action, NULL) < 0) return -errno;
    return plait_block_signal(signal, 1);
}

int plait_block_signal(int signal, int blocked) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, signal);
    return -pthread_sigmask(blocked ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

int plait_cpu_count(void) {
    cpu_set_t set;
    return sched_getaffinity(0, sizeof set, &set) < 0 ? 1 : CPU_COUNT(&set);
}

// MARK: Memory

int plait_guard_install(void *address, size_t length) {
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif
    return madvise(address, length, MADV_GUARD_INSTALL) < 0 ? -errno : 0;
}

// MARK: Shared memory

int plait_memory_file(const char *name, size_t bytes) {
    int file = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (file < 0) return -errno;
    // Seal the size: an access past the end of a shrunk file would raise a signal.
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
    if (ftruncate(file, (off_t)bytes) == 0 && fcntl(file, F_ADD_SEALS, seals) == 0) return file;
    int code = errno;
    close(file);
    return -code;
}

void *plait_map_shared(int file, size_t bytes) {
    void *start = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    return start == MAP_FAILED ? NULL : start;
}

void *plait_map_rings(int file, size_t head, size_t bytes, int count) {
    size_t all = head + 2 * bytes * (size_t)count;
    // Reserve the range first, since the parts must lie side by side.
    char *start = mmap(NULL, all, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (start == MAP_FAILED) return NULL;
    int access = PROT_READ | PROT_WRITE, how = MAP_SHARED | MAP_FIXED;
    void *done = mmap(start, head, access, how, file, 0);
    for (int i = 0; i < 2 * count && done != MAP_FAILED; i++) {
        off_t offset = (off_t)(head + bytes * (size_t)(i / 2));
        done = mmap(start + head + bytes * (size_t)i, bytes, access, how, file, offset);
    }
    if (done != MAP_FAILED) return start;
    int code = errno;
    munmap(start, all);
    errno = code;
    return NULL;
}

// MARK: Processes

int plait_pidfd_open(pid_t pid) {
    long r = syscall(SYS_pidfd_open, pid, 0);
    return r < 0 ? -errno : (int)r;
}

static int reap(idtype_t kind, id_t which, int *code, int *signal) {
    siginfo_t info = {0};
    int r;
    do {
        r = waitid(kind, which, &info, WEXITED | WNOHANG);
    } while (r < 0 && errno == EINTR);
    if (r < 0) return -errno;
    if (info.si_pid == 0) return 0;
    *code = info.si_code == CLD_EXITED ? info.si_status : 0;
    *signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
    return 1;
}

int plait_pidfd_reap(int pidfd, int *code, int *signal) {
    return reap((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, code, signal);
}

int plait_reap(pid_t pid, int *code, int *signal) {
    return reap(P_PID, (id_t)pid, code, signal);
}

int plait_pidfd_signal(int pidfd, int signal) {
    return syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0) < 0 ? -errno : 0;
}

void plait_pidfd_discard(int pidfd) {
    plait_pidfd_signal(pidfd, SIGKILL);
    siginfo_t info;
    while (waitid((idtype_t)3 /* P_PIDFD */, (id_t)pidfd, &info, WEXITED) < 0 && errno == EINTR) {}
}

int plait_become_subreaper(void) {
    return prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 ? -errno : 0;
}

pid_t plait_await_child(void) {
    siginfo_t info = {0};
    int r;
    do {
        r = waitid(P_ALL, 0, &info, WEXITED | WNOWAIT);
    } while (r < 0 && errno == EINTR);
    return r < 0 ? -errno : info.si_pid;
}

int plait_parent_death_signal(int signal) {
    return prctl(PR_SET_PDEATHSIG, signal) < 0 ? -errno : 0;
}

// Do not call a function here that the loader would have to resolve in each child.
void plait_exit_now(int code) {
    for (;;) syscall(SYS_exit_group, code);
}
