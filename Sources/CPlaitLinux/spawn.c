#define _GNU_SOURCE
#include "plait_linux.h"
#include "plait_threads.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

// Lacking in older headers.
#define CLOSE_RANGE_SETS_CLOEXEC 4

static int limit(int resource, uint64_t most) {
    if (most == 0) return 0;
    struct rlimit value = {most, most};
    return setrlimit(resource, &value) < 0 ? errno : 0;
}

// Runs in the child of vfork, in the parent's memory: only calls that are safe there. Returns errno.
static int settle(const plait_spawn_plan *plan, pid_t parent) {
    for (int signal = 1; signal < NSIG && !plan->keeps_signals; signal++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, &action, NULL);
    }
    if (plan->death_signal) {
        if (prctl(PR_SET_PDEATHSIG, plan->death_signal) < 0) return errno;
        // It may have ended just before: then nobody would send the signal.
        if (getppid() != parent) return ESRCH;
    }
    if (plan->own_session) {
        if (setsid() < 0) return errno;
    } else if (plan->own_group && setpgid(0, 0) < 0) {
        return errno;
    }

    if (plan->directory && chdir(plan->directory) < 0) return errno;
    if (plan->processors) {
        int code = plait_set_affinity(0, plan->processors, plan->processor_count);
        if (code < 0) return -code;
    }

    // Out of the way first: one of them may lie where another belongs.
    int from[4];
    for (int i = 0; i < 4; i++) {
        from[i] = i < 3 ? plan->standard[i] : plan->link;
        if (from[i] < 0) continue;
        if (from[i] < 4) from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 4);
        if (from[i] < 0) return errno;
    }
    for (int i = 0; i < 4; i++) {
        if (from[i] >= 0 && dup2(from[i], i) < 0) return errno;
    }
    // Last: it may leave no room for what was done above.
    int code = limit(RLIMIT_AS, plan->memory);
    if (code == 0) code = limit(RLIMIT_CPU, plan->seconds);
    if (code == 0) code = limit(RLIMIT_NOFILE, plan->descriptors);
    return code;
}

// As settle().
static int become(const char *path, char *const *arguments, const plait_spawn_plan *plan,
                  pid_t parent) {
    int code = settle(plan, parent);
    if (code) return code;
    syscall(SYS_close_range, plan->link < 0 ? 3 : 4, ~0U, CLOSE_RANGE_SETS_CLOEXEC);
    sigset_t none;
    sigemptyset(&none);
    pthread_sigmask(SIG_SETMASK, &none, NULL);
    if (plan->environment) {
        execvpe(path, arguments, plan->environment);
    } else {
        execvp(path, arguments);
    }
    return errno;
}

int plait_settle(const plait_spawn_plan *plan, pid_t parent) { return -settle(plan, parent); }

pid_t plait_spawn(const char *path, char *const *arguments, const plait_spawn_plan *plan) {
    sigset_t all, before;
    sigfillset(&all);
    // No handler of the parent's may run in the child, which shares its memory.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t parent = getpid();
    volatile int failure = 0;
    pid_t child = vfork();
    if (child == 0) {
        failure = become(path, arguments, plan, parent);
        _exit(127);
    }
    int code = child < 0 ? errno : failure;
    if (child > 0 && code) {
        siginfo_t info;
        while (waitid(P_PID, (id_t)child, &info, WEXITED) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code ? -code : child;
}

int plait_pipe(int *ends) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

ssize_t plait_write_pipe(int descriptor, const void *bytes, size_t count) {
    sigset_t pipe, pending, before;
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    sigpending(&pending);
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    ssize_t r = write(descriptor, bytes, count);
    int code = r < 0 ? errno : 0;
    if (code == EPIPE && !sigismember(&pending, SIGPIPE)) {
        // Takes back the one that this write has raised.
        struct timespec now = {0};
        while (sigtimedwait(&pipe, NULL, &now) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code ? -code : r;
}

int plait_thread_count(void) {
    struct stat status;
    // A directory a thread, and each counts as a link; two are its own.
    if (stat("/proc/self/task", &status) < 0) return -errno;
    return (int)status.st_nlink - 2;
}
