// What happens to a program before its main: a child that is to run a function of this program, and not
// the program, goes another way here.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef int (*main_function)(int, char **, char **);
typedef int (*start_function)(main_function, int, char **, void (*)(void), void (*)(void),
                              void (*)(void), void *);

// Defined by PlaitProcesses; a program without it has no such children.
extern void plait_child_main(void) __attribute__((weak));

static main_function program_main;

static int begin(int count, char **arguments, char **environment) {
    const char *child = getenv("PLAIT_CHILD");
    if (plait_child_main && child) {
        // Not for programs that the child starts.
        if (strcmp(child, "bound") == 0) unsetenv("LD_BIND_NOW");
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

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char _end[] __attribute__((visibility("hidden")));

uintptr_t plait_image_start(void) { return (uintptr_t)__ehdr_start; }
uintptr_t plait_image_end(void) { return (uintptr_t)_end; }
