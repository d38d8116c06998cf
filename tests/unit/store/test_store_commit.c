/* The group commit: what shares a transaction, when it comes back, and what happens when it fails. */
#define _GNU_SOURCE /* syscall */

#include "fixture.h"

#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <sqlite3.h>

/* In place of the C library's, also for SQLite: it is asked how often what is written was made to last. */
enum { STOP_MS = 60000 };

static atomic_int n_syncs;

__attribute__((visibility("default"))) int fdatasync(int fd)
{
    atomic_fetch_add(&n_syncs, 1);
    return (int)syscall(SYS_fdatasync, fd);
}

__attribute__((visibility("default"))) int fsync(int fd)
{
    atomic_fetch_add(&n_syncs, 1);
    return (int)syscall(SYS_fsync, fd);
}

static int setup_pair(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    fixture_add_pair(*state);
    return 0;
}

static struct store_stats stats_of(struct fixture *f)
{
    struct store_stats stats;

    store_stats(f->store, &stats);
    return stats;
}

static void submit_messages(struct fixture *f, int first, int n)
{
    for (int i = first; i < first + n; i++) {
        char message[16];

        (void)snprintf(message, sizeof message, "m%d", i);
        fixture_submit(f, make_add_inbox(PEER_A, PEER_B, message, message));
    }
}

static void collect_messages(struct fixture *f, int first, int n)
{
    for (int i = first; i < first + n; i++) {
        struct store_op *op = fixture_collect(f);
        char message[16];

        (void)snprintf(message, sizeof message, "m%d", i);
        assert_string_equal(op->message_id.text, message);
        assert_int_equal(op->code, WIRE_CODE_NONE);
        assert_int_equal(op->ret_seq, i);
        (void)store_op_free(op);
    }
}

static void a_turns_operations_share_a_commit(void **state)
{
    struct fixture *f = *state;
    struct store_stats before = stats_of(f), after;

    submit_messages(f, 1, 100);
    store_flush(f->store);
    collect_messages(f, 1, 100);
    after = stats_of(f);
    assert_int_equal(after.commits - before.commits, 1);
    assert_int_equal(after.operations - before.operations, 100);
    assert_true(after.healthy);
}

static void a_batch_has_a_maximum(void **state)
{
    struct fixture *f = *state;
    struct store_stats before;

    f->batch_max = 10;
    fixture_reopen(f);
    before = stats_of(f);
    submit_messages(f, 1, 25);
    store_flush(f->store);
    collect_messages(f, 1, 25);
    assert_int_equal(stats_of(f).commits - before.commits, 3);
}

static void nothing_happens_before_the_flush(void **state)
{
    struct fixture *f = *state;

    submit_messages(f, 1, 3);
    assert_null(store_collect(f->store));
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 0);
    store_flush(f->store);
    collect_messages(f, 1, 3);
}

static void count_rows(struct fixture *f)
{
    f->seen_by_wake = fixture_sql_int(f, "SELECT count(*) FROM inbox_message");
}

/* Asked at the first moment at which the answers exist, on the writer's thread: everybody else sees the rows already. */
static void nothing_comes_back_before_its_commit(void **state)
{
    struct fixture *f = *state;

    f->on_wake = count_rows;
    for (int i = 1; i <= 20; i++) {
        submit_messages(f, i * 2 - 1, 2);
        store_flush(f->store);
        collect_messages(f, i * 2 - 1, 2);
        assert_int_equal(f->seen_by_wake, i * 2);
    }
}

/* A kill leaves what the kernel has; only this tells whether it would outlast a power cut. */
static void nothing_comes_back_before_its_sync(void **state)
{
    struct fixture *f = *state;

    for (int i = 1; i <= 3; i++) {
        int before = atomic_load(&n_syncs);

        submit_messages(f, i, 1);
        store_flush(f->store);
        collect_messages(f, i, 1);
        assert_true(atomic_load(&n_syncs) > before);
    }
}

static void reads_see_the_writes_before_them(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    fixture_submit(f, make_open_session("s", "m1"));
    fixture_submit(f, make_snapshot("s", 0));
    fixture_submit(f, make_append("s", "m2", 1, "x"));
    fixture_submit(f, make_snapshot("s", 0));
    store_flush(f->store);
    for (size_t i = 0; i < 4; i++) {
        op = fixture_collect(f);
        assert_int_equal(op->code, WIRE_CODE_NONE);
        assert_int_equal(op->n_entries, i == 1 ? 1 : i == 3 ? 2 : 0);
        (void)store_op_free(op);
    }
}

static void stopping_executes_what_was_submitted(void **state)
{
    struct fixture *f = *state;

    submit_messages(f, 1, 300);
    assert_true(store_stop(f->store, STOP_MS));
    collect_messages(f, 1, 300);
    assert_null(store_collect(f->store));
    fixture_reopen(f);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 300);
}

static void freeing_executes_and_frees_what_nobody_collected(void **state)
{
    struct fixture *f = *state;

    submit_messages(f, 1, 10);
    store_flush(f->store);
    submit_messages(f, 11, 10);
    fixture_reopen(f);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 20);
}

static void a_failed_operation_takes_nothing_with_it(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    /* Fails the second write of creating a syncshell: the first must not stay. */
    fixture_sql(
        f,
        "CREATE TRIGGER breaks BEFORE INSERT ON member BEGIN SELECT RAISE(ABORT, 'on purpose'); END");
    submit_messages(f, 1, 1);
    fixture_submit(f, make_create("broken", PEER_C, KEY_2));
    submit_messages(f, 2, 1);
    store_flush(f->store);
    collect_messages(f, 1, 1);
    op = fixture_collect(f);
    assert_int_equal(op->code, WIRE_CODE_INTERNAL);
    (void)store_op_free(op);
    collect_messages(f, 2, 1);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM syncshell"), 1);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 2);
    assert_false(stats_of(f).healthy);
    assert_non_null(strstr(stats_of(f).last_error, "on purpose"));
}

/* Entries and messages run without a savepoint; when one breaks after its first write, the others must not notice. */
static void assert_breaks_alone(struct fixture *f, int64_t expires_unix_ms)
{
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m"));
    fixture_sql(f, "CREATE TRIGGER breaks BEFORE UPDATE ON session"
                   " BEGIN SELECT RAISE(ABORT, 'on purpose'); END");
    submit_messages(f, 1, 1);
    op = make_append("s", "broken", 1, "x");
    op->expires_unix_ms = expires_unix_ms;
    fixture_submit(f, op);
    fixture_submit(f, make_snapshot("s", 0));
    submit_messages(f, 2, 1);
    store_flush(f->store);
    collect_messages(f, 1, 1);
    op = fixture_collect(f);
    assert_int_equal(op->code, WIRE_CODE_INTERNAL);
    assert_int_equal(op->ret_version, 0);
    (void)store_op_free(op);
    op = fixture_collect(f);
    assert_int_equal(op->n_entries, 1);
    (void)store_op_free(op);
    collect_messages(f, 2, 1);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), 1);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 2);
    assert_false(stats_of(f).healthy);
}

/* Its second write, which prolongs the session. */
static void an_entry_that_breaks_half_way_takes_nothing_with_it(void **state)
{
    assert_breaks_alone(*state, LATER_MS + 3600000);
}

/* What the session's row learns of it, when the next operation wants to see that. */
static void an_entry_that_breaks_afterwards_takes_nothing_with_it(void **state)
{
    assert_breaks_alone(*state, LATER_MS);
}

/* Two messages around one operation, all of which must fail together; the reads among them see none of it. */
static void assert_batch_fails(struct fixture *f, struct store_op *between, enum wire_code code)
{
    struct store_stats before = stats_of(f);
    struct store_op *op;

    submit_messages(f, 1, 1);
    fixture_submit(f, make_read_inbox(PEER_B, 0));
    fixture_submit(f, between);
    submit_messages(f, 2, 1);
    store_flush(f->store);
    for (int i = 0; i < 4; i++) {
        op = fixture_collect(f);
        if (op->kind == STORE_READ_INBOX) {
            assert_int_equal(op->code, WIRE_CODE_NONE);
            assert_int_equal(op->n_inbox, 0);
            assert_int_equal(op->ret_seq, 0);
        } else {
            assert_string_equal(wire_code_name(op->code), wire_code_name(code));
            assert_int_equal(op->ret_seq, 0);
            assert_int_equal(op->ret_version, 0);
        }
        (void)store_op_free(op);
    }
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 0);
    assert_int_equal(stats_of(f).failed_commits - before.failed_commits, 1);
    assert_int_equal(stats_of(f).commits, before.commits);
    assert_false(stats_of(f).healthy);
    assert_true(strlen(stats_of(f).last_error) > 0);
}

static void assert_recovers(struct fixture *f)
{
    submit_messages(f, 1, 5);
    store_flush(f->store);
    collect_messages(f, 1, 5);
    assert_true(stats_of(f).healthy);
}

static void a_lost_transaction_fails_the_whole_batch(void **state)
{
    struct fixture *f = *state;

    fixture_sql(
        f,
        "CREATE TRIGGER breaks BEFORE INSERT ON session BEGIN SELECT RAISE(ROLLBACK, 'on purpose'); END");
    assert_batch_fails(f, make_open_session("s", "m"), WIRE_CODE_INTERNAL);
    assert_non_null(strstr(stats_of(f).last_error, "on purpose"));
    assert_recovers(f);
}

static void a_locked_database_fails_writes_and_answers_reads(void **state)
{
    struct fixture *f = *state;
    sqlite3 *shell = NULL;

    assert_int_equal(sqlite3_open(f->path, &shell), SQLITE_OK);
    assert_int_equal(sqlite3_exec(shell, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_batch_fails(f, make_raise("s", 1), WIRE_CODE_STORE_UNAVAILABLE);
    assert_int_equal(sqlite3_exec(shell, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(shell), SQLITE_OK);
    assert_recovers(f);
}

static void set_file_size_limit(rlim_t limit)
{
    struct rlimit limits;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limits), 0);
    limits.rlim_cur = limit < limits.rlim_max ? limit : limits.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limits), 0);
}

/* Files cannot grow beyond the log's present size, which to SQLite is a disk without room. */
static void limit_files_to_the_log(const struct fixture *f)
{
    char log[sizeof f->path + 8];
    struct stat status;

    (void)signal(SIGXFSZ, SIG_IGN);
    (void)snprintf(log, sizeof log, "%s-wal", f->path);
    assert_int_equal(stat(log, &status), 0);
    set_file_size_limit((rlim_t)status.st_size);
}

static void a_full_disk_fails_writes_until_there_is_room(void **state)
{
    struct fixture *f = *state;

    fixture_sql_int(f, "SELECT count(*) FROM inbox_message");
    limit_files_to_the_log(f);
    assert_batch_fails(f, make_open_session("s", "m"), WIRE_CODE_STORE_FULL);
    /* A sweep that finds nothing must not pass for a disk that works. */
    assert_int_equal(fixture_code(f, make_sweep(1, 10)), WIRE_CODE_STORE_FULL);
    assert_false(stats_of(f).healthy);
    set_file_size_limit(RLIM_INFINITY);
    assert_recovers(f);
    fixture_reopen(f);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 5);
}

static void a_sweep_notices_that_the_disk_works_again(void **state)
{
    struct fixture *f = *state;

    limit_files_to_the_log(f);
    assert_int_equal(fixture_code(f, make_open_session("s", "m")), WIRE_CODE_STORE_FULL);
    set_file_size_limit(RLIM_INFINITY);
    assert_int_equal(fixture_code(f, make_snapshot("s", 0)), WIRE_CODE_UNKNOWN_SESSION);
    assert_false(stats_of(f).healthy);
    assert_int_equal(fixture_code(f, make_sweep(1, 10)), WIRE_CODE_NONE);
    assert_true(stats_of(f).healthy);
}

/* Overwrites every page of one table's tree, root and leaves. */
static void corrupt_sessions(struct fixture *f)
{
    int64_t root = fixture_sql_int(f, "SELECT rootpage FROM sqlite_schema WHERE name = 'session'");
    char junk[4096];
    FILE *file;

    fixture_close(f); /* moves the log into the file */
    memset(junk, 0xee, sizeof junk);
    file = fopen(f->path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, (long)(root - 1) * 4096, SEEK_SET), 0);
    assert_int_equal(fwrite(junk, sizeof junk, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    fixture_open(f);
}

static void a_corrupt_table_does_not_stop_the_others(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_open_session("s", "m1"));
    corrupt_sessions(f);
    assert_int_equal(fixture_code(f, make_open_session("t", "m1")), WIRE_CODE_STORE_UNAVAILABLE);
    assert_int_equal(fixture_code(f, make_append("s", "m2", 1, "x")), WIRE_CODE_STORE_UNAVAILABLE);
    assert_int_equal(fixture_code(f, make_snapshot("s", 0)), WIRE_CODE_STORE_UNAVAILABLE);
    assert_int_equal(fixture_code(f, make_op(STORE_LOAD_SYNCSHELL)), WIRE_CODE_STORE_UNAVAILABLE);
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m", "x")), 1);
}

/* Enough to move the log into the file many times over. */
static void the_log_is_checkpointed(void **state)
{
    struct fixture *f = *state;
    char log[sizeof f->path + 8];
    static char frame[65536];
    struct stat status;

    for (int i = 1; i <= 400; i++) {
        struct store_op *op = make_add_inbox(PEER_A, PEER_B, "m", "x");

        (void)snprintf(op->message_id.text, sizeof op->message_id.text, "m%d", i);
        op_set_frame(op, frame, sizeof frame);
        assert_int_equal(fixture_new(f, op), i);
    }
    (void)snprintf(log, sizeof log, "%s-wal", f->path);
    assert_int_equal(stat(log, &status), 0);
    assert_in_range(status.st_size, 1, 12 << 20); /* of 26 MB written */
    assert_int_equal(stats_of(f).failed_commits, 0);
}

static int64_t log_bytes_of(const struct fixture *f)
{
    char log[sizeof f->path + 8];
    struct stat status;

    (void)snprintf(log, sizeof log, "%s-wal", f->path);
    assert_int_equal(stat(log, &status), 0);
    return status.st_size;
}

/* As a backup of a large database: what is written meanwhile has to stay in the log, and no longer. */
static void a_long_reader_makes_the_log_large_for_its_time_only(void **state)
{
    enum { ENTRIES = 30, ENTRY_BYTES = 1000000, LOG_LIMIT = 16 << 20 };
    struct fixture *f = *state;
    char *frame = malloc(ENTRY_BYTES);
    sqlite3 *reader;
    char id[8];

    assert_non_null(frame);
    memset(frame, 'x', ENTRY_BYTES);
    (void)fixture_new(f, make_open_session("s", "m0"));
    assert_int_equal(sqlite3_open(f->path, &reader), SQLITE_OK);
    assert_int_equal(
        sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM session_entry", NULL, NULL, NULL),
        SQLITE_OK);
    for (uint64_t i = 1; i <= ENTRIES; i++) {
        struct store_op *op;
        (void)snprintf(id, sizeof id, "m%u", (unsigned)i);
        op = make_append("s", id, i, "x");
        op_set_frame(op, frame, ENTRY_BYTES);
        assert_int_equal(fixture_new(f, op), i + 1);
    }
    assert_true(log_bytes_of(f) > (int64_t)ENTRIES * ENTRY_BYTES);
    assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    (void)fixture_new(f,
                      make_append("s", "last", ENTRIES + 1, "x")); /* and then the log goes over */
    (void)fixture_new(f, make_append("s", "afterwards", ENTRIES + 2, "x"));
    assert_in_range(log_bytes_of(f), 1, LOG_LIMIT);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), ENTRIES + 3);
    free(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_turns_operations_share_a_commit, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_batch_has_a_maximum, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(nothing_happens_before_the_flush, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(nothing_comes_back_before_its_commit, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(nothing_comes_back_before_its_sync, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(reads_see_the_writes_before_them, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(stopping_executes_what_was_submitted, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(freeing_executes_and_frees_what_nobody_collected,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_failed_operation_takes_nothing_with_it, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_entry_that_breaks_half_way_takes_nothing_with_it,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_entry_that_breaks_afterwards_takes_nothing_with_it,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_lost_transaction_fails_the_whole_batch, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_locked_database_fails_writes_and_answers_reads,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_full_disk_fails_writes_until_there_is_room, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_sweep_notices_that_the_disk_works_again, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_corrupt_table_does_not_stop_the_others, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_log_is_checkpointed, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_long_reader_makes_the_log_large_for_its_time_only,
                                        setup_pair, fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_commit", tests, NULL, NULL);
}
