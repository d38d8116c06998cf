/* Which ICE servers worked, and which failed, for the networks that clients come from: what ConnectionReports told lately.
 *
 * A network is a /24 of IPv4 or a /64 of IPv6. Servers are known by their place in the configuration. The table has its limit:
 * the network that was heard of longest ago goes first. So whoever reports nonsense spoils the order for its own network, and at
 * worst makes the relay forget what it knew of others. */
#ifndef RELAY_CORE_ICE_NETWORK_H
#define RELAY_CORE_ICE_NETWORK_H

#include "base/list.h"
#include "base/map.h"
#include "core/address.h"
#include "core/ice_server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ICE_NETWORKS_MAX = 4096,
    ICE_OUTCOME_MEMORY_MS = 600000, /* what is older says nothing any more */
};

struct ice_outcome {
    bool known;
    bool worked;
    uint64_t at_us;
};

struct ice_networks {
    struct map by_prefix;
    struct list by_age; /* heard of longest ago, first */
};

void ice_networks_init(struct ice_networks *n, const uint64_t seed[2]);
void ice_networks_deinit(struct ice_networks *n);
void ice_networks_clear(struct ice_networks *n);
size_t ice_networks_count(const struct ice_networks *n);

/* Without memory for it nothing is noted. */
void ice_networks_note(struct ice_networks *n, uint64_t now_us, const struct address *address,
                       size_t server, bool worked);

/* Not known when it is nothing or too old. */
struct ice_outcome ice_networks_outcome(const struct ice_networks *n, uint64_t now_us,
                                        const struct address *address, size_t server);

#endif
