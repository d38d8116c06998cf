/* Runs seeds in processes of their own, so that a failed assertion, a sanitizer's report and an endless loop are failures
 * of a seed and not of the whole. */
#ifndef TESTS_SIM_DRIVER_H
#define TESTS_SIM_DRIVER_H

#include "sim.h"

struct driver_options {
    bool one_seed;
    bool trace;
    uint64_t seed;
    const char *without; /* NULL: nothing is left out */
    uint64_t n_seeds;
    uint64_t first;
    uint64_t minutes; /* 0: n_seeds */
    uint64_t jobs;    /* 0: one for each processor */
};

int driver_run(const struct driver_options *o); /* the exit status */

/* Runs one seed with that plan in a process of its own. What it printed, NUL-terminated and to be freed; NULL when it passed. */
char *driver_try(uint64_t seed, const struct plan *plan, bool trace);

/* --- shrink.c --- */

/* Prints the failure, leaves out what does not matter, prints what is left. */
void shrink(uint64_t seed, const struct plan *plan, const char *output);

/* --- report.c --- */
void report_print(const struct sim_stats *stats, uint64_t n_seeds, double seconds);
void report_add(struct sim_stats *sum, const struct sim_stats *stats);

#endif
