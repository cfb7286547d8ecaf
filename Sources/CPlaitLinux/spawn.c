#define _GNU_SOURCE
#include "plait_linux.h"
#include "plait_threads.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

// Older headers lack these.
#define CLOSE_RANGE_SETS_CLOEXEC 4

static int limit(int resource, uint64_t most) {
    if (most == 0) return 0;
    struct rlimit value = {most, most};
    return setrlimit(resource, &value) < 0 ? errno : 0;
}

// Runs in a child that shares the parent's memory, so it makes only calls that are safe there.
// Returns errno.
static int settle(const plait_spawn_plan *plan, pid_t parent) {
    for (int signal = 1; signal < NSIG && !plan->keeps_signals; signal++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(signal, &action, NULL);
    }
    if (plan->death_signal) {
        if (prctl(PR_SET_PDEATHSIG, plan->death_signal) < 0) return errno;
        // The parent may have ended just before, and then nobody would send the signal.
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

    // First move them out of the way: one of them may have a number that another needs.
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
    // This comes last, since the limit may leave no room for the steps above.
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

typedef struct {
    const char *path;
    char *const *arguments;
    const plait_spawn_plan *plan;
    pid_t parent;
    volatile int failure;
} start;

static int begin(void *given) {
    start *order = given;
    order->failure = become(order->path, order->arguments, order->plan, order->parent);
    _exit(127);
}

pid_t plait_spawn(const char *path, char *const *arguments, const plait_spawn_plan *plan, int *pidfd) {
    // For a script without an interpreter line, execvp puts the arguments on the stack once more.
    size_t count = 0;
    while (arguments[count]) count++;
    size_t size = (65536 + (count + 4) * sizeof(char *) + 4095) & ~(size_t)4095;
    char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (stack == MAP_FAILED) return -errno;
    sigset_t all, before;
    sigfillset(&all);
    // The child shares the parent's memory, so none of the parent's handlers may run in it.
    pthread_sigmask(SIG_BLOCK, &all, &before);
    start order = {path, arguments, plan, getpid(), 0};
    // The descriptor comes with the child, whose number may belong to another process as soon as
    // other code reaps children.
    int flags = CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD;
    pid_t child = clone(begin, stack + size, flags, &order, pidfd);
    int code = child < 0 ? errno : order.failure;
    if (child > 0 && code) {
        plait_pidfd_discard(*pidfd);
        close(*pidfd);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, size);
    return code ? -code : child;
}

int plait_pipe(int *ends) { return pipe2(ends, O_CLOEXEC) < 0 ? -errno : 0; }

typedef struct {
    sigset_t pipe, pending, before;
} quiet;

static void begin_quiet(quiet *state) {
    sigemptyset(&state->pipe);
    sigaddset(&state->pipe, SIGPIPE);
    sigpending(&state->pending);
    pthread_sigmask(SIG_BLOCK, &state->pipe, &state->before);
}

// Removes the pending SIGPIPE that a write has raised. Returns the count, or -errno.
static ssize_t end_quiet(quiet *state, ssize_t r) {
    int code = r < 0 ? errno : 0;
    if (code == EPIPE && !sigismember(&state->pending, SIGPIPE)) {
        struct timespec now = {0};
        while (sigtimedwait(&state->pipe, NULL, &now) < 0 && errno == EINTR) {}
    }
    pthread_sigmask(SIG_SETMASK, &state->before, NULL);
    return code ? -code : r;
}

ssize_t plait_write_pipe(int descriptor, const void *bytes, size_t count) {
    quiet state;
    begin_quiet(&state);
    return end_quiet(&state, write(descriptor, bytes, count));
}

// Do not make a pipe or terminal non-blocking for this, since that would affect other processes
// that have it.
static ssize_t write_now(int descriptor, const void *bytes, size_t count) {
    struct stat status;
    if (fstat(descriptor, &status) < 0) return -1;
    if (S_ISREG(status.st_mode)) return write(descriptor, bytes, count);
    if (S_ISSOCK(status.st_mode)) return send(descriptor, bytes, count, MSG_DONTWAIT);
    struct pollfd room = {descriptor, POLLOUT, 0};
    if (poll(&room, 1, 0) <= 0) {
        errno = EAGAIN;
        return -1;
    }
    struct iovec part = {(void *)bytes, count};
    ssize_t r = pwritev2(descriptor, &part, 1, -1, RWF_NOWAIT);
    if (r >= 0 || (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL)) return r;
    // A pipe with room at all has room for a page, a terminal for a line.
    return write(descriptor, bytes, count < 512 ? count : 512);
}

ssize_t plait_write_now(int descriptor, const void *bytes, size_t count) {
    quiet state;
    begin_quiet(&state);
    return end_quiet(&state, write_now(descriptor, bytes, count));
}

int plait_thread_count(void) {
    struct stat status;
    // Each thread has a directory, which counts as a link. Two links belong to the directory
    // itself.
    if (stat("/proc/self/task", &status) < 0) return -errno;
    return (int)status.st_nlink - 2;
}
