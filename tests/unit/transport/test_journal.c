#define _GNU_SOURCE /* memmem, syscall */

#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sqlite3.h>

#include "transport/journal.h"

#define NAME "journal.db"

static const char *const kinds[] = {"first", "second", NULL};

enum { TEXT_MAX = 1024 };

/* In place of the C library's, also for SQLite: it is asked how often what is written was made to last. */
static int n_syncs;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    n_syncs++;
    return (int)syscall(SYS_fdatasync, fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    n_syncs++;
    return (int)syscall(SYS_fsync, fd);
}

static int note(void *userdata, const char *kind, const char *key, const void *value, size_t size)
{
    char *text = userdata;
    size_t length = strlen(text);

    assert_int_equal(((const char *)value)[size], '\0');
    (void)snprintf(text + length, TEXT_MAX - length, "%s/%s=%.*s;", kind, key, (int)size,
                   (const char *)value);
    return 0;
}

static struct journal *open_journal(const struct scratch *s)
{
    char path[SCRATCH_PATH_MAX];
    struct journal *j = NULL;

    scratch_path(s, NAME, path);
    assert_int_equal(journal_open(&j, path), 0);
    return j;
}

static void assert_refused(const struct scratch *s, int expected)
{
    char path[SCRATCH_PATH_MAX];
    struct journal *j = NULL;

    scratch_path(s, NAME, path);
    assert_int_equal(journal_open(&j, path), expected);
    assert_null(j);
}

static void assert_holds(const struct scratch *s, const char *expected)
{
    struct journal *j = open_journal(s);
    char text[TEXT_MAX] = "";

    assert_int_equal(journal_each(j, kinds, note, text), 0);
    assert_string_equal(text, expected);
    (void)journal_free(j);
}

static void put(struct journal *j, const char *kind, const char *key, const char *value)
{
    journal_put(j, kind, key, value, strlen(value));
}

static void run_sql(const struct scratch *s, const char *sql)
{
    char path[SCRATCH_PATH_MAX];
    sqlite3 *db = NULL;

    scratch_path(s, NAME, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void records_come_back_kind_by_kind(void **state)
{
    struct journal *j = open_journal(*state);
    bool empty = false;

    assert_int_equal(journal_is_empty(j, &empty), 0);
    assert_true(empty);
    put(j, "second", "a", "1");
    put(j, "first", "b", "{}");
    put(j, "first", "a", "");
    assert_int_equal(journal_commit(j), 0);
    assert_int_equal(journal_is_empty(j, &empty), 0);
    assert_false(empty);
    (void)journal_free(j);
    assert_holds(*state, "first/a=;first/b={};second/a=1;");
}

static void a_later_put_replaces(void **state)
{
    struct journal *j = open_journal(*state);

    put(j, "first", "a", "1");
    put(j, "first", "b", "2");
    assert_int_equal(journal_commit(j), 0);
    put(j, "first", "a", "3");
    journal_delete(j, "first", "b");
    journal_delete(j, "first", "never there");
    assert_int_equal(journal_commit(j), 0);
    assert_int_equal(journal_commit(j), 0); /* an empty batch */
    (void)journal_free(j);
    assert_holds(*state, "first/a=3;");
}

static void a_batch_without_its_commit_is_nothing(void **state)
{
    struct journal *j = open_journal(*state);

    put(j, "first", "a", "1");
    assert_int_equal(journal_commit(j), 0);
    put(j, "first", "b", "2");
    journal_delete(j, "first", "a");
    (void)journal_free(j);
    assert_holds(*state, "first/a=1;");
}

static void a_batch_is_all_or_nothing(void **state)
{
    struct journal *j;

    (void)journal_free(open_journal(*state));
    run_sql(*state, "CREATE TRIGGER t BEFORE INSERT ON record WHEN new.key = 'bad'"
                    " BEGIN SELECT RAISE(ABORT, 'no'); END");
    j = open_journal(*state);
    put(j, "first", "a", "1");
    put(j, "first", "bad", "2");
    put(j, "first", "c", "3");
    assert_true(journal_commit(j) < 0);
    put(j, "first", "d", "4"); /* the next one is a batch of its own */
    assert_int_equal(journal_commit(j), 0);
    (void)journal_free(j);
    assert_holds(*state, "first/d=4;");
}

static void a_commit_is_in_the_write_ahead_log(void **state)
{
    struct journal *j = open_journal(*state);
    size_t size;
    char *file;

    put(j, "first", "a", "to be found in the log");
    assert_int_equal(journal_commit(j), 0);
    file = (char *)scratch_read(*state, NAME "-wal", &size);
    assert_non_null(memmem(file, size, "to be found in the log", 22));
    free(file);
    (void)journal_free(j);
}

/* A kill leaves what the kernel has; only this tells whether it would outlast a power cut. */
static void a_commit_is_synced(void **state)
{
    struct journal *j = open_journal(*state);

    for (int i = 0; i < 3; i++) {
        int before = n_syncs;

        put(j, "first", "a", i % 2 ? "1" : "2");
        assert_int_equal(journal_commit(j), 0);
        assert_true(n_syncs > before);
    }
    (void)journal_free(j);
}

static void assert_private(const struct scratch *s)
{
    static const char *const names[] = {NAME, NAME "-wal"};
    struct stat st;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(fstatat(s->fd, names[i], &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

/* It holds the syncshells' secrets, and so does its log. Whatever the umask, and also if it was open to others once. */
static void nobody_else_can_read_it(void **state)
{
    const struct scratch *s = *state;
    mode_t before = umask(0);
    struct journal *j = open_journal(s);

    put(j, "first", "a", "1");
    assert_int_equal(journal_commit(j), 0);
    assert_private(s);
    (void)journal_free(j);
    assert_int_equal(fchmodat(s->fd, NAME, 0666, 0), 0);
    j = open_journal(s);
    put(j, "first", "a", "2");
    assert_int_equal(journal_commit(j), 0);
    assert_private(s);
    (void)journal_free(j);
    (void)umask(before);
}

static void a_newer_file_is_refused(void **state)
{
    size_t size, again_size;
    uint8_t *file, *again;

    (void)journal_free(open_journal(*state));
    run_sql(*state, "PRAGMA user_version = 2");
    file = scratch_read(*state, NAME, &size);
    assert_refused(*state, JOURNAL_E_NEWER);
    again = scratch_read(*state, NAME, &again_size);
    assert_int_equal(size, again_size);
    assert_memory_equal(file, again, size);
    free(file);
    free(again);
}

static void a_record_of_another_kind_is_newer(void **state)
{
    struct journal *j;
    char text[TEXT_MAX] = "";

    j = open_journal(*state);
    put(j, "third", "a", "1");
    assert_int_equal(journal_commit(j), 0);
    assert_int_equal(journal_each(j, kinds, note, text), JOURNAL_E_NEWER);
    (void)journal_free(j);
}

static int stop_at_once(void *userdata, const char *kind, const char *key, const void *value,
                        size_t size)
{
    int *calls = userdata;

    (void)kind;
    (void)key;
    (void)value;
    (void)size;
    (*calls)++;
    return 7;
}

static void the_walk_ends_where_it_is_told(void **state)
{
    struct journal *j = open_journal(*state);
    int calls = 0;

    put(j, "first", "a", "1");
    put(j, "first", "b", "2");
    assert_int_equal(journal_commit(j), 0);
    assert_int_equal(journal_each(j, kinds, stop_at_once, &calls), 7);
    assert_int_equal(calls, 1);
    (void)journal_free(j);
}

static void another_database_is_refused(void **state)
{
    run_sql(*state, "CREATE TABLE record (kind, key, value)");
    assert_refused(*state, JOURNAL_E_CORRUPT);
}

static void a_journal_without_its_table_is_refused(void **state)
{
    (void)journal_free(open_journal(*state));
    run_sql(*state, "DROP TABLE record");
    assert_refused(*state, JOURNAL_E_CORRUPT);
}

static void another_file_is_refused(void **state)
{
    const char text[] = "This is somebody's letter and it is longer than the head of a database, "
                        "which is of one hundred bytes.";
    size_t size;
    uint8_t *file;

    scratch_write(*state, NAME, text, sizeof text);
    assert_refused(*state, JOURNAL_E_CORRUPT);
    file = scratch_read(*state, NAME, &size);
    assert_int_equal(size, sizeof text);
    assert_memory_equal(file, text, size);
    free(file);
}

/* Overwrites every page in turn, and looks that the damage is told, at the latest with the records, and left as it is. */
static void a_damaged_file_is_refused(void **state)
{
    enum { PAGE = 4096, RECORDS = 200 };
    struct journal *j = open_journal(*state);
    char path[SCRATCH_PATH_MAX], value[500];
    size_t size;
    uint8_t *whole, junk[PAGE];

    scratch_path(*state, NAME, path);
    memset(value, 'v', sizeof value);
    for (int i = 0; i < RECORDS; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%d", i);
        journal_put(j, "first", key, value, sizeof value);
    }
    assert_int_equal(journal_commit(j), 0);
    (void)journal_free(j);
    whole = scratch_read(*state, NAME, &size);
    assert_true(size > (size_t)10 * PAGE);
    memset(junk, 0x5a, sizeof junk);
    for (size_t at = 0; at + PAGE <= size; at += PAGE) {
        size_t again_size;
        uint8_t *damaged = malloc(size), *again;

        assert_non_null(damaged);
        memcpy(damaged, whole, size);
        memcpy(damaged + at, junk, PAGE);
        scratch_write(*state, NAME, damaged, size);
        assert_refused(*state, JOURNAL_E_CORRUPT);
        again = scratch_read(*state, NAME, &again_size);
        assert_int_equal(again_size, size);
        assert_memory_equal(again, damaged, size);
        free(damaged);
        free(again);
    }
    scratch_write(*state, NAME, whole, size / 2 / PAGE * PAGE); /* the rest is missing */
    assert_refused(*state, JOURNAL_E_CORRUPT);
    free(whole);
}

/* What the kernel takes for a file without a name is lost with the process. */
static void a_removed_file_takes_nothing_more(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = open_journal(s);

    put(j, "first", "a", "1");
    assert_int_equal(journal_commit(j), 0);
    assert_int_equal(unlinkat(s->fd, NAME, 0), 0);
    put(j, "first", "b", "2");
    assert_true(journal_commit(j) < 0);
    (void)journal_free(j);
}

static void a_replaced_file_takes_nothing_more(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = open_journal(s);
    size_t size;
    uint8_t *other;

    put(j, "first", "a", "1");
    assert_int_equal(journal_commit(j), 0);
    assert_int_equal(renameat(s->fd, NAME, s->fd, "moved away"), 0);
    scratch_write(s, NAME, "another", sizeof "another");
    put(j, "first", "b", "2");
    assert_true(journal_commit(j) < 0);
    (void)journal_free(j);
    other = scratch_read(s, NAME, &size);
    assert_int_equal(size, sizeof "another");
    assert_memory_equal(other, "another", size);
    free(other);
}

/* A commit stands in the log until SQLite moves it. */
static void a_removed_log_takes_nothing_more(void **state)
{
    const struct scratch *s = *state;

    for (int replaced = 0; replaced <= 1; replaced++) {
        struct journal *j = open_journal(s);

        put(j, "first", "a", "1");
        assert_int_equal(journal_commit(j), 0);
        put(j, "first", "b", "2");
        assert_int_equal(journal_commit(j), 0);
        assert_int_equal(unlinkat(s->fd, NAME "-wal", 0), 0);
        if (replaced)
            scratch_write(s, NAME "-wal", "another", sizeof "another");
        put(j, "first", "c", "3");
        assert_true(journal_commit(j) < 0);
        (void)journal_free(j);
    }
}

/* What two processes map belongs to both: who cuts the file off, or a disk without room for it, would end ours by SIGBUS. */
static void no_file_of_it_is_mapped(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = open_journal(s);
    char line[TEXT_MAX];
    FILE *maps = fopen("/proc/self/maps", "r");

    put(j, "first", "a", "1");
    assert_int_equal(journal_commit(j), 0);
    assert_non_null(maps);
    while (fgets(line, sizeof line, maps))
        assert_null(strstr(line, s->path));
    assert_int_equal(fclose(maps), 0);
    assert_int_equal(faccessat(s->fd, NAME "-shm", F_OK, 0), -1);
    (void)journal_free(j);
}

/* As another process sees it: a process's own locks are in its own way never. */
static bool is_locked(const struct scratch *s)
{
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = openat(s->fd, NAME, O_RDWR | O_CLOEXEC);
        bool asked = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0;
        _exit(!asked ? 2 : lock.l_type != F_UNLCK);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
    return WEXITSTATUS(status) == 1;
}

/* Also where the state directory's lock was removed, or its file system knows no such locks. Who closes a file gives up what locks its
 * process has on it, and two processes with an index each would ruin it. */
static void one_at_a_time_has_it(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = open_journal(s);

    assert_true(is_locked(s));
    assert_refused(s, -EBUSY);
    assert_true(is_locked(s));
    put(j, "first", "a", "1");
    assert_int_equal(journal_commit(j), 0);
    (void)journal_free(j);
    assert_holds(s, "first/a=1;");
}

/* Every byte in turn, in a small file: what is read afterwards may be refused, or be another text, but reading ends in order, and what is refused
 * stays as it is. */
static void a_damaged_byte_does_no_harm(void **state)
{
    const struct scratch *s = *state;
    struct journal *j = open_journal(s);
    char path[SCRATCH_PATH_MAX];
    size_t size, refused = 0;
    uint8_t *whole, *damaged;

    put(j, "first", "a", "1");
    put(j, "second", "b", "{\"some\":\"text\"}");
    assert_int_equal(journal_commit(j), 0);
    (void)journal_free(j);
    scratch_path(s, NAME, path);
    whole = scratch_read(s, NAME, &size);
    damaged = malloc(size);
    assert_non_null(damaged);
    for (size_t at = 0; at < size; at++) {
        char text[TEXT_MAX] = "";
        size_t again_size;
        uint8_t *again;
        int r;

        if (whole[at] == 0 && at % 64 != 0) /* most of a small file is unused space */
            continue;
        (void)unlinkat(s->fd, NAME "-wal", 0); /* there is one after a damage that close met */
        memcpy(damaged, whole, size);
        damaged[at] ^= 0xff;
        scratch_write(s, NAME, damaged, size);
        j = NULL;
        r = journal_open(&j, path);
        if (r == 0)
            r = journal_each(j, kinds, note, text);
        (void)journal_free(j);
        if (r != 0 && r != JOURNAL_E_CORRUPT && r != JOURNAL_E_NEWER)
            fail_msg("byte %zu: %d", at, r);
        if (r == 0)
            continue;
        refused++;
        again = scratch_read(s, NAME, &again_size);
        if (again_size != size || memcmp(again, damaged, size) != 0)
            fail_msg("byte %zu: refused with %d and changed", at, r);
        free(again);
    }
    assert_true(refused > 0);
    free(damaged);
    free(whole);
}

static void a_place_that_cannot_be_is_an_error(void **state)
{
    const struct scratch *s = *state;
    char path[SCRATCH_PATH_MAX];
    struct journal *j = NULL;

    scratch_path(s, "missing/" NAME, path);
    assert_true(journal_open(&j, path) < 0);
    assert_int_equal(mkdirat(s->fd, NAME, 0700), 0);
    scratch_path(s, NAME, path);
    assert_true(journal_open(&j, path) < 0);
    assert_null(j);
    assert_null(journal_free(NULL));
}

/* To open a FIFO is to wait for who writes to it. */
static void a_place_that_is_no_file_is_not_waited_for(void **state)
{
    static const char *const names[] = {NAME, NAME "-wal", NAME "-journal"};
    const struct scratch *s = *state;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        assert_int_equal(mkfifoat(s->fd, names[i], 0600), 0);
        assert_refused(s, -EINVAL);
        assert_int_equal(unlinkat(s->fd, names[i], 0), 0);
    }
}

#define WITH_SCRATCH(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(records_come_back_kind_by_kind),
        WITH_SCRATCH(a_later_put_replaces),
        WITH_SCRATCH(a_batch_without_its_commit_is_nothing),
        WITH_SCRATCH(a_batch_is_all_or_nothing),
        WITH_SCRATCH(a_commit_is_in_the_write_ahead_log),
        WITH_SCRATCH(a_commit_is_synced),
        WITH_SCRATCH(nobody_else_can_read_it),
        WITH_SCRATCH(a_newer_file_is_refused),
        WITH_SCRATCH(a_record_of_another_kind_is_newer),
        WITH_SCRATCH(the_walk_ends_where_it_is_told),
        WITH_SCRATCH(another_database_is_refused),
        WITH_SCRATCH(a_journal_without_its_table_is_refused),
        WITH_SCRATCH(another_file_is_refused),
        WITH_SCRATCH(a_damaged_file_is_refused),
        WITH_SCRATCH(a_removed_file_takes_nothing_more),
        WITH_SCRATCH(a_replaced_file_takes_nothing_more),
        WITH_SCRATCH(a_removed_log_takes_nothing_more),
        WITH_SCRATCH(no_file_of_it_is_mapped),
        WITH_SCRATCH(one_at_a_time_has_it),
        WITH_SCRATCH(a_damaged_byte_does_no_harm),
        WITH_SCRATCH(a_place_that_cannot_be_is_an_error),
        WITH_SCRATCH(a_place_that_is_no_file_is_not_waited_for),
    };

    return cmocka_run_group_tests_name("transport_journal", tests, NULL, NULL);
}
