#include "core/member.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "core/attempt.h"
#include "core/bulk.h"
#include "core/connection.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/syncshell.h"

static void grace_over(struct core *core, struct timer *t)
{
    (void)core;
    struct member *m = container_of(t, struct member, away_timer);
    syncshell_announce(m->syncshell, &m->peer_id, PRESENCE_AWAY);
}

int member_new(struct syncshell *s, const struct store_member *stored)
{
    struct member *m = calloc(1, sizeof *m);
    if (!m)
        return -ENOMEM;
    m->syncshell = s;
    m->peer_id = stored->peer_id;
    m->inbox_head = stored->inbox_head;
    m->inbox_acked = stored->inbox_acked;
    m->away_timer.fire = grace_over;
    int r = map_insert(&s->members, &m->node, m->peer_id.text);
    if (r != 0) {
        free(m);
        return -ENOMEM;
    }
    list_append(&s->member_list, &m->list_node);
    syncshell_grow(s, sizeof *m);
    return 0;
}

struct member *member_free(struct member *m)
{
    if (!m)
        return NULL;
    membership_free(m->membership);
    timer_cancel(&m->syncshell->core->timers, &m->away_timer);
    session_forget_member(m->syncshell, m);
    map_remove(&m->syncshell->members, &m->node);
    list_unlink(&m->list_node);
    syncshell_shrink(m->syncshell, sizeof *m);
    free(m);
    return NULL;
}

struct connection *member_connection(const struct member *m)
{
    if (!m || !m->membership || m->membership->connection->state == CONNECTION_CLOSED)
        return NULL;
    return m->membership->connection;
}

int membership_new(struct member *m, struct connection *c, struct membership **ret_membership)
{
    assert(!m->membership);
    struct membership *ms = calloc(1, sizeof *ms);
    if (!ms)
        return -ENOMEM;
    ms->connection = c;
    ms->syncshell = m->syncshell;
    ms->member = m;
    m->membership = ms;
    list_append(&c->memberships, &ms->connection_node);
    c->n_memberships++;
    list_append(&m->syncshell->memberships, &ms->syncshell_node);
    *ret_membership = ms;
    return 0;
}

static void membership_signals_wait(struct membership *ms, bool wait)
{
    if (ms->signals_wait != wait)
        ms->connection->n_signals_wait += wait ? 1 : (size_t)-1;
    ms->signals_wait = wait;
}

void membership_send_signals(struct membership *ms)
{
    bool all = true;
    membership_signals_wait(ms, false);
    list_for_each_safe (n, next, &ms->syncshell->attempts) {
        struct attempt *a = container_of(n, struct attempt, node);
        enum session_side side = session_side_of(a->session, ms->member->peer_id.text);
        if (all && side != SESSION_SIDE_NONE)
            all = attempt_send_kept(a, side);
    }
    membership_signals_wait(ms, !all);
}

void connection_send_signals(struct connection *c)
{
    if (c->n_signals_wait == 0)
        return;
    list_for_each_safe (n, next, &c->memberships) {
        struct membership *ms = container_of(n, struct membership, connection_node);
        if (ms->signals_wait)
            membership_send_signals(ms);
    }
}

void membership_say_ended(const struct membership *ms, enum wire_code code)
{
    struct message m = {.type = MESSAGE_MEMBERSHIP_ENDED};
    m.membership_ended.syncshell_id = ms->syncshell->id;
    m.membership_ended.code = code;
    reply_send(ms->connection, &m);
}

struct membership *membership_free(struct membership *ms)
{
    if (!ms)
        return NULL;
    ms->member->membership = NULL;
    bulk_refuse_snapshots(ms->connection, &ms->syncshell->id);
    list_unlink(&ms->connection_node);
    ms->connection->n_memberships--;
    membership_signals_wait(ms, false);
    list_unlink(&ms->syncshell_node);
    syncshell_touch(ms->syncshell);
    free(ms);
    return NULL;
}

void membership_release(struct membership *ms, bool graceful)
{
    struct member *m = ms->member;
    struct syncshell *s = ms->syncshell;
    membership_free(ms);
    list_for_each_safe (n, next, &s->attempts) {
        struct attempt *a = container_of(n, struct attempt, node);
        enum session_side side = session_side_of(a->session, m->peer_id.text);
        if (side != SESSION_SIDE_NONE)
            attempt_target_gone(a, side);
    }
    if (graceful)
        timer_set(&s->core->timers, &m->away_timer,
                  time_add_ms(s->core->now_us, MEMBER_AWAY_GRACE_MS));
    else
        syncshell_announce(s, &m->peer_id, PRESENCE_AWAY);
}
