// Locks and words of memory that processes share.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct timespec *limit(uint64_t deadline, struct timespec *value) {
    if (deadline == UINT64_MAX) return NULL;
    value->tv_sec = (time_t)(deadline / 1000000000u);
    value->tv_nsec = (long)(deadline % 1000000000u);
    return value;
}

int plait_shared_wait(const uint32_t *word, uint32_t expected, uint64_t deadline) {
    struct timespec value;
    long r = syscall(SYS_futex, word, FUTEX_WAIT_BITSET, expected, limit(deadline, &value), NULL,
                     FUTEX_BITSET_MATCH_ANY);
    return r < 0 ? -errno : 0;
}

void plait_shared_wake(const uint32_t *word, int count) {
    syscall(SYS_futex, word, FUTEX_WAKE, count, NULL, NULL, 0);
}

// MARK: Robust locks: glibc's, whose list of held ones the kernel goes through when a thread ends

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

// The first word of glibc's lock: its owner's number, FUTEX_WAITERS and FUTEX_OWNER_DIED.
static _Atomic uint32_t *state(void *place) {
    return (_Atomic uint32_t *)&((pthread_mutex_t *)place)->__data.__lock;
}

int plait_robust_try(void *place, int has_waited) {
    int code = pthread_mutex_trylock(place);
    if (code == EOWNERDEAD) pthread_mutex_consistent(place);
    if (code != 0 && code != EOWNERDEAD) return -code;
    // Others may sleep: the release must wake one.
    if (has_waited) atomic_fetch_or(state(place), FUTEX_WAITERS);
    return code == EOWNERDEAD;
}

int plait_robust_release(void *place) { return -pthread_mutex_unlock(place); }

int plait_robust_wait(void *place, uint64_t deadline) {
    uint32_t seen = atomic_load(state(place));
    if ((seen & FUTEX_TID_MASK) == 0) return 0;
    uint32_t announced = seen | FUTEX_WAITERS;
    if (seen != announced && !atomic_compare_exchange_strong(state(place), &seen, announced)) return 0;
    return plait_shared_wait((const uint32_t *)state(place), announced, deadline);
}
