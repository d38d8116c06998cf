/* Joining: a request that may wait for the syncshell to be loaded and for the membership to be on disk.
 *
 * A join counts as one pending request from beginning to end. It belongs to its connection and goes with it; a membership
 * that commits after that stays. */
#ifndef RELAY_CORE_JOIN_H
#define RELAY_CORE_JOIN_H

#include "core/request.h"

struct join {
    struct connection *connection;
    struct syncshell *syncshell;
    struct list_node connection_node;
    struct list_node
        wait_node; /* the syncshell's joins, until their turn comes after it is loaded */
    struct message_join_syncshell message;
    struct charge charge; /* of itself, the operation and the member: the operation takes it over */
    const struct store_op *op; /* the STORE_ADD_MEMBER it waits for: compared, never looked into */
};

void join_request(const struct request *r);

/* The syncshell is loaded: checks, and answers or adds the member. Frees the join when it is answered. */
void join_continue(struct join *j);
void join_refuse(struct join *j, enum wire_code code); /* answers and frees */
struct join *join_free(struct join *j);                /* always NULL */

void join_member_added(struct core *core, struct syncshell *s, struct connection *c,
                       struct store_op *op);

#endif
