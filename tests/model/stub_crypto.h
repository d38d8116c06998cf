/* The engine's crypto services without cryptography: replayable from a seed, and good enough for logic that only asks
 * whether something fits. A sealed body is nonce, scrambled plaintext, tag; it opens only with the same secret, syncshell
 * and associated data. */
#ifndef TESTS_MODEL_STUB_CRYPTO_H
#define TESTS_MODEL_STUB_CRYPTO_H

#include "client/engine.h"

struct stub_crypto {
    struct wire_peer_id peer_id;
    uint64_t random_state;
    bool random_fails;
    uint64_t
        fails_at; /* counted down by each call that can fail: the one that ends it does; 0: none does */
    size_t n_groups; /* alive: zero when its engine is gone */
};

void stub_crypto_init(struct stub_crypto *c, const struct wire_peer_id *peer_id, uint64_t seed);
struct engine_crypto stub_crypto_services(struct stub_crypto *c);

/* The peer number n of a test. */
void stub_peer_id(unsigned n, struct wire_peer_id *ret_id);

/* What sign() and group_sign() make of a text, by public key: also the relay's verification. */
void stub_sign(const char *public_key, const void *text, size_t size,
               struct wire_signature *ret_signature);
void stub_group_public_key(const char *secret, const char *syncshell_id, struct wire_key *ret_key);

#endif
