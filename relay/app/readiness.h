/* Whether the relay can serve, and if not, why. */
#ifndef RELAY_APP_READINESS_H
#define RELAY_APP_READINESS_H

#include <stdbool.h>
#include <stddef.h>

struct server;

/* `ret_text` says "ready", or what is wrong. */
bool readiness(const struct server *s, char *ret_text, size_t size);

#endif
