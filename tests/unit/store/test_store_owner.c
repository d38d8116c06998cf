/* The owner's operations on disk: each once, in order, remembered; and what becomes of a deleted syncshell's rows. */
#include "fixture.h"

static int setup_pair(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    fixture_add_pair(*state);
    return 0;
}

static struct store_op *load(struct fixture *f)
{
    struct store_op *op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));

    assert_int_equal(op->code, WIRE_CODE_NONE);
    return op;
}

static void a_removed_member_is_gone_with_its_sessions_and_inbox(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_open_session("s", "m1"));
    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m2", "x"));
    (void)fixture_new(f, make_owner(STORE_EXPEL_MEMBER, PEER_A, 1, PEER_B));
    fixture_reopen(f);
    (void)fixture_duplicate(f, make_owner(STORE_EXPEL_MEMBER, PEER_A, 1, PEER_B));
    assert_int_equal(fixture_code(f, make_add_member(PEER_B)), WIRE_CODE_MEMBER_REMOVED);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 0);
    assert_int_equal(fixture_code(f, make_add_inbox(PEER_B, PEER_A, "m3", "x")),
                     WIRE_CODE_NOT_JOINED);
    assert_int_equal(fixture_code(f, make_open_session("t", "m4")), WIRE_CODE_UNKNOWN_TARGET);
    op = load(f);
    assert_int_equal(op->syncshell->owner_sequence, 1);
    assert_int_equal(op->syncshell->n_members, 1);
    assert_int_equal(op->syncshell->sessions[0].summary.outcome, SESSION_OUTCOME_CANCELLED);
    (void)store_op_free(op);
}

static void each_once_and_in_order(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    assert_int_equal(fixture_code(f, make_owner(STORE_EXPEL_MEMBER, PEER_B, 1, PEER_A)),
                     WIRE_CODE_NOT_OWNER);
    assert_int_equal(fixture_code(f, make_owner(STORE_EXPEL_MEMBER, PEER_A, 2, PEER_B)),
                     WIRE_CODE_STALE_OWNER_SEQUENCE);
    assert_int_equal(fixture_code(f, make_owner(STORE_EXPEL_MEMBER, PEER_A, 1, PEER_C)),
                     WIRE_CODE_UNKNOWN_TARGET);
    assert_int_equal(fixture_code(f, make_owner(STORE_TRANSFER_OWNERSHIP, PEER_A, 1, PEER_C)),
                     WIRE_CODE_UNKNOWN_TARGET);
    (void)fixture_new(f, make_owner(STORE_TRANSFER_OWNERSHIP, PEER_A, 1, PEER_B));
    (void)fixture_duplicate(f, make_owner(STORE_TRANSFER_OWNERSHIP, PEER_A, 1, PEER_B));
    assert_int_equal(fixture_code(f, make_owner(STORE_TRANSFER_OWNERSHIP, PEER_B, 1, PEER_B)),
                     WIRE_CODE_STALE_OWNER_SEQUENCE);
    assert_int_equal(fixture_code(f, make_owner(STORE_EXPEL_MEMBER, PEER_A, 2, PEER_B)),
                     WIRE_CODE_NOT_OWNER);
    (void)fixture_new(f, make_owner(STORE_EXPEL_MEMBER, PEER_B, 2, PEER_A));
    op = fixture_run(f, make_owner(STORE_EXPEL_MEMBER, PEER_B, 2, PEER_C));
    assert_int_equal(op->code, WIRE_CODE_STALE_OWNER_SEQUENCE);
    assert_int_equal(op->ret_version, 2);
    (void)store_op_free(op);
}

/* It asked to leave when it did not own the syncshell yet. */
static void who_became_the_owner_stays(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_owner(STORE_TRANSFER_OWNERSHIP, PEER_A, 1, PEER_B));
    assert_int_equal(fixture_code(f, make_remove_member(PEER_B)), WIRE_CODE_OWNER_CANNOT_LEAVE);
    (void)fixture_new(f, make_owner(STORE_TRANSFER_OWNERSHIP, PEER_B, 2, PEER_A));
    (void)fixture_new(f, make_remove_member(PEER_B));
}

static void a_rotated_key_admits_nobody_with_the_old_one(void **state)
{
    struct fixture *f = *state;
    struct store_op *op = make_owner(STORE_ROTATE_KEY, PEER_A, 1, KEY_2);

    op->key_epoch = 3;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_WRONG_KEY_EPOCH);
    (void)fixture_new(f, make_owner(STORE_ROTATE_KEY, PEER_A, 1, KEY_2));
    fixture_reopen(f);
    op = load(f);
    assert_string_equal(op->syncshell->group_public_key.text, KEY_2);
    assert_int_equal(op->syncshell->key_epoch, 2);
    assert_int_equal(op->syncshell->n_members, 2);
    (void)store_op_free(op);
    op = make_add_member(PEER_C);
    op->key_epoch = 1;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_WRONG_KEY_EPOCH);
    op = make_add_member(PEER_C);
    op->key_epoch = 2;
    (void)fixture_new(f, op);
}

static int64_t rows(struct fixture *f)
{
    return fixture_sql_int(f,
                           "SELECT (SELECT count(*) FROM syncshell) + (SELECT count(*) FROM member)"
                           " + (SELECT count(*) FROM session)"
                           " + (SELECT count(*) FROM session_entry)"
                           " + (SELECT count(*) FROM inbox_message)"
                           " + (SELECT count(*) FROM removed_member)");
}

/* A younger syncshell, of which nothing may go: two members, a message, a session with its entry. */
static void add_another(struct fixture *f)
{
    struct store_op *ops[] = {
        make_create("another", PEER_B, KEY_1),
        make_add_member(PEER_A),
        make_add_inbox(PEER_A, PEER_B, "m", "x"),
        make_open_session("s", "m"),
    };

    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        assert_int_equal(wire_id_set(&ops[i]->syncshell_id, "another"), 0);
        (void)fixture_new(f, ops[i]);
    }
}

enum { ANOTHER_ROWS = 6 };

static void a_deleted_syncshell_goes_in_small_steps(void **state)
{
    struct fixture *f = *state;
    char id[16];
    bool complete = false;

    (void)fixture_new(f, make_add_member(PEER_C));
    (void)fixture_new(f, make_owner(STORE_EXPEL_MEMBER, PEER_A, 1, PEER_C));
    for (int i = 0; i < 10; i++) {
        (void)snprintf(id, sizeof id, "x%d", i);
        (void)fixture_new(f, make_open_session(id, id));
        (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, id, "x"));
    }
    add_another(f);
    (void)fixture_new(f, make_owner(STORE_DELETE_SYNCSHELL, PEER_A, 2, NULL));
    assert_int_equal(fixture_code(f, make_op(STORE_LOAD_SYNCSHELL)), WIRE_CODE_SYNCSHELL_DELETED);
    assert_int_equal(fixture_code(f, make_create(SHELL, PEER_A, KEY_1)),
                     WIRE_CODE_SYNCSHELL_DELETED);
    for (int step = 0; !complete; step++) {
        int64_t before = rows(f);
        struct store_op *op = fixture_run(f, make_sweep(NOW_MS, 4));

        assert_int_equal(op->code, WIRE_CODE_NONE);
        assert_in_range(before - rows(f), 0, 4);
        complete = op->complete;
        (void)store_op_free(op);
        assert_in_range(step, 0, 20);
    }
    assert_int_equal(rows(f), ANOTHER_ROWS);
    assert_int_equal(fixture_code(f, make_op(STORE_LOAD_SYNCSHELL)), WIRE_CODE_SYNCSHELL_DELETED);
    (void)store_op_free(fixture_run(f, make_sweep(LATER_MS, 100)));
    assert_int_equal(fixture_code(f, make_op(STORE_LOAD_SYNCSHELL)), WIRE_CODE_UNKNOWN_SYNCSHELL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_removed_member_is_gone_with_its_sessions_and_inbox,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(each_once_and_in_order, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(who_became_the_owner_stays, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_rotated_key_admits_nobody_with_the_old_one, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_deleted_syncshell_goes_in_small_steps, setup_pair,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_owner", tests, NULL, NULL);
}
