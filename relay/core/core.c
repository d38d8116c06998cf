#include "core/core_state.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "core/bulk.h"
#include "core/connection.h"
#include "core/handshake.h"
#include "core/ice.h"
#include "core/member.h"
#include "core/op.h"
#include "core/reply.h"
#include "core/sweep.h"
#include "core/syncshell.h"

/* Above any frame: a header, a line feed and a sender's whole frame as body. */
#define SCRATCH_BYTES_MAX \
    ((size_t)WIRE_REPLY_HEADER_MAX + WIRE_REQUEST_HEADER_MAX + WIRE_BODY_MAX + 16)

static void config_set(struct core_config *config, const struct core_config *from)
{
    *config = *from;
    /* More than this does not fit SyncshellJoined. */
    if (config->members_max > WIRE_MEMBERS_MAX)
        config->members_max = WIRE_MEMBERS_MAX;
}

int core_new(struct core **ret_core, const struct core_config *config, const struct core_host *host,
             uint64_t now_us)
{
    uint64_t seed[2] = {0};
    int r = host->random(host->userdata, seed, sizeof seed);
    if (r < 0)
        return r;
    struct core *core = calloc(1, sizeof *core);
    if (!core)
        return -ENOMEM;
    config_set(&core->config, config);
    core->host = *host;
    core->now_us = now_us;
    list_init(&core->connections);
    list_init(&core->events);
    list_init(&core->ops);
    list_init(&core->sends);
    list_init(&core->closes);
    list_init(&core->closed);
    list_init(&core->idle);
    list_init(&core->loads);
    list_init(&core->arrivals);
    accounts_init(&core->accounts, &core->config.accounts, &core->now_us, CORE_OBJECTS_MAX, seed);
    ice_networks_init(&core->ice_networks, seed);
    map_init(&core->connections_by_id, CORE_OBJECTS_MAX, seed);
    map_init(&core->connections_by_peer, CORE_OBJECTS_MAX, seed);
    map_init(&core->syncshells, CORE_OBJECTS_MAX, seed);
    buf_init(&core->scratch, SCRATCH_BYTES_MAX);
    sweep_init(core);
    *ret_core = core;
    return 0;
}

struct core *core_free(struct core *core)
{
    if (!core)
        return NULL;
    assert(list_empty(&core->connections));
    list_for_each_safe (n, next, &core->ops) {
        store_op_free(container_of(n, struct store_op, node));
        core->stats.ops_in_flight--;
    }
    assert(core->stats.ops_in_flight == 0);
    for (struct map_node *n = map_next(&core->syncshells, NULL); n;) {
        struct syncshell *s = container_of(n, struct syncshell, node);
        n = map_next(&core->syncshells, n);
        syncshell_free(s);
    }
    for (struct core_effect e; core_next_effect(core, &e);)
        assert(e.kind == EFFECT_EVENT);
    timer_cancel(&core->timers, &core->sweep_timer);
    assert(timers_due_us(&core->timers) == TIME_NEVER_US);
    assert(core->stats.queued_bytes == 0 && core->stats.held_bytes == 0 &&
           core->stats.held_frames == 0 && core->stats.attempts_live == 0);
    accounts_deinit(&core->accounts);
    ice_networks_deinit(&core->ice_networks);
    map_deinit(&core->connections_by_id);
    map_deinit(&core->connections_by_peer);
    map_deinit(&core->syncshells);
    buf_deinit(&core->scratch);
    free(core);
    return NULL;
}

void core_enter(struct core *core, uint64_t now_us)
{
    if (now_us > core->now_us)
        core->now_us = now_us;
    core->wall_known = false;
}

void core_leave(struct core *core)
{
    /* Releasing a connection may close further ones, and both may leave syncshells idle. */
    for (struct list_node *n = list_first(&core->closed); n; n = list_first(&core->closed))
        connection_release(container_of(n, struct connection, closed_node));
    for (struct list_node *n = list_first(&core->idle); n; n = list_first(&core->idle)) {
        list_unlink(n);
        syncshell_unload_if_idle(container_of(n, struct syncshell, idle_node));
    }
}

struct wall_time core_wall_now(struct core *core)
{
    if (!core->wall_known)
        core->wall = core->host.wall_now(core->host.userdata);
    core->wall_known = true;
    return core->wall;
}

int64_t core_wall_after_ms(struct core *core, uint64_t delta_ms)
{
    int64_t now_ms = core_wall_now(core).unix_ms;
    return delta_ms > (uint64_t)(INT64_MAX - now_ms) ? INT64_MAX : now_ms + (int64_t)delta_ms;
}

void core_reconfigure(struct core *core, const struct core_config *config)
{
    ice_move_counts(core, config->ice_servers);
    config_set(&core->config, config);
    ice_networks_clear(&core->ice_networks); /* it knows servers by their places */
}

static void announce_going_away(struct connection *c, uint64_t reconnect_after_ms)
{
    struct message m = {.type = MESSAGE_GO_AWAY};
    m.go_away.reconnect_after_ms = (uint32_t)reconnect_after_ms;
    str_copy(m.go_away.text, sizeof m.go_away.text, wire_code_text(WIRE_CODE_SHUTTING_DOWN));
    reply_send(c, &m);
}

int core_connect(struct core *core, uint64_t now_us, void *userdata, struct admission *admission,
                 struct connection **ret_connection)
{
    core_enter(core, now_us);
    struct connection *c;
    int r = connection_new(core, &c, userdata, admission);
    if (r == 0) {
        handshake_hello(c);
        if (core->draining)
            announce_going_away(c, (uint64_t)time_until_ms(core->now_us, core->drain_end_us));
        *ret_connection = c;
    }
    core_leave(core);
    return r;
}

void core_disconnect(struct connection *connection, uint64_t now_us)
{
    struct core *core = connection->core;
    core_enter(core, now_us);
    connection_free(connection);
    core_leave(core);
}

void core_heartbeat_missed(struct connection *connection, uint64_t now_us)
{
    struct core *core = connection->core;
    core_enter(core, now_us);
    connection_close(connection, WIRE_CODE_IDLE);
    core_leave(core);
}

bool core_joins_wait(const struct core *core)
{
    return !list_empty(&core->arrivals);
}

void core_join_next(struct core *core, uint64_t now_us)
{
    core_enter(core, now_us);
    syncshell_join_next(core);
    core_leave(core);
}

void core_tick(struct core *core, uint64_t now_us)
{
    core_enter(core, now_us);
    for (struct timer *t = timers_pop(&core->timers, core->now_us); t;
         t = timers_pop(&core->timers, core->now_us))
        t->fire(core, t);
    core_leave(core);
}

uint64_t core_deadline_us(const struct core *core)
{
    return timers_due_us(&core->timers);
}

/* Everybody hears it at once, so that nobody is surprised; the times of coming back are spread evenly. */
void core_drain(struct core *core, uint64_t now_us, uint32_t window_ms)
{
    core_enter(core, now_us);
    core->draining = true;
    core->drain_end_us = time_add_ms(core->now_us, window_ms);
    uint64_t i = 0;
    list_for_each_safe (n, next, &core->connections) {
        announce_going_away(container_of(n, struct connection, node),
                            i++ * window_ms / core->stats.connections);
    }
    for (struct map_node *n = map_next(&core->syncshells, NULL); n;
         n = map_next(&core->syncshells, n))
        syncshell_flush(container_of(n, struct syncshell, node));
    core_leave(core);
}

struct frame *core_connection_pull(struct connection *connection, uint64_t now_us)
{
    core_enter(connection->core, now_us);
    struct frame *frame = connection_pull(connection);
    if (frame) {
        connection_send_signals(connection);
        bulk_pump(connection);
    }
    core_leave(connection->core);
    return frame;
}

bool core_connection_pending(const struct connection *connection)
{
    return connection->queue.n_frames > 0;
}

bool core_connection_is_member(const struct connection *connection)
{
    return connection->n_memberships > 0;
}

void *core_connection_userdata(const struct connection *connection)
{
    return connection->userdata;
}

uint64_t core_connection_id(const struct connection *connection)
{
    return connection->id;
}

void core_stats(const struct core *core, struct core_stats *ret_stats)
{
    *ret_stats = core->stats;
    ret_stats->charged_bytes = core->accounts.relay.used[RESOURCE_BYTES];
    ret_stats->handshakes = core->accounts.relay.used[RESOURCE_HANDSHAKES];
    ret_stats->addresses = core->accounts.addresses.n_entries;
    ret_stats->peers = core->accounts.peers.n_entries;
}

void core_ice_outcomes(const struct core *core, size_t provider, uint64_t *ret_worked,
                       uint64_t *ret_failed)
{
    *ret_worked = core->ice_worked[provider];
    *ret_failed = core->ice_failed[provider];
}

void core_count_refusal(struct core *core, enum wire_code code)
{
    core->refusals[code]++;
}

uint64_t core_refusals(const struct core *core, enum wire_code code)
{
    return core->refusals[code];
}

uint64_t core_closings(const struct core *core, enum wire_code code)
{
    return core->closings[code];
}
