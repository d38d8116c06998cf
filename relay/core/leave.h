/* Leaving: the end of a membership, of its open sessions and of its inbox. */
#ifndef RELAY_CORE_LEAVE_H
#define RELAY_CORE_LEAVE_H

#include "core/request.h"

#include <stdint.h>

struct syncshell;

/* The store has a member no more: ends its membership and its sessions for that cause, and tells the others. */
void leave_member_gone(struct syncshell *s, const struct wire_peer_id *peer_id,
                       const struct cause_text *cause, int64_t tombstones_end_ms);

void leave_request(const struct request *r);
void leave_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);

#endif
