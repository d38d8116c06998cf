/* The core's own state, for the files of this folder only.
 *
 * Every public function brackets its work: core_enter() notes the time, core_leave() finishes what must not happen in the
 * middle of a walk over a list: releasing the memberships of connections that were closed, unloading idle syncshells. So
 * inside the bracket connections and syncshells stay where they are, whatever is sent, closed or refused.
 *
 * Effects wait on four intrusive lists and leave in the order events, operations, sends, closes. Operations keep their
 * order among themselves, a connection's send comes before its close; nothing else about the order means anything. */
#ifndef RELAY_CORE_CORE_STATE_H
#define RELAY_CORE_CORE_STATE_H

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "core/account.h"
#include "core/core.h"
#include "core/ice_network.h"
#include "core/timer.h"

enum {
    CORE_EVENTS_MAX = 4096,         /* undrained; further ones are counted as dropped */
    CORE_OBJECTS_MAX = 1 << 20,     /* entries of the maps by connection, peer, syncshell */
    CORE_SWEEP_INTERVAL_MS = 60000, /* between two passes over expired rows */
    CORE_SWEEP_ROWS_MAX = 256,      /* per step, so that a step stays short for the store */
    CORE_RETRY_AFTER_MS =
        1000, /* what a refused client is told, and how long the core itself waits for the store */
};

struct core {
    struct core_config config;
    struct core_host host;
    uint64_t now_us;
    struct wall_time wall;
    bool wall_known;

    struct accounts accounts;
    struct ice_networks ice_networks;
    uint64_t ice_worked[ICE_PROVIDERS_MAX];
    uint64_t ice_failed[ICE_PROVIDERS_MAX];
    uint64_t refusals[WIRE_CODE_COUNT];
    uint64_t closings[WIRE_CODE_COUNT];

    struct list connections;
    struct map connections_by_id;
    struct map connections_by_peer; /* authenticated, the newest of each peer */
    struct map syncshells;
    uint64_t last_connection_id;
    struct list loads;    /* syncshells that wait until the store reads fewer */
    size_t n_loading;     /* that it reads */
    struct list arrivals; /* loaded syncshells whose joins wait for their turn */

    struct timers timers;
    struct timer sweep_timer;

    struct list events;
    size_t n_events;
    struct list ops;
    struct list sends;
    struct list closes;

    struct list closed; /* connections whose memberships core_leave() releases */
    struct list idle;   /* syncshells that core_leave() looks at */

    struct buf scratch; /* for encoding one frame */
    bool draining;
    uint64_t drain_end_us;
    struct core_stats stats; /* kept up to date where things change; connections included */
};

void core_enter(struct core *core, uint64_t now_us);
void core_leave(struct core *core);

/* Wall time, asked of the host at most once per call into the core. */
struct wall_time core_wall_now(struct core *core);
int64_t core_wall_after_ms(struct core *core, uint64_t delta_ms);

void core_count_refusal(struct core *core, enum wire_code code);
void core_emit(struct core *core, const struct core_event *event);

#endif
