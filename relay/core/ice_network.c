#include "core/ice_network.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/timeutil.h"

struct network {
    struct map_node node;
    struct list_node age_node;
    uint64_t heard_us;
    struct ice_outcome outcomes[ICE_PROVIDERS_MAX];
    char key[2 * ADDRESS_BYTES + 1];
};

static struct network *from_age(struct list_node *n)
{
    return n ? container_of(n, struct network, age_node) : NULL;
}

void ice_networks_init(struct ice_networks *n, const uint64_t seed[2])
{
    map_init(&n->by_prefix, ICE_NETWORKS_MAX, seed);
    list_init(&n->by_age);
}

static void forget(struct ice_networks *n, struct network *network)
{
    map_remove(&n->by_prefix, &network->node);
    list_unlink(&network->age_node);
    free(network);
}

void ice_networks_clear(struct ice_networks *n)
{
    for (struct list_node *oldest = list_first(&n->by_age); oldest; oldest = list_first(&n->by_age))
        forget(n, from_age(oldest));
}

void ice_networks_deinit(struct ice_networks *n)
{
    ice_networks_clear(n);
    map_deinit(&n->by_prefix);
}

size_t ice_networks_count(const struct ice_networks *n)
{
    return n->by_prefix.n_entries;
}

static void key_of(const struct address *address, char ret_key[2 * ADDRESS_BYTES + 1])
{
    const struct address network = address_of_network(address);
    for (size_t i = 0; i < ADDRESS_BYTES; i++)
        snprintf(ret_key + 2 * i, 3, "%02x", network.bytes[i]);
}

static struct network *find(const struct ice_networks *n, const struct address *address)
{
    char key[2 * ADDRESS_BYTES + 1];
    key_of(address, key);
    struct map_node *node = map_find(&n->by_prefix, key);
    return node ? container_of(node, struct network, node) : NULL;
}

static struct network *add(struct ice_networks *n, const struct address *address)
{
    struct network *network = calloc(1, sizeof *network);
    if (!network)
        return NULL;
    key_of(address, network->key);
    if (n->by_prefix.n_entries >= ICE_NETWORKS_MAX)
        forget(n, from_age(list_first(&n->by_age)));
    if (map_insert(&n->by_prefix, &network->node, network->key) != 0) {
        free(network);
        return NULL;
    }
    return network;
}

static bool is_old(uint64_t now_us, uint64_t at_us)
{
    return now_us >= time_add_ms(at_us, ICE_OUTCOME_MEMORY_MS);
}

void ice_networks_note(struct ice_networks *n, uint64_t now_us, const struct address *address,
                       size_t server, bool worked)
{
    for (struct network *oldest = from_age(list_first(&n->by_age));
         oldest && is_old(now_us, oldest->heard_us); oldest = from_age(list_first(&n->by_age)))
        forget(n, oldest);
    struct network *network = find(n, address);
    if (!network)
        network = add(n, address);
    if (!network)
        return;
    list_unlink(&network->age_node);
    list_append(&n->by_age, &network->age_node);
    network->heard_us = now_us;
    network->outcomes[server] =
        (struct ice_outcome){.known = true, .worked = worked, .at_us = now_us};
}

struct ice_outcome ice_networks_outcome(const struct ice_networks *n, uint64_t now_us,
                                        const struct address *address, size_t server)
{
    const struct network *network = find(n, address);
    if (!network || is_old(now_us, network->outcomes[server].at_us))
        return (struct ice_outcome){0};
    return network->outcomes[server];
}
