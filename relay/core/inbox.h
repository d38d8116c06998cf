/* Durable messages: RecoveryRequest and RecoveryResponse into the target's inbox, out of it in order, and away once
 * acknowledged.
 *
 * Delivery: a message that was just stored goes straight out when its target has been sent everything before it
 * and has room; otherwise it is read from the store in its turn (bulk.h). So nothing overtakes and nothing is skipped. */
#ifndef RELAY_CORE_INBOX_H
#define RELAY_CORE_INBOX_H

#include "core/request.h"

struct member;
struct membership;

void inbox_route(const struct request *r); /* the routed header is already checked */
void inbox_added(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);

void inbox_ack(const struct request *r);
void inbox_acked(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);

/* The highest sequence number that this member's client need not be sent; says whether the cursor was understood:
 * false when it is of another epoch, ahead of the inbox, or behind what was acknowledged (the messages between are gone).
 * A client without a cursor starts at what was acknowledged, and nothing is missing that it could know of. */
uint64_t inbox_start(const struct core *core, const struct member *m,
                     const struct message_join_syncshell *join, bool *ret_recovered);

/* A page is back: queues it. */
void inbox_read(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);

#endif
