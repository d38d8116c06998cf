#include "bench/load/writers.h"

#include <stdlib.h>

#include "bench/load/die.h"
#include "bench/load/server.h"

static size_t lanes(const struct load *load)
{
    return load->options.in_flight / load->options.streams;
}

static size_t stream_of(const struct endpoint *e)
{
    return e->index / 2 - e->load->options.pairs;
}

static void write_next(struct writers *w, struct endpoint *e, size_t lane)
{
    size_t stream = stream_of(e);
    w->since_ns[stream * lanes(w->load) + lane] = clock_ns();
    w->load->adapter->store(e, lane);
    if (!w->is_waiting[stream]) {
        w->is_waiting[stream] = true;
        w->waiting[w->n_waiting++] = e;
    }
}

void writers_start(struct writers *w, struct load *load)
{
    const struct options *o = &load->options;
    *w = (struct writers){.load = load};
    if (o->streams == 0)
        return;
    if (!load->adapter->store)
        die("%s does not store", load->adapter->name);
    w->since_ns = calloc(o->streams * lanes(load), sizeof *w->since_ns);
    w->waiting = calloc(o->streams, sizeof(struct endpoint *));
    w->is_waiting = calloc(o->streams, sizeof *w->is_waiting);
    if (!w->since_ns || !w->waiting || !w->is_waiting)
        die("no memory");
    for (size_t stream = 0; stream < o->streams; stream++) {
        for (size_t lane = 0; lane < lanes(load); lane++)
            write_next(w, &load->endpoints[2 * (o->pairs + stream)], lane);
    }
    writers_flush(w);
}

void writers_stored(struct writers *w, struct endpoint *e, size_t lane)
{
    size_t at = stream_of(e) * lanes(w->load) + lane;
    w->acknowledged++;
    samples_add(&w->samples, clock_ns() - w->since_ns[at]);
    write_next(w, e, lane);
}

void writers_flush(struct writers *w)
{
    while (w->n_waiting > 0) {
        struct endpoint *e = w->waiting[--w->n_waiting];
        w->is_waiting[stream_of(e)] = false;
        link_flush(&e->link);
    }
}

void writers_clear(struct writers *w)
{
    w->acknowledged = 0;
    samples_clear(&w->samples);
}

void writers_stop(struct writers *w)
{
    free(w->since_ns);
    free(w->waiting);
    free(w->is_waiting);
    samples_free(&w->samples);
}
