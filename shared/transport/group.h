/* A syncshell's two keys, derived from its secret (schema/README.md, "The group" and "Sealing").
 *
 * A sealed body is nonce || ciphertext || tag. Nonces are random 96-bit values: with 2^32 bodies under one key, far more
 * than a syncshell makes, two are equal with a chance below 2^-32 (NIST SP 800-38D section 8.3). */
#ifndef SHARED_TRANSPORT_GROUP_H
#define SHARED_TRANSPORT_GROUP_H

#include "base/buf.h"
#include "wire/id.h"

#include <stddef.h>

struct engine_group;

enum { GROUP_SECRET_BYTES = 32 };

/* `secret`: base64url of GROUP_SECRET_BYTES. 0, -EINVAL, -ENOMEM or -EIO. */
int group_new(struct engine_group **ret_group, const char *secret, const char *syncshell_id);
struct engine_group *group_free(struct engine_group *g);

int group_public_key(const struct engine_group *g, struct wire_key *ret_key); /* 0 or -EIO */
int group_sign(const struct engine_group *g, const void *text, size_t size,
               struct wire_signature *ret_signature);

/* Append to `out`; when they fail `out` is as before. Sealing: 0, BUF_E_FULL, or negative. Opening: 0,
 * ENGINE_CRYPTO_E_AUTHENTICATION, -EMSGSIZE when `out` would be full, or another negative errno. */
int group_seal(const struct engine_group *g, const void *associated, size_t associated_size,
               const void *plain, size_t size, struct buf *out);
int group_open(const struct engine_group *g, const void *associated, size_t associated_size,
               const void *sealed, size_t size, struct buf *out);

#endif
