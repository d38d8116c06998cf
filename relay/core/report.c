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

/* A peer may know of attempts that a crash made the relay forget, but of few. A cause of a generation that is far away would stand
 * against all that come after it. */
static uint64_t plausible(uint64_t told, uint64_t known)
{
    uint64_t highest = known + STORE_HANDOVER_GENERATIONS;
    return told < highest ? told : highest;
}

void report_request(const struct request *r)
{
    const struct message_connection_report *m = &r->message->connection_report;
    enum session_side side;
    struct session *session = session_participated(r, &m->recovery_session_id, false, &side);
    if (!session || !request_admitted(r))
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
    op->report->generation = plausible(m->generation, session->summary.generation);
    op->recovery_session_id = m->recovery_session_id;
    request_issue(r, op);
}

/* A link is up. How long it was away is known to the side that lost it; whoever was started again does not know, and when neither does,
 * or says, it is the time since the first attempt. Each recovery is timed once; a first connection is none. */
static uint64_t recovery_ms(struct recovered *r, const struct message_connection_report *m,
                            enum session_side side)
{
    r->told |= 1U << side;
    bool both = r->told == (1U << SESSION_SIDE_JOINER | 1U << SESSION_SIDE_PROVIDER);
    uint64_t ms = m->has_lost_ms              ? (uint64_t)m->lost_ms + 1
                  : both && r->generation > 1 ? r->signaled_ms
                                              : 0;
    if (r->timed || ms == 0)
        return 0;
    r->timed = true;
    return ms;
}

/* The joiner's bytes count once for each link. */
static uint64_t kept_bytes(struct recovered *r, const struct message_connection_report *m,
                           enum session_side side)
{
    if (!m->has_kept_bytes || r->weighed || side != SESSION_SIDE_JOINER)
        return 0;
    r->weighed = true;
    return m->kept_bytes;
}

static void note_link(struct core *core, struct session *session, const struct store_op *op,
                      struct core_event *event)
{
    const struct message_connection_report *m = op->report;
    enum session_side side = session_side_of(session, op->peer_id.text);
    if (session->recovering_us != 0 || session->recovered.generation != m->generation) {
        session->recovered = (struct recovered){.generation = m->generation};
        if (session->recovering_us != 0)
            session->recovered.signaled_ms =
                (core->now_us - session->recovering_us) / US_PER_MS + 1;
        session->recovering_us = 0;
    }
    if (side == SESSION_SIDE_NONE)
        return;
    event->recovery_ms = recovery_ms(&session->recovered, m, side);
    event->kept_bytes = kept_bytes(&session->recovered, m, side);
}

static void tell(struct core *core, const struct store_op *op, struct session *session)
{
    bool failed = op->report->result == REPORT_RESULT_FAILED;
    struct core_event event = {.kind = failed ? CORE_EVENT_ATTEMPT_FAILED : CORE_EVENT_CONNECTED,
                               .connection_id = op->connection_id,
                               .peer_id = op->peer_id,
                               .syncshell_id = op->syncshell_id,
                               .recovery_session_id = op->recovery_session_id,
                               .generation = op->report->generation,
                               .elapsed_ms = op->report->elapsed_ms,
                               .cause = op->report->cause};
    if (!failed && session)
        note_link(core, session, op, &event);
    core_emit(core, &event);
}

/* The generation of the live attempt, when this is the first word that it failed; 0 otherwise. */
static uint64_t failure_news(struct session *session, const struct store_op *op)
{
    const struct message_connection_report *m = op->report;
    if (op->duplicate || m->result != REPORT_RESULT_FAILED ||
        m->generation != session->summary.generation || m->generation <= session->failed_generation)
        return 0;
    session->failed_generation = m->generation;
    return m->generation;
}

static void announce(struct session *session, const struct store_op *op)
{
    bool judged = !str_equal(session->summary.cause.text, op->cause.text);
    uint64_t failed_generation = failure_news(session, op);
    session->summary.cause = op->cause;
    if (judged || failed_generation != 0)
        session_announce_failure(session, op->peer_id.text, judged, failed_generation);
}

void report_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op)
{
    if (op->code != WIRE_CODE_NONE)
        return;
    struct session *session = session_find(s, &op->recovery_session_id);
    if (!op->duplicate)
        tell(core, op, session);
    if (session && session->summary.state == SESSION_STATE_OPEN)
        announce(session, op);
    reply_outcome(c, op);
}
