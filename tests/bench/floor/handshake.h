/* The upgrade's request: the key, and the id from the path "/?id=00000042". */
#ifndef TESTS_BENCH_FLOOR_HANDSHAKE_H
#define TESTS_BENCH_FLOOR_HANDSHAKE_H

#include <stddef.h>

struct connection;

/* Bytes of the request, 0 while it is not complete, -1 when it is none. Registers the connection and answers. */
ptrdiff_t handshake_take(struct connection *c, const char *data, size_t size);

#endif
