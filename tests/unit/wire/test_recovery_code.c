#include "wire/recovery_code.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

static struct recovery_code sample(unsigned seed)
{
    uint8_t bytes[RECOVERY_CODE_BYTES];
    struct recovery_code code;
    for (size_t i = 0; i < sizeof bytes; i++) {
        seed = seed * 1103515245U + 12345U;
        bytes[i] = (uint8_t)(seed >> 16);
    }
    recovery_code_make(&code, bytes);
    return code;
}

static int read_text(struct recovery_code *ret_code, const char *text)
{
    return recovery_code_read(ret_code, text, strlen(text));
}

static void test_known_codes(void **state)
{
    const uint8_t none[RECOVERY_CODE_BYTES] = {0};
    const uint8_t one[RECOVERY_CODE_BYTES] = {[9] = 1};
    const uint8_t all[RECOVERY_CODE_BYTES] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    struct recovery_code code;
    char shown[RECOVERY_CODE_SHOWN_SIZE];

    (void)state;
    recovery_code_make(&code, none);
    assert_string_equal(code.text, "00000000000000000");
    recovery_code_make(&code, one);
    assert_string_equal(code.text, "00000000000000012"); /* a = 2 */
    recovery_code_make(&code, all);
    assert_memory_equal(code.text, "ZZZZZZZZZZZZZZZZ", 16);
    recovery_code_show(&code, shown);
    assert_int_equal(strlen(shown), RECOVERY_CODE_SHOWN_SIZE - 1);
    assert_memory_equal(shown, "ZZZZ-ZZZZ-ZZZZ-ZZZZ", 19);
}

static void test_there_and_back(void **state)
{
    struct recovery_code again;
    char shown[RECOVERY_CODE_SHOWN_SIZE];

    (void)state;
    for (unsigned seed = 0; seed < 100; seed++) {
        const struct recovery_code code = sample(seed);
        recovery_code_show(&code, shown);
        assert_int_equal(read_text(&again, shown), 0);
        assert_string_equal(again.text, code.text);
        assert_true(recovery_code_valid(code.text, strlen(code.text)));
        assert_false(recovery_code_valid(shown, strlen(shown)));
    }
}

static void test_as_people_type(void **state)
{
    struct recovery_code code;

    (void)state;
    assert_int_equal(read_text(&code, " 0000 oOoO-0000\t0000-iL2Q\r\n"), RECOVERY_CODE_E_FORM);
    assert_int_equal(read_text(&code, "000o 0OO0-0000 000-1 2\n"), 0);
    assert_string_equal(code.text, "00000000000000012");
    assert_int_equal(read_text(&code, "oooooooooooooooi2"), 0);
    assert_string_equal(code.text, "00000000000000012");
    assert_int_equal(read_text(&code, "ooooooooooooooOl2"), 0);
    assert_int_equal(read_text(&code, ""), RECOVERY_CODE_E_FORM);
    assert_int_equal(read_text(&code, "0000000000000001"), RECOVERY_CODE_E_FORM);
    assert_int_equal(read_text(&code, "000000000000000120"), RECOVERY_CODE_E_FORM);
    assert_int_equal(read_text(&code, "U0000000000000012"), RECOVERY_CODE_E_FORM);
    assert_int_equal(read_text(&code, "0000000\xc3\xa4"
                                      "00000012"),
                     RECOVERY_CODE_E_FORM);
    assert_int_equal(recovery_code_read(&code, "0000000000000001\0", 17), RECOVERY_CODE_E_FORM);
    assert_false(recovery_code_valid("oooooooooooooooi2", 17));
}

static void test_every_wrong_digit_is_noticed(void **state)
{
    struct recovery_code other;

    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        const struct recovery_code code = sample(seed);
        for (size_t i = 0; i < RECOVERY_CODE_LENGTH; i++) {
            for (const char *c = alphabet; *c; c++) {
                char text[sizeof code.text];
                memcpy(text, code.text, sizeof text);
                text[i] = *c;
                assert_int_equal(read_text(&other, text),
                                 *c == code.text[i] ? 0 : RECOVERY_CODE_E_CHECK);
            }
        }
    }
}

static void test_every_exchange_is_noticed(void **state)
{
    struct recovery_code other;

    (void)state;
    for (unsigned seed = 0; seed < 20; seed++) {
        const struct recovery_code code = sample(seed);
        for (size_t i = 0; i < RECOVERY_CODE_LENGTH; i++) {
            for (size_t k = i + 1; k < RECOVERY_CODE_LENGTH; k++) {
                char text[sizeof code.text];
                memcpy(text, code.text, sizeof text);
                text[i] = code.text[k];
                text[k] = code.text[i];
                assert_int_equal(read_text(&other, text),
                                 code.text[i] == code.text[k] ? 0 : RECOVERY_CODE_E_CHECK);
            }
        }
    }
}

static void test_what_is_hashed(void **state)
{
    struct buf out = BUF_INIT(RECOVERY_CODE_HASHED_MAX);
    static const char text[] = "syncshell.v1 recovery-code\nshell\n00000000000000012";

    (void)state;
    assert_int_equal(recovery_code_hashed(&out, "shell", "00000000000000012"), 0);
    assert_int_equal(out.size, strlen(text));
    assert_memory_equal(out.data, text, out.size);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_codes),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_as_people_type),
        cmocka_unit_test(test_every_wrong_digit_is_noticed),
        cmocka_unit_test(test_every_exchange_is_noticed),
        cmocka_unit_test(test_what_is_hashed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
