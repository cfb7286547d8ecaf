// What happens to a program before its main: a child that is to run a function of this program, and not
// the program, goes another way here.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef int (*main_function)(int, char **, char **);
typedef int (*start_function)(main_function, int, char **, void (*)(void), void (*)(void),
                              void (*)(void), void *);

// Defined by PlaitProcesses; a program without it has no such children.
extern void plait_child_main(void) __attribute__((weak));

static main_function program_main;

static int begin(int count, char **arguments, char **environment) {
    if (plait_child_main && getenv("PLAIT_CHILD")) {
        // Not for programs that the child starts.
        unsetenv("PLAIT_CHILD");
        plait_child_main();
    }
    return program_main(count, arguments, environment);
}

// Called by the program's first instructions, instead of glibc's function of this name. So `begin` runs
// after every constructor and before main, whatever language that is written in.
int __libc_start_main(main_function function, int count, char **arguments, void (*init)(void),
                      void (*fini)(void), void (*loader_fini)(void), void *stack_end) {
    program_main = function;
    start_function next = (start_function)dlsym(RTLD_NEXT, "__libc_start_main");
    return next(begin, count, arguments, init, fini, loader_fini, stack_end);
}

pid_t plait_clone_sibling(void) {
    // glibc's fork does these for its own; it cannot make siblings.
    void *thread_number = NULL;
    if (prctl(PR_GET_TID_ADDRESS, &thread_number) < 0) return -errno;
    void *robust_list = NULL;
    size_t robust_size = 0;
    if (syscall(SYS_get_robust_list, 0, &robust_list, &robust_size) < 0) return -errno;

    unsigned long flags = CLONE_PARENT | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID | SIGCHLD;
#if defined(__x86_64__)
    long child = syscall(SYS_clone, flags, NULL, NULL, thread_number, NULL);
#else
    long child = syscall(SYS_clone, flags, NULL, NULL, NULL, thread_number);
#endif
    if (child < 0) return -errno;
    if (child == 0) syscall(SYS_set_robust_list, robust_list, robust_size);
    return (pid_t)child;
}

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

uintptr_t plait_image_start(void) { return (uintptr_t)__ehdr_start; }
uintptr_t plait_image_end(void) { return (uintptr_t)_end; }
