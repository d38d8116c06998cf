/* Lines of the log in both forms, what a value may not do to them, and how a flood is cut. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "app/event_log.h"

struct lines {
    struct log log;
    char *text;
    size_t size;
};

static void lines_begin(struct lines *l, enum log_level level, enum log_format format)
{
    *l = (struct lines){.log = {.level = level, .format = format}};
    l->log.out = open_memstream(&l->text, &l->size);
    assert_non_null(l->log.out);
}

static void lines_end(struct lines *l)
{
    assert_int_equal(fclose(l->log.out), 0);
    free(l->text);
}

/* What stands behind "time=2026-01-02T03:04:05.678Z ". */
static const char *after_time(const char *line)
{
    static const char shape[] = "time=dddd-dd-ddTdd:dd:dd.dddZ ";
    for (size_t i = 0; shape[i]; i++) {
        if (shape[i] == 'd')
            assert_in_range(line[i], '0', '9');
        else
            assert_int_equal(line[i], shape[i]);
    }
    return line + strlen(shape);
}

static void test_a_logfmt_line(void **state)
{
    (void)state;
    struct lines l;
    lines_begin(&l, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_write(&l.log, LOG_LEVEL_WARNING, "happened",
              LOG_FIELDS(LOG_TEXT("url", "ws://127.0.0.1:8787"), LOG_TEXT("none", ""),
                         LOG_NUMBER("zero", 0), LOG_NUMBER_UNLESS_0("absent", 0),
                         LOG_NUMBER_UNLESS_0("big", UINT64_MAX), LOG_TEXT("words", "a b")));
    assert_string_equal(after_time(l.text),
                        "level=warning event=happened url=ws://127.0.0.1:8787 zero=0 "
                        "big=18446744073709551615 words=\"a b\"\n");
    lines_end(&l);
}

static void test_levels(void **state)
{
    (void)state;
    struct lines l;
    lines_begin(&l, LOG_LEVEL_WARNING, LOG_FORMAT_LOGFMT);
    log_write(&l.log, LOG_LEVEL_INFO, "not_this", LOG_FIELDS(LOG_NUMBER("n", 1)));
    assert_int_equal(l.size, 0);
    log_write(&l.log, LOG_LEVEL_ERROR, "this", LOG_FIELDS(LOG_NUMBER("n", 1)));
    assert_string_equal(after_time(l.text), "level=error event=this n=1\n");
    lines_end(&l);
}

static void test_the_journal_gets_levels(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"<3>{", "<4>{", "<6>{", "<7>{"};
    for (int level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
        struct lines l;
        lines_begin(&l, LOG_LEVEL_DEBUG, LOG_FORMAT_JSON);
        l.log.journal = true;
        log_write(&l.log, (enum log_level)level, "word", LOG_FIELDS(LOG_NUMBER("n", 1)));
        assert_memory_equal(l.text, beginnings[level], strlen(beginnings[level]));
        lines_end(&l);
    }
}

/* By device and inode, not by a variable that a child has inherited. */
static void test_what_the_journal_is(void **state)
{
    (void)state;
    int ends[2];
    struct stat st;
    char name[64];
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(fstat(ends[1], &st), 0);
    (void)snprintf(name, sizeof name, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
    assert_false(log_reaches_journal(ends[1]));
    assert_int_equal(setenv("JOURNAL_STREAM", name, 1), 0);
    assert_true(log_reaches_journal(ends[1]));
    assert_false(log_reaches_journal(STDIN_FILENO));
    close(ends[1]);
    assert_false(log_reaches_journal(ends[1]));
    close(ends[0]);
    assert_int_equal(unsetenv("JOURNAL_STREAM"), 0);
}

static void test_a_value_forges_nothing(void **state)
{
    (void)state;
    struct lines l;
    lines_begin(&l, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    log_write(&l.log, LOG_LEVEL_INFO, "e",
              LOG_FIELDS(LOG_TEXT("a", "x level=error"), LOG_TEXT("b", "x\ny\"\\\x7f"),
                         LOG_TEXT("c", "\xc3\xa9"), LOG_TEXT("d", "z\xff")));
    assert_string_equal(
        after_time(l.text),
        "level=info event=e a=\"x level=error\" b=\"x\\u000ay\\\"\\\\\\u007f\" c=\"\xc3\xa9\" d=\"z?\"\n");
    lines_end(&l);
}

static void test_a_json_line(void **state)
{
    (void)state;
    static const char odd[] = "x\ny\"\\\x01\x7f\xc3\xa9";
    struct lines l;
    lines_begin(&l, LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    log_write(&l.log, LOG_LEVEL_INFO, "e",
              LOG_FIELDS(LOG_TEXT("odd", odd), LOG_TEXT("none", ""), LOG_TEXT("bytes", "z\xff"),
                         LOG_NUMBER("n", 7)));
    assert_ptr_equal(strchr(l.text, '\n'), l.text + l.size - 1);
    json_t *line = json_loads(l.text, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(line);
    assert_int_equal(json_object_size(line), 6);
    assert_int_equal(strlen(json_string_value(json_object_get(line, "time"))), 24);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "event")), "e");
    assert_string_equal(json_string_value(json_object_get(line, "odd")), odd);
    assert_string_equal(json_string_value(json_object_get(line, "bytes")), "z?");
    assert_int_equal(json_integer_value(json_object_get(line, "n")), 7);
    json_decref(line);
    lines_end(&l);
}

static void test_a_burst_is_cut_and_counted(void **state)
{
    (void)state;
    struct log_limit limit = {0};
    uint64_t left_out = 99;
    for (int i = 0; i < LOG_BURST_MAX; i++) {
        assert_true(log_limit_take(&limit, 5, &left_out));
        assert_int_equal(left_out, 0);
    }
    assert_false(log_limit_take(&limit, 5, &left_out));
    assert_false(log_limit_take(&limit, 5, &left_out));
    assert_true(log_limit_take(&limit, 6, &left_out));
    assert_int_equal(left_out, 2);
    assert_true(log_limit_take(&limit, 6, &left_out));
    assert_int_equal(left_out, 0);
}

/* Whatever the clock does meanwhile, a kind that was written first is not hidden by another's flood. */
static void test_kinds_do_not_hide_each_other(void **state)
{
    (void)state;
    struct lines l;
    struct event_log events = {0};
    const struct core_event refused = {.kind = CORE_EVENT_REFUSED, .code = WIRE_CODE_FORGED_SOURCE};
    const struct core_event opened = {.kind = CORE_EVENT_SESSION_OPENED};
    lines_begin(&l, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    for (int i = 0; i < 50 * LOG_BURST_MAX; i++)
        event_log_write(&events, &l.log, &refused);
    event_log_write(&events, &l.log, &opened);
    assert_non_null(strstr(l.text, "event=session_opened"));
    size_t n_lines = 0;
    for (const char *c = l.text; *c; c++)
        n_lines += *c == '\n';
    assert_in_range(n_lines, LOG_BURST_MAX + 1, 10 * LOG_BURST_MAX);
    lines_end(&l);
}

static void test_an_event_with_everything(void **state)
{
    (void)state;
    struct lines l;
    struct event_log events = {0};
    struct core_event event = {
        .kind = CORE_EVENT_SESSION_CLOSED,
        .connection_id = 3,
        .peer_id = {"ed25519:AbCdEfGhIjKlMnOpQrStUvWxYzAbCdEfGhIjKlMnOpA"},
        .syncshell_id = {"guild"},
        .recovery_session_id = {"s1"},
        .generation = 2,
        .type = MESSAGE_SESSION_CLOSE,
        .code = WIRE_CODE_SESSION_CLOSED,
        .outcome = SESSION_OUTCOME_COMPLETED,
    };
    lines_begin(&l, LOG_LEVEL_INFO, LOG_FORMAT_LOGFMT);
    event_log_write(&events, &l.log, &event);
    assert_string_equal(after_time(l.text),
                        "level=info event=session_closed connection=3 peer=ed25519:AbCdEfGh "
                        "syncshell=guild session=s1 generation=2 type=SessionClose "
                        "code=session_closed outcome=completed\n");
    lines_end(&l);
}

static void test_every_event_has_a_line(void **state)
{
    (void)state;
    for (int kind = CORE_EVENT_AUTHENTICATED; kind <= CORE_EVENT_STORE_FAILED; kind++) {
        struct lines l;
        struct event_log events = {0};
        const struct core_event event = {.kind = (enum core_event_kind)kind};
        lines_begin(&l, LOG_LEVEL_DEBUG, LOG_FORMAT_LOGFMT);
        event_log_write(&events, &l.log, &event);
        assert_non_null(strstr(after_time(l.text), core_event_name(event.kind)));
        lines_end(&l);
    }
}

/* A pipe that takes nothing more, and what stands in it before. */
static size_t pipe_fill(int fd)
{
    static const char other[] = "another's line\n";
    size_t filled = 0;
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    for (ssize_t n; (n = write(fd, other, sizeof other - 1)) > 0;)
        filled += (size_t)n;
    assert_int_equal(fcntl(fd, F_SETFL, 0), 0);
    return filled;
}

static void pipe_skip(int fd, size_t bytes)
{
    char unread[4096];
    while (bytes > 0) {
        ssize_t n = read(fd, unread, bytes < sizeof unread ? bytes : sizeof unread);
        assert_true(n > 0);
        bytes -= (size_t)n;
    }
}

static void test_a_reader_that_stands_still_loses_lines(void **state)
{
    (void)state;
    int fds[2];
    char text[1024] = "";
    struct log_loss loss = {0};
    assert_int_equal(pipe(fds), 0);
    struct log log = {.out = fdopen(fds[1], "w"), .loss = &loss, .level = LOG_LEVEL_INFO};
    assert_non_null(log.out);
    size_t filled = pipe_fill(fds[1]);
    for (int i = 0; i < 3; i++)
        log_write(&log, LOG_LEVEL_INFO, "lost", LOG_FIELDS(LOG_NUMBER("n", 1)));
    log_write(&log, LOG_LEVEL_DEBUG, "no_line_anyway", LOG_FIELDS(LOG_NUMBER("n", 1)));
    assert_int_equal(loss.lines, 3);
    pipe_skip(fds[0], filled);
    log_write(&log, LOG_LEVEL_INFO, "read", LOG_FIELDS(LOG_NUMBER("n", 1)));
    assert_int_equal(loss.lines, 0);
    assert_true(read(fds[0], text, sizeof text - 1) > 0);
    assert_string_equal(after_time(strchr(text, '\n') + 1), "level=info event=read n=1\n");
    *strchr(text, '\n') = '\0';
    assert_string_equal(after_time(text), "level=warning event=lines_lost count=3");
    fclose(log.out);
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_logfmt_line),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_the_journal_gets_levels),
        cmocka_unit_test(test_what_the_journal_is),
        cmocka_unit_test(test_a_value_forges_nothing),
        cmocka_unit_test(test_a_json_line),
        cmocka_unit_test(test_a_burst_is_cut_and_counted),
        cmocka_unit_test(test_kinds_do_not_hide_each_other),
        cmocka_unit_test(test_an_event_with_everything),
        cmocka_unit_test(test_every_event_has_a_line),
        cmocka_unit_test(test_a_reader_that_stands_still_loses_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
