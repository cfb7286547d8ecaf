// Processors and priority of threads.
#define _GNU_SOURCE
#include "plait_threads.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/resource.h>

// More processors than any kernel supports.
enum { most_processors = 16384 };

int plait_set_affinity(pid_t thread, const int *processors, size_t count) {
    cpu_set_t *set = CPU_ALLOC(most_processors);
    size_t size = CPU_ALLOC_SIZE(most_processors);
    if (!set) return -ENOMEM;
    CPU_ZERO_S(size, set);
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        if (processors[i] < 0 || processors[i] >= most_processors) r = -EINVAL;
        else CPU_SET_S((size_t)processors[i], size, set);
    }
    if (r == 0 && sched_setaffinity(thread, size, set) < 0) r = -errno;
    CPU_FREE(set);
    return r;
}

int plait_get_affinity(pid_t thread, int *processors, size_t capacity) {
    cpu_set_t *set = CPU_ALLOC(most_processors);
    size_t size = CPU_ALLOC_SIZE(most_processors);
    if (!set) return -ENOMEM;
    CPU_ZERO_S(size, set);
    int count = 0;
    if (sched_getaffinity(thread, size, set) < 0) {
        count = -errno;
    } else {
        for (int i = 0; i < most_processors; i++) {
            if (!CPU_ISSET_S((size_t)i, size, set)) continue;
            if ((size_t)count < capacity) processors[count] = i;
            count++;
        }
    }
    CPU_FREE(set);
    return count;
}

int plait_set_policy(pid_t thread, int policy) {
    struct sched_param param = {0};
    return sched_setscheduler(thread, policy, &param) < 0 ? -errno : 0;
}

int plait_get_policy(pid_t thread) {
    int r = sched_getscheduler(thread);
    return r < 0 ? -errno : r;
}

int plait_set_niceness(pid_t thread, int value) {
    return setpriority(PRIO_PROCESS, (id_t)thread, value) < 0 ? -errno : 0;
}

int plait_get_niceness(pid_t thread, int *value) {
    errno = 0;
    *value = getpriority(PRIO_PROCESS, (id_t)thread);
    return *value == -1 && errno ? -errno : 0;
}

long plait_own_stack_size(void) {
    pthread_attr_t attributes;
    size_t size = 0;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0) return 0;
    pthread_attr_getstacksize(&attributes, &size);
    pthread_attr_destroy(&attributes);
    return (long)size;
}
