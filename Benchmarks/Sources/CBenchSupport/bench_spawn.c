#define _GNU_SOURCE
#include "bench_support.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

static void close_pair(int pair[2]) {
    int saved = errno;
    close(pair[0]);
    close(pair[1]);
    errno = saved;
}

static void become(
    char *const arguments[], uint64_t cores, pid_t parent, int input, int output) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // The parent may have died before the line above took effect.
    if (getppid() != parent) _exit(127);
    if (!bench_pin_to_cpus(cores)) _exit(126);
    dup2(input, STDIN_FILENO);
    dup2(output, STDOUT_FILENO);
    execv(arguments[0], arguments);
    _exit(127);
}

pid_t bench_spawn(char *const arguments[], uint64_t cores, int *input, int *output) {
    int to_child[2], from_child[2];
    if (pipe2(to_child, O_CLOEXEC) != 0) return -1;
    if (pipe2(from_child, O_CLOEXEC) != 0) {
        close_pair(to_child);
        return -1;
    }
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) become(arguments, cores, parent, to_child[0], from_child[1]);
    if (child < 0) {
        close_pair(to_child);
        close_pair(from_child);
        return -1;
    }
    close(to_child[0]);
    close(from_child[1]);
    *input = to_child[1];
    *output = from_child[0];
    return child;
}
