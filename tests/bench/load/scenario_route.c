/* Pairs that send each other messages. A side sends a burst, one message on each lane, in one write; when all of it has arrived
 * the other side sends its burst. With a rate, bursts begin when they are due and not before, and a message's time counts
 * from when it was due: a server that falls behind is not spared the messages that would have come meanwhile.
 *
 * Beside them, or alone, connections that write (writers.h). */
#include <stdio.h>
#include <stdlib.h>

#include "bench/load/die.h"
#include "bench/load/load.h"
#include "bench/load/samples.h"
#include "bench/load/server.h"
#include "bench/load/writers.h"

struct pair {
    struct endpoint *sender;
    size_t arrived;
    size_t lane;       /* the next burst's first */
    uint64_t since_ns; /* when the burst was sent, or due */
};

struct route {
    struct pair *pairs;
    size_t *free; /* ring of pairs that wait for a burst to be due */
    size_t free_head;
    size_t n_free;
    uint64_t messages;
    struct samples samples;
    struct writers writers;
};

static void send_burst(struct load *load, struct pair *p, uint64_t since_ns)
{
    p->since_ns = since_ns;
    p->arrived = 0;
    for (size_t i = 0; i < load->options.burst; i++)
        load->adapter->send(p->sender,
                            load->options.kind == KIND_OFFER ? (p->lane + i) % load->n_lanes : 0);
    link_flush(&p->sender->link);
    /* An answer belongs to its offer's session; the next offer to another one, if there are more. */
    if (p->sender->index % 2 == 1)
        p->lane = (p->lane + load->options.burst) % load->n_lanes;
}

static void on_routed(struct endpoint *e)
{
    struct load *load = e->load;
    struct route *r = load->run;
    struct pair *p = &r->pairs[e->index / 2];
    if (p->sender == e)
        die("a message came back to its sender");
    r->messages++;
    if (++p->arrived < load->options.burst)
        return;
    uint64_t now_ns = clock_ns();
    samples_add(&r->samples, now_ns - p->since_ns);
    p->sender = e;
    if (load->options.rate > 0)
        r->free[(r->free_head + r->n_free++) % load->options.pairs] = e->index / 2;
    else
        send_burst(load, p, now_ns);
}

static void on_stored(struct endpoint *e, size_t lane)
{
    struct route *r = e->load->run;
    writers_stored(&r->writers, e, lane);
}

/* With a rate: sends what is due, as far as there are pairs that have nothing on its way. */
static uint64_t send_due(struct load *load, uint64_t begin_ns, uint64_t n_sent)
{
    struct route *r = load->run;
    double step_ns = 1e9 * (double)load->options.burst / load->options.rate;
    for (;;) {
        uint64_t due_ns = begin_ns + (uint64_t)((double)n_sent * step_ns);
        if (r->n_free == 0 || due_ns > clock_ns())
            return n_sent;
        size_t at = r->free[r->free_head];
        r->free_head = (r->free_head + 1) % load->options.pairs;
        r->n_free--;
        send_burst(load, &r->pairs[at], due_ns);
        n_sent++;
    }
}

static void run_for(struct load *load, double seconds, uint64_t begin_ns, uint64_t *n_sent)
{
    struct route *r = load->run;
    bool paced = load->options.rate > 0;
    uint64_t end_ns = clock_ns() + (uint64_t)(seconds * 1e9);
    while (clock_ns() < end_ns) {
        if (paced)
            *n_sent = send_due(load, begin_ns, *n_sent);
        load_turn(load, paced ? 0 : 100);
        writers_flush(&r->writers);
    }
}

static void print(struct route *r, double seconds, uint64_t cpu_ns)
{
    uint64_t all = r->messages + r->writers.acknowledged;
    if (all == 0)
        die("no message arrived");
    printf(
        "{\"messages\": %lu, \"per_second\": %.1f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f, ",
        r->messages, (double)r->messages / seconds, samples_quantile(&r->samples, 0.5),
        samples_quantile(&r->samples, 0.99), samples_quantile(&r->samples, 1));
    printf("\"writes_per_second\": %.1f, \"write_p50_us\": %.1f, \"write_p99_us\": %.1f, ",
           (double)r->writers.acknowledged / seconds, samples_quantile(&r->writers.samples, 0.5),
           samples_quantile(&r->writers.samples, 0.99));
    printf("\"cpu_us\": %.4f}\n", (double)cpu_ns / 1000 / (double)all);
}

static void size(struct load *load)
{
    const struct options *o = &load->options;
    if (o->streams && (o->in_flight == 0 || o->in_flight % o->streams))
        die("--in-flight: a multiple of --streams");
    load->n_pairs = o->pairs + o->streams;
    load->n_endpoints = 2 * load->n_pairs + o->idle;
    size_t written = o->streams ? o->in_flight / o->streams : 0;
    load->n_lanes = o->kind == KIND_OFFER ? o->burst : 1;
    if (load->n_lanes < written)
        load->n_lanes = written;
    if (load->n_lanes < o->sessions)
        load->n_lanes = o->sessions;
}

static void run(struct load *load)
{
    const struct options *o = &load->options;
    struct route r = {.pairs = calloc(o->pairs + 1, sizeof *r.pairs),
                      .free = calloc(o->pairs + 1, sizeof *r.free)};
    if (!r.pairs || !r.free)
        die("no memory");
    load->run = &r;
    load->routed = on_routed;
    load->stored = on_stored;
    uint64_t begin_ns = clock_ns();
    uint64_t n_sent = 0;
    for (size_t i = 0; i < o->pairs; i++) {
        r.pairs[i].sender = &load->endpoints[2 * i];
        if (o->rate > 0)
            r.free[r.n_free++] = i;
        else
            send_burst(load, &r.pairs[i], begin_ns);
    }
    writers_start(&r.writers, load);
    run_for(load, o->warm_up_s, begin_ns, &n_sent);
    while (o->inbox > 0 && r.writers.acknowledged < 2 * o->streams * o->inbox)
        run_for(load, 0.01, begin_ns, &n_sent);
    r.messages = 0;
    writers_clear(&r.writers);
    samples_clear(&r.samples);
    uint64_t cpu_ns = server_cpu_ns(o->pid);
    uint64_t from_ns = clock_ns();
    run_for(load, o->seconds, begin_ns, &n_sent);
    double seconds = (double)(clock_ns() - from_ns) / 1e9;
    cpu_ns = server_cpu_ns(o->pid) - cpu_ns;
    print(&r, seconds, cpu_ns);
    writers_stop(&r.writers);
    free(r.pairs);
    free(r.free);
    samples_free(&r.samples);
}

const struct scenario scenario_route = {.name = "route", .size = size, .run = run};
