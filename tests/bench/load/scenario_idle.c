/* Connections that are ready and do nothing: what each keeps the server's memory busy with. */
#include <stdio.h>

#include "bench/load/load.h"
#include "bench/load/server.h"

enum { PAGE_BYTES = 4096 };

static void size(struct load *load)
{
    load->n_endpoints = load->options.idle;
    load->n_lanes = 1;
}

static void run(struct load *load)
{
    /* What the server does after the last one became ready, such as telling the others. */
    uint64_t end_ns = clock_ns() + (uint64_t)(load->options.seconds * 1e9);
    while (clock_ns() < end_ns)
        load_turn(load, 100);
    uint64_t bytes = server_resident_bytes(load->options.pid);
    /* A few connections may fit into what the server has already: then it is said to have grown by a page. */
    double grown = bytes > load->empty_bytes ? (double)(bytes - load->empty_bytes) : PAGE_BYTES;
    printf(
        "{\"connections\": %zu, \"empty_bytes\": %lu, \"resident_bytes\": %lu, \"kb_each\": %.4f}\n",
        load->n_endpoints, load->empty_bytes, bytes, grown / 1024 / (double)load->n_endpoints);
}

const struct scenario scenario_idle = {.name = "idle", .size = size, .run = run};
