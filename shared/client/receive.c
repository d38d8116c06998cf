#include "client/receive.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "client/attempt.h"
#include "client/envelope.h"
#include "client/handover.h"
#include "client/ice.h"
#include "client/link.h"
#include "client/membership.h"
#include "client/notify.h"
#include "client/owner.h"
#include "client/progress.h"
#include "client/reconcile.h"
#include "client/record.h"
#include "client/recovery.h"
#include "client/report.h"
#include "client/request.h"
#include "client/restore.h"
#include "client/session.h"
#include "client/syncshell.h"

/* Who has more sessions than a list has room for is not told of all that moved while it was away. The relay takes requests from the
 * joiner alone, and hands them on in order: so another member's means that it is the joiner now. */
static bool may_have_moved(const struct session *s, const struct message *m)
{
    return s->unlisted && !s->joiner && m->type == MESSAGE_RECOVERY_REQUEST;
}

/* The session that a routed message belongs to, if everything about it fits. */
static struct session *addressed(struct engine *e, const struct message *m)
{
    struct session *s = engine_find_session(e, m->routed.recovery_session_id.text);
    bool fits = s && str_equal(s->syncshell->id.text, m->routed.syncshell_id.text) &&
                (str_equal(s->other.text, m->routed.source_peer_id.text) || may_have_moved(s, m)) &&
                str_equal(e->config.peer_id.text, m->routed.target_peer_id.text);
    return fits ? s : NULL;
}

static void tell_bad_body(struct session *s, const char *code)
{
    if (*code)
        notify_failed(s->syncshell->engine, 0, code, "a message of the other side was not taken",
                      false, s->syncshell->id.text, s->id.text);
}

static void on_signal(struct engine *e, const struct message *m)
{
    struct session *s = addressed(e, m);
    if (!s || !attempt_expects(s, m))
        return;
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    const char *code = envelope_open_routed(s, m, &plain);
    if (!code)
        code = attempt_received(s, m, &plain);
    if (code)
        tell_bad_body(s, code);
    buf_deinit(&plain);
}

static void take_durable(struct engine *e, const struct message *m)
{
    struct session *s = addressed(e, m);
    if (!s)
        return; /* of a session that is closed here: taken out of the inbox, and forgotten */
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    const char *code = envelope_open_routed(s, m, &plain);
    if (!code) {
        handover_joiner_is(s, &m->routed.source_peer_id);
        code = recovery_received(s, m->type, &plain);
    }
    if (code)
        tell_bad_body(s, code);
    buf_deinit(&plain);
}

static void on_inbox(struct engine *e, const struct message *m)
{
    struct syncshell *y = engine_find_syncshell(e, m->inbox_delivery.syncshell_id.text);
    if (!y || m->inbox_delivery.inbox_seq <= y->inbox_cursor)
        return;
    struct message inner;
    struct message_refusal refusal;
    int r = message_decode(&inner, &refusal, true, true, m->body, m->body_size,
                           &message_limits_to_relay);
    engine_check(e, r < 0 ? r : 0);
    if (r == 0) {
        if (inner.type == MESSAGE_RECOVERY_REQUEST || inner.type == MESSAGE_RECOVERY_RESPONSE)
            take_durable(e, &inner);
        message_deinit(&inner);
    }
    y->inbox_cursor = m->inbox_delivery.inbox_seq;
    record_put_syncshell(y);
}

/* ---- answers ---- */

static void on_stored(struct engine *e, const struct message_stored *m)
{
    struct request *r = request_take(e, m->in_reply_to.text);
    if (!r)
        return;
    struct syncshell *y = engine_find_syncshell(e, r->syncshell_id.text);
    struct session *s = engine_find_session(e, r->session_id.text);
    if (r->kind == REQUEST_CREATE && y)
        syncshell_created(y);
    else if (r->kind == REQUEST_LEAVE && y)
        syncshell_left(y);
    else if (r->kind == REQUEST_OWNER && y)
        owner_stored(y);
    else if (r->kind == REQUEST_REDEEM && y)
        handover_redeemed(y, m);
    else if (r->kind == REQUEST_CODE && s)
        handover_stored(s, m);
    else if (r->kind == REQUEST_OPEN && s && s->phase == SESSION_OPENING)
        session_opened(s, m);
    else if (r->kind == REQUEST_CLOSE && s)
        session_closed(s, s->ticket, s->outcome, s->cause.text);
    else if (r->kind == REQUEST_REPORT && s)
        report_stored(s, r);
    else if (r->kind == REQUEST_PROGRESS && s)
        progress_stored(s, m);
    else if (r->kind == REQUEST_DURABLE && s)
        recovery_stored(s, r);
    free(r);
}

static void authentication_refused(struct engine *e, const struct message_error *m)
{
    notify_failed(e, 0, wire_code_name(m->code), m->text, m->retryable, NULL, NULL);
    link_refused(e, m->code);
}

static void on_error(struct engine *e, const struct message_error *m)
{
    struct request *r = *m->in_reply_to.text ? request_take(e, m->in_reply_to.text) : NULL;
    if (!r)
        return; /* a close follows what has no request */
    struct syncshell *y = engine_find_syncshell(e, r->syncshell_id.text);
    struct session *s = engine_find_session(e, r->session_id.text);
    e->refused = m->in_reply_to.text;
    if (r->kind == REQUEST_AUTHENTICATE)
        authentication_refused(e, m);
    else if (r->kind == REQUEST_SIGNAL && s)
        attempt_refused(s, r, m->code, m->has_generation, m->generation);
    else if (r->kind == REQUEST_DURABLE && s)
        recovery_refused(s, r, m);
    else if (*r->session_id.text && s)
        session_refused(s, r, m);
    else if (!*r->session_id.text && y)
        syncshell_refused(y, r, m);
    e->refused = NULL;
    free(r);
}

static void on_held(struct engine *e, const struct message_held *m)
{
    /* The signal stays in flight: Undeliverable may follow. */
    struct map_node *n = map_find(&e->requests, m->in_reply_to.text);
    struct request *r = n ? container_of(n, struct request, node) : NULL;
    struct session *s = r ? engine_find_session(e, r->session_id.text) : NULL;
    if (s && r->kind == REQUEST_SIGNAL)
        attempt_held(s, r, m->held_for_ms);
}

static void on_undeliverable(struct engine *e, const struct message_undeliverable *m)
{
    struct request *r = request_take(e, m->in_reply_to.text);
    struct session *s = r ? engine_find_session(e, r->session_id.text) : NULL;
    if (s && r->kind == REQUEST_SIGNAL)
        attempt_refused(s, r, m->code, false, 0);
    free(r);
}

static void on_joined(struct engine *e, const struct message_syncshell_joined *m)
{
    struct request *r = request_take(e, m->in_reply_to.text);
    struct syncshell *y = r ? engine_find_syncshell(e, m->syncshell_id.text) : NULL;
    if (y && r->kind == REQUEST_JOIN)
        syncshell_joined(y, m);
    free(r);
}

static void on_snapshot(struct engine *e, const struct message *m)
{
    struct request *r = request_take(e, m->session_snapshot.in_reply_to.text);
    struct session *s = r ? engine_find_session(e, r->session_id.text) : NULL;
    if (s && r->kind == REQUEST_SNAPSHOT)
        restore_page(s, &m->session_snapshot, m->body);
    free(r);
}

static void on_ice_servers(struct engine *e, struct message_ice_servers *m)
{
    struct request *r = request_take(e, m->in_reply_to.text);
    struct session *s = r ? engine_find_session(e, r->session_id.text) : NULL;
    if (s && r->kind == REQUEST_ICE)
        ice_answered(s, r, m);
    free(r);
}

static void on_changed(struct engine *e, const struct message_session_changed *m)
{
    struct syncshell *y = engine_find_syncshell(e, m->syncshell_id.text);
    if (y && y->joined)
        reconcile_changed(y, m);
}

static void on_membership_ended(struct engine *e, const struct message_membership_ended *m)
{
    struct syncshell *y = engine_find_syncshell(e, m->syncshell_id.text);
    if (y && y->joined)
        membership_ended(y, m->code);
}

static void on_owner_changed(struct engine *e, const struct message_owner_changed *m)
{
    struct syncshell *y = engine_find_syncshell(e, m->syncshell_id.text);
    if (y && y->joined)
        membership_owner_changed(y, m);
}

static void on_presence(struct engine *e, const struct message_peer_presence *m)
{
    struct syncshell *y = engine_find_syncshell(e, m->syncshell_id.text);
    if (y && y->joined)
        syncshell_presence(y, m);
}

static void dispatch(struct engine *e, struct message *m)
{
    if (m->type == MESSAGE_HELLO)
        link_hello(e, &m->hello);
    else if (m->type == MESSAGE_WELCOME) {
        free(request_take(e, m->welcome.in_reply_to.text));
        link_welcome(e, &m->welcome);
    } else if (m->type == MESSAGE_GO_AWAY)
        link_go_away(e, &m->go_away);
    else if (m->type == MESSAGE_ERROR)
        on_error(e, &m->error);
    else if (e->link.state != LINK_READY)
        link_give_up(e); /* a relay that speaks out of turn */
    else if (m->type == MESSAGE_SYNCSHELL_JOINED)
        on_joined(e, &m->syncshell_joined);
    else if (m->type == MESSAGE_PEER_PRESENCE)
        on_presence(e, &m->peer_presence);
    else if (m->type == MESSAGE_MEMBERSHIP_ENDED)
        on_membership_ended(e, &m->membership_ended);
    else if (m->type == MESSAGE_OWNER_CHANGED)
        on_owner_changed(e, &m->owner_changed);
    else if (m->type == MESSAGE_RECONNECT_OFFER || m->type == MESSAGE_RECONNECT_ANSWER ||
             m->type == MESSAGE_ICE_CANDIDATE)
        on_signal(e, m);
    else if (m->type == MESSAGE_HELD)
        on_held(e, &m->held);
    else if (m->type == MESSAGE_UNDELIVERABLE)
        on_undeliverable(e, &m->undeliverable);
    else if (m->type == MESSAGE_INBOX_DELIVERY)
        on_inbox(e, m);
    else if (m->type == MESSAGE_SESSION_SNAPSHOT)
        on_snapshot(e, m);
    else if (m->type == MESSAGE_ICE_SERVERS)
        on_ice_servers(e, &m->ice_servers);
    else if (m->type == MESSAGE_SESSION_CHANGED)
        on_changed(e, &m->session_changed);
    else if (m->type == MESSAGE_STORED)
        on_stored(e, &m->stored);
}

void receive_frame(struct engine *e, bool binary, const uint8_t *data, size_t size)
{
    struct message m;
    struct message_refusal refusal;
    e->frames_received++;
    int r = message_decode(&m, &refusal, false, binary, data, size, &message_limits_to_client);
    engine_check(e, r < 0 ? r : 0);
    if (r == MESSAGE_E_REFUSED && refusal.code != WIRE_CODE_UNKNOWN_TYPE)
        link_give_up(e); /* a relay that speaks another language; unknown types are a newer one's */
    if (r != 0)
        return;
    dispatch(e, &m);
    message_deinit(&m);
}
