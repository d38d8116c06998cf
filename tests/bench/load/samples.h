/* Times that were measured, and what they come to. */
#ifndef TESTS_BENCH_LOAD_SAMPLES_H
#define TESTS_BENCH_LOAD_SAMPLES_H

#include <stddef.h>
#include <stdint.h>

struct samples {
    uint64_t *ns;
    size_t count;
    size_t capacity;
};

void samples_add(struct samples *s, uint64_t ns);
void samples_clear(struct samples *s);
void samples_free(struct samples *s);

/* In microseconds: what `share` of the samples do not exceed. 0 when there are none. */
double samples_quantile(struct samples *s, double share);

#endif
