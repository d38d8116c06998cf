#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "cli/options.h"

enum { WORDS_MAX = 16 };

static char problem[OPTIONS_PROBLEM_SIZE];

/* Splits `line` at blanks into static words. */
static int parse(struct options *ret_options, const char *line)
{
    static char text[1024];
    char *argv[WORDS_MAX + 1] = {(char[]){"syncshell"}};
    int argc = 1;

    problem[0] = '\0';
    assert_true(strlen(line) < sizeof(text));
    memcpy(text, line, strlen(line) + 1);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return options_parse(ret_options, argc, argv, problem);
}

static void test_options_stand_before_and_after(void **state)
{
    static const char *const LINES[] = {
        "--state D --ca F join INVITE --relay wss://r --timeout 3 --json --access-key-file K",
        "join INVITE --state D --ca F --relay wss://r --timeout 3 --json --access-key-file K",
        "join --state=D --ca=F --relay=wss://r --timeout=3 --json --access-key-file=K -- INVITE",
    };

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct options options;

        assert_int_equal(parse(&options, LINES[i]), 0);
        assert_int_equal(options.subcommand, SUBCOMMAND_JOIN);
        assert_string_equal(options.argument, "INVITE");
        assert_string_equal(options.state_dir, "D");
        assert_string_equal(options.ca_file, "F");
        assert_string_equal(options.relay_url, "wss://r");
        assert_string_equal(options.access_key_file, "K");
        assert_int_equal(options.timeout_ms, 3000);
        assert_true(options.json);
        assert_null(options.syncshell_id);
    }
}

static void test_defaults(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse(&options, "peer"), 0);
    assert_int_equal(options.subcommand, SUBCOMMAND_PEER);
    assert_int_equal(options.timeout_ms, 15000);
    assert_null(options.state_dir);
    assert_null(options.argument);
    assert_false(options.json || options.help || options.version);
}

static void test_every_subcommand_has_its_word(void **state)
{
    (void)state;
    for (int i = SUBCOMMAND_NONE + 1; i < N_SUBCOMMANDS; i++) {
        struct options options;
        char line[64];

        snprintf(line, sizeof(line), "%s --timeout 1%s%s", subcommand_name((enum subcommand)i),
                 i == SUBCOMMAND_JOIN || i == SUBCOMMAND_CODE || i == SUBCOMMAND_REDEEM ||
                         i == SUBCOMMAND_REMOVE_MEMBER || i == SUBCOMMAND_HAND_OVER
                     ? " ARGUMENT"
                     : "",
                 i == SUBCOMMAND_DELETE ? " --syncshell S" : "");
        assert_int_equal(parse(&options, line), 0);
        assert_int_equal(options.subcommand, i);
    }
}

static void test_wrong_lines_are_refused_in_words(void **state)
{
    static const struct {
        const char *line;
        const char *words;
    } WRONG[] = {
        {"", "command is missing"},
        {"fly", "\"fly\""},
        {"join", "invite"},
        {"remove-member", "peer id"},
        {"delete", "--syncshell"},
        {"join A B", "\"B\""},
        {"id extra", "\"extra\""},
        {"id --state", "--state needs a value"},
        {"id --state=", "--state needs a value"},
        {"id --sta D", "--sta"},
        {"id --json=yes", "--json takes no value"},
        {"id --timeout 0", "--timeout"},
        {"id --timeout -1", "--timeout"},
        {"id --timeout 5s", "--timeout"},
        {"id --timeout 99999999999999999999", "--timeout"},
        {"id --timeout", "--timeout needs a value"},
        {"join A --syncshell S", "--syncshell"},
        {"peer --access-key-file -", "standard input"},
        {"-- --json", "\"--json\""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(WRONG) / sizeof(WRONG[0]); i++) {
        struct options options;

        if (parse(&options, WRONG[i].line) != -EINVAL || !strstr(problem, WRONG[i].words))
            fail_msg("\"%s\" gave \"%s\"", WRONG[i].line, problem);
    }
}

static void test_help_works_on_any_line(void **state)
{
    struct options options;

    (void)state;
    assert_int_equal(parse(&options, "join --help"), 0);
    assert_true(options.help);
    assert_int_equal(options.subcommand, SUBCOMMAND_JOIN);
    assert_int_equal(parse(&options, "-h"), 0);
    assert_true(options.help);
    assert_int_equal(parse(&options, "--fly --version"), 0);
    assert_true(options.version);
    assert_int_equal(parse(&options, "join -- --help"), 0);
    assert_false(options.help);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_stand_before_and_after),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_every_subcommand_has_its_word),
        cmocka_unit_test(test_wrong_lines_are_refused_in_words),
        cmocka_unit_test(test_help_works_on_any_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
