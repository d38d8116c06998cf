/* A WebSocket connection: who it is, what it has joined, what waits to be written to it.
 *
 * States: HELLO until a valid Authenticate, READY, CLOSED once the core wants it gone (the adapter still owes
 * core_disconnect()). Changes only through connection_authenticated() and connection_close(). A closed connection takes no
 * more frames in either direction; its memberships are released by the next core_leave().
 *
 * Accounts: `place` is the connection itself, and names who pays: its address, and its peer once that is known. `memory` is
 * what waits for it; operations, and what is held of its messages, carry charges of their own. */
#ifndef RELAY_CORE_CONNECTION_H
#define RELAY_CORE_CONNECTION_H

#include "base/list.h"
#include "base/map.h"
#include "core/account.h"
#include "core/core_state.h"
#include "core/queue.h"
#include "core/store_op.h"
#include "core/timer.h"
#include "wire/code.h"
#include "wire/id.h"

enum connection_state {
    CONNECTION_HELLO = 1,
    CONNECTION_READY,
    CONNECTION_CLOSED,
};

struct syncshell;
struct membership;

struct connection {
    struct core *core;
    struct list_node node; /* core->connections */
    uint64_t id;
    char id_text[24];
    struct map_node id_node;
    void *userdata;
    enum connection_state state;
    struct address address;
    struct charge place;
    struct charge memory;
    struct charge
        buffers; /* by the adapter, and not its peer's: whose account is full is to hear so, and not to be closed */

    struct wire_key nonce;
    struct timer handshake_timer;
    struct wire_peer_id peer_id; /* "" until authenticated */
    struct map_node peer_node;
    bool authenticated; /* counted in the statistics */
    bool has_access_key;
    struct store_access_key access_key; /* what Authenticate showed */

    struct list memberships;
    size_t n_memberships;
    size_t n_signals_wait; /* memberships of which signals_wait is set */
    struct list joins;     /* requests to join that wait for the store */
    size_t n_joins;
    size_t n_pending;

    struct queue queue;
    struct list_node send_node;
    struct list_node close_node;
    struct list_node closed_node;
    uint16_t close_code;
    const char *close_reason;
    bool replaced;

    /* Bulk reading: see bulk.h. */
    struct list snapshot_ops; /* wait for their turn */
    bool bulk_reading;
    bool bulk_inbox_next;
    struct timer bulk_retry_timer;
};

/* 0, CORE_E_FULL or negative. Takes the admission when it succeeds. */
int connection_new(struct core *core, struct connection **ret_connection, void *userdata,
                   struct admission *admission);

/* Who pays for what the connection causes. */
static inline const struct payers *connection_payers(const struct connection *c)
{
    return &c->place.payers;
}

/* Releases everything the connection holds in the core and frees it. Always NULL. */
struct connection *connection_free(struct connection *c);

/* Gives up memberships, joins and waiting reads; for core_leave() and connection_free(). */
void connection_release(struct connection *c);

/* Hands the peer to this connection. An older connection of the same peer is closed as replaced. 0 or -ENOMEM. */
int connection_authenticated(struct connection *c, const struct wire_peer_id *peer_id);

/* Is there room for frames that nobody has just sent, with enough left for those that somebody does? An empty queue has. */
bool connection_has_room(const struct connection *c, enum queue_class class, size_t size);

/* The core's decision to close; the code's own close code, or 1011 when it has none. Idempotent. */
void connection_close(struct connection *c, enum wire_code code);

/* Queues a frame (refs it). Prompt: false when the connection is closed, or is closed by this as a slow reader or for
 * want of memory. Bulk: never a slow reader. */
bool connection_send(struct connection *c, struct frame *frame);
bool connection_send_bulk(struct connection *c, struct frame *frame);

struct frame *connection_pull(struct connection *c);

struct connection *connection_find(const struct core *core,
                                   uint64_t id); /* NULL also when closed */
struct membership *connection_membership(const struct connection *c, const struct syncshell *s);

/* The membership in the syncshell of this id, NULL when it is not joined. Fast for the one asked for last. */
struct membership *connection_joined(struct connection *c, const struct wire_id *syncshell_id);

#endif
