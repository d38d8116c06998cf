#include "core/bulk.h"

#include <assert.h>

#include "base/str.h"
#include "core/member.h"
#include "core/op.h"
#include "core/reply.h"
#include "core/syncshell.h"

static size_t bulk_bytes(const struct connection *c)
{
    return c->queue.bytes[QUEUE_BULK];
}

/* The frames of a page must leave room for prompt ones; an empty queue always takes something. */
static bool may_read(const struct connection *c)
{
    const struct core_config *config = &c->core->config;
    if (c->state != CONNECTION_READY || c->bulk_reading)
        return false;
    return (bulk_bytes(c) == 0 || bulk_bytes(c) < config->queue_bytes_max / 4) &&
           (c->queue.n_frames == 0 || c->queue.n_frames < config->queue_frames_max / 4);
}

/* Nobody is told that something of theirs comes later, but the operator. */
static void note_delay(const struct connection *c, const struct store_op *op,
                       const struct refusal *refusal)
{
    core_count_refusal(c->core, refusal->code);
    core_emit(c->core,
              &(struct core_event){.kind = CORE_EVENT_REFUSED,
                                   .connection_id = c->id,
                                   .peer_id = c->peer_id,
                                   .type = op->kind == STORE_READ_INBOX ? MESSAGE_INBOX_DELIVERY
                                                                        : MESSAGE_SESSION_SNAPSHOT,
                                   .code = refusal->code,
                                   .has_address = true,
                                   .address = c->address,
                                   .account = refusal->account});
}

/* The page that the store will bring, on top of the operation. What an account refuses is tried again a moment later. */
static bool hold_page(struct connection *c, struct store_op *op)
{
    struct refusal refusal;
    if (op->charge.accounts
            ? charge_resize(&op->charge, op->charge.amount + op->max_bytes, &refusal)
            : charge_take(&op->charge, &c->core->accounts, connection_payers(c), RESOURCE_BYTES,
                          OP_BYTES + op->max_bytes, &refusal))
        return true;
    note_delay(c, op, &refusal);
    timer_set(&c->core->timers, &c->bulk_retry_timer,
              time_add_ms(c->core->now_us, CORE_RETRY_AFTER_MS));
    return false;
}

/* False when there is no room for it yet. */
static bool issue(struct connection *c, struct store_op *op)
{
    const struct core_config *config = &c->core->config;
    size_t half = config->queue_bytes_max / 2;
    size_t quarter = config->queue_frames_max / 4;
    op->max_bytes = half < BULK_PAGE_BYTES ? half : BULK_PAGE_BYTES;
    if (op->kind == STORE_READ_INBOX)
        op->max_rows = quarter < 1 ? 1 : quarter < BULK_PAGE_ROWS ? quarter : BULK_PAGE_ROWS;
    else
        op->max_rows = WIRE_ENTRIES_MAX; /* one frame, whatever the number of its entries */
    if (!hold_page(c, op))
        return false;
    c->bulk_reading = true;
    op_issue(c->core, op);
    return true;
}

static bool pump_snapshot(struct connection *c)
{
    struct list_node *n = list_first(&c->snapshot_ops);
    if (!n || c->bulk_retry_timer.armed)
        return false;
    list_unlink(n);
    if (!issue(c, container_of(n, struct store_op, node))) {
        list_prepend(&c->snapshot_ops, n);
        return false;
    }
    c->bulk_inbox_next = true;
    return true;
}

static bool pump_inbox(struct connection *c)
{
    if (c->bulk_retry_timer.armed)
        return false;
    list_for_each_safe (n, next, &c->memberships) {
        struct membership *ms = container_of(n, struct membership, connection_node);
        if (ms->sent_seq >= ms->member->inbox_head)
            continue;
        struct store_op *op = op_new(c->core, STORE_READ_INBOX, ms->syncshell);
        if (!op) {
            connection_close(c, WIRE_CODE_INTERNAL);
            return false;
        }
        op->connection_id = c->id;
        op->peer_id = c->peer_id;
        op->seq = ms->sent_seq;
        if (!issue(c, op)) {
            store_op_free(op);
            return false;
        }
        c->bulk_inbox_next = false;
        /* The others' turn comes first now. */
        list_unlink(n);
        list_append(&c->memberships, n);
        return true;
    }
    return false;
}

void bulk_pump(struct connection *c)
{
    if (!may_read(c))
        return;
    if (c->bulk_inbox_next ? pump_inbox(c) : pump_snapshot(c))
        return;
    if (c->bulk_inbox_next)
        pump_snapshot(c);
    else
        pump_inbox(c);
}

void bulk_snapshot(struct connection *c, struct store_op *op)
{
    list_append(&c->snapshot_ops, &op->node);
    bulk_pump(c);
}

void bulk_done(struct connection *c, bool failed)
{
    c->bulk_reading = false;
    if (failed)
        timer_set(&c->core->timers, &c->bulk_retry_timer,
                  time_add_ms(c->core->now_us, CORE_RETRY_AFTER_MS));
    bulk_pump(c);
}

void bulk_retry(struct core *core, struct timer *t)
{
    (void)core;
    bulk_pump(container_of(t, struct connection, bulk_retry_timer));
}

void bulk_refuse_snapshots(struct connection *c, const struct wire_id *syncshell_id)
{
    list_for_each_safe (n, next, &c->snapshot_ops) {
        struct store_op *op = container_of(n, struct store_op, node);
        if (!str_equal(op->syncshell_id.text, syncshell_id->text))
            continue;
        assert(c->n_pending > 0);
        c->n_pending--;
        reply_error(c, &op->message_id, MESSAGE_SESSION_SNAPSHOT_REQUEST, WIRE_CODE_NOT_JOINED,
                    NULL);
        store_op_free(op); /* unlinks it */
    }
}
