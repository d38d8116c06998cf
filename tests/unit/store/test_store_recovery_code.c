/* Recovery codes on disk: single use, an end, only a hash, and gone with what they were for. */
#include "fixture.h"

#include "base/str.h"

#define PEER_D "ed25519:DDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDDA"
#define CODE_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define CODE_2 "2222222222222222222222222222222222222222222222222222222222222222"
#define CODE_3 "3333333333333333333333333333333333333333333333333333333333333333"

enum { TTL_MS = 600000, DAY_MS = 24 * 3600000 };

/* A joins, B provides, C is the other device. */
static int setup_session(void **state)
{
    struct fixture *f;
    int r = fixture_setup(state);

    if (r != 0)
        return r;
    f = *state;
    fixture_add_pair(f);
    (void)fixture_new(f, make_add_member(PEER_C));
    (void)fixture_new(f, make_open_session("s", "m1"));
    return 0;
}

static struct store_op *make_code(enum store_op_kind kind, const char *peer, const char *sha256)
{
    struct store_op *op = make_op(kind);

    assert_int_equal(wire_peer_id_set(&op->peer_id, peer), 0);
    assert_int_equal(str_copy(op->code_sha256.text, sizeof op->code_sha256.text, sha256), 0);
    op->expires_unix_ms = NOW_MS + TTL_MS;
    return op;
}

static struct store_op *make_issue(const char *peer, const char *sha256)
{
    struct store_op *op = make_code(STORE_ISSUE_CODE, peer, sha256);

    assert_int_equal(wire_id_set(&op->recovery_session_id, "s"), 0);
    return op;
}

static struct store_op *make_redeem(const char *peer, const char *sha256)
{
    return make_code(STORE_REDEEM_CODE, peer, sha256);
}

static struct store_op *at(struct store_op *op, int64_t now_ms)
{
    op->now.unix_ms = now_ms;
    return op;
}

static void expect_joiner(struct fixture *f, const char *joiner, const char *former)
{
    struct store_op *op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));

    assert_int_equal(op->syncshell->n_sessions, 1);
    assert_string_equal(op->syncshell->sessions[0].summary.joiner_peer_id.text, joiner);
    assert_string_equal(op->syncshell->sessions[0].summary.provider_peer_id.text, PEER_B);
    assert_string_equal(op->syncshell->sessions[0].former.peer_ids[0].text, former);
    assert_int_equal(op->syncshell->sessions[0].summary.generation % STORE_HANDOVER_GENERATIONS, 0);
    assert_true(op->syncshell->sessions[0].summary.generation > 0);
    (void)store_op_free(op);
}

static void a_code_hands_the_session_over_once(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    fixture_reopen(f);
    (void)fixture_duplicate(f, make_issue(PEER_A, CODE_1));
    op = fixture_run(f, make_redeem(PEER_C, CODE_1));
    assert_int_equal(op->code, WIRE_CODE_NONE);
    assert_false(op->duplicate);
    assert_string_equal(op->recovery_session_id.text, "s");
    (void)store_op_free(op);
    fixture_reopen(f);
    expect_joiner(f, PEER_C, PEER_A);
    (void)fixture_duplicate(f, make_redeem(PEER_C, CODE_1)); /* again for want of an answer */
    assert_int_equal(fixture_code(f, make_redeem(PEER_A, CODE_1)), WIRE_CODE_RECOVERY_CODE_USED);
    assert_int_equal(fixture_code(f, make_redeem(PEER_B, CODE_1)), WIRE_CODE_RECOVERY_CODE_USED);
    assert_int_equal(fixture_code(f, make_issue(PEER_C, CODE_1)), WIRE_CODE_RECOVERY_CODE_USED);
    assert_int_equal(fixture_code(f, make_issue(PEER_A, CODE_2)), WIRE_CODE_NOT_PARTICIPANT);
    (void)fixture_new(f, make_issue(PEER_C, CODE_2));
    (void)fixture_new(f, make_redeem(PEER_A, CODE_2)); /* and back */
    expect_joiner(f, PEER_A, PEER_C);
    assert_int_equal(fixture_code(f, make_redeem(PEER_C, CODE_1)), WIRE_CODE_RECOVERY_CODE_USED);
}

static struct store_op *by(const char *peer, struct store_op *op)
{
    assert_int_equal(wire_peer_id_set(&op->peer_id, peer), 0);
    return op;
}

static struct store_op *make_report(const char *message)
{
    struct store_op *op = make_op(STORE_REPORT_CONNECTION);

    assert_int_equal(wire_id_set(&op->recovery_session_id, "s"), 0);
    assert_int_equal(wire_id_set(&op->message_id, message), 0);
    op->report = calloc(1, sizeof *op->report);
    assert_non_null(op->report);
    op->report->generation = 1;
    op->report->result = REPORT_RESULT_FAILED;
    op->report->cause = (struct cause_text){"ice_failed"};
    return by(PEER_A, op);
}

/* All of it was let in when the session was A's still, and in the last round the store has looked at its log before. */
static void what_the_former_joiner_was_let_in_with_changes_nothing(void **state)
{
    struct fixture *f = *state;
    uint64_t version = fixture_new(f, make_append("s", "m2", 1, "A's"));

    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    fixture_submit(f, make_redeem(PEER_C, CODE_1));
    for (int round = 0; round < 2; round++) {
        fixture_submit(f, make_append("s", "m3", version, "A's"));
        fixture_submit(f, make_append("s", "m2", 1, "A's"));
        fixture_submit(f, make_checkpoint("s", "m4", version, "A's"));
        fixture_submit(f, make_report("m5"));
        fixture_submit(f, make_snapshot("s", 0));
        fixture_submit(f, make_close("s", SESSION_OUTCOME_CANCELLED));
        store_flush(f->store);
        if (round == 0)
            (void)store_op_free(fixture_collect(f)); /* C has it */
        for (int i = 0; i < 6; i++) {
            struct store_op *op = fixture_collect(f);

            assert_string_equal(wire_code_name(op->code), "not_participant");
            assert_int_equal(op->n_entries, 0);
            (void)store_op_free(op);
        }
        version = fixture_new(f, by(PEER_C, make_append("s", round ? "m7" : "m6", version, "C's")));
    }
    expect_joiner(f, PEER_C, PEER_A);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session_attempt"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM session WHERE state = 'open'"
                                        " AND cause = ''"),
                     1);
    (void)fixture_new(f, by(PEER_B, make_close("s", SESSION_OUTCOME_COMPLETED)));
}

static void a_generation_stays_within_what_messages_hold(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_raise("s", WIRE_INTEGER_MAX - 1));
    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    (void)fixture_new(f, make_redeem(PEER_C, CODE_1));
    assert_int_equal(fixture_sql_int(f, "SELECT generation FROM session"),
                     (int64_t)WIRE_INTEGER_MAX);
}

static void a_clock_that_goes_back_revives_no_code(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    (void)fixture_new(f, make_issue(PEER_A, CODE_2));
    assert_int_equal(fixture_code(f, at(make_redeem(PEER_C, CODE_1), NOW_MS - TTL_MS)),
                     WIRE_CODE_RECOVERY_CODE_EXPIRED);
    assert_int_equal(fixture_code(f, at(make_issue(PEER_A, CODE_1), NOW_MS - TTL_MS)),
                     WIRE_CODE_RECOVERY_CODE_EXPIRED);
    (void)fixture_new(f, at(make_redeem(PEER_C, CODE_2), NOW_MS - TTL_MS));
    assert_int_equal(fixture_code(f, at(make_redeem(PEER_A, CODE_1), NOW_MS - TTL_MS)),
                     WIRE_CODE_RECOVERY_CODE_EXPIRED);
}

/* Although it had more time, before the operator chose less: it ends with the one that takes its place. */
static void an_older_code_does_not_outlive_a_newer_one(void **state)
{
    struct fixture *f = *state;
    struct store_op *older = make_issue(PEER_A, CODE_1);
    int64_t later_ms = NOW_MS + TTL_MS + DAY_MS;

    older->expires_unix_ms = NOW_MS + (int64_t)10 * DAY_MS;
    (void)fixture_new(f, older);
    (void)fixture_new(f, make_issue(PEER_A, CODE_2));
    for (int i = 0; i < 5; i++)
        (void)store_op_free(fixture_run(f, make_sweep(later_ms, 2)));
    assert_int_equal(fixture_code(f, at(make_redeem(PEER_C, CODE_1), later_ms)),
                     WIRE_CODE_WRONG_RECOVERY_CODE);
}

static void the_last_few_joiners_are_remembered(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    (void)fixture_new(f, make_redeem(PEER_C, CODE_1));
    (void)fixture_new(f, make_add_member(PEER_D));
    (void)fixture_new(f, make_issue(PEER_C, CODE_2));
    (void)fixture_new(f, make_redeem(PEER_D, CODE_2));
    fixture_reopen(f);
    op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));
    assert_string_equal(op->syncshell->sessions[0].summary.joiner_peer_id.text, PEER_D);
    assert_true(former_has(&op->syncshell->sessions[0].former, PEER_C));
    assert_true(former_has(&op->syncshell->sessions[0].former, PEER_A));
    assert_false(former_has(&op->syncshell->sessions[0].former, PEER_B));
    (void)store_op_free(op);
}

static void who_may_not(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fixture_code(f, make_issue(PEER_B, CODE_1)), WIRE_CODE_NOT_PARTICIPANT);
    assert_int_equal(fixture_code(f, make_redeem(PEER_C, CODE_1)), WIRE_CODE_WRONG_RECOVERY_CODE);
    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    assert_int_equal(fixture_code(f, make_redeem(PEER_B, CODE_1)), WIRE_CODE_NOT_PARTICIPANT);
    (void)fixture_duplicate(f, make_redeem(PEER_A, CODE_1)); /* it has it: the code stays */
    (void)fixture_new(f, make_create("another", PEER_B, KEY_2));
    struct store_op *op = make_redeem(PEER_B, CODE_1);
    assert_int_equal(wire_id_set(&op->syncshell_id, "another"), 0);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_WRONG_RECOVERY_CODE);
    (void)fixture_new(f, make_remove_member(PEER_C));
    assert_int_equal(fixture_code(f, make_redeem(PEER_C, CODE_1)), WIRE_CODE_NOT_JOINED);
    (void)fixture_new(f, make_add_member(PEER_C));
    (void)fixture_new(f, make_redeem(PEER_C, CODE_1));
}

/* A hash is made from its syncshell's id, but whoever makes it may lie: one that stands elsewhere is refused, and no fault of the store. */
static void a_hash_is_its_syncshells_own(void **state)
{
    struct fixture *f = *state;
    struct store_op *op = make_op(STORE_OPEN_SESSION);

    (void)store_op_free(op);
    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    (void)fixture_new(f, make_create("another", PEER_B, KEY_2));
    op = make_add_member(PEER_A);
    assert_int_equal(wire_id_set(&op->syncshell_id, "another"), 0);
    (void)fixture_new(f, op);
    op = make_open_session("elsewhere", "m");
    assert_int_equal(wire_id_set(&op->syncshell_id, "another"), 0);
    (void)fixture_new(f, op);
    op = make_issue(PEER_A, CODE_1);
    assert_int_equal(wire_id_set(&op->syncshell_id, "another"), 0);
    assert_int_equal(wire_id_set(&op->recovery_session_id, "elsewhere"), 0);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_RECOVERY_CODE_USED);
    (void)fixture_new(f, make_redeem(PEER_C, CODE_1));
    expect_joiner(f, PEER_C, PEER_A);
}

/* Asked for again, for want of an answer, it is valid for what is left of its time; and not any more when that is over, or when another
 * one has taken its place. */
static void a_repetition_makes_it_no_younger(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    op = at(make_issue(PEER_A, CODE_1), NOW_MS + TTL_MS - 1);
    op->expires_unix_ms = NOW_MS + 2 * TTL_MS;
    op = fixture_run(f, op);
    assert_true(op->code == WIRE_CODE_NONE && op->duplicate);
    assert_int_equal(op->expires_unix_ms, NOW_MS + TTL_MS);
    (void)store_op_free(op);
    assert_int_equal(fixture_code(f, at(make_issue(PEER_A, CODE_1), NOW_MS + TTL_MS)),
                     WIRE_CODE_RECOVERY_CODE_EXPIRED);
    (void)fixture_new(f, make_issue(PEER_A, CODE_2));
    assert_int_equal(fixture_code(f, make_issue(PEER_A, CODE_1)), WIRE_CODE_RECOVERY_CODE_EXPIRED);
}

static void codes_end(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    assert_int_equal(fixture_code(f, at(make_redeem(PEER_C, CODE_1), NOW_MS + TTL_MS)),
                     WIRE_CODE_RECOVERY_CODE_EXPIRED);
    (void)fixture_new(f, make_issue(PEER_A, CODE_2)); /* a new one ends the old one */
    assert_int_equal(fixture_code(f, make_redeem(PEER_C, CODE_1)), WIRE_CODE_RECOVERY_CODE_EXPIRED);
    (void)fixture_new(f, at(make_redeem(PEER_C, CODE_2), NOW_MS + TTL_MS - 1));
    (void)fixture_new(f, make_issue(PEER_C, CODE_3));
    (void)fixture_new(f, by(PEER_C, make_close("s", SESSION_OUTCOME_CANCELLED)));
    assert_int_equal(fixture_code(f, make_redeem(PEER_A, CODE_3)), WIRE_CODE_SESSION_CLOSED);
    assert_int_equal(fixture_code(f, make_issue(PEER_C, CODE_1)), WIRE_CODE_SESSION_CLOSED);
}

static void an_expired_session_s_code_says_so(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    fixture_sql(f, "UPDATE session SET expires_unix_ms = 0");
    (void)store_op_free(fixture_run(f, make_sweep(NOW_MS, 100)));
    assert_int_equal(fixture_code(f, make_redeem(PEER_C, CODE_1)), WIRE_CODE_SESSION_EXPIRED);
    assert_int_equal(fixture_code(f, make_issue(PEER_A, CODE_2)), WIRE_CODE_SESSION_EXPIRED);
}

static int64_t codes(struct fixture *f)
{
    return fixture_sql_int(f, "SELECT count(*) FROM recovery_code");
}

static void few_are_kept_and_none_for_long(void **state)
{
    struct fixture *f = *state;
    char sha256[] = CODE_1;

    for (int i = 0; i < 10; i++) {
        sha256[0] = (char)('0' + i);
        (void)fixture_new(f, make_issue(PEER_A, sha256));
    }
    assert_int_equal(codes(f), 4);
    assert_int_equal(fixture_code(f, make_redeem(PEER_C, CODE_1)), WIRE_CODE_WRONG_RECOVERY_CODE);
    (void)store_op_free(fixture_run(f, make_sweep(NOW_MS + DAY_MS - 1, 100)));
    assert_int_equal(codes(f), 4);
    struct store_op *op = fixture_run(f, make_sweep(NOW_MS + TTL_MS + DAY_MS, 2));
    assert_false(op->complete);
    (void)store_op_free(op);
    assert_in_range(codes(f), 2, 4); /* in small steps */
    for (int i = 0; i < 5; i++)
        (void)store_op_free(fixture_run(f, make_sweep(NOW_MS + TTL_MS + DAY_MS, 2)));
    assert_int_equal(codes(f), 0);
}

/* With the member, and with the syncshell. */
static void nobody_redeems_what_is_gone(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_issue(PEER_A, CODE_1));
    (void)fixture_new(f, make_owner(STORE_TRANSFER_OWNERSHIP, PEER_A, 1, PEER_B));
    (void)fixture_new(f, make_owner(STORE_EXPEL_MEMBER, PEER_B, 2, PEER_A));
    assert_int_equal(fixture_code(f, make_redeem(PEER_C, CODE_1)), WIRE_CODE_SESSION_CLOSED);
    (void)fixture_new(f, make_owner(STORE_DELETE_SYNCSHELL, PEER_B, 3, NULL));
    assert_int_equal(fixture_code(f, make_redeem(PEER_C, CODE_1)), WIRE_CODE_UNKNOWN_SYNCSHELL);
    for (int i = 0; i < 20; i++)
        (void)store_op_free(fixture_run(f, make_sweep(NOW_MS, 4)));
    assert_int_equal(codes(f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_code_hands_the_session_over_once, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_the_former_joiner_was_let_in_with_changes_nothing,
                                        setup_session, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_generation_stays_within_what_messages_hold, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_clock_that_goes_back_revives_no_code, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_older_code_does_not_outlive_a_newer_one, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(the_last_few_joiners_are_remembered, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(who_may_not, setup_session, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_hash_is_its_syncshells_own, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_repetition_makes_it_no_younger, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(codes_end, setup_session, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_expired_session_s_code_says_so, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(few_are_kept_and_none_for_long, setup_session,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(nobody_redeems_what_is_gone, setup_session,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_recovery_code", tests, NULL, NULL);
}
