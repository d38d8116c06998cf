#include "base/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct item {
    int number;
    struct list_node node;
};

/* The numbers in the list as decimal digits, first one first. */
static int digits(const struct list *l)
{
    int all = 0;

    list_for_each_safe (node, next, l) {
        all = all * 10 + container_of(node, struct item, node)->number;
    }
    return all;
}

static void test_order_and_ends(void **state)
{
    struct item a = {.number = 1};
    struct item b = {.number = 2};
    struct item c = {.number = 3};
    struct list l;

    (void)state;
    list_init(&l);
    assert_true(list_empty(&l));
    assert_null(list_first(&l));
    assert_int_equal(digits(&l), 0);
    list_append(&l, &b.node);
    list_append(&l, &c.node);
    list_prepend(&l, &a.node);
    assert_false(list_empty(&l));
    assert_int_equal(digits(&l), 123);
    assert_ptr_equal(list_first(&l), &a.node);
}

static void test_unlink_twice_and_link_again(void **state)
{
    struct item a = {.number = 1};
    struct item b = {.number = 2};
    struct list l;

    (void)state;
    list_init(&l);
    assert_false(list_node_linked(&a.node));
    list_unlink(&a.node);
    list_append(&l, &a.node);
    list_append(&l, &b.node);
    assert_true(list_node_linked(&a.node));
    list_unlink(&a.node);
    list_unlink(&a.node);
    assert_false(list_node_linked(&a.node));
    assert_int_equal(digits(&l), 2);
    list_append(&l, &a.node);
    assert_int_equal(digits(&l), 21);
    list_unlink(&b.node);
    list_unlink(&a.node);
    assert_true(list_empty(&l));
}

static void test_the_current_node_may_be_freed(void **state)
{
    struct list l;

    (void)state;
    list_init(&l);
    for (int i = 0; i < 5; i++) {
        struct item *item = calloc(1, sizeof(*item));

        assert_non_null(item);
        list_append(&l, &item->node);
    }
    list_for_each_safe (node, next, &l) {
        list_unlink(node);
        free(container_of(node, struct item, node));
    }
    assert_true(list_empty(&l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_ends),
        cmocka_unit_test(test_unlink_twice_and_link_again),
        cmocka_unit_test(test_the_current_node_may_be_freed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
