/* The whole system in one process and in virtual time: the real relay core, real client engines, and a model of everything
 * around them: the relay's disk, the clients' disks, the network, the applications, the links between peers.
 *
 * One thread, one seed. sim_run() always picks one of the things that can happen next: a frame arrives, the disk syncs, a
 * deadline passes, an entry of the plan is due. What it picks comes from the seed, so every run can be had again. After
 * each step the ledger (ledger.h) has seen what crossed the relay's border, and holds the relay to its promises. When the
 * plan is over everything is healed, and within HEAL_US every session must be whole. */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include "club.h"
#include "core/core.h"
#include "ledger.h"
#include "model/fake_store.h"
#include "model/station.h"
#include "plan.h"
#include "rogue.h"
#include "transfer.h"
#include "wire.h"

enum {
    PEERS_MAX = 8,
    SIM_STEPS_MAX = 400000,
    SIM_RELAY_BUSY_US = 2000000,  /* how long the relay's store waits for a lock */
    SIM_CLIENT_BUSY_US = 1000000, /* and a client's journal */
};

extern const char sim_relay_url[];

/* The relay's process and its disk. `store` holds what is synced; an operation that waits in `ops` is lost by a kill. */
struct relay {
    struct core *core; /* NULL: not running */
    struct core_config config;
    struct core_host host;
    struct fake_store *store;
    struct list ops;    /* not synced */
    struct list synced; /* not yet answered to the core */
    uint64_t sync_us;   /* when the disk is done with what waits */
    uint64_t up_us;     /* down until then */
    uint64_t stop_us;   /* draining: its end */
    uint64_t random;
    uint64_t n_steps;
    uint64_t kill_at; /* 0: never */
    uint64_t kill_down_us;
    bool killed;
    bool draining;
    uint64_t full_until_us;
    uint64_t broken_until_us;
    uint64_t slow_until_us;
    uint64_t locked_until_us; /* by another process: reads go on */
    bool waits_for_lock;
    bool fails_once; /* the next transaction that writes */
    int64_t wall_offset_ms;
    uint64_t reload_us; /* when its limits change next */
    uint64_t reload_random;
    unsigned life;            /* rises with each start */
    const struct wire *hears; /* whose frame it works on; NULL: none */
};

/* A client's machine: the engine and its disk (station.h), and what its application remembers while it runs. */
struct peer {
    struct sim *sim;
    unsigned index;
    struct station station;
    struct wire *wire; /* the one its process knows; NULL: none */
    bool dialled;
    bool hung_up;
    bool busy; /* its engine was called, and may have effects */
    uint64_t dial_us;
    uint64_t unreachable_until_us;
    uint64_t frozen_until_us;
    uint64_t disk_slow_until_us;
    uint64_t disk_fails_until_us;
    uint64_t no_path_until_us;
    uint64_t boot_us; /* when it is not running: its next start */
    uint64_t kill_down_us;
    bool asked;             /* to create or to join; by this process */
    bool online[PEERS_MAX]; /* as PEER_PRESENCE events told */
};

struct sim_stats {
    uint64_t steps;
    uint64_t frames;
    uint64_t syncs;
    uint64_t deeds[DEED_COUNT]; /* that had an effect */
    uint64_t club_wishes[CLUB_WISH_COUNT];
    uint64_t misdeeds[MISDEED_COUNT];
    uint64_t events[64]; /* of clients, by type */
    uint64_t core_events[32];
    uint64_t refusals[128]; /* Error frames, by code */
    uint64_t links_up;
    uint64_t virtual_s;
};

struct sim {
    uint64_t seed;
    uint64_t random; /* what happens next */
    uint64_t now_us;
    struct plan plan;
    size_t next_entry;
    uint64_t n_steps;
    bool healed;
    struct relay relay;
    struct list wires;
    unsigned n_wires;
    struct peer peers[PEERS_MAX]; /* the honest ones, then the rogue */
    unsigned n_peers;
    struct rogue rogue;
    struct club club;
    struct transfers transfers;
    struct ledger ledger;
    struct sim_stats *stats;
    bool tracing;
};

/* Runs the plan to its end and checks everything. Does not return when something is wrong: see sim_fail(). */
void sim_run(struct sim *s, const struct plan *plan, uint64_t seed);

/* The promise that is broken, and how: printed, and the process ends. */
_Noreturn void sim_fail(struct sim *s, const char *promise, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

void sim_trace(struct sim *s, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* "p3", "bad1" or the like for a peer's id. */
const char *sim_peer_name(const struct sim *s, const char *peer_id);

/* --- deeds.c: the plan's entries --- */
void deed_do(struct sim *s, const struct plan_entry *e);
void sim_heal(struct sim *s);

/* --- relay.c --- */
void relay_init(struct sim *s);
void relay_deinit(struct sim *s);
void relay_boot(struct sim *s);
void relay_forgotten(
    struct sim *s); /* everybody has gone for good: checks that nothing of them is left in memory */
void relay_settle(struct sim *s); /* carries out what the core wants, after each call into it */
void relay_die(struct sim *s, uint64_t down_us);
void relay_sync(struct sim *s);   /* the disk is done */
void relay_answer(struct sim *s); /* the core hears of the oldest synced operation */
void relay_join(struct sim *s);   /* the core lets in the next who waits for a loaded syncshell */
void relay_hear(struct sim *s, struct wire *w);
void relay_tick(struct sim *s);
void relay_reload(struct sim *s);

/* --- peer.c --- */
void peer_init(struct sim *s, unsigned index);
void peer_deinit(struct peer *p);
void peer_boot(struct peer *p);
void peer_kill(struct peer *p, uint64_t down_us);
bool peer_runs(const struct peer *p);        /* its process lives and is not frozen */
uint64_t peer_work_us(const struct peer *p); /* when it can go on; TIME_NEVER_US: nothing to do */
void peer_work(struct peer *p);              /* effects, events, dialling */
void peer_hear(struct peer *p);
bool peer_connect(struct peer *p); /* opens a wire; false: the relay is unreachable */

/* --- app.c: what an application does with its events --- */
void app_event(struct peer *p, const struct syncshell_event *e);
void app_start(struct peer *p); /* asks for the syncshell if its disk has none */

/* --- verdict.c: what must hold when all is well again --- */
void verdict_check(struct sim *s);
bool verdict_whole(struct sim *s);

#endif
