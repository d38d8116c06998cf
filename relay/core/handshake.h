/* The handshake: Hello, then exactly one valid Authenticate. */
#ifndef RELAY_CORE_HANDSHAKE_H
#define RELAY_CORE_HANDSHAKE_H

#include "core/request.h"

void handshake_hello(struct connection *c);
void handshake_authenticate(const struct request *r);

#endif
