#include "fixture.h"

static struct store_op *load(struct fixture *f)
{
    struct store_op *op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));

    assert_int_equal(op->code, WIRE_CODE_NONE);
    assert_non_null(op->syncshell);
    return op;
}

static void unknown_syncshell(void **state)
{
    struct fixture *f = *state;
    struct store_op *op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));

    assert_int_equal(op->code, WIRE_CODE_UNKNOWN_SYNCSHELL);
    assert_null(op->syncshell);
    (void)store_op_free(op);
    assert_int_equal(fixture_code(f, make_add_member(PEER_B)), WIRE_CODE_UNKNOWN_SYNCSHELL);
    assert_int_equal(fixture_code(f, make_remove_member(PEER_B)), WIRE_CODE_UNKNOWN_SYNCSHELL);
    assert_int_equal(fixture_code(f, make_open_session("s", "m")), WIRE_CODE_UNKNOWN_SYNCSHELL);
    assert_int_equal(fixture_code(f, make_add_inbox(PEER_A, PEER_B, "m", "x")),
                     WIRE_CODE_UNKNOWN_SYNCSHELL);
    assert_int_equal(fixture_code(f, make_read_inbox(PEER_A, 0)), WIRE_CODE_UNKNOWN_SYNCSHELL);
    assert_int_equal(fixture_code(f, make_ack(PEER_A, 0)), WIRE_CODE_UNKNOWN_SYNCSHELL);
}

static void created_with_its_owner(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_create(SHELL, PEER_A, KEY_1));
    fixture_reopen(f);
    op = load(f);
    assert_string_equal(op->syncshell->group_public_key.text, KEY_1);
    assert_string_equal(op->syncshell->owner_peer_id.text, PEER_A);
    assert_int_equal(op->syncshell->key_epoch, 1);
    assert_int_equal(op->syncshell->n_members, 1);
    assert_string_equal(op->syncshell->members[0].peer_id.text, PEER_A);
    assert_int_equal(op->syncshell->n_sessions, 0);
    (void)store_op_free(op);
}

static void created_again(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_create(SHELL, PEER_A, KEY_1));
    (void)fixture_duplicate(f, make_create(SHELL, PEER_A, KEY_1));
    assert_int_equal(fixture_code(f, make_create(SHELL, PEER_A, KEY_2)),
                     WIRE_CODE_SYNCSHELL_EXISTS);
    assert_int_equal(fixture_code(f, make_create(SHELL, PEER_B, KEY_1)),
                     WIRE_CODE_SYNCSHELL_EXISTS);
    (void)fixture_new(f, make_create("another", PEER_B, KEY_2));
}

static struct store_op *make_later(const char *peer, const char *key, uint64_t key_epoch)
{
    struct store_op *op = make_create(SHELL, peer, key);

    op->key_epoch = key_epoch;
    op->refusal = WIRE_CODE_CREATE_REFUSED; /* of new ones */
    return op;
}

static void the_owner_puts_a_later_key_in_place(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    assert_int_equal(fixture_code(f, make_later(PEER_A, KEY_2, 3)), WIRE_CODE_CREATE_REFUSED);
    (void)fixture_new(f, make_create(SHELL, PEER_A, KEY_1));
    assert_int_equal(fixture_code(f, make_later(PEER_B, KEY_2, 3)), WIRE_CODE_SYNCSHELL_EXISTS);
    assert_int_equal(fixture_code(f, make_later(PEER_A, KEY_2, 1)), WIRE_CODE_SYNCSHELL_EXISTS);
    op = fixture_run(f, make_later(PEER_A, KEY_2, 3));
    assert_true(op->code == WIRE_CODE_NONE && op->rekeyed && !op->duplicate);
    (void)store_op_free(op);
    (void)fixture_duplicate(f, make_later(PEER_A, KEY_2, 3));
    assert_int_equal(fixture_code(f, make_later(PEER_A, KEY_1, 2)), WIRE_CODE_SYNCSHELL_EXISTS);
    fixture_reopen(f);
    op = load(f);
    assert_string_equal(op->syncshell->group_public_key.text, KEY_2);
    assert_int_equal(op->syncshell->key_epoch, 3);
    (void)store_op_free(op);
}

static void members_are_added_once_up_to_the_limit(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    fixture_add_pair(f);
    (void)fixture_duplicate(f, make_add_member(PEER_B));
    op = make_add_member(PEER_C);
    op->limit_rows = 2;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_SYNCSHELL_FULL);
    op = make_add_member(PEER_B);
    op->limit_rows = 2;
    (void)fixture_duplicate(f, op);
    op = make_add_member(PEER_C);
    op->limit_rows = 3;
    (void)fixture_new(f, op);
    op = load(f);
    assert_int_equal(op->syncshell->n_members, 3);
    assert_string_equal(op->syncshell->members[2].peer_id.text, PEER_C);
    (void)store_op_free(op);
}

static void removal_cancels_sessions_and_empties_the_inbox(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    fixture_add_pair(f);
    (void)fixture_new(f, make_add_member(PEER_C));
    (void)fixture_new(f, make_open_session("with_b", "m1"));
    op = make_open_session("with_c", "m2");
    (void)snprintf(op->provider_peer_id.text, sizeof op->provider_peer_id.text, "%s", PEER_C);
    (void)fixture_new(f, op);
    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m3", "x"));
    (void)fixture_new(f, make_remove_member(PEER_B));
    (void)fixture_duplicate(f, make_remove_member(PEER_B));

    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 0);
    op = load(f);
    assert_int_equal(op->syncshell->n_members, 2);
    assert_int_equal(op->syncshell->n_sessions, 2);
    assert_string_equal(op->syncshell->sessions[0].summary.recovery_session_id.text, "with_b");
    assert_int_equal(op->syncshell->sessions[0].summary.state, SESSION_STATE_CLOSED);
    assert_int_equal(op->syncshell->sessions[0].summary.outcome, SESSION_OUTCOME_CANCELLED);
    assert_int_equal(op->syncshell->sessions[0].expires_unix_ms, NOW_MS + 24 * 3600 * 1000);
    assert_int_equal(op->syncshell->sessions[1].summary.state, SESSION_STATE_OPEN);
    (void)store_op_free(op);
}

static void a_member_that_returns_sees_no_sequence_number_twice(void **state)
{
    struct fixture *f = *state;

    fixture_add_pair(f);
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m1", "x")), 1);
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m2", "x")), 2);
    (void)fixture_new(f, make_remove_member(PEER_B));
    assert_int_equal(fixture_new(f, make_add_member(PEER_B)), 2);
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m1", "x")), 3);
}

static void an_unknown_kind_is_refused(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fixture_code(f, make_op((enum store_op_kind)99)), WIRE_CODE_INTERNAL);
    assert_int_equal(fixture_code(f, make_op((enum store_op_kind)0)), WIRE_CODE_INTERNAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(unknown_syncshell, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(created_with_its_owner, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(created_again, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(the_owner_puts_a_later_key_in_place, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(members_are_added_once_up_to_the_limit, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(removal_cancels_sessions_and_empties_the_inbox,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_member_that_returns_sees_no_sequence_number_twice,
                                        fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(an_unknown_kind_is_refused, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_syncshell", tests, NULL, NULL);
}
