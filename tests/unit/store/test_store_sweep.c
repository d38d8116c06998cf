#include "fixture.h"

#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/op.h"

static int setup_pair(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    fixture_add_pair(*state);
    return 0;
}

static void open_session_expiring(struct fixture *f, const char *session, int64_t expires_ms)
{
    struct store_op *op = make_open_session(session, session);

    op->expires_unix_ms = expires_ms;
    (void)fixture_new(f, op);
}

static void add_inbox_expiring(struct fixture *f, const char *message, int64_t expires_ms)
{
    struct store_op *op = make_add_inbox(PEER_A, PEER_B, message, "x");

    op->expires_unix_ms = expires_ms;
    (void)fixture_new(f, op);
}

static void nothing_to_sweep(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    open_session_expiring(f, "s", 5000);
    add_inbox_expiring(f, "m", 5000);
    op = fixture_run(f, make_sweep(4999, 10));
    assert_int_equal(op->code, WIRE_CODE_NONE);
    assert_true(op->complete);
    assert_int_equal(op->n_swept, 0);
    (void)store_op_free(op);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session WHERE state = 'open'"), 1);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 1);
}

static void an_idle_session_becomes_a_tombstone_and_later_nothing(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    open_session_expiring(f, "idle", 5000);
    open_session_expiring(f, "busy", 6000);
    op = make_sweep(5000, 100);
    op->expires_unix_ms = 7000;
    op = fixture_run(f, op);
    assert_true(op->complete);
    assert_int_equal(op->n_swept, 1);
    assert_string_equal(op->swept_syncshells[0].text, SHELL);
    assert_string_equal(op->swept_sessions[0].summary.recovery_session_id.text, "idle");
    assert_string_equal(op->swept_sessions[0].summary.joiner_peer_id.text, PEER_A);
    assert_int_equal(op->swept_sessions[0].summary.state, SESSION_STATE_CLOSED);
    assert_int_equal(op->swept_sessions[0].summary.outcome, SESSION_OUTCOME_FAILED);
    assert_int_equal(op->swept_sessions[0].expires_unix_ms, 7000);
    (void)store_op_free(op);

    assert_int_equal(
        fixture_sql_int(f, "SELECT expired FROM session WHERE recovery_session_id = 'idle'"), 1);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), 1);
    assert_int_equal(fixture_code(f, make_append("idle", "m", 1, "x")), WIRE_CODE_SESSION_EXPIRED);
    assert_int_equal(fixture_code(f, make_open_session("idle", "idle")), WIRE_CODE_SESSION_EXPIRED);
    (void)fixture_duplicate(f, make_close("idle", SESSION_OUTCOME_COMPLETED));
    assert_int_equal(fixture_new(f, make_append("busy", "m", 1, "x")), 2);

    op = fixture_run(f, make_sweep(7000, 100));
    assert_int_equal(op->n_swept, 0);
    (void)store_op_free(op);
    assert_int_equal(fixture_code(f, make_append("idle", "m", 1, "x")), WIRE_CODE_UNKNOWN_SESSION);
}

static void a_tombstone_lasts_a_day_when_nothing_is_said(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    open_session_expiring(f, "s", 5000);
    op = fixture_run(f, make_sweep(5000, 100));
    assert_int_equal(op->swept_sessions[0].expires_unix_ms, 5000 + 24 * 3600 * 1000);
    (void)store_op_free(op);
}

static void a_large_sweep_goes_in_small_steps(void **state)
{
    struct fixture *f = *state;
    char id[16];
    size_t n_steps = 0, n_swept = 0;
    bool complete = false;

    for (int i = 0; i < 7; i++) {
        (void)snprintf(id, sizeof id, "s%d", i);
        open_session_expiring(f, id, 5000);
        add_inbox_expiring(f, id, 5000);
        /* more than a step takes */
        for (unsigned version = 1; version < 5; version++) {
            char message[16];

            (void)snprintf(message, sizeof message, "m%u", version);
            (void)fixture_new(f, make_append(id, message, version, "x"));
        }
    }
    fixture_sql(f, "UPDATE session SET expires_unix_ms = 5000");
    while (!complete) {
        const char *count =
            "SELECT (SELECT count(*) FROM session WHERE state = 'open')"
            " + (SELECT count(*) FROM session) + (SELECT count(*) FROM session_entry)"
            " + (SELECT count(*) FROM inbox_message)";
        int64_t before = fixture_sql_int(f, count);
        struct store_op *op = make_sweep(6000, 3);

        op->expires_unix_ms = 6000;
        op = fixture_run(f, op);
        assert_int_equal(op->code, WIRE_CODE_NONE);
        assert_in_range(before - fixture_sql_int(f, count), 0, 3);
        n_swept += op->n_swept;
        complete = op->complete;
        (void)store_op_free(op);
        assert_in_range(++n_steps, 1, 60);
    }
    assert_int_equal(n_swept, 7);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 0);
}

static void closed_sessions_lose_their_entries_first(void **state)
{
    struct fixture *f = *state;

    open_session_expiring(f, "s", 5000);
    (void)fixture_new(f, make_close("s", SESSION_OUTCOME_COMPLETED));
    (void)fixture_new(f, make_sweep(1000, 100));
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session"), 1);
    (void)fixture_duplicate(f, make_close("s", SESSION_OUTCOME_COMPLETED));
}

static uint64_t acked_of_b(struct fixture *f)
{
    return (uint64_t)fixture_sql_int(f, "SELECT inbox_acked FROM member WHERE id = 2");
}

static void sequence_numbers_survive_the_sweep(void **state)
{
    struct fixture *f = *state;

    add_inbox_expiring(f, "m1", 5000);
    add_inbox_expiring(f, "m2", 5000);
    (void)fixture_new(f, make_sweep(5000, 100));
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 0);
    fixture_reopen(f);
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m1", "x")), 3);
}

static void what_expired_unread_counts_as_settled(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    add_inbox_expiring(f, "m1", 5000);
    add_inbox_expiring(f, "m2", 9000);
    add_inbox_expiring(f, "m3",
                       5000); /* out of order: somebody shortened the time, or the clock jumped */
    op = fixture_run(f, make_sweep(5000, 100));
    assert_int_equal(acked_of_b(f), 1);
    assert_int_equal(op->n_settled, 2);
    assert_string_equal(op->settled[1].syncshell_id.text, SHELL);
    assert_string_equal(op->settled[1].peer_id.text, PEER_B);
    assert_int_equal(op->settled[1].inbox_acked, 1);
    (void)store_op_free(op);
    assert_int_equal(fixture_new(f, make_ack(PEER_B, 2)), 3);
    assert_int_equal(acked_of_b(f), 2);
    add_inbox_expiring(f, "m4", 9500);
    (void)fixture_new(f, make_sweep(9500, 100));
    assert_int_equal(acked_of_b(f), 4);
}

/* ---- syncshells that nobody uses ---- */

enum { UNUSED_DAYS = 30 };

static struct store_op *make_expiring_sweep(unsigned day, size_t max_rows)
{
    struct store_op *op = make_sweep((int64_t)day * STORE_DAY_MS, max_rows);

    op->unused_days = UNUSED_DAYS;
    return op;
}

static void note_use(struct fixture *f, unsigned day)
{
    struct store_op *op = make_op(STORE_NOTE_USE);

    op->now.unix_ms = (int64_t)day * STORE_DAY_MS;
    (void)fixture_new(f, op);
}

static size_t n_expired_on(struct fixture *f, unsigned day)
{
    struct store_op *op = fixture_run(f, make_expiring_sweep(day, 100));
    size_t n = op->n_expired;

    assert_int_equal(op->code, WIRE_CODE_NONE);
    if (n > 0)
        assert_string_equal(op->expired_syncshells[0].text, SHELL);
    (void)store_op_free(op);
    return n;
}

/* The relay runs, and sweeps, from the day after the first to the last. How many expired. */
static size_t n_expired_until(struct fixture *f, unsigned first, unsigned last)
{
    size_t n = 0;

    while (first < last)
        n += n_expired_on(f, ++first);
    return n;
}

static void an_unused_syncshell_expires_with_all_it_had(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    note_use(f, 1);
    assert_int_equal(n_expired_until(f, 1, 10), 0);
    op = make_create("other", PEER_B, KEY_2);
    op->now.unix_ms = INT64_C(10) * STORE_DAY_MS;
    (void)fixture_new(f, op);
    open_session_expiring(f, "s", INT64_C(1000) * STORE_DAY_MS);
    add_inbox_expiring(f, "m", INT64_C(1000) * STORE_DAY_MS);
    assert_int_equal(n_expired_until(f, 10, 1 + UNUSED_DAYS), 0);
    assert_int_equal(fixture_code(f, make_op(STORE_LOAD_SYNCSHELL)), WIRE_CODE_NONE);
    assert_int_equal(n_expired_on(f, 2 + UNUSED_DAYS), 1);
    assert_int_equal(n_expired_on(f, 2 + UNUSED_DAYS), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM member"), 1);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM syncshell"), 1);
}

static void an_expired_syncshell_is_known_as_long_again(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(n_expired_until(f, 0, 1 + UNUSED_DAYS), 1);
    fixture_reopen(f);
    assert_int_equal(n_expired_on(f, 2 * UNUSED_DAYS), 0);
    assert_int_equal(fixture_code(f, make_op(STORE_LOAD_SYNCSHELL)), WIRE_CODE_SYNCSHELL_EXPIRED);
    assert_int_equal(fixture_code(f, make_op(STORE_NOTE_USE)), WIRE_CODE_SYNCSHELL_EXPIRED);
    assert_int_equal(fixture_code(f, make_create(SHELL, PEER_B, KEY_2)),
                     WIRE_CODE_SYNCSHELL_EXPIRED);
    assert_int_equal(n_expired_on(f, 1 + 2 * UNUSED_DAYS), 0);
    assert_int_equal(fixture_code(f, make_op(STORE_LOAD_SYNCSHELL)), WIRE_CODE_UNKNOWN_SYNCSHELL);
}

static int64_t used_on(struct fixture *f, unsigned day)
{
    struct store_op *op = make_op(STORE_LOAD_SYNCSHELL);
    int64_t used;

    op->now.unix_ms = (int64_t)day * STORE_DAY_MS;
    op = fixture_run(f, op);
    assert_int_equal(op->code, WIRE_CODE_NONE);
    used = op->syncshell->used_unix_day;
    (void)store_op_free(op);
    return used;
}

static void use_puts_expiry_off(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    assert_int_equal(n_expired_until(f, 0, UNUSED_DAYS), 0);
    note_use(f, UNUSED_DAYS);
    fixture_reopen(f);
    assert_int_equal(used_on(f, UNUSED_DAYS), UNUSED_DAYS);
    assert_int_equal(n_expired_until(f, UNUSED_DAYS, 2 * UNUSED_DAYS), 0);
    op = make_sweep(INT64_C(2 * UNUSED_DAYS + 1) * STORE_DAY_MS, 100); /* none are to end */
    op = fixture_run(f, op);
    assert_int_equal(op->n_expired, 0);
    (void)store_op_free(op);
    assert_int_equal(n_expired_on(f, 1 + 2 * UNUSED_DAYS), 1);
}

/* Who could not come because the relay was off finds its syncshell when it is back, and has all the days that were left. */
static void days_without_a_relay_do_not_count(void **state)
{
    enum { LEFT = 3, OFF = 400 };
    struct fixture *f = *state;

    assert_int_equal(n_expired_until(f, 0, UNUSED_DAYS - LEFT), 0);
    fixture_reopen(f);
    assert_int_equal(used_on(f, OFF),
                     OFF - (UNUSED_DAYS - LEFT) - 1); /* before anything is written */
    assert_int_equal(n_expired_on(f, OFF), 0);
    assert_int_equal(n_expired_until(f, OFF, OFF + LEFT - 1), 0);
    assert_int_equal(n_expired_on(f, OFF + LEFT), 1);
}

static void a_clock_that_jumps_makes_nothing_expire(void **state)
{
    struct fixture *f = *state;

    note_use(f, 20000);
    note_use(f, 20); /* and is set right */
    assert_int_equal(used_on(f, 20), 20);
    assert_int_equal(n_expired_until(f, 20, 20 + UNUSED_DAYS), 0);
    assert_int_equal(n_expired_on(f, 21 + UNUSED_DAYS), 1);
}

static void many_expire_in_small_steps(void **state)
{
    struct fixture *f = *state;
    char id[16];
    size_t n_steps = 0, n_expired = 0;
    bool complete = false;

    for (int i = 0; i < 9; i++) {
        (void)snprintf(id, sizeof id, "more%d", i);
        (void)fixture_new(f, make_create(id, PEER_A, KEY_1));
    }
    fixture_sql(f, "UPDATE syncshell SET used_day = -1000");
    while (!complete) {
        struct store_op *op = fixture_run(f, make_expiring_sweep(1, 3));

        assert_in_range(op->n_expired, 0, 3);
        n_expired += op->n_expired;
        complete = op->complete;
        (void)store_op_free(op);
        assert_in_range(++n_steps, 1, 30);
    }
    assert_int_equal(n_expired, 10);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM syncshell"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM member"), 0);
}

/* What SQLite has done for all statements of a connection. */
static int steps_of(struct db *db)
{
    int steps = 0;

    for (sqlite3_stmt *st = sqlite3_next_stmt(db->handle, NULL); st;
         st = sqlite3_next_stmt(db->handle, st))
        steps += sqlite3_stmt_status(st, SQLITE_STMTSTATUS_VM_STEP, 0);
    return steps;
}

/* A day's tombstones of a large relay, of which hardly any has entries still: each that has them is found without a look at all the
 * others, for which everybody who writes would have to wait. */
static void tombstones_are_not_searched_for_entries(void **state)
{
    enum { TOMBSTONES = 5000, WITH_ENTRIES = 20 };
    struct fixture *f = *state;
    struct store_op *op = make_sweep(NOW_MS, 256);
    struct db db;
    char id[16];

    for (int i = 0; i < WITH_ENTRIES; i++) {
        (void)snprintf(id, sizeof id, "s%d", i);
        open_session_expiring(f, id, 5000000);
        (void)fixture_new(f, make_close(id, SESSION_OUTCOME_COMPLETED));
    }
    fixture_sql(f, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
                   " INSERT INTO session (syncshell, recovery_session_id, joiner_peer_id,"
                   " provider_peer_id, version, log_bytes, has_entries, state, outcome,"
                   " expires_unix_ms) SELECT 1, 'old' || i, 'a', 'b', 1, 0, 0, 'closed',"
                   " 'completed', 1500000 FROM n");
    assert_int_equal(db_open(&db, f->path), 0);
    assert_int_equal(op_sweep(&db, op), 0);
    assert_true(op->complete);
    assert_in_range(steps_of(&db), 1, TOMBSTONES);
    db_close(&db);
    (void)store_op_free(op);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session"), TOMBSTONES + WITH_ENTRIES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_to_sweep, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_idle_session_becomes_a_tombstone_and_later_nothing,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_tombstone_lasts_a_day_when_nothing_is_said, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_large_sweep_goes_in_small_steps, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(closed_sessions_lose_their_entries_first, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(sequence_numbers_survive_the_sweep, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_expired_unread_counts_as_settled, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_unused_syncshell_expires_with_all_it_had, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_expired_syncshell_is_known_as_long_again, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(use_puts_expiry_off, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(days_without_a_relay_do_not_count, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_jumps_makes_nothing_expire, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(tombstones_are_not_searched_for_entries, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(many_expire_in_small_steps, setup_pair, fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_sweep", tests, NULL, NULL);
}
