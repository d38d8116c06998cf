/* Listening sockets: bound, listening and accepting by ourselves rather than by lws, so that an error of binding can be told
 * in words, a port chosen by the system is the same for every address, and a limit acts before memory is spent. */
#ifndef RELAY_ADAPTERS_WS_LWS_LISTENER_H
#define RELAY_ADAPTERS_WS_LWS_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LISTENER_ADDRESS_SIZE = 46, /* INET6_ADDRSTRLEN */
};

struct event_base;
struct listener;

/* Takes `fd`, a connected socket that does not block. `address` is the peer's, as text without a port. False: no more of them in this
 * turn. */
typedef bool (*listener_accepted_fn)(void *userdata, int fd, const char *address);
/* Accepting pauses for a moment: the process or the system has no descriptors or memory left. */
typedef void (*listener_paused_fn)(void *userdata, int error);

/* Listens on every address that `address` (NULL: all) resolves to. On failure 0 becomes a negative errno and `ret_error`,
 * if there is one, a sentence. */
int listener_new(struct listener **ret_listener, struct event_base *base, const char *address,
                 uint16_t port, listener_accepted_fn accepted, listener_paused_fn paused,
                 void *userdata, char *ret_error, size_t error_size);
uint16_t listener_port(const struct listener *l);
struct listener *listener_free(struct listener *l);

#endif
