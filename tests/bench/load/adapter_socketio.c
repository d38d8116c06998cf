/* Socket.IO 4 over WebSocket (Engine.IO 4): one packet per text frame, its kind in the first digits. */
#include <stdio.h>

#include "bench/load/load.h"
#include "bench/load/text.h"

static void path(const struct endpoint *e, char *ret_path, size_t size)
{
    snprintf(ret_path, size, "/socket.io/?EIO=4&transport=websocket");
}

static void received(struct endpoint *e, enum ws_opcode opcode, const char *data, size_t size)
{
    char connect[32];
    if (text_starts(data, size, "42")) { /* an event */
        endpoint_routed(e);
    } else if (text_starts(data, size, "40")) { /* connected to the namespace */
        endpoint_ready(e);
    } else if (text_starts(data, size, "2")) { /* ping */
        ws_write(&e->link, WS_TEXT, "3", 1, NULL, 0);
        link_flush(&e->link);
    } else if (text_starts(data, size, "0")) { /* open */
        int n = snprintf(connect, sizeof connect, "40{\"id\":\"%08zu\"}", e->index);
        ws_write(&e->link, WS_TEXT, connect, (size_t)n, NULL, 0);
        link_flush(&e->link);
    } else {
        text_unexpected(data, size);
    }
}

static void send(struct endpoint *e, size_t lane)
{
    char head[128];
    int n = snprintf(
        head, sizeof head, "42[\"signal\",{\"type\":\"%s\",\"target\":\"%08zu\",\"sdp\":\"",
        e->load->options.kind == KIND_OFFER ? "offer" : "candidate", endpoint_partner(e)->index);
    ws_write_text(&e->link, head, (size_t)n, e->load->payload, e->load->options.size, "\"}]");
}

const struct adapter adapter_socketio = {
    .name = "socketio", .path = path, .received = received, .send = send};
