/* The one connection to the relay: dialling, Hello, Authenticate, and coming back. */
#ifndef SHARED_CLIENT_LINK_H
#define SHARED_CLIENT_LINK_H

#include "client/engine_state.h"

/* "wss://relay.example" of a URL: scheme, host, port unless it is the scheme's own; lower case, no path.
 * 0, or ENGINE_E_ARGUMENT for what is not ws:// or wss:// or is too long. */
int link_origin(const char *url, char *ret_origin, size_t size);

void link_pump(struct engine *e);
void link_tick(struct engine *e);
uint64_t link_deadline_us(const struct engine *e);

void link_connected(struct engine *e);
void link_disconnected(struct engine *e, uint16_t close_code);
void link_hello(struct engine *e, const struct message_hello *m);
void link_welcome(struct engine *e, const struct message_welcome *m);
/* Authenticate was refused. The close that follows says whether to come back: who hangs up first never hears it. */
void link_refused(struct engine *e, enum wire_code code);

void link_fault(struct engine *e, const struct engine_fault *fault);
void link_go_away(struct engine *e, const struct message_go_away *m);

/* Gives the connection up: engine_disconnected() follows, and then it is dialled again. */
void link_give_up(struct engine *e);

/* The network may have changed: no waiting. */
void link_now(struct engine *e);

#endif
