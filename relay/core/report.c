#include "core/report.h"

#include <stdlib.h>

#include "base/str.h"
#include "core/ice.h"
#include "core/member.h"
#include "core/op.h"
#include "core/reply.h"
#include "core/session_request.h"
#include "core/syncshell.h"

enum { US_PER_MS = 1000 };

void report_request(const struct request *r)
{
    const struct message_connection_report *m = &r->message->connection_report;
    enum session_side side;
    if (!session_participated(r, &m->recovery_session_id, false, &side) || !request_admitted(r))
        return;
    ice_reported(r->connection, m); /* at once: the next attempt may be on its heels */
    struct store_op *op = request_op(r, STORE_REPORT_CONNECTION);
    if (!op)
        return;
    op->report = malloc(sizeof *op->report);
    if (!op->report) {
        store_op_free(op);
        request_refuse(r, WIRE_CODE_INTERNAL, NULL);
        return;
    }
    *op->report = *m;
    op->recovery_session_id = m->recovery_session_id;
    request_issue(r, op);
}

/* A link is up: the first side to say so ends the recovery. */
static uint64_t end_recovery_ms(struct core *core, struct session *session)
{
    if (!session || session->recovering_us == 0)
        return 0;
    uint64_t ms = (core->now_us - session->recovering_us) / US_PER_MS + 1;
    session->recovering_us = 0;
    return ms;
}

static void tell(struct core *core, const struct store_op *op, struct session *session)
{
    bool failed = op->report->result == REPORT_RESULT_FAILED;
    core_emit(core, &(struct core_event){.kind = failed ? CORE_EVENT_ATTEMPT_FAILED
                                                        : CORE_EVENT_CONNECTED,
                                         .connection_id = op->connection_id,
                                         .peer_id = op->peer_id,
                                         .syncshell_id = op->syncshell_id,
                                         .recovery_session_id = op->recovery_session_id,
                                         .generation = op->report->generation,
                                         .elapsed_ms = op->report->elapsed_ms,
                                         .recovery_ms = failed ? 0 : end_recovery_ms(core, session),
                                         .cause = op->report->cause});
}

void report_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op)
{
    if (op->code != WIRE_CODE_NONE)
        return;
    struct session *session = session_find(s, &op->recovery_session_id);
    if (!op->duplicate)
        tell(core, op, session);
    if (session && session->summary.state == SESSION_STATE_OPEN &&
        !str_equal(session->summary.cause.text, op->cause.text)) {
        session->summary.cause = op->cause;
        session_announce(session, NULL);
    }
    reply_outcome(c, op);
}
