#include "core/owner.h"

#include "base/str.h"
#include "core/attempt.h"
#include "core/leave.h"
#include "core/member.h"
#include "core/proof.h"
#include "core/reply.h"
#include "core/syncshell.h"

static enum store_op_kind kind_of(enum message_type type)
{
    if (type == MESSAGE_REMOVE_MEMBER)
        return STORE_EXPEL_MEMBER;
    if (type == MESSAGE_ROTATE_GROUP_KEY)
        return STORE_ROTATE_KEY;
    return type == MESSAGE_TRANSFER_OWNERSHIP ? STORE_TRANSFER_OWNERSHIP : STORE_DELETE_SYNCSHELL;
}

/* A former owner may only repeat the last operation: the store knows whether it was that. */
static enum wire_code check(const struct request *r, const struct message_owner_operation *m)
{
    const struct syncshell *s = r->membership->syncshell;
    const char *self = r->connection->peer_id.text;
    bool owner = str_equal(s->owner_peer_id.text, self);
    if (!owner && m->owner_sequence != s->owner_sequence)
        return WIRE_CODE_NOT_OWNER;
    if (r->message->type == MESSAGE_REMOVE_MEMBER && str_equal(m->peer_id.text, self))
        return WIRE_CODE_OWNER_CANNOT_LEAVE;
    return proof_check_owner(r->connection, r->message->type, m);
}

void owner_request(const struct request *r)
{
    const struct message_owner_operation *m = &r->message->owner_operation;
    enum wire_code code = check(r, m);
    if (code != WIRE_CODE_NONE) {
        request_refuse(r, code, NULL);
        if (wire_code_close(code) != 0)
            connection_close(r->connection, code);
        return;
    }
    if (!request_admitted(r))
        return;
    struct store_op *op = request_op(r, kind_of(r->message->type));
    if (!op)
        return;
    op->owner_sequence = m->owner_sequence;
    op->target_peer_id = m->peer_id;
    op->key_epoch = m->key_epoch;
    op->group_public_key = m->group_public_key;
    str_copy(op->cause.text, sizeof op->cause.text, cause_name(CAUSE_MEMBER_REMOVED));
    op->expires_unix_ms = core_wall_after_ms(r->core, r->core->config.tombstone_ttl_ms);
    request_issue(r, op);
}

static void emit(struct core *core, enum core_event_kind kind, const struct store_op *op,
                 const struct wire_peer_id *peer_id)
{
    core_emit(core, &(struct core_event){.kind = kind,
                                         .connection_id = op->connection_id,
                                         .peer_id = *peer_id,
                                         .syncshell_id = op->syncshell_id});
}

/* Memory takes over what is new. A repeated operation has been taken over when it was. */
static bool is_news(struct syncshell *s, const struct store_op *op)
{
    if (op->code != WIRE_CODE_NONE || op->duplicate)
        return false;
    s->owner_sequence = op->owner_sequence;
    return true;
}

static void answer(struct connection *c, const struct store_op *op)
{
    if (op->code == WIRE_CODE_NONE)
        reply_outcome(c, op);
}

void owner_expelled(struct core *core, struct syncshell *s, struct connection *c,
                    struct store_op *op)
{
    if (is_news(s, op)) {
        struct member *m = syncshell_member(s, op->target_peer_id.text);
        if (m && member_connection(m))
            membership_say_ended(m->membership, WIRE_CODE_MEMBER_REMOVED);
        leave_member_gone(s, &op->target_peer_id, &op->cause, op->expires_unix_ms);
        emit(core, CORE_EVENT_MEMBER_REMOVED, op, &op->target_peer_id);
    }
    answer(c, op);
}

/* Everybody but the owner has to prove the new key. First all are out, then it is announced: to nobody who is out. */
static void readmit_nobody(struct syncshell *s)
{
    list_for_each_safe (n, next, &s->attempts) {
        attempt_end(container_of(n, struct attempt, node), WIRE_CODE_SUPERSEDED);
    }
    list_for_each_safe (n, next, &s->member_list) {
        struct member *m = container_of(n, struct member, list_node);
        m->shut_out = m->membership && !str_equal(m->peer_id.text, s->owner_peer_id.text);
        if (!m->shut_out)
            continue;
        membership_say_ended(m->membership, WIRE_CODE_WRONG_KEY_EPOCH);
        membership_free(m->membership);
    }
    list_for_each_safe (n, next, &s->member_list) {
        struct member *m = container_of(n, struct member, list_node);
        if (m->shut_out)
            syncshell_announce(s, &m->peer_id, PRESENCE_AWAY);
    }
}

void owner_rotated(struct core *core, struct syncshell *s, struct connection *c,
                   struct store_op *op)
{
    if (is_news(s, op)) {
        s->group_public_key = op->group_public_key;
        s->key_epoch = op->key_epoch;
        readmit_nobody(s);
        emit(core, CORE_EVENT_KEY_ROTATED, op, &op->peer_id);
    }
    answer(c, op);
}

void owner_rekeyed(struct core *core, const struct store_op *op)
{
    struct syncshell *s = syncshell_find(core, &op->syncshell_id);
    if (s && s->state == SYNCSHELL_LOADED && s->key_epoch < op->key_epoch) {
        s->group_public_key = op->group_public_key;
        s->key_epoch = op->key_epoch;
        readmit_nobody(s);
    }
    emit(core, CORE_EVENT_KEY_ROTATED, op, &op->peer_id);
}

void owner_transferred(struct core *core, struct syncshell *s, struct connection *c,
                       struct store_op *op)
{
    if (is_news(s, op)) {
        struct message m = {.type = MESSAGE_OWNER_CHANGED};
        s->owner_peer_id = op->target_peer_id;
        m.owner_changed.syncshell_id = s->id;
        m.owner_changed.owner_peer_id = s->owner_peer_id;
        m.owner_changed.owner_sequence = s->owner_sequence;
        list_for_each_safe (n, next, &s->memberships) {
            reply_send(container_of(n, struct membership, syncshell_node)->connection, &m);
        }
        emit(core, CORE_EVENT_OWNER_CHANGED, op, &op->target_peer_id);
    }
    answer(c, op);
}

void owner_deleted(struct core *core, struct syncshell *s, struct connection *c,
                   struct store_op *op)
{
    if (is_news(s, op)) {
        syncshell_gone(s, WIRE_CODE_SYNCSHELL_DELETED, c);
        emit(core, CORE_EVENT_SYNCSHELL_DELETED, op, &op->peer_id);
    }
    answer(c, op);
}
