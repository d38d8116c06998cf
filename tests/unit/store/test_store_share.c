/* What one member may have of what its syncshell's sessions may take: never so much that another finds nothing. */
#include "fixture.h"

#include <inttypes.h>

static int setup_trio(void **state)
{
    if (fixture_setup(state) < 0)
        return -1;
    fixture_add_pair(*state);
    (void)fixture_new(*state, make_add_member(PEER_C));
    return 0;
}

static enum wire_code create_one(struct fixture *f, const char *syncshell, const char *peer)
{
    struct store_op *op = make_create(syncshell, peer, KEY_1);

    op->limit_rows = 2;
    return fixture_code(f, op);
}

static void creators_pay_for_their_syncshells(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    assert_int_equal(create_one(f, "another", PEER_A), WIRE_CODE_NONE);
    assert_int_equal(create_one(f, "third", PEER_A), WIRE_CODE_TOO_MANY_SYNCSHELLS);
    fixture_reopen(f);
    assert_int_equal(create_one(f, "third", PEER_A), WIRE_CODE_TOO_MANY_SYNCSHELLS);
    assert_int_equal(create_one(f, "another", PEER_A), WIRE_CODE_NONE); /* again */
    /* Handed over it is still its creator's, and not charged to whoever got it. */
    (void)fixture_new(f, make_owner(STORE_TRANSFER_OWNERSHIP, PEER_A, 1, PEER_B));
    assert_int_equal(create_one(f, "third", PEER_A), WIRE_CODE_TOO_MANY_SYNCSHELLS);
    assert_int_equal(create_one(f, "b1", PEER_B), WIRE_CODE_NONE);
    assert_int_equal(create_one(f, "b2", PEER_B), WIRE_CODE_NONE);
    /* Deleted it counts until nothing of it is left. */
    op = make_owner(STORE_DELETE_SYNCSHELL, PEER_B, 2, NULL);
    op->expires_unix_ms = LATER_MS;
    (void)fixture_new(f, op);
    assert_int_equal(create_one(f, "third", PEER_A), WIRE_CODE_TOO_MANY_SYNCSHELLS);
    (void)fixture_new(f, make_sweep(NOW_MS, 100));
    assert_int_equal(create_one(f, "third", PEER_A), WIRE_CODE_NONE);
}

/* A peer that creates and deletes for ever would fill the disk with tombstones. */
static void an_owner_leaves_a_bounded_number_of_tombstones(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    fixture_sql(f,
                "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 1024)"
                " INSERT INTO syncshell_tombstone (syncshell_id, expired, owner_peer_id,"
                " expires_unix_ms) SELECT 'gone' || i, 0, '" PEER_A "', 1000000 + i FROM n;"
                "INSERT INTO syncshell_tombstone (syncshell_id, expired, owner_peer_id,"
                " expires_unix_ms) VALUES ('theirs', 0, '" PEER_B "', 1000000)");
    op = make_owner(STORE_DELETE_SYNCSHELL, PEER_A, 1, NULL);
    op->expires_unix_ms = LATER_MS;
    (void)fixture_new(f, op);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM syncshell_tombstone"), 1024 + 1);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM syncshell_tombstone"
                                        " WHERE syncshell_id IN ('theirs', 'gone2', '" SHELL "')"),
                     3);
    assert_int_equal(fixture_code(f, make_create("gone1", PEER_A, KEY_1)),
                     WIRE_CODE_NONE); /* forgotten */
    assert_int_equal(fixture_code(f, make_create("gone2", PEER_A, KEY_1)),
                     WIRE_CODE_SYNCSHELL_DELETED);
}

static struct store_op *opening(const char *session, const char *opener, const char *joiner,
                                const char *provider)
{
    struct store_op *op = make_open_session(session, session);

    (void)snprintf(op->peer_id.text, sizeof op->peer_id.text, "%s", opener);
    (void)snprintf(op->joiner_peer_id.text, sizeof op->joiner_peer_id.text, "%s", joiner);
    (void)snprintf(op->provider_peer_id.text, sizeof op->provider_peer_id.text, "%s", provider);
    return op;
}

static enum wire_code open_one(struct fixture *f, const char *session, const char *opener,
                               const char *joiner, const char *provider, uint64_t rows)
{
    struct store_op *op = opening(session, opener, joiner, provider);

    op->limit_rows = rows;
    return fixture_code(f, op);
}

static void nobody_opens_all_sessions(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(open_one(f, "a1", PEER_A, PEER_A, PEER_B, 6), WIRE_CODE_NONE);
    assert_int_equal(open_one(f, "a2", PEER_A, PEER_B, PEER_A, 6), WIRE_CODE_NONE);
    assert_int_equal(open_one(f, "a3", PEER_A, PEER_A, PEER_C, 6), WIRE_CODE_NONE);
    assert_int_equal(open_one(f, "a4", PEER_A, PEER_A, PEER_B, 6), WIRE_CODE_SESSIONS_SHARE);
    fixture_reopen(f);
    assert_int_equal(open_one(f, "a4", PEER_A, PEER_A, PEER_B, 6), WIRE_CODE_SESSIONS_SHARE);
    assert_int_equal(open_one(f, "b1", PEER_B, PEER_A, PEER_B, 6), WIRE_CODE_NONE);
    assert_int_equal(open_one(f, "b2", PEER_B, PEER_A, PEER_B, 6), WIRE_CODE_SESSIONS_SHARE);
    assert_int_equal(open_one(f, "c1", PEER_C, PEER_C, PEER_B, 6), WIRE_CODE_NONE);
    (void)fixture_new(f, make_close("a1", SESSION_OUTCOME_FAILED));
    (void)fixture_new(f, make_close("a2", SESSION_OUTCOME_FAILED));
    assert_int_equal(open_one(f, "a4", PEER_A, PEER_A, PEER_B, 6), WIRE_CODE_NONE);
}

static void a_session_s_share_moves_with_its_joiner(void **state)
{
    struct fixture *f = *state;
    struct store_op *op;

    assert_int_equal(open_one(f, "a1", PEER_A, PEER_A, PEER_B, 5), WIRE_CODE_NONE);
    assert_int_equal(open_one(f, "a2", PEER_A, PEER_B, PEER_A, 5), WIRE_CODE_NONE);
    assert_int_equal(open_one(f, "a3", PEER_A, PEER_A, PEER_B, 5), WIRE_CODE_SESSIONS_SHARE);
    op = make_op(STORE_ISSUE_CODE);
    (void)snprintf(op->recovery_session_id.text, sizeof op->recovery_session_id.text, "a1");
    (void)snprintf(op->peer_id.text, sizeof op->peer_id.text, PEER_A);
    memset(op->code_sha256.text, 'a', WIRE_SHA256_LENGTH);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_NONE);
    op = make_op(STORE_REDEEM_CODE);
    (void)snprintf(op->peer_id.text, sizeof op->peer_id.text, PEER_C);
    memset(op->code_sha256.text, 'a', WIRE_SHA256_LENGTH);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_NONE);
    assert_int_equal(open_one(f, "a3", PEER_A, PEER_A, PEER_B, 5), WIRE_CODE_NONE);
    assert_int_equal(open_one(f, "c1", PEER_C, PEER_C, PEER_B, 5), WIRE_CODE_SESSIONS_SHARE);
}

/* 10 bytes of each log are its own; 20 more are everybody's. */
static struct store_op *limited(struct store_op *op)
{
    op->part_bytes = 10;
    op->pool_bytes = 20;
    return op;
}

static enum wire_code write_one(struct fixture *f, enum store_op_kind kind, const char *session,
                                const char *writer, const char *message, uint64_t base,
                                const char *body)
{
    struct store_op *op =
        limited(kind == STORE_APPEND_ENTRY ? make_append(session, message, base, body)
                                           : make_checkpoint(session, message, base, body));

    (void)snprintf(op->peer_id.text, sizeof op->peer_id.text, "%s", writer);
    return fixture_code(f, op);
}

static void nobody_s_logs_take_all_the_room(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, limited(opening("a", PEER_A, PEER_A, PEER_B))); /* "opened": 6 bytes */
    (void)fixture_new(f, limited(opening("b", PEER_B, PEER_B, PEER_A)));
    (void)fixture_new(f, limited(opening("c", PEER_C, PEER_C, PEER_A)));
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "a", PEER_A, "1", 1, "12345678901234"),
                     WIRE_CODE_NONE); /* 10 of the pool's 20 */
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "a", PEER_A, "2", 2, "1"),
                     WIRE_CODE_LOG_SHARE);
    fixture_reopen(f);
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "a", PEER_A, "2", 2, "1"),
                     WIRE_CODE_LOG_SHARE);
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "b", PEER_B, "1", 1, "123456789"),
                     WIRE_CODE_NONE);
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "b", PEER_B, "2", 2, "1"),
                     WIRE_CODE_LOG_SHARE);
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "c", PEER_C, "1", 1, "1234567890"),
                     WIRE_CODE_SYNCSHELL_QUOTA);
    /* What is within its own part needs nothing of what is used up. */
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "c", PEER_C, "1", 1, "1234"), WIRE_CODE_NONE);
    /* A checkpoint that is smaller always fits, and gives room back. */
    assert_int_equal(write_one(f, STORE_CHECKPOINT, "a", PEER_A, "3", 2, "123456789012345678"),
                     WIRE_CODE_NONE);
    assert_int_equal(write_one(f, STORE_CHECKPOINT, "a", PEER_A, "4", 3, "1"), WIRE_CODE_NONE);
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "c", PEER_C, "2", 2, "123456"),
                     WIRE_CODE_NONE);
}

static void in_another_s_name_nobody_takes_from_the_pool(void **state)
{
    struct fixture *f = *state;
    struct store_op *op = limited(opening("b", PEER_A, PEER_B, PEER_A));

    op_set_frame(op, "{}\n12345678901", 14);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_LOG_SHARE);
    op = limited(opening("b", PEER_A, PEER_B, PEER_A));
    op_set_frame(op, "{}\n1234567890", 13);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_NONE);
    op = limited(opening("a", PEER_A, PEER_A, PEER_B));
    op_set_frame(op, "{}\n12345678901", 14);
    assert_int_equal(fixture_code(f, op), WIRE_CODE_NONE);
}

static void closed_logs_take_room_until_they_are_swept(void **state)
{
    struct fixture *f = *state;
    char name[8];

    for (int i = 0; i < 3; i++) {
        (void)snprintf(name, sizeof name, "s%d", i);
        (void)fixture_new(f, limited(opening(name, PEER_A, PEER_A, PEER_B)));
        (void)fixture_new(f, make_close(name, SESSION_OUTCOME_FAILED));
    }
    assert_int_equal(fixture_code(f, limited(opening("s3", PEER_A, PEER_A, PEER_B))),
                     WIRE_CODE_NONE); /* 18 of 20: none of it for the new one, which has its part */
    (void)fixture_new(f, make_close("s3", SESSION_OUTCOME_FAILED));
    assert_int_equal(fixture_code(f, limited(opening("s4", PEER_C, PEER_C, PEER_B))),
                     WIRE_CODE_SYNCSHELL_QUOTA);
    (void)fixture_new(f, make_sweep(NOW_MS, 100));
    assert_int_equal(fixture_code(f, limited(opening("s4", PEER_C, PEER_C, PEER_B))),
                     WIRE_CODE_NONE);
}

static int64_t database_bytes(struct fixture *f)
{
    return fixture_sql_int(f, "SELECT page_count * page_size FROM pragma_page_count,"
                              " pragma_page_size");
}

/* Whatever the limit is, it is about the disk, and not about what is written there without its rows. */
static void small_entries_count_for_what_they_take(void **state)
{
    enum { LIMIT_BYTES = 1 << 20, BATCH = 500, BATCHES_MAX = 40 };
    struct fixture *f = *state;
    int64_t before = database_bytes(f);
    uint64_t version = 1;
    bool full = false;

    (void)fixture_new(f, make_open_session("s", "m"));
    for (int batch = 0; batch < BATCHES_MAX && !full; batch++) {
        for (uint64_t i = 0; i < BATCH; i++) {
            char id[WIRE_ID_MAX + 1]; /* as long as one may be */
            (void)snprintf(id, sizeof id, "%064" PRIu64, version + i);
            struct store_op *op = make_append("s", id, version + i, "1");
            op->limit_bytes = LIMIT_BYTES;
            op->row_bytes = STORE_ENTRY_BYTES;
            fixture_submit(f, op);
        }
        store_flush(f->store);
        for (int i = 0; i < BATCH; i++) {
            struct store_op *op = fixture_collect(f);
            full |= op->code == WIRE_CODE_SESSION_FULL;
            version += op->code == WIRE_CODE_NONE;
            (void)store_op_free(op);
        }
    }
    assert_true(full);
    assert_in_range(database_bytes(f) - before, LIMIT_BYTES / 2, LIMIT_BYTES);
}

static void what_was_counted_before_is_not_taken_for_what_is(void **state)
{
    struct fixture *f = *state;

    (void)fixture_new(f, limited(opening("a", PEER_A, PEER_A, PEER_B)));
    (void)fixture_new(f, limited(opening("b", PEER_B, PEER_B, PEER_A)));
    (void)fixture_new(f, limited(opening("s0", PEER_A, PEER_A, PEER_B)));
    (void)fixture_new(f, limited(opening("s1", PEER_A, PEER_A, PEER_B)));
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "a", PEER_A, "1", 1, "12345"),
                     WIRE_CODE_NONE); /* 1 of 20 */
    (void)fixture_new(f, make_close("s0", SESSION_OUTCOME_FAILED));
    (void)fixture_new(f, make_close("s1", SESSION_OUTCOME_FAILED)); /* 13 */
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "b", PEER_B, "1", 1, "123456789012"),
                     WIRE_CODE_SYNCSHELL_QUOTA);
    assert_int_equal(write_one(f, STORE_APPEND_ENTRY, "b", PEER_B, "1", 1, "12345678901"),
                     WIRE_CODE_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(creators_pay_for_their_syncshells, setup_trio,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_owner_leaves_a_bounded_number_of_tombstones, setup_trio,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(nobody_opens_all_sessions, setup_trio, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_session_s_share_moves_with_its_joiner, setup_trio,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(nobody_s_logs_take_all_the_room, setup_trio,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(in_another_s_name_nobody_takes_from_the_pool, setup_trio,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(small_entries_count_for_what_they_take, setup_trio,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_was_counted_before_is_not_taken_for_what_is,
                                        setup_trio, fixture_teardown),
        cmocka_unit_test_setup_teardown(closed_logs_take_room_until_they_are_swept, setup_trio,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_share", tests, NULL, NULL);
}
