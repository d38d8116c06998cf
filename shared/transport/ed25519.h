/* Ed25519 signatures as the wire writes them (RFC 8032, base64url). */
#ifndef SHARED_TRANSPORT_ED25519_H
#define SHARED_TRANSPORT_ED25519_H

#include "wire/id.h"

#include <openssl/evp.h>
#include <stddef.h>

enum { ED25519_KEY_BYTES = 32, ED25519_SIGNATURE_BYTES = 64 };

/* 0 or -EIO. */
int ed25519_public_key(const EVP_PKEY *key, struct wire_key *ret_key);
int ed25519_sign(EVP_PKEY *key, const void *text, size_t size,
                 struct wire_signature *ret_signature);

#endif
