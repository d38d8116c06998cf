/* The shapes of identifiers, and nothing about their meaning. A peer id is checked for its alphabet, its length
 * and canonical base64url here (the last of its 43 characters is one of AEIMQUYcgkosw048: one key has one id); whether it
 * is a usable key, the signature check decides. */
#ifndef SHARED_WIRE_ID_H
#define SHARED_WIRE_ID_H

#include "wire/limits.h"

#include <stdbool.h>
#include <stddef.h>

struct wire_id {
    char text[WIRE_ID_MAX + 1];
};

struct wire_peer_id {
    char text[WIRE_PEER_ID_LENGTH + 1];
};

struct wire_key {
    char text[WIRE_KEY_LENGTH + 1]; /* base64url of 32 bytes */
};

struct wire_signature {
    char text[WIRE_SIGNATURE_LENGTH + 1]; /* base64url of 64 bytes */
};

struct wire_sha256 {
    char text[WIRE_SHA256_LENGTH + 1]; /* lower-case hex of 32 bytes */
};

bool wire_id_valid(const char *text, size_t length);
bool wire_peer_id_valid(const char *text, size_t length);
bool wire_key_valid(const char *text, size_t length);
bool wire_signature_valid(const char *text, size_t length);
bool wire_sha256_valid(const char *text, size_t length);

/* The alphabet, no padding, and the bits that no byte takes are zero. */
bool wire_base64url_valid(const char *text, size_t length);

/* 0, or -EINVAL when the text is not of that shape. */
int wire_id_set(struct wire_id *ret_id, const char *text);
int wire_peer_id_set(struct wire_peer_id *ret_id, const char *text);

/* A stun:, stuns:, turn: or turns: URL (RFC 7064, RFC 7065) as far as this wire cares: a scheme and printable ASCII. */
bool wire_ice_url_valid(const char *text, size_t length);

/* A TURN server's username or credential: printable ASCII. */
bool wire_ice_text_valid(const char *text, size_t length);

#endif
