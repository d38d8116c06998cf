/* What travels between loop, listener, core and store: their callbacks, and the core's effects carried out.
 *
 * Invariant: after every input to the core its effects are drained, so none is left when a turn ends. */
#ifndef RELAY_APP_WIRING_H
#define RELAY_APP_WIRING_H

#include <stdint.h>

#include "adapters/ws_lws/ws.h"
#include "core/core.h"

struct server;

/* The server as the listener's user, and as the core's host. */
void wiring_handler(struct server *s, struct ws_handler *ret_handler);
void wiring_host(struct server *s, struct core_host *ret_host);

/* The wall clock, as the core is told it. */
struct wall_time wiring_wall_now(void);

/* A server's callbacks on the loop; `userdata` is the server. */
void wiring_store_ready(void *userdata);
void wiring_tick(void *userdata);
void wiring_heartbeat(void *userdata);
void wiring_end_of_turn(void *userdata);

/* The store's, on its thread: results are waiting. */
void wiring_wake_for_store(void *userdata);

void wiring_carry_out(struct server *s);

/* Begins the closing handshake with everybody. */
void wiring_close_all(struct server *s, uint16_t code, const char *reason);

#endif
