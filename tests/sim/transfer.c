#include "transfer.h"

#include <stdio.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "random.h"
#include "sim.h"

enum { MS_US = 1000, RETRY_US = 2000000 };

static const uint64_t FILE_BYTES = 1000;

/* --- looking up ---------------------------------------------------------------------------------------------------- */

struct transfer *transfer_find(struct sim *s, const char *session_id)
{
    for (size_t i = 0; i < s->transfers.n; i++)
        if (strcmp(s->transfers.all[i].id, session_id) == 0)
            return &s->transfers.all[i];
    return NULL;
}

struct side *transfer_side(struct transfer *t, unsigned peer)
{
    for (unsigned i = 0; i < 2; i++)
        if (t->sides[i].peer == peer)
            return &t->sides[i];
    return NULL;
}

struct side *transfer_other(struct transfer *t, const struct side *side)
{
    return side == &t->sides[0] ? &t->sides[1] : &t->sides[0];
}

struct peer *side_peer(struct sim *s, const struct side *side)
{
    return &s->peers[side->peer];
}

static struct engine *engine_of(struct sim *s, const struct side *side)
{
    return side_peer(s, side)->station.engine;
}

static uint32_t all_files(const struct transfer *t)
{
    return (UINT32_C(1) << t->n_files) - 1;
}

/* --- links --------------------------------------------------------------------------------------------------------- */

static void side_reset(struct side *side)
{
    side->connection = side->generation = side->answered = 0;
    side->offers = side->up = false;
    side->up_us = side->lost_us = TIME_NEVER_US;
}

/* The other end's stack notices late, by its heartbeat. */
static void unlink_other(struct sim *s, struct transfer *t, const struct side *side)
{
    struct side *other = transfer_other(t, side);
    t->link_us = TIME_NEVER_US;
    if (!t->linked)
        return;
    t->linked = false;
    t->file_us = TIME_NEVER_US;
    if (other->connection == t->link[other->joiner ? 0 : 1])
        other->lost_us = s->now_us + random_between(&s->random, 100 * MS_US, 15000 * MS_US);
}

void side_lets_go(struct sim *s, struct transfer *t, struct side *side)
{
    if (side->connection != 0)
        unlink_other(s, t, side);
    side_reset(side);
}

void side_connects(struct sim *s, struct transfer *t, struct side *side, uint64_t generation,
                   bool offers)
{
    side_lets_go(s, t, side);
    side->connection = ++s->transfers.n_connections;
    side->generation = generation;
    side->offers = offers;
}

void transfer_try_link(struct sim *s, struct transfer *t)
{
    t->link[0] = t->sides[0].connection;
    t->link[1] = t->sides[1].connection;
    t->link_us = s->now_us + random_between(&s->random, 20 * MS_US, 400 * MS_US);
}

static void establish(struct sim *s, struct transfer *t)
{
    t->link_us = TIME_NEVER_US;
    for (unsigned i = 0; i < 2; i++) {
        const struct side *side = &t->sides[i];
        if (side->connection != t->link[i] || s->now_us < side_peer(s, side)->no_path_until_us)
            return; /* nothing comes of it: the attempt runs into its timeout */
    }
    sim_trace(s, "%s: linked", t->id);
    s->stats->links_up++;
    t->linked = true;
    for (unsigned i = 0; i < 2; i++)
        t->sides[i].up_us = s->now_us + random_below(&s->random, 30 * MS_US);
    t->file_us = s->now_us + random_below(&s->random, 500 * MS_US);
}

void transfer_cut_link(struct sim *s, struct transfer *t)
{
    if (!t->linked)
        return;
    sim_trace(s, "%s: link cut", t->id);
    for (unsigned i = 0; i < 2; i++)
        unlink_other(s, t, &t->sides[i]);
    for (unsigned i = 0; i < 2; i++)
        if (t->sides[i].connection == t->link[i])
            t->sides[i].lost_us =
                s->now_us + random_between(&s->random, 100 * MS_US, 15000 * MS_US);
}

static void tell_link(struct sim *s, struct transfer *t, struct side *side, int32_t link)
{
    struct peer *p = side_peer(s, side);
    const struct engine_link told = {.state = link};
    uint64_t generation = side->generation;
    side->up = link == SYNCSHELL_LINK_UP;
    if (side->up)
        side->up_us = TIME_NEVER_US;
    else
        side_reset(side);
    sim_trace(s, "p%u: %s link %s, generation %u", p->index, t->id,
              link == SYNCSHELL_LINK_UP ? "up" : "lost", (unsigned)generation);
    STATION_CALL(&p->station,
                 engine_session_link(p->station.engine, s->now_us, station_ticket(&p->station),
                                     t->id, generation, &told));
}

/* --- files --------------------------------------------------------------------------------------------------------- */

void transfer_report(struct sim *s, struct transfer *t, uint32_t files)
{
    struct side *joiner = &t->sides[0];
    struct station *st = &side_peer(s, joiner)->station;
    struct body_file_list list = {0};
    for (unsigned i = 0; i < t->n_files; i++) {
        char path[16];
        bool done = t->have & UINT32_C(1) << i;
        if (!(files & UINT32_C(1) << i))
            continue;
        snprintf(path, sizeof path, "file-%02u", i);
        files_add(&list, done ? file_done(path, "ABCD", FILE_BYTES)
                              : file_partial(path, FILE_BYTES, 0, FILE_BYTES / 2));
        joiner->tickets[i] = st->ticket + 1;
        if (done)
            joiner->reported_done |= UINT32_C(1) << i;
    }
    sim_trace(s, "p%u: %s reports %x", joiner->peer, t->id, files);
    station_report(st, t->id, &list);
}

/* The provider sends what its last request said is missing, one after another, some in two pieces. */
static void file_arrives(struct sim *s, struct transfer *t)
{
    struct side *joiner = &t->sides[0];
    uint32_t missing = t->needed & ~t->have & all_files(t);
    t->file_us = s->now_us + random_between(&s->random, 10 * MS_US, 800 * MS_US);
    if (!missing || !joiner->up || !t->sides[1].up || !engine_of(s, joiner))
        return;
    unsigned file = 0;
    while (!(missing & UINT32_C(1) << file) ||
           ((missing >> file) > 1 && random_one_in(&s->random, 3)))
        file = (file + 1) % t->n_files;
    uint32_t bit = UINT32_C(1) << file;
    if (!(t->partly & bit) && random_one_in(&s->random, 3)) {
        t->partly |= bit;
    } else {
        t->partly &= ~bit;
        t->have |= bit;
    }
    if (joiner->known)
        transfer_report(s, t, bit);
    if (t->have == all_files(t) && t->completes && !t->close_wanted) {
        t->close_wanted = t->close_by_joiner = true;
        t->close_outcome = SYNCSHELL_OUTCOME_COMPLETED;
        t->close_us = s->now_us + random_below(&s->random, 2000 * MS_US);
    }
}

/* --- wishes -------------------------------------------------------------------------------------------------------- */

bool transfer_wish(struct sim *s, unsigned opener, uint64_t detail)
{
    struct transfers *ts = &s->transfers;
    if (ts->n == TRANSFERS_MAX)
        return false;
    struct transfer *t = &ts->all[ts->n++];
    unsigned other = (opener + 1 + (unsigned)(detail % (s->n_peers - 1))) % s->n_peers;
    memset(t, 0, sizeof *t);
    snprintf(t->id, sizeof t->id, "t%u", (unsigned)ts->n);
    t->by_joiner = detail >> 8 & 1;
    t->completes = detail >> 9 & 1;
    t->n_files = 1 + (unsigned)(detail >> 10) % TRANSFER_FILES_MAX;
    t->wanted = true;
    t->open_us = s->now_us;
    t->close_us = t->link_us = t->file_us = TIME_NEVER_US;
    for (unsigned i = 0; i < 2; i++) {
        side_reset(&t->sides[i]);
        t->sides[i].joiner = i == 0;
        t->sides[i].peer = (i == 0) == t->by_joiner ? opener : other;
    }
    return true;
}

static void open_now(struct sim *s, struct transfer *t)
{
    struct side *by = &t->sides[t->by_joiner ? 0 : 1];
    struct station *st = &side_peer(s, by)->station;
    const char *shell = s->ledger.shell_id;
    t->open_us = s->now_us + RETRY_US;
    if (!peer_runs(side_peer(s, by)) || !*shell || !station_record(st, "syncshell", shell))
        return;
    sim_trace(s, "p%u: opens %s", by->peer, t->id);
    STATION_CALL(
        st, engine_session_open(st->engine, s->now_us, station_ticket(st), shell,
                                side_peer(s, transfer_other(t, by))->station.config.peer_id.text,
                                by->joiner, t->id, "mods"));
}

static void close_now(struct sim *s, struct transfer *t)
{
    struct side *by = &t->sides[t->close_by_joiner ? 0 : 1];
    struct station *st = &side_peer(s, by)->station;
    t->close_us = s->now_us + RETRY_US;
    if (by->closed) {
        t->close_us = TIME_NEVER_US;
    } else if (peer_runs(side_peer(s, by)) && by->known) {
        sim_trace(s, "p%u: closes %s", by->peer, t->id);
        t->close_us = TIME_NEVER_US; /* until it has to be asked again */
        STATION_CALL(st, engine_session_close(st->engine, s->now_us, station_ticket(st), t->id,
                                              t->close_outcome));
    }
}

/* --- time ---------------------------------------------------------------------------------------------------------- */

static uint64_t *due_of(struct sim *s, struct transfer *t, unsigned which)
{
    uint64_t *const times[] = {&t->open_us,          &t->close_us,        &t->link_us,
                               &t->file_us,          &t->sides[0].up_us,  &t->sides[1].up_us,
                               &t->sides[0].lost_us, &t->sides[1].lost_us};
    (void)s;
    return times[which];
}

enum { TIMES = 8 };

static bool may_act(struct sim *s, const struct transfer *t, unsigned which)
{
    if (which < 4)
        return true;
    return peer_runs(side_peer(s, &t->sides[which % 2]));
}

uint64_t transfers_due_us(struct sim *s)
{
    uint64_t due_us = TIME_NEVER_US;
    for (size_t i = 0; i < s->transfers.n; i++) {
        struct transfer *t = &s->transfers.all[i];
        for (unsigned k = 0; k < TIMES; k++)
            if (may_act(s, t, k))
                due_us = time_min(due_us, *due_of(s, t, k));
    }
    return due_us;
}

static void act(struct sim *s, struct transfer *t, unsigned which)
{
    if (which == 0 && !t->wanted)
        t->open_us = TIME_NEVER_US;
    else if (which == 0)
        open_now(s, t);
    else if (which == 1)
        close_now(s, t);
    else if (which == 2)
        establish(s, t);
    else if (which == 3)
        file_arrives(s, t);
    else
        tell_link(s, t, &t->sides[which % 2], which < 6 ? SYNCSHELL_LINK_UP : SYNCSHELL_LINK_LOST);
}

bool transfers_tick(struct sim *s)
{
    for (size_t i = 0; i < s->transfers.n; i++) {
        struct transfer *t = &s->transfers.all[i];
        for (unsigned k = 0; k < TIMES; k++) {
            if (*due_of(s, t, k) <= s->now_us && may_act(s, t, k)) {
                act(s, t, k);
                return true;
            }
        }
    }
    return false;
}

void transfers_peer_died(struct sim *s, struct peer *p)
{
    for (size_t i = 0; i < s->transfers.n; i++) {
        struct transfer *t = &s->transfers.all[i];
        struct side *side = transfer_side(t, p->index);
        if (!side)
            continue;
        side_lets_go(s, t, side);
        side->known = side->manual = false;
        side->reported_done = 0;
        side->heard_generation = 0;
        memset(side->tickets, 0, sizeof side->tickets);
        if (t->wanted && t->by_joiner == side->joiner)
            t->open_us = s->now_us;
        if (t->close_wanted && t->close_by_joiner == side->joiner && !side->closed)
            t->close_us = s->now_us;
    }
}
