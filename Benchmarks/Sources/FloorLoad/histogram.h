// Latencies in buckets that are narrow for short times and wide for long ones: 1/64 of the value.
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { STEPS_BITS = 6, STEPS = 1 << STEPS_BITS, BUCKETS = STEPS * 40 };

struct histogram {
    uint64_t total;
    uint64_t counts[BUCKETS];
};

void histogram_clear(struct histogram *histogram);
void histogram_add(struct histogram *histogram, uint64_t nanoseconds);

/// The nanoseconds that `fraction` of the entries do not exceed, 0 if there are none.
double histogram_percentile(const struct histogram *histogram, double fraction);

#endif
