/* Ed25519 verification, digests and strong randomness by OpenSSL's libcrypto, in the shape that core_host wants. Stateless apart
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

/* SHA-256 as lower-case hex and a NUL. 0 or negative. */
int crypto_sha256(const void *data, size_t size, char ret_hex[65]);

/* HMAC-SHA1 as padded base64 of the standard alphabet and a NUL. 0 or negative. */
enum { CRYPTO_HMAC_SHA1_SIZE = 29 };
int crypto_hmac_sha1(const void *key, size_t key_size, const void *data, size_t size,
                     char ret_base64[CRYPTO_HMAC_SHA1_SIZE]);

/* The same and MD5 as bytes, for asking a TURN server. 0 or negative. */
enum { CRYPTO_SHA1_BYTES = 20, CRYPTO_MD5_BYTES = 16 };
int crypto_hmac_sha1_bytes(const void *key, size_t key_size, const void *data, size_t size,
                           unsigned char ret_mac[CRYPTO_SHA1_BYTES]);
int crypto_md5(const void *data, size_t size, unsigned char ret_digest[CRYPTO_MD5_BYTES]);

/* Unpadded base64url and a NUL, of up to 256 bytes. 0, or -ENOSPC when it does not fit. */
int crypto_base64url(const void *data, size_t data_size, char *ret_text, size_t size);
int crypto_random(struct crypto *c, void *ret_bytes, size_t size); /* 0 or negative */

#endif
