/* Asking the relay that runs on a database, over its control socket. */
#ifndef RELAY_APP_ADMIN_CLIENT_H
#define RELAY_APP_ADMIN_CLIENT_H

#include "base/buf.h"

/* Sends one request, such as "GET" and "/readyz", and waits for its answer. `ret_body` gets the answer's body, NUL-terminated.
 * The answer's HTTP status, or negative after having said on standard error why there is none. */
int admin_ask(const char *store_path, const char *method, const char *path, struct buf *ret_body);

#endif
