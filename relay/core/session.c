#include "core/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/timeutil.h"
#include "core/attempt.h"
#include "core/connection.h"
#include "core/member.h"
#include "core/op.h"
#include "core/reply.h"
#include "core/syncshell.h"

struct session *session_find(const struct syncshell *s, const struct wire_id *id)
{
    struct map_node *n = map_find(&s->sessions, id->text);
    return n ? container_of(n, struct session, node) : NULL;
}

static void delist(struct session *session)
{
    if (session->summary.state == SESSION_STATE_CLOSED)
        session->syncshell->n_tombstones--;
    list_unlink(&session->list_node);
}

/* Into the list of its state. Among too many tombstones the oldest is forgotten. */
static void enlist(struct session *session)
{
    struct syncshell *s = session->syncshell;
    if (session->summary.state == SESSION_STATE_OPEN) {
        list_append(&s->open_sessions, &session->list_node);
        return;
    }
    list_append(&s->tombstones, &session->list_node);
    if (++s->n_tombstones > SESSION_TOMBSTONES_MAX)
        session_free(container_of(list_first(&s->tombstones), struct session, list_node));
}

static void raise_fired(struct core *core, struct timer *t);

int session_new(struct syncshell *s, const struct store_session *stored,
                struct session **ret_session)
{
    struct session *session = calloc(1, sizeof *session);
    if (!session)
        return -ENOMEM;
    session->syncshell = s;
    session->summary = stored->summary;
    session->former = stored->former;
    session->expires_unix_ms = stored->expires_unix_ms;
    session->stored_generation = stored->summary.generation;
    session->raise_timer.fire = raise_fired;
    int r = map_insert(&s->sessions, &session->node, session->summary.recovery_session_id.text);
    if (r != 0) {
        free(session);
        return -ENOMEM;
    }
    syncshell_grow(s, sizeof *session);
    enlist(session);
    if (ret_session)
        *ret_session = session;
    return 0;
}

struct session *session_free(struct session *session)
{
    if (!session)
        return NULL;
    attempt_end(session->attempt, WIRE_CODE_NONE);
    timer_cancel(&session->syncshell->core->timers, &session->raise_timer);
    map_remove(&session->syncshell->sessions, &session->node);
    delist(session);
    syncshell_shrink(session->syncshell, sizeof *session);
    free(session);
    return NULL;
}

enum session_side session_side_of(const struct session *session, const char *peer_id)
{
    if (strcmp(peer_id, session->summary.joiner_peer_id.text) == 0)
        return SESSION_SIDE_JOINER;
    if (strcmp(peer_id, session->summary.provider_peer_id.text) == 0)
        return SESSION_SIDE_PROVIDER;
    return SESSION_SIDE_NONE;
}

const struct wire_peer_id *session_peer(const struct session *session, enum session_side side)
{
    return side == SESSION_SIDE_JOINER ? &session->summary.joiner_peer_id
                                       : &session->summary.provider_peer_id;
}

struct member *session_member(struct session *session, enum session_side side)
{
    if (!session->members[side])
        session->members[side] =
            syncshell_member(session->syncshell, session_peer(session, side)->text);
    return session->members[side];
}

static void forget_member(struct list *sessions, const struct member *m)
{
    list_for_each_safe (n, next, sessions) {
        struct session *session = container_of(n, struct session, list_node);
        for (size_t side = 0; side < 2; side++) {
            if (session->members[side] == m)
                session->members[side] = NULL;
        }
    }
}

void session_forget_member(struct syncshell *s, const struct member *m)
{
    forget_member(&s->open_sessions, m);
    forget_member(&s->tombstones, m);
}

bool session_concerns(const struct session *session, const char *peer_id)
{
    return session_side_of(session, peer_id) != SESSION_SIDE_NONE ||
           former_has(&session->former, peer_id);
}

static void announce_to(const struct session *session, const char *peer_id,
                        uint64_t failed_generation)
{
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    struct connection *c = member_connection(syncshell_member(session->syncshell, peer_id));
    m.session_changed.syncshell_id = session->syncshell->id;
    m.session_changed.session = session->summary;
    m.session_changed.has_failed_generation = failed_generation != 0;
    m.session_changed.failed_generation = failed_generation;
    if (c)
        reply_send(c, &m);
}

void session_announce(const struct session *session, const char *except)
{
    for (int side = SESSION_SIDE_JOINER; side <= SESSION_SIDE_PROVIDER; side++) {
        const char *peer_id = session_peer(session, (enum session_side)side)->text;
        if (!except || strcmp(except, peer_id) != 0)
            announce_to(session, peer_id, 0);
    }
}

void session_announce_failure(const struct session *session, const char *reporter, bool to_both,
                              uint64_t failed_generation)
{
    for (int side = SESSION_SIDE_JOINER; side <= SESSION_SIDE_PROVIDER; side++) {
        const char *peer_id = session_peer(session, (enum session_side)side)->text;
        if (strcmp(reporter, peer_id) != 0)
            announce_to(session, peer_id, failed_generation);
        else if (to_both)
            announce_to(session, peer_id, 0);
    }
}

void session_hand_over(struct session *session, const struct wire_peer_id *joiner)
{
    former_add(&session->former, &session->summary.joiner_peer_id);
    attempt_end(session->attempt, WIRE_CODE_SUPERSEDED);
    session->summary.joiner_peer_id = *joiner;
    session->members[SESSION_SIDE_JOINER] = NULL;
    session->summary.cause = (struct cause_text){""};
    session_raise(session, store_session_handed_generation(session->summary.generation));
    session_announce(session, NULL);
    announce_to(session, session->former.peer_ids[0].text, 0);
}

void session_closed(struct session *session, enum session_outcome outcome, int64_t expires_unix_ms,
                    enum wire_code code, const char *except)
{
    if (session->summary.state == SESSION_STATE_CLOSED)
        return;
    delist(session);
    session->summary.state = SESSION_STATE_CLOSED;
    session->summary.outcome = outcome;
    session->expires_unix_ms = expires_unix_ms;
    enlist(session);
    attempt_end(session->attempt, code);
    session_announce(session, except);
    core_emit(session->syncshell->core,
              &(struct core_event){.kind = CORE_EVENT_SESSION_CLOSED,
                                   .syncshell_id = session->syncshell->id,
                                   .recovery_session_id = session->summary.recovery_session_id,
                                   .generation = session->summary.generation,
                                   .outcome = outcome,
                                   .cause = session->summary.cause});
}

static bool raise_is_due(const struct session *session)
{
    return !session->raising && session->summary.state == SESSION_STATE_OPEN &&
           session->summary.generation > session->stored_generation;
}

void session_flush(struct session *session)
{
    struct core *core = session->syncshell->core;
    timer_cancel(&core->timers, &session->raise_timer);
    if (!raise_is_due(session))
        return;
    struct store_op *op = op_new(core, STORE_RAISE_GENERATION, session->syncshell);
    if (!op)
        return; /* the next offer tries again */
    op->recovery_session_id = session->summary.recovery_session_id;
    op->generation = session->summary.generation;
    op->expires_unix_ms = core_wall_after_ms(core, core->config.session_ttl_ms);
    session->raising = true;
    session->stored_generation = op->generation;
    session->next_raise_us = time_add_ms(core->now_us, SESSION_RAISE_INTERVAL_MS);
    op_issue(core, op);
}

static void raise_fired(struct core *core, struct timer *t)
{
    struct session *session = container_of(t, struct session, raise_timer);
    (void)core;
    if (session->syncshell->state == SYNCSHELL_LOADED)
        session_flush(session);
}

/* At once, or when a little time has passed since the last: what has risen meanwhile goes with it. */
static void raise_stored(struct session *session)
{
    struct core *core = session->syncshell->core;
    if (!raise_is_due(session) || session->raise_timer.armed)
        return;
    if (core->now_us >= session->next_raise_us)
        session_flush(session);
    else
        timer_set(&core->timers, &session->raise_timer, session->next_raise_us);
}

void session_raise(struct session *session, uint64_t generation)
{
    session->summary.generation = generation;
    raise_stored(session);
}

void session_raised(struct session *session, const struct store_op *op)
{
    session->raising = false;
    if (op->code == WIRE_CODE_NONE)
        raise_stored(session);
    else
        session->next_raise_us = 0; /* the next offer raises it */
}

void session_purge(struct syncshell *s)
{
    int64_t now_ms = core_wall_now(s->core).unix_ms;
    list_for_each_safe (n, next, &s->tombstones) {
        struct session *session = container_of(n, struct session, list_node);
        if (session->expires_unix_ms <= now_ms)
            session_free(session);
    }
}
