/* What a relay of an afternoon in Node speaks: JSON in text frames, with the payload as a string in it. */
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
    char head[128];
    int n = snprintf(head, sizeof head,
                     "{\"type\":\"%s\",\"source\":\"%08zu\",\"target\":\"%08zu\",\"sdp\":\"",
                     e->load->options.kind == KIND_OFFER ? "offer" : "candidate", e->index,
                     endpoint_partner(e)->index);
    ws_write_text(&e->link, head, (size_t)n, e->load->payload, e->load->options.size, "\"}");
}

const struct adapter adapter_json = {
    .name = "json", .path = path, .opened = opened, .received = received, .send = send};
