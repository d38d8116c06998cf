#include "base/str.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static void test_copy_fits_or_refuses(void **state)
{
    char dst[4] = "abc";

    (void)state;
    assert_int_equal(str_copy(dst, sizeof(dst), "xyz"), 0);
    assert_string_equal(dst, "xyz");
    assert_int_equal(str_copy(dst, sizeof(dst), "long"), -ENAMETOOLONG);
    assert_string_equal(dst, "");
    assert_int_equal(str_copy(NULL, 0, "x"), -ENAMETOOLONG);
}

static void test_equal(void **state)
{
    (void)state;
    assert_true(str_equal(NULL, NULL));
    assert_false(str_equal(NULL, ""));
    assert_false(str_equal("", NULL));
    assert_true(str_equal("a", "a"));
    assert_false(str_equal("a", "A"));
}

static void test_equal_nocase_is_ascii_only(void **state)
{
    (void)state;
    assert_true(str_equal_nocase("0aFz", "0AfZ"));
    assert_true(str_equal_nocase(NULL, NULL));
    assert_false(str_equal_nocase(NULL, "x"));
    assert_false(str_equal_nocase("ab", "abc"));
    assert_false(str_equal_nocase("abc", "ab"));
    assert_false(str_equal_nocase("@", "`"));
    assert_false(str_equal_nocase("[", "{"));
    assert_false(str_equal_nocase("\xc3\xa4", "\xc3\x84"));
}

static void test_distance(void **state)
{
    char longest[STR_DISTANCE_LENGTH_MAX + 1];
    char too_long[STR_DISTANCE_LENGTH_MAX + 2];

    (void)state;
    assert_int_equal(str_distance("kitten", "sitting", 10), 3);
    assert_int_equal(str_distance("", "abc", 10), 3);
    assert_int_equal(str_distance("abc", "", 10), 3);
    assert_int_equal(str_distance("listen", "listen", 10), 0);
    assert_int_equal(str_distance("ab", "ba", 10), 2);
    assert_int_equal(str_distance("kitten", "sitting", 2), 2);

    memset(longest, 'x', sizeof(longest) - 1);
    longest[sizeof(longest) - 1] = '\0';
    memset(too_long, 'x', sizeof(too_long) - 1);
    too_long[sizeof(too_long) - 1] = '\0';
    assert_int_equal(str_distance(longest, longest, 5), 0);
    assert_int_equal(str_distance(too_long, too_long, 5), 5);
    assert_int_equal(str_distance("x", too_long, 5), 5);
}

static bool utf8(const char *text)
{
    return str_utf8_valid(text, strlen(text));
}

static void test_utf8_accepts_every_length_at_its_edges(void **state)
{
    (void)state;
    assert_true(utf8(""));
    assert_true(utf8("plain"));
    assert_true(utf8("\xc2\x80"));
    assert_true(utf8("\xdf\xbf"));
    assert_true(utf8("\xe0\xa0\x80"));
    assert_true(utf8("\xed\x9f\xbf"));
    assert_true(utf8("\xee\x80\x80"));
    assert_true(utf8("\xef\xbf\xbf"));
    assert_true(utf8("\xf0\x90\x80\x80"));
    assert_true(utf8("\xf4\x8f\xbf\xbf"));
}

static void test_utf8_refuses_what_rfc_3629_does(void **state)
{
    (void)state;
    assert_false(utf8("\x80"));
    assert_false(utf8("\xc0\xaf"));
    assert_false(utf8("\xc1\xbf"));
    assert_false(utf8("\xc3"));
    assert_false(utf8("\xc3("));
    assert_false(utf8("\xe0\x9f\xbf"));
    assert_false(utf8("\xed\xa0\x80"));
    assert_false(utf8("\xe2\x82"));
    assert_false(utf8("\xe2\x82("));
    assert_false(utf8("\xf0\x8f\xbf\xbf"));
    assert_false(utf8("\xf4\x90\x80\x80"));
    assert_false(utf8("\xf5\x80\x80\x80"));
    assert_false(utf8("\xf0\x9f\x98"));
    assert_false(utf8("\xff"));
    assert_false(str_utf8_valid("\xe2\x82\xac", 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_copy_fits_or_refuses),
        cmocka_unit_test(test_equal),
        cmocka_unit_test(test_equal_nocase_is_ascii_only),
        cmocka_unit_test(test_distance),
        cmocka_unit_test(test_utf8_accepts_every_length_at_its_edges),
        cmocka_unit_test(test_utf8_refuses_what_rfc_3629_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
