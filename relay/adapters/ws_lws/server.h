/* What the parts of the server share. */
#ifndef RELAY_ADAPTERS_WS_LWS_SERVER_H
#define RELAY_ADAPTERS_WS_LWS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <event2/event_struct.h>
#include <libwebsockets.h>

#include "adapters/ws_lws/ws.h"
#include "base/list.h"

struct evlib;
struct ssl_ctx_st;
struct listener;

enum {
    SERVER_OUT_BYTES = 65536, /* of one write: as many frames as fit, or a piece of a longer one */
    SERVER_CLOSE_TICKS = 4,   /* the closing timer's resolution, in parts of close_timeout_ms */
};

struct ws_server {
    struct ws_handler handler;
    struct ws_options options;
    struct lws_context *context;
    struct lws_vhost *vhost;
    struct lws_log_cx log;
    struct evlib *evlib;
    struct listener *listener;
    struct list connections;
    size_t n_connections; /* accepted, in whatever state */
    size_t n_open;        /* those past the handshake */
    struct list closing;
    struct event close_tick;
    struct ssl_ctx_st *identity; /* what handshakes present; NULL: no TLS */
    char *error;                 /* only inside ws_server_new(): where its sentence goes */
    size_t error_size;
    uint16_t port;
    bool freeing;
    uint8_t out
        [LWS_PRE +
         SERVER_OUT_BYTES]; /* scratch for one write: lws keeps a copy of what the socket does not take */
};

/* Starts the clock of `c`'s closing handshake. */
void server_watch_closing(struct ws_server *s, struct ws_connection *c);

#endif
