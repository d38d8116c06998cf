#include "client/owner.h"

#include <errno.h>
#include <stdlib.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/group_key.h"
#include "client/membership.h"
#include "client/notify.h"
#include "client/record.h"
#include "client/request.h"
#include "client/session.h"
#include "client/syncshell.h"
#include "wire/challenge.h"

enum { MESSAGE_ID_BYTES = 12 };

static struct owner_operation *first(const struct syncshell *y)
{
    struct list_node *n = list_first(&y->operations);
    return n ? container_of(n, struct owner_operation, node) : NULL;
}

int owner_add(struct syncshell *y, enum message_type type, const struct wire_peer_id *peer_id,
              uint64_t sequence, uint64_t ticket)
{
    if (y->n_operations == ENGINE_OWNER_OPERATIONS_MAX)
        return ENGINE_E_FULL;
    struct owner_operation *op = calloc(1, sizeof *op);
    if (!op)
        return -ENOMEM;
    op->type = type;
    op->peer_id = *peer_id;
    op->sequence = sequence;
    op->ticket = ticket;
    list_append(&y->operations, &op->node);
    y->n_operations++;
    return 0;
}

static void drop(struct syncshell *y, struct owner_operation *op)
{
    list_unlink(&op->node);
    y->n_operations--;
    free(op);
}

void owner_free_all(struct syncshell *y)
{
    struct owner_operation *op;
    while ((op = first(y)))
        drop(y, op);
}

/* ---- towards the relay ---- */

static bool sign(struct engine *e, struct message *m)
{
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    int r = challenge_owner_operation(&text, m->type, e->link.relay_id.text, e->link.nonce.text,
                                      &m->owner_operation);
    if (r == 0)
        r = e->crypto.sign(e->crypto.userdata, text.data, text.size, &m->owner_operation.signature);
    buf_deinit(&text);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    return r == 0;
}

static bool make_key(struct syncshell *y)
{
    struct engine *e = y->engine;
    struct wire_key secret;
    struct group_key *key;
    int r = e->crypto.secret_new(e->crypto.userdata, &secret);
    if (r == 0)
        r = group_key_new(e, &y->id, secret.text, y->key->epoch + 1, &key);
    if (r == 0)
        group_key_propose(y, key, false);
    engine_check(e, r == 0 ? 0 : -ENOMEM);
    return r == 0;
}

/* What the relay or an invite said leaves no number for it. */
static bool exhausted(const struct syncshell *y, const struct owner_operation *op)
{
    return (op->sequence == 0 && y->owner_sequence >= WIRE_INTEGER_MAX) ||
           (op->type == MESSAGE_ROTATE_GROUP_KEY && !y->next_key &&
            y->key->epoch >= WIRE_INTEGER_MAX);
}

static void send(struct syncshell *y, struct owner_operation *op)
{
    struct engine *e = y->engine;
    struct message m = {.type = op->type};
    struct message_owner_operation *o = &m.owner_operation;
    struct request r = {.kind = REQUEST_OWNER, .type = op->type, .syncshell_id = y->id};
    if (engine_random_id(e, MESSAGE_ID_BYTES, &r.message_id) != 0)
        return;
    if (op->type == MESSAGE_ROTATE_GROUP_KEY && !y->next_key && !make_key(y))
        return;
    if (op->sequence == 0) {
        op->sequence = y->owner_sequence + 1;
        record_put_syncshell(y);
    }
    o->message_id = r.message_id;
    o->syncshell_id = y->id;
    o->owner_sequence = op->sequence;
    o->peer_id = op->peer_id;
    if (op->type == MESSAGE_ROTATE_GROUP_KEY) {
        o->key_epoch = y->next_key->epoch;
        int result = e->crypto.group_public_key(e->crypto.userdata, y->next_key->group,
                                                &o->group_public_key);
        engine_check(e, result == 0 ? 0 : -ENOMEM);
    }
    if (!e->stopped && sign(e, &m))
        request_send(e, &m, &r);
}

static void fail(struct syncshell *y, struct owner_operation *op, const char *code,
                 const char *text)
{
    if (op->type == MESSAGE_ROTATE_GROUP_KEY && !y->next_key_invited)
        group_key_withdraw(y);
    notify_failed(y->engine, op->ticket, code, text, false, y->id.text, NULL);
    drop(y, op);
}

void owner_pump(struct syncshell *y)
{
    bool owner = str_equal(y->owner.text, y->engine->config.peer_id.text);
    struct owner_operation *op = first(y);
    if (!op || y->next_key_invited || (y->in_flight & (UINT32_C(1) << REQUEST_OWNER)))
        return;
    if (owner && exhausted(y, op)) {
        fail(y, op, wire_code_name(WIRE_CODE_STALE_OWNER_SEQUENCE),
             "the relay's count of the owner's operations cannot be right");
        record_put_syncshell(y);
        return;
    }
    if (owner) {
        send(y, op);
        return;
    }
    while ((op = first(y)))
        fail(y, op, wire_code_name(WIRE_CODE_NOT_OWNER), "another member owns the syncshell now");
    record_put_syncshell(y);
}

/* ---- what became of it ---- */

static struct syncshell_event *about(struct syncshell *y, int32_t type, uint64_t ticket)
{
    struct syncshell_event *event = notify_new(y->engine, type, ticket);
    notify_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, y->id.text);
    return event;
}

/* Takes the operation, which is done. */
static void conclude(struct syncshell *y, struct owner_operation *op)
{
    const struct owner_operation done = *op;
    drop(y, op);
    if (y->owner_sequence < done.sequence)
        y->owner_sequence = done.sequence;
    if (done.type == MESSAGE_ROTATE_GROUP_KEY && y->next_key) {
        group_key_adopt(y);
        session_key_changed(y);
    }
    if (done.type == MESSAGE_TRANSFER_OWNERSHIP)
        y->owner = done.peer_id;
    record_put_syncshell(y);
    struct syncshell_event *event;
    if (done.type == MESSAGE_ROTATE_GROUP_KEY) {
        event = about(y, SYNCSHELL_EVENT_KEY_ROTATED, done.ticket);
    } else if (done.type == MESSAGE_REMOVE_MEMBER) {
        event = about(y, SYNCSHELL_EVENT_MEMBER_REMOVED, done.ticket);
        notify_text(event, SYNCSHELL_FIELD_PEER_ID, done.peer_id.text);
    } else {
        event = about(y, SYNCSHELL_EVENT_OWNER_CHANGED, done.ticket);
        notify_text(event, SYNCSHELL_FIELD_OWNER_PEER_ID, done.peer_id.text);
    }
    notify_send(y->engine, event);
}

void owner_stored(struct syncshell *y)
{
    struct owner_operation *op = first(y);
    if (!op)
        return;
    if (op->type == MESSAGE_DELETE_SYNCSHELL)
        membership_ended(y, WIRE_CODE_SYNCSHELL_DELETED);
    else
        conclude(y, op);
}

static bool is_member(const struct message_syncshell_joined *m, const char *peer_id)
{
    for (size_t i = 0; i < m->n_members; i++)
        if (str_equal(m->members[i].peer_id.text, peer_id))
            return true;
    return m->n_members == WIRE_MEMBERS_MAX; /* not all are listed */
}

/* Whether what was sent came through, as far as the relay's word on joining shows it. */
static bool reached(const struct syncshell *y, const struct owner_operation *op,
                    const struct message_syncshell_joined *m)
{
    if (op->sequence == 0)
        return false;
    if (op->type == MESSAGE_ROTATE_GROUP_KEY)
        return !y->next_key; /* we have joined with it */
    if (m->has_owner_sequence && m->owner_sequence < op->sequence)
        return false; /* who is no member has left, and may come back */
    if (op->type == MESSAGE_REMOVE_MEMBER)
        return !is_member(m, op->peer_id.text);
    return op->type == MESSAGE_TRANSFER_OWNERSHIP &&
           str_equal(m->owner_peer_id.text, op->peer_id.text);
}

void owner_joined(struct syncshell *y, const struct message_syncshell_joined *m)
{
    struct owner_operation *op = first(y);
    if (m->has_owner_sequence)
        y->owner_sequence = m->owner_sequence;
    if (op && reached(y, op, m)) {
        conclude(y, op);
        op = first(y);
    }
    /* In another store its number means nothing. */
    if (op && op->sequence != y->owner_sequence && op->sequence != y->owner_sequence + 1)
        op->sequence = 0;
}

void owner_refused(struct syncshell *y, const struct message_error *error)
{
    struct owner_operation *op = first(y);
    if (!op)
        return;
    if (error->code == WIRE_CODE_STALE_OWNER_SEQUENCE && error->has_version &&
        error->version + 1 != op->sequence) {
        y->owner_sequence = error->version;
        op->sequence = 0;
    } else {
        fail(y, op, wire_code_name(error->code), error->text);
    }
    record_put_syncshell(y);
}

bool owner_awaits(const struct syncshell *y, const struct message_owner_changed *m)
{
    const struct owner_operation *op = first(y);
    return op && op->type == MESSAGE_TRANSFER_OWNERSHIP && op->sequence == m->owner_sequence &&
           str_equal(op->peer_id.text, m->owner_peer_id.text);
}

void owner_end_all(struct syncshell *y, enum wire_code code, bool *ret_deleted)
{
    struct owner_operation *op = first(y);
    *ret_deleted = op && op->type == MESSAGE_DELETE_SYNCSHELL && op->sequence != 0 &&
                   code == WIRE_CODE_SYNCSHELL_DELETED;
    if (*ret_deleted) {
        notify_send(y->engine, about(y, SYNCSHELL_EVENT_SYNCSHELL_DELETED, op->ticket));
        drop(y, op);
    }
    while ((op = first(y)))
        fail(y, op, wire_code_name(code), "the membership has ended");
}
