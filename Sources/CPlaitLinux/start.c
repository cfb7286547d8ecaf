// What happens to a program before its main: a child that is to run a function of this program, and not
// the program, goes another way here.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/socket.h>
#include <unistd.h>

typedef int (*main_function)(int, char **, char **);
typedef int (*start_function)(main_function, int, char **, void (*)(void), void (*)(void),
                              void (*)(void), void *);

// Defined by PlaitProcesses; a program without it has no such children.
extern void plait_child_main(void) __attribute__((weak));

static main_function program_main;

// Whether this is a child of a program that uses Plait, and not what anybody starts with the variable. The variable
// holds the parent's number; descriptor 3 is one of a pair of sockets that this parent has made.
static int is_child(const char *variable) {
    // Started by a user who lacks the program's rights.
    if (getauxval(AT_SECURE)) return 0;
    long parent = strtol(variable, NULL, 10);
    int domain = 0, type = 0;
    struct ucred peer = {0};
    socklen_t int_size = sizeof domain, type_size = sizeof type, peer_size = sizeof peer;
    if (getsockopt(3, SOL_SOCKET, SO_DOMAIN, &domain, &int_size) < 0 || domain != AF_UNIX) return 0;
    if (getsockopt(3, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 || type != SOCK_STREAM) return 0;
    if (getsockopt(3, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0) return 0;
    if (parent <= 0 || peer.pid != parent) return 0;
    // The parent has ended meanwhile: this is not to become the program itself.
    if (getppid() != parent) _exit(1);
    return 1;
}

// Descriptors of a program that was started without standard streams would get their numbers, and what it prints.
static void fill_standard_streams(void) {
    for (int number = 0; number < 3; number++) {
        // The lowest free number is taken.
        if (fcntl(number, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) < 0) return;
    }
}

static int begin(int count, char **arguments, char **environment) {
    const char *child = getenv("PLAIT_CHILD");
    if (plait_child_main && child && is_child(child)) {
        // Not for programs that the child starts.
        if (strstr(child, " bound")) unsetenv("LD_BIND_NOW");
        unsetenv("PLAIT_CHILD");
        plait_child_main();
    }
    unsetenv("PLAIT_CHILD");
    return program_main(count, arguments, environment);
}

// Called by the program's first instructions, instead of glibc's function of this name. So `begin` runs
// after every constructor and before main, whatever language that is written in.
int __libc_start_main(main_function function, int count, char **arguments, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end) {
    program_main = function;
    fill_standard_streams();
    start_function next = (start_function)dlsym(RTLD_NEXT, "__libc_start_main");
    return next(begin, count, arguments, init, fini, loader_fini, stack_end);
}

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

uintptr_t plait_image_start(void) { return (uintptr_t)__ehdr_start; }
uintptr_t plait_image_end(void) { return (uintptr_t)_end; }
