#include "base/map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/siphash.h"

enum { MAP_BUCKETS_MIN = 8 };

void map_init(struct map *m, size_t max_entries, const uint64_t seed[2])
{
    *m = (struct map){.max_entries = max_entries, .seed = {seed[0], seed[1]}};
}

void map_deinit(struct map *m)
{
    if (!m)
        return;
    assert(m->n_entries == 0);
    free(m->buckets);
    m->buckets = NULL;
    m->n_buckets = 0;
}

/* The number of buckets is a power of two. */
static struct map_node **map_bucket(const struct map *m, uint64_t hash)
{
    return &m->buckets[hash & (m->n_buckets - 1)];
}

static void map_link(struct map *m, struct map_node *node)
{
    struct map_node **bucket = map_bucket(m, node->hash);

    node->next = *bucket;
    *bucket = node;
}

static int map_grow(struct map *m)
{
    size_t n_old = m->n_buckets;
    struct map_node **old = m->buckets;
    size_t n_new = n_old == 0 ? MAP_BUCKETS_MIN : n_old * 2;
    struct map_node **buckets = calloc(n_new, sizeof(struct map_node *));

    if (!buckets)
        return -ENOMEM;
    m->buckets = buckets;
    m->n_buckets = n_new;
    for (size_t i = 0; i < n_old; i++) {
        for (struct map_node *node = old[i], *next; node; node = next) {
            next = node->next;
            map_link(m, node);
        }
    }
    free(old);
    return 0;
}

static struct map_node *map_find_hashed(const struct map *m, const char *key, uint64_t hash)
{
    if (m->n_buckets == 0)
        return NULL;
    for (struct map_node *node = *map_bucket(m, hash); node; node = node->next) {
        if (node->hash == hash && strcmp(node->key, key) == 0)
            return node;
    }
    return NULL;
}

int map_insert(struct map *m, struct map_node *node, const char *key)
{
    uint64_t hash = siphash(m->seed, key, strlen(key));
    int r;

    assert(!node->linked);
    if (map_find_hashed(m, key, hash))
        return MAP_E_EXISTS;
    if (m->n_entries >= m->max_entries)
        return MAP_E_FULL;
    if (m->n_entries >= m->n_buckets) {
        r = map_grow(m);
        if (r)
            return r;
    }
    node->key = key;
    node->hash = hash;
    node->linked = true;
    map_link(m, node);
    m->n_entries++;
    return 0;
}

void map_remove(struct map *m, struct map_node *node)
{
    if (!node->linked)
        return;

    struct map_node **link = map_bucket(m, node->hash);
    while (*link != node) {
        assert(*link);
        link = &(*link)->next;
    }
    *link = node->next;
    *node = (struct map_node){0};
    m->n_entries--;
}

struct map_node *map_find(const struct map *m, const char *key)
{
    return map_find_hashed(m, key, siphash(m->seed, key, strlen(key)));
}

struct map_node *map_next(const struct map *m, const struct map_node *after)
{
    size_t i = 0;

    if (after) {
        if (after->next)
            return after->next;
        i = (size_t)(after->hash & (m->n_buckets - 1)) + 1;
    }
    for (; i < m->n_buckets; i++) {
        if (m->buckets[i])
            return m->buckets[i];
    }
    return NULL;
}
