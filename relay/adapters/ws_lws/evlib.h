/* libwebsockets' event library hook on a libevent base that somebody else made and runs. */
#ifndef RELAY_ADAPTERS_WS_LWS_EVLIB_H
#define RELAY_ADAPTERS_WS_LWS_EVLIB_H

#include <stdbool.h>
#include <stddef.h>

struct event_base;
struct evlib;
struct lws;
struct lws_context;
struct lws_context_creation_info;

int evlib_new(struct evlib **ret_evlib, struct event_base *base); /* 0 or negative errno */
struct evlib *evlib_free(struct evlib *e);                        /* after lws_context_destroy() */

/* Makes the context that is about to be created use `e`, which outlives it. */
void evlib_describe(struct evlib *e, struct lws_context_creation_info *info);
/* Call it with the context once that exists, before the loop runs. `read_bytes`: a read that brings less leaves nothing
 * behind. Negative: the context has no event pipe. */
int evlib_set_context(struct evlib *e, struct lws_context *context, size_t read_bytes);

/* To be called in each LWS_CALLBACK_RECEIVE, with its size: so it is known whether lws's buffer was full, and more may be there. */
void evlib_received(struct evlib *e, size_t size);

/* Memory for a descriptor's events, so that adopting the descriptor cannot fail half way. 0 or -ENOMEM. */
int evlib_reserve(struct evlib *e, int fd);

/* From now on this connection's writable callbacks come at the end of the turn, without asking epoll, unless something is
 * still unsent. Only for established connections: in a TLS handshake lws asks for POLLOUT until the peer has answered. */
void evlib_write_early(struct lws *wsi);

/* From now on what this connection sends is served as soon as libevent tells of it. That of all others waits for the end of the turn,
 * where it gets a share of time. */
void evlib_serve_first(struct lws *wsi);

/* So much is put off that nobody new should be let in but one in each turn. */
bool evlib_is_busy(const struct evlib *e);

/* lws's timers, forced service, what was put off, and the early writes; then asks libevent to come back when lws needs it next. */
void evlib_end_of_turn(struct evlib *e);

#endif
