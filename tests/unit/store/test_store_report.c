#include "fixture.h"

#include <stdlib.h>

#include "base/str.h"

static int setup_session(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    fixture_add_pair(*state);
    assert_int_equal(fixture_new(*state, make_open_session("s", "m")), 1);
    return 0;
}

static struct store_op *make_report(const char *peer, const char *message, uint64_t generation,
                                    const char *cause)
{
    struct store_op *op = make_op(STORE_REPORT_CONNECTION);
    struct message_connection_report *r = calloc(1, sizeof *r);

    assert_non_null(r);
    op->report = r;
    r->generation = generation;
    r->attempt = 2;
    r->elapsed_ms = 4200;
    r->result = *cause ? REPORT_RESULT_FAILED : REPORT_RESULT_CONNECTED;
    assert_int_equal(str_copy(r->cause.text, sizeof r->cause.text, cause), 0);
    assert_int_equal(str_copy(r->ice_server, sizeof r->ice_server, "turn:a.example"), 0);
    assert_int_equal(wire_peer_id_set(&op->peer_id, peer), 0);
    assert_int_equal(wire_id_set(&op->message_id, message), 0);
    assert_int_equal(wire_id_set(&op->recovery_session_id, "s"), 0);
    return op;
}

/* Reports; the cause that the operation gives back is the one that is stored. */
static void report(struct fixture *f, const char *peer, const char *message, uint64_t generation,
                   const char *cause, const char *expected)
{
    struct store_op *op = fixture_run(f, make_report(peer, message, generation, cause));
    struct store_op *loaded = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));

    assert_int_equal(op->code, WIRE_CODE_NONE);
    assert_string_equal(op->cause.text, expected);
    assert_string_equal(loaded->syncshell->sessions[0].summary.cause.text, expected);
    (void)store_op_free(op);
    (void)store_op_free(loaded);
}

static void judged(void **state)
{
    struct fixture *f = *state;

    report(f, PEER_A, "1", 0, "peer_away", "peer_away");
    report(f, PEER_A, "2", 3, "attempt_timeout", "attempt_timeout");
    report(f, PEER_B, "3", 3, "link_failed", "attempt_timeout"); /* the first stands */
    report(f, PEER_A, "4", 3, "turn_refused", "turn_refused");   /* its own reporter corrects it */
    report(f, PEER_B, "5", 2, "link_failed", "turn_refused");    /* too late */
    report(f, PEER_B, "6", 4, "", "");
    report(f, PEER_A, "7", 3, "link_lost", ""); /* of before the link */
    report(f, PEER_A, "8", 5, "link_failed", "link_failed");
    fixture_reopen(f);
    report(f, PEER_B, "9", 5, "turn_refused", "link_failed");
    report(f, PEER_B, "10", 5, "", ""); /* it came up after all */
}

static void repeated(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    report(f, PEER_A, "1", 1, "link_failed", "link_failed");
    report(f, PEER_A, "2", 2, "", "");
    op = fixture_run(f, make_report(PEER_A, "1", 1, "link_failed"));
    assert_true(op->duplicate);
    assert_string_equal(op->cause.text, "");
    (void)store_op_free(op);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_attempt"), 2);
    report(f, PEER_B, "1", 3, "link_lost", "link_lost"); /* the other side's ids are its own */
}

static void the_story_is_bounded(void **state)
{
    struct fixture *f = *state;

    for (int i = 1; i <= 70; i++) {
        char message[16];

        snprintf(message, sizeof message, "m%d", i);
        report(f, PEER_A, message, (uint64_t)i, "link_failed", "link_failed");
    }
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_attempt"), 64);
    assert_int_equal(fixture_sql_int(f, "SELECT max(generation) FROM session_attempt"), 70);
}

static void closed_with_a_cause(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    report(f, PEER_A, "1", 1, "link_failed", "link_failed");
    op = fixture_run(f, make_close("s", SESSION_OUTCOME_FAILED));
    assert_string_equal(op->cause.text, "link_failed");
    (void)store_op_free(op);
    assert_int_equal(fixture_code(f, make_report(PEER_A, "2", 2, "")), WIRE_CODE_SESSION_CLOSED);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session WHERE cause = 'link_failed'"),
                     1);
}

static void swept_with_a_cause(void **state)
{
    struct fixture *f = *state;
    struct store_op *op = fixture_run(f, make_sweep(LATER_MS + 1, 100));

    assert_int_equal(op->n_swept, 1);
    assert_string_equal(op->swept_sessions[0].summary.cause.text, "session_expired");
    (void)store_op_free(op);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(judged, setup_session, fixture_teardown),
        cmocka_unit_test_setup_teardown(repeated, setup_session, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_story_is_bounded, setup_session, fixture_teardown),
        cmocka_unit_test_setup_teardown(closed_with_a_cause, setup_session, fixture_teardown),
        cmocka_unit_test_setup_teardown(swept_with_a_cause, setup_session, fixture_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
