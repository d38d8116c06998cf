/* The invite: one pasteable string that makes its reader a member. It contains the group secret: whoever has it is in.
 *
 * "syncshell1." and the unpadded base64url of a JSON object {"relay","id","secret","owner"[,"epoch"][,"pin"]}. The base64 is done by
 * the caller's crypto (this module has no such dependency): these functions handle the JSON inside. */
#ifndef SHARED_WIRE_INVITE_H
#define SHARED_WIRE_INVITE_H

#include "base/buf.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

#define INVITE_PREFIX "syncshell1."

enum {
    INVITE_URL_MAX = 512,
    INVITE_TEXT_MAX = 2048,
};

struct invite {
    char relay_url[INVITE_URL_MAX + 1]; /* ws:// or wss:// */
    struct wire_id syncshell_id;
    struct wire_key secret; /* 32 bytes */
    bool has_key_epoch;
    uint64_t key_epoch; /* of the secret; see invite_key_epoch() */
    struct wire_peer_id owner_peer_id;
    struct wire_key certificate_pin; /* SHA-256 of the relay's public key info; "" when absent */
};

enum { INVITE_E_INVALID = 1 };

/* Counts the secrets of its syncshell from 1, the one that no rotation replaced and that needs no mention. */
uint64_t invite_key_epoch(const struct invite *i);
void invite_set_key_epoch(struct invite *i, uint64_t key_epoch);

/* Appends the JSON of a valid invite (asserted). 0, BUF_E_FULL or -ENOMEM. */
int invite_encode_json(struct buf *out, const struct invite *i);

/* Unknown fields are ignored, for invites of later versions. 0, INVITE_E_INVALID or -ENOMEM. */
int invite_decode_json(struct invite *ret_invite, const void *json, size_t size);

#endif
