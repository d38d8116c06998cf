#include "fixture.h"

static int setup_pair(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    fixture_add_pair(*state);
    return 0;
}

static void assert_message(const struct store_op *op, size_t i, uint64_t seq, const char *frame)
{
    assert_true(i < op->n_inbox);
    assert_int_equal(op->inbox[i].seq, seq);
    assert_int_equal(op->inbox[i].frame_bytes, strlen(frame));
    assert_memory_equal(op->inbox[i].frame, frame, strlen(frame));
}

static void delivered_in_order_until_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    assert_int_equal(fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m1", "one")), 1);
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_B, PEER_A, "m1", "other way")), 1);
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m2", "two")), 2);
    fixture_reopen(f);
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m3", "three")), 3);

    op = fixture_run(f, make_read_inbox(PEER_B, 0));
    assert_int_equal(op->n_inbox, 3);
    assert_message(op, 0, 1, "one");
    assert_message(op, 1, 2, "two");
    assert_message(op, 2, 3, "three");
    assert_true(op->complete);
    assert_int_equal(op->ret_seq, 3);
    (void)store_op_free(op);

    assert_int_equal(fixture_new(f, make_ack(PEER_B, 2)), 3);
    op = fixture_run(f, make_read_inbox(PEER_B, 0));
    assert_int_equal(op->n_inbox, 1);
    assert_message(op, 0, 3, "three");
    (void)store_op_free(op);
    op = fixture_run(f, make_read_inbox(PEER_B, 3));
    assert_int_equal(op->n_inbox, 0);
    assert_true(op->complete);
    (void)store_op_free(op);
}

static void a_repeated_message_gets_the_number_it_had(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m1", "x"));
    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m2", "x"));
    assert_int_equal(fixture_duplicate(f, make_add_inbox(PEER_A, PEER_B, "m1", "x")), 1);
    /* The same message id from another source is another message. */
    assert_int_equal(fixture_new(f, make_add_inbox(PEER_B, PEER_B, "m1", "x")), 3);
    (void)fixture_new(f, make_ack(PEER_B, 3));
    assert_int_equal(fixture_duplicate(f, make_add_inbox(PEER_A, PEER_B, "m2", "x")), 2);
    fixture_reopen(f);
    assert_int_equal(fixture_duplicate(f, make_add_inbox(PEER_A, PEER_B, "m1", "x")), 1);
    assert_int_equal(
        fixture_sql_int(f, "SELECT count(*) FROM inbox_message WHERE frame IS NOT NULL"), 0);
}

static void acknowledgement_is_cumulative_and_bounded(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m1", "x"));
    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m2", "x"));
    op = fixture_run(f, make_ack(PEER_B, 3));
    assert_int_equal(op->code, WIRE_CODE_BAD_CURSOR);
    assert_int_equal(op->ret_seq, 2);
    (void)store_op_free(op);
    assert_int_equal(fixture_code(f, make_read_inbox(PEER_B, 3)), WIRE_CODE_BAD_CURSOR);
    (void)fixture_new(f, make_ack(PEER_B, 2));
    (void)fixture_duplicate(f, make_ack(PEER_B, 2));
    (void)fixture_duplicate(f, make_ack(PEER_B, 1));
    op = fixture_run(f, make_op(STORE_LOAD_SYNCSHELL));
    assert_int_equal(op->syncshell->members[1].inbox_head, 2);
    assert_int_equal(op->syncshell->members[1].inbox_acked, 2);
    (void)store_op_free(op);
}

static void strangers_have_no_inbox(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(fixture_code(f, make_add_inbox(PEER_A, PEER_C, "m", "x")),
                     WIRE_CODE_UNKNOWN_TARGET);
    assert_int_equal(fixture_code(f, make_read_inbox(PEER_C, 0)), WIRE_CODE_NOT_JOINED);
    assert_int_equal(fixture_code(f, make_ack(PEER_C, 0)), WIRE_CODE_NOT_JOINED);
}

static void a_full_inbox_refuses_until_acknowledged(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m1", "12345"));
    op = make_add_inbox(PEER_A, PEER_B, "m2", "12345");
    op->limit_rows = 1;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_INBOX_FULL);
    op = make_add_inbox(PEER_A, PEER_B, "m2", "12345");
    op->limit_bytes = 9;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_INBOX_FULL);
    op = make_add_inbox(PEER_A, PEER_B, "m1", "12345");
    op->limit_rows = 1;
    op->limit_bytes = 1;
    assert_int_equal(fixture_duplicate(f, op), 1);
    op = make_add_inbox(PEER_B, PEER_B, "m2", "12345");
    op->limit_rows = 2;
    op->limit_bytes = 10;
    assert_int_equal(fixture_new(f, op), 2);
    op = make_add_inbox(PEER_A, PEER_B, "m3", "12345");
    op->limit_rows = 2;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_INBOX_FULL);
    (void)fixture_new(f, make_ack(PEER_B, 1));
    op = make_add_inbox(PEER_A, PEER_B, "m3", "12345");
    op->limit_rows = 2;
    op->limit_bytes = 10;
    assert_int_equal(fixture_new(f, op), 3);
}

static enum wire_code add_limited(struct fixture *f, const char *source, const char *message,
                                  const char *frame, uint64_t rows, uint64_t bytes)
{
    struct store_op *op = make_add_inbox(source, PEER_B, message, frame);

    op->limit_rows = rows;
    op->limit_bytes = bytes;
    return fixture_code(f, op);
}

static void nobody_fills_an_inbox_alone(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_add_member(PEER_C));
    assert_int_equal(add_limited(f, PEER_A, "1", "x", 6, 0), WIRE_CODE_NONE);
    assert_int_equal(add_limited(f, PEER_A, "2", "x", 6, 0), WIRE_CODE_NONE);
    assert_int_equal(add_limited(f, PEER_A, "3", "x", 6, 0), WIRE_CODE_NONE);
    assert_int_equal(add_limited(f, PEER_A, "4", "x", 6, 0), WIRE_CODE_INBOX_SHARE);
    fixture_reopen(f);
    assert_int_equal(add_limited(f, PEER_A, "4", "x", 6, 0), WIRE_CODE_INBOX_SHARE);
    assert_int_equal(add_limited(f, PEER_C, "1", "x", 6, 0), WIRE_CODE_NONE);
    assert_int_equal(add_limited(f, PEER_C, "2", "x", 6, 0), WIRE_CODE_INBOX_SHARE);
    (void)fixture_new(f, make_ack(PEER_B, 2));
    assert_int_equal(add_limited(f, PEER_A, "4", "x", 6, 0), WIRE_CODE_NONE);
}

static void nobody_takes_an_inbox_s_bytes_alone(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_add_member(PEER_C));
    assert_int_equal(add_limited(f, PEER_A, "1", "1234", 0, 10), WIRE_CODE_NONE);
    assert_int_equal(add_limited(f, PEER_A, "2", "12", 0, 10), WIRE_CODE_INBOX_SHARE);
    assert_int_equal(add_limited(f, PEER_A, "2", "1", 0, 10), WIRE_CODE_NONE);
    assert_int_equal(add_limited(f, PEER_A, "3", "1", 0, 10), WIRE_CODE_INBOX_SHARE);
    /* The first one needs nothing but room. */
    assert_int_equal(add_limited(f, PEER_C, "1", "123456", 0, 10), WIRE_CODE_INBOX_FULL);
    assert_int_equal(add_limited(f, PEER_C, "1", "12345", 0, 10), WIRE_CODE_NONE);
}

static void an_inbox_comes_in_pages(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m1", "12345"));
    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m2", "12345"));
    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "m3", "12345"));
    op = make_read_inbox(PEER_B, 0);
    op->max_bytes = 10;
    op = fixture_run(f, op);
    assert_int_equal(op->n_inbox, 2);
    assert_false(op->complete);
    (void)store_op_free(op);
    op = make_read_inbox(PEER_B, 1);
    op->max_bytes = 1;
    op = fixture_run(f, op);
    assert_int_equal(op->n_inbox, 1);
    assert_message(op, 0, 2, "12345");
    assert_false(op->complete);
    (void)store_op_free(op);
    op = make_read_inbox(PEER_B, 2);
    op->max_rows = 1;
    op = fixture_run(f, op);
    assert_int_equal(op->n_inbox, 1);
    assert_true(op->complete);
    (void)store_op_free(op);
}

static void acknowledged_messages_leave_a_bounded_number_of_ids(void **state)
{
    struct fixture *f = *state;

    fixture_sql(
        f, "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 5000)"
           " INSERT INTO inbox_message (target, seq, source_peer_id, message_id, frame_bytes,"
           "  expires_unix_ms, frame) SELECT 2, i, 'source', 'old' || i, 1, 2000000, x'00' FROM n;"
           "UPDATE member SET inbox_head = 5000 WHERE id = 2");
    (void)fixture_new(f, make_ack(PEER_B, 4999));
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_message"), 4096 + 1);
    assert_int_equal(fixture_sql_int(f, "SELECT min(seq) FROM inbox_message"), 4999 - 4096 + 1);
}

static void large_frames_come_back_whole(void **state)
{
    struct fixture *f = *state;
    size_t size = 1048576 + 4096;
    char *frame = malloc(size);
    struct store_op *op = make_add_inbox(PEER_A, PEER_B, "m", "x");

    assert_non_null(frame);
    for (size_t i = 0; i < size; i++)
        frame[i] = (char)(i * 31 % 251);
    op_set_frame(op, frame, size);
    (void)fixture_new(f, op);
    fixture_reopen(f);
    op = fixture_run(f, make_read_inbox(PEER_B, 0));
    assert_int_equal(op->n_inbox, 1);
    assert_int_equal(op->inbox[0].frame_bytes, size);
    assert_memory_equal(op->inbox[0].frame, frame, size);
    (void)store_op_free(op);
    free(frame);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(delivered_in_order_until_acknowledged, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_repeated_message_gets_the_number_it_had, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(acknowledgement_is_cumulative_and_bounded, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(strangers_have_no_inbox, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_full_inbox_refuses_until_acknowledged, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(nobody_fills_an_inbox_alone, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(nobody_takes_an_inbox_s_bytes_alone, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_inbox_comes_in_pages, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(acknowledged_messages_leave_a_bounded_number_of_ids,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(large_frames_come_back_whole, setup_pair, fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_inbox", tests, NULL, NULL);
}
