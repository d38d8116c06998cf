/* This peer's Ed25519 key: one PEM file (PKCS #8, not encrypted) that nobody but its owner may read.
 *
 * It is written whole or not at all: to a file beside it, synced, renamed. Losing it means becoming another peer, so a
 * damaged one is never replaced. */
#ifndef SHARED_TRANSPORT_IDENTITY_H
#define SHARED_TRANSPORT_IDENTITY_H

#include "wire/id.h"

#include <stddef.h>

struct identity;

enum {
    IDENTITY_E_CORRUPT = 1, /* the file is not such a key */
    IDENTITY_E_EXPOSED = 2, /* others may read or write the file */
};

/* 0, IDENTITY_E_..., -ENOENT when there is none, or another negative errno. */
int identity_load(struct identity **ret_identity, int dir_fd, const char *name);

/* Makes a new key; the file must not exist. 0 or negative. */
int identity_create(struct identity **ret_identity, int dir_fd, const char *name);

struct identity *identity_free(struct identity *i);

const struct wire_peer_id *identity_peer_id(const struct identity *i);
int identity_sign(const struct identity *i, const void *text, size_t size,
                  struct wire_signature *ret_signature); /* 0, -EIO */

#endif
