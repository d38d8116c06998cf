#include "wire/code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "wire/limits.h"

static void test_names_lead_back(void **state)
{
    (void)state;
    for (unsigned i = WIRE_CODE_NONE + 1; i < WIRE_CODE_COUNT; i++) {
        enum wire_code code = (enum wire_code)i;

        assert_int_equal(wire_code_from_name(wire_code_name(code)), code);
    }
    assert_string_equal(wire_code_name(WIRE_CODE_NONE), "none");
    assert_int_equal(wire_code_from_name("none"), WIRE_CODE_NONE);
    assert_int_equal(wire_code_from_name(""), WIRE_CODE_NONE);
    assert_int_equal(wire_code_from_name("Bad_frame"), WIRE_CODE_NONE);
}

static void test_texts_fit_an_error(void **state)
{
    (void)state;
    for (unsigned i = WIRE_CODE_NONE + 1; i < WIRE_CODE_COUNT; i++) {
        const char *text = wire_code_text((enum wire_code)i);

        assert_true(strlen(text) > 0 && strlen(text) <= WIRE_TEXT_MAX);
        assert_true(text[strlen(text) - 1] != '.');
    }
}

/* 4000-4099: come back; 4400-4499: do not; 1009: the protocol's own "message too big". */
static void test_close_codes_say_whether_to_come_back(void **state)
{
    (void)state;
    for (unsigned i = WIRE_CODE_NONE + 1; i < WIRE_CODE_COUNT; i++) {
        enum wire_code code = (enum wire_code)i;
        uint16_t close_code = wire_code_close(code);

        if (close_code >= 4000 && close_code <= 4099)
            assert_true(wire_code_retryable(code));
        else if (close_code != 0)
            assert_true((close_code >= 4400 && close_code <= 4499) || close_code == 1009);
        if (close_code >= 4400)
            assert_false(wire_code_retryable(code));
    }
}

static void test_close_codes_lead_back_to_the_first(void **state)
{
    (void)state;
    assert_int_equal(wire_code_from_close(4001), WIRE_CODE_REPLACED);
    assert_int_equal(wire_code_from_close(4400), WIRE_CODE_BAD_FRAME);
    assert_int_equal(wire_code_from_close(4401), WIRE_CODE_NOT_AUTHENTICATED);
    assert_int_equal(wire_code_from_close(1000), WIRE_CODE_NONE);
    assert_int_equal(wire_code_from_close(0), WIRE_CODE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names_lead_back),
        cmocka_unit_test(test_texts_fit_an_error),
        cmocka_unit_test(test_close_codes_say_whether_to_come_back),
        cmocka_unit_test(test_close_codes_lead_back_to_the_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
