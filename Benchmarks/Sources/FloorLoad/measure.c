#include "measure.h"

#include "bench_support.h"
#include "histogram.h"

#include <stdio.h>
#include <sys/epoll.h>

enum { EVENTS = 1024, PATIENCE_MS = 10000 };

static const uint64_t WARM_UP_NS = 500000000;

static struct histogram latencies;
static uint64_t errors;

static bool next_message(struct network *network, struct client *client, bool reconnects) {
    if (!reconnects) return client_begin(network, client);
    client_close(client);
    return client_open(network, client);
}

// A broken connection is counted and left closed: the line says so, and the runner rejects it.
static void give_up(struct client *client, long *alive) {
    errors++;
    client_close(client);
    (*alive)--;
}

static void handle(struct network *network, struct epoll_event *event, bool reconnects,
                   long *alive) {
    struct client *client = event->data.ptr;
    switch (client_advance(network, client, event->events)) {
    case STILL_WAITING:
        return;
    case ANSWERED:
        histogram_add(&latencies, bench_now_ns() - client->started_ns);
        if (next_message(network, client, reconnects)) return;
        break;
    case FAILED:
        break;
    }
    give_up(client, alive);
}

// Returns the time at which it stopped: `until`, or earlier if no client is left to be served.
static uint64_t keep_busy(struct network *network, const struct plan *plan, long *alive,
                          uint64_t until) {
    static struct epoll_event events[EVENTS];
    uint64_t now = bench_now_ns();
    while (now < until && *alive > 0) {
        int ready = epoll_wait(network->epoll_fd, events, EVENTS, PATIENCE_MS);
        for (int i = 0; i < ready; i++) handle(network, &events[i], plan->reconnects, alive);
        now = bench_now_ns();
        if (ready == 0) {
            errors += (uint64_t)*alive;
            break;
        }
    }
    return now;
}

static void print_line(const struct plan *plan, double seconds, uint64_t cpu_ns) {
    uint64_t requests = latencies.total;
    printf("{\"requests\": %llu, \"seconds\": %.3f, \"perSecond\": %.1f, ",
           (unsigned long long)requests, seconds, (double)requests / seconds);
    printf("\"p50us\": %.1f, \"p99us\": %.1f, \"p999us\": %.1f, ",
           histogram_percentile(&latencies, 0.5) / 1000,
           histogram_percentile(&latencies, 0.99) / 1000,
           histogram_percentile(&latencies, 0.999) / 1000);
    if (plan->server != 0 && requests > 0) {
        printf("\"cpuNsPerRequest\": %.1f, ", (double)cpu_ns / (double)requests);
    }
    printf("\"errors\": %llu}\n", (unsigned long long)errors);
}

int measure(struct network *network, struct client *clients, const struct plan *plan) {
    long alive = plan->clients;
    for (long i = 0; i < plan->clients; i++) {
        if (!next_message(network, &clients[i], plan->reconnects)) give_up(&clients[i], &alive);
    }
    uint64_t start = keep_busy(network, plan, &alive, bench_now_ns() + WARM_UP_NS);

    histogram_clear(&latencies);
    uint64_t cpu_start = plan->server != 0 ? bench_process_cpu_ns(plan->server) : 0;
    uint64_t duration = (uint64_t)(plan->seconds * 1e9);
    uint64_t end = keep_busy(network, plan, &alive, start + duration);
    uint64_t cpu_end = plan->server != 0 ? bench_process_cpu_ns(plan->server) : 0;

    print_line(plan, (double)(end - start) / 1e9, cpu_end - cpu_start);
    return errors == 0 ? 0 : 1;
}
