/* WebSocket listeners by libwebsockets, driven by libevent through its custom event library hook.
 *
 * Carries complete messages in, frames out, and knows nothing of their meaning: its user supplies a table of functions and
 * pulls. Slow readers are not buffered: one frame at a time is written while the socket takes it. Heartbeats are one sweep
 * over all connections: a ping when nothing was heard for heartbeat_ms, `heartbeat_missed` after two without an answer.
 * One thread, the loop's. Includes neither the core nor another adapter: libevent's base comes as a pointer. */
#ifndef RELAY_ADAPTERS_WS_LWS_WS_H
#define RELAY_ADAPTERS_WS_LWS_WS_H

#include "base/frame.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct ws_server;
struct ws_connection;

struct ws_handler {
    void *userdata;
    /* A socket was accepted, before anything is spent on it. Returns what ws_connection_admission() gives; NULL: it is closed.
     * Both functions may be missing, and without them upgrading() is not called. */
    void *(*accepted)(void *userdata, const char *address);
    void (*abandoned)(void *userdata, void *admission); /* it ended, and nobody had taken that */
    /* An upgrade is asked for and not yet answered; `admission` stays where it is. `forwarded_for`: the request's
     * X-Forwarded-For, several joined by commas in their order; NULL: none, or too long. Negative: refuse (429). May be missing. */
    int (*upgrading)(void *userdata, struct ws_connection *c, void *admission,
                     const char *forwarded_for);
    /* A handshake with our subprotocol is complete. *ret_user is handed to the functions below. Negative: refuse (1013). */
    int (*opened)(void *userdata, struct ws_connection *c, void **ret_user);
    void (*closed)(void *userdata, void *user); /* exactly once for every successful opened() */
    void (*received)(void *userdata, void *user, bool binary, const uint8_t *data, size_t size);
    void (*oversized)(void *userdata, void *user); /* once; nothing is received afterwards */
    /* So many bytes in all are kept for it from now on: of an unfinished message, of what its socket does not take. False: they may
     * not be, and it has been closed or soon is. May be missing. */
    bool (*buffers)(void *userdata, void *user, size_t bytes);
    void (*heartbeat_missed)(void *userdata, void *user);
    struct frame *(*pull)(void *userdata,
                          void *user); /* NULL: nothing to write; the server unrefs */
    void (*log)(void *userdata, int level,
                const char *line); /* syslog levels; lws's own lines, errors and warnings only */
};

struct ws_listen {
    const char *address;              /* numeric address or host name to bind; NULL: all */
    uint16_t port;                    /* 0: chosen by the system, see ws_server_port() */
    const char *tls_certificate_file; /* PEM chain; NULL: plain */
    const char *tls_key_file;         /* PEM */
};

struct ws_options {
    size_t message_bytes_max; /* header, line feed and body together */
    uint32_t heartbeat_ms;
    uint32_t connections_max;
    uint32_t close_timeout_ms; /* how long a closing handshake may take */
};

/* Starts listening. `ret_error` (may be NULL) gets a static or server-owned sentence on failure. 0 or negative errno. */
int ws_server_new(struct ws_server **ret_server, struct event_base *base,
                  const struct ws_listen *listen, const struct ws_options *options,
                  const struct ws_handler *handler, char *ret_error, size_t error_size);
uint16_t ws_server_port(const struct ws_server *s);

/* Whether certificate and key can be used as they are; without TLS they can. 0, or negative errno and a sentence. */
int ws_certificate_check(const struct ws_listen *listen, char *ret_error, size_t error_size);

/* Reads certificate and key again, perhaps from other files: handshakes from now on present them, connections keep what
 * they have. Without TLS nothing happens. On failure nothing changes, and `ret_error` has a sentence. 0 or negative errno. */
int ws_server_renew_certificate(struct ws_server *s, const struct ws_listen *listen,
                                char *ret_error, size_t error_size);

/* When the certificate ends that handshakes present now; 0 without TLS. */
int64_t ws_server_certificate_expires_unix_s(const struct ws_server *s);

/* Once per turn, after events: writes what wants to be written and runs lws's deferred work. */
void ws_server_end_of_turn(struct ws_server *s);

/* Heartbeat sweep; returns the monotonic time at which to call it again. */
uint64_t ws_server_sweep(struct ws_server *s, uint64_t now_us);

void ws_server_stop_listening(struct ws_server *s);
struct ws_server *ws_server_free(struct ws_server *s); /* closes what is open, calling closed() */

void ws_connection_want_write(struct ws_connection *c);
/* Of one that is established: from now on what it sends is served before what comes of others, which have a share of each turn. */
void ws_connection_serve_first(struct ws_connection *c);
/* Writes what pull() still gives as far as the socket takes it, then closes. `reason` <= 123 bytes. */
void ws_connection_close(struct ws_connection *c, uint16_t code, const char *reason);
/* What accepted() returned, to be had once: for opened(). */
void *ws_connection_admission(struct ws_connection *c);
/* Textual remote address; the second is for who knows better than TCP, at most WS_ADDRESS_SIZE - 1 bytes. */
enum { WS_ADDRESS_SIZE = 46 };
const char *ws_connection_address(const struct ws_connection *c);
void ws_connection_set_address(struct ws_connection *c, const char *address);
bool ws_connection_is_tls(const struct ws_connection *c);

#endif
