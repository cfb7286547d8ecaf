// SIGQUIT asks for a list of all strands. A handler cannot write the list. It notes the request and
// interrupts the sleep of each thread of Plait, and the first thread that looks answers.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { most_threads = 1024 };

static _Atomic pid_t threads[most_threads];
static atomic_int is_asked;
static _Atomic int64_t last_answer;

static int64_t milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void ask(int signal) {
    // The signals that this handler sends to other threads arrive here too, some of them after the
    // answer.
    if (milliseconds() - atomic_load(&last_answer) < 100 || atomic_exchange(&is_asked, 1)) return;
    int error = errno;
    pid_t process = getpid(), self = (pid_t)syscall(SYS_gettid);
    for (int i = 0; i < most_threads; i++) {
        pid_t thread = atomic_load(&threads[i]);
        if (thread && thread != self) syscall(SYS_tgkill, process, thread, signal);
    }
    errno = error;
}

void plait_dump_on_quit(void) {
    struct sigaction before;
    if (sigaction(SIGQUIT, NULL, &before) < 0 || before.sa_handler != SIG_DFL) return;
    // System calls are not restarted, so that the threads look.
    struct sigaction action = {.sa_handler = ask, .sa_flags = SA_ONSTACK};
    sigemptyset(&action.sa_mask);
    sigaction(SIGQUIT, &action, NULL);
}

int plait_dump_enter_thread(void) {
    pid_t self = (pid_t)syscall(SYS_gettid);
    for (int i = 0; i < most_threads; i++) {
        pid_t free = 0;
        if (atomic_compare_exchange_strong(&threads[i], &free, self)) return i;
    }
    return -1;
}

void plait_dump_leave_thread(int place) {
    if (place >= 0) atomic_store(&threads[place], 0);
}

int plait_dump_take(void) {
    if (!atomic_load_explicit(&is_asked, memory_order_relaxed) || !atomic_exchange(&is_asked, 0)) return 0;
    atomic_store(&last_answer, milliseconds());
    return 1;
}
