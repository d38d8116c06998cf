#include <string.h>

#include <syncshell/syncshell.h>

#include "random.h"
#include "sim.h"

static struct peer *peer_of(struct station *station)
{
    return station->userdata;
}

/* --- the engine's port --------------------------------------------------------------------------------------------- */

static void port_dial(struct station *station, const char *url)
{
    struct peer *p = peer_of(station);
    if (strcmp(url, sim_relay_url) != 0)
        sim_fail(p->sim, "sim", "p%u dials %s", p->index, url);
    p->dialled = true;
    p->dial_us = p->sim->now_us + random_below(&p->sim->random, 40000);
}

static void port_hang_up(struct station *station)
{
    peer_of(station)->hung_up = true;
}

static void port_send(struct station *station, struct frame *takes_frame)
{
    struct peer *p = peer_of(station);
    if (p->wire)
        wire_send_up(p->wire, takes_frame);
    else
        frame_unref(takes_frame);
}

/* The process is gone: its socket closes, the application's memory is lost. */
static void port_killed(struct station *station)
{
    struct peer *p = peer_of(station);
    struct sim *s = p->sim;
    sim_trace(s, "p%u: dies", p->index);
    p->dialled = p->hung_up = p->asked = false;
    memset(p->online, 0, sizeof p->online);
    p->station.kill_at_step = 0;
    p->station.disk_held = false;
    p->boot_us = s->now_us + p->kill_down_us;
    if (p->wire) {
        wire_break(s, p->wire, random_below(&s->random, 50000), 0);
        wire_client_end_gone(s, p->wire);
    }
    transfers_peer_died(s, p);
}

static void called(struct station *station)
{
    peer_of(station)->busy = true;
}

static const struct port port = {
    .dial = port_dial, .hang_up = port_hang_up, .send = port_send, .killed = port_killed};

/* --- life ---------------------------------------------------------------------------------------------------------- */

void peer_init(struct sim *s, unsigned index)
{
    struct peer *p = &s->peers[index];
    uint64_t random = s->seed ^ (UINT64_C(0x70656572) + index);
    p->sim = s;
    p->index = index;
    station_init(&p->station, index, &port, p, &s->now_us);
    p->station.after_call = called;
    p->station.crypto.random_state = random_next(&random);
    p->station.config.checkpoint_entries = (uint32_t)random_between(&random, 2, 12);
    p->boot_us = s->now_us + random_below(&random, 1000000);
}

void peer_deinit(struct peer *p)
{
    if (p->station.engine)
        station_kill(&p->station);
    station_deinit(&p->station);
}

void peer_boot(struct peer *p)
{
    sim_trace(p->sim, "p%u: starts", p->index);
    p->station.killed = false;
    p->station.disk_fails = p->sim->now_us < p->disk_fails_until_us;
    station_boot(&p->station, sim_relay_url);
    p->busy = true;
    app_start(p);
}

void peer_kill(struct peer *p, uint64_t down_us)
{
    p->kill_down_us = down_us;
    if (p->station.engine)
        station_kill(&p->station);
}

bool peer_runs(const struct peer *p)
{
    return p->station.engine && p->sim->now_us >= p->frozen_until_us;
}

/* --- work ---------------------------------------------------------------------------------------------------------- */

static bool dial_due(const struct peer *p)
{
    return p->dialled && p->sim->now_us >= p->dial_us;
}

uint64_t peer_work_us(const struct peer *p)
{
    const struct station *st = &p->station;
    if (!list_empty(&st->events) || p->hung_up)
        return 0;
    uint64_t due_us = p->dialled ? p->dial_us : TIME_NEVER_US;
    if (p->busy)
        due_us = time_min(due_us, st->held_batch ? p->disk_slow_until_us : 0);
    return due_us;
}

/* Each machine has an address of its own. */
static bool reach_relay(struct sim *s, struct wire *w)
{
    const struct address address = {
        .bytes = {[10] = 0xff, [11] = 0xff, 192, 0, 2, (uint8_t)w->peer->index}};
    struct admission *admission = NULL;
    if (core_admit(s->relay.core, s->now_us, &address, &admission) != 0)
        return false;
    bool reached = core_admission_upgrade(admission, s->now_us) == 0 &&
                   core_connect(s->relay.core, s->now_us, w, admission, &w->relay_end) == 0;
    if (!reached)
        core_admission_free(admission);
    return reached;
}

bool peer_connect(struct peer *p)
{
    struct sim *s = p->sim;
    struct relay *r = &s->relay;
    bool reachable = r->core && s->now_us >= p->unreachable_until_us;
    struct wire *w = reachable ? wire_new(s, p) : NULL;
    if (!w || !reach_relay(s, w)) {
        sim_trace(s, "p%u: the relay is unreachable", p->index);
        if (w) {
            w->client_end = false;
            wire_unref_ends(s, w);
        }
        return false;
    }
    sim_trace(s, "p%u: connects with wire %u", p->index, w->id);
    p->wire = w;
    ledger_wire(&s->ledger, w);
    return true;
}

static void connect(struct peer *p)
{
    struct sim *s = p->sim;
    p->dialled = false;
    if (!peer_connect(p)) {
        STATION_CALL(&p->station, engine_disconnected(p->station.engine, s->now_us, 0));
        return;
    }
    STATION_CALL(&p->station, engine_connected(p->station.engine, s->now_us));
    relay_settle(s);
}

static void hang_up(struct peer *p)
{
    p->hung_up = false;
    if (p->wire) {
        p->wire->close_code = 1000;
        wire_client_end_gone(p->sim, p->wire);
    } else {
        /* it was still dialling */
        p->dialled = false;
        STATION_CALL(&p->station, engine_disconnected(p->station.engine, p->sim->now_us, 1006));
    }
}

static void finish_commit(struct peer *p)
{
    p->station.disk_held = false;
    if (p->station.held_batch != 0)
        station_commit(&p->station);
}

void peer_work(struct peer *p)
{
    struct sim *s = p->sim;
    struct syncshell_event *e;
    if (s->now_us < p->disk_slow_until_us)
        p->station.disk_held = true;
    else
        finish_commit(p);
    p->busy = false;
    station_work(&p->station);
    if (p->station.held_batch != 0)
        p->busy = true;
    if (!p->station.engine)
        return;
    if ((e = station_next(&p->station))) {
        s->stats->events[event_type(e)]++;
        app_event(p, e);
    } else if (p->hung_up) {
        hang_up(p);
    } else if (dial_due(p)) {
        connect(p);
    }
}

void peer_hear(struct peer *p)
{
    struct frame *f = wire_take(&p->wire->down);
    if (!f)
        return;
    ledger_arrives(&p->sim->ledger, p->wire, f);
    STATION_CALL(&p->station,
                 engine_receive(p->station.engine, p->sim->now_us, f->binary, f->data, f->size));
    frame_unref(f);
}
