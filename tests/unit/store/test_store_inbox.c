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

static enum wire_code add_pooled(struct fixture *f, const char *source, const char *target,
                                 const char *message, const char *frame)
{
    struct store_op *op = make_add_inbox(source, target, message, frame);

    op->pool_bytes = 20;
    return fixture_code(f, op);
}

/* What the file counts is what there is. */
static void assert_counted(const struct fixture *f)
{
    assert_int_equal(fixture_sql_int(f,
                                     "SELECT count(*) FROM member m WHERE (held_rows, held_bytes)"
                                     " IS NOT (SELECT count(*), coalesce(sum(frame_bytes), 0)"
                                     " FROM inbox_message WHERE target = m.id"
                                     " AND frame IS NOT NULL)"),
                     0);
    assert_int_equal(fixture_sql_int(f,
                                     "SELECT count(*) FROM syncshell s WHERE held_bytes IS NOT"
                                     " (SELECT coalesce(sum(frame_bytes), 0) FROM inbox_message i"
                                     " JOIN member m ON m.id = i.target"
                                     " WHERE m.syncshell = s.id AND frame IS NOT NULL)"),
                     0);
    assert_int_equal(
        fixture_sql_int(f, "SELECT count(*) FROM"
                           " (SELECT syncshell, peer_id, held_bytes FROM inbox_sender EXCEPT"
                           "  SELECT syncshell, source_peer_id, sum(frame_bytes)"
                           "  FROM inbox_message JOIN member ON member.id = target"
                           "  WHERE frame IS NOT NULL GROUP BY syncshell, source_peer_id)"),
        0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_sender"),
                     fixture_sql_int(f, "SELECT count(*) FROM (SELECT DISTINCT syncshell,"
                                        " source_peer_id FROM inbox_message JOIN member"
                                        " ON member.id = target WHERE frame IS NOT NULL)"));
}

static void nobody_fills_a_syncshell_s_inboxes_alone(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_add_member(PEER_C));
    assert_int_equal(add_pooled(f, PEER_A, PEER_B, "1", "12345"), WIRE_CODE_NONE);
    assert_int_equal(add_pooled(f, PEER_A, PEER_C, "2", "12345"), WIRE_CODE_NONE);
    assert_int_equal(add_pooled(f, PEER_A, PEER_C, "3", "1"), WIRE_CODE_INBOXES_SHARE);
    fixture_reopen(f);
    assert_int_equal(add_pooled(f, PEER_A, PEER_B, "3", "1"), WIRE_CODE_INBOXES_SHARE);
    assert_counted(f);
    /* The first one needs nothing but room. */
    assert_int_equal(add_pooled(f, PEER_B, PEER_C, "1", "12345678901"), WIRE_CODE_INBOXES_FULL);
    assert_int_equal(add_pooled(f, PEER_B, PEER_C, "1", "1234567890"), WIRE_CODE_NONE);
    assert_int_equal(add_pooled(f, PEER_C, PEER_B, "1", "1"), WIRE_CODE_INBOXES_FULL);
    assert_int_equal(add_pooled(f, PEER_B, PEER_C, "1", "1234567890"), WIRE_CODE_NONE); /* again */
    /* Another syncshell's are its own. */
    (void)fixture_new(f, make_create("another", PEER_A, KEY_1));
    struct store_op *op = make_add_inbox(PEER_A, PEER_A, "1", "1");
    (void)snprintf(op->syncshell_id.text, sizeof op->syncshell_id.text, "another");
    op->pool_bytes = 20;
    assert_int_equal(fixture_code(f, op), WIRE_CODE_NONE);
    (void)fixture_new(f, make_ack(PEER_B, 1));
    assert_int_equal(add_pooled(f, PEER_C, PEER_B, "1", "12345"), WIRE_CODE_NONE);
    assert_counted(f);
}

/* Whoever leaves is charged for what it sent, for as long as that is held: coming back brings no new share. */
static void what_a_former_member_sent_is_its_own_still(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(add_pooled(f, PEER_B, PEER_A, "1", "1234567890"), WIRE_CODE_NONE);
    (void)fixture_new(f, make_remove_member(PEER_B));
    assert_counted(f);
    (void)fixture_new(f, make_add_member(PEER_B));
    assert_int_equal(add_pooled(f, PEER_B, PEER_A, "2", "1"), WIRE_CODE_INBOXES_SHARE);
    (void)fixture_new(f, make_ack(PEER_A, 1));
    assert_int_equal(add_pooled(f, PEER_B, PEER_A, "2", "1"), WIRE_CODE_NONE);
    assert_counted(f);
}

static void what_is_held_is_counted_until_it_goes(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "1", "12345"));
    (void)fixture_new(f, make_add_inbox(PEER_B, PEER_A, "1", "123"));
    op = make_add_inbox(PEER_A, PEER_B, "2", "1234567");
    op->expires_unix_ms = NOW_MS + 1;
    (void)fixture_new(f, op);
    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "3", "1"));
    assert_counted(f);
    (void)fixture_new(f, make_sweep(NOW_MS + 1, 100)); /* one expires unread */
    assert_int_equal(fixture_sql_int(f, "SELECT held_bytes FROM syncshell"), 5 + 3 + 1);
    assert_counted(f);
    (void)fixture_new(f, make_ack(PEER_B, 1));
    assert_int_equal(fixture_sql_int(f, "SELECT held_bytes FROM syncshell"), 3 + 1);
    assert_counted(f);
    (void)fixture_new(f, make_remove_member(PEER_B)); /* and its inbox with it */
    assert_int_equal(fixture_sql_int(f, "SELECT held_bytes FROM syncshell"), 3);
    assert_counted(f);
    op = make_owner(STORE_DELETE_SYNCSHELL, PEER_A, 1, NULL);
    op->expires_unix_ms = LATER_MS;
    (void)fixture_new(f, op);
    (void)fixture_new(f, make_sweep(NOW_MS, 100));
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM inbox_sender"), 0);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM syncshell"), 0);
}

static void what_was_held_before_it_was_counted_is(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "1", "12345"));
    (void)fixture_new(f, make_add_inbox(PEER_A, PEER_B, "2", "123"));
    (void)fixture_new(f, make_add_inbox(PEER_B, PEER_B, "3", "1"));
    (void)fixture_new(f, make_ack(PEER_B, 1));
    fixture_sql(f, "DROP TRIGGER inbox_message_held_more; DROP TRIGGER inbox_message_emptied;"
                   "DROP TRIGGER inbox_message_held_less; DROP TABLE inbox_sender;"
                   "ALTER TABLE member DROP COLUMN held_rows;"
                   "ALTER TABLE member DROP COLUMN held_bytes;"
                   "ALTER TABLE syncshell DROP COLUMN held_bytes;"
                   "ALTER TABLE syncshell RENAME COLUMN used_day TO used_unix_day;"
                   "ALTER TABLE meta DROP COLUMN relay_day;"
                   "ALTER TABLE meta DROP COLUMN unix_day;"
                   "DROP INDEX syncshell_tombstone_by_owner;"
                   "DELETE FROM schema_migration WHERE version >= 11");
    fixture_reopen(f);
    assert_int_equal(fixture_sql_int(f, "SELECT held_bytes FROM syncshell"), 3 + 1);
    assert_counted(f);
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
        cmocka_unit_test_setup_teardown(nobody_fills_a_syncshell_s_inboxes_alone, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_a_former_member_sent_is_its_own_still, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_is_held_is_counted_until_it_goes, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_was_held_before_it_was_counted_is, setup_pair,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_inbox_comes_in_pages, setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(acknowledged_messages_leave_a_bounded_number_of_ids,
                                        setup_pair, fixture_teardown),
        cmocka_unit_test_setup_teardown(large_frames_come_back_whole, setup_pair, fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_inbox", tests, NULL, NULL);
}
