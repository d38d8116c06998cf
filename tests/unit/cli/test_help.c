/* Help, the manual page, the tables and the library's names say the same. */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "cli/command.h"
#include "cli/help.h"

static char *help_of(enum subcommand subcommand)
{
    size_t size = 0;
    char *text = NULL;
    FILE *stream = open_memstream(&text, &size);

    assert_non_null(stream);
    help_print(stream, subcommand);
    assert_int_equal(fclose(stream), 0);
    return text;
}

/* The manual page without roff's backslashes before hyphens. */
static char *manual(void)
{
    FILE *file = fopen(MANUAL_PAGE, "r");
    size_t length, kept = 0;
    char *text = calloc(1, 128 * 1024);

    assert_non_null(file);
    assert_non_null(text);
    length = fread(text, 1, 128 * 1024 - 1, file);
    fclose(file);
    assert_true(length > 0 && length < 128 * 1024 - 1);
    for (size_t i = 0; i < length; i++)
        if (text[i] != '\\' || text[i + 1] != '-')
            text[kept++] = text[i];
    text[kept] = '\0';
    return text;
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || c == '-';
}

/* Whether `word` stands in `text` with nothing of a word around it. */
static bool has_word(const char *text, const char *word)
{
    size_t length = strlen(word);

    for (const char *at = strstr(text, word); at; at = strstr(at + 1, word))
        if ((at == text || !is_word(at[-1])) && !is_word(at[length]))
            return true;
    return false;
}

static void expect_word(const char *text, const char *word, const char *where)
{
    if (!has_word(text, word))
        fail_msg("%s is missing in %s", word, where);
}

static void test_subcommands_and_options(void **state)
{
    char *program = help_of(SUBCOMMAND_NONE), *page = manual();

    (void)state;
    for (int i = SUBCOMMAND_NONE + 1; i < N_SUBCOMMANDS; i++) {
        const char *name = subcommand_name((enum subcommand)i);
        char *help = help_of((enum subcommand)i), usage[64];

        snprintf(usage, sizeof(usage), "syncshell %s", name);
        expect_word(program, usage, "the program's help");
        expect_word(help, usage, "its own help");
        expect_word(page, name, "the manual page");
        free(help);
    }
    free(program);
    free(page);
}

/* Every option that one of the two texts names stands in the other. */
static void each_option_of(const char *text, const char *other, const char *where)
{
    size_t count = 0;

    for (const char *at = strstr(text, "--"); at; at = strstr(at + 2, "--")) {
        char option[32] = "--";
        size_t length = strspn(at + 2, "abcdefghijklmnopqrstuvwxyz-");

        if (length == 0 || length > 28 || (at > text && is_word(at[-1])))
            continue;
        memcpy(option + 2, at + 2, length);
        option[length + 2] = '\0';
        expect_word(other, option, where);
        count++;
    }
    assert_true(count >= 9);
}

static void test_options_are_the_same_in_help_and_manual(void **state)
{
    char *program = help_of(SUBCOMMAND_NONE), *page = manual();

    (void)state;
    each_option_of(program, page, "the manual page");
    each_option_of(page, program, "the program's help");
    free(program);
    free(page);
}

/* `example` is a line of JSON whose `name` is `value`. */
static void expect_example(const char *example, const char *name, const char *value)
{
    json_t *object = json_loads(example, JSON_REJECT_DUPLICATES, NULL);
    const char *found = json_string_value(json_object_get(object, name));

    if (!found || strcmp(found, value) != 0)
        fail_msg("not an example of %s: %s", value, example);
    json_decref(object);
}

static void test_every_command_is_documented(void **state)
{
    char *help = help_of(SUBCOMMAND_PEER), *page = manual();

    (void)state;
    assert_true(COMMANDS_COUNT > 15);
    for (size_t i = 0; i < COMMANDS_COUNT; i++) {
        expect_word(help, COMMANDS[i].name, "help");
        expect_word(page, COMMANDS[i].name, "the manual page");
        expect_example(COMMANDS[i].example, "command", COMMANDS[i].name);
        assert_non_null(strstr(help, COMMANDS[i].example));
        assert_true(strlen(COMMANDS[i].meaning) > 0 && strlen(COMMANDS[i].not_allowed) > 0);
        assert_ptr_equal(command_find(COMMANDS[i].name), &COMMANDS[i]);
    }
    free(help);
    free(page);
}

static void test_every_event_is_documented(void **state)
{
    char *help = help_of(SUBCOMMAND_PEER), *page = manual();

    (void)state;
    for (size_t i = 0; i < HELP_EVENTS_COUNT; i++) {
        expect_word(page, HELP_EVENTS[i].name, "the manual page");
        expect_example(HELP_EVENTS[i].example, "event", HELP_EVENTS[i].name);
        assert_non_null(strstr(help, HELP_EVENTS[i].example));
    }
    free(help);
    free(page);
}

#ifdef WITH_LIBRARY
static bool field_exists(const char *name)
{
    static const char *const OWN[] = {"event",  "ticket",     "held",
                                      "needed", "mismatched", "iceServers"};

    for (size_t i = 0; i < sizeof(OWN) / sizeof(OWN[0]); i++)
        if (strcmp(name, OWN[i]) == 0)
            return true;
    for (int32_t field = 1; field <= SYNCSHELL_FIELD_VALID_MS; field++)
        if (strcmp(name, syncshell_field_name(field)) == 0)
            return true;
    return false;
}

/* The library's events, all of them and in its order, with fields that it has. */
static void test_events_are_the_library_s(void **state)
{
    (void)state;
    assert_string_equal(syncshell_event_type_name((int32_t)HELP_EVENTS_COUNT + 1), "unknown");
    for (size_t i = 0; i < HELP_EVENTS_COUNT; i++) {
        json_t *object = json_loads(HELP_EVENTS[i].example, 0, NULL);

        assert_string_equal(HELP_EVENTS[i].name, syncshell_event_type_name((int32_t)i + 1));
        for (void *at = json_object_iter(object); at; at = json_object_iter_next(object, at))
            if (!field_exists(json_object_iter_key(at)))
                fail_msg("%s has no field %s", HELP_EVENTS[i].name, json_object_iter_key(at));
        json_decref(object);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_subcommands_and_options),
        cmocka_unit_test(test_options_are_the_same_in_help_and_manual),
        cmocka_unit_test(test_every_command_is_documented),
        cmocka_unit_test(test_every_event_is_documented),
#ifdef WITH_LIBRARY
        cmocka_unit_test(test_events_are_the_library_s),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
