#include "base/buf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failmalloc.h"

static void test_append_grows_up_to_its_maximum(void **state)
{
    struct buf b = BUF_INIT(100);

    (void)state;
    for (int i = 0; i < 100; i++)
        assert_int_equal(buf_append(&b, "x", 1), 0);
    assert_int_equal(b.size, 100);
    assert_true(b.capacity <= 100);
    assert_int_equal(buf_append(&b, "x", 1), BUF_E_FULL);
    assert_int_equal(b.size, 100);
    assert_int_equal(buf_append(&b, "", 0), 0);
    buf_deinit(&b);
}

static void test_reserve_refuses_sizes_that_overflow(void **state)
{
    struct buf b = BUF_INIT(SIZE_MAX);

    (void)state;
    assert_int_equal(buf_append_str(&b, "ab"), 0);
    assert_int_equal(buf_reserve(&b, SIZE_MAX - 1), BUF_E_FULL);
    assert_memory_equal(b.data, "ab", 2);
    buf_deinit(&b);
}

static void test_clear_keeps_memory_and_deinit_keeps_the_maximum(void **state)
{
    struct buf b;

    (void)state;
    buf_init(&b, 1000);
    assert_int_equal(buf_append_str(&b, "hello"), 0);
    buf_clear(&b);
    assert_int_equal(b.size, 0);
    assert_non_null(b.data);
    buf_deinit(&b);
    assert_null(b.data);
    assert_int_equal(b.max_bytes, 1000);
    assert_int_equal(buf_append_str(&b, "again"), 0);
    buf_deinit(&b);
    buf_deinit(NULL);
}

static void test_a_failed_append_changes_nothing(void **state)
{
    struct buf b = BUF_INIT(1000);
    char big[200] = {0};

    (void)state;
    assert_int_equal(buf_append_str(&b, "kept"), 0);
    failmalloc_arm(0, true);
    int r = buf_append(&b, big, sizeof(big));
    assert_true(failmalloc_disarm());
    assert_int_equal(r, -ENOMEM);
    assert_int_equal(b.size, 4);
    assert_memory_equal(b.data, "kept", 4);
    buf_deinit(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_append_grows_up_to_its_maximum),
        cmocka_unit_test(test_reserve_refuses_sizes_that_overflow),
        cmocka_unit_test(test_clear_keeps_memory_and_deinit_keeps_the_maximum),
        cmocka_unit_test(test_a_failed_append_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
