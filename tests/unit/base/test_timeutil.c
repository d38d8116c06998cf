#include "base/timeutil.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_add_saturates(void **state)
{
    (void)state;
    assert_true(time_add_ms(5, 2) == 2005);
    assert_true(time_add_ms(TIME_NEVER_US, 0) == TIME_NEVER_US);
    assert_true(time_add_ms(TIME_NEVER_US - 1000, 1) == TIME_NEVER_US);
    assert_true(time_add_ms(TIME_NEVER_US - 999, 1) == TIME_NEVER_US);
    assert_true(time_add_ms(0, UINT64_MAX) == TIME_NEVER_US);
    assert_true(time_add_ms(0, UINT64_MAX / 1000) == UINT64_MAX / 1000 * 1000);
    assert_true(time_add_ms(0, UINT64_MAX / 1000 + 1) == TIME_NEVER_US);
}

static void test_min(void **state)
{
    (void)state;
    assert_true(time_min(1, 2) == 1);
    assert_true(time_min(TIME_NEVER_US, 2) == 2);
}

static void test_until_rounds_up(void **state)
{
    (void)state;
    assert_int_equal(time_until_ms(100, 100), 0);
    assert_int_equal(time_until_ms(100, 99), 0);
    assert_int_equal(time_until_ms(100, 101), 1);
    assert_int_equal(time_until_ms(0, 1000), 1);
    assert_int_equal(time_until_ms(0, 1001), 2);
    assert_int_equal(time_until_ms(0, TIME_NEVER_US), INT32_MAX);
    assert_int_equal(time_until_ms(0, (uint64_t)INT32_MAX * 1000), INT32_MAX);
    assert_int_equal(time_until_ms(0, (uint64_t)INT32_MAX * 1000 - 1000), INT32_MAX - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_add_saturates),
        cmocka_unit_test(test_min),
        cmocka_unit_test(test_until_rounds_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
