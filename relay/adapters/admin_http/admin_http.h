/* The operator's HTTP listener, for health checks, metrics and the status page: libevent's server on the relay's own loop.
 *
 * Carries requests to one function and its answers back, and knows nothing of their meaning. It is for this machine: small requests
 * without a body, one for each connection. A connection ends after ten seconds of silence, twenty in all, or when so many have come
 * after it: whoever is slow holds up nobody. Loop thread. */
#ifndef RELAY_ADAPTERS_ADMIN_HTTP_ADMIN_HTTP_H
#define RELAY_ADAPTERS_ADMIN_HTTP_ADMIN_HTTP_H

#include "adapters/admin_http/admin_request.h"

#include <stddef.h>
#include <stdint.h>

struct admin_http;
struct event_base;

enum {
    ADMIN_HTTP_TIMEOUT_S = 10,
    ADMIN_HTTP_LIFETIME_S = 20,
    ADMIN_HTTP_CALLERS_MAX =
        256, /* at the same time; whoever comes then takes the oldest's place */
};

/* Listens on a numeric address, or localhost; port 0 takes a free one. On failure `ret_error` has a sentence. 0 or negative
 * errno. */
int admin_http_new(struct admin_http **ret_admin, struct event_base *base, const char *address,
                   uint16_t port, admin_answer_fn answer, void *userdata, char *ret_error,
                   size_t error_size);
struct admin_http *
admin_http_free(struct admin_http *a); /* once the loop has ended; accepts NULL; always NULL */
uint16_t admin_http_port(const struct admin_http *a); /* that was taken */

#endif
