/* The one WebSocket connection to the relay, by libwebsockets, and the loop that serves it (poll_loop.h).
 *
 * socket_connect() is answered by connected() or disconnected(), a connection's end by disconnected(), both exactly once.
 * Everything but socket_wake() belongs to one thread; the handler is called inside socket_service(), except that
 * socket_disconnect() calls disconnected() before it returns.
 *
 * Pings are answered, and a relay that does not answer ours is given up after SOCKET_SILENCE_S. A message above
 * SOCKET_MESSAGE_MAX ends the connection at once, without a close code. A caller that wants to receive no more simply does not call
 * socket_service(): nothing is read then, the kernel's buffers fill, and the relay stops sending. (lws_rx_flow_control() would
 * do it for one connection, but it loses or kills TLS connections.) */
#ifndef SHARED_TRANSPORT_SOCKET_H
#define SHARED_TRANSPORT_SOCKET_H

#include "base/frame.h"
#include "transport/relay_url.h"
#include "wire/id.h"
#include "wire/limits.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct socket;

enum {
    SOCKET_MESSAGE_MAX = WIRE_REPLY_HEADER_MAX + 1 + WIRE_REQUEST_HEADER_MAX + 1 + WIRE_BODY_MAX,
    SOCKET_CONNECT_TIMEOUT_S = 5,    /* for one address */
    SOCKET_HANDSHAKE_TIMEOUT_S = 10, /* TLS and WebSocket */
    SOCKET_PING_AFTER_S = 20,
    SOCKET_SILENCE_S = 35,
    SOCKET_TEXT_MAX = 160,
};

/* Why no connection came about, where TLS knows. */
enum socket_fault {
    SOCKET_FAULT_NONE = 0,
    SOCKET_FAULT_PIN,         /* it has another key than the pinned one, or no TLS */
    SOCKET_FAULT_CERTIFICATE, /* not one that is trusted */
};

/* What is known of a connection's end, or of why none came about. */
struct socket_end {
    uint16_t close_code; /* 0: the relay gave none */
    enum socket_fault fault;
    uint32_t
        retry_after_ms; /* who answered in place of a relay asked for such a pause, an hour at most; 0: did not */
    char text[SOCKET_TEXT_MAX]; /* a sentence for people; "": nothing more is known */
};

struct socket_handler {
    void *userdata;
    /* `key`: see tls_peer; NULL without TLS. */
    void (*connected)(void *userdata, const struct wire_key *key);
    void (*disconnected)(void *userdata, const struct socket_end *end);
    void (*received)(void *userdata, bool binary, const uint8_t *data, size_t size);
};

/* `ca_file`: NULL, or the authorities to trust for wss. 0, -EINVAL when that file cannot be used, -ENOMEM, or another
 * negative errno. */
int socket_new(struct socket **ret_socket, const char *ca_file,
               const struct socket_handler *handler);
struct socket *socket_free(struct socket *s); /* without calling the handler */

/* Dials, when no connection is there or on its way: asserted. `pin`: the key that the relay must show; "": none. */
void socket_connect(struct socket *s, const struct relay_url *url, const struct wire_key *pin);
void socket_disconnect(struct socket *s); /* no effect without a connection */

/* Takes the reference; dropped when there is no connection. 0 or -ENOMEM. */
int socket_send(struct socket *s, struct frame *takes_frame);
size_t socket_queued_bytes(const struct socket *s); /* not yet given to the kernel */

/* Waits until something happens, socket_wake() was called, or the time is `deadline_us` (TIME_NEVER_US: none), and handles
 * it. 0, or negative when the loop cannot go on. */
int socket_service(struct socket *s, uint64_t deadline_us);
void socket_wake(struct socket *s); /* any thread */

uint64_t socket_now_us(void); /* the clock of the deadlines: monotonic */

#endif
