/* Durable writes: each lane of each writing connection has one on its way, and the next follows its acknowledgement. */
#ifndef TESTS_BENCH_LOAD_WRITERS_H
#define TESTS_BENCH_LOAD_WRITERS_H

#include "bench/load/load.h"
#include "bench/load/samples.h"

struct writers {
    struct load *load;
    uint64_t *since_ns;        /* by connection and lane */
    struct endpoint **waiting; /* to be flushed at the end of the turn */
    size_t n_waiting;
    bool *is_waiting; /* by connection */
    uint64_t acknowledged;
    struct samples samples;
};

void writers_start(struct writers *w, struct load *load);
void writers_stored(struct writers *w, struct endpoint *e, size_t lane);
void writers_flush(struct writers *w);
void writers_clear(struct writers *w); /* forgets what was measured */
void writers_stop(struct writers *w);

#endif
