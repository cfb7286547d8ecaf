// Locks and words in memory that processes share.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

static uint64_t sooner(uint64_t deadline, uint64_t nanoseconds) {
    uint64_t end = plait_now() + nanoseconds;
    return end < deadline ? end : deadline;
}

static struct timespec *limit(uint64_t deadline, struct timespec *value) {
    if (deadline == UINT64_MAX) return NULL;
    value->tv_sec = (time_t)(deadline / 1000000000u);
    value->tv_nsec = (long)(deadline % 1000000000u);
    return value;
}

void plait_sleep_on(const plait_sleep_word *words, unsigned count, uint64_t deadline) {
    struct timespec value;
    if (count > 1) {
        long r = syscall(SYS_futex_waitv, words, count, 0, limit(deadline, &value), CLOCK_MONOTONIC);
        if (r >= 0 || (errno != ENOSYS && errno != EPERM)) return;
        deadline = sooner(deadline, 1000000);
    }
    int operation = FUTEX_WAIT_BITSET | (words->kind & FUTEX_PRIVATE_FLAG);
    syscall(SYS_futex, (const uint32_t *)words->address, operation, (uint32_t)words->expected,
            limit(deadline, &value), NULL, FUTEX_BITSET_MATCH_ANY);
}

void plait_shared_wake(const uint32_t *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

// MARK: Processes

uint64_t plait_process_start(pid_t process) {
    char path[32], text[1024];
    snprintf(path, sizeof path, "/proc/%d/stat", (int)process);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, text, sizeof text - 1);
    close(file);
    if (count <= 0) return 0;
    text[count] = 0;
    // The second field is a name and may contain any character.
    char *rest = strrchr(text, ')');
    if (!rest || rest[1] != ' ' || rest[2] == 'Z' || rest[2] == 'X') return 0;
    rest += 2;
    for (int field = 3; field < 22 && rest; field++) {
        rest = strchr(rest, ' ');
        if (rest) rest++;
    }
    return rest ? strtoull(rest, NULL, 10) : 0;
}

// MARK: Robust locks: those of glibc. The kernel walks the list of held ones when a thread ends.

_Static_assert(sizeof(pthread_mutex_t) <= PLAIT_ROBUST_SIZE, "room for a lock");

int plait_robust_make(void *place) {
    pthread_mutexattr_t attributes;
    int code = pthread_mutexattr_init(&attributes);
    if (code) return -code;
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    code = pthread_mutex_init(place, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return -code;
}

// The first word of glibc's lock holds its owner's number, FUTEX_WAITERS and FUTEX_OWNER_DIED.
static _Atomic uint32_t *state(void *place) {
    return (_Atomic uint32_t *)&((pthread_mutex_t *)place)->__data.__lock;
}

int plait_robust_try(void *place, int has_waited) {
    int code = pthread_mutex_trylock(place);
    if (code == EOWNERDEAD) pthread_mutex_consistent(place);
    if (code != 0 && code != EOWNERDEAD) return -code;
    // Others may be sleeping, so the release must wake one.
    if (has_waited) atomic_fetch_or(state(place), FUTEX_WAITERS);
    return code == EOWNERDEAD;
}

int plait_robust_release(void *place) { return -pthread_mutex_unlock(place); }

uint32_t *plait_robust_word(void *place) {
    return (uint32_t *)&((pthread_mutex_t *)place)->__data.__lock;
}

uint32_t plait_robust_announce(void *place) {
    uint32_t seen = atomic_load(state(place));
    while (seen & FUTEX_TID_MASK) {
        uint32_t announced = seen | FUTEX_WAITERS;
        if (seen == announced || atomic_compare_exchange_weak(state(place), &seen, announced)) return announced;
    }
    return 0;
}

pid_t plait_robust_holder(const void *place) {
    return (pid_t)(atomic_load(state((void *)place)) & FUTEX_TID_MASK);
}

int plait_robust_is_held_here(const void *place) {
    pid_t thread = plait_robust_holder(place);
    return thread != 0 && syscall(SYS_tgkill, getpid(), thread, 0) == 0;
}
