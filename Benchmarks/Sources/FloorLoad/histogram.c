#include "histogram.h"

#include <string.h>

// The first STEPS buckets are one nanosecond wide; each STEPS after them double in width.
static unsigned bucket_of(uint64_t value) {
    if (value < STEPS) return (unsigned)value;
    unsigned shift = 63u - (unsigned)__builtin_clzll(value) - STEPS_BITS;
    unsigned bucket = (shift << STEPS_BITS) + (unsigned)(value >> shift);
    return bucket < BUCKETS ? bucket : BUCKETS - 1;
}

static double middle_of(unsigned bucket) {
    if (bucket < STEPS) return bucket;
    unsigned shift = (bucket >> STEPS_BITS) - 1;
    uint64_t low = (uint64_t)(STEPS + (bucket & (STEPS - 1))) << shift;
    return (double)low + (double)((uint64_t)1 << shift) / 2;
}

void histogram_clear(struct histogram *histogram) {
    memset(histogram, 0, sizeof *histogram);
}

void histogram_add(struct histogram *histogram, uint64_t nanoseconds) {
    histogram->counts[bucket_of(nanoseconds)]++;
    histogram->total++;
}

double histogram_percentile(const struct histogram *histogram, double fraction) {
    double wanted = fraction * (double)histogram->total;
    uint64_t seen = 0;
    for (unsigned bucket = 0; bucket < BUCKETS; bucket++) {
        seen += histogram->counts[bucket];
        if (seen > 0 && (double)seen >= wanted) return middle_of(bucket);
    }
    return 0;
}
