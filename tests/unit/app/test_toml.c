/* What crosses the border to toml++: every type with its line, and each way in which a file can be unreadable. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "adapters/toml_tomlpp/toml.h"
#include "loading.h"

static void write_file(const char *text, size_t size)
{
    FILE *file = fopen("t.toml", "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
}

static void load(struct toml_document *ret_document, const char *text)
{
    struct toml_error error;
    write_file(text, strlen(text));
    assert_int_equal(toml_load(ret_document, "t.toml", &error), 0);
    assert_int_equal(unlink("t.toml"), 0);
}

static void expect_error(const char *text, size_t size, int result, uint32_t line, uint32_t column)
{
    struct toml_document d;
    struct toml_error error;
    write_file(text, size);
    assert_int_equal(toml_load(&d, "t.toml", &error), result);
    assert_int_equal(error.line, line);
    assert_int_equal(error.column, column);
    assert_true(*error.text);
    assert_int_equal(unlink("t.toml"), 0);
}

static void test_types_in_the_order_of_lines(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        enum toml_type type;
        uint32_t line;
    } expected[] = {
        {"z", TOML_INTEGER, 1},      {"t.b", TOML_BOOLEAN, 3}, {"t.a", TOML_STRING, 4},
        {"t.l", TOML_STRINGS, 5},    {"t.n", TOML_STRINGS, 7}, {"t.m", TOML_OTHER, 8},
        {"t.f", TOML_OTHER, 9},      {"t.d", TOML_OTHER, 10},  {"u.v.w", TOML_INTEGER, 12},
        {"e", TOML_EMPTY_TABLE, 13}, {"r", TOML_TABLE, 14},
    };
    struct toml_document d;
    load(&d, "z = -9223372036854775808\n[t]\nb = true\na = \"x\"\nl = [\"p\",\n \"q\"]\nn = []\n"
             "m = [\"p\", 1]\nf = 1.5\nd = 1979-05-27\n[u.v]\nw = 1\n"
             "[e]\n[[r]]\n");
    assert_int_equal(d.n_values, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < d.n_values; i++) {
        assert_string_equal(d.values[i].key, expected[i].key);
        assert_int_equal(d.values[i].type, expected[i].type);
        assert_int_equal(d.values[i].line, expected[i].line);
    }
    assert_true(d.values[0].integer == INT64_MIN);
    assert_true(d.values[1].boolean);
    assert_string_equal(d.values[2].string, "x");
    assert_string_equal(d.values[3].strings[0], "p");
    assert_string_equal(d.values[3].strings[1], "q");
    assert_null(d.values[3].strings[2]);
    assert_null(d.values[4].strings[0]);
    toml_document_deinit(&d);
    assert_int_equal(d.n_values, 0);
}

static void test_tables_of_an_array_are_numbered(void **state)
{
    (void)state;
    static const struct {
        const char *key;
        enum toml_type type;
        uint32_t line, table;
    } expected[] = {
        {"a.b", TOML_TABLE, 1, 1},   {"a.b.x", TOML_INTEGER, 2, 1}, {"a.b", TOML_TABLE, 3, 2},
        {"a.b", TOML_TABLE, 4, 3},   {"a.b.x", TOML_OTHER, 5, 3},   {"a.b.c.y", TOML_INTEGER, 6, 3},
        {"a.z", TOML_INTEGER, 8, 0},
    };
    struct toml_document d;
    load(&d, "[[a.b]]\nx = 1\n[[a.b]]\n[[a.b]]\nx = [{y = 1}]\nc = {y = 2}\n[a]\nz = 1\n");
    assert_int_equal(d.n_values, sizeof expected / sizeof expected[0]);
    for (size_t i = 0; i < d.n_values; i++) {
        assert_string_equal(d.values[i].key, expected[i].key);
        assert_int_equal(d.values[i].type, expected[i].type);
        assert_int_equal(d.values[i].line, expected[i].line);
        assert_int_equal(d.values[i].table, expected[i].table);
    }
    toml_document_deinit(&d);
}

static void test_an_empty_file(void **state)
{
    (void)state;
    struct toml_document d;
    load(&d, "");
    assert_int_equal(d.n_values, 0);
    toml_document_deinit(&d);
}

static void test_syntax_errors_have_a_place(void **state)
{
    (void)state;
    static const char twice[] = "a = 1\nb = 2\na = 3\n";
    static const char open[] = "a = \"x\n";
    static const char not_utf8[] = "a = \"\xff\"\n";
    expect_error(twice, sizeof twice - 1, -EINVAL, 3, 5);
    expect_error(open, sizeof open - 1, -EINVAL, 1, 7);
    expect_error(not_utf8, sizeof not_utf8 - 1, -EINVAL, 1, 5);
}

/* TOML allows what would end a C string early, and so hide the rest. */
static void test_a_nul_is_refused(void **state)
{
    (void)state;
    static const char in_text[] = "a = 1\nb = \"x\\u0000y\"\n";
    static const char in_list[] = "b = [\"x\", \"\\u0000\"]\n";
    static const char in_key[] = "\"a\\u0000b\" = 1\n";
    expect_error(in_text, sizeof in_text - 1, -EINVAL, 2, 5);
    expect_error(in_list, sizeof in_list - 1, -EINVAL, 1, 11);
    expect_error(in_key, sizeof in_key - 1, -EINVAL, 1, 14);
}

static void test_unreadable_files(void **state)
{
    (void)state;
    struct toml_document d;
    struct toml_error error;
    assert_int_equal(toml_load(&d, "absent.toml", &error), -ENOENT);
    assert_int_equal(error.line, 0);
    assert_string_equal(error.text, "No such file or directory");
    assert_int_equal(toml_load(&d, ".", &error), -EISDIR);
    assert_string_equal(error.text, "Is a directory");
}

static void test_a_file_has_its_limit(void **state)
{
    (void)state;
    struct toml_document d;
    struct toml_error error;
    char *text = malloc(TOML_FILE_BYTES_MAX + 1);
    assert_non_null(text);
    memset(text, '\n', TOML_FILE_BYTES_MAX + 1);
    expect_error(text, TOML_FILE_BYTES_MAX + 1, -EFBIG, 0, 0);
    write_file(text, TOML_FILE_BYTES_MAX);
    assert_int_equal(toml_load(&d, "t.toml", &error), 0);
    toml_document_deinit(&d);
    assert_int_equal(unlink("t.toml"), 0);
    /* It need not have an end, either. */
    assert_int_equal(toml_load(&d, "/dev/zero", &error), -EFBIG);
    free(text);
}

/* "a.a.a = 1" */
static char *deep_key(size_t depth)
{
    char *text = malloc(2 * depth + 4);
    assert_non_null(text);
    for (size_t i = 0; i < depth; i++) {
        text[2 * i] = 'a';
        text[2 * i + 1] = '.';
    }
    (void)snprintf(text + 2 * depth - 1, sizeof " = 1", " = 1");
    return text;
}

static void test_depth_has_its_limit(void **state)
{
    (void)state;
    struct toml_document d;
    char *text = deep_key(TOML_DEPTH_MAX);
    load(&d, text);
    toml_document_deinit(&d);
    free(text);
    text = deep_key(TOML_DEPTH_MAX + 1);
    expect_error(text, strlen(text), -EINVAL, 1, 2 * TOML_DEPTH_MAX - 1);
    free(text);
    text = deep_key(TOML_DOTS_MAX + 1); /* as deep as the parser is let go */
    expect_error(text, strlen(text), -EINVAL, 1, 2 * TOML_DEPTH_MAX - 1);
    free(text);
    text = deep_key(TOML_FILE_BYTES_MAX / 2 - 2);
    expect_error(text, strlen(text), -EFBIG, 0, 0);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_in_the_order_of_lines),
        cmocka_unit_test(test_tables_of_an_array_are_numbered),
        cmocka_unit_test(test_an_empty_file),
        cmocka_unit_test(test_syntax_errors_have_a_place),
        cmocka_unit_test(test_a_nul_is_refused),
        cmocka_unit_test(test_unreadable_files),
        cmocka_unit_test(test_a_file_has_its_limit),
        cmocka_unit_test(test_depth_has_its_limit),
    };
    return cmocka_run_group_tests(tests, loading_enter_folder, loading_leave_folder);
}
