#include "core/inbox.h"

#include <string.h>

#include "core/bulk.h"
#include "core/member.h"
#include "core/reply.h"
#include "core/syncshell.h"

void inbox_route(const struct request *r)
{
    const struct message_routed *m = &r->message->routed;
    const struct core_config *config = &r->core->config;
    if (!request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_ADD_INBOX);
    if (!op || !request_op_frame(r, op))
        return;
    op->target_peer_id = m->target_peer_id;
    op->recovery_session_id = m->recovery_session_id;
    op->generation = m->generation;
    op->body_format = m->body_format;
    op->expires_unix_ms = core_wall_after_ms(r->core, config->inbox_ttl_ms);
    op->limit_bytes = config->inbox_bytes_max;
    op->limit_rows = config->inbox_messages_max;
    op->pool_bytes = config->syncshell_inbox_bytes_max;
    request_issue(r, op);
}

/* Queues a delivery; false when the connection is closed by it. */
static bool deliver(struct membership *ms, uint64_t seq, const uint8_t *frame, size_t size)
{
    struct message m = {.type = MESSAGE_INBOX_DELIVERY, .body = frame, .body_size = size};
    m.inbox_delivery.syncshell_id = ms->syncshell->id;
    m.inbox_delivery.inbox_seq = seq;
    if (!reply_send_bulk(ms->connection, &m))
        return false;
    ms->sent_seq = seq;
    ms->connection->core->stats.frames_routed++;
    return true;
}

void inbox_added(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op)
{
    (void)core;
    if (op->code != WIRE_CODE_NONE)
        return;
    reply_outcome(c, op);
    struct member *target = syncshell_member(s, op->target_peer_id.text);
    if (!target || op->ret_seq <= target->inbox_head)
        return;
    target->inbox_head = op->ret_seq;
    struct connection *to = member_connection(target);
    if (!to)
        return;
    bool caught_up = target->membership->sent_seq == op->ret_seq - 1;
    if (caught_up && connection_has_room(to, QUEUE_BULK, op->frame->size))
        deliver(target->membership, op->ret_seq, op->frame->data, op->frame->size);
    else
        bulk_pump(to);
}

void inbox_ack(const struct request *r)
{
    const struct message_ack_inbox *m = &r->message->ack_inbox;
    if (m->inbox_seq > r->membership->member->inbox_head) {
        request_refuse(r, WIRE_CODE_BAD_CURSOR, NULL);
        return;
    }
    if (!request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_ACK_INBOX);
    if (!op)
        return;
    op->seq = m->inbox_seq;
    request_issue(r, op);
}

void inbox_acked(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op)
{
    (void)core;
    if (op->code != WIRE_CODE_NONE)
        return;
    struct member *m = syncshell_member(s, op->peer_id.text);
    if (m && op->seq > m->inbox_acked)
        m->inbox_acked = op->seq;
    reply_outcome(c, op);
}

uint64_t inbox_start(const struct core *core, const struct member *m,
                     const struct message_join_syncshell *join, bool *ret_recovered)
{
    if (!join->has_inbox_cursor) {
        *ret_recovered = true;
        return m->inbox_acked;
    }
    bool usable = strcmp(join->store_epoch.text, core->config.store_epoch.text) == 0 &&
                  join->inbox_cursor <= m->inbox_head && join->inbox_cursor >= m->inbox_acked;
    *ret_recovered = usable;
    return usable ? join->inbox_cursor : m->inbox_acked;
}

void inbox_read(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op)
{
    (void)core;
    if (!c)
        return;
    struct membership *ms = connection_membership(c, s);
    /* The page is of before it was shut out when it has joined anew meanwhile, and goes on from elsewhere. */
    if (ms && op->code == WIRE_CODE_NONE && ms->sent_seq == op->seq) {
        for (size_t i = 0; i < op->n_inbox; i++) {
            const struct store_inbox_entry *e = &op->inbox[i];
            if (!deliver(ms, e->seq, e->frame, e->frame_bytes))
                return;
        }
        /* What is missing up to the head has expired or was acknowledged. */
        if ((op->complete || op->n_inbox == 0) && op->ret_seq > ms->sent_seq)
            ms->sent_seq = op->ret_seq;
    }
    bulk_done(c, op->code != WIRE_CODE_NONE);
}
