/* Logs that grow: what is known of them without a look at the file, and how a commit gets there. */
#define _GNU_SOURCE /* syscall */

#include "fixture.h"

#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

/* In place of the C library's, also for SQLite. */
static atomic_int n_writes;

__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *data, size_t size,
                                                        off64_t at)
{
    atomic_fetch_add(&n_writes, 1);
    return syscall(SYS_pwrite64, fd, data, size, at);
}

static int setup_pair(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    fixture_add_pair(*state);
    return 0;
}

static struct store_op *make_numbered_append(const char *session, uint64_t base)
{
    char message[16];

    (void)snprintf(message, sizeof message, "m%d", (int)base + 1);
    return make_append(session, message, base, "x");
}

/* Appends until the session has this version, all in one transaction. */
static void append_up_to(struct fixture *f, const char *session, uint64_t from, uint64_t to)
{
    for (uint64_t base = from; base < to; base++)
        fixture_submit(f, make_numbered_append(session, base));
    store_flush(f->store);
    for (uint64_t base = from; base < to; base++) {
        struct store_op *op = fixture_collect(f);

        assert_int_equal(op->code, WIRE_CODE_NONE);
        assert_false(op->duplicate);
        assert_int_equal(op->ret_version, base + 1);
        (void)store_op_free(op);
    }
}

static void entries_of_one_transaction_follow_one_another(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m1"));
    fixture_submit(f, make_append("s", "a", 1, "12"));
    fixture_submit(f, make_append("s", "b", 2, "123"));
    fixture_submit(f, make_snapshot("s", 1));
    fixture_submit(f, make_append("s", "a", 3, "again"));
    fixture_submit(f, make_append("s", "late", 2, "x"));
    fixture_submit(f, make_append("s", "c", 3, "1234"));
    fixture_submit(f, make_checkpoint("s", "d", 4, "12345"));
    fixture_submit(f, make_append("s", "e", 5, "1"));
    store_flush(f->store);
    for (uint64_t version = 2; version <= 3; version++) {
        op = fixture_collect(f);
        assert_int_equal(op->ret_version, version);
        (void)store_op_free(op);
    }
    op = fixture_collect(f);
    assert_int_equal(op->ret_version, 3); /* a read between them sees the ones before */
    assert_int_equal(op->n_entries, 2);
    (void)store_op_free(op);
    op = fixture_collect(f);
    assert_true(op->duplicate);
    assert_int_equal(op->ret_version, 2);
    (void)store_op_free(op);
    op = fixture_collect(f);
    assert_int_equal(op->code, WIRE_CODE_VERSION_CONFLICT);
    assert_int_equal(op->ret_version, 3);
    (void)store_op_free(op);
    for (uint64_t version = 4; version <= 6; version++) {
        op = fixture_collect(f);
        assert_int_equal(op->code, WIRE_CODE_NONE);
        assert_int_equal(op->ret_version, version);
        (void)store_op_free(op);
    }
    assert_int_equal(fixture_sql_int(f, "SELECT version FROM session"), 6);
    assert_int_equal(fixture_sql_int(f, "SELECT log_bytes FROM session"), 6);
    fixture_reopen(f);
    assert_int_equal(fixture_new(f, make_append("s", "f", 6, "1")), 7);
}

static void a_close_between_entries_ends_them(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m1"));
    fixture_submit(f, make_append("s", "a", 1, "12"));
    fixture_submit(f, make_close("s", SESSION_OUTCOME_COMPLETED));
    fixture_submit(f, make_append("s", "b", 2, "12"));
    store_flush(f->store);
    (void)store_op_free(fixture_collect(f));
    op = fixture_collect(f);
    assert_int_equal(op->ret_version, 2);
    (void)store_op_free(op);
    op = fixture_collect(f);
    assert_int_equal(op->code, WIRE_CODE_SESSION_CLOSED);
    (void)store_op_free(op);
}

static void message_ids_stay_known(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_open_session("s", "m1"));
    append_up_to(f, "s", 1, 400);
    for (int again = 0; again < 2; again++) { /* as it was written, and as it is read */
        /* The newest, whatever else is said with them; the others with the version that they were to follow. */
        assert_int_equal(fixture_duplicate(f, make_append("s", "m400", 400, "x")), 400);
        assert_int_equal(fixture_duplicate(f, make_append("s", "m145", 400, "x")), 145);
        assert_int_equal(fixture_duplicate(f, make_append("s", "m145", 1000, "x")), 145);
        assert_int_equal(fixture_duplicate(f, make_append("s", "m144", 143, "x")), 144);
        assert_int_equal(fixture_duplicate(f, make_append("s", "m2", 1, "x")), 2);
        assert_int_equal(fixture_code(f, make_append("s", "m2", 2, "x")),
                         WIRE_CODE_VERSION_CONFLICT);
        fixture_reopen(f);
    }
    assert_int_equal(fixture_new(f, make_append("s", "m401", 400, "x")), 401);
}

/* More of them than are remembered at once. */
static void many_logs_grow_side_by_side(void **state)
{
    enum { N = 1500, AT_ONCE = 500 };
    struct fixture *f = *state;
    char session[16];

    for (uint64_t version = 0; version < 3; version++) {
        for (int i = 0; i < N; i++) {
            (void)snprintf(session, sizeof session, "s%d", i);
            fixture_submit(f, version == 0 ? make_open_session(session, "m1")
                                           : make_numbered_append(session, version));
            if (i % AT_ONCE == AT_ONCE - 1)
                store_flush(f->store);
        }
        for (int i = 0; i < N; i++) {
            struct store_op *op = fixture_collect(f);

            assert_int_equal(op->code, WIRE_CODE_NONE);
            assert_int_equal(op->ret_version, version + 1);
            (void)store_op_free(op);
        }
    }
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session WHERE version = 3"), N);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), 3 * N);
}

/* As an operator's shell might. */
static void what_others_changed_is_noticed(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_open_session("s", "m1"));
    (void)fixture_new(f, make_append("s", "m2", 1, "x"));
    fixture_sql(f, "UPDATE session_entry SET version = 7 WHERE version = 2;"
                   "UPDATE session SET version = 7");
    assert_int_equal(fixture_code(f, make_append("s", "m3", 2, "x")), WIRE_CODE_VERSION_CONFLICT);
    assert_int_equal(fixture_duplicate(f, make_append("s", "m2", 1, "x")), 7);
    assert_int_equal(fixture_new(f, make_append("s", "m3", 7, "x")), 8);
}

/* What SQLite writes page by page goes to the system in large pieces. */
static void a_commit_takes_few_writes(void **state)
{
    enum { N = 200 };
    struct fixture *f = *state;
    char session[16];
    int before;

    for (int i = 0; i < N; i++) {
        (void)snprintf(session, sizeof session, "s%d", i);
        (void)fixture_new(f, make_open_session(session, "m1"));
    }
    for (int i = 0; i < N; i++) {
        (void)snprintf(session, sizeof session, "s%d", i);
        fixture_submit(f, make_append(session, "m2", 1, session));
    }
    before = atomic_load(&n_writes);
    store_flush(f->store);
    for (int i = 0; i < N; i++)
        (void)store_op_free(fixture_collect(f));
    assert_in_range(atomic_load(&n_writes) - before, 1, 10);
}

/* SQLite writes such a one before its commit, and reads some of it again. */
static void a_transaction_larger_than_the_cache_arrives(void **state)
{
    enum { N = 40, SIZE = 1000000 };
    struct fixture *f = *state;
    char *frame = malloc(SIZE + 1);
    char message[16];

    assert_non_null(frame);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < N; i++) {
            memset(frame, 'a' + i % 26, SIZE);
            frame[SIZE] = '\0';
            (void)snprintf(message, sizeof message, "m%d-%d", round, i);
            fixture_submit(f, make_add_inbox(PEER_A, PEER_B, message, frame));
        }
        store_flush(f->store);
        for (int i = 0; i < N; i++) {
            struct store_op *op = fixture_collect(f);

            assert_int_equal(op->code, WIRE_CODE_NONE);
            (void)store_op_free(op);
        }
    }
    free(frame);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message WHERE length(frame) ="
                                        " 1000000 AND frame = CAST(replace(hex(zeroblob(500000)),"
                                        " '0', char(97 + (seq - 1) % 40 % 26)) AS BLOB)"),
                     2 * N);
    fixture_reopen(f);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM pragma_quick_check WHERE"
                                        " quick_check = 'ok'"),
                     1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(entries_of_one_transaction_follow_one_another, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_close_between_entries_ends_them, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(message_ids_stay_known, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(many_logs_grow_side_by_side, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(what_others_changed_is_noticed, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_commit_takes_few_writes, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_transaction_larger_than_the_cache_arrives, setup_pair,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_log", tests, NULL, NULL);
}
