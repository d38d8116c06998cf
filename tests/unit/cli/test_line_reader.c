#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "cli/line_reader.h"

enum { LINE_MAX_BYTES = 10, BIG = 40000 };

struct fixture {
    struct line_reader reader;
    int fds[2];
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    if (!f || pipe(f->fds))
        return -1;
    line_reader_init(&f->reader, LINE_MAX_BYTES);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    line_reader_deinit(&f->reader);
    close(f->fds[0]);
    if (f->fds[1] >= 0)
        close(f->fds[1]);
    free(f);
    return 0;
}

static void feed(struct fixture *f, const char *text, size_t length)
{
    assert_int_equal(write(f->fds[1], text, length), length);
    assert_int_equal(line_reader_fill(&f->reader, f->fds[0]), 0);
}

static void end(struct fixture *f)
{
    close(f->fds[1]);
    f->fds[1] = -1;
    assert_int_equal(line_reader_fill(&f->reader, f->fds[0]), 0);
    assert_true(f->reader.ended);
}

static void expect(struct fixture *f, enum line_result result, const char *wanted)
{
    const char *line = NULL;
    size_t length = 0;

    assert_int_equal(line_reader_next(&f->reader, &line, &length), result);
    if (result != LINE_TAKEN)
        return;
    assert_int_equal(length, strlen(wanted));
    assert_memory_equal(line, wanted, length);
}

static void test_lines_come_whole(void **state)
{
    struct fixture *f = *state;

    feed(f, "one\n\ntw", 7);
    expect(f, LINE_TAKEN, "one");
    expect(f, LINE_TAKEN, "");
    expect(f, LINE_NONE, NULL);
    feed(f, "o\nthree", 7);
    expect(f, LINE_TAKEN, "two");
    expect(f, LINE_NONE, NULL);
    end(f);
    expect(f, LINE_TAKEN, "three");
    expect(f, LINE_NONE, NULL);
}

static void test_the_longest_line_is_taken(void **state)
{
    struct fixture *f = *state;

    feed(f, "0123456789\n01234567890\nx\n", 25);
    expect(f, LINE_TAKEN, "0123456789");
    expect(f, LINE_TOO_LONG, NULL);
    expect(f, LINE_TAKEN, "x");
}

static void test_a_line_too_long_is_told_once_and_skipped(void **state)
{
    struct fixture *f = *state;
    char *big = malloc(BIG);

    assert_non_null(big);
    memset(big, 'x', BIG);
    feed(f, big, BIG);
    expect(f, LINE_TOO_LONG, NULL);
    expect(f, LINE_NONE, NULL);
    for (int i = 0; i < 50; i++) {
        feed(f, big, BIG);
        expect(f, LINE_NONE, NULL);
    }
    assert_true(f->reader.size <= (size_t)8 * BIG);
    feed(f, "rest\nnext\n", 10);
    expect(f, LINE_TAKEN, "next");
    expect(f, LINE_NONE, NULL);
    free(big);
}

static void test_the_end_while_skipping_is_quiet(void **state)
{
    struct fixture *f = *state;

    feed(f, "much too long a line", 20);
    expect(f, LINE_TOO_LONG, NULL);
    feed(f, "rest", 4);
    end(f);
    expect(f, LINE_NONE, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_lines_come_whole, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_longest_line_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_line_too_long_is_told_once_and_skipped, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_the_end_while_skipping_is_quiet, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
