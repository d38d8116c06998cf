#include "core/syncshell.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/attempt.h"
#include "core/connection.h"
#include "core/join.h"
#include "core/member.h"
#include "core/op.h"
#include "core/reply.h"
#include "core/session.h"

struct syncshell *syncshell_find(const struct core *core, const struct wire_id *id)
{
    struct map_node *n = map_find(&core->syncshells, id->text);
    return n ? container_of(n, struct syncshell, node) : NULL;
}

static struct syncshell *syncshell_new(struct core *core, const struct wire_id *id)
{
    struct syncshell *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->core = core;
    s->id = *id;
    s->state = SYNCSHELL_LOADING;
    map_init(&s->members, SYNCSHELL_MEMBERS_MAX, core->syncshells.seed);
    map_init(&s->sessions, SYNCSHELL_SESSIONS_MAX, core->syncshells.seed);
    list_init(&s->member_list);
    list_init(&s->open_sessions);
    list_init(&s->tombstones);
    list_init(&s->memberships);
    list_init(&s->attempts);
    list_init(&s->joins);
    if (map_insert(&core->syncshells, &s->node, s->id.text) != 0) {
        free(s);
        return NULL;
    }
    core->stats.syncshells_loaded++;
    return s;
}

static int start_loading(struct syncshell *s)
{
    struct store_op *op = op_new(s->core, STORE_LOAD_SYNCSHELL, s);
    if (!op)
        return -ENOMEM;
    s->core->n_loading++;
    op_issue(s->core, op);
    return 0;
}

void syncshell_grow(struct syncshell *s, size_t bytes)
{
    charge_settle(&s->memory, s->memory.amount + bytes);
    s->core->stats.loaded_bytes += bytes;
}

void syncshell_shrink(struct syncshell *s, size_t bytes)
{
    charge_settle(&s->memory, s->memory.amount - bytes);
    s->core->stats.loaded_bytes -= bytes;
}

struct syncshell *syncshell_load(struct core *core, const struct wire_id *id,
                                 const struct payers *payers, struct refusal *ret_refusal)
{
    /* Not its peer: what others keep loaded is more than one peer may have, and stays when that one leaves. */
    const struct payers address = {.address = payers->address};
    struct charge memory = {0};
    if (!charge_take(&memory, &core->accounts, &address, RESOURCE_BYTES,
                     sizeof(struct syncshell) + OP_BYTES, ret_refusal))
        return NULL;
    struct syncshell *s = syncshell_new(core, id);
    if (!s) {
        charge_drop(&memory);
        return NULL;
    }
    s->memory = memory;
    core->stats.loaded_bytes += memory.amount;
    if (core->n_loading == SYNCSHELL_LOADS_MAX)
        list_append(&core->loads, &s->load_node);
    else if (start_loading(s) != 0)
        return syncshell_free(s);
    return s;
}

/* The account is asked once for all that is loaded. */
static bool has_room(struct syncshell *s, const struct store_syncshell *stored,
                     struct refusal *ret_refusal)
{
    uint64_t before = s->memory.amount;
    if (!charge_resize(&s->memory,
                       before + stored->n_members * sizeof(struct member) +
                           stored->n_sessions * sizeof(struct session),
                       ret_refusal))
        return false;
    charge_settle(&s->memory, before);
    return true;
}

static int take_over(struct syncshell *s, const struct store_syncshell *stored)
{
    s->group_public_key = stored->group_public_key;
    s->owner_peer_id = stored->owner_peer_id;
    s->key_epoch = stored->key_epoch;
    s->owner_sequence = stored->owner_sequence;
    s->used_unix_day = stored->used_unix_day;
    for (size_t i = 0; i < stored->n_members; i++) {
        int r = member_new(s, &stored->members[i]);
        if (r != 0)
            return r;
    }
    for (size_t i = 0; i < stored->n_sessions; i++) {
        int r = session_new(s, &stored->sessions[i], NULL);
        if (r != 0)
            return r;
    }
    return 0;
}

static struct join *next_join(const struct syncshell *s)
{
    struct list_node *n = list_first(&s->joins);
    return n ? container_of(n, struct join, wait_node) : NULL;
}

/* Who asks from here on finds it loaded, or stale until core_leave() and so not to be joined. */
static void end_loading(struct syncshell *s, enum wire_code code)
{
    s->state = code == WIRE_CODE_NONE ? SYNCSHELL_LOADED : SYNCSHELL_STALE;
    s->stale_code = code;
    if (code == WIRE_CODE_NONE)
        list_append(&s->core->arrivals, &s->load_node);
    else
        for (struct join *j = next_join(s); j; j = next_join(s))
            join_refuse(j, code);
    syncshell_touch(s);
}

/* By turns, so that nobody waits for all the members of another syncshell. */
void syncshell_join_next(struct core *core)
{
    struct list_node *n = list_first(&core->arrivals);
    if (!n)
        return;
    struct syncshell *s = container_of(n, struct syncshell, load_node);
    struct join *j = next_join(s);
    list_unlink(n);
    if (!j)
        return;
    list_unlink(&j->wait_node);
    if (!list_empty(&s->joins))
        list_append(&core->arrivals, &s->load_node);
    if (s->state == SYNCSHELL_LOADED)
        join_continue(j);
    else
        join_refuse(j, s->stale_code);
}

static void load_next(struct core *core)
{
    struct list_node *n = list_first(&core->loads);
    if (!n)
        return;
    struct syncshell *s = container_of(n, struct syncshell, load_node);
    list_unlink(n);
    if (start_loading(s) != 0)
        end_loading(s, WIRE_CODE_INTERNAL);
}

void syncshell_loaded(struct syncshell *s, struct store_op *op)
{
    enum wire_code code = op->code;
    struct refusal refusal;
    s->core->n_loading--;
    if (code == WIRE_CODE_NONE && !has_room(s, op->syncshell, &refusal))
        code = refusal.code;
    if (code == WIRE_CODE_NONE && take_over(s, op->syncshell) != 0)
        code = WIRE_CODE_INTERNAL;
    end_loading(s, code);
    load_next(s->core);
}

void syncshell_spoil(struct syncshell *s)
{
    s->state = SYNCSHELL_STALE;
    s->stale_code = WIRE_CODE_INTERNAL;
    list_for_each_safe (n, next, &s->memberships) {
        connection_close(container_of(n, struct membership, syncshell_node)->connection,
                         WIRE_CODE_INTERNAL);
    }
    syncshell_touch(s);
}

void syncshell_gone(struct syncshell *s, enum wire_code code, const struct connection *except)
{
    s->state = SYNCSHELL_STALE; /* what is under way comes back to it; who joins loads afresh */
    s->stale_code = code;
    list_for_each_safe (n, next, &s->attempts) {
        attempt_end(container_of(n, struct attempt, node), WIRE_CODE_NONE);
    }
    list_for_each_safe (n, next, &s->memberships) {
        struct membership *ms = container_of(n, struct membership, syncshell_node);
        if (ms->connection != except)
            membership_say_ended(ms, code);
        membership_free(ms);
    }
    syncshell_touch(s);
}

void syncshell_touch(struct syncshell *s)
{
    if (!list_node_linked(&s->idle_node))
        list_append(&s->core->idle, &s->idle_node);
}

void syncshell_flush(struct syncshell *s)
{
    if (s->state != SYNCSHELL_LOADED)
        return;
    list_for_each_safe (n, next, &s->open_sessions) {
        session_flush(container_of(n, struct session, list_node));
    }
}

static bool is_idle(const struct syncshell *s)
{
    /* A live attempt keeps it: what is held, and what has already been answered. */
    bool attempts_matter = s->state == SYNCSHELL_LOADED && !list_empty(&s->attempts);
    return list_empty(&s->memberships) && list_empty(&s->joins) && s->n_ops == 0 &&
           !attempts_matter;
}

void syncshell_unload_if_idle(struct syncshell *s)
{
    if (is_idle(s))
        syncshell_flush(s); /* what it still has to write keeps it until that is written */
    if (is_idle(s))
        syncshell_free(s);
}

struct syncshell *syncshell_free(struct syncshell *s)
{
    assert(list_empty(&s->memberships));
    list_for_each_safe (n, next, &s->open_sessions) {
        session_free(container_of(n, struct session, list_node));
    }
    list_for_each_safe (n, next, &s->tombstones) {
        session_free(container_of(n, struct session, list_node));
    }
    list_for_each_safe (n, next, &s->member_list) {
        member_free(container_of(n, struct member, list_node));
    }
    list_unlink(&s->idle_node);
    list_unlink(&s->load_node);
    map_deinit(&s->members);
    map_deinit(&s->sessions);
    map_remove(&s->core->syncshells, &s->node);
    s->core->stats.syncshells_loaded--;
    s->core->stats.loaded_bytes -= s->memory.amount;
    charge_drop(&s->memory);
    free(s);
    return NULL;
}

struct member *syncshell_member(const struct syncshell *s, const char *peer_id)
{
    struct map_node *n = map_find(&s->members, peer_id);
    return n ? container_of(n, struct member, node) : NULL;
}

void syncshell_announce(struct syncshell *s, const struct wire_peer_id *peer_id,
                        enum presence presence)
{
    struct frame *frame = NULL;
    list_for_each_safe (n, next, &s->memberships) {
        struct membership *ms = container_of(n, struct membership, syncshell_node);
        if (strcmp(ms->member->peer_id.text, peer_id->text) == 0)
            continue;
        if (!frame) {
            struct message m = {.type = MESSAGE_PEER_PRESENCE};
            m.peer_presence.syncshell_id = s->id;
            m.peer_presence.peer_id = *peer_id;
            m.peer_presence.presence = presence;
            frame = reply_frame(s->core, &m);
        }
        /* A connection that has missed a presence must not go on as if it knew. */
        if (frame)
            connection_send(ms->connection, frame);
        else
            connection_close(ms->connection, WIRE_CODE_INTERNAL);
    }
    frame_unref(frame);
}
