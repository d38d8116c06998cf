/* `syncshell peer` as a process, on the fake library: lines in, lines out. */
#define _GNU_SOURCE /* F_GETPIPE_SZ */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "program.h"

enum { REPORTS = 1000, TOO_LONG = 8 * 1024 * 1024 + 1 };

/* The lines that `syncshell peer` with that state prints, as an array. */
static json_t *peer(const char *scenario, const char *input, size_t length, int status)
{
    const char *const arguments[] = {"peer", "--state", scenario, "--relay", "ws://r", NULL};
    struct program_result result;
    json_t *lines = json_array();

    program_run(&result, input, length, arguments);
    if (result.status != status)
        fail_msg("status %d: %s", result.status, result.errors);
    for (char *line = strtok(result.output, "\n"); line; line = strtok(NULL, "\n"))
        if (json_array_append_new(lines, json_loads(line, JSON_REJECT_DUPLICATES, NULL)))
            fail_msg("not JSON: %s", line);
    program_result_deinit(&result);
    return lines;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    return value ? value : "";
}

static json_int_t number(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* The index of the first line from `from` whose `name` is `value`, or the number of lines. */
static size_t find(const json_t *lines, size_t from, const char *name, const char *value)
{
    while (from < json_array_size(lines) &&
           strcmp(text(json_array_get(lines, from), name), value) != 0)
        from++;
    return from;
}

static void test_each_command_reaches_the_library(void **state)
{
    static const struct {
        const char *line;
        const char *said;
    } COMMANDS[] = {
        {"{\"command\":\"open\",\"peer\":\"P\",\"role\":\"joiner\"}", "open first P 1 - -"},
        {"{\"command\":\"open\",\"peer\":\"P\",\"role\":\"provider\",\"session\":\"s\",\"label\":\"l\",\"syncshell\":\"z\"}",
         "open z P 2 s l"},
        {"{\"command\":\"report\",\"session\":\"s\",\"files\":[{\"path\":\"a\",\"size\":10,\"hash\":\"AB\",\"algorithm\":"
         "\"sha1\",\"done\":true},{\"path\":\"b\",\"size\":9,\"ranges\":[[0,4],[6,7]]}]}",
         "report a:10:AB:sha1:1 b:9:-:-:0:0-4:6-7"},
        {"{\"command\":\"done\",\"session\":\"s\",\"path\":\"a\",\"size\":10,\"hash\":\"AB\",\"algorithm\":\"sha1\"}",
         "report a:10:AB:sha1:1"},
        {"{\"command\":\"partial\",\"session\":\"s\",\"path\":\"a\",\"size\":10,\"ranges\":[[1,2]]}",
         "report a:10:-:-:0:1-2"},
        {"{\"command\":\"manifest\",\"session\":\"s\",\"files\":[{\"path\":\"a\",\"size\":10}]}",
         "manifest a:10:-:-:0"},
        {"{\"command\":\"offer\",\"session\":\"s\",\"generation\":3,\"sdp\":\"v=0\"}",
         "offer 3 v=0"},
        {"{\"command\":\"answer\",\"session\":\"s\",\"generation\":3,\"sdp\":\"v=1\"}",
         "answer 3 v=1"},
        {"{\"command\":\"candidate\",\"session\":\"s\",\"generation\":3,\"candidate\":\"c\"}",
         "candidate 3 c - -1"},
        {"{\"command\":\"candidate\",\"session\":\"s\",\"generation\":3,\"candidate\":\"c\",\"sdpMid\":\"m\","
         "\"sdpMLineIndex\":2}",
         "candidate 3 c m 2"},
        {"{\"command\":\"link\",\"session\":\"s\",\"generation\":3,\"state\":\"up\"}", "link 3 1"},
        {"{\"command\":\"link\",\"session\":\"s\",\"generation\":3,\"state\":\"failed\"}",
         "link 3 3"},
        {"{\"command\":\"link_up\",\"session\":\"s\",\"generation\":3}", "link 3 1"},
        {"{\"command\":\"link_lost\",\"session\":\"s\",\"generation\":3}", "link 3 2"},
        {"{\"command\":\"link_failed\",\"session\":\"s\",\"generation\":3}", "link 3 3"},
        {"{\"command\":\"link_failed\",\"session\":\"s\",\"generation\":3,\"cause\":\"turn_refused\",\"iceServer\":\"turn:t\"}",
         "link 3 3 turn_refused turn:t"},
        {"{\"command\":\"recover\",\"session\":\"s\"}", "recover"},
        {"{\"command\":\"close\",\"session\":\"s\",\"outcome\":\"cancelled\"}", "close 3"},
        {"{\"command\":\"leave\"}", "leave"},
        {"{\"command\":\"issue_code\",\"session\":\"s\"}", "issue_code"},
        {"{\"command\":\"redeem\",\"code\":\"7YXW\",\"syncshell\":\"second\"}", "7YXW"},
        {"{\"command\":\"remove_member\",\"peer\":\"P\"}", "remove P"},
        {"{\"command\":\"hand_over\",\"peer\":\"P\"}", "hand_over P"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(COMMANDS) / sizeof(COMMANDS[0]); i++) {
        json_t *lines = peer("one", COMMANDS[i].line, strlen(COMMANDS[i].line), 0);
        size_t accepted = find(lines, 0, "event", "accepted");
        size_t said = find(lines, accepted, "message", COMMANDS[i].said);

        assert_string_equal(text(json_array_get(lines, 0), "event"), "started");
        if (said == json_array_size(lines))
            fail_msg("%s: no \"%s\" in %s", COMMANDS[i].line, COMMANDS[i].said,
                     json_dumps(lines, 0));
        assert_int_equal(number(json_array_get(lines, accepted), "ticket"),
                         number(json_array_get(lines, said), "ticket"));
        json_decref(lines);
    }
}

static void test_bad_lines_are_rejected_and_the_next_is_taken(void **state)
{
    static const struct {
        const char *line;
        const char *words;
    } BAD[] = {
        {"hello", "JSON"},
        {"[]", "object"},
        {"{}", "command"},
        {"{\"command\":1}", "command"},
        {"{\"command\":\"fly\"}", "--help"},
        {"{\"command\":\"quit\",\"tag\":1}", "tag"},
        {"{\"command\":\"quit\",\"command\":\"quit\"}", "duplicate"},
        {"{\"command\":\"quit\"} x", "end of file"},
        {"{\"command\":\"quit\",\"when\":1}", "field"},
        {"{\"command\":\"offer\"}", "session"},
        {"{\"command\":\"offer\",\"session\":1}", "text"},
        {"{\"command\":\"offer\",\"session\":\"s\",\"sdp\":\"v=0\"}", "generation"},
        {"{\"command\":\"offer\",\"session\":\"s\",\"sdp\":\"v=0\",\"generation\":-1}",
         "generation"},
        {"{\"command\":\"offer\",\"session\":\"s\",\"generation\":1}", "sdp"},
        {"{\"command\":\"offer\",\"session\":\"no\",\"generation\":1,\"sdp\":\"v=0\"}", "A-Z"},
        {"{\"command\":\"candidate\",\"session\":\"s\",\"generation\":1}", "candidate"},
        {"{\"command\":\"candidate\",\"session\":\"s\",\"generation\":1,\"candidate\":\"c\",\"sdpMLineIndex\":65536}",
         "65535"},
        {"{\"command\":\"link\",\"session\":\"s\",\"generation\":1,\"state\":\"down\"}", "lost"},
        {"{\"command\":\"close\",\"session\":\"s\"}", "outcome"},
        {"{\"command\":\"open\",\"role\":\"joiner\"}", "peer"},
        {"{\"command\":\"open\",\"peer\":\"P\",\"role\":\"both\"}", "role"},
        {"{\"command\":\"open\",\"peer\":\"P\",\"role\":\"joiner\"}", "syncshell"},
        {"{\"command\":\"leave\"}", "syncshell"},
        {"{\"command\":\"join\",\"invite\":\"nonsense\"}", "invite"},
        {"{\"command\":\"report\",\"session\":\"s\"}", "files"},
        {"{\"command\":\"partial\",\"session\":\"s\",\"path\":\"a\",\"size\":1}", "ranges"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
        char input[512];
        json_t *lines, *reply;

        snprintf(input, sizeof(input),
                 "%s\n\n \t\r\n{\"command\":\"network_changed\",\"tag\":\"t\"}\n", BAD[i].line);
        lines = peer("two", input, strlen(input), 0);
        reply = json_array_get(lines, find(lines, 0, "event", "rejected"));
        if (!strstr(text(reply, "message"), BAD[i].words) ||
            strncmp(text(reply, "error"), "E_", 2) != 0)
            fail_msg("%s: %s", BAD[i].line, json_dumps(lines, 0));
        assert_int_equal(find(lines, find(lines, 0, "event", "rejected") + 1, "event", "rejected"),
                         json_array_size(lines));
        assert_true(find(lines, 0, "tag", "t") < json_array_size(lines));
        json_decref(lines);
    }
}

static void test_a_rejected_line_gives_its_tag_back(void **state)
{
    static const char LINE[] = "{\"command\":\"offer\",\"tag\":\"mine\"}\n";
    json_t *lines = peer("x", LINE, strlen(LINE), 0);
    json_t *reply = json_array_get(lines, find(lines, 0, "tag", "mine"));

    (void)state;
    assert_string_equal(text(reply, "event"), "rejected");
    assert_string_equal(text(reply, "error"), "E_ARGUMENT");
    json_decref(lines);
}

static void test_deep_and_long_lines_are_rejected(void **state)
{
    static const char NEXT[] = "\n{\"command\":\"create\"}";
    char *input = malloc(TOO_LONG + sizeof(NEXT));
    json_t *lines;

    (void)state;
    assert_non_null(input);
    memset(input, '[', TOO_LONG);
    memcpy(input + TOO_LONG, NEXT, sizeof(NEXT));
    lines = peer("x", input, TOO_LONG + strlen(NEXT), 0);
    assert_int_equal(json_array_size(lines), 4);
    assert_non_null(strstr(text(json_array_get(lines, 1), "message"), "8 MiB"));
    assert_string_equal(text(json_array_get(lines, 3), "event"), "syncshell_created");
    json_decref(lines);
    lines = peer("x", input + 1, TOO_LONG - 1 + strlen(NEXT), 0);
    assert_non_null(strstr(text(json_array_get(lines, 1), "message"), "JSON"));
    json_decref(lines);
    free(input);
}

/* The fake answers E_BUSY as soon as a few events wait: none of the commands may be lost or reordered by that. */
static void test_a_burst_is_taken_whole(void **state)
{
    size_t size = (size_t)REPORTS * 100, length = 0;
    char *input = malloc(size);
    json_int_t accepted = 0, told = 0;
    json_t *lines, *line;
    size_t i;

    (void)state;
    assert_non_null(input);
    for (i = 0; i < REPORTS; i++)
        length += (size_t)snprintf(
            input + length, size - length,
            "{\"command\":\"done\",\"session\":\"s\",\"path\":\"%zu\",\"size\":1,\"tag\":\"%zu\"}\n",
            i, i);
    lines = peer("x", input, length, 0);
    json_array_foreach (lines, i, line) {
        if (strcmp(text(line, "event"), "accepted") == 0) {
            assert_int_equal(number(line, "ticket"), ++accepted);
            assert_int_equal(strtol(text(line, "tag"), NULL, 10), accepted - 1);
        } else if (strcmp(text(line, "event"), "request_failed") == 0) {
            assert_int_equal(number(line, "ticket"), ++told);
            assert_true(told <= accepted);
        }
    }
    assert_int_equal(accepted, REPORTS);
    assert_int_equal(told, REPORTS);
    json_decref(lines);
    free(input);
}

static void test_quit_ends_before_the_next_line(void **state)
{
    static const char LINES[] = "{\"command\":\"quit\",\"tag\":\"q\"}\n{\"command\":\"create\"}\n";
    json_t *lines = peer("x", LINES, strlen(LINES), 0);

    (void)state;
    assert_int_equal(json_array_size(lines), 2);
    assert_string_equal(text(json_array_get(lines, 1), "tag"), "q");
    assert_non_null(json_object_get(json_array_get(lines, 1), "ticket"));
    json_decref(lines);
}

static void test_a_stopped_client_ends_the_program(void **state)
{
    json_t *lines = peer("stopped", "", 0, 1);

    (void)state;
    assert_string_equal(text(json_array_get(lines, 1), "event"), "stopped");
    json_decref(lines);
}

static void test_an_event_shows_all_it_has(void **state)
{
    static const char LINE[] = "{\"command\":\"recover\",\"session\":\"s\"}\n";
    json_t *lines = peer("one", LINE, strlen(LINE), 0), *wanted;
    json_t *request = json_array_get(lines, find(lines, 0, "event", "recovery_request"));
    json_t *joined = json_array_get(lines, find(lines, 0, "event", "syncshell_joined"));

    (void)state;
    assert_true(json_is_true(json_object_get(joined, "recovered")));
    assert_null(json_object_get(joined, "ticket"));
    wanted = json_loads(
        "{\"event\":\"recovery_request\",\"iceServers\":[{\"url\":\"turn:turn.example\",\"username\":\"guild\","
        "\"credential\":\"pass\"},{\"url\":\"stun:stun.example\"}],\"held\":[],\"needed\":[{\"path\":\"half\",\"size\":1000,\"hash\":\"ab\","
        "\"algorithm\":\"sha256\",\"mismatched\":true,\"ranges\":[[400,600],[700,1000]]}]}",
        0, NULL);
    assert_true(json_equal(request, wanted));
    json_decref(wanted);
    json_decref(lines);
}

/* Starts `syncshell peer` on pipes and reads its first line. */
static pid_t start_on_pipes(int *ret_input, FILE **ret_output)
{
    int in[2], out[2];
    char line[256];
    pid_t pid;

    assert_int_equal(pipe(in), 0);
    assert_int_equal(pipe(out), 0);
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        close(in[0]);
        close(in[1]);
        close(out[0]);
        close(out[1]);
        signal(SIGINT, SIG_DFL); /* the tests may run in the background of a script, or by nohup */
        signal(SIGHUP, SIG_DFL);
        execl(SYNCSHELL_PROGRAM, SYNCSHELL_PROGRAM, "peer", "--state", "x", (char *)NULL);
        _exit(127);
    }
    close(in[0]);
    close(out[1]);
    *ret_input = in[1];
    *ret_output = fdopen(out[0], "r");
    assert_non_null(*ret_output);
    assert_non_null(fgets(line, sizeof(line), *ret_output));
    return pid;
}

static void test_a_signal_ends_in_order(void **state)
{
    static const int SIGNALS[] = {SIGTERM, SIGINT, SIGHUP};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        FILE *output;
        int input, status;
        pid_t pid = start_on_pipes(&input, &output);

        assert_int_equal(kill(pid, SIGNALS[i]), 0);
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
        close(input);
        fclose(output);
    }
}

static void test_a_signal_ends_it_even_when_nobody_reads(void **state)
{
    static const char LINE[] =
        "{\"command\":\"network_changed\",\"tag\":\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\"}\n";
    FILE *output;
    int input, status, held = 0;
    pid_t pid = start_on_pipes(&input, &output);

    (void)state;
    assert_int_equal(fcntl(input, F_SETFL, O_NONBLOCK), 0);
    while (held < fcntl(fileno(output), F_GETPIPE_SZ) / 10 * 9) {
        if (write(input, LINE, strlen(LINE)) < 0)
            assert_int_equal(errno, EAGAIN);
        assert_int_equal(ioctl(fileno(output), FIONREAD, &held), 0);
    }
    assert_int_equal(kill(pid, SIGTERM), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    close(input);
    fclose(output);
}

static void test_it_ends_when_its_reader_went(void **state)
{
    FILE *output;
    int input, status;
    pid_t pid = start_on_pipes(&input, &output);

    (void)state;
    fclose(output);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    close(input);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_command_reaches_the_library),
        cmocka_unit_test(test_bad_lines_are_rejected_and_the_next_is_taken),
        cmocka_unit_test(test_a_rejected_line_gives_its_tag_back),
        cmocka_unit_test(test_deep_and_long_lines_are_rejected),
        cmocka_unit_test(test_a_burst_is_taken_whole),
        cmocka_unit_test(test_quit_ends_before_the_next_line),
        cmocka_unit_test(test_a_stopped_client_ends_the_program),
        cmocka_unit_test(test_an_event_shows_all_it_has),
        cmocka_unit_test(test_a_signal_ends_in_order),
        cmocka_unit_test(test_a_signal_ends_it_even_when_nobody_reads),
        cmocka_unit_test(test_it_ends_when_its_reader_went),
    };

    signal(SIGPIPE, SIG_IGN);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
