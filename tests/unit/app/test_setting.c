/* The table itself, and that what is printed from it is read back as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/str.h"
#include "loading.h"

static void test_rows_are_complete(void **state)
{
    (void)state;
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *row = &setting_table[i];
        size_t length = strlen(row->help);
        assert_ptr_equal(setting_find(row->key), row); /* so keys are unique */
        assert_non_null(strchr(row->key, '.'));
        assert_ptr_equal(strchr(row->key, '.'), strrchr(row->key, '.'));
        assert_true(length > 0 && row->help[length - 1] == '.');
        for (size_t j = 0; j < i; j++)
            assert_true(setting_table[j].offset != row->offset);
        if (row->type == SETTING_INTEGER)
            assert_in_range(row->default_value, row->min, row->max);
        if (row->type == SETTING_TEXT)
            assert_non_null(row->default_text);
        if (row->type == SETTING_CHOICE)
            assert_non_null(row->choices[row->default_value]);
    }
}

/* Every member of struct settings has its row: the rows' values fill it without a gap. */
static void test_rows_cover_the_settings(void **state)
{
    (void)state;
    size_t bytes = 0;
    for (size_t i = 0; i < setting_count; i++) {
        enum setting_type type = setting_table[i].type;
        bytes += type == SETTING_TEXT   ? sizeof(char *)
                 : type == SETTING_LIST ? sizeof(char **)
                                        : sizeof(uint64_t);
    }
    assert_int_equal(bytes, offsetof(struct settings, ice));
}

static void test_sections_are_not_torn(void **state)
{
    (void)state;
    for (size_t i = 1; i < setting_count; i++) {
        const char *key = setting_table[i].key;
        size_t section = (size_t)(strchr(key, '.') - key) + 1;
        bool begins = strncmp(setting_table[i - 1].key, key, section) != 0;
        for (size_t j = 0; begins && j < i; j++)
            assert_int_not_equal(strncmp(setting_table[j].key, key, section), 0);
    }
}

static void test_environment_names(void **state)
{
    (void)state;
    char name[SETTING_ENVIRONMENT_NAME_SIZE];
    setting_environment_name(setting_find("timing.offer_ttl_ms"), name);
    assert_string_equal(name, "SYNCSHELL_RELAY_TIMING_OFFER_TTL_MS");
}

static void test_nearest(void **state)
{
    (void)state;
    assert_string_equal(setting_find_nearest("listen.prot")->key, "listen.port");
    assert_string_equal(setting_find_nearest("log.levle")->key, "log.level");
    assert_string_equal(setting_find_nearest("limit.members_max")->key, "limits.members_max");
    assert_string_equal(setting_find_nearest("server.log.format")->key, "log.format");
    assert_null(setting_find_nearest("weather.tomorrow"));
    assert_null(setting_find_nearest(""));
}

/* ---- printing ---- */

static char *printed(void (*print)(FILE *out, const struct settings *s), const struct settings *s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    print(out, s);
    assert_int_equal(fclose(out), 0);
    return text;
}

static void print_example(FILE *out, const struct settings *s)
{
    (void)s;
    assert_int_equal(config_print_example(out), 0);
}

static void expect_read_back(const char *text, const struct settings *expected)
{
    struct loading l;
    loading_run(&l, text, NULL, NULL);
    assert_string_equal(l.faults, "");
    assert_int_equal(l.result, 0);
    for (size_t i = 0; i < setting_count; i++)
        if (!setting_equal(&l.settings, expected, &setting_table[i]))
            fail_msg("%s is not what it was", setting_table[i].key);
    loading_end(&l);
}

static void test_the_example_says_the_defaults(void **state)
{
    (void)state;
    struct settings defaults;
    assert_int_equal(settings_init(&defaults), 0);
    char *text = printed(print_example, NULL);
    expect_read_back(text, &defaults);
    for (size_t i = 0; i < setting_count; i++) {
        char name[SETTING_ENVIRONMENT_NAME_SIZE];
        setting_environment_name(&setting_table[i], name);
        const char *found = strstr(text, name);
        assert_true(found && found[strlen(name)] == '.');
    }
    free(text);
    settings_deinit(&defaults);
}

/* Another value than the default in every row, texts with everything that wants an escape. */
static void change_all(struct settings *s)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *row = &setting_table[i];
        if (row->type == SETTING_TEXT)
            assert_int_equal(setting_set_text(s, row, "a \"b\" \\ \t\x7f\xc3\xa9 = # ["), 0);
        else if (row->type == SETTING_LIST)
            assert_int_equal(setting_set_list(s, row, TEXTS("wss://a", "wss://b")), 0);
        else if (row->type == SETTING_CHOICE)
            setting_set_value(s, row, row->default_value == 0 ? 1 : 0);
        else
            setting_set_value(s, row, row->default_value == row->max ? row->min : row->max);
    }
    assert_int_equal(setting_set_list(s, setting_find("proxy.trusted"), TEXTS("10.0.0.0/8", "::1")),
                     0);
    assert_int_equal(setting_set_text(s, setting_find("admin.address"), "127.0.0.1"), 0);
    /* Files that the check can read. */
    assert_int_equal(setting_set_text(s, setting_find("admin.token_file"), "token"), 0);
    assert_int_equal(setting_set_text(s, setting_find("listen.tls_certificate"), "/dev/null"), 0);
    assert_int_equal(setting_set_text(s, setting_find("listen.tls_key"), "/dev/zero"), 0);
}

static void test_what_is_printed_is_read_back(void **state)
{
    (void)state;
    struct settings s;
    assert_int_equal(settings_init(&s), 0);
    change_all(&s);
    loading_write_secret("token", "0123456789abcdef\n");
    char *text = printed(config_print, &s);
    expect_read_back(text, &s);
    free(text);
    assert_int_equal(unlink("token"), 0);
    settings_deinit(&s);
}

static void test_rows_are_compared_and_copied(void **state)
{
    (void)state;
    struct settings a;
    struct settings b;
    assert_int_equal(settings_init(&a), 0);
    assert_int_equal(settings_init(&b), 0);
    change_all(&b);
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *row = &setting_table[i];
        assert_false(setting_equal(&a, &b, row));
        assert_int_equal(setting_copy(&a, &b, row), 0);
        assert_true(setting_equal(&a, &b, row));
    }
    settings_deinit(&b);
    assert_string_equal(a.listen_tls_key, "/dev/zero"); /* a's own */
    settings_deinit(&a);
    settings_deinit(&a); /* leaves nothing to free */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_complete),
        cmocka_unit_test(test_rows_cover_the_settings),
        cmocka_unit_test(test_sections_are_not_torn),
        cmocka_unit_test(test_environment_names),
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_the_example_says_the_defaults),
        cmocka_unit_test(test_what_is_printed_is_read_back),
        cmocka_unit_test(test_rows_are_compared_and_copied),
    };
    return cmocka_run_group_tests(tests, loading_enter_folder, loading_leave_folder);
}
