/* A syncshell in memory: loaded from the store when somebody wants to join it, unloaded when nobody needs it.
 *
 * States: LOADING while the store reads it and joins wait; LOADED; STALE when memory ran out while a committed change was
 * taken over, so that memory and disk may differ: its connections are closed, nobody joins, and it goes as soon as
 * its operations are back, to be loaded afresh. What the store holds changes here only when its operation is back. */
#ifndef RELAY_CORE_SYNCSHELL_H
#define RELAY_CORE_SYNCSHELL_H

#include "base/list.h"
#include "base/map.h"
#include "core/core_state.h"
#include "core/store_op.h"
#include "wire/message.h"

enum {
    SYNCSHELL_MEMBERS_MAX =
        4096, /* that memory takes; the configured limit is the store's to enforce */
    SYNCSHELL_SESSIONS_MAX = 1 << 16, /* likewise, tombstones included */
};

enum syncshell_state {
    SYNCSHELL_LOADING = 1,
    SYNCSHELL_LOADED,
    SYNCSHELL_STALE,
};

struct connection;
struct member;

struct syncshell {
    struct core *core;
    struct map_node node;
    struct wire_id id;
    enum syncshell_state state;

    struct wire_key group_public_key;
    struct wire_peer_id owner_peer_id;
    uint64_t key_epoch;
    uint64_t owner_sequence;
    int64_t used_unix_day; /* that the store knows: a member was joined */
    bool noting_use;       /* the store is hearing of a later one */

    struct map members;
    struct list member_list; /* in the order of joining */
    struct map sessions;
    struct list open_sessions; /* oldest first */
    struct list tombstones;    /* closed first, first */
    size_t n_tombstones;

    struct list memberships; /* joined connections */
    struct list attempts;    /* live ones of its sessions */
    struct list joins;       /* wait for LOADED */
    size_t n_ops;            /* operations at the store that come back to this object */
    struct list_node idle_node;
};

struct syncshell *syncshell_find(const struct core *core, const struct wire_id *id);

/* A new one, and the operation that loads it. NULL when memory or the map's room is out. */
struct syncshell *syncshell_load(struct core *core, const struct wire_id *id);
void syncshell_loaded(struct syncshell *s, struct store_op *op);

/* Memory and store may differ from here on. */
void syncshell_spoil(struct syncshell *s);

/* The store has it no more: whoever is joined hears `code`, except that connection (may be NULL). */
void syncshell_gone(struct syncshell *s, enum wire_code code, const struct connection *except);

/* Writes what is written behind. */
void syncshell_flush(struct syncshell *s);

/* Something it was needed for is gone: core_leave() unloads it if it was the last. */
void syncshell_touch(struct syncshell *s);
void syncshell_unload_if_idle(struct syncshell *s);
struct syncshell *syncshell_free(struct syncshell *s); /* for the end of the core, too */

struct member *syncshell_member(const struct syncshell *s, const char *peer_id);

/* Tells the joined connections of everybody but that peer. */
void syncshell_announce(struct syncshell *s, const struct wire_peer_id *peer_id,
                        enum presence presence);

#endif
