// SIGQUIT asks for a list of all strands. A handler cannot write the list. It notes the request and
// interrupts the sleep of each thread of Plait, and the first thread that looks answers.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <sys/time.h>
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

static void ask(int signal, siginfo_t *info, void *context) {
    (void)context;
    pid_t process = getpid();
    // What this handler sends to the other threads arrives here too, some of it after the answer.
    int is_passed_on = info->si_code == SI_TKILL && info->si_pid == process;
    if (is_passed_on && (atomic_load(&is_asked) || milliseconds() - atomic_load(&last_answer) < 100)) return;
    atomic_store(&is_asked, 1);
    int error = errno;
    pid_t self = (pid_t)syscall(SYS_gettid);
    for (int i = 0; i < most_threads; i++) {
        pid_t thread = atomic_load(&threads[i]);
        if (thread && thread != self) syscall(SYS_tgkill, process, thread, signal);
    }
    errno = error;
}

// Swift's backtracer has one handler for SIGQUIT and for the signals of faults. No program of its
// own has such a handler.
static int is_of_backtracer(const struct sigaction *action) {
    struct sigaction fault;
    return (action->sa_flags & SA_SIGINFO) && sigaction(SIGILL, NULL, &fault) == 0 && (fault.sa_flags & SA_SIGINFO)
        && fault.sa_sigaction == action->sa_sigaction;
}

static int is_default(const struct sigaction *action) {
    return !(action->sa_flags & SA_SIGINFO) && action->sa_handler == SIG_DFL;
}

void plait_dump_on_quit(void) {
    struct sigaction before;
    if (sigaction(SIGQUIT, NULL, &before) < 0) return;
    if (!is_default(&before) && !is_of_backtracer(&before)) return;
    // Not restarted: the threads are to look.
    struct sigaction action = {.sa_sigaction = ask, .sa_flags = SA_ONSTACK | SA_SIGINFO};
    sigemptyset(&action.sa_mask);
    sigaction(SIGQUIT, &action, NULL);
}

int plait_others_may_interrupt(int first_own, int last_own) {
    struct itimerval timer;
    if (getitimer(ITIMER_REAL, &timer) == 0 && (timer.it_value.tv_sec || timer.it_value.tv_usec)) return 1;
    int timers = open("/proc/self/timers", O_RDONLY | O_CLOEXEC);
    if (timers >= 0) {
        char byte;
        ssize_t count = read(timers, &byte, 1);
        close(timers);
        if (count > 0) return 1;
    }
    for (int signal = 1; signal <= SIGRTMAX; signal++) {
        struct sigaction action;
        if (signal >= first_own && signal <= last_own) continue;
        if (signal == SIGSEGV || signal == SIGBUS || sigaction(signal, NULL, &action) < 0) continue;
        if (!(action.sa_flags & SA_SIGINFO) && (action.sa_handler == SIG_DFL || action.sa_handler == SIG_IGN)) continue;
        if ((action.sa_flags & SA_SIGINFO) && action.sa_sigaction == ask) continue;
        if (!is_of_backtracer(&action)) return 1;
    }
    return 0;
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
