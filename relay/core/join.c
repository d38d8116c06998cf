#include "core/join.h"

#include <errno.h>
#include <stdlib.h>

#include "core/expiry.h"
#include "core/guess.h"
#include "core/inbox.h"
#include "core/member.h"
#include "core/op.h"
#include "core/proof.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/syncshell.h"

/* NULL after refusing. */
static struct join *join_new(const struct request *r, struct syncshell *s)
{
    struct join *j = calloc(1, sizeof *j);
    struct refusal refusal = {.code = WIRE_CODE_INTERNAL};
    if (!j || !charge_take(&j->charge, &r->core->accounts, connection_payers(r->connection),
                           RESOURCE_BYTES, sizeof *j + OP_BYTES, &refusal)) {
        free(j);
        request_refuse_by(r, &refusal);
        return NULL;
    }
    j->connection = r->connection;
    j->syncshell = s;
    j->message = r->message->join_syncshell;
    list_append(&r->connection->joins, &j->connection_node);
    r->connection->n_joins++;
    r->connection->n_pending++;
    return j;
}

struct join *join_free(struct join *j)
{
    if (!j)
        return NULL;
    list_unlink(&j->connection_node);
    j->connection->n_joins--;
    j->connection->n_pending--;
    list_unlink(&j->wait_node);
    syncshell_touch(j->syncshell);
    charge_drop(&j->charge);
    free(j);
    return NULL;
}

static void refuse(struct join *j, enum wire_code code, const struct reply_detail *detail)
{
    reply_error(j->connection, &j->message.message_id, MESSAGE_JOIN_SYNCSHELL, code, detail);
    join_free(j);
}

void join_refuse(struct join *j, enum wire_code code)
{
    const struct syncshell *s = j->syncshell;
    /* Who has the newer key must know that it is not its own that is old. */
    const struct reply_detail detail = {.has_version = code == WIRE_CODE_WRONG_KEY_EPOCH,
                                        .version = s ? s->key_epoch : 0};
    refuse(j, code, &detail);
}

/* Of one list, newest first, those in which the peer takes part. */
static void list_some(const struct list *sessions, const char *peer_id,
                      struct message_syncshell_joined *joined)
{
    const struct list_node *end = &sessions->head;
    for (struct list_node *n = end->prev; n != end && joined->n_sessions < WIRE_SESSIONS_MAX;
         n = n->prev) {
        const struct session *session = container_of(n, struct session, list_node);
        if (session_concerns(session, peer_id))
            joined->sessions[joined->n_sessions++] = session->summary;
    }
}

/* Tombstones behind the open ones: what does not fit is the least missed. */
static int list_sessions(const struct syncshell *s, const char *peer_id,
                         struct message_syncshell_joined *joined)
{
    joined->sessions = calloc(WIRE_SESSIONS_MAX, sizeof *joined->sessions);
    if (!joined->sessions)
        return -ENOMEM;
    list_some(&s->open_sessions, peer_id, joined);
    list_some(&s->tombstones, peer_id, joined);
    return 0;
}

static int list_members(const struct syncshell *s, struct message_syncshell_joined *joined)
{
    joined->members = calloc(WIRE_MEMBERS_MAX, sizeof *joined->members);
    if (!joined->members)
        return -ENOMEM;
    list_for_each_safe (n, next, &s->member_list) {
        const struct member *m = container_of(n, struct member, list_node);
        bool online = member_connection(m) || m->away_timer.armed;
        if (joined->n_members == WIRE_MEMBERS_MAX)
            break;
        joined->members[joined->n_members++] = (struct message_member){
            .peer_id = m->peer_id, .presence = online ? PRESENCE_ONLINE : PRESENCE_AWAY};
    }
    return 0;
}

static bool send_joined(struct join *j, const struct member *m, bool recovered)
{
    const struct syncshell *s = j->syncshell;
    struct message message = {.type = MESSAGE_SYNCSHELL_JOINED};
    struct message_syncshell_joined *joined = &message.syncshell_joined;
    joined->in_reply_to = j->message.message_id;
    joined->syncshell_id = s->id;
    joined->store_epoch = s->core->config.store_epoch;
    joined->owner_peer_id = s->owner_peer_id;
    joined->key_epoch = s->key_epoch;
    joined->has_owner_sequence = true;
    joined->owner_sequence = s->owner_sequence;
    joined->inbox_head = m->inbox_head;
    joined->recovered = recovered;
    bool sent = false;
    if (list_members(s, joined) == 0 && list_sessions(s, m->peer_id.text, joined) == 0)
        sent = reply_send(j->connection, &message);
    else
        connection_close(j->connection, WIRE_CODE_INTERNAL);
    message_deinit(&message);
    return sent;
}

static void take_up(struct membership *ms, uint64_t start_seq)
{
    struct syncshell *s = ms->syncshell;
    struct member *m = ms->member;
    ms->sent_seq = start_seq;
    timer_cancel(&s->core->timers, &m->away_timer);
    /* Within the grace, too, when the others have it online already: what went to its dead connection was in vain. */
    syncshell_announce(s, &m->peer_id, PRESENCE_ONLINE);
    core_emit(s->core, &(struct core_event){.kind = CORE_EVENT_JOINED,
                                            .connection_id = ms->connection->id,
                                            .peer_id = m->peer_id,
                                            .syncshell_id = s->id});
    membership_send_signals(ms);
    /* The inbox follows when the reply has been pulled. */
}

/* The member is on disk: joins the connection to it, or only answers when it is joined already. Frees the join. */
static void answer(struct join *j, struct member *m)
{
    struct connection *c = j->connection;
    struct membership *ms = connection_membership(c, j->syncshell);
    bool again = ms != NULL;
    bool recovered;
    /* It was rotated while the member was being added. */
    if (j->message.key_epoch != j->syncshell->key_epoch) {
        join_refuse(j, WIRE_CODE_WRONG_KEY_EPOCH);
        return;
    }
    uint64_t start_seq = inbox_start(c->core, m, &j->message, &recovered);
    if (!again && membership_new(m, c, &ms) != 0) {
        join_refuse(j, WIRE_CODE_INTERNAL);
        return;
    }
    session_purge(j->syncshell);
    expiry_note_use(j->syncshell);
    if (send_joined(j, m, recovered) && !again)
        take_up(ms, start_seq);
    join_free(j);
}

/* Whether it may become a member, and makes it one. */
static void ask_store(struct join *j, uint64_t proved_epoch)
{
    struct connection *c = j->connection;
    struct core *core = c->core;
    struct store_op *op = op_new(core, STORE_ADD_MEMBER, j->syncshell);
    if (!op) {
        join_refuse(j, WIRE_CODE_INTERNAL);
        return;
    }
    op->connection_id = c->id;
    op->message_id = j->message.message_id;
    op->peer_id = c->peer_id;
    op->key_epoch = proved_epoch;
    op->limit_rows = core->config.members_max;
    /* Its connection may go before it is back, and the join with it. */
    op->charge = j->charge;
    j->charge = (struct charge){0};
    j->op = op;
    op_issue(core, op);
}

void join_continue(struct join *j)
{
    struct syncshell *s = j->syncshell;
    struct connection *c = j->connection;
    struct core *core = s->core;
    if (c->state == CONNECTION_CLOSED) {
        join_free(j);
        return;
    }
    /* Once more: others that waited with it may have been wrong. */
    struct refusal refusal;
    if (guess_refused(c, &refusal)) {
        const struct reply_detail detail = {.retry_after_ms = refusal.retry_after_ms,
                                            .account = refusal.account};
        refuse(j, refusal.code, &detail);
        return;
    }
    enum wire_code code = proof_check_join(c, s, &j->message);
    struct member *m = syncshell_member(s, c->peer_id.text);
    if (code == WIRE_CODE_BAD_PROOF)
        guess_failed(c);
    if (code == WIRE_CODE_NONE && !m && s->members.n_entries >= core->config.members_max)
        code = WIRE_CODE_SYNCSHELL_FULL;
    /* The key is rotated when a member is removed. Who was away then must not hear of the key alone, and wait for a new one. */
    bool may_be_removed = code == WIRE_CODE_WRONG_KEY_EPOCH && !m;
    if (code != WIRE_CODE_NONE && !may_be_removed)
        join_refuse(j, code);
    else if (m && s->n_leaving == 0)
        answer(j, m);
    else /* perhaps it is who leaves: then the store knows what it is afterwards */
        ask_store(j, may_be_removed ? STORE_KEY_EPOCH_NONE : j->message.key_epoch);
}

void join_request(const struct request *r)
{
    struct core *core = r->core;
    struct connection *c = r->connection;
    struct refusal refusal;
    struct syncshell *s = syncshell_find(core, r->syncshell_id);
    /* Without closing: what the connection has joined already goes on until its client leaves. */
    if (core->draining) {
        request_refuse(r, WIRE_CODE_SHUTTING_DOWN, NULL);
        return;
    }
    bool again = s && connection_membership(c, s);
    if (!again && c->n_memberships + c->n_joins >= core->config.joined_max) {
        request_refuse(r, WIRE_CODE_TOO_MANY_JOINED, NULL);
        return;
    }
    if (guess_refused(c, &refusal)) {
        request_refuse_by(r, &refusal);
        return;
    }
    if (!request_admitted(r))
        return;
    refusal = (struct refusal){.code = WIRE_CODE_INTERNAL};
    if (!s && !(s = syncshell_load(core, r->syncshell_id, connection_payers(c), &refusal))) {
        request_refuse_by(r, &refusal);
        return;
    }
    if (s->state == SYNCSHELL_STALE) {
        request_refuse(r, s->stale_code, NULL);
        return;
    }
    struct join *j = join_new(r, s);
    if (!j) {
        syncshell_touch(s);
        return;
    }
    if (s->state == SYNCSHELL_LOADING)
        list_append(&s->joins, &j->wait_node);
    else
        join_continue(j);
}

static struct join *find_waiting(struct connection *c, const struct store_op *op)
{
    list_for_each_safe (n, next, &c->joins) {
        struct join *j = container_of(n, struct join, connection_node);
        if (j->op == op)
            return j;
    }
    return NULL;
}

void join_member_added(struct core *core, struct syncshell *s, struct connection *c,
                       struct store_op *op)
{
    (void)core;
    struct join *j = c ? find_waiting(c, op) : NULL;
    enum wire_code code = op->code;
    if (code == WIRE_CODE_NONE && !syncshell_member(s, op->peer_id.text)) {
        /* A new inbox is empty, but numbered after those of former members. */
        const struct store_member stored = {.peer_id = op->peer_id,
                                            .inbox_head = op->ret_seq,
                                            .inbox_acked = op->duplicate ? 0 : op->ret_seq};
        if (member_new(s, &stored) != 0) {
            syncshell_spoil(s);
            code = WIRE_CODE_INTERNAL;
        }
    }
    if (j && code == WIRE_CODE_NONE)
        answer(j, syncshell_member(s, op->peer_id.text));
    else if (j)
        join_refuse(j, code);
    else if (code == WIRE_CODE_NONE && !member_connection(syncshell_member(s, op->peer_id.text)))
        syncshell_announce(s, &op->peer_id, PRESENCE_AWAY);
}
