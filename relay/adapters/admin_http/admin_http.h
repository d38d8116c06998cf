/* The operator's listener: HTTP on the relay's own loop, for health checks, metrics and the status page.
 *
 * Carries requests to one function and its answers back, and knows nothing of their meaning. It is for this machine: few
 * clients at a time, small requests, ten seconds for each; whoever wants more is cut off. Loop thread. */
#ifndef RELAY_ADAPTERS_ADMIN_HTTP_ADMIN_HTTP_H
#define RELAY_ADAPTERS_ADMIN_HTTP_ADMIN_HTTP_H

#include "adapters/admin_http/http_message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admin_http;
struct event_base;

enum { ADMIN_HTTP_CLIENTS_MAX = 32 };

/* Fills in the answer, which starts as an empty 200. `trusted`: the request came over the control socket. */
typedef void (*admin_http_fn)(void *userdata, const struct http_request *request, bool trusted,
                              struct http_response *response);

/* Listens nowhere yet. 0 or -ENOMEM. */
int admin_http_new(struct admin_http **ret_admin, struct event_base *base, admin_http_fn answer,
                   void *userdata);
struct admin_http *admin_http_free(struct admin_http *a); /* accepts NULL; always NULL */

/* On the control socket of the database at `store_path`. On failure `ret_error` has a sentence. 0 or
 * negative errno. */
int admin_http_listen_control(struct admin_http *a, const char *store_path, char *ret_error,
                              size_t error_size);

/* On a numeric address, or localhost; port 0 takes a free one. As above. */
int admin_http_listen(struct admin_http *a, const char *address, uint16_t port, char *ret_error,
                      size_t error_size);
uint16_t admin_http_port(const struct admin_http *a); /* that was taken; 0: none */

#endif
