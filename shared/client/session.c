#include "client/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/attempt.h"
#include "client/ending.h"
#include "client/envelope.h"
#include "client/handover.h"
#include "client/ice.h"
#include "client/notify.h"
#include "client/progress.h"
#include "client/record.h"
#include "client/recovery.h"
#include "client/report.h"
#include "client/request.h"
#include "client/restore.h"
#include "client/syncshell.h"
#include "wire/seal.h"

enum { MESSAGE_ID_BYTES = 12, REOPEN_PAUSE_MS = 30000 };

int session_new(struct syncshell *y, const struct wire_id *id, const struct wire_peer_id *other,
                bool joiner, const char *label, struct session **ret_session)
{
    struct engine *e = y->engine;
    struct session *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->syncshell = y;
    s->id = *id;
    s->other = *other;
    s->joiner = joiner;
    s->phase = SESSION_OPENING;
    s->retry_us = TIME_NEVER_US;
    progress_init(s);
    recovery_init(s);
    ice_init(s);
    int r = 0;
    if (label && *label) {
        s->label = strdup(label);
        r = s->label ? 0 : -ENOMEM;
    }
    if (r == 0)
        r = map_insert(&e->sessions, &s->node, s->id.text);
    if (r != 0) {
        session_free(s);
        return r == MAP_E_FULL ? ENGINE_E_FULL : r == MAP_E_EXISTS ? ENGINE_E_ARGUMENT : r;
    }
    *ret_session = s;
    return 0;
}

void session_free(struct session *s)
{
    map_remove(&s->syncshell->engine->sessions, &s->node);
    ice_deinit(s);
    recovery_deinit(s);
    progress_deinit(s);
    free(s->label);
    free(s);
}

int session_add_loaded_file(struct session *s, struct body_file *takes_file, uint64_t seq,
                            bool restored)
{
    struct held_file *held;
    if (!s->joiner || map_find(&s->files, takes_file->path))
        return ENGINE_E_RECORD;
    int r = progress_hold(s, takes_file, &held);
    if (r == 0) {
        held->seq = seq;
        held->restored = restored;
    }
    return r;
}

/* Every command has an answer: also one whose session ends without an event of its own, because its syncshell is left. */
static void fail_command(struct session *s, uint64_t *ticket)
{
    if (*ticket != 0)
        notify_failed(s->syncshell->engine, *ticket, wire_code_name(WIRE_CODE_SESSION_CLOSED),
                      "the session has ended", false, s->syncshell->id.text, s->id.text);
    *ticket = 0;
}

static void forget(struct session *s)
{
    struct engine *e = s->syncshell->engine;
    fail_command(s, &s->ticket);
    fail_command(s, &s->request_ticket);
    handover_session_ended(s);
    request_forget_signals(e, s->id.text, UINT64_MAX);
    record_delete_session(s);
    session_free(s);
}

/* ---- over all sessions of a syncshell ---- */

void session_each(struct syncshell *y, void (*visit)(struct session *s, void *argument),
                  void *argument)
{
    struct map *all = &y->engine->sessions;
    struct map_node *n = map_next(all, NULL);
    while (n) {
        struct map_node *next = map_next(all, n);
        struct session *s = container_of(n, struct session, node);
        if (s->syncshell == y)
            visit(s, argument);
        n = next;
    }
}

static void visit_forget(struct session *s, void *argument)
{
    (void)argument;
    forget(s);
}

void session_forget_all(struct syncshell *y)
{
    session_each(y, visit_forget, NULL);
}

/* What is in the log, or on its way to it, was sealed under the key before: it is replaced. */
static void visit_key_changed(struct session *s, void *argument)
{
    (void)argument;
    if (!s->joiner || s->phase == SESSION_CLOSING)
        return;
    s->checkpoint_needed = true;
    s->progress.outdated = true;
    record_put_session(s);
}

void session_key_changed(struct syncshell *y)
{
    session_each(y, visit_key_changed, NULL);
}

void session_loaded_all(struct engine *e)
{
    for (struct map_node *n = map_next(&e->sessions, NULL); n; n = map_next(&e->sessions, n)) {
        struct session *s = container_of(n, struct session, node);
        progress_loaded(s);
        if (s->phase == SESSION_RESTORING)
            s->restore_after = 0;
        session_begin_episode(s);
    }
}

/* ---- requests ---- */

bool session_request(struct session *s, enum request_kind kind, enum message_type type,
                     struct request *ret_request)
{
    *ret_request = (struct request){.kind = kind,
                                    .type = type,
                                    .syncshell_id = s->syncshell->id,
                                    .session_id = s->id,
                                    .ticket = s->ticket};
    return engine_random_id(s->syncshell->engine, MESSAGE_ID_BYTES, &ret_request->message_id) == 0;
}

bool session_in_flight(const struct session *s, enum request_kind kind)
{
    return (s->in_flight & (UINT32_C(1) << kind)) != 0;
}

void session_pause(struct session *s, const struct message_error *error)
{
    struct engine *e = s->syncshell->engine;
    uint64_t delay_ms = ENGINE_RETRY_PAUSE_MS;
    if (error->has_retry_after && error->retry_after_ms > delay_ms)
        delay_ms = error->retry_after_ms;
    s->pause_us = time_add_ms(e->now_us, engine_jitter_ms(e, delay_ms));
}

static void send_open(struct session *s)
{
    struct engine *e = s->syncshell->engine;
    struct request r;
    struct message m = {.type = MESSAGE_SESSION_OPEN};
    if (!session_request(s, REQUEST_OPEN, m.type, &r))
        return;
    m.session_open.message_id = r.message_id;
    m.session_open.syncshell_id = s->syncshell->id;
    m.session_open.recovery_session_id = s->id;
    m.session_open.joiner_peer_id = s->joiner ? e->config.peer_id : s->other;
    m.session_open.provider_peer_id = s->joiner ? s->other : e->config.peer_id;
    m.session_open.body_format = BODY_FORMAT_SEALED;
    const struct body_session_entry entry = {.label = s->label};
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    struct buf sealed = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    int result = body_session_entry_encode(&plain, &entry);
    engine_check(e, result == 0 ? 0 : -ENOMEM);
    if (result == 0 && envelope_seal_entry(s, m.type, 1, &plain, &sealed)) {
        m.body = sealed.data;
        m.body_size = sealed.size;
        request_send(e, &m, &r);
    }
    buf_deinit(&plain);
    buf_deinit(&sealed);
}

static void send_close(struct session *s)
{
    struct request r;
    struct message m = {.type = MESSAGE_SESSION_CLOSE};
    if (!session_request(s, REQUEST_CLOSE, m.type, &r))
        return;
    m.session_close.message_id = r.message_id;
    m.session_close.syncshell_id = s->syncshell->id;
    m.session_close.recovery_session_id = s->id;
    m.session_close.outcome = s->outcome;
    m.session_close.cause = s->cause;
    request_send(s->syncshell->engine, &m, &r);
}

void session_pump(struct session *s)
{
    const struct syncshell *y = s->syncshell;
    recovery_compute(s);
    if (y->joined && y->state != SYNCSHELL_LEAVING && y->engine->now_us >= s->pause_us) {
        switch (s->phase) {
        case SESSION_OPENING:
            if (!session_in_flight(s, REQUEST_OPEN))
                send_open(s);
            break;
        case SESSION_OPENED:
            progress_pump(s);
            recovery_pump(s);
            handover_pump(s);
            break;
        case SESSION_RESTORING:
            restore_pump(s);
            break;
        case SESSION_CLOSING:
            if (!session_in_flight(s, REQUEST_CLOSE))
                send_close(s);
            break;
        }
    }
    attempt_pump(s);
    if (y->joined && s->phase == SESSION_OPENED && y->engine->now_us >= s->pause_us)
        report_pump(s);
    ice_pump(s); /* after the report: the order of the servers depends on it */
}

uint64_t session_deadline_us(const struct session *s)
{
    uint64_t due_us = time_min(attempt_deadline_us(s), ice_deadline_us(s));
    if (s->pause_us > s->syncshell->engine->now_us)
        due_us = time_min(due_us, s->pause_us);
    return due_us;
}

void session_tick(struct session *s)
{
    attempt_tick(s);
}

void session_disconnected(struct session *s)
{
    s->pause_us = 0;
    s->announced = false;
    recovery_disconnected(s);
    handover_disconnected(s);
    attempt_disconnected(s);
}

void session_begin_episode(struct session *s)
{
    s->episode = true;
    s->lost_us = 0;
    s->request_needed = s->joiner;
    s->manual_told = false;
    s->n_attempts = 0;
    s->n_failures = 0;
    s->n_retries = 0;
    s->retry_us = s->joiner ? s->syncshell->engine->now_us : TIME_NEVER_US;
    s->attempt = (struct attempt){0};
}

void session_lose_link(struct session *s)
{
    session_begin_episode(s);
    s->lost_us = s->syncshell->engine->now_us;
}

/* ---- what the relay says ---- */

void session_tell_open(struct session *s)
{
    uint64_t ticket = s->ticket;
    s->ticket = 0;
    s->announced = true;
    notify_send(
        s->syncshell->engine,
        notify_session(s, ticket ? SYNCSHELL_EVENT_SESSION_OPENED : SYNCSHELL_EVENT_SESSION_RESUMED,
                       ticket));
}

void session_opened(struct session *s, const struct message_stored *m)
{
    s->phase = SESSION_OPENED;
    uint64_t version = m->has_version ? m->version : 1;
    if (s->joiner && (version != 1 || s->checkpoint_needed))
        s->checkpoint_needed = true;
    s->version = version;
    record_put_session(s);
    session_tell_open(s);
}

void session_closed(struct session *s, uint64_t ticket, enum session_outcome outcome,
                    const char *cause)
{
    const struct record_ended ended = {
        .syncshell_id = s->syncshell->id,
        .session_id = s->id,
        .other = s->other,
        .joiner = s->joiner,
        .generation = s->generation,
        .outcome = outcome != SESSION_OUTCOME_NONE ? outcome : SESSION_OUTCOME_FAILED,
        .cause = cause,
        .label = s->label};
    ending_tell(s->syncshell->engine, ticket, &ended);
    s->ticket = 0; /* it is the answer */
    forget(s);
}

/* Why we close it: the cause that both sides know, or that somebody wanted it. */
static void decide_cause(struct session *s)
{
    enum cause cause = s->outcome == SESSION_OUTCOME_CANCELLED ? CAUSE_CANCELLED : CAUSE_GIVEN_UP;
    if (s->outcome == SESSION_OUTCOME_COMPLETED)
        s->cause = (struct cause_text){""};
    else if (s->outcome == SESSION_OUTCOME_CANCELLED || !*s->cause.text)
        str_copy(s->cause.text, sizeof s->cause.text, cause_name(cause));
}

void session_close(struct session *s, uint64_t ticket, enum session_outcome outcome)
{
    if (s->ticket != 0) /* of an open or a close that is not answered yet */
        notify_failed(s->syncshell->engine, s->ticket, wire_code_name(WIRE_CODE_SUPERSEDED),
                      "a later command closes the session", false, s->syncshell->id.text,
                      s->id.text);
    /* Also one that we think was never opened: its SessionOpen may have come through, and the answer been lost. */
    s->phase = SESSION_CLOSING;
    s->outcome = outcome;
    decide_cause(s);
    s->ticket = ticket;
    s->attempt = (struct attempt){0};
    s->episode = false;
    record_put_session(s);
}

void session_reopen(struct session *s)
{
    s->phase = SESSION_OPENING;
    s->version = 0;
    s->ticket = 0;
    if (s->joiner) {
        progress_checkpoint(s, 0);
        s->request_needed = s->episode || s->request_ticket != 0;
    }
    recovery_reset(s);
    record_put_session(s);
}

/* Nobody's command: it is opened again in another store, where the other side may not be a member yet. */
static bool reopens_too_early(const struct request *r, const struct message_error *error)
{
    return r->kind == REQUEST_OPEN && r->ticket == 0 && error->code == WIRE_CODE_UNKNOWN_TARGET;
}

static bool is_gone(const struct session *s, enum wire_code code)
{
    return code == WIRE_CODE_SESSION_CLOSED || code == WIRE_CODE_SESSION_EXPIRED ||
           (code == WIRE_CODE_UNKNOWN_SESSION && s->phase != SESSION_OPENING);
}

bool session_is_over(struct session *s, enum wire_code code)
{
    if (s->joiner && code == WIRE_CODE_NOT_PARTICIPANT) {
        handover_moved(s);
        return true;
    }
    if (!is_gone(s, code))
        return false;
    session_closed(s, s->ticket, s->outcome,
                   s->phase == SESSION_CLOSING ? s->cause.text : cause_name(cause_of_code(code)));
    return true;
}

void session_refused(struct session *s, const struct request *r, const struct message_error *error)
{
    struct engine *e = s->syncshell->engine;
    const char *code = wire_code_name(error->code);
    bool closing = s->phase == SESSION_CLOSING;
    bool gone = is_gone(s, error->code);
    if (r->kind == REQUEST_CODE && handover_refused(s, error))
        return;
    if (r->kind == REQUEST_REPORT) {
        report_refused(s, r, error);
    } else if (r->kind == REQUEST_ICE && !gone) {
        ice_refused(s, r, error);
    } else if (error->retryable &&
               !(r->kind == REQUEST_PROGRESS && progress_is_full(error->code))) {
        session_pause(s, error);
    } else if (session_is_over(s, error->code) || (closing && r->kind == REQUEST_OPEN)) {
        return; /* what is being closed need not be opened any more */
    } else if (r->kind == REQUEST_PROGRESS) {
        progress_refused(s, error);
    } else if (reopens_too_early(r, error)) {
        notify_failed(e, 0, code, error->text, true, s->syncshell->id.text, s->id.text);
        s->pause_us = time_add_ms(e->now_us, engine_jitter_ms(e, REOPEN_PAUSE_MS));
    } else if (r->kind == REQUEST_OPEN && r->ticket == 0) {
        session_closed(s, 0, SESSION_OUTCOME_FAILED, code); /* it was known, or may be */
    } else if (r->kind == REQUEST_OPEN) {
        notify_failed(e, r->ticket, code, error->text, false, s->syncshell->id.text, s->id.text);
        s->ticket = 0;
        forget(s);
    } else {
        /* A later command has taken its place, or this is its answer; what it was about goes on. */
        uint64_t ticket = r->ticket == s->ticket ? r->ticket : 0;
        s->ticket = ticket ? 0 : s->ticket;
        notify_failed(e, ticket, code, error->text, false, s->syncshell->id.text, s->id.text);
        session_pause(s, error);
    }
}

/* ---- the other side is there again ---- */

struct arrival {
    const char *peer_id;
};

static void visit_arrival(struct session *s, void *argument)
{
    const struct arrival *a = argument;
    if (!str_equal(s->other.text, a->peer_id))
        return;
    if (s->phase == SESSION_OPENING)
        s->pause_us = 0;
    attempt_peer_online(s);
    recovery_other_returned(s);
}

void session_peer_online(struct syncshell *y, const char *peer_id)
{
    struct arrival a = {.peer_id = peer_id};
    session_each(y, visit_arrival, &a);
}
