/* The engine's crypto services (client/engine.h), by OpenSSL: the identity's signatures, group keys, randomness. */
#ifndef SHARED_TRANSPORT_CRYPTO_H
#define SHARED_TRANSPORT_CRYPTO_H

#include "client/engine.h"

struct identity;

/* The services borrow the identity. Any thread, one at a time. */
struct engine_crypto crypto_services(struct identity *identity);

#endif
