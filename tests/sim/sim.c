#include "sim.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "random.h"

const char sim_relay_url[] = "wss://relay.example";

enum { MOVES_MAX = 256 };

static const uint64_t HEAL_US = UINT64_C(600000000);

/* --- telling ------------------------------------------------------------------------------------------------------- */

void sim_trace(struct sim *s, const char *format, ...)
{
    va_list arguments;
    if (!s->tracing)
        return;
    printf("%10.6f ", (double)s->now_us / 1e6);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
}

void sim_fail(struct sim *s, const char *promise, const char *format, ...)
{
    va_list arguments;
    printf("seed %" PRIu64 ", %.6f s: %s: ", s->seed, (double)s->now_us / 1e6, promise);
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
    _exit(3);
}

const char *sim_peer_name(const struct sim *s, const char *peer_id)
{
    static const char *const names[PEERS_MAX] = {"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"};
    for (unsigned i = 0; i < s->n_peers; i++)
        if (strcmp(s->peers[i].station.config.peer_id.text, peer_id) == 0)
            return names[i];
    if (strcmp(s->peers[s->n_peers].station.config.peer_id.text, peer_id) == 0)
        return "the rogue";
    return *peer_id ? "a stranger" : "nobody";
}

/* --- what can happen next ------------------------------------------------------------------------------------------ */

enum move_kind {
    MOVE_ENTRY,
    MOVE_RELAY_BOOT,
    MOVE_RELAY_STOP,
    MOVE_RELAY_TICK,
    MOVE_RELAY_HEAR,
    MOVE_RELAY_PULL,
    MOVE_RELAY_LEARNS,
    MOVE_SYNC,
    MOVE_ANSWER,
    MOVE_JOIN,
    MOVE_PEER_BOOT,
    MOVE_PEER_TICK,
    MOVE_PEER_WORK,
    MOVE_PEER_HEAR,
    MOVE_PEER_LEARNS,
    MOVE_TRANSFERS,
    MOVE_ROGUE_LEAVES,
    MOVE_CLUB,
    MOVE_RELOAD,
};

struct move {
    enum move_kind kind;
    struct peer *peer;
    struct wire *wire;
};

struct moves {
    struct move all[MOVES_MAX];
    size_t n;
    uint64_t due_us; /* the first of those that cannot happen yet */
};

/* Now, or to be looked at again then. */
static void offer(struct sim *s, struct moves *m, uint64_t due_us, enum move_kind kind,
                  struct peer *p, struct wire *w)
{
    if (due_us > s->now_us)
        m->due_us = time_min(m->due_us, due_us);
    else if (m->n < MOVES_MAX)
        m->all[m->n++] = (struct move){.kind = kind, .peer = p, .wire = w};
}

static void offer_relay(struct sim *s, struct moves *m)
{
    const struct relay *r = &s->relay;
    if (!r->core) {
        offer(s, m, r->up_us, MOVE_RELAY_BOOT, NULL, NULL);
        return;
    }
    offer(s, m, core_deadline_us(r->core), MOVE_RELAY_TICK, NULL, NULL);
    if (r->draining)
        offer(s, m, r->stop_us, MOVE_RELAY_STOP, NULL, NULL);
    if (!list_empty(&r->ops))
        offer(s, m, r->sync_us, MOVE_SYNC, NULL, NULL);
    if (!list_empty(&r->synced))
        offer(s, m, 0, MOVE_ANSWER, NULL, NULL);
    if (core_joins_wait(r->core))
        offer(s, m, 0, MOVE_JOIN, NULL, NULL);
}

static void offer_peer(struct sim *s, struct moves *m, struct peer *p)
{
    const struct station *st = &p->station;
    if (!st->engine) {
        offer(s, m, p->boot_us, MOVE_PEER_BOOT, p, NULL);
        return;
    }
    offer(s, m, st->engine && st->held_batch ? TIME_NEVER_US : engine_deadline_us(st->engine),
          MOVE_PEER_TICK, p, NULL);
    if (s->now_us < p->frozen_until_us)
        return;
    offer(s, m, peer_work_us(p), MOVE_PEER_WORK, p, NULL);
}

static void offer_wire(struct sim *s, struct moves *m, struct wire *w)
{
    struct peer *p = w->peer;
    if (w->relay_end) {
        if (!list_empty(&w->up) && !w->closing)
            offer(s, m, w->up_stalled_us, MOVE_RELAY_HEAR, p, w);
        if (w->pulls)
            offer(s, m, w->down_stalled_us, MOVE_RELAY_PULL, p, w);
        offer(s, m, w->relay_learns_us, MOVE_RELAY_LEARNS, p, w);
    }
    if (w->client_end) {
        bool runs = p->station.engine || rogue_is(s, p);
        uint64_t frozen_us = runs ? p->frozen_until_us : TIME_NEVER_US;
        bool hears = p->wire == w && !list_empty(&w->down);
        if (hears)
            offer(s, m, w->down_stalled_us > frozen_us ? w->down_stalled_us : frozen_us,
                  MOVE_PEER_HEAR, p, w);
        offer(s, m, w->client_learns_us > frozen_us ? w->client_learns_us : frozen_us,
              MOVE_PEER_LEARNS, p, w);
    }
}

static void collect(struct sim *s, struct moves *m)
{
    m->n = 0;
    m->due_us = TIME_NEVER_US;
    if (s->next_entry < s->plan.n_entries)
        offer(s, m, s->plan.entries[s->next_entry].at_us, MOVE_ENTRY, NULL, NULL);
    offer_relay(s, m);
    for (unsigned i = 0; i < s->n_peers; i++)
        offer_peer(s, m, &s->peers[i]);
    list_for_each_safe (n, next, &s->wires)
        offer_wire(s, m, container_of(n, struct wire, node));
    offer(s, m, transfers_due_us(s), MOVE_TRANSFERS, NULL, NULL);
    offer(s, m, s->club.due_us, MOVE_CLUB, NULL, NULL);
    offer(s, m, s->rogue.leaves_us, MOVE_ROGUE_LEAVES, NULL, NULL);
    offer(s, m, s->relay.reload_us, MOVE_RELOAD, NULL, NULL);
}

/* --- doing it ------------------------------------------------------------------------------------------------------ */

static void next_entry(struct sim *s)
{
    const struct plan_entry *e = &s->plan.entries[s->next_entry++];
    if (!e->off)
        deed_do(s, e);
}

/* A half-open connection shows by its unanswered ping. */
static void relay_learns(struct sim *s, struct wire *w)
{
    w->relay_learns_us = TIME_NEVER_US;
    if (w->closing || random_one_in(&s->random, 2))
        wire_relay_end_gone(s, w);
    else
        core_heartbeat_missed(w->relay_end, s->now_us);
    relay_settle(s);
}

static void peer_tick(struct peer *p)
{
    STATION_CALL(&p->station, engine_tick(p->station.engine, p->sim->now_us));
}

static void do_move(struct sim *s, const struct move *m)
{
    switch (m->kind) {
    case MOVE_ENTRY:
        next_entry(s);
        break;
    case MOVE_RELAY_BOOT:
        relay_boot(s);
        break;
    case MOVE_RELAY_STOP:
        relay_die(s, s->relay.kill_down_us);
        break;
    case MOVE_RELAY_TICK:
        relay_tick(s);
        break;
    case MOVE_RELAY_HEAR:
        relay_hear(s, m->wire);
        break;
    case MOVE_RELAY_PULL:
        relay_settle(s);
        break;
    case MOVE_RELAY_LEARNS:
        relay_learns(s, m->wire);
        break;
    case MOVE_SYNC:
        relay_sync(s);
        break;
    case MOVE_ANSWER:
        relay_answer(s);
        break;
    case MOVE_JOIN:
        relay_join(s);
        break;
    case MOVE_PEER_BOOT:
        peer_boot(m->peer);
        break;
    case MOVE_PEER_TICK:
        peer_tick(m->peer);
        break;
    case MOVE_PEER_WORK:
        peer_work(m->peer);
        break;
    case MOVE_PEER_HEAR:
        if (rogue_is(s, m->peer))
            rogue_hear(s);
        else
            peer_hear(m->peer);
        break;
    case MOVE_PEER_LEARNS:
        wire_client_end_gone(s, m->wire);
        break;
    case MOVE_TRANSFERS:
        transfers_tick(s);
        break;
    case MOVE_CLUB:
        club_tick(s);
        break;
    case MOVE_RELOAD:
        relay_reload(s);
        break;
    case MOVE_ROGUE_LEAVES:
        rogue_leave(s);
        break;
    }
}

/* False: nothing will happen before that time. */
static bool step(struct sim *s, uint64_t until_us)
{
    struct moves m;
    collect(s, &m);
    if (m.n == 0 && m.due_us > until_us)
        return false;
    if (m.n == 0) {
        s->now_us = m.due_us;
        return true;
    }
    if (++s->stats->steps, ++s->n_steps > SIM_STEPS_MAX)
        sim_fail(s, "sim", "no end after %u steps", (unsigned)s->n_steps);
    do_move(s, &m.all[random_below(&s->random, m.n)]);
    return true;
}

/* --- a run --------------------------------------------------------------------------------------------------------- */

static void run_until(struct sim *s, uint64_t until_us)
{
    while (step(s, until_us))
        ;
    s->now_us = until_us;
}

static void begin(struct sim *s, const struct plan *plan, uint64_t seed)
{
    struct sim_stats *stats = s->stats;
    bool tracing = s->tracing;
    memset(s, 0, sizeof *s);
    s->stats = stats;
    s->tracing = tracing;
    s->seed = seed;
    s->random = seed;
    s->plan = *plan;
    s->now_us = 1000000;
    s->n_peers = plan->n_peers;
    list_init(&s->wires);
    ledger_init(&s->ledger, s);
    relay_init(s);
    for (unsigned i = 0; i < s->n_peers; i++)
        peer_init(s, i);
    rogue_init(s);
    club_heal(s);
}

static void end(struct sim *s)
{
    for (unsigned i = 0; i < s->n_peers; i++)
        peer_deinit(&s->peers[i]);
    rogue_deinit(s);
    relay_forgotten(s);
    relay_deinit(s);
    list_for_each_safe (n, next, &s->wires) {
        struct wire *w = container_of(n, struct wire, node);
        w->client_end = false;
        wire_unref_ends(s, w);
    }
    ledger_deinit(&s->ledger);
}

void sim_run(struct sim *s, const struct plan *plan, uint64_t seed)
{
    begin(s, plan, seed);
    run_until(s, s->plan.chaos_us + 1000000);
    sim_heal(s);
    uint64_t end_us = s->now_us + HEAL_US;
    while (s->now_us < end_us && !verdict_whole(s))
        run_until(s, s->now_us + 1000000);
    verdict_check(s);
    s->stats->virtual_s += s->now_us / 1000000;
    end(s);
}
