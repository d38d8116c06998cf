/* What a relay that knows its clients cannot do without: Ed25519 signatures, verified. Always the same one. */
#ifndef TESTS_BENCH_FLOOR_SIGNATURES_H
#define TESTS_BENCH_FLOOR_SIGNATURES_H

#include <stddef.h>

/* How many are verified for each connection. */
void signatures_prepare(size_t per_connection);

void signatures_verify(void);

#endif
