#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sim.h"

static const int64_t EPOCH_MS = 1700000000000;
static const uint64_t RELOAD_PAUSE_US = UINT64_C(20000000);
static const uint64_t FORGETS_US = UINT64_C(3600000000);

/* --- the host ------------------------------------------------------------------------------------------------------ */

static bool host_verify(void *userdata, const char *public_key, const char *signature,
                        const void *text, size_t size)
{
    struct wire_signature expected;
    (void)userdata;
    stub_sign(public_key, text, size, &expected);
    return strcmp(expected.text, signature) == 0;
}

static int host_random(void *userdata, void *ret_bytes, size_t size)
{
    struct sim *s = userdata;
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)ret_bytes)[i] = (uint8_t)random_next(&s->relay.random);
    return 0;
}

static int host_sha256(void *userdata, const void *data, size_t size,
                       char ret_hex[CORE_SHA256_SIZE])
{
    struct sim *s = userdata;
    const struct engine_crypto crypto = stub_crypto_services(&s->rogue.peer->station.crypto);
    struct wire_sha256 hash;
    if (crypto.sha256(crypto.userdata, data, size, &hash) != 0)
        return -1;
    memcpy(ret_hex, hash.text, CORE_SHA256_SIZE);
    return 0;
}

static struct wall_time host_wall_now(void *userdata)
{
    const struct sim *s = userdata;
    return (struct wall_time){.unix_ms =
                                  EPOCH_MS + (int64_t)(s->now_us / 1000) + s->relay.wall_offset_ms};
}

/* --- kills --------------------------------------------------------------------------------------------------------- */

/* One more step: false when the process dies before it is done. */
static bool step(struct sim *s)
{
    struct relay *r = &s->relay;
    r->n_steps++;
    if (r->kill_at == 0 || r->n_steps < r->kill_at)
        return !r->killed;
    r->kill_at = 0;
    r->killed = true;
    return false;
}

static void take_back_ops(struct sim *s)
{
    struct relay *r = &s->relay;
    struct core_effect e;
    while (!list_empty(&r->synced)) {
        struct list_node *n = r->synced.head.prev;
        list_unlink(n);
        list_prepend(&r->ops, n);
    }
    for (bool more = true; more;) {
        more = false;
        for (struct list_node *n = list_first(&r->ops); n; n = list_first(&r->ops)) {
            struct store_op *op = container_of(n, struct store_op, node);
            list_unlink(n);
            op->code = WIRE_CODE_STORE_UNAVAILABLE;
            core_store_done(r->core, s->now_us, op);
        }
        while (core_next_effect(r->core, &e)) {
            more = true;
            if (e.kind == EFFECT_STORE)
                list_append(&r->ops, &e.op->node);
        }
    }
}

/* The process is gone: what the core still says while it is taken apart, nobody hears. */
void relay_die(struct sim *s, uint64_t down_us)
{
    struct relay *r = &s->relay;
    if (!r->core)
        return;
    sim_trace(s, "relay: dies");
    r->killed = false;
    r->kill_at = 0;
    list_for_each_safe (n, next, &s->wires) {
        struct wire *w = container_of(n, struct wire, node);
        if (!w->relay_end)
            continue;
        wire_break(s, w, 0, random_below(&s->random, 200000));
        wire_relay_end_gone(s, w);
    }
    take_back_ops(s);
    r->core = core_free(r->core);
    r->draining = false;
    r->up_us = s->now_us + down_us;
}

void relay_boot(struct sim *s)
{
    struct relay *r = &s->relay;
    sim_trace(s, "relay: starts");
    if (core_new(&r->core, &r->config, &r->host, s->now_us) != 0)
        sim_fail(s, "sim", "the core does not start");
    r->life++;
    ledger_relay_starts(&s->ledger, r->life);
    relay_settle(s);
}

/* --- effects ------------------------------------------------------------------------------------------------------- */

static uint64_t disk_time(struct sim *s)
{
    uint64_t slow_us = s->now_us < s->relay.slow_until_us ? 2000000 : 3000;
    return s->now_us + random_below(&s->random, slow_us);
}

static void carry_out(struct sim *s, const struct core_effect *e)
{
    struct relay *r = &s->relay;
    struct wire *w;
    switch (e->kind) {
    case EFFECT_SEND:
        w = core_connection_userdata(e->connection);
        w->pulls = true;
        break;
    case EFFECT_CLOSE:
        w = core_connection_userdata(e->connection);
        w->closing = true;
        w->pulls = true;
        w->close_code = e->close_code;
        w->relay_learns_us =
            time_min(w->relay_learns_us, s->now_us + random_below(&s->random, 30000));
        sim_trace(s, "relay: closes wire %u: %s", w->id, e->close_reason);
        rogue_watches_close(s, w);
        break;
    case EFFECT_STORE:
        if (list_empty(&r->ops))
            r->sync_us = disk_time(s);
        list_append(&r->ops, &e->op->node);
        break;
    case EFFECT_EVENT:
        s->stats->core_events[e->event.kind]++;
        ledger_core_event(&s->ledger, &e->event);
        break;
    }
}

static void pull(struct sim *s, struct wire *w)
{
    struct frame *f = core_connection_pull(w->relay_end, s->now_us);
    if (!f)
        sim_fail(s, "sim", "a frame was promised and not given");
    ledger_heard(&s->ledger, w, f);
    s->stats->frames++;
    wire_send_down(w, f);
}

static bool pull_some(struct sim *s)
{
    list_for_each_safe (n, next, &s->wires) {
        struct wire *w = container_of(n, struct wire, node);
        if (!w->relay_end || !w->pulls || s->now_us < w->down_stalled_us)
            continue;
        if (core_connection_pending(w->relay_end)) {
            pull(s, w);
            return true;
        }
        w->pulls = false;
        w->stalled_turn = 0;
        w->stalled_us = 0;
    }
    return false;
}

/* Effects are complete before the socket is written, and a frame at a time is written. */
void relay_settle(struct sim *s)
{
    struct relay *r = &s->relay;
    struct core_effect e;
    while (r->core && !r->killed) {
        if (core_next_effect(r->core, &e)) {
            carry_out(s, &e);
            step(s);
        } else if (!pull_some(s)) {
            break;
        } else {
            step(s);
        }
    }
    if (r->killed)
        relay_die(s, r->kill_down_us);
    else
        ledger_audit(&s->ledger);
}

/* --- input --------------------------------------------------------------------------------------------------------- */

void relay_hear(struct sim *s, struct wire *w)
{
    struct frame *f = wire_take(&w->up);
    if (!f)
        return;
    if (step(s)) {
        ledger_said(&s->ledger, w, f);
        s->relay.hears = w;
        core_receive(w->relay_end, s->now_us, f->binary, f->data, f->size);
    }
    frame_unref(f);
    relay_settle(s);
    s->relay.hears = NULL;
}

void relay_tick(struct sim *s)
{
    core_tick(s->relay.core, s->now_us);
    relay_settle(s);
}

static bool reads(const struct store_op *op)
{
    return op->kind == STORE_LOAD_SYNCSHELL || op->kind == STORE_READ_SNAPSHOT ||
           op->kind == STORE_READ_INBOX;
}

/* `lost`: so is the transaction, and nothing of it happens; what only reads needs none. */
static void execute(struct sim *s, struct store_op *op, bool lost)
{
    const struct relay *r = &s->relay;
    if (s->now_us < r->full_until_us && op->frame)
        op->code = WIRE_CODE_STORE_FULL;
    else if (s->now_us < r->broken_until_us || (lost && !reads(op)))
        op->code = WIRE_CODE_STORE_UNAVAILABLE;
    else
        fake_store_execute(r->store, op);
    ledger_synced(&s->ledger, op);
}

/* Whether there is anything to write among the first n operations that wait. */
static bool writes(const struct relay *r, size_t n_max)
{
    list_for_each_safe (n, next, &r->ops) {
        if (n_max-- == 0)
            break;
        if (!reads(container_of(n, struct store_op, node)))
            return true;
    }
    return false;
}

/* The transaction waits for somebody else's lock, but not for ever. */
static bool waits(struct sim *s)
{
    struct relay *r = &s->relay;
    if (s->now_us >= r->locked_until_us || r->waits_for_lock) {
        r->waits_for_lock = false;
        return false;
    }
    r->waits_for_lock = true;
    r->sync_us = time_min(r->locked_until_us, s->now_us + SIM_RELAY_BUSY_US);
    return true;
}

static bool lose(struct sim *s)
{
    struct relay *r = &s->relay;
    bool lost = r->fails_once || s->now_us < r->locked_until_us;
    r->fails_once = false;
    return lost;
}

/* One transaction of some of what waits: a kill before it loses all of it, a kill after it the answers. */
void relay_sync(struct sim *s)
{
    struct relay *r = &s->relay;
    size_t n_max = random_between(&s->random, 1, 20);
    bool transaction = writes(r, n_max);
    if (transaction && waits(s))
        return;
    if (step(s)) {
        bool lost = transaction && lose(s);
        s->stats->syncs++;
        for (size_t i = 0; i < n_max && !list_empty(&r->ops); i++) {
            struct list_node *n = list_first(&r->ops);
            execute(s, container_of(n, struct store_op, node), lost);
            list_unlink(n);
            list_append(&r->synced, n);
        }
        r->sync_us = disk_time(s);
    }
    relay_settle(s);
}

void relay_answer(struct sim *s)
{
    struct list_node *n = list_first(&s->relay.synced);
    if (step(s)) {
        list_unlink(n);
        ledger_learned(&s->ledger, container_of(n, struct store_op, node));
        core_store_done(s->relay.core, s->now_us, container_of(n, struct store_op, node));
    }
    relay_settle(s);
}

void relay_join(struct sim *s)
{
    if (step(s))
        core_join_next(s->relay.core, s->now_us);
    relay_settle(s);
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

/* What otherwise lives for days ends in the middle of things. */
static void expire_soon(const struct sim *s, struct core_config *c)
{
    uint64_t random = s->seed ^ UINT64_C(0x6578706972);
    if (!random_one_in(&random, 4))
        return;
    c->session_ttl_ms = (uint32_t)random_between(&random, 2000, 60000);
    c->inbox_ttl_ms = (uint32_t)random_between(&random, 2000, 60000);
    c->recovery_code_ttl_ms = (uint32_t)random_between(&random, 2000, 60000);
}

static void draw_limits(struct core_config *c, uint64_t *random)
{
    struct core_config defaults;
    core_config_defaults(&defaults);
    c->queue_bytes_max = defaults.queue_bytes_max;
    c->queue_frames_max = defaults.queue_frames_max;
    c->pending_ops_max = defaults.pending_ops_max;
    c->inbox_messages_max = defaults.inbox_messages_max;
    c->syncshell_inbox_bytes_max = defaults.syncshell_inbox_bytes_max;
    if (random_one_in(random, 3)) {
        c->queue_bytes_max = (uint32_t)random_between(random, 8000, 64000);
        c->queue_frames_max = (uint32_t)random_between(random, 16, 100);
    }
    if (random_one_in(random, 3))
        c->pending_ops_max = (uint32_t)random_between(random, 4, 16);
    if (random_one_in(random, 4))
        c->inbox_messages_max = (uint32_t)random_between(random, 4, 16);
    if (random_one_in(random, 4))
        c->syncshell_inbox_bytes_max = (uint32_t)random_between(random, 32000, 256000);
}

static void configure(struct sim *s)
{
    static const char *const origins[] = {sim_relay_url, NULL};
    struct relay *r = &s->relay;
    struct core_config *c = &r->config;
    uint64_t random = s->seed ^ UINT64_C(0x636f6e66);
    core_config_defaults(c);
    c->origins = origins;
    wire_id_set(&c->relay_id, "relay");
    wire_id_set(&c->store_epoch, "epoch");
    c->offer_ttl_ms = (uint32_t)random_between(&random, 2000, 30000);
    draw_limits(c, &random);
    expire_soon(s, c);
    r->reload_random = s->seed ^ UINT64_C(0x72656c6f6164);
    r->reload_us = random_one_in(&r->reload_random, 3)
                       ? random_below(&r->reload_random, RELOAD_PAUSE_US)
                       : TIME_NEVER_US;
}

/* The operator has other limits: for those who are connected, too. */
void relay_reload(struct sim *s)
{
    struct relay *r = &s->relay;
    sim_trace(s, "relay: reloads");
    draw_limits(&r->config, &r->reload_random);
    r->reload_us =
        s->healed ? TIME_NEVER_US : s->now_us + random_below(&r->reload_random, RELOAD_PAUSE_US);
    if (r->core)
        core_reconfigure(r->core, &r->config);
    relay_settle(s);
}

void relay_init(struct sim *s)
{
    struct relay *r = &s->relay;
    r->random = s->seed ^ UINT64_C(0x72656c6179);
    r->host = (struct core_host){.userdata = s,
                                 .sha256 = host_sha256,
                                 .verify = host_verify,
                                 .random = host_random,
                                 .wall_now = host_wall_now};
    list_init(&r->ops);
    list_init(&r->synced);
    r->store = fake_store_new();
    configure(s);
    relay_boot(s);
}

/* Until nothing is due for an hour of its clock. */
static void grow_old(struct sim *s)
{
    struct relay *r = &s->relay;
    uint64_t end_us = s->now_us + FORGETS_US;
    while (r->core) {
        uint64_t due_us = time_min(core_deadline_us(r->core), end_us);
        if (!list_empty(&r->synced)) {
            relay_answer(s);
        } else if (core_joins_wait(r->core)) {
            relay_join(s);
        } else if (!list_empty(&r->ops)) {
            relay_sync(s);
        } else if (due_us < end_us) {
            s->now_us = due_us > s->now_us ? due_us : s->now_us;
            relay_tick(s);
        } else {
            return;
        }
    }
}

void relay_forgotten(struct sim *s)
{
    struct relay *r = &s->relay;
    struct core_stats stats;
    if (!r->core)
        return;
    list_for_each_safe (n, next, &s->wires)
        wire_relay_end_gone(s, container_of(n, struct wire, node));
    relay_settle(s);
    grow_old(s);
    core_stats(r->core, &stats);
    const struct {
        const char *what;
        uint64_t n;
    } left[] = {
        {"connections", stats.connections},         {"handshakes", stats.handshakes},
        {"attempts", stats.attempts_live},          {"held bytes", stats.held_bytes},
        {"queued bytes", stats.queued_bytes},       {"operations", stats.ops_in_flight},
        {"charged bytes", stats.charged_bytes},     {"accounts of peers", stats.peers},
        {"accounts of addresses", stats.addresses}, {"syncshells", stats.syncshells_loaded},
    };
    for (size_t i = 0; i < sizeof left / sizeof *left; i++)
        if (left[i].n != 0)
            sim_fail(s, "P6", "everybody is gone, and the relay keeps %u %s", (unsigned)left[i].n,
                     left[i].what);
}

void relay_deinit(struct sim *s)
{
    relay_die(s, 0);
    fake_store_free(s->relay.store);
}
