/* Sealing and opening of bodies: what the associated data of each kind of message is. */
#ifndef SHARED_CLIENT_ENVELOPE_H
#define SHARED_CLIENT_ENVELOPE_H

#include "client/engine_state.h"

/* Seals a routed message's plaintext from us to the session's other side. Appends to `out`. False: the engine is stopped. */
bool envelope_seal_routed(struct session *s, enum message_type type, uint64_t generation,
                          const struct buf *plain, struct buf *out);

/* Seals a log entry of ours that gets `version`. */
bool envelope_seal_entry(struct session *s, enum message_type type, uint64_t version,
                         const struct buf *plain, struct buf *out);

/* Opens a routed message from the session's other side: NULL, or the code (client/code.h) that says why not; "" when the engine
 * was stopped. */
const char *envelope_open_routed(struct session *s, const struct message *m, struct buf *out);

/* Opens a log entry that one of the two sides wrote, `joiner` being the joiner of that time. Code as above. */
const char *envelope_open_entry(struct session *s, const struct message_snapshot_entry *entry,
                                const char *joiner, const uint8_t *data, struct buf *out);

/* Encodes `m` with `sealed` as its body and hands out a frame with one reference; NULL when the engine was stopped. */
struct frame *envelope_frame(struct engine *e, struct message *m, const struct buf *sealed);

#endif
