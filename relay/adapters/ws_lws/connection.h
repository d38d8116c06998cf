/* One WebSocket connection: messages put together, frames cut and sent, the close, the heartbeat.
 *
 * It is made when its socket is accepted, and is HANDSHAKE until the upgrade is complete; lws's callbacks, which server.c
 * receives, are passed on to the functions below. */
#ifndef RELAY_ADAPTERS_WS_LWS_CONNECTION_H
#define RELAY_ADAPTERS_WS_LWS_CONNECTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "adapters/ws_lws/listener.h"
#include "adapters/ws_lws/ws.h"
#include "base/list.h"

struct lws;

enum connection_state {
    CONNECTION_STATE_HANDSHAKE,
    CONNECTION_STATE_OPEN,
    CONNECTION_STATE_DRAINING, /* to be closed once what pull() still gives is written; nothing is received any more */
    CONNECTION_STATE_ENDING, /* the closing handshake is in lws's hands: neither received nor pulled */
};

struct ws_connection {
    struct ws_server *server;
    struct lws *wsi;
    struct list_node link;         /* in the server's `connections` */
    struct list_node closing_link; /* in the server's `closing`, from DRAINING or ENDING on */
    void *admission;               /* of accepted(), until opened() takes it */
    void *user;
    bool user_open; /* opened() succeeded, so closed() is owed */
    enum connection_state state;
    uint8_t
        close_ticks; /* before the peer's patience with the closing handshake is no longer asked */

    uint8_t *in; /* the message so far, when it came in more than one piece */
    size_t in_size;
    size_t in_capacity;
    bool deaf; /* oversized() was called */

    struct frame *out; /* pulled, `out_offset` bytes of it are written */
    size_t out_offset;
    size_t stuck_bytes; /* that lws and `out` may hold while the socket takes nothing */

    bool heard; /* since the last sweep */
    bool ping_due;
    bool missed; /* heartbeat_missed() was called */
    uint8_t n_pings;
    uint64_t quiet_since_us;

    char address[WS_ADDRESS_SIZE];
};

/* NULL without memory. Linked into the server's list. */
struct ws_connection *ws_connection_new(struct ws_server *s, const char *address);
struct ws_connection *
ws_connection_free(struct ws_connection *c); /* calls closed() if that is still owed */

void connection_opened(struct ws_connection *c, struct lws *wsi);
/* The end, or lws has begun the closing handshake by itself. */
void connection_ending(struct ws_connection *c);
void connection_closed(struct ws_connection *c);
/* A piece of a message; `remaining` bytes of its fragment are still to come. */
void connection_received(struct ws_connection *c, const uint8_t *data, size_t size,
                         size_t remaining);
void connection_heard(struct ws_connection *c);
/* Negative: lws is to close the connection, with the reason it was given. */
int connection_writable(struct ws_connection *c);
void connection_sweep(struct ws_connection *c, uint64_t now_us);

#endif
