/* All come back at once. Everybody gets ready; "ready" is printed, and the suite restarts the server at the same port; the new
 * process's id comes on standard input, and everybody connects, authenticates and joins again. What that costs the server,
 * by client, and how long it took.
 *
 * Pairs come back first and then send each other messages while the crowd comes: the longest time that one took is how long
 * the server's work for the crowd keeps it from routing. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/load/die.h"
#include "bench/load/load.h"
#include "bench/load/samples.h"
#include "bench/load/server.h"

enum { PAUSE_NS = 1000000, BACK_S_MAX = 120 }; /* of a pair, between two messages */

struct probe {
    struct endpoint *sender;
    uint64_t sent_ns;
    uint64_t due_ns; /* UINT64_MAX: its message is on its way */
};

struct back {
    struct probe *probes;
    struct samples samples;
};

static void size(struct load *load)
{
    load->n_pairs = load->options.pairs;
    load->n_endpoints = 2 * load->n_pairs + load->options.idle;
    load->n_lanes = 1;
}

static pid_t restarted(void)
{
    char line[32];
    puts("ready");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        die("no process id on standard input");
    return (pid_t)strtol(line, NULL, 10);
}

static void on_routed(struct endpoint *e)
{
    struct back *b = e->load->run;
    struct probe *p = &b->probes[e->index / 2];
    uint64_t now_ns = clock_ns();
    samples_add(&b->samples, now_ns - p->sent_ns);
    p->sender = e;
    p->due_ns = now_ns + PAUSE_NS;
}

static void send_due(struct load *load, struct back *b)
{
    for (size_t i = 0; i < load->n_pairs; i++) {
        struct probe *p = &b->probes[i];
        if (p->due_ns > clock_ns())
            continue;
        p->due_ns = UINT64_MAX;
        p->sent_ns = clock_ns();
        load->adapter->send(p->sender, 0);
        link_flush(&p->sender->link);
    }
}

/* The pairs are dialled before the others, and nobody else until they are ready. */
static void pairs_back(struct load *load)
{
    size_t all = load->n_endpoints;
    load->n_endpoints = 2 * load->n_pairs;
    load_connect(load);
    load->n_endpoints = all;
}

static void run(struct load *load)
{
    struct back b = {.probes = calloc(load->n_pairs + 1, sizeof *b.probes)};
    if (!b.probes)
        die("no memory");
    pid_t pid = restarted();
    load_disconnect(load);
    load_serve_first(load, 2 * load->n_pairs);
    load->run = &b;
    load->routed = on_routed;
    for (size_t i = 0; i < load->n_pairs; i++)
        b.probes[i].sender = &load->endpoints[2 * i];
    pairs_back(load);
    uint64_t cpu_ns = server_cpu_ns(pid);
    uint64_t begin_ns = clock_ns();
    while (load->n_ready < load->n_endpoints) {
        load_dial(load);
        send_due(load, &b);
        load_turn(load, 1);
        if (clock_ns() - begin_ns > BACK_S_MAX * 1000000000ULL)
            die("%zu of %zu are back, the others do not get so far", load->n_ready,
                load->n_endpoints);
    }
    cpu_ns = server_cpu_ns(pid) - cpu_ns;
    double seconds = (double)(clock_ns() - begin_ns) / 1e9;
    printf("{\"clients\": %zu, \"seconds\": %.3f, \"per_second\": %.1f, \"cpu_us\": %.4f, ",
           load->options.idle, seconds, (double)load->options.idle / seconds,
           (double)cpu_ns / 1000 / (double)load->options.idle);
    printf("\"routed\": %zu, \"routed_p50_ms\": %.3f, \"routed_p99_ms\": %.3f, "
           "\"routed_max_ms\": %.3f}\n",
           b.samples.count, samples_quantile(&b.samples, 0.5) / 1000,
           samples_quantile(&b.samples, 0.99) / 1000, samples_quantile(&b.samples, 1) / 1000);
    samples_free(&b.samples);
    free(b.probes);
}

const struct scenario scenario_return = {.name = "return", .size = size, .run = run};
