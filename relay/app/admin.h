/* What the operator's HTTP answers, and who may ask. */
#ifndef RELAY_APP_ADMIN_H
#define RELAY_APP_ADMIN_H

#include <stddef.h>

struct server;
struct settings;

/* Listens on the control socket, and on admin.address when there is one. On failure `ret_error` has a sentence. 0 or
 * negative errno. */
int admin_start(struct server *s, char *ret_error, size_t error_size);

/* Reads the token of these settings, which counts from now on. On failure nothing changes; as above. */
int admin_renew_token(struct server *s, const struct settings *settings, char *ret_error,
                      size_t error_size);

#endif
