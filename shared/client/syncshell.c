#include "client/syncshell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/attempt.h"
#include "client/group_key.h"
#include "client/handover.h"
#include "client/membership.h"
#include "client/notify.h"
#include "client/owner.h"
#include "client/reconcile.h"
#include "client/record.h"
#include "client/recovery.h"
#include "client/request.h"
#include "client/session.h"
#include "wire/challenge.h"

enum { MESSAGE_ID_BYTES = 12, REJOIN_PAUSE_MS = 30000, BEHIND_PAUSE_MS = 10000 };

int syncshell_new(struct engine *e, const struct wire_id *id, const char *secret,
                  uint64_t key_epoch, const struct wire_peer_id *owner, enum syncshell_state state,
                  struct syncshell **ret_syncshell)
{
    struct syncshell *y = calloc(1, sizeof *y);
    if (!y)
        return -ENOMEM;
    y->engine = e;
    y->id = *id;
    y->owner = *owner;
    y->state = state;
    list_init(&y->members);
    list_init(&y->old_keys);
    list_init(&y->operations);
    int r = group_key_new(e, id, secret, key_epoch, &y->key);
    if (r == 0)
        r = map_insert(&e->syncshells, &y->node, y->id.text);
    if (r != 0) {
        group_key_free_all(y);
        free(y);
        return r == MAP_E_FULL ? ENGINE_E_FULL : r == MAP_E_EXISTS ? ENGINE_E_ARGUMENT : r;
    }
    *ret_syncshell = y;
    return 0;
}

static void member_drop(struct syncshell *y, struct member *m)
{
    list_unlink(&m->node);
    y->n_members--;
    free(m);
}

static void members_clear(struct syncshell *y)
{
    list_for_each_safe (n, next, &y->members)
        member_drop(y, container_of(n, struct member, node));
}

void syncshell_free(struct syncshell *y)
{
    members_clear(y);
    owner_free_all(y);
    map_remove(&y->engine->syncshells, &y->node);
    group_key_free_all(y);
    free(y);
}

static struct member *member_find(const struct syncshell *y, const char *peer_id)
{
    list_for_each_safe (n, next, &y->members) {
        struct member *m = container_of(n, struct member, node);
        if (str_equal(m->peer_id.text, peer_id))
            return m;
    }
    return NULL;
}

bool syncshell_peer_online(const struct syncshell *y, const char *peer_id)
{
    const struct member *m = member_find(y, peer_id);
    return y->joined && m && m->presence == PRESENCE_ONLINE;
}

/* ---- requests ---- */

static bool request_start(struct syncshell *y, enum request_kind kind, enum message_type type,
                          struct request *ret_r)
{
    *ret_r = (struct request){.kind = kind, .type = type, .syncshell_id = y->id};
    return engine_random_id(y->engine, MESSAGE_ID_BYTES, &ret_r->message_id) == 0;
}

static bool group_sign(struct engine *e, const struct group_key *key, const struct buf *text,
                       int encoded, struct wire_signature *ret_signature)
{
    int r = encoded;
    if (r == 0)
        r = e->crypto.group_sign(e->crypto.userdata, key->group, text->data, text->size,
                                 ret_signature);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    return r == 0;
}

static void send_create(struct syncshell *y)
{
    struct engine *e = y->engine;
    struct message m = {.type = MESSAGE_CREATE_SYNCSHELL};
    struct request r;
    if (!request_start(y, REQUEST_CREATE, m.type, &r))
        return;
    m.create_syncshell.message_id = r.message_id;
    m.create_syncshell.syncshell_id = y->id;
    m.create_syncshell.has_key_epoch = y->key->epoch > 1; /* made again after rotations */
    m.create_syncshell.key_epoch = y->key->epoch > 1 ? y->key->epoch : 0;
    int result = e->crypto.group_public_key(e->crypto.userdata, y->key->group,
                                            &m.create_syncshell.group_public_key);
    engine_check(e, result == 0 ? 0 : -ENOMEM);
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    result = challenge_create(&text, e->link.relay_id.text, e->link.nonce.text, y->id.text,
                              e->config.peer_id.text, m.create_syncshell.group_public_key.text);
    if (group_sign(e, y->key, &text, result, &m.create_syncshell.proof))
        request_send(e, &m, &r);
    buf_deinit(&text);
}

static void send_join(struct syncshell *y)
{
    struct engine *e = y->engine;
    struct message m = {.type = MESSAGE_JOIN_SYNCSHELL};
    const struct group_key *key = group_key_to_prove(y);
    struct request r;
    if (!request_start(y, REQUEST_JOIN, m.type, &r))
        return;
    m.join_syncshell.message_id = r.message_id;
    m.join_syncshell.syncshell_id = y->id;
    m.join_syncshell.key_epoch = key->epoch;
    m.join_syncshell.has_inbox_cursor = *y->store_epoch.text != '\0';
    m.join_syncshell.inbox_cursor = y->inbox_cursor;
    m.join_syncshell.store_epoch = y->store_epoch;
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    int result = challenge_join(&text, e->link.relay_id.text, e->link.nonce.text, y->id.text,
                                e->config.peer_id.text, key->epoch);
    if (group_sign(e, key, &text, result, &m.join_syncshell.proof))
        request_send(e, &m, &r);
    buf_deinit(&text);
}

static void send_leave(struct syncshell *y)
{
    struct message m = {.type = MESSAGE_LEAVE_SYNCSHELL};
    struct request r;
    if (!request_start(y, REQUEST_LEAVE, m.type, &r))
        return;
    m.leave_syncshell.message_id = r.message_id;
    m.leave_syncshell.syncshell_id = y->id;
    request_send(y->engine, &m, &r);
}

static void send_ack(struct syncshell *y)
{
    struct message m = {.type = MESSAGE_ACK_INBOX};
    struct request r;
    if (!request_start(y, REQUEST_ACK, m.type, &r))
        return;
    r.number = y->inbox_cursor;
    m.ack_inbox.message_id = r.message_id;
    m.ack_inbox.syncshell_id = y->id;
    m.ack_inbox.inbox_seq = y->inbox_cursor;
    if (request_send(y->engine, &m, &r))
        y->inbox_acked = y->inbox_cursor;
}

static bool in_flight(const struct syncshell *y, enum request_kind kind)
{
    return (y->in_flight & (UINT32_C(1) << kind)) != 0;
}

void syncshell_pump(struct syncshell *y)
{
    const struct engine *e = y->engine;
    if (e->link.state != LINK_READY || e->now_us < y->pause_us)
        return;
    if (y->state == SYNCSHELL_CREATING) {
        if (!in_flight(y, REQUEST_CREATE))
            send_create(y);
    } else if (!y->joined || y->next_key_invited) {
        if (!in_flight(y, REQUEST_JOIN))
            send_join(y);
    } else if (y->state == SYNCSHELL_LEAVING) {
        if (!in_flight(y, REQUEST_LEAVE))
            send_leave(y);
    } else {
        if (y->inbox_cursor > y->inbox_acked && !in_flight(y, REQUEST_ACK))
            send_ack(y);
        owner_pump(y);
        handover_redeem_pump(y);
    }
}

uint64_t syncshell_deadline_us(const struct syncshell *y)
{
    return y->pause_us > y->engine->now_us ? y->pause_us : TIME_NEVER_US;
}

void syncshell_disconnected(struct syncshell *y)
{
    y->joined = y->told_behind = false;
    y->inbox_acked = 0;
    y->pause_us = 0;
    members_clear(y);
}

/* ---- answers ---- */

/* The ticket of the command that made or joined it: who leaves is answered by SYNCSHELL_LEFT alone. */
static uint64_t entry_ticket(const struct syncshell *y)
{
    return y->state == SYNCSHELL_LEAVING ? 0 : y->ticket;
}

void syncshell_command(struct syncshell *y, uint64_t ticket)
{
    if (y->ticket != 0)
        notify_failed(y->engine, y->ticket, wire_code_name(WIRE_CODE_SUPERSEDED),
                      "a later command about the same syncshell took its place", false, y->id.text,
                      NULL);
    y->ticket = ticket;
    if (y->pause_us == TIME_NEVER_US)
        y->pause_us = 0;
}

void syncshell_created(struct syncshell *y)
{
    struct engine *e = y->engine;
    if (y->state == SYNCSHELL_CREATING)
        y->state = SYNCSHELL_JOINING;
    record_put_syncshell(y);
    struct syncshell_event *event =
        notify_new(e, SYNCSHELL_EVENT_SYNCSHELL_CREATED, entry_ticket(y));
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_send(e, event);
}

static int member_add(struct syncshell *y, const struct message_member *m)
{
    struct member *copy = calloc(1, sizeof *copy);
    if (!copy)
        return -ENOMEM;
    copy->peer_id = m->peer_id;
    copy->presence = m->presence;
    list_append(&y->members, &copy->node);
    y->n_members++;
    return 0;
}

static void tell_presence(struct syncshell *y, const char *peer_id, enum presence presence)
{
    struct syncshell_event *event = notify_new(y->engine, SYNCSHELL_EVENT_PEER_PRESENCE, 0);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_text(event, SYNCSHELL_FIELD_PEER_ID, peer_id);
    notify_text(event, SYNCSHELL_FIELD_PRESENCE, presence_name(presence));
    notify_send(y->engine, event);
}

static void tell_joined(struct syncshell *y, const struct message_syncshell_joined *m)
{
    struct engine *e = y->engine;
    struct syncshell_event *event =
        notify_new(e, SYNCSHELL_EVENT_SYNCSHELL_JOINED, entry_ticket(y));
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_text(event, SYNCSHELL_FIELD_OWNER_PEER_ID, m->owner_peer_id.text);
    notify_integer(event, SYNCSHELL_FIELD_RECOVERED, m->recovered);
    notify_send(e, event);
    list_for_each_safe (n, next, &y->members) {
        const struct member *member = container_of(n, struct member, node);
        tell_presence(y, member->peer_id.text, member->presence);
    }
}

static void tell_ready(struct syncshell *y)
{
    struct syncshell_event *event = notify_new(y->engine, SYNCSHELL_EVENT_SYNCSHELL_READY, 0);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_send(y->engine, event);
}

void syncshell_joined(struct syncshell *y, const struct message_syncshell_joined *m)
{
    struct engine *e = y->engine;
    bool same_store = str_equal(y->store_epoch.text, m->store_epoch.text);
    y->joined = true;
    y->pause_us = 0;
    members_clear(y);
    for (size_t i = 0; i < m->n_members; i++)
        engine_check(e, member_add(y, &m->members[i]));
    if (!same_store || !m->recovered)
        y->inbox_cursor = 0;
    y->inbox_acked = 0;
    y->store_epoch = m->store_epoch;
    y->owner = m->owner_peer_id; /* it may have been handed over */
    if (y->state == SYNCSHELL_JOINING)
        y->state = SYNCSHELL_MEMBER;
    bool rotated = y->next_key && m->key_epoch == y->next_key->epoch;
    if (rotated)
        group_key_adopt(y);
    record_put_syncshell(y);
    tell_joined(y, m);
    if (y->state != SYNCSHELL_LEAVING)
        y->ticket = 0;
    reconcile_joined(y, m, same_store);
    if (rotated)
        session_key_changed(y);
    owner_joined(y, m);
    tell_ready(y);
}

void syncshell_left(struct syncshell *y)
{
    struct engine *e = y->engine;
    struct syncshell_event *event = notify_new(e, SYNCSHELL_EVENT_SYNCSHELL_LEFT, y->ticket);
    bool deleted;
    owner_end_all(y, WIRE_CODE_NOT_JOINED, &deleted);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    notify_send(e, event);
    syncshell_forget(y);
}

static void tell_refused(struct syncshell *y, const struct message_error *error)
{
    notify_failed(y->engine, y->ticket, wire_code_name(error->code), error->text, error->retryable,
                  y->id.text, NULL);
    y->ticket = 0; /* answered */
}

/* The command that made or joined it still waits. One about a syncshell that was joined before may wait, too, and has no say in whether
 * it is kept. */
static bool is_commands_own(const struct syncshell *y)
{
    return y->ticket != 0 && !*y->store_epoch.text;
}

/* A command that came to nothing leaves nothing behind, and answers what waited for it. */
static void give_up(struct syncshell *y, const struct message_error *error)
{
    bool deleted;
    tell_refused(y, error);
    owner_end_all(y, error->code, &deleted);
    syncshell_forget(y);
}

void syncshell_pause(struct syncshell *y, const struct message_error *error, uint64_t delay_ms)
{
    if (error->has_retry_after && error->retry_after_ms > delay_ms)
        delay_ms = error->retry_after_ms;
    y->pause_us = time_add_ms(y->engine->now_us, engine_jitter_ms(y->engine, delay_ms));
}

/* Another key may be the right one: an owner's whose rotation was not answered. Or a command wanted it, which has failed. */
static bool key_refused(struct syncshell *y, const struct message_error *error)
{
    bool invited = y->next_key_invited;
    if (error->code != WIRE_CODE_WRONG_KEY_EPOCH && error->code != WIRE_CODE_BAD_PROOF)
        return false;
    if (group_key_refused(y))
        return true;
    if (!invited && (y->ticket == 0 || error->code != WIRE_CODE_WRONG_KEY_EPOCH))
        return false;
    tell_refused(y, error);
    if (!y->joined)
        y->pause_us = TIME_NEVER_US; /* until there is another invite, or another connection */
    return true;
}

/* An older backup was restored: the relay has a key of before. */
static bool relay_is_behind(const struct syncshell *y, const struct message_error *error)
{
    return y->state == SYNCSHELL_MEMBER && error->code == WIRE_CODE_WRONG_KEY_EPOCH &&
           error->has_version && error->version < y->key->epoch;
}

/* The owner registers the newer key when it comes; until then we ask now and then, and tell it once for each connection. */
static void wait_for_owner(struct syncshell *y, const struct message_error *error)
{
    if (!y->told_behind || y->ticket != 0)
        notify_failed(
            y->engine, y->ticket, wire_code_name(error->code),
            "the relay has an older key: it was restored, and the owner has not been there yet",
            true, y->id.text, NULL);
    y->told_behind = true;
    y->ticket = 0;
    syncshell_pause(y, error, BEHIND_PAUSE_MS);
}

static void join_refused(struct syncshell *y, const struct message_error *error)
{
    if (y->state == SYNCSHELL_MEMBER && key_refused(y, error))
        return;
    bool own = str_equal(y->owner.text, y->engine->config.peer_id.text);
    bool lost = error->code == WIRE_CODE_UNKNOWN_SYNCSHELL && y->state == SYNCSHELL_MEMBER;
    if (own && (lost || relay_is_behind(y, error))) {
        y->state = SYNCSHELL_CREATING; /* what we own, we make again */
        record_put_syncshell(y);
    } else if (relay_is_behind(y, error)) {
        wait_for_owner(y, error);
    } else if (y->state == SYNCSHELL_JOINING && is_commands_own(y)) {
        give_up(y, error);
    } else if (y->state == SYNCSHELL_LEAVING) {
        syncshell_left(y); /* it does not know us: so we have left */
    } else if (membership_code_is_final(error->code) ||
               (error->code == WIRE_CODE_WRONG_KEY_EPOCH && y->ticket == 0)) {
        membership_ended(y, error->code);
    } else {
        tell_refused(y, error);
        syncshell_pause(y, error, REJOIN_PAUSE_MS);
    }
}

void syncshell_refused(struct syncshell *y, const struct request *r,
                       const struct message_error *error)
{
    if (r->kind == REQUEST_REDEEM) {
        handover_redeem_refused(y, error);
        return;
    }
    /* It was never made; or an earlier request to leave was carried out meanwhile. */
    bool left = (r->kind == REQUEST_CREATE && y->state == SYNCSHELL_LEAVING) ||
                (r->kind == REQUEST_LEAVE && error->code == WIRE_CODE_NOT_JOINED);
    if (error->retryable && r->kind == REQUEST_ACK)
        y->inbox_acked = 0; /* once more after the pause */
    if (error->retryable)
        syncshell_pause(y, error, ENGINE_RETRY_PAUSE_MS);
    else if (r->kind == REQUEST_JOIN)
        join_refused(y, error);
    else if (r->kind == REQUEST_OWNER)
        owner_refused(y, error);
    else if (left)
        syncshell_left(y);
    else if (r->kind == REQUEST_CREATE && is_commands_own(y))
        give_up(y, error);
    else if (error->code == WIRE_CODE_SYNCSHELL_EXISTS && r->kind == REQUEST_CREATE &&
             y->key->epoch > 1) {
        y->state =
            SYNCSHELL_MEMBER; /* a relay that takes no newer key, or another owner's by now */
        record_put_syncshell(y);
        membership_ended(y, WIRE_CODE_WRONG_KEY_EPOCH);
    } else if (r->kind == REQUEST_LEAVE) {
        tell_refused(y, error);
        y->state = SYNCSHELL_MEMBER;
        record_put_syncshell(y);
    } else {
        /* Whoever waits for something else has no answer yet. */
        uint64_t ticket = r->kind == REQUEST_ACK ? y->ticket : 0;
        if (r->kind == REQUEST_ACK)
            y->ticket = 0;
        tell_refused(y, error);
        y->ticket = ticket;
        syncshell_pause(y, error, REJOIN_PAUSE_MS);
    }
}

void syncshell_forget(struct syncshell *y)
{
    handover_syncshell_ended(y, WIRE_CODE_NOT_JOINED);
    session_forget_all(y);
    record_delete_syncshell(y);
    syncshell_free(y);
}

/* ---- pushed ---- */

void syncshell_presence(struct syncshell *y, const struct message_peer_presence *m)
{
    struct member *member = member_find(y, m->peer_id.text);
    enum presence before = member ? member->presence : PRESENCE_LEFT;
    if (m->presence == PRESENCE_LEFT) {
        if (member)
            member_drop(y, member);
    } else if (member) {
        member->presence = m->presence;
    } else if (y->n_members >= WIRE_MEMBERS_MAX) {
        return; /* no relay has more in a syncshell */
    } else {
        const struct message_member added = {.peer_id = m->peer_id, .presence = m->presence};
        engine_check(y->engine, member_add(y, &added));
    }
    if (before != m->presence)
        tell_presence(y, m->peer_id.text, m->presence);
    /* Online once more: on another connection, and it may not have heard what its last one was told. */
    if (m->presence == PRESENCE_ONLINE)
        session_peer_online(y, m->peer_id.text);
}
