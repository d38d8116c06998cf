/* A hash map from short strings to intrusive nodes: syncshells, peers, sessions by id.
 *
 * The map owns its table only, never the objects; a node's key is borrowed from the object that embeds it and must not
 * change while it is linked. Hashing is SipHash-like with a seed given at init, because keys come from remote peers. The
 * table grows up to `max_entries` entries and refuses more. */
#ifndef SHARED_BASE_MAP_H
#define SHARED_BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct map_node {
    struct map_node *next;
    const char *key;
    uint64_t hash;
    bool linked;
};

struct map {
    struct map_node **buckets;
    size_t n_buckets;
    size_t n_entries;
    size_t max_entries;
    uint64_t seed[2];
};

enum {
    MAP_E_FULL = 1,   /* max_entries reached */
    MAP_E_EXISTS = 2, /* the key is present already */
};

void map_init(struct map *m, size_t max_entries, const uint64_t seed[2]);
void map_deinit(struct map *m); /* entries must be gone: asserted */

/* Links `node` under `key` (borrowed for as long as the node is linked). 0, MAP_E_FULL, MAP_E_EXISTS or -ENOMEM. */
int map_insert(struct map *m, struct map_node *node, const char *key);
void map_remove(struct map *m, struct map_node *node); /* no effect when not linked */
struct map_node *map_find(const struct map *m, const char *key);

/* Iteration in no particular order: start with NULL. The entry returned last may be removed before the next call only if
 * its successor was taken first. */
struct map_node *map_next(const struct map *m, const struct map_node *after);

#endif
