/* PeerJS's signaling: an id in the path, JSON in text frames, forwarded by `dst`. */
#include <stdio.h>

#include "bench/load/load.h"
#include "bench/load/text.h"

static void path(const struct endpoint *e, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "/peerjs?key=peerjs&id=%08zu&token=token&version=1.5.4", e->index);
}

static void received(struct endpoint *e, enum ws_opcode opcode, const char *data, size_t size)
{
    if (text_starts(data, size, "{\"type\":\"OPEN\""))
        endpoint_ready(e);
    else if (text_has(data, size < 64 ? size : 64, "\"OFFER\"") ||
             text_has(data, size < 64 ? size : 64, "\"CANDIDATE\""))
        endpoint_routed(e);
    else
        text_unexpected(data, size);
}

static void send(struct endpoint *e, size_t lane)
{
    bool offer = e->load->options.kind == KIND_OFFER;
    char head[192];
    int n = snprintf(
        head, sizeof head,
        "{\"type\":\"%s\",\"dst\":\"%08zu\",\"payload\":{\"type\":\"data\",\"connectionId\":\"dc_%zu\","
        "\"sdp\":\"",
        offer ? "OFFER" : "CANDIDATE", endpoint_partner(e)->index, lane);
    ws_write_text(&e->link, head, (size_t)n, e->load->payload, e->load->options.size, "\"}}");
}

const struct adapter adapter_peerjs = {
    .name = "peerjs", .path = path, .received = received, .send = send};
