/* SipHash-2-4: a keyed 64-bit hash that a remote peer, not knowing the key, cannot aim at one bucket.
 * Jean-Philippe Aumasson and Daniel J. Bernstein, "SipHash: a fast short-input PRF", 2012. */
#ifndef SHARED_BASE_SIPHASH_H
#define SHARED_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* `key` is the paper's k0, k1: the 16 key bytes as two little-endian words. */
uint64_t siphash(const uint64_t key[2], const void *data, size_t size);

#endif
