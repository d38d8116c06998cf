#include <stdio.h>

#include <syncshell/syncshell.h>

#include "random.h"
#include "sim.h"

enum { HALF_OPEN_US = 45000000, STEPS_TO_KILL = 40 };

/* All return whether there was something to do it to. */

static bool cut(struct sim *s, struct peer *p, uint64_t delay_us)
{
    if (!p->wire || p->wire->broken)
        return false;
    wire_break(s, p->wire, random_below(&s->random, delay_us), random_below(&s->random, delay_us));
    return true;
}

static bool stall(struct sim *s, struct peer *p, uint64_t until_us, bool down)
{
    struct wire *w = p->wire;
    if (!w)
        return false;
    if (!down) {
        w->up_stalled_us = until_us;
        return true;
    }
    if (w->stalled_us == 0) {
        w->stalled_us = s->now_us;
        w->stalled_turn = s->ledger.turn;
    }
    w->down_stalled_us = until_us;
    return true;
}

/* At one of its next steps: between any two of its effects, before or after any commit. */
static bool kill_peer(struct peer *p, const struct plan_entry *e)
{
    if (!p->station.engine)
        return false;
    p->kill_down_us = e->duration_us / 4;
    p->station.kill_at_step = p->station.n_steps + 1 + e->detail % STEPS_TO_KILL;
    return true;
}

static bool kill_relay(struct sim *s, const struct plan_entry *e)
{
    struct relay *r = &s->relay;
    if (!r->core)
        return false;
    r->kill_down_us = e->duration_us / 4;
    r->kill_at = r->n_steps + 1 + e->detail % STEPS_TO_KILL;
    return true;
}

static bool drain(struct sim *s, const struct plan_entry *e)
{
    struct relay *r = &s->relay;
    if (!r->core || r->draining)
        return false;
    r->draining = true;
    r->kill_down_us = 100000;
    r->stop_us = s->now_us + 1000000 + e->duration_us / 8;
    core_drain(r->core, s->now_us, (uint32_t)(e->duration_us / 10000));
    relay_settle(s);
    return true;
}

static struct side *some_side(struct sim *s, struct peer *p, uint64_t detail,
                              struct transfer **ret_transfer)
{
    for (size_t i = 0; i < s->transfers.n; i++) {
        struct transfer *t = &s->transfers.all[(detail + i) % s->transfers.n];
        struct side *side = transfer_side(t, p->index);
        if (side && side->known && !side->closed && peer_runs(p)) {
            *ret_transfer = t;
            return side;
        }
    }
    return NULL;
}

static bool close_session(struct sim *s, struct peer *p, uint64_t detail)
{
    struct transfer *t;
    const struct side *side = some_side(s, p, detail, &t);
    if (!side || t->close_wanted)
        return false;
    t->close_wanted = true;
    t->close_by_joiner = side->joiner;
    t->close_outcome = (int32_t)(1 + (detail >> 20) % 3);
    t->close_us = s->now_us;
    return true;
}

static bool own_offer(struct sim *s, struct peer *p, uint64_t detail)
{
    struct transfer *t;
    struct side *side = some_side(s, p, detail, &t);
    if (!side)
        return false;
    char sdp[64];
    struct station *st = &p->station;
    side_connects(s, t, side, 0, true); /* the library numbers it */
    snprintf(sdp, sizeof sdp, "offer of %u", (unsigned)side->connection);
    STATION_CALL(st,
                 engine_session_offer(st->engine, s->now_us, station_ticket(st), t->id, 0, sdp));
    return true;
}

static bool ask_again(struct sim *s, struct peer *p, uint64_t detail)
{
    struct transfer *t;
    const struct side *side = some_side(s, p, detail, &t);
    if (!side || !side->joiner)
        return false;
    struct station *st = &p->station;
    STATION_CALL(st,
                 engine_session_request_recovery(st->engine, s->now_us, station_ticket(st), t->id));
    return true;
}

static bool network_changed(struct sim *s, struct peer *p)
{
    if (!peer_runs(p))
        return false;
    STATION_CALL(&p->station, engine_network_changed(p->station.engine, s->now_us));
    return true;
}

static bool cut_link(struct sim *s, struct peer *p, uint64_t detail)
{
    struct transfer *t;
    if (!some_side(s, p, detail, &t) || !t->linked)
        return false;
    transfer_cut_link(s, t);
    return true;
}

/* A few at once. */
static bool misbehave(struct sim *s, uint64_t detail)
{
    bool any = false;
    for (uint64_t n = 1 + detail % 4, rest = detail / 4; n > 0; n--, rest /= MISDEED_COUNT)
        any |= rogue_wish(s, (enum misdeed)(rest % MISDEED_COUNT));
    return any;
}

static bool until(uint64_t *time_us, uint64_t until_us)
{
    *time_us = until_us;
    return true;
}

static bool fail_once(struct relay *r)
{
    bool new = !r->fails_once;
    r->fails_once = true;
    return new;
}

/* A journal waits so long for somebody else's lock, and then gives up. */
static bool lock_client_disk(const struct sim *s, struct peer *p, uint64_t duration_us)
{
    p->disk_slow_until_us = s->now_us + time_min(duration_us, SIM_CLIENT_BUSY_US);
    if (duration_us > SIM_CLIENT_BUSY_US) {
        p->station.disk_fails = true;
        p->disk_fails_until_us = s->now_us + duration_us;
    }
    return true;
}

static bool carry_out(struct sim *s, const struct plan_entry *e)
{
    struct peer *p = &s->peers[e->who % s->n_peers];
    struct relay *r = &s->relay;
    uint64_t until_us = s->now_us + e->duration_us;
    switch (e->deed) {
    case DEED_CUT:
        return cut(s, p, 200000);
    case DEED_HALF_OPEN:
        return cut(s, p, HALF_OPEN_US);
    case DEED_STALL_DOWN:
        return stall(s, p, until_us, true);
    case DEED_STALL_UP:
        return stall(s, p, until_us, false);
    case DEED_UNREACHABLE:
        return until(&p->unreachable_until_us, until_us);
    case DEED_KILL_PEER:
        return kill_peer(p, e);
    case DEED_KILL_RELAY:
        return kill_relay(s, e);
    case DEED_DRAIN:
        return drain(s, e);
    case DEED_DISK_FULL:
        return until(&r->full_until_us, until_us);
    case DEED_DISK_BROKEN:
        return until(&r->broken_until_us, until_us);
    case DEED_DISK_SLOW:
        return until(&r->slow_until_us, until_us);
    case DEED_DISK_FAILS_ONCE:
        return fail_once(r);
    case DEED_DISK_LOCKED:
        return until(&r->locked_until_us, until_us);
    case DEED_CLIENT_DISK_SLOW:
        return until(&p->disk_slow_until_us, s->now_us + e->duration_us / 8);
    case DEED_CLIENT_DISK_FAILS:
        p->station.disk_fails = true;
        return until(&p->disk_fails_until_us, s->now_us + e->duration_us / 8);
    case DEED_CLIENT_DISK_LOCKED:
        return lock_client_disk(s, p, e->duration_us / 8);
    case DEED_FREEZE:
        return until(&p->frozen_until_us, until_us);
    case DEED_CLOCK_JUMP:
        r->wall_offset_ms += (int64_t)(e->detail % 7200000) - 3600000;
        return true;
    case DEED_NO_PATH:
        return until(&p->no_path_until_us, until_us);
    case DEED_LINK_CUT:
        return cut_link(s, p, e->detail);
    case DEED_MISDEED:
        return misbehave(s, e->detail);
    case DEED_CLUB:
        return club_wishes(s, e->detail);
    case DEED_OPEN:
        return transfer_wish(s, p->index, e->detail);
    case DEED_CLOSE:
        return close_session(s, p, e->detail);
    case DEED_OWN_OFFER:
        return own_offer(s, p, e->detail);
    case DEED_ASK_AGAIN:
        return ask_again(s, p, e->detail);
    case DEED_NETWORK:
        return network_changed(s, p);
    case DEED_COUNT:
        break;
    }
    return false;
}

void deed_do(struct sim *s, const struct plan_entry *e)
{
    sim_trace(s, "#%u %s, p%u, %u ms", (unsigned)(e - s->plan.entries), deed_name(e->deed), e->who,
              (unsigned)(e->duration_us / 1000));
    if (carry_out(s, e))
        s->stats->deeds[e->deed]++;
}

void sim_heal(struct sim *s)
{
    struct relay *r = &s->relay;
    sim_trace(s, "everything is healed");
    s->healed = true;
    r->full_until_us = r->broken_until_us = r->slow_until_us = r->locked_until_us = 0;
    r->fails_once = false;
    r->kill_at = 0;
    r->up_us = time_min(r->up_us, s->now_us);
    for (unsigned i = 0; i < s->n_peers; i++) {
        struct peer *p = &s->peers[i];
        p->unreachable_until_us = p->frozen_until_us = p->disk_slow_until_us = 0;
        p->disk_fails_until_us = p->no_path_until_us = 0;
        p->station.disk_fails = false;
        p->station.kill_at_step = 0;
        p->boot_us = time_min(p->boot_us, s->now_us);
    }
    list_for_each_safe (n, next, &s->wires) {
        struct wire *w = container_of(n, struct wire, node);
        w->up_stalled_us = w->down_stalled_us = 0;
    }
    rogue_heal(s);
    club_heal(s);
}
