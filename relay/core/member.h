/* A member of a syncshell, and its membership: the link between the member and the connection that has joined as it.
 *
 * A member has at most one membership, because the newest connection of a peer replaces the older. `away` of a replaced
 * connection's peer is announced only after a grace, which a join of the new connection cancels: presence does not flap
 * when a client restarts. */
#ifndef RELAY_CORE_MEMBER_H
#define RELAY_CORE_MEMBER_H

#include "base/list.h"
#include "base/map.h"
#include "core/store_op.h"
#include "core/timer.h"
#include "wire/code.h"
#include "wire/id.h"

#include <stdbool.h>
#include <stdint.h>

enum { MEMBER_AWAY_GRACE_MS = 5000 }; /* from being replaced to being announced as away */

struct connection;
struct syncshell;

struct member {
    struct syncshell *syncshell;
    struct map_node node;
    struct list_node list_node;
    struct wire_peer_id peer_id;
    uint64_t inbox_head;           /* highest sequence number on disk */
    uint64_t inbox_acked;          /* highest acknowledged on disk */
    struct membership *membership; /* NULL: away */
    bool shut_out;                 /* the key was rotated under its connection: owner.c */
    struct timer away_timer;       /* armed: away, but the others have not been told yet */
};

struct membership {
    struct connection *connection;
    struct syncshell *syncshell;
    struct member *member;
    struct list_node connection_node;
    struct list_node syncshell_node;
    uint64_t sent_seq; /* inbox messages up to this were queued, or need not be */
    bool signals_wait; /* kept frames of attempts wait for room in the connection's queue */
};

/* Links a new member. 0 or negative. */
int member_new(struct syncshell *s, const struct store_member *stored);
struct member *member_free(struct member *m); /* ends its membership, too; always NULL */

/* The connection that can be sent to now, NULL when the member is away. */
struct connection *member_connection(const struct member *m);

/* 0 or -ENOMEM. The member must be away. */
int membership_new(struct member *m, struct connection *c, struct membership **ret_membership);

/* Sends what the attempts of its sessions keep for it, as far as there is room; the rest when its queue drains. A target
 * is not a slow reader for what others have sent while it was away. */
void membership_send_signals(struct membership *ms);
void connection_send_signals(struct connection *c); /* of the memberships where some wait */

/* Tells the connection why the relay ends its membership. */
void membership_say_ended(const struct membership *ms, enum wire_code code);

/* Ends the membership without telling anybody; requests to read a log that still wait are refused. Always NULL. */
struct membership *membership_free(struct membership *ms);

/* Ends it because its connection is gone: the others hear `away`, now or after the grace. */
void membership_release(struct membership *ms, bool graceful);

#endif
