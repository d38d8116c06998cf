/* What is sealed besides the body: the associated data. A sealed body opens only as the message type, between the peers,
 * in the session, generation and log version that it was made for, so neither the relay nor a member can move it. */
#ifndef SHARED_WIRE_SEAL_H
#define SHARED_WIRE_SEAL_H

#include "base/buf.h"
#include "wire/message.h"

enum {
    SEAL_NONCE_BYTES = 12,
    SEAL_TAG_BYTES = 16,
    SEAL_OVERHEAD_BYTES = SEAL_NONCE_BYTES + SEAL_TAG_BYTES,
};

/* "syncshell.v1 seal\n<type>\n<syncshellId>\n<source>\n<target>\n<session>\n<generation>\n<version>". For session log
 * entries source is the writer, target the other participant, generation 0 and version the one the entry gets; for routed
 * messages version is 0. Appends to `out`: 0, BUF_E_FULL or -ENOMEM. */
int seal_associated_data(struct buf *out, enum message_type type, const char *syncshell_id,
                         const char *source_peer_id, const char *target_peer_id,
                         const char *recovery_session_id, uint64_t generation, uint64_t version);

#endif
