/* The plain routed protocol of tests/bench/README.md: the floor speaks it, and any server given by --peer. */
#include <stdio.h>

#include "bench/load/load.h"

static void path(const struct endpoint *e, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "/?id=%08zu", e->index);
}

static void opened(struct endpoint *e)
{
    endpoint_ready(e);
}

static void received(struct endpoint *e, enum ws_opcode opcode, const char *data, size_t size)
{
    endpoint_routed(e);
}

static void send(struct endpoint *e, size_t lane)
{
    char target[9];
    snprintf(target, sizeof target, "%08zu", endpoint_partner(e)->index);
    ws_write(&e->link, WS_BINARY, target, 8, e->load->payload, e->load->options.size);
}

const struct adapter adapter_plain = {
    .name = "plain", .path = path, .opened = opened, .received = received, .send = send};
