/* What is read from the store for a connection, at the pace of its socket: inbox pages and session snapshots.
 *
 * At most one read is in flight per connection, and only while less than the low-water mark of earlier bulk waits in its
 * queue. So a connection holds at most low water plus one page plus one frame of bulk, and a slow reader of bulk merely
 * waits. Snapshots and inboxes take turns, inboxes among themselves too. */
#ifndef RELAY_CORE_BULK_H
#define RELAY_CORE_BULK_H

#include "core/connection.h"
#include "core/store_op.h"

enum {
    BULK_PAGE_BYTES = 256 * 1024,
    BULK_PAGE_ROWS = 64,
};

/* Starts the next read if there is something to read and room for it. */
void bulk_pump(struct connection *c);

/* Takes a STORE_READ_SNAPSHOT operation and issues it in its turn. */
void bulk_snapshot(struct connection *c, struct store_op *op);

/* Refuses the snapshots of that syncshell that wait for their turn: its membership ends. */
void bulk_refuse_snapshots(struct connection *c, const struct wire_id *syncshell_id);

/* A read is back; when it failed, the next one waits a moment. */
void bulk_done(struct connection *c, bool failed);

void bulk_retry(struct core *core, struct timer *t); /* the connection's bulk_retry_timer */

#endif
