#include "club.h"

#include <stdio.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "random.h"
#include "sim.h"

enum { STEPS_TO_KILL = 12, DOWN_US = 500000, PAUSE_US = 700000, WISHES_MIN = 20 };

const char *club_wish_name(enum club_wish wish)
{
    static const char *const names[] = {
#define X(id, name) name,
        CLUB_TABLE(X)
#undef X
    };
    return names[wish];
}

static bool is_in(const struct sim *s, const struct peer *p)
{
    return *s->club.id.text && station_record(&p->station, "syncshell", s->club.id.text);
}

/* One who runs and is in it, or is not; NULL: nobody. */
static struct peer *some_peer(struct sim *s, uint64_t detail, bool in)
{
    for (unsigned i = 0; i < s->n_peers; i++) {
        struct peer *p = &s->peers[(detail + i) % s->n_peers];
        if (peer_runs(p) && !engine_stopped(p->station.engine) && is_in(s, p) == in &&
            station_record(&p->station, "syncshell", s->ledger.shell_id))
            return p;
    }
    return NULL;
}

/* Whom the disk knows as its owner. */
static struct peer *owner(struct sim *s)
{
    const char *id = ledger_owner(&s->ledger, s->club.id.text);
    for (unsigned i = 0; i < s->n_peers; i++)
        if (strcmp(s->peers[i].station.config.peer_id.text, id) == 0 && peer_runs(&s->peers[i]))
            return &s->peers[i];
    return NULL;
}

static bool found_one(struct sim *s, struct peer *p)
{
    struct station *st = &p->station;
    struct wire_key secret;
    char id[16];
    if (s->club.n == CLUBS_MAX)
        return false;
    snprintf(id, sizeof id, "club-%u", ++s->club.n);
    if (wire_id_set(&s->club.id, id) != 0)
        return false;
    *s->club.code = *s->club.used = '\0';
    s->club.founder = p->index;
    stub_group_public_key("the club's secret", id, &secret);
    STATION_CALL(st, engine_create_syncshell_with(st->engine, s->now_us, station_ticket(st),
                                                  &s->club.id, &secret));
    return true;
}

/* With the invite of one who is in it; who is in it may be so by an older key. */
static bool join(struct sim *s, uint64_t detail)
{
    struct peer *from = owner(s);
    struct peer *p = some_peer(s, detail, false);
    struct invite invite;
    if (s->club.n == 0 || ledger_deleted(&s->ledger, s->club.id.text))
        return p && found_one(s, p);
    if (!from || !is_in(s, from))
        from = some_peer(s, detail >> 8, true);
    if (!p || detail % 3 == 0)
        p = some_peer(s, detail, true);
    if (!from || !p || p == from ||
        engine_invite(from->station.engine, s->club.id.text, &invite) != 0)
        return false;
    struct station *st = &p->station;
    STATION_CALL(st, engine_join(st->engine, s->now_us, station_ticket(st), &invite));
    return true;
}

static bool leave(struct sim *s, uint64_t detail)
{
    struct peer *p = some_peer(s, detail, true);
    if (!p)
        return false;
    struct station *st = &p->station;
    STATION_CALL(st, engine_leave(st->engine, s->now_us, station_ticket(st), s->club.id.text));
    return true;
}

static bool open_session(struct sim *s, uint64_t detail)
{
    struct peer *p = some_peer(s, detail, true);
    struct peer *other = some_peer(s, detail >> 8, true);
    char id[16];
    if (!p || p == other)
        return false;
    struct station *st = &p->station;
    snprintf(id, sizeof id, "c%u", ++s->club.n_sessions);
    STATION_CALL(st, engine_session_open(st->engine, s->now_us, station_ticket(st), s->club.id.text,
                                         other->station.config.peer_id.text, detail >> 16 & 1, id,
                                         "mods"));
    return true;
}

/* One of the club's sessions whose joiner runs: NULL when there is none. */
static struct peer *some_joiner(struct sim *s, uint64_t detail, const char **ret_session)
{
    const struct ledger *l = &s->ledger;
    for (size_t i = 0; i < l->n_sessions; i++) {
        const struct ledger_session *session = &l->sessions[(detail + i) % l->n_sessions];
        if (session->closed || strcmp(session->shell.text, s->club.id.text) != 0)
            continue;
        for (unsigned k = 0; k < s->n_peers; k++) {
            struct peer *p = &s->peers[k];
            if (strcmp(p->station.config.peer_id.text, session->joiner.text) == 0 && peer_runs(p)) {
                *ret_session = session->id.text;
                return p;
            }
        }
    }
    return NULL;
}

static bool report(struct sim *s, uint64_t detail)
{
    const char *session;
    struct body_file_list files = {0};
    struct peer *p = some_joiner(s, detail, &session);
    if (!p)
        return false;
    files_add(&files, file_done("file-00", "ABCD", 1000));
    station_report(&p->station, session, &files);
    return true;
}

static bool issue(struct sim *s, uint64_t detail)
{
    const char *session;
    struct peer *p = some_joiner(s, detail, &session);
    if (!p)
        return false;
    struct station *st = &p->station;
    STATION_CALL(st, engine_session_issue_code(st->engine, s->now_us, station_ticket(st), session));
    return true;
}

static bool redeem(struct sim *s, uint64_t detail, const char *text)
{
    struct peer *p = some_peer(s, detail, true);
    struct recovery_code code;
    if (!p || recovery_code_read(&code, text, strlen(text)) != 0)
        return false;
    struct station *st = &p->station;
    memcpy(s->club.used, text, strlen(text) + 1);
    STATION_CALL(
        st, engine_redeem_code(st->engine, s->now_us, station_ticket(st), s->club.id.text, &code));
    return true;
}

static bool order(struct sim *s, struct peer *by, enum message_type type, uint64_t detail)
{
    const struct peer *whom = some_peer(s, detail >> 8, true);
    if (!by || !is_in(s, by) || !whom)
        return false;
    struct station *st = &by->station;
    STATION_CALL(st,
                 engine_owner_operation(st->engine, s->now_us, station_ticket(st), s->club.id.text,
                                        type, whom->station.config.peer_id.text));
    return true;
}

static bool carry_out(struct sim *s, enum club_wish wish, uint64_t detail)
{
    static const enum message_type orders[] = {MESSAGE_REMOVE_MEMBER, MESSAGE_ROTATE_GROUP_KEY,
                                               MESSAGE_TRANSFER_OWNERSHIP,
                                               MESSAGE_DELETE_SYNCSHELL};
    switch (wish) {
    case CLUB_JOIN:
        return join(s, detail);
    case CLUB_LEAVE:
        return leave(s, detail);
    case CLUB_OPEN:
        return open_session(s, detail);
    case CLUB_REPORT:
        return report(s, detail);
    case CLUB_ISSUE:
        return issue(s, detail);
    case CLUB_REDEEM:
        return redeem(s, detail, s->club.code);
    case CLUB_REDEEM_AGAIN:
        return redeem(s, detail, s->club.used);
    case CLUB_REMOVE:
    case CLUB_ROTATE:
    case CLUB_TRANSFER:
    case CLUB_DELETE:
        return order(s, owner(s), orders[wish - CLUB_REMOVE], detail);
    case CLUB_USURP:
        return order(s, some_peer(s, detail, true), orders[detail % 4], detail);
    case CLUB_WISH_COUNT:
        break;
    }
    return false;
}

/* What there is nothing to do with comes later. */
static enum club_wish draw(struct sim *s, uint64_t *random)
{
    static const enum club_wish often[] = {
        CLUB_OPEN,   CLUB_REPORT,       CLUB_REPORT,       CLUB_ISSUE,
        CLUB_ISSUE,  CLUB_ISSUE,        CLUB_REDEEM,       CLUB_REDEEM,
        CLUB_REDEEM, CLUB_JOIN,         CLUB_JOIN,         CLUB_REDEEM_AGAIN,
        CLUB_REDEEM, CLUB_REDEEM_AGAIN, CLUB_REDEEM_AGAIN, CLUB_REMOVE};
    unsigned n_in = 0;
    for (unsigned i = 0; i < s->n_peers; i++)
        n_in += is_in(s, &s->peers[i]);
    const char *session;
    if (n_in < s->n_peers && n_in < 4 && !random_one_in(random, 4))
        return CLUB_JOIN;
    if (!some_joiner(s, 0, &session) && random_one_in(random, 2))
        return CLUB_OPEN;
    if (!random_one_in(random, 4))
        return often[random_below(random, sizeof often / sizeof *often)];
    return (enum club_wish)random_below(random, CLUB_WISH_COUNT);
}

void club_tick(struct sim *s)
{
    struct club *c = &s->club;
    uint64_t *random = &c->random;
    enum club_wish wish = draw(s, random);
    uint64_t detail = random_next(random);
    c->due_us = --c->n_wanted > 0 ? s->now_us + random_below(random, PAUSE_US) : TIME_NEVER_US;
    if (!carry_out(s, wish, detail))
        return;
    sim_trace(s, "%s: %s", c->id.text, club_wish_name(wish));
    s->stats->club_wishes[wish]++;
    struct peer *p = &s->peers[random_below(random, s->n_peers)];
    if (random_one_in(random, 6) && p->station.engine) {
        p->kill_down_us = random_below(random, DOWN_US);
        p->station.kill_at_step = p->station.n_steps + 1 + random_below(random, STEPS_TO_KILL);
    }
}

bool club_wishes(struct sim *s, uint64_t detail)
{
    struct club *c = &s->club;
    if (!*s->ledger.shell_id)
        return false;
    c->random = detail;
    c->n_wanted = WISHES_MIN + (unsigned)(detail >> 32) % WISHES_MIN;
    c->due_us = s->now_us;
    return true;
}

void club_heal(struct sim *s)
{
    s->club.n_wanted = 0;
    s->club.due_us = TIME_NEVER_US;
}

/* --- what applications hear ----------------------------------------------------------------------------------------- */

bool club_event(struct peer *p, const struct syncshell_event *e)
{
    struct sim *s = p->sim;
    const char *shell = event_string(e, SYNCSHELL_FIELD_SYNCSHELL_ID);
    const char *code = event_string(e, SYNCSHELL_FIELD_RECOVERY_CODE);
    if (strncmp(shell, "club-", 5) != 0)
        return false;
    sim_trace(s, "p%u: event %s in %s %s %s", p->index, event_type_name(event_type(e)), shell,
              event_string(e, SYNCSHELL_FIELD_SESSION_ID), event_string(e, SYNCSHELL_FIELD_CODE));
    if (*code && strlen(code) < sizeof s->club.code && strcmp(shell, s->club.id.text) == 0)
        memcpy(s->club.code, code, strlen(code) + 1);
    if (event_type(e) == SYNCSHELL_EVENT_CODE_REDEEMED &&
        !ledger_redeemed(&s->ledger, event_string(e, SYNCSHELL_FIELD_SESSION_ID),
                         p->station.config.peer_id.text))
        sim_fail(s, "P2", "p%u has redeemed a code, and the disk does not know", p->index);
    return true;
}

static bool has_newest_key(const struct peer *p, const struct ledger_owner *o)
{
    struct invite invite;
    struct wire_key key;
    if (engine_invite(p->station.engine, o->shell.text, &invite) != 0)
        return false;
    stub_group_public_key(invite.secret.text, o->shell.text, &key);
    return strcmp(key.text, o->group_public_key.text) == 0;
}

const char *club_fault(struct sim *s, const struct peer *p)
{
    for (unsigned n = 1; n <= s->club.n; n++) {
        char id[16];
        snprintf(id, sizeof id, "club-%u", n);
        const struct ledger_member *m =
            ledger_member(&s->ledger, id, p->station.config.peer_id.text);
        /* Who has an older key hears that first, and keeps it until there is an invite. */
        if (m && !m->in && !ledger_rotated(&s->ledger, id) &&
            station_record(&p->station, "syncshell", id))
            return "it still has a syncshell that it is out of";
        const struct ledger_owner *o = ledger_owner_of(&s->ledger, id);
        if (m && m->in && o && has_newest_key(p, o) &&
            (!p->wire || !ledger_has_joined(p->wire, id)))
            return "it is a member by the newest key, and has not joined";
    }
    return NULL;
}
