/* The whole command, as a process, on the fake library. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "program.h"

#define RUN(result, ...) program_run(result, NULL, 0, (const char *const[]){__VA_ARGS__, NULL})

static void expect_status(const struct program_result *result, int status)
{
    if (result->status != status)
        fail_msg("status %d\n%s\n%s", result->status, result->output, result->errors);
}

#define OTHER "ed25519:Tm90IGFsbCB0aG9zZSB3aG8gd2FuZGVyIGFyZSBsb3N"

static void expect_words(const char *text, const char *words)
{
    if (!strstr(text, words))
        fail_msg("\"%s\" is not in: %s", words, text);
}

static void test_what_scripts_want_stands_alone(void **state)
{
    static const struct {
        const char *arguments[6];
        const char *output;
    } RUNS[] = {
        {{"id", "--state", "x"}, "ed25519:QWxsIHRoYXQgaXMgZ29sZCBkb2VzIG5vdCBnbGl0dGV\n"},
        {{"id", "--state", "x", "--json"},
         "{\"peerId\":\"ed25519:QWxsIHRoYXQgaXMgZ29sZCBkb2VzIG5vdCBnbGl0dGV\"}\n"},
        {{"create", "--state", "x", "--relay", "ws://r"}, "syncshell1.of-first\n"},
        {{"join", "syncshell1.x", "--state", "x"}, "first\n"},
        {{"invite", "--state", "x", "--syncshell", "first"}, "syncshell1.of-first\n"},
        {{"invite", "--state", "one"}, "syncshell1.of-first\n"},
        {{"code", "armour", "--state", "one"}, "7YXW-4KQ0-1N8D-PZ3MB\n"},
        {{"code", "armour", "--state", "one", "--json"},
         "{\"recoveryCode\":\"7YXW-4KQ0-1N8D-PZ3MB\",\"validMs\":600000}\n"},
        {{"redeem", "7YXW", "--state", "one"}, "armour\n"},
        {{"remove-member", OTHER, "--state", "one"}, ""},
        {{"rotate-key", "--state", "one"}, "syncshell1.second-of-first\n"},
        {{"rotate-key", "--state", "one", "--json"},
         "{\"syncshellId\":\"first\",\"invite\":\"syncshell1.second-of-first\"}\n"},
        {{"hand-over", OTHER, "--state", "one", "--json"}, "{\"syncshellId\":\"first\"}\n"},
        {{"delete", "--state", "one", "--syncshell", "first"}, ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(RUNS) / sizeof(RUNS[0]); i++) {
        struct program_result result;

        program_run(&result, NULL, 0, RUNS[i].arguments);
        expect_status(&result, 0);
        assert_string_equal(result.output, RUNS[i].output);
        program_result_deinit(&result);
    }
}

static void test_a_passphrase_comes_from_a_file(void **state)
{
    static const char PASSPHRASE[] = " correct horse battery \n";
    static const char *const CREATE[] = {"create", "--state",           "x", "--relay",
                                         "ws://r", "--passphrase-file", "-", NULL};
    static const char *const JOIN[] = {"join",  "--state",           "x", "--syncshell",
                                       "first", "--passphrase-file", "-", NULL};
    struct program_result result;

    (void)state;
    program_run(&result, PASSPHRASE, sizeof(PASSPHRASE) - 1, CREATE);
    expect_status(&result, 0);
    assert_string_equal(result.output, "syncshell1.of-first\n");
    expect_words(result.errors, "Warning: a syncshell is as safe as its passphrase");
    program_result_deinit(&result);
    program_run(&result, PASSPHRASE, sizeof(PASSPHRASE) - 1, JOIN);
    expect_status(&result, 0);
    assert_string_equal(result.output, "first\n");
    program_result_deinit(&result);
    program_run(&result, "short", 5, JOIN);
    expect_status(&result, 1);
    expect_words(result.errors, "12 to 1024 bytes");
    program_result_deinit(&result);
    program_run(&result, "\n", 1, JOIN);
    expect_status(&result, 1);
    expect_words(result.errors, "one line");
    program_result_deinit(&result);
}

static void test_failures_say_what_to_do(void **state)
{
    static const struct {
        const char *arguments[6];
        int status;
        const char *words;
    } RUNS[] = {
        {{"fly"}, 2, "--help"},
        {{"join"}, 2, "invite"},
        {{"create", "--state", "x"}, 1, "--relay"},
        {{"join", "--passphrase-file", "x"}, 2, "--syncshell ID"},
        {{"join", "syncshell1.x", "--passphrase-file", "x"}, 2, "needs no passphrase"},
        {{"peer", "--passphrase-file", "x"}, 2, "no meaning for peer"},
        {{"create", "--passphrase-file", "x", "--syncshell", "first"}, 2, "no meaning for create"},
        {{"create", "--passphrase-file=-", "--access-key-file=-"}, 2, "Only one of"},
        {{"join", "--syncshell", "first", "--passphrase-file", "no-such"}, 1, "--passphrase-file"},
        {{"join", "nonsense", "--state", "x"}, 1, "not an invite"},
        {{"join", "syncshell1.refused", "--state", "x"}, 1, "not_a_member"},
        {{"id", "--state", "in_use"}, 1, "E_STATE_IN_USE"},
        {{"members", "--state", "stopped"}, 1, "The disk is gone."},
        {{"members", "--state", "silent", "--timeout", "1"}, 1, "syncshell create"},
        {{"members", "--state", "one", "--syncshell", "other"}, 1, "other"},
        {{"invite", "--state", "two"}, 1, "--syncshell"},
        {{"invite", "--state", "x", "--syncshell", "other"}, 1, "no such syncshell"},
        {{"remove-member", "--state", "one"}, 2, "peer id"},
        {{"hand-over"}, 2, "peer id"},
        {{"code"}, 2, "session"},
        {{"redeem"}, 2, "code"},
        {{"code", "other", "--state", "x"}, 1, "issue_code"},
        {{"redeem", "mistyped", "--state", "one"}, 1, "compare each letter"},
        {{"delete", "--state", "one"}, 2, "--syncshell"},
        {{"remove-member", "nobody", "--state", "one"}, 1, "remove nobody"},
        {{"id", "--state", "x", "--access-key-file", "no-such-file"}, 1, "--access-key-file"},
        {{"peer", "--state", "in_use"}, 1, "--state"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(RUNS) / sizeof(RUNS[0]); i++) {
        struct program_result result;

        program_run(&result, NULL, 0, RUNS[i].arguments);
        expect_status(&result, RUNS[i].status);
        expect_words(result.errors, RUNS[i].words);
        assert_string_equal(result.output, "");
        program_result_deinit(&result);
    }
}

static void test_the_access_key_from_the_standard_input(void **state)
{
    static const char *const arguments[] = {"id", "--state", "x", "--access-key-file", "-", NULL};
    struct program_result result;

    (void)state;
    program_run(&result, "s3cret\n", 7, arguments);
    expect_status(&result, 0);
    program_result_deinit(&result);
    program_run(&result, "two\nlines\n", 10, arguments);
    expect_status(&result, 1);
    expect_words(result.errors, "standard input does not hold an access key");
    program_result_deinit(&result);
}

static void test_help_and_version_come_on_stdout(void **state)
{
    struct program_result result;

    (void)state;
    RUN(&result, "--version");
    expect_status(&result, 0);
    assert_string_equal(result.output, "syncshell 0.1.0\n");
    program_result_deinit(&result);
    RUN(&result, "join", "--help");
    expect_status(&result, 0);
    expect_words(result.output, "Usage: syncshell join");
    program_result_deinit(&result);
}

static void test_members_and_sessions_of_all_syncshells(void **state)
{
    struct program_result result;
    const char *first, *second;

    (void)state;
    RUN(&result, "members", "--state", "two");
    expect_status(&result, 0);
    first = strstr(result.output, "syncshell first\n");
    second = strstr(result.output, "syncshell second\n");
    assert_true(first && second && first < second);
    expect_words(first, "online    you\n");
    expect_words(second, "away      owner\n");
    program_result_deinit(&result);
    RUN(&result, "sessions", "--state", "two", "--syncshell", "second");
    expect_status(&result, 0);
    assert_null(strstr(result.output, "first"));
    expect_words(result.output, "armour                    joiner");
    expect_words(result.output, "  7\n");
    program_result_deinit(&result);
}

static void test_members_and_sessions_as_json(void **state)
{
    struct program_result result;
    json_t *list, *syncshells;
    const char *session_id;
    int owner, you, generation;

    (void)state;
    RUN(&result, "members", "--state", "two", "--json");
    expect_status(&result, 0);
    list = json_loads(result.output, 0, NULL);
    syncshells = json_object_get(list, "syncshells");
    assert_int_equal(json_array_size(syncshells), 2);
    assert_int_equal(
        json_unpack(json_array_get(json_object_get(json_array_get(syncshells, 1), "members"), 1),
                    "{s:b, s:b}", "owner", &owner, "you", &you),
        0);
    assert_true(owner && !you);
    json_decref(list);
    program_result_deinit(&result);
    RUN(&result, "sessions", "--state", "one", "--json");
    expect_status(&result, 0);
    list = json_loads(result.output, 0, NULL);
    assert_int_equal(json_unpack(list, "{s:[{s:s, s:i}]}", "sessions", "sessionId", &session_id,
                                 "generation", &generation),
                     0);
    assert_string_equal(session_id, "armour");
    assert_int_equal(generation, 7);
    json_decref(list);
    program_result_deinit(&result);
}

int main(void)
{
    (void)setenv("HOME", "/nonexistent", 1); /* whoever runs the tests may have none */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_scripts_want_stands_alone),
        cmocka_unit_test(test_a_passphrase_comes_from_a_file),
        cmocka_unit_test(test_failures_say_what_to_do),
        cmocka_unit_test(test_the_access_key_from_the_standard_input),
        cmocka_unit_test(test_help_and_version_come_on_stdout),
        cmocka_unit_test(test_members_and_sessions_of_all_syncshells),
        cmocka_unit_test(test_members_and_sessions_as_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
