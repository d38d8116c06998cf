#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <glib.h>

#include "sync/path.h"

static void test_taken(void **state)
{
    static const char *const PATHS[] = {
        "a",
        ".hidden",
        "mod 1/texture.tex",
        "a..b",
        "...x",
        "com10",
        "console.txt",
        "nul_",
        "\303\251/x",
        "a/.syncshell-sync",
        "0123456789abcdef/~",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(PATHS); i++)
        if (!path_valid(PATHS[i]))
            fail_msg("refused: %s", PATHS[i]);
}

static void test_refused(void **state)
{
    static const char *const PATHS[] = {
        "",
        "/",
        "/etc/passwd",
        "a/",
        "a//b",
        ".",
        "..",
        "../a",
        "a/../b",
        "a/..",
        "./a",
        "C:/a",
        "C:a",
        "a:stream",
        "\\a",
        "a\\..\\b",
        "//server/share",
        "\\\\server\\share",
        "a\nb",
        "a\tb",
        "a\177",
        "\377",
        "a?",
        "a*",
        "a|b",
        "a<b",
        "a>b",
        "a\"b",
        "nul",
        "NUL",
        "Nul.txt",
        "nul .txt",
        "a/CON",
        "aux/b",
        "com1",
        "LPT9.log",
        "CONIN$",
        "a.",
        "a ",
        "a./b",
        ".syncshell-sync/x",
        ".Syncshell-Sync/x",
        ".syncshell-sync",
    };

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(PATHS); i++)
        if (path_valid(PATHS[i]))
            fail_msg("taken: %s", PATHS[i]);
}

static void test_lengths(void **state)
{
    char *name = g_strnfill(PATH_NAME_BYTES_MAX, 'n'), *longer = g_strconcat(name, "n", NULL);
    char *path = g_strjoin("/", name, name, name, name, NULL),
         *beyond = g_strconcat(path, "/n", NULL);

    (void)state;
    assert_true(path_valid(name));
    assert_false(path_valid(longer));
    assert_true(path_valid(path));
    assert_false(path_valid(beyond));
    g_free(name);
    g_free(longer);
    g_free(path);
    g_free(beyond);
}

static void check_folded(const char *left, const char *right, bool same)
{
    char *a = path_folded(left), *b = path_folded(right);

    assert_int_equal(g_str_equal(a, b), same);
    g_free(a);
    g_free(b);
}

static void test_folded(void **state)
{
    (void)state;
    check_folded("Mod/A.tex", "mod/a.TEX", true);
    check_folded("\303\211", "e\314\201",
                 true); /* composed and upper case, decomposed and lower case */
    check_folded("a", "b", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_folded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
