#include "fixture.h"

#include <unistd.h>

static int setup_pair(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    fixture_add_pair(*state);
    return 0;
}

static struct store_session load_first_session(struct fixture *f)
{
    struct store_op *op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));
    struct store_session session;

    assert_int_equal(op->code, WIRE_CODE_NONE);
    assert_int_equal(op->syncshell->n_sessions, 1);
    session = op->syncshell->sessions[0];
    (void)store_op_free(op);
    return session;
}

static void assert_entry(const struct store_op *op, size_t i, uint64_t version,
                         enum message_type type, const char *body)
{
    assert_true(i < op->n_entries);
    assert_int_equal(op->entries[i].meta.version, version);
    assert_int_equal(op->entries[i].meta.type, type);
    assert_string_equal(op->entries[i].meta.source_peer_id.text, PEER_A);
    assert_int_equal(op->entries[i].meta.size_bytes, strlen(body));
    assert_memory_equal(op->entries[i].data, body, strlen(body));
}

static void opened(void **state)
{
    struct fixture *f = *state;
    struct store_session session;
    struct store_op *op;

    assert_int_equal(fixture_new(f, make_open_session("s", "m")), 1);
    fixture_reopen(f);
    session = load_first_session(f);
    assert_string_equal(session.summary.recovery_session_id.text, "s");
    assert_string_equal(session.summary.joiner_peer_id.text, PEER_A);
    assert_string_equal(session.summary.provider_peer_id.text, PEER_B);
    assert_int_equal(session.summary.generation, 0);
    assert_int_equal(session.summary.version, 1);
    assert_int_equal(session.summary.state, SESSION_STATE_OPEN);
    assert_int_equal(session.summary.outcome, SESSION_OUTCOME_NONE);
    assert_int_equal(session.expires_unix_ms, LATER_MS);
    op = fixture_run(f, make_snapshot("s", 0));
    assert_int_equal(op->n_entries, 1);
    assert_entry(op, 0, 1, MESSAGE_SESSION_OPEN, "opened");
    assert_int_equal(op->entries[0].meta.body_format, BODY_FORMAT_SEALED);
    (void)store_op_free(op);
}

static void opened_without_a_body(void **state)
{
    struct fixture *f = *state;
    struct store_op *op = make_open_session("s", "m");

    op->frame = frame_unref(op->frame);
    op->body_format = BODY_FORMAT_NONE;
    (void)fixture_new(f, op);
    op = fixture_run(f, make_snapshot("s", 0));
    assert_int_equal(op->n_entries, 1);
    assert_entry(op, 0, 1, MESSAGE_SESSION_OPEN, "");
    assert_int_equal(op->entries[0].meta.body_format, BODY_FORMAT_NONE);
    (void)store_op_free(op);
}

static void opened_again(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m1"));
    (void)fixture_new(f, make_append("s", "m2", 1, "x"));
    assert_int_equal(fixture_duplicate(f, make_open_session("s", "m1")), 2);
    assert_int_equal(fixture_duplicate(f, make_open_session("s", "another message")), 2);
    op = make_open_session("s", "m1");
    (void)snprintf(op->joiner_peer_id.text, sizeof op->joiner_peer_id.text, "%s", PEER_C);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_SESSION_EXISTS);
    op = make_open_session("s", "m1");
    (void)snprintf(op->provider_peer_id.text, sizeof op->provider_peer_id.text, "%s", PEER_C);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_SESSION_EXISTS);
    (void)fixture_new(f, make_close("s", SESSION_OUTCOME_COMPLETED));
    assert_int_equal(fixture_code(f, make_open_session("s", "m1")), WIRE_CODE_SESSION_CLOSED);
}

static void only_open_sessions_count_towards_the_limit(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s1", "m"));
    op = make_open_session("s2", "m");
    op->limit_rows = 1;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_TOO_MANY_SESSIONS);
    op = make_open_session("s1", "m");
    op->limit_rows = 1;
    (void)fixture_duplicate(f, op);
    (void)fixture_new(f, make_close("s1", SESSION_OUTCOME_FAILED));
    op = make_open_session("s2", "m");
    op->limit_rows = 1;
    (void)fixture_new(f, op);
}

static void appended_under_compare_and_set(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    assert_int_equal(fixture_code(f, make_append("s", "m", 1, "x")), WIRE_CODE_UNKNOWN_SESSION);
    (void)fixture_new(f, make_open_session("s", "m1"));
    assert_int_equal(fixture_new(f, make_append("s", "m2", 1, "two")), 2);
    op = fixture_run(f, make_append("s", "m3", 1, "late"));
    assert_int_equal(op->code, WIRE_CODE_VERSION_CONFLICT);
    assert_int_equal(op->ret_version, 2);
    (void)store_op_free(op);
    assert_int_equal(fixture_code(f, make_append("s", "m3", 3, "early")),
                     WIRE_CODE_VERSION_CONFLICT);
    assert_int_equal(fixture_new(f, make_append("s", "m3", 2, "three")), 3);
    op = fixture_run(f, make_snapshot("s", 0));
    assert_int_equal(op->ret_version, 3);
    assert_true(op->complete);
    assert_int_equal(op->n_entries, 3);
    assert_entry(op, 1, 2, MESSAGE_SESSION_PROGRESS, "two");
    assert_entry(op, 2, 3, MESSAGE_SESSION_PROGRESS, "three");
    (void)store_op_free(op);
}

static void a_repeated_entry_gets_the_version_it_had(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_open_session("s", "m1"));
    (void)fixture_new(f, make_append("s", "m2", 1, "x"));
    (void)fixture_new(f, make_append("s", "m3", 2, "y"));
    assert_int_equal(fixture_duplicate(f, make_append("s", "m2", 1, "x")), 2);
    assert_int_equal(fixture_duplicate(f, make_append("s", "m3", 99, "y")), 3);
    assert_int_equal(fixture_duplicate(f, make_append("s", "m3", 3, "y")), 3);
    assert_int_equal(fixture_sql_int(f, "SELECT version FROM session"), 3);
    (void)fixture_new(f, make_checkpoint("s", "m4", 3, "z"));
    assert_int_equal(fixture_duplicate(f, make_checkpoint("s", "m4", 3, "z")), 4);
    assert_int_equal(fixture_duplicate(f, make_append("s", "m3", 2, "y")), 3);
    assert_int_equal(fixture_sql_int(f, "SELECT version FROM session"), 4);
    /* The same message id in another session is another message. */
    (void)fixture_new(f, make_open_session("t", "m1"));
    assert_int_equal(fixture_new(f, make_append("t", "m2", 1, "x")), 2);
}

static void a_checkpoint_replaces_the_log(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m1"));
    (void)fixture_new(f, make_append("s", "m2", 1, "two"));
    assert_int_equal(fixture_code(f, make_checkpoint("s", "m3", 1, "late")),
                     WIRE_CODE_VERSION_CONFLICT);
    assert_int_equal(fixture_new(f, make_checkpoint("s", "m3", 2, "all")), 3);
    assert_int_equal(fixture_new(f, make_append("s", "m4", 3, "more")), 4);
    op = fixture_run(f, make_snapshot("s", 0));
    assert_int_equal(op->n_entries, 2);
    assert_entry(op, 0, 3, MESSAGE_SESSION_CHECKPOINT, "all");
    assert_entry(op, 1, 4, MESSAGE_SESSION_PROGRESS, "more");
    (void)store_op_free(op);
    assert_int_equal(fixture_sql_int(f, "SELECT log_bytes FROM session"), strlen("allmore"));
}

static void a_checkpoint_leaves_a_bounded_number_of_message_ids(void **state)
{
    struct fixture *f = *state;
    uint64_t version = 1;

    (void)fixture_new(f, make_open_session("s", "m1"));
    while (version < 400) {
        char message[16];

        (void)snprintf(message, sizeof message, "m%d", (int)version + 1);
        version = fixture_new(f, make_checkpoint("s", message, version, "x"));
    }
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_entry"), 256);
    assert_int_equal(fixture_duplicate(f, make_checkpoint("s", "m300", 1, "x")), 300);
    assert_int_equal(fixture_code(f, make_checkpoint("s", "m10", 9, "x")),
                     WIRE_CODE_VERSION_CONFLICT);
}

static void a_full_log_wants_a_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m1")); /* 6 bytes */
    op = make_append("s", "m2", 1, "1234");
    op->limit_bytes = 10;
    assert_int_equal(fixture_new(f, op), 2);
    op = make_append("s", "m3", 2, "1");
    op->limit_bytes = 10;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_SESSION_FULL);
    op = make_append("s", "m2", 1, "1234");
    op->limit_bytes = 10;
    assert_int_equal(fixture_duplicate(f, op), 2);
    op = make_checkpoint("s", "m3", 2, "123456789");
    op->limit_bytes = 10;
    assert_int_equal(fixture_new(f, op), 3);
    op = make_append("s", "m4", 3, "1");
    op->limit_bytes = 10;
    assert_int_equal(fixture_new(f, op), 4);
}

static void a_snapshot_comes_in_pages(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m1"));
    (void)fixture_new(f, make_append("s", "m2", 1, "12345"));
    (void)fixture_new(f, make_append("s", "m3", 2, "12345"));
    (void)fixture_new(f, make_append("s", "m4", 3, "123456"));

    op = make_snapshot("s", 1);
    op->max_bytes = 10;
    op = fixture_run(f, op);
    assert_int_equal(op->n_entries, 2);
    assert_false(op->complete);
    assert_int_equal(op->ret_version, 4);
    (void)store_op_free(op);

    op = make_snapshot("s", 3);
    op->max_bytes = 1; /* one entry in any case */
    op = fixture_run(f, op);
    assert_int_equal(op->n_entries, 1);
    assert_entry(op, 0, 4, MESSAGE_SESSION_PROGRESS, "123456");
    assert_true(op->complete);
    (void)store_op_free(op);

    op = make_snapshot("s", 0);
    op->max_rows = 3;
    op = fixture_run(f, op);
    assert_int_equal(op->n_entries, 3);
    assert_false(op->complete);
    (void)store_op_free(op);

    op = fixture_run(f, make_snapshot("s", 4));
    assert_int_equal(op->n_entries, 0);
    assert_true(op->complete);
    (void)store_op_free(op);
    assert_int_equal(fixture_code(f, make_snapshot("unknown", 0)), WIRE_CODE_UNKNOWN_SESSION);
}

static void a_closed_session_is_a_tombstone(void **state)
{
    struct fixture *f = *state;
    struct store_session session;

    assert_int_equal(fixture_code(f, make_close("s", SESSION_OUTCOME_FAILED)),
                     WIRE_CODE_UNKNOWN_SESSION);
    (void)fixture_new(f, make_open_session("s", "m1"));
    (void)fixture_new(f, make_append("s", "m2", 1, "x"));
    assert_int_equal(fixture_new(f, make_close("s", SESSION_OUTCOME_COMPLETED)), 2);
    assert_int_equal(fixture_duplicate(f, make_close("s", SESSION_OUTCOME_FAILED)), 2);
    session = load_first_session(f);
    assert_int_equal(session.summary.state, SESSION_STATE_CLOSED);
    assert_int_equal(session.summary.outcome, SESSION_OUTCOME_COMPLETED);
    assert_int_equal(fixture_code(f, make_append("s", "m3", 2, "x")), WIRE_CODE_SESSION_CLOSED);
    assert_int_equal(fixture_code(f, make_checkpoint("s", "m3", 2, "x")), WIRE_CODE_SESSION_CLOSED);
    assert_int_equal(fixture_code(f, make_snapshot("s", 0)), WIRE_CODE_SESSION_CLOSED);
    assert_int_equal(fixture_code(f, make_raise("s", 7)), WIRE_CODE_SESSION_CLOSED);
}

static void tombstones_are_bounded(void **state)
{
    struct fixture *f = *state;

    fixture_sql(
        f, "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1100)"
           " INSERT INTO session (syncshell, recovery_session_id, joiner_peer_id, provider_peer_id,"
           "  version, log_bytes, state, outcome, expires_unix_ms)"
           " SELECT 1, 'old' || i, 'x', 'y', 1, 0, 'closed', 'failed', 1000000 + i FROM n");
    (void)fixture_new(f, make_open_session("s", "m"));
    (void)fixture_new(f, make_close("s", SESSION_OUTCOME_COMPLETED));
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session"), 1024);
    assert_int_equal(fixture_code(f, make_raise("s", 1)), WIRE_CODE_SESSION_CLOSED);
    assert_int_equal(fixture_code(f, make_raise("old1100", 1)), WIRE_CODE_SESSION_CLOSED);
    assert_int_equal(fixture_code(f, make_raise("old1", 1)), WIRE_CODE_UNKNOWN_SESSION);
}

static void a_generation_only_rises(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fixture_code(f, make_raise("s", 1)), WIRE_CODE_UNKNOWN_SESSION);
    (void)fixture_new(f, make_open_session("s", "m"));
    (void)fixture_new(f, make_raise("s", 5));
    (void)fixture_new(f, make_raise("s", 3));
    assert_int_equal(load_first_session(f).summary.generation, 5);
}

enum { MINUTE_MS = 60000 };

static void activity_extends_the_expiry(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m1"));
    op = make_append("s", "m2", 1, "x");
    op->expires_unix_ms = LATER_MS + MINUTE_MS;
    (void)fixture_new(f, op);
    assert_int_equal(load_first_session(f).expires_unix_ms, LATER_MS + MINUTE_MS);
    /* By less than a minute it is not worth a write. */
    op = make_append("s", "m2b", 2, "x");
    op->expires_unix_ms = LATER_MS + 2 * MINUTE_MS - 1;
    (void)fixture_new(f, op);
    assert_int_equal(load_first_session(f).expires_unix_ms, LATER_MS + MINUTE_MS);
    op = make_checkpoint("s", "m3", 3, "x");
    op->expires_unix_ms = LATER_MS + 2 * MINUTE_MS;
    (void)fixture_new(f, op);
    assert_int_equal(load_first_session(f).expires_unix_ms, LATER_MS + 2 * MINUTE_MS);
    op = make_raise("s", 1);
    op->expires_unix_ms = LATER_MS + 3 * MINUTE_MS;
    (void)fixture_new(f, op);
    assert_int_equal(load_first_session(f).expires_unix_ms, LATER_MS + 3 * MINUTE_MS);
    op = make_raise("s", 1);
    op->expires_unix_ms = 0; /* names none */
    (void)fixture_new(f, op);
    assert_int_equal(load_first_session(f).expires_unix_ms, LATER_MS + 3 * MINUTE_MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(opened, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(opened_without_a_body, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(opened_again, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(only_open_sessions_count_towards_the_limit, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(appended_under_compare_and_set, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_repeated_entry_gets_the_version_it_had, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_replaces_the_log, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_checkpoint_leaves_a_bounded_number_of_message_ids,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_full_log_wants_a_checkpoint, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_snapshot_comes_in_pages, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_closed_session_is_a_tombstone, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(tombstones_are_bounded, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_generation_only_rises, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(activity_extends_the_expiry, setup_pair, fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_session", tests, NULL, NULL);
}
