#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "random.h"
#include "sim.h"

/* A well-written application: it answers OFFER_NEEDED and OFFER, reports what arrives, and asks again for what it never saw
 * saved. What it hears from the engine is checked against what it knows itself. */

enum { PEER_0_FOUNDS = 0, RESTART_US = 3000000 };

/* --- the syncshell ------------------------------------------------------------------------------------------------- */

void app_start(struct peer *p)
{
    struct sim *s = p->sim;
    struct station *st = &p->station;
    struct invite invite;
    if (p->asked || station_records(st, "syncshell") > 0)
        return;
    if (p->index == PEER_0_FOUNDS) {
        p->asked = true;
        STATION_CALL(st, engine_create_syncshell(st->engine, s->now_us, station_ticket(st)));
        return;
    }
    const struct station *founder = &s->peers[PEER_0_FOUNDS].station;
    if (!*s->ledger.shell_id || !founder->engine ||
        engine_invite(founder->engine, s->ledger.shell_id, &invite) != 0)
        return;
    p->asked = true;
    STATION_CALL(st, engine_join(st->engine, s->now_us, station_ticket(st), &invite));
}

static void on_created(struct sim *s, const struct syncshell_event *e)
{
    ledger_shell(&s->ledger, event_string(e, SYNCSHELL_FIELD_SYNCSHELL_ID));
    for (unsigned i = 1; i < s->n_peers; i++)
        if (peer_runs(&s->peers[i]))
            app_start(&s->peers[i]);
}

static void on_presence(struct peer *p, const struct syncshell_event *e)
{
    for (unsigned i = 0; i < p->sim->n_peers; i++)
        if (strcmp(p->sim->peers[i].station.config.peer_id.text,
                   event_string(e, SYNCSHELL_FIELD_PEER_ID)) == 0)
            p->online[i] = strcmp(event_string(e, SYNCSHELL_FIELD_PRESENCE), "online") == 0;
}

/* --- a session's life ---------------------------------------------------------------------------------------------- */

static void on_opened(struct sim *s, struct transfer *t, struct side *side)
{
    struct station *st = &side_peer(s, side)->station;
    bool first = !side->known;
    if (side->closed)
        sim_fail(s, "P2", "p%u: %s is open again after SESSION_CLOSED", side->peer, t->id);
    side->known = side->ever_known = t->opened = true;
    if (t->by_joiner == side->joiner)
        t->wanted = false;
    if (!first)
        return;
    if (side->joiner) {
        uint32_t unsaved = (t->have | t->partly) & ~t->saved;
        if (unsaved)
            transfer_report(s, t, unsaved);
    } else if (!side->manifest_saved) {
        struct body_file_list files = {0};
        for (unsigned i = 0; i < t->n_files; i++) {
            char path[16];
            snprintf(path, sizeof path, "file-%02u", i);
            struct body_file f = file_done(path, "abcd", 1000);
            f.done = false;
            files_add(&files, f);
        }
        STATION_CALL(st, engine_session_set_manifest(st->engine, s->now_us, station_ticket(st),
                                                     t->id, &files));
        body_file_list_deinit(&files);
    }
}

static void on_closed(struct sim *s, struct transfer *t, struct side *side,
                      const struct syncshell_event *e)
{
    const char *cause = event_string(e, SYNCSHELL_FIELD_CAUSE);
    const char *outcome = event_string(e, SYNCSHELL_FIELD_OUTCOME);
    sim_trace(s, "p%u: %s closed, %s, cause \"%s\"", side->peer, t->id, outcome, cause);
    if (!ledger_session_closed(&s->ledger, t->id))
        sim_fail(s, "P2", "p%u was told that %s is closed (%s), and the relay's disk has it open",
                 side->peer, t->id, cause);
    side->closed = true;
    side->known = false;
    if (t->by_joiner == side->joiner)
        t->wanted = false;
    side_lets_go(s, t, side);
}

/* All sessions were given: one that is missing was closed, and SESSION_CLOSED is told until the application took it. */
static void on_ready(struct peer *p)
{
    struct sim *s = p->sim;
    for (size_t i = 0; i < s->transfers.n; i++) {
        struct transfer *t = &s->transfers.all[i];
        struct side *side = transfer_side(t, p->index);
        if (!side || !side->ever_known || side->known || side->closed)
            continue;
        bool closed = ledger_session_closed(&s->ledger, t->id);
        bool closing = t->close_wanted && t->close_by_joiner == side->joiner;
        if (!closed && !closing)
            sim_fail(s, "P3", "p%u has forgotten %s, which is open", p->index, t->id);
    }
}

/* --- attempts ------------------------------------------------------------------------------------------------------ */

static void on_offer_needed(struct sim *s, struct transfer *t, struct side *side,
                            uint64_t generation)
{
    struct station *st = &side_peer(s, side)->station;
    char sdp[64];
    side_connects(s, t, side, generation, true);
    snprintf(sdp, sizeof sdp, "offer of %u", (unsigned)side->connection);
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, station_ticket(st), t->id,
                                          generation, sdp));
}

/* Reads `before` and a number from where `text` is. False: something else is there. */
static bool read_number(const char **text, const char *before, unsigned *ret_number)
{
    size_t length = strlen(before);
    char *end;
    if (strncmp(*text, before, length) != 0 || (*text)[length] < '0' || (*text)[length] > '9')
        return false;
    *ret_number = (unsigned)strtoul(*text + length, &end, 10);
    *text = end;
    return true;
}

static void on_offer(struct sim *s, struct transfer *t, struct side *side,
                     const struct syncshell_event *e)
{
    struct station *st = &side_peer(s, side)->station;
    uint64_t generation = event_number(e, SYNCSHELL_FIELD_GENERATION);
    const char *text = event_string(e, SYNCSHELL_FIELD_SDP);
    unsigned from = 0;
    char sdp[64];
    if (!read_number(&text, "offer of ", &from))
        sim_fail(s, "P5", "p%u got an offer that nobody made", side->peer);
    if (generation < side->heard_generation)
        sim_fail(s, "P4", "p%u: offer of generation %u after %u", side->peer, (unsigned)generation,
                 (unsigned)side->heard_generation);
    side->heard_generation = generation;
    if (generation < side->generation)
        return; /* it came while this application made a newer offer of its own */
    side_connects(s, t, side, generation, false);
    side->answered = from;
    snprintf(sdp, sizeof sdp, "answer of %u to %u", (unsigned)side->connection, from);
    STATION_CALL(st, engine_session_answer(st->engine, s->now_us, station_ticket(st), t->id,
                                           generation, sdp));
    snprintf(sdp, sizeof sdp, "candidate of %u", (unsigned)side->connection);
    STATION_CALL(st, engine_session_candidate(st->engine, s->now_us, station_ticket(st), t->id,
                                              generation, sdp, "0", 0));
}

static void on_answer(struct sim *s, struct transfer *t, struct side *side,
                      const struct syncshell_event *e)
{
    const char *text = event_string(e, SYNCSHELL_FIELD_SDP);
    unsigned from = 0;
    unsigned to = 0;
    const struct side *other = transfer_other(t, side);
    uint64_t generation = event_number(e, SYNCSHELL_FIELD_GENERATION);
    if (!read_number(&text, "answer of ", &from) || !read_number(&text, " to ", &to))
        sim_fail(s, "P5", "p%u got an answer that nobody gave", side->peer);
    if (side->offers && side->generation == 0 && to == side->connection)
        side->generation = generation; /* an offer unasked: the library has numbered it */
    if (!side->offers || generation != side->generation)
        return; /* it gave that attempt up meanwhile */
    if (to != side->connection)
        sim_fail(s, "P4",
                 "p%u: the answer of generation %u is to the offer of connection %u, not %u",
                 side->peer, (unsigned)generation, to, (unsigned)side->connection);
    if (side->answered != 0)
        sim_fail(s, "P4", "p%u: a second answer of generation %u", side->peer,
                 (unsigned)generation);
    side->answered = from;
    if (other->connection == from)
        transfer_try_link(s, t);
}

static void on_candidate(struct sim *s, struct transfer *t, struct side *side,
                         const struct syncshell_event *e)
{
    const char *text = event_string(e, SYNCSHELL_FIELD_SDP);
    unsigned from = 0;
    const struct side *other = transfer_other(t, side);
    uint64_t generation = event_number(e, SYNCSHELL_FIELD_GENERATION);
    if (!read_number(&text, "candidate of ", &from))
        sim_fail(s, "P5", "p%u got a candidate that nobody gave", side->peer);
    if (other->connection == from && generation != other->generation)
        sim_fail(s, "P4", "p%u: a candidate of generation %u is said to be of %u", side->peer,
                 (unsigned)other->generation, (unsigned)generation);
}

/* --- progress ------------------------------------------------------------------------------------------------------ */

static uint32_t files_mask(struct sim *s, const struct body_file_list *files, bool done_only)
{
    uint32_t mask = 0;
    for (size_t i = 0; files && i < files->n_files; i++) {
        unsigned n = (unsigned)strtoul(files->files[i].path + 5, NULL, 10);
        if (mask & UINT32_C(1) << n && !done_only)
            sim_fail(s, "P2", "a file stands twice");
        if (files->files[i].done || !done_only)
            mask |= UINT32_C(1) << n;
    }
    return mask;
}

static void on_saved(struct transfer *t, const struct side *side, uint64_t ticket)
{
    for (unsigned i = 0; i < t->n_files; i++)
        if (side->tickets[i] == ticket)
            t->saved |= UINT32_C(1) << i & t->have;
}

static void on_stored(struct sim *s, struct transfer *t, const struct side *side,
                      const struct syncshell_event *e)
{
    uint64_t up_to = event_number(e, SYNCSHELL_FIELD_TICKET_UP_TO);
    uint32_t logged;
    for (unsigned i = 0; i < t->n_files; i++)
        if (side->tickets[i] != 0 && side->tickets[i] <= up_to)
            t->stored |= UINT32_C(1) << i & t->have;
    if (!transfer_log(s, t, &logged))
        sim_fail(s, "P2", "the log of %s does not open", t->id);
    if (event_number(e, SYNCSHELL_FIELD_FILES_DONE) > (uint64_t)__builtin_popcount(logged))
        sim_fail(s, "P2", "%s: more files are said to be stored than are in the relay's log",
                 t->id);
    if (t->stored & ~logged)
        sim_fail(s, "P2", "%s: PROGRESS_STORED, and files %x are not in the relay's log", t->id,
                 t->stored & ~logged);
}

static void on_request(struct sim *s, struct transfer *t, const struct syncshell_event *e)
{
    const struct body_file_list *held = event_files(e, SYNCSHELL_FILES_HELD);
    uint32_t mentioned = files_mask(s, event_files(e, SYNCSHELL_FILES_NEEDED), false);
    uint32_t all = (UINT32_C(1) << t->n_files) - 1;
    t->n_requests++;
    t->held = files_mask(s, held, true);
    t->needed = mentioned;
    sim_trace(s, "p%u: %s request: held %x, needed %x", t->sides[1].peer, t->id, t->held,
              t->needed);
    if (t->held & ~t->have)
        sim_fail(s, "P2", "%s: the joiner is said to hold files %x, which it does not", t->id,
                 t->held & ~t->have);
    if (t->needed != (all & ~t->held))
        sim_fail(s, "P2", "%s: of %x the joiner holds %x, and the delta is %x", t->id, all, t->held,
                 t->needed);
}

/* --- all events ---------------------------------------------------------------------------------------------------- */

static void on_session_event(struct peer *p, struct transfer *t, struct side *side,
                             const struct syncshell_event *e)
{
    struct sim *s = p->sim;
    switch (event_type(e)) {
    case SYNCSHELL_EVENT_SESSION_OPENED:
    case SYNCSHELL_EVENT_SESSION_RESUMED:
        on_opened(s, t, side);
        break;
    case SYNCSHELL_EVENT_SESSION_CLOSED:
        on_closed(s, t, side, e);
        break;
    case SYNCSHELL_EVENT_OFFER_NEEDED:
        on_offer_needed(s, t, side, event_number(e, SYNCSHELL_FIELD_GENERATION));
        break;
    case SYNCSHELL_EVENT_OFFER:
        on_offer(s, t, side, e);
        break;
    case SYNCSHELL_EVENT_ANSWER:
        on_answer(s, t, side, e);
        break;
    case SYNCSHELL_EVENT_CANDIDATE:
        on_candidate(s, t, side, e);
        break;
    case SYNCSHELL_EVENT_MANUAL_RECOVERY:
        side->manual = true;
        break;
    case SYNCSHELL_EVENT_RECOVERED:
        side->manual = false;
        break;
    case SYNCSHELL_EVENT_PROGRESS_SAVED:
        on_saved(t, side, event_ticket(e));
        break;
    case SYNCSHELL_EVENT_PROGRESS_STORED:
        on_stored(s, t, side, e);
        break;
    case SYNCSHELL_EVENT_MANIFEST_SAVED:
        side->manifest_saved = true;
        break;
    case SYNCSHELL_EVENT_RECOVERY_REQUEST:
        on_request(s, t, e);
        break;
    default:
        break;
    }
}

void app_event(struct peer *p, const struct syncshell_event *e)
{
    struct sim *s = p->sim;
    struct transfer *t = transfer_find(s, event_string(e, SYNCSHELL_FIELD_SESSION_ID));
    struct side *side = t ? transfer_side(t, p->index) : NULL;
    uint64_t generation = 0;
    if (club_event(p, e))
        return;
    event_integer(e, SYNCSHELL_FIELD_GENERATION, &generation);
    sim_trace(s, "p%u: event %s %s %u %s", p->index, event_type_name(event_type(e)), t ? t->id : "",
              (unsigned)generation, event_string(e, SYNCSHELL_FIELD_CODE));
    if (t && !side)
        sim_fail(s, "P1", "p%u hears of %s, which is none of its business", p->index, t->id);
    if (side)
        on_session_event(p, t, side, e);
    else if (event_type(e) == SYNCSHELL_EVENT_SYNCSHELL_CREATED)
        on_created(s, e);
    else if (event_type(e) == SYNCSHELL_EVENT_PEER_PRESENCE)
        on_presence(p, e);
    else if (event_type(e) == SYNCSHELL_EVENT_SYNCSHELL_READY)
        on_ready(p);
    else if (event_type(e) == SYNCSHELL_EVENT_STOPPED)
        peer_kill(p, RESTART_US);
}
