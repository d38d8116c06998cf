#include "wire/cause.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void test_names_lead_back(void **state)
{
    (void)state;
    for (unsigned i = CAUSE_NONE + 1; i < CAUSE_COUNT; i++) {
        const char *name = cause_name((enum cause)i);

        assert_int_equal(cause_from_name(name), i);
        assert_true(cause_shape_valid(name, strlen(name)));
    }
    assert_string_equal(cause_name(CAUSE_NONE), "");
    assert_int_equal(cause_from_name(""), CAUSE_NONE);
    assert_int_equal(cause_from_name("Peer_away"), CAUSE_NONE);
}

static void test_every_cause_is_explained(void **state)
{
    (void)state;
    for (unsigned i = CAUSE_NONE; i < CAUSE_COUNT; i++) {
        const char *sentence = cause_sentence(cause_name((enum cause)i));
        const char *advice = cause_advice(cause_name((enum cause)i));

        assert_true(strlen(sentence) > 10 && sentence[strlen(sentence) - 1] == '.');
        assert_true(strlen(advice) > 10 && advice[strlen(advice) - 1] == '.');
    }
    assert_true(strlen(cause_sentence("of_a_later_version")) > 10);
    assert_string_not_equal(cause_sentence("of_a_later_version"), cause_sentence(""));
}

static void test_codes_become_causes(void **state)
{
    (void)state;
    assert_int_equal(cause_of_code(WIRE_CODE_EXPIRED), CAUSE_EXPIRED);
    assert_int_equal(cause_of_code(WIRE_CODE_SESSION_CLOSED), CAUSE_SESSION_CLOSED);
    assert_int_equal(cause_of_code(WIRE_CODE_STORE_FULL), CAUSE_RELAY_REFUSED);
    assert_int_equal(cause_of_code(WIRE_CODE_NONE), CAUSE_RELAY_REFUSED);
}

static void test_shapes(void **state)
{
    static const char *const bad[] = {"", "A", "1a", "_a", "{a", "a{", "a:b", "a-b", "a b", "ü"};
    char longest[CAUSE_NAME_MAX + 2];

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(cause_shape_valid(bad[i], strlen(bad[i])));
    memset(longest, 'a', sizeof longest);
    assert_true(cause_shape_valid(longest, CAUSE_NAME_MAX));
    assert_false(cause_shape_valid(longest, CAUSE_NAME_MAX + 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_lead_back),
        cmocka_unit_test(test_every_cause_is_explained),
        cmocka_unit_test(test_codes_become_causes),
        cmocka_unit_test(test_shapes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
