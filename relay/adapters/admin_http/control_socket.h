/* The socket file beside the database at which a running relay answers its own operator's commands. It needs no token: only
 * the user that the relay runs as, and root, can reach it.
 *
 * A connection carries one request, a line "GET /readyz" or "POST /reload", and its answer, a line with HTTP's status and then the body
 * until the connection ends. Few at a time, ten seconds for each. The relay's side: loop thread. */
#ifndef RELAY_ADAPTERS_ADMIN_HTTP_CONTROL_SOCKET_H
#define RELAY_ADAPTERS_ADMIN_HTTP_CONTROL_SOCKET_H

#include "adapters/admin_http/admin_request.h"

struct control_socket;
struct event_base;

enum { CONTROL_SOCKET_CLIENTS_MAX = 32 };

/* Listens on "<store_path>.admin", in place of what an earlier relay left there: to be called by who holds the database's
 * lock. 0 or negative errno. */
int control_socket_new(struct control_socket **ret_control, struct event_base *base,
                       const char *store_path, admin_answer_fn answer, void *userdata);
struct control_socket *
control_socket_free(struct control_socket *s); /* accepts NULL; always NULL */

/* Asks the relay that runs on that database; blocking. The answer's status, or negative errno: -ENOENT and -ECONNREFUSED when no relay
 * is there, -EAGAIN when it does not answer, -EPROTO. */
int control_socket_ask(const char *store_path, const char *method, const char *path,
                       struct buf *ret_body);

#endif
