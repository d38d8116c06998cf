/* Counts of values by size, for a monitor: how many were at most each bound, and their sum. */
#ifndef SHARED_BASE_HISTOGRAM_H
#define SHARED_BASE_HISTOGRAM_H

#include <stddef.h>
#include <stdint.h>

enum { HISTOGRAM_BOUNDS_MAX = 16 };

struct histogram {
    const uint64_t *bounds; /* ascending; static */
    size_t n_bounds;
    uint64_t counts[HISTOGRAM_BOUNDS_MAX +
                    1]; /* above bounds[i - 1], at most bounds[i]; the last: above all */
    uint64_t sum;
};

/* `bounds` is an array of static storage with at most HISTOGRAM_BOUNDS_MAX members. */
#define HISTOGRAM_INIT(b) \
    ((struct histogram){.bounds = (b), .n_bounds = sizeof(b) / sizeof((b)[0])})

void histogram_add(struct histogram *h, uint64_t value);

#endif
