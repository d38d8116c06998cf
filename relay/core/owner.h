/* What only a syncshell's owner may do: remove a member, rotate the group's key, hand over the ownership, delete the
 * syncshell.
 *
 * The owner's identity key signs each over the connection's nonce, so a frame is worth nothing on another connection, at
 * another relay or after a restart. `ownerSequence` makes them happen once and in order: an operation that is repeated
 * for want of an answer is known, one that was overtaken is refused. Who the owner is, the store decides, in the
 * transaction that carries the operation out; memory follows when it is committed, and at once on live connections. */
#ifndef RELAY_CORE_OWNER_H
#define RELAY_CORE_OWNER_H

#include "core/request.h"

void owner_request(const struct request *r);

/* The operations are back. */
void owner_expelled(struct core *core, struct syncshell *s, struct connection *c,
                    struct store_op *op);
void owner_rotated(struct core *core, struct syncshell *s, struct connection *c,
                   struct store_op *op);
/* By creating it again; see create.h. */
void owner_rekeyed(struct core *core, const struct store_op *op);
void owner_transferred(struct core *core, struct syncshell *s, struct connection *c,
                       struct store_op *op);
void owner_deleted(struct core *core, struct syncshell *s, struct connection *c,
                   struct store_op *op);

#endif
