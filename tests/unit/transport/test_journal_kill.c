/* kill -9 at arbitrary moments: what was committed is there, and no batch is there in part.
 *
 * A child commits batches that each set all of KEYS to the same number, and says each number on a pipe once it is
 * committed; the parent kills it after some lines, and opens the file. */
#include "scratch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "transport/journal.h"

enum { ROUNDS = 30, KEYS = 8, VALUE_BYTES = 3000 };

static const char *const kinds[] = {"number", NULL};

/* Never returns. The value is the number at the start of a text long enough for a batch to take several pages. */
static void child_run(const char *path, int pipe_fd, uint32_t number)
{
    static char value[VALUE_BYTES];
    struct journal *j = NULL;

    memset(value, ' ', sizeof value);
    if (journal_open(&j, path) != 0)
        _exit(1);
    for (;;) {
        number++;
        (void)snprintf(value, sizeof value, "%u", number);
        for (int i = 0; i < KEYS; i++) {
            const char key[2] = {(char)('a' + i), '\0'};
            journal_put(j, "number", key, value, sizeof value);
        }
        if (journal_commit(j) != 0 ||
            write(pipe_fd, &number, sizeof number) != (ssize_t)sizeof number)
            _exit(1);
    }
}

struct found {
    uint32_t number;
    int n;
};

static int look(void *userdata, const char *kind, const char *key, const void *value, size_t size)
{
    struct found *f = userdata;
    uint32_t number = (uint32_t)strtoul(value, NULL, 10);

    (void)kind;
    (void)key;
    assert_int_equal(size, VALUE_BYTES);
    if (f->n++ > 0)
        assert_int_equal(number, f->number);
    f->number = number;
    return 0;
}

static uint32_t read_numbers(int fd, int n)
{
    uint32_t number = 0;

    for (; n > 0; n--) {
        ssize_t got = read(fd, &number, sizeof number);
        assert_int_equal(got, sizeof number);
    }
    return number;
}

static uint32_t read_rest(int fd, uint32_t last)
{
    uint32_t number;

    while (read(fd, &number, sizeof number) == (ssize_t)sizeof number)
        last = number;
    return last;
}

/* Returns the number that the journal is left with. */
static uint32_t one_round(const char *path, uint32_t start, int round)
{
    struct found found = {0};
    struct journal *j = NULL;
    int fds[2], status;
    uint32_t said;
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
        child_run(path, fds[1], start);
    assert_int_equal(close(fds[1]), 0);
    said = read_numbers(fds[0], 1 + round % 7);
    assert_int_equal(kill(child, SIGKILL), 0);
    said = read_rest(fds[0], said);
    assert_int_equal(close(fds[0]), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));

    assert_int_equal(journal_open(&j, path), 0);
    assert_int_equal(journal_each(j, kinds, look, &found), 0);
    (void)journal_free(j);
    assert_int_equal(found.n, KEYS);
    assert_in_range(found.number, said, said + 1);
    return found.number;
}

static void a_killed_writer_loses_nothing_said(void **state)
{
    char path[SCRATCH_PATH_MAX];
    uint32_t number = 0;

    scratch_path(*state, "journal.db", path);
    for (int round = 0; round < ROUNDS; round++)
        number = one_round(path, number, round);
    assert_true(number >= ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_killed_writer_loses_nothing_said, scratch_setup,
                                        scratch_teardown),
    };

    return cmocka_run_group_tests_name("transport_journal_kill", tests, NULL, NULL);
}
