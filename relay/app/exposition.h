/* Writing Prometheus's text format. Errors stick: exposition_end() tells. */
#ifndef RELAY_APP_EXPOSITION_H
#define RELAY_APP_EXPOSITION_H

#include "base/buf.h"
#include "base/histogram.h"

#include <stdint.h>

struct exposition {
    struct buf *out;
    const char *name; /* of the family that is being written */
    int error;
};

enum { EXPOSITION_MICRO = 1000000, EXPOSITION_MILLI = 1000 };

/* Begins a family: "counter", "gauge" or "histogram"; its samples follow. */
void exposition_family(struct exposition *e, const char *name, const char *type, const char *help);

/* `label` may be NULL. A value is `value` / `per_unit`; EXPOSITION_MICRO for microseconds as seconds. */
void exposition_value(struct exposition *e, const char *label, const char *label_value,
                      uint64_t value);
void exposition_fraction(struct exposition *e, uint64_t value, uint64_t per_unit);
void exposition_histogram(struct exposition *e, const struct histogram *h, uint64_t per_unit);

/* A family with one sample. */
void exposition_gauge(struct exposition *e, const char *name, const char *help, uint64_t value);
void exposition_counter(struct exposition *e, const char *name, const char *help, uint64_t value);

/* A sample with two labels. */
void exposition_value_of_two(struct exposition *e, const char *label, const char *label_value,
                             const char *label_2, const char *label_value_2, uint64_t value);

#endif
