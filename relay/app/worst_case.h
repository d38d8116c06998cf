/* How much memory these settings let the relay take at worst, with every limit reached at once: what `--check-config` prints, and
 * what tests/hostile holds the relay's own use against. Pure.
 *
 * Three things make it up: what each socket costs, so many times as there may be; what accounts pay for, which
 * limits.memory_bytes_max bounds whatever it is; and what has a bound of its own. */
#ifndef RELAY_APP_WORST_CASE_H
#define RELAY_APP_WORST_CASE_H

#include "app/setting.h"

#include <stdint.h>
#include <stdio.h>

enum { WORST_CASE_PARTS = 6 };

struct worst_case {
    struct worst_case_part {
        const char *what;
        uint64_t bytes;
    } parts[WORST_CASE_PARTS];
    uint64_t total_bytes;
};

void worst_case_of(const struct settings *s, struct worst_case *ret_worst_case);

/* In MiB, rounded up, a line for each part. */
void worst_case_print(FILE *out, const struct worst_case *w);

#endif
