// The load generator: one thread, an epoll loop, loopback only.
#include "bench_support.h"
#include "client.h"
#include "measure.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char USAGE[] =
    "usage: load echo|churn --port P [--clients N] [--size S] [--seconds T] [--cpu C]\n"
    "                       [--server-pid PID]\n"
    "       load idle --port P [--clients N] [--size S] [--cpu C]\n";

static int hold_until_input_ends(long clients) {
    printf("connected %ld\n", clients);
    fflush(stdout);
    char byte;
    while (read(STDIN_FILENO, &byte, 1) > 0) continue;
    return 0;
}

static double seconds_option(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i++) {
        if (strcmp(argv[i], "--seconds") == 0) return strtod(argv[i + 1], NULL);
    }
    return 3;
}

int main(int argc, char **argv) {
    const char *mode = argc > 1 ? argv[1] : "";
    bool churn = strcmp(mode, "churn") == 0, idle = strcmp(mode, "idle") == 0;
    long port = bench_option(argc, argv, "--port", 0);
    long size = bench_option(argc, argv, "--size", 64);
    struct plan plan = {
        .clients = bench_option(argc, argv, "--clients", 50),
        .seconds = seconds_option(argc, argv),
        .reconnects = churn,
        .server = (pid_t)bench_option(argc, argv, "--server-pid", 0),
    };
    bool known = churn || idle || strcmp(mode, "echo") == 0;
    if (!known || port <= 0 || size <= 0 || plan.clients <= 0 || plan.seconds <= 0) {
        fputs(USAGE, stderr);
        return 64;
    }
    if (!bench_pin_to_cpu((int)bench_option(argc, argv, "--cpu", -1))) {
        perror("sched_setaffinity");
        return 1;
    }
    bench_raise_descriptor_limit();

    struct network network;
    network_open(&network, (int)port, (size_t)size);
    struct client *clients = calloc((size_t)plan.clients, sizeof *clients);
    if (clients == NULL || !clients_open_all(&network, clients, plan.clients)) {
        perror("load: connecting");
        return 1;
    }
    if (idle) return hold_until_input_ends(plan.clients);
    return measure(&network, clients, &plan);
}
