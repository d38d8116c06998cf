/* ICE servers for attempts: whom to try first, and credentials that are made for one request and kept nowhere.
 *
 * The order: a recovery goes through all providers before one stands in front again, so never twice in a row the one that an
 * attempt has just failed with. Among those whose turn it may be: what worked lately for the client's network, the latest
 * first; then what nothing is known of, in the order of the configuration, begun one further with each attempt; then what failed
 * lately, the latest last. */
#ifndef RELAY_CORE_ICE_H
#define RELAY_CORE_ICE_H

#include "core/ice_network.h"
#include "core/ice_server.h"

struct connection;
struct core;
struct message_connection_report;
struct request;

/* What one side of a session was told in the recovery that it is in. Zeroed: nothing. */
struct ice_round {
    uint32_t attempt; /* of the last answer; 0: none */
    uint32_t fronts;  /* bits of the providers that stood in front */
    uint32_t front;   /* the last one's bit */
};

void ice_request(const struct request *r);

/* A participant tells what became of an attempt. */
void ice_reported(struct connection *c, const struct message_connection_report *report);

/* These are about to follow those of the core's configuration: each goes on with the counts of the one with its first URL. */
void ice_move_counts(struct core *core, const struct ice_server *const *servers);

#endif
