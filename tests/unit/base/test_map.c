#include "base/map.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/siphash.h"
#include "failmalloc.h"

static const uint64_t seed[2] = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};

/* The paper's appendix A: key 00..0f, message 00..0e. */
static void test_siphash_gives_the_papers_value(void **state)
{
    uint8_t message[15];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)i;
    assert_true(siphash(seed, message, sizeof(message)) == UINT64_C(0xa129ca6149be45e5));
}

/* From the authors' published vectors: whole words, and no input at all. */
static void test_siphash_at_the_edges_of_a_word(void **state)
{
    uint8_t message[8];

    (void)state;
    for (size_t i = 0; i < sizeof(message); i++)
        message[i] = (uint8_t)i;
    assert_true(siphash(seed, message, 0) == UINT64_C(0x726fdb47dd0e0e31));
    assert_true(siphash(seed, message, 7) == UINT64_C(0xab0200f58b01d137));
    assert_true(siphash(seed, message, 8) == UINT64_C(0x93f5f5799a932462));
}

static void test_siphash_depends_on_its_key(void **state)
{
    const uint64_t other[2] = {seed[0], seed[1] ^ 1};

    (void)state;
    assert_true(siphash(seed, "abc", 3) != siphash(other, "abc", 3));
}

enum { N_ITEMS = 1000 };

struct item {
    struct map_node node;
    char key[16];
    bool seen;
};

static struct item *items_new(void)
{
    struct item *items = calloc(N_ITEMS, sizeof(*items));

    assert_non_null(items);
    for (int i = 0; i < N_ITEMS; i++)
        (void)snprintf(items[i].key, sizeof(items[i].key), "key-%d", i);
    return items;
}

static void test_find_what_was_inserted_and_nothing_else(void **state)
{
    struct item *items = items_new();
    struct map m;

    (void)state;
    map_init(&m, N_ITEMS, seed);
    assert_null(map_find(&m, "key-0"));
    for (int i = 0; i < N_ITEMS; i++)
        assert_int_equal(map_insert(&m, &items[i].node, items[i].key), 0);
    assert_int_equal(m.n_entries, N_ITEMS);
    for (int i = 0; i < N_ITEMS; i++)
        assert_ptr_equal(map_find(&m, items[i].key), &items[i].node);
    assert_null(map_find(&m, "key-1000"));
    assert_null(map_find(&m, ""));

    for (int i = 0; i < N_ITEMS; i += 2)
        map_remove(&m, &items[i].node);
    for (int i = 0; i < N_ITEMS; i++)
        assert_ptr_equal(map_find(&m, items[i].key), i % 2 == 0 ? NULL : &items[i].node);
    for (int i = 0; i < N_ITEMS; i++)
        map_remove(&m, &items[i].node);
    assert_int_equal(m.n_entries, 0);
    map_deinit(&m);
    map_deinit(&m);
    map_deinit(NULL);
    free(items);
}

static void test_refuses_a_key_twice_and_more_than_its_maximum(void **state)
{
    struct item *items = items_new();
    struct map_node twin = {0};
    struct map m;

    (void)state;
    map_init(&m, 2, seed);
    assert_int_equal(map_insert(&m, &items[0].node, "a"), 0);
    assert_int_equal(map_insert(&m, &twin, "a"), MAP_E_EXISTS);
    assert_false(twin.linked);
    assert_int_equal(map_insert(&m, &items[1].node, "b"), 0);
    assert_int_equal(map_insert(&m, &items[2].node, "c"), MAP_E_FULL);
    assert_null(map_find(&m, "c"));
    map_remove(&m, &items[0].node);
    assert_int_equal(map_insert(&m, &items[2].node, "c"), 0);
    map_remove(&m, &items[1].node);
    map_remove(&m, &items[2].node);
    map_deinit(&m);
    free(items);
}

static void test_iteration_meets_every_entry_once(void **state)
{
    struct item *items = items_new();
    struct map m;
    size_t n = 0;

    (void)state;
    map_init(&m, N_ITEMS, seed);
    assert_null(map_next(&m, NULL));
    for (int i = 0; i < N_ITEMS; i++)
        assert_int_equal(map_insert(&m, &items[i].node, items[i].key), 0);

    for (struct map_node *node = map_next(&m, NULL), *next; node; node = next) {
        struct item *item = (struct item *)(void *)node;

        next = map_next(&m, node);
        assert_false(item->seen);
        item->seen = true;
        map_remove(&m, node);
        n++;
    }
    assert_int_equal(n, N_ITEMS);
    assert_int_equal(m.n_entries, 0);
    map_deinit(&m);
    free(items);
}

static void test_buckets_stay_short(void **state)
{
    struct item *items = items_new();
    struct map m;

    (void)state;
    map_init(&m, N_ITEMS, seed);
    for (int i = 0; i < N_ITEMS; i++)
        assert_int_equal(map_insert(&m, &items[i].node, items[i].key), 0);
    assert_true(m.n_buckets >= N_ITEMS);
    for (size_t i = 0; i < m.n_buckets; i++) {
        size_t length = 0;

        for (const struct map_node *node = m.buckets[i]; node; node = node->next)
            length++;
        assert_true(length < 10);
    }
    for (int i = 0; i < N_ITEMS; i++)
        map_remove(&m, &items[i].node);
    map_deinit(&m);
    free(items);
}

static void test_no_memory_changes_nothing(void **state)
{
    struct item *items = items_new();
    struct map m;
    int r = 0;
    int n = 0;

    (void)state;
    map_init(&m, N_ITEMS, seed);
    failmalloc_arm(1, true);
    while (r == 0) {
        r = map_insert(&m, &items[n].node, items[n].key);
        n += r == 0;
    }
    assert_true(failmalloc_disarm());
    assert_int_equal(r, -ENOMEM);
    assert_true(n > 0);
    assert_false(items[n].node.linked);
    assert_int_equal(m.n_entries, n);
    for (int i = 0; i < n; i++)
        assert_ptr_equal(map_find(&m, items[i].key), &items[i].node);
    assert_int_equal(map_insert(&m, &items[n].node, items[n].key), 0);
    for (int i = 0; i <= n; i++)
        map_remove(&m, &items[i].node);
    map_deinit(&m);
    free(items);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_siphash_gives_the_papers_value),
        cmocka_unit_test(test_siphash_at_the_edges_of_a_word),
        cmocka_unit_test(test_siphash_depends_on_its_key),
        cmocka_unit_test(test_find_what_was_inserted_and_nothing_else),
        cmocka_unit_test(test_refuses_a_key_twice_and_more_than_its_maximum),
        cmocka_unit_test(test_iteration_meets_every_entry_once),
        cmocka_unit_test(test_buckets_stay_short),
        cmocka_unit_test(test_no_memory_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
