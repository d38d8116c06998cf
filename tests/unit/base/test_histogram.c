#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/histogram.h"

static const uint64_t bounds[] = {10, 100};

static void test_a_bound_belongs_to_its_bucket(void **state)
{
    (void)state;
    struct histogram h = HISTOGRAM_INIT(bounds);
    for (uint64_t value = 9; value <= 101; value++)
        histogram_add(&h, value);
    assert_int_equal(h.counts[0], 2);
    assert_int_equal(h.counts[1], 90);
    assert_int_equal(h.counts[2], 1);
    assert_int_equal(h.sum, (9 + 101) * 93 / 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_a_bound_belongs_to_its_bucket)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
