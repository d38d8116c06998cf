/* The texts that are signed. Each starts with its domain, so that no signature made for one purpose serves another;
 * fields are separated by line feeds, which none of them can contain. */
#ifndef SHARED_WIRE_CHALLENGE_H
#define SHARED_WIRE_CHALLENGE_H

#include "base/buf.h"
#include "wire/message.h"

#include <stdint.h>

enum { CHALLENGE_TEXT_MAX = 1024 };

/* "syncshell.v1 authenticate\n<origin>\n<relayId>\n<nonce>\n<peerId>", signed by the peer's identity key.
 * All challenge functions append to `out`: 0, BUF_E_FULL or -ENOMEM. */
int challenge_authenticate(struct buf *out, const char *origin, const char *relay_id,
                           const char *nonce, const char *peer_id);

/* "syncshell.v1 create\n<relayId>\n<nonce>\n<syncshellId>\n<peerId>\n<groupPublicKey>", signed by the group key. */
int challenge_create(struct buf *out, const char *relay_id, const char *nonce,
                     const char *syncshell_id, const char *peer_id, const char *group_public_key);

/* "syncshell.v1 join\n<relayId>\n<nonce>\n<syncshellId>\n<peerId>\n<keyEpoch>", signed by the group key. */
int challenge_join(struct buf *out, const char *relay_id, const char *nonce,
                   const char *syncshell_id, const char *peer_id, uint64_t key_epoch);

/* What the owner signs with its identity key:
 * "syncshell.v1 remove-member\n<relayId>\n<nonce>\n<syncshellId>\n<ownerSequence>\n<peerId>"
 * "syncshell.v1 transfer-ownership\n<relayId>\n<nonce>\n<syncshellId>\n<ownerSequence>\n<peerId>"
 * "syncshell.v1 rotate-group-key\n<relayId>\n<nonce>\n<syncshellId>\n<ownerSequence>\n<keyEpoch>\n<groupPublicKey>"
 * "syncshell.v1 delete-syncshell\n<relayId>\n<nonce>\n<syncshellId>\n<ownerSequence>" */
int challenge_owner_operation(struct buf *out, enum message_type type, const char *relay_id,
                              const char *nonce, const struct message_owner_operation *m);

#endif
