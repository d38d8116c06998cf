#include "client/handover.h"

#include <errno.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/notify.h"
#include "client/record.h"
#include "client/recovery.h"
#include "client/request.h"
#include "client/session.h"
#include "client/syncshell.h"

enum { MESSAGE_ID_BYTES = 12 };

/* ---- making codes ---- */

static void tell(struct session *s, int32_t type, uint64_t ticket, const char *cause,
                 const struct message_stored *stored)
{
    char shown[RECOVERY_CODE_SHOWN_SIZE];
    struct syncshell_event *event = notify_session(s, type, ticket);
    notify_text(event, SYNCSHELL_FIELD_CAUSE, cause);
    if (stored) {
        recovery_code_show(&s->code.code, shown);
        notify_text(event, SYNCSHELL_FIELD_RECOVERY_CODE, shown);
        notify_integer(event, SYNCSHELL_FIELD_VALID_MS, stored->valid_for_ms);
    }
    notify_send(s->syncshell->engine, event);
}

static void tell_manual_alone(struct session *s)
{
    const struct cause_text cause = s->code.cause;
    s->code = (struct code_request){.state = CODE_REQUEST_NONE};
    tell(s, SYNCSHELL_EVENT_MANUAL_RECOVERY, 0, cause.text, NULL);
}

void handover_manual(struct session *s, enum cause cause)
{
    bool possible =
        s->syncshell->joined && s->phase == SESSION_OPENED && s->code.state == CODE_REQUEST_NONE;
    if (!possible) {
        tell(s, SYNCSHELL_EVENT_MANUAL_RECOVERY, 0, cause_name(cause), NULL);
        return;
    }
    s->code.state = CODE_REQUEST_MANUAL;
    str_copy(s->code.cause.text, sizeof s->code.cause.text, cause_name(cause));
}

void handover_issue(struct session *s, uint64_t ticket)
{
    const char *fault = !s->joiner                    ? CODE_WRONG_ROLE
                        : s->phase == SESSION_CLOSING ? wire_code_name(WIRE_CODE_SESSION_CLOSED)
                        : s->code.state != CODE_REQUEST_NONE ? CODE_BUSY
                                                             : NULL;
    if (fault) {
        notify_failed(s->syncshell->engine, ticket, fault, "no recovery code was made", false,
                      s->syncshell->id.text, s->id.text);
        return;
    }
    s->code.state = CODE_REQUEST_COMMAND;
    s->code.ticket = ticket;
}

static bool make_code(struct session *s)
{
    struct engine *e = s->syncshell->engine;
    uint8_t bytes[RECOVERY_CODE_BYTES];
    int r = e->crypto.random(e->crypto.userdata, bytes, sizeof bytes);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    if (r == 0)
        recovery_code_make(&s->code.code, bytes);
    return r == 0;
}

static bool hash_code(struct session *s, struct wire_sha256 *ret_sha256)
{
    struct engine *e = s->syncshell->engine;
    struct buf text = BUF_INIT(RECOVERY_CODE_HASHED_MAX);
    int r = recovery_code_hashed(&text, s->syncshell->id.text, s->code.code.text);
    if (r == 0)
        r = e->crypto.sha256(e->crypto.userdata, text.data, text.size, ret_sha256);
    buf_deinit(&text);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    return r == 0;
}

void handover_pump(struct session *s)
{
    struct request r;
    struct message m = {.type = MESSAGE_ISSUE_RECOVERY_CODE};
    if (s->code.state == CODE_REQUEST_NONE || session_in_flight(s, REQUEST_CODE))
        return;
    if (!*s->code.code.text && !make_code(s)) /* one that was not answered goes once more */
        return;
    if (!session_request(s, REQUEST_CODE, m.type, &r) ||
        !hash_code(s, &m.issue_recovery_code.code_sha256))
        return;
    m.issue_recovery_code.message_id = r.message_id;
    m.issue_recovery_code.syncshell_id = s->syncshell->id;
    m.issue_recovery_code.recovery_session_id = s->id;
    request_send(s->syncshell->engine, &m, &r);
}

void handover_stored(struct session *s, const struct message_stored *m)
{
    if (s->code.state == CODE_REQUEST_MANUAL)
        tell(s, SYNCSHELL_EVENT_MANUAL_RECOVERY, 0, s->code.cause.text, m);
    else if (s->code.state == CODE_REQUEST_COMMAND)
        tell(s, SYNCSHELL_EVENT_RECOVERY_CODE, s->code.ticket, NULL, m);
    s->code = (struct code_request){.state = CODE_REQUEST_NONE};
}

/* The answer to it was lost for so long: nobody has seen it, and another one will do. Once: a relay must not keep us at it. */
static bool renew(struct session *s, enum wire_code code)
{
    if (s->code.renewed || s->code.state == CODE_REQUEST_NONE ||
        code != WIRE_CODE_RECOVERY_CODE_EXPIRED)
        return false;
    s->code.code.text[0] = '\0';
    s->code.renewed = true;
    return true;
}

bool handover_refused(struct session *s, const struct message_error *error)
{
    struct engine *e = s->syncshell->engine;
    if (renew(s, error->code))
        return true;
    if (s->code.state == CODE_REQUEST_MANUAL) {
        tell_manual_alone(s);
    } else if (s->code.state == CODE_REQUEST_COMMAND) {
        notify_failed(e, s->code.ticket, wire_code_name(error->code), error->text, error->retryable,
                      s->syncshell->id.text, s->id.text);
        s->code = (struct code_request){.state = CODE_REQUEST_NONE};
    }
    return error->code != WIRE_CODE_SESSION_CLOSED && error->code != WIRE_CODE_SESSION_EXPIRED &&
           error->code != WIRE_CODE_UNKNOWN_SESSION;
}

void handover_disconnected(struct session *s)
{
    if (s->code.state == CODE_REQUEST_MANUAL)
        tell_manual_alone(s);
}

void handover_session_ended(struct session *s)
{
    if (s->code.state == CODE_REQUEST_COMMAND)
        notify_failed(s->syncshell->engine, s->code.ticket,
                      wire_code_name(WIRE_CODE_SESSION_CLOSED), "the session has ended", false,
                      s->syncshell->id.text, s->id.text);
    s->code = (struct code_request){.state = CODE_REQUEST_NONE};
}

/* ---- what becomes of the session ---- */

/* The provider's: what it had from the former joiner is worth nothing, what it knows of its own stays. */
static void change_joiner(struct session *s, const struct wire_peer_id *joiner)
{
    struct engine *e = s->syncshell->engine;
    s->other = *joiner;
    request_forget_signals(e, s->id.text, UINT64_MAX);
    recovery_joiner_changed(s);
    session_begin_episode(s);
    record_put_session(s);
    notify_send(e, notify_session(s, SYNCSHELL_EVENT_SESSION_MOVED, 0));
}

void handover_moved(struct session *s)
{
    session_closed(s, s->ticket, SESSION_OUTCOME_CANCELLED, cause_name(CAUSE_SESSION_MOVED));
}

bool handover_reconcile(struct session *s, const struct message_session_summary *summary)
{
    const char *self = s->syncshell->engine->config.peer_id.text;
    const char *joiner = summary->joiner_peer_id.text;
    if (s->joiner && !str_equal(joiner, self)) {
        handover_moved(s);
        return true;
    }
    if (!s->joiner && !str_equal(joiner, s->other.text) && !str_equal(joiner, self))
        change_joiner(s, &summary->joiner_peer_id);
    return false;
}

void handover_joiner_is(struct session *s, const struct wire_peer_id *joiner)
{
    if (!str_equal(joiner->text, s->other.text))
        change_joiner(s, joiner);
}

/* ---- redeeming ---- */

static void fail_redeem(struct syncshell *y, const char *code, const char *text, bool retryable)
{
    notify_failed(y->engine, y->redemption.ticket, code, text, retryable, y->id.text, NULL);
    y->redemption = (struct redemption){.waits = false};
}

void handover_redeem(struct syncshell *y, uint64_t ticket, const struct recovery_code *code)
{
    if (y->redemption.waits || y->state == SYNCSHELL_LEAVING) {
        notify_failed(y->engine, ticket, CODE_BUSY, "another command about it is under way", false,
                      y->id.text, NULL);
        return;
    }
    y->redemption = (struct redemption){.waits = true, .ticket = ticket, .code = *code};
}

void handover_redeem_pump(struct syncshell *y)
{
    struct message m = {.type = MESSAGE_REDEEM_RECOVERY_CODE};
    struct request r = {.kind = REQUEST_REDEEM, .type = m.type, .syncshell_id = y->id};
    if (!y->redemption.waits || (y->in_flight & (UINT32_C(1) << REQUEST_REDEEM)) ||
        engine_random_id(y->engine, MESSAGE_ID_BYTES, &r.message_id) != 0)
        return;
    m.redeem_recovery_code.message_id = r.message_id;
    m.redeem_recovery_code.syncshell_id = y->id;
    m.redeem_recovery_code.code = y->redemption.code;
    request_send(y->engine, &m, &r);
}

void handover_redeemed(struct syncshell *y, const struct message_stored *m)
{
    struct syncshell_event *event =
        notify_new(y->engine, SYNCSHELL_EVENT_CODE_REDEEMED, y->redemption.ticket);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_text(event, SYNCSHELL_FIELD_SESSION_ID, m->recovery_session_id.text);
    notify_send(y->engine, event);
    y->redemption = (struct redemption){.waits = false};
}

void handover_redeem_refused(struct syncshell *y, const struct message_error *error)
{
    fail_redeem(y, wire_code_name(error->code), error->text, error->retryable);
}

void handover_syncshell_ended(struct syncshell *y, enum wire_code code)
{
    if (y->redemption.waits)
        fail_redeem(y, wire_code_name(code), "the membership has ended", false);
}
