/* Ed25519 verification and strong randomness by OpenSSL's libcrypto, in the shape that core_host wants. Stateless apart
 * from cached algorithm handles; loop thread. */
#ifndef RELAY_ADAPTERS_CRYPTO_OPENSSL_CRYPTO_H
#define RELAY_ADAPTERS_CRYPTO_OPENSSL_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>

struct crypto;

int crypto_new(struct crypto **ret_crypto); /* 0 or negative */
struct crypto *crypto_free(struct crypto *c);

/* public_key, signature: unpadded base64url of 32 and 64 bytes. False for anything malformed. */
bool crypto_verify(struct crypto *c, const char *public_key, const char *signature,
                   const void *text, size_t text_size);
int crypto_random(struct crypto *c, void *ret_bytes, size_t size); /* 0 or negative */

#endif
