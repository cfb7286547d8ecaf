// The floors of the process figures, in C.
//
//     floor-processes fork|spawn|pipe|socket|items|large-items
//
// `fork` and `spawn`: a child from its start to its end, in milliseconds. `pipe` and `socket`: a byte
// to another process and back, by pipes or a socket pair; `items` and `large-items`: eight bytes and a mebibyte to another process by a pipe, all
// in nanoseconds.
#define _GNU_SOURCE
#include "bench_support.h"

#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
    } else if (strcmp(what, "items") == 0) {
        pipe_items(8, ITEMS);
    } else if (strcmp(what, "large-items") == 0) {
        pipe_items(LARGE, LARGE_ITEMS);
    } else if (strcmp(what, "nothing") != 0) {
        fprintf(stderr, "usage: floor-processes fork|spawn|pipe|socket|items|large-items\n");
        return 64;
    }
    return 0;
}
