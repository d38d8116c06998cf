/* What clients ask of recovery sessions, and the answers once the store has them. Only participants; only the joiner writes
 * the log. The store decides what is new; memory follows it. */
#ifndef RELAY_CORE_SESSION_REQUEST_H
#define RELAY_CORE_SESSION_REQUEST_H

#include "core/request.h"
#include "core/session.h"

struct syncshell;

/* The session that the sender takes part in, open unless `closed_too`; NULL after refusing. */
struct session *session_participated(const struct request *r, const struct wire_id *id,
                                     bool closed_too, enum session_side *ret_side);

void session_open_request(const struct request *r);
void session_entry_request(const struct request *r); /* progress and checkpoint */
void session_snapshot_request(const struct request *r);
void session_close_request(const struct request *r);

void session_open_done(struct core *core, struct syncshell *s, struct connection *c,
                       struct store_op *op);
void session_entry_done(struct core *core, struct syncshell *s, struct connection *c,
                        struct store_op *op);
void session_snapshot_done(struct core *core, struct syncshell *s, struct connection *c,
                           struct store_op *op);
void session_close_done(struct core *core, struct syncshell *s, struct connection *c,
                        struct store_op *op);

#endif
