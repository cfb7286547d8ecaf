// A fiber that overflows its stack hits its guard. The handler runs on the thread's alternate stack
// and makes only calls that are safe in a signal handler.
#define _GNU_SOURCE
#include "plait_linux.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { alternate_size = 64 * 1024 };

static struct sigaction previous_segv, previous_bus;
static __thread void *alternate;

static void put(const char *text) {
    ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
    (void)ignored;
}

static void put_number(uint64_t value) {
    char digits[24];
    char *p = digits + sizeof digits;
    *--p = 0;
    do {
        *--p = (char)('0' + value % 10);
        value /= 10;
    } while (value);
    put(p);
}

static void explain(const plait_stack_note *note) {
    put("plait: fatal: fiber ");
    if (note->fiber_name) {
        put("'");
        put(note->fiber_name);
        put("' ");
    }
    put("(fiber-");
    put_number(note->fiber_number);
    put(") overflowed its stack of ");
    put_number(note->size / 1024);
    put(" KiB. Recurse less, keep large buffers on the heap, or spawn it with a larger stackSize.\n");
}

static void handle(int signal, siginfo_t *info, void *context) {
    const plait_stack_note *note = plait_cell_get()->stack;
    uintptr_t address = (uintptr_t)info->si_addr;
    if (note && address >= note->guard_low && address < note->guard_high) {
        explain(note);
        // Ends by SIGABRT, so that a backtracer for that signal still shows the fiber's frames.
        abort();
    }
    struct sigaction *previous = signal == SIGBUS ? &previous_bus : &previous_segv;
    if (previous->sa_flags & SA_SIGINFO) {
        previous->sa_sigaction(signal, info, context);
    } else if (previous->sa_handler != SIG_DFL && previous->sa_handler != SIG_IGN) {
        previous->sa_handler(signal);
    } else {
        // Returning re-executes the faulting instruction under the default action.
        sigaction(signal, previous, NULL);
    }
}

static void install(void) {
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGBUS, &action, &previous_bus);
}

int plait_watch_overflow(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, install);
    if (alternate) return 0;
    stack_t present;
    if (sigaltstack(NULL, &present) == 0 && !(present.ss_flags & SS_DISABLE)) return 0;
    void *memory = mmap(NULL, alternate_size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return -errno;
    stack_t stack = {.ss_sp = memory, .ss_size = alternate_size};
    if (sigaltstack(&stack, NULL) < 0) {
        int error = errno;
        munmap(memory, alternate_size);
        return -error;
    }
    alternate = memory;
    return 0;
}

void plait_unwatch_overflow(void) {
    if (!alternate) return;
    stack_t off = {.ss_flags = SS_DISABLE};
    sigaltstack(&off, NULL);
    munmap(alternate, alternate_size);
    alternate = NULL;
}
