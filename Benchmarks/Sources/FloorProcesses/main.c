// The floors of the process figures, in C.
//
//     floor-processes fork|spawn|pipe|socket|items|large-items|ring
//
// `fork` and `spawn`: a child from its start to its end, in milliseconds. `pipe` and `socket`: a
// byte to another process and back, through pipes or a socket pair. `items` and `large-items`:
// eight bytes and a mebibyte to another process through a pipe. `ring`: eight bytes through a ring
// in shared memory, for one writer and one reader, which sleep on a futex while it is full or
// empty. All of these are in nanoseconds.
#define _GNU_SOURCE
#include "bench_support.h"

#include <linux/futex.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { CHILDREN = 500, TRIPS = 50000, ITEMS = 2000000, LARGE_ITEMS = 4000, LARGE = 1 << 20 };

static void must(int ok, const char *what) {
    if (ok) return;
    perror(what);
    exit(1);
}

static double milliseconds_each(uint64_t start, int count) {
    return (double)(bench_now_ns() - start) / 1e6 / count;
}

static void fork_children(void) {
    uint64_t start = bench_now_ns();
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child = fork();
        must(child >= 0, "fork");
        if (child == 0) _exit(0);
        must(waitpid(child, NULL, 0) == child, "waitpid");
    }
    printf("{\"value\": %.4f}\n", milliseconds_each(start, CHILDREN));
}

static void spawn_children(const char *program) {
    char *arguments[] = {(char *)program, "nothing", NULL};
    uint64_t start = bench_now_ns();
    for (int i = 0; i < CHILDREN; i++) {
        pid_t child;
        must(posix_spawn(&child, program, NULL, NULL, arguments, environ) == 0, "posix_spawn");
        must(waitpid(child, NULL, 0) == child, "waitpid");
    }
    printf("{\"value\": %.4f}\n", milliseconds_each(start, CHILDREN));
}

static void pipe_round_trips(void) {
    int there[2], back[2];
    must(pipe(there) == 0 && pipe(back) == 0, "pipe");
    char byte = 0;
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        close(there[1]);
        while (read(there[0], &byte, 1) == 1) must(write(back[1], &byte, 1) == 1, "write");
        _exit(0);
    }
    uint64_t start = bench_now_ns();
    for (int i = 0; i < TRIPS; i++) {
        must(write(there[1], &byte, 1) == 1, "write");
        must(read(back[0], &byte, 1) == 1, "read");
    }
    printf("{\"ns\": %.1f}\n", (double)(bench_now_ns() - start) / TRIPS);
    close(there[1]);
    must(waitpid(child, NULL, 0) == child, "waitpid");
}

static void socket_round_trips(void) {
    int ends[2];
    must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    char byte = 0;
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        close(ends[0]);
        while (read(ends[1], &byte, 1) == 1) must(write(ends[1], &byte, 1) == 1, "write");
        _exit(0);
    }
    close(ends[1]);
    uint64_t start = bench_now_ns();
    for (int i = 0; i < TRIPS; i++) {
        must(write(ends[0], &byte, 1) == 1, "write");
        must(read(ends[0], &byte, 1) == 1, "read");
    }
    printf("{\"ns\": %.1f}\n", (double)(bench_now_ns() - start) / TRIPS);
    close(ends[0]);
    must(waitpid(child, NULL, 0) == child, "waitpid");
}

static void pipe_items(size_t size, int count) {
    int ends[2];
    must(pipe(ends) == 0, "pipe");
    char *item = calloc(1, size);
    must(item != NULL, "calloc");
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        for (int i = 0; i < count; i++) {
            for (size_t done = 0; done < size;) {
                ssize_t now = write(ends[1], item + done, size - done);
                must(now > 0, "write");
                done += (size_t)now;
            }
        }
        _exit(0);
    }
    uint64_t start = bench_now_ns();
    for (int i = 0; i < count; i++) {
        for (size_t done = 0; done < size;) {
            ssize_t now = read(ends[0], item + done, size - done);
            must(now > 0, "read");
            done += (size_t)now;
        }
    }
    printf("{\"ns\": %.1f}\n", (double)(bench_now_ns() - start) / count);
    must(waitpid(child, NULL, 0) == child, "waitpid");
    free(item);
}

enum { RING = 1 << 16, RING_ITEMS = 20000000 };

// A count on which the other side sleeps, in a cache line of its own.
typedef struct {
    _Alignas(64) _Atomic uint32_t count;
    _Atomic uint32_t sleeps;
} side;

typedef struct {
    side put, got;
    _Alignas(64) uint64_t items[RING];
} ring;

static void advance(side *mine, uint32_t to) {
    atomic_store(&mine->count, to);
    if (atomic_load(&mine->sleeps)) syscall(SYS_futex, &mine->count, FUTEX_WAKE, 1, NULL, NULL, 0);
}

// Waits while the other side's count is `seen`, and returns the new count.
static uint32_t other_than(side *other, uint32_t seen) {
    for (int i = 0; i < 2000; i++) {
        uint32_t now = atomic_load_explicit(&other->count, memory_order_acquire);
        if (now != seen) return now;
    }
    atomic_store(&other->sleeps, 1);
    while (atomic_load(&other->count) == seen) syscall(SYS_futex, &other->count, FUTEX_WAIT, seen, NULL, NULL, 0);
    atomic_store(&other->sleeps, 0);
    return atomic_load(&other->count);
}

static void ring_items(void) {
    ring *shared = mmap(NULL, sizeof(ring), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(shared != MAP_FAILED, "mmap");
    pid_t child = fork();
    must(child >= 0, "fork");
    if (child == 0) {
        uint32_t got = 0;
        for (uint32_t i = 0; i < RING_ITEMS; i++) {
            while (i - got == RING) got = other_than(&shared->got, got);
            shared->items[i % RING] = i;
            advance(&shared->put, i + 1);
        }
        _exit(0);
    }
    uint32_t put = 0;
    uint64_t start = bench_now_ns(), sum = 0;
    for (uint32_t i = 0; i < RING_ITEMS; i++) {
        while (put == i) put = other_than(&shared->put, put);
        sum += shared->items[i % RING];
        advance(&shared->got, i + 1);
    }
    must(sum == (uint64_t)RING_ITEMS * (RING_ITEMS - 1) / 2, "an item was lost");
    printf("{\"ns\": %.1f}\n", (double)(bench_now_ns() - start) / RING_ITEMS);
    must(waitpid(child, NULL, 0) == child, "waitpid");
}

int main(int count, char **arguments) {
    const char *what = count > 1 ? arguments[1] : "";
    if (strcmp(what, "fork") == 0) {
        fork_children();
    } else if (strcmp(what, "spawn") == 0) {
        spawn_children(arguments[0]);
    } else if (strcmp(what, "pipe") == 0) {
        pipe_round_trips();
    } else if (strcmp(what, "socket") == 0) {
        socket_round_trips();
    } else if (strcmp(what, "ring") == 0) {
        ring_items();
    } else if (strcmp(what, "items") == 0) {
        pipe_items(8, ITEMS);
    } else if (strcmp(what, "large-items") == 0) {
        pipe_items(LARGE, LARGE_ITEMS);
    } else if (strcmp(what, "nothing") != 0) {
        fprintf(stderr, "usage: floor-processes fork|spawn|pipe|socket|items|large-items|ring\n");
        return 64;
    }
    return 0;
}
