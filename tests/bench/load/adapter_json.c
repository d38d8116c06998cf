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
    struct buf text = BUF_INIT(e->load->options.size + 256);
    char head[128];
    snprintf(head, sizeof head,
             "{\"type\":\"%s\",\"source\":\"%08zu\",\"target\":\"%08zu\",\"sdp\":\"",
             e->load->options.kind == KIND_OFFER ? "offer" : "candidate", e->index,
             endpoint_partner(e)->index);
    buf_append_str(&text, head);
    buf_append(&text, e->load->payload, e->load->options.size);
    buf_append_str(&text, "\"}");
    ws_write(&e->link, WS_TEXT, text.data, text.size, NULL, 0);
    buf_deinit(&text);
}

const struct adapter adapter_json = {
    .name = "json", .path = path, .opened = opened, .received = received, .send = send};
