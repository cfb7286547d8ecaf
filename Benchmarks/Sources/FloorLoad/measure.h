// Keeps all clients busy for a while and counts what comes back.
#ifndef MEASURE_H
#define MEASURE_H

#include "client.h"

#include <sys/types.h>

struct plan {
    long clients;
    double seconds;
    /// A new connection for each message instead of one for all.
    bool reconnects;
    /// Whose processor time to measure; 0 for nobody's.
    pid_t server;
};

/// Runs the plan and prints one line of JSON. Returns the exit status.
int measure(struct network *network, struct client *clients, const struct plan *plan);

#endif
