// Runs before the main of a program. A child that runs a function of the program, and not the
// program itself, takes another way here.
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

// PlaitProcesses defines it. A program without PlaitProcesses has no such children.
extern void plait_child_main(void) __attribute__((weak));

static main_function program_main;

// Whether this is a child of a program that uses Plait, and not a program that somebody started
// with the variable. The variable holds the parent's number, and descriptor 3 is one of a pair of
// sockets that this parent has made.
static int is_child(const char *variable) {
    // The program was started by a user who lacks its privileges.
    if (getauxval(AT_SECURE)) return 0;
    long parent = strtol(variable, NULL, 10);
    int domain = 0, type = 0;
    struct ucred peer = {0};
    socklen_t int_size = sizeof domain, type_size = sizeof type, peer_size = sizeof peer;
    if (getsockopt(3, SOL_SOCKET, SO_DOMAIN, &domain, &int_size) < 0 || domain != AF_UNIX) return 0;
    if (getsockopt(3, SOL_SOCKET, SO_TYPE, &type, &type_size) < 0 || type != SOCK_STREAM) return 0;
    if (getsockopt(3, SOL_SOCKET, SO_PEERCRED, &peer, &peer_size) < 0) return 0;
    if (parent <= 0 || peer.pid != parent) return 0;
    // The parent has ended meanwhile. The child must not go on as the program itself.
    if (getppid() != parent) _exit(1);
    return 1;
}

// If the program was started without standard streams, its first descriptors would get their
// numbers, and with them the output of print.
static void fill_standard_streams(void) {
    for (int number = 0; number < 3; number++) {
        // open(2) takes the lowest free number.
        if (fcntl(number, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) < 0) return;
    }
}

static int begin(int count, char **arguments, char **environment) {
    const char *child = getenv("PLAIT_CHILD");
    if (plait_child_main && child && is_child(child)) {
        // Programs that the child starts must not inherit the variable.
        if (strstr(child, " bound")) unsetenv("LD_BIND_NOW");
        unsetenv("PLAIT_CHILD");
        plait_child_main();
    }
    unsetenv("PLAIT_CHILD");
    return program_main(count, arguments, environment);
}

// The program's first instructions call this instead of glibc's function of the same name. So
// `begin` runs after all constructors and before main, in whatever language main is written.
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
