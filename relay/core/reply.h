/* What the relay itself says: builds the frame and queues it. A connection for which memory is out is closed; the client
 * comes back and asks again. All accept a closed connection. */
#ifndef RELAY_CORE_REPLY_H
#define RELAY_CORE_REPLY_H

#include "core/connection.h"
#include "core/store_op.h"
#include "wire/message.h"

/* A new frame, NULL when memory is out. */
struct frame *reply_frame(struct core *core, const struct message *m);

bool reply_send(struct connection *c, const struct message *m);
bool reply_send_bulk(struct connection *c, const struct message *m);

/* What an Error says beside its code; zeroed members are left out. */
struct reply_detail {
    const char *text; /* instead of the code's sentence */
    bool has_version;
    uint64_t version;
    bool has_generation;
    uint64_t generation;
    uint32_t retry_after_ms;   /* 0: the usual, for a code that may be tried again */
    enum account_kind account; /* whose limit it was */
};

/* `in_reply_to` may be "". Emits CORE_EVENT_REFUSED. `detail` may be NULL. Closes only who goes on and on being refused. */
void reply_error(struct connection *c, const struct wire_id *in_reply_to, enum message_type type,
                 enum wire_code code, const struct reply_detail *detail);

/* Stored for a committed operation, with the result that its kind has; Error for a failed one. `c` may be NULL. */
void reply_outcome(struct connection *c, const struct store_op *op);

#endif
