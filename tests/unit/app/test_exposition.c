/* Prometheus's text format, letter by letter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/exposition.h"

static const uint64_t bounds[] = {500, 1000000};

static void test_the_text(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(4096);
    struct exposition e = {.out = &out};
    struct histogram h = HISTOGRAM_INIT(bounds);
    histogram_add(&h, 500);
    histogram_add(&h, 1500001);
    exposition_gauge(&e, "a", "A.", 7);
    exposition_family(&e, "b_total", "counter", "B.");
    exposition_value(&e, "name", "x\\y\"z\n", 1);
    exposition_value_of_two(&e, "c", "1", "d", "2", 18446744073709551615ULL);
    exposition_family(&e, "t_seconds", "histogram", "T.");
    exposition_histogram(&e, &h, EXPOSITION_MICRO);
    exposition_fraction(&e, 1005, EXPOSITION_MILLI);
    assert_int_equal(e.error, 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal((const char *)out.data, "# HELP a A.\n# TYPE a gauge\na 7\n"
                                                "# HELP b_total B.\n# TYPE b_total counter\n"
                                                "b_total{name=\"x\\\\y\\\"z\\n\"} 1\n"
                                                "b_total{c=\"1\",d=\"2\"} 18446744073709551615\n"
                                                "# HELP t_seconds T.\n# TYPE t_seconds histogram\n"
                                                "t_seconds_bucket{le=\"0.000500\"} 1\n"
                                                "t_seconds_bucket{le=\"1.000000\"} 1\n"
                                                "t_seconds_bucket{le=\"+Inf\"} 2\n"
                                                "t_seconds_sum 1.500501\n"
                                                "t_seconds_count 2\n"
                                                "t_seconds 1.005\n");
    buf_deinit(&out);
}

static void test_an_error_sticks(void **state)
{
    (void)state;
    struct buf out = BUF_INIT(20);
    struct exposition e = {.out = &out};
    exposition_gauge(&e, "a", "A sentence that does not fit.", 7);
    exposition_fraction(&e, 1, EXPOSITION_MILLI);
    assert_int_equal(e.error, BUF_E_FULL);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_text),
        cmocka_unit_test(test_an_error_sticks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
