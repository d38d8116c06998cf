#include "client/report.h"

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/notify.h"
#include "client/progress.h"
#include "client/request.h"
#include "client/session.h"

enum { MESSAGE_ID_BYTES = 12 };

/* Since then; 0: it was never. */
static uint32_t ms_since(const struct session *s, uint64_t then_us)
{
    uint64_t ms = then_us ? (s->syncshell->engine->now_us - then_us) / 1000 : 0;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX;
}

void report_attempt(struct session *s, const char *cause, const char *ice_server)
{
    struct report *r = &s->report;
    *r =
        (struct report){.waits = true,
                        .generation = s->attempt.generation ? s->attempt.generation : s->generation,
                        .attempt = s->n_attempts ? s->n_attempts : 1,
                        .elapsed_ms = ms_since(s, s->attempt.started_us)};
    if (!*cause) {
        r->has_lost_ms = s->lost_us != 0;
        r->lost_ms = ms_since(s, s->lost_us);
        r->kept_bytes = s->joiner ? progress_held_bytes(s) : 0;
        if (r->kept_bytes > WIRE_INTEGER_MAX)
            r->kept_bytes = WIRE_INTEGER_MAX;
    }
    str_copy(r->cause.text, sizeof r->cause.text, cause);
    if (ice_server && str_copy(r->ice_server, sizeof r->ice_server, ice_server) != 0)
        *r->ice_server = '\0';
    engine_random_id(s->syncshell->engine, MESSAGE_ID_BYTES, &r->message_id);
}

void report_pump(struct session *s)
{
    struct message m = {.type = MESSAGE_CONNECTION_REPORT};
    struct request r;
    if (!s->report.waits || session_in_flight(s, REQUEST_REPORT) ||
        !session_request(s, REQUEST_REPORT, m.type, &r))
        return;
    struct message_connection_report *c = &m.connection_report;
    r.message_id = s->report.message_id;
    r.deadline_us = TIME_NEVER_US; /* nothing depends on the answer */
    c->message_id = r.message_id;
    c->syncshell_id = s->syncshell->id;
    c->recovery_session_id = s->id;
    c->generation = s->report.generation;
    c->attempt = s->report.attempt;
    c->result = *s->report.cause.text ? REPORT_RESULT_FAILED : REPORT_RESULT_CONNECTED;
    c->cause = s->report.cause;
    c->elapsed_ms = s->report.elapsed_ms;
    c->has_lost_ms = s->report.has_lost_ms;
    c->lost_ms = s->report.lost_ms;
    c->has_kept_bytes = s->report.kept_bytes != 0;
    c->kept_bytes = s->report.kept_bytes;
    str_copy(c->ice_server, sizeof c->ice_server, s->report.ice_server);
    request_send(s->syncshell->engine, &m, &r);
}

void report_stored(struct session *s, const struct request *r)
{
    if (str_equal(s->report.message_id.text, r->message_id.text))
        s->report.waits = false;
}

/* What the relay does not take, an older one does not know, or a closed session has no use for, is forgotten. */
void report_refused(struct session *s, const struct request *r, const struct message_error *error)
{
    if (error->retryable)
        session_pause(s, error);
    else
        report_stored(s, r);
}

void report_judged(struct session *s, const struct cause_text *cause)
{
    if (str_equal(s->cause.text, cause->text))
        return;
    s->cause = *cause;
    struct syncshell_event *event = notify_session(s, SYNCSHELL_EVENT_SESSION_CAUSE, 0);
    notify_text(event, SYNCSHELL_FIELD_CAUSE, cause->text);
    notify_send(s->syncshell->engine, event);
}
