#include <string.h>

#include <syncshell/syncshell.h>

#include "sim.h"

/* What is not as it has to be, or NULL. */

static const char *side_fault(struct sim *s, struct transfer *t, const struct side *side)
{
    const struct peer *p = side_peer(s, side);
    if (!p->station.engine)
        return "a client does not run";
    if (side->closed)
        return "one side is closed, the other is not";
    if (!side->known)
        return "a side does not know it";
    if (!side->up)
        return "a side has no link";
    (void)t;
    return NULL;
}

/* Who never heard of it need not hear of its end. */
static bool is_closed(struct sim *s, const struct transfer *t, const struct side *side)
{
    return side->closed || (!side->ever_known && ledger_session_closed(&s->ledger, t->id));
}

static const char *transfer_fault(struct sim *s, struct transfer *t)
{
    uint32_t all = (UINT32_C(1) << t->n_files) - 1;
    uint32_t logged;
    if (is_closed(s, t, &t->sides[0]) && is_closed(s, t, &t->sides[1]))
        return NULL;
    if (t->wanted)
        return "it was never opened";
    if (t->close_wanted)
        return "it was to be closed";
    for (unsigned i = 0; i < 2; i++) {
        const char *fault = side_fault(s, t, &t->sides[i]);
        if (fault)
            return fault;
    }
    if (!t->linked)
        return "the two ends believe in different links";
    if (t->have != all)
        return "files are missing";
    if (t->saved != all)
        return "files are not saved";
    if (!transfer_log(s, t, &logged) || logged != all)
        return "the relay's log is not the joiner's progress";
    return NULL;
}

static const char *peer_fault(struct sim *s, const struct peer *p)
{
    struct engine_stats stats;
    if (!p->station.engine)
        return "it does not run";
    if (station_records(&p->station, "syncshell") == 0)
        return "it is in no syncshell";
    engine_stats(p->station.engine, &stats);
    if (stats.requests_in_flight != 0)
        return "requests are unanswered";
    for (unsigned i = 0; i < s->n_peers; i++)
        if (i != p->index && !p->online[i])
            return "it takes another for away";
    if (fake_store_unacked(s->relay.store, s->ledger.shell_id, p->station.config.peer_id.text) != 0)
        return "its inbox is not empty";
    const char *found = p->wire ? ledger_presence_fault(&s->ledger, p->wire) : NULL;
    return found ? found : club_fault(s, p);
}

static const char *relay_fault(const struct sim *s)
{
    struct core_stats stats;
    if (!s->relay.core)
        return "it does not run";
    core_stats(s->relay.core, &stats);
    if (stats.queued_bytes != 0)
        return "bytes are queued";
    if (stats.ops_in_flight != 0)
        return "operations are in flight";
    if (stats.authenticated != s->n_peers)
        return "not everybody is connected, or somebody twice";
    return NULL;
}

static const char *fault(struct sim *s, const char **ret_whose)
{
    static const char *const names[PEERS_MAX] = {"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"};
    const char *found = relay_fault(s);
    *ret_whose = "relay";
    if (!found && !rogue_gone(s))
        found = "the rogue is not gone";
    for (unsigned i = 0; !found && i < s->n_peers; i++) {
        found = peer_fault(s, &s->peers[i]);
        *ret_whose = names[i];
    }
    for (size_t i = 0; !found && i < s->transfers.n; i++) {
        found = transfer_fault(s, &s->transfers.all[i]);
        *ret_whose = s->transfers.all[i].id;
    }
    return found;
}

bool verdict_whole(struct sim *s)
{
    const char *whose;
    return !fault(s, &whose);
}

void verdict_check(struct sim *s)
{
    const char *whose;
    const char *found = fault(s, &whose);
    if (found)
        sim_fail(s, "P3", "not whole long after the last fault: %s: %s", whose, found);
}
