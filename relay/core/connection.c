#include "core/connection.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/admission.h"
#include "core/bulk.h"
#include "core/join.h"
#include "core/member.h"
#include "core/proof.h"
#include "core/syncshell.h"

enum {
    CLOSE_CODE_INTERNAL = 1011, /* RFC 6455, 7.4.1: an unexpected condition at the server */
    /* Of what is being received and what the socket did not take: ample for Hello and an Authenticate in pieces. */
    UNAUTHENTICATED_BUFFERS_MAX = 128 * 1024,
};

static void handshake_expired(struct core *core, struct timer *t)
{
    (void)core;
    connection_close(container_of(t, struct connection, handshake_timer),
                     WIRE_CODE_HANDSHAKE_TIMEOUT);
}

static int take_admission(struct connection *c, struct admission *a)
{
    struct refusal refusal;
    int r = core_admission_upgrade(a, c->core->now_us);
    if (r != 0)
        return r;
    if (!charge_take(&c->memory, &c->core->accounts, &a->connection.payers, RESOURCE_BYTES, 0,
                     &refusal) ||
        !charge_take(&c->buffers, &c->core->accounts, &a->connection.payers, RESOURCE_BYTES, 0,
                     &refusal)) {
        charge_drop(&c->memory);
        return CORE_E_FULL;
    }
    c->address = a->address;
    c->place = a->connection;
    a->connection = (struct charge){0};
    core_admission_free(a);
    return 0;
}

int connection_new(struct core *core, struct connection **ret_connection, void *userdata,
                   struct admission *admission)
{
    struct connection *c = calloc(1, sizeof *c);
    if (!c)
        return -ENOMEM;
    c->core = core;
    c->userdata = userdata;
    c->state = CONNECTION_HELLO;
    c->id = ++core->last_connection_id;
    snprintf(c->id_text, sizeof c->id_text, "%" PRIu64, c->id);
    list_init(&c->memberships);
    list_init(&c->joins);
    list_init(&c->snapshot_ops);
    queue_init(&c->queue);
    c->handshake_timer.fire = handshake_expired;
    c->bulk_retry_timer.fire = bulk_retry;

    int r = proof_nonce(core, &c->nonce);
    if (r == 0)
        r = map_insert(&core->connections_by_id, &c->id_node, c->id_text);
    if (r == 0 && (r = take_admission(c, admission)) != 0)
        map_remove(&core->connections_by_id, &c->id_node);
    if (r != 0) {
        free(c);
        return r == MAP_E_FULL ? CORE_E_FULL : r;
    }
    list_append(&core->connections, &c->node);
    core->stats.connections++;
    timer_set(&core->timers, &c->handshake_timer,
              time_add_ms(core->now_us, core->config.handshake_timeout_ms));
    *ret_connection = c;
    return 0;
}

/* Charges it for its queue, and for `more` to be pushed. What every queue may have costs nothing, so that who reads hears of
 * whatever is refused, and goes on, when accounts are full. */
static bool charge_queue(struct connection *c, size_t more, struct refusal *ret_refusal)
{
    size_t cost = queue_cost(&c->queue) + more;
    return charge_resize(&c->memory, cost > QUEUE_FREE_BYTES ? cost - QUEUE_FREE_BYTES : 0,
                         ret_refusal);
}

bool core_connection_buffers(struct connection *c, uint64_t now_us, size_t bytes)
{
    struct refusal refusal;
    core_enter(c->core, now_us);
    bool held = c->authenticated || bytes <= UNAUTHENTICATED_BUFFERS_MAX;
    if (!held)
        connection_close(c, WIRE_CODE_HEADER_TOO_LARGE); /* Authenticate is no more than that */
    else if (!(held = charge_resize(&c->buffers, bytes, &refusal)))
        connection_close(c, refusal.code);
    core_leave(c->core);
    return held;
}

/* It has become shorter, which never fails. */
static void refund_queue(struct connection *c)
{
    struct refusal unused;
    charge_queue(c, 0, &unused);
}

static void drop_queue(struct connection *c)
{
    c->core->stats.queued_bytes -= queue_bytes(&c->queue);
    queue_deinit(&c->queue);
    refund_queue(c);
    list_unlink(&c->send_node);
}

void connection_release(struct connection *c)
{
    list_unlink(&c->closed_node);
    list_for_each_safe (n, next, &c->joins) {
        join_free(container_of(n, struct join, connection_node));
    }
    list_for_each_safe (n, next, &c->snapshot_ops) {
        store_op_free(container_of(n, struct store_op, node));
    }
    list_for_each_safe (n, next, &c->memberships) {
        membership_release(container_of(n, struct membership, connection_node), c->replaced);
    }
    timer_cancel(&c->core->timers, &c->bulk_retry_timer);
}

struct connection *connection_free(struct connection *c)
{
    if (!c)
        return NULL;
    struct core *core = c->core;
    /* From here on nothing can be sent to it: releasing its memberships must not find it. */
    c->state = CONNECTION_CLOSED;
    connection_release(c);
    drop_queue(c);
    assert(c->n_memberships == 0 && c->n_joins == 0 && c->n_signals_wait == 0);
    timer_cancel(&core->timers, &c->handshake_timer);
    map_remove(&core->connections_by_peer, &c->peer_node);
    map_remove(&core->connections_by_id, &c->id_node);
    list_unlink(&c->close_node);
    list_unlink(&c->node);
    if (c->authenticated)
        core->stats.authenticated--;
    core->stats.connections--;
    assert(c->memory.amount == 0);
    charge_drop(&c->memory);
    charge_drop(&c->buffers);
    charge_drop(&c->place);
    free(c);
    return NULL;
}

int connection_authenticated(struct connection *c, const struct wire_peer_id *peer_id)
{
    struct core *core = c->core;
    struct map_node *n = map_find(&core->connections_by_peer, peer_id->text);
    if (n) {
        struct connection *older = container_of(n, struct connection, peer_node);
        older->replaced = true;
        connection_close(older, WIRE_CODE_REPLACED);
        map_remove(&core->connections_by_peer, n);
    }
    c->peer_id = *peer_id;
    struct account *account = accounts_peer(&core->accounts, peer_id->text);
    if (!account)
        return -ENOMEM;
    charge_join(&c->place, account);
    charge_join(&c->memory, account);
    account_unref(account);
    int r = map_insert(&core->connections_by_peer, &c->peer_node, c->peer_id.text);
    if (r != 0)
        return -ENOMEM;
    timer_cancel(&core->timers, &c->handshake_timer);
    c->state = CONNECTION_READY;
    c->authenticated = true;
    core->stats.authenticated++;
    core_emit(core, &(struct core_event){.kind = CORE_EVENT_AUTHENTICATED,
                                         .connection_id = c->id,
                                         .peer_id = c->peer_id});
    return 0;
}

static bool code_is_about_memory(enum wire_code code)
{
    return code == WIRE_CODE_RELAY_BUSY || code == WIRE_CODE_ADDRESS_QUOTA ||
           code == WIRE_CODE_PEER_QUOTA;
}

static void connection_close_as(struct connection *c, enum wire_code code, uint16_t close_code)
{
    struct core *core = c->core;
    if (c->state == CONNECTION_CLOSED)
        return;
    c->state = CONNECTION_CLOSED;
    c->close_code = close_code;
    c->close_reason = wire_code_name(code);
    timer_cancel(&core->timers, &c->handshake_timer);
    /* A reader that is slow or gone would not read this either. */
    if (code == WIRE_CODE_REPLACED || code == WIRE_CODE_SLOW_READER || code == WIRE_CODE_IDLE ||
        code_is_about_memory(code))
        drop_queue(c);
    list_append(&core->closes, &c->close_node);
    list_append(&core->closed, &c->closed_node);
    core->closings[code]++;
    core_emit(core, &(struct core_event){.kind = CORE_EVENT_CLOSED,
                                         .connection_id = c->id,
                                         .peer_id = c->peer_id,
                                         .code = code,
                                         .has_address = true,
                                         .address = c->address});
}

void connection_close(struct connection *c, enum wire_code code)
{
    uint16_t close_code = wire_code_close(code);
    connection_close_as(c, code, close_code ? close_code : CLOSE_CODE_INTERNAL);
}

static bool push(struct connection *c, struct frame *frame, enum queue_class class)
{
    struct core *core = c->core;
    bool was_empty = c->queue.n_frames == 0;
    struct refusal refusal = {.code = WIRE_CODE_INTERNAL};
    if (!charge_queue(c, frame->size + QUEUE_ITEM_BYTES, &refusal)) {
        connection_close(c, refusal.code);
        return false;
    }
    if (queue_push(&c->queue, frame, class) != 0) {
        refund_queue(c);
        connection_close(c, WIRE_CODE_INTERNAL);
        return false;
    }
    core->stats.queued_bytes += frame->size;
    if (was_empty && !list_node_linked(&c->send_node))
        list_append(&core->sends, &c->send_node);
    return true;
}

bool connection_send(struct connection *c, struct frame *frame)
{
    const struct core_config *config = &c->core->config;
    if (c->state == CONNECTION_CLOSED)
        return false;
    /* Whatever fits no limit goes out alone: a limit below a frame's size must not cut a peer off. */
    size_t prompt = c->queue.bytes[QUEUE_PROMPT];
    if (c->queue.n_frames >= config->queue_frames_max ||
        (prompt > 0 && prompt + frame->size > config->queue_bytes_max)) {
        connection_close(c, WIRE_CODE_SLOW_READER);
        return false;
    }
    return push(c, frame, QUEUE_PROMPT);
}

bool connection_send_bulk(struct connection *c, struct frame *frame)
{
    return c->state != CONNECTION_CLOSED && push(c, frame, QUEUE_BULK);
}

bool connection_has_room(const struct connection *c, enum queue_class class, size_t size)
{
    const struct core_config *config = &c->core->config;
    size_t bytes = c->queue.bytes[class];
    return (bytes == 0 || bytes + size <= config->queue_bytes_max / 2) &&
           (c->queue.n_frames == 0 || c->queue.n_frames < config->queue_frames_max / 2);
}

struct frame *connection_pull(struct connection *c)
{
    struct frame *frame = queue_pop(&c->queue);
    if (!frame)
        return NULL;
    c->core->stats.queued_bytes -= frame->size;
    refund_queue(c);
    return frame;
}

struct connection *connection_find(const struct core *core, uint64_t id)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRIu64, id);
    struct map_node *n = map_find(&core->connections_by_id, text);
    if (!n)
        return NULL;
    struct connection *c = container_of(n, struct connection, id_node);
    return c->state == CONNECTION_CLOSED ? NULL : c;
}

struct membership *connection_membership(const struct connection *c, const struct syncshell *s)
{
    struct member *m = syncshell_member(s, c->peer_id.text);
    if (!m || !m->membership || m->membership->connection != c)
        return NULL;
    return m->membership;
}

struct membership *connection_joined(struct connection *c, const struct wire_id *syncshell_id)
{
    struct list_node *first = list_first(&c->memberships);
    if (!first)
        return NULL;
    struct membership *ms = container_of(first, struct membership, connection_node);
    if (strcmp(ms->syncshell->id.text, syncshell_id->text) == 0)
        return ms;
    const struct syncshell *s = syncshell_find(c->core, syncshell_id);
    ms = s ? connection_membership(c, s) : NULL;
    if (ms) {
        list_unlink(&ms->connection_node);
        list_prepend(&c->memberships, &ms->connection_node);
    }
    return ms;
}
