/* A syncshell in memory: loaded from the store when somebody wants to join it, unloaded when nobody needs it.
 *
 * States: LOADING while the store reads it and joins wait; LOADED; STALE when memory ran out while a committed change was
 * taken over, so that memory and disk may differ (its connections are closed), when it could not be loaded, or when it was
 * deleted or expired: nobody joins, and it goes as soon as its operations are back, to be loaded afresh. Its memory,
 * members and sessions included, is charged to the address that had it loaded. What the store holds changes here only when
 * its operation is back. */
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
    SYNCSHELL_LOADS_MAX =
        64, /* that the store reads at once: what it brings is charged when it is here */
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
    enum wire_code stale_code; /* STALE: why, for whoever waits */

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
    struct list joins;       /* wait for LOADED, and then for their turn */
    struct charge memory;
    size_t n_ops;     /* operations at the store that come back to this object */
    size_t n_leaving; /* of these, those by which a member leaves */
    struct list_node idle_node;
    struct list_node
        load_node; /* LOADING, and not yet asked for; or since it is loaded, while somebody waits */
};

struct syncshell *syncshell_find(const struct core *core, const struct wire_id *id);

/* A new one, on that address's account, and the operation that loads it. NULL when an account, memory (the refusal stays as
 * it is) or the map's room is out. */
struct syncshell *syncshell_load(struct core *core, const struct wire_id *id,
                                 const struct payers *payers, struct refusal *ret_refusal);
void syncshell_loaded(struct syncshell *s, struct store_op *op);

/* Lets in, or refuses, the next who waits for one that is loaded. */
void syncshell_join_next(struct core *core);

/* Memory and store may differ from here on. */
void syncshell_spoil(struct syncshell *s);

/* A member or session comes or goes. Whose request makes one come has been charged for it: OP_BYTES. */
void syncshell_grow(struct syncshell *s, size_t bytes);
void syncshell_shrink(struct syncshell *s, size_t bytes);

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
