#include "core/leave.h"

#include <string.h>

#include "base/str.h"
#include "core/member.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/syncshell.h"

void leave_request(const struct request *r)
{
    struct syncshell *s = r->membership->syncshell;
    if (strcmp(s->owner_peer_id.text, r->connection->peer_id.text) == 0) {
        request_refuse(r, WIRE_CODE_OWNER_CANNOT_LEAVE, NULL);
        return;
    }
    if (!request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_REMOVE_MEMBER);
    if (!op)
        return;
    str_copy(op->cause.text, sizeof op->cause.text, cause_name(CAUSE_TARGET_LEFT));
    op->expires_unix_ms = core_wall_after_ms(r->core, r->core->config.tombstone_ttl_ms);
    s->n_leaving++;
    request_issue(r, op);
}

void leave_member_gone(struct syncshell *s, const struct wire_peer_id *peer_id,
                       const struct cause_text *cause, int64_t tombstones_end_ms)
{
    struct member *m = syncshell_member(s, peer_id->text);
    /* First the membership, so that nothing more is sent to it: what is held for the peer is undeliverable. */
    member_free(m);
    list_for_each_safe (n, next, &s->open_sessions) {
        struct session *session = container_of(n, struct session, list_node);
        if (session_side_of(session, peer_id->text) == SESSION_SIDE_NONE)
            continue;
        session->summary.cause = *cause;
        session_closed(session, SESSION_OUTCOME_CANCELLED, tombstones_end_ms, WIRE_CODE_TARGET_LEFT,
                       NULL);
    }
    syncshell_announce(s, peer_id, PRESENCE_LEFT);
}

void leave_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op)
{
    s->n_leaving--;
    if (op->code != WIRE_CODE_NONE)
        return;
    /* Whoever has joined since waits behind it for the store: join.c. */
    if (syncshell_member(s, op->peer_id.text)) {
        leave_member_gone(s, &op->peer_id, &op->cause, op->expires_unix_ms);
        core_emit(core, &(struct core_event){.kind = CORE_EVENT_LEFT,
                                             .connection_id = op->connection_id,
                                             .peer_id = op->peer_id,
                                             .syncshell_id = s->id});
    }
    reply_outcome(c, op);
}
