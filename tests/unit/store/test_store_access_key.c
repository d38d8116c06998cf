/* Access keys: added and revoked beside a running store, judged by its next transaction. */
#include "fixture.h"

#include <errno.h>
#include <unistd.h>

#include "adapters/store_sqlite/access_keys.h"

#define HASH_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define HASH_2 "1111111111111111111111111111111111111111111111111111111111111112"

static struct access_keys *keys_open(const struct fixture *f)
{
    char error[ERROR_MAX];
    struct access_keys *keys = NULL;

    if (access_keys_open(&keys, f->path, error, sizeof error) < 0)
        fail_msg("%s", error);
    return keys;
}

static void add(struct access_keys *keys, const char *id, const char *name, int64_t expires_ms)
{
    struct access_key_row row = {.created_unix_ms = NOW_MS, .expires_unix_ms = expires_ms};

    assert_int_equal(wire_id_set(&row.key_id, id), 0);
    (void)snprintf(row.name, sizeof row.name, "%s", name);
    assert_int_equal(access_keys_add(keys, &row, HASH_1), 0);
}

static enum wire_code create(struct fixture *f, const char *syncshell, const char *id,
                             const char *hash)
{
    struct store_op *op = make_create(syncshell, PEER_A, KEY_1);

    op->needs_access_key = true;
    (void)wire_id_set(&op->access_key.key_id, id);
    (void)snprintf(op->access_key.sha256, sizeof op->access_key.sha256, "%s", hash);
    return fixture_code(f, op);
}

static void judged_while_the_relay_runs(void **state)
{
    struct fixture *f = *state;
    struct access_keys *keys = keys_open(f);
    size_t n = 0;

    assert_int_equal(create(f, "one", "k1", HASH_1), WIRE_CODE_BAD_ACCESS_KEY);
    assert_int_equal(create(f, "one", "k1", ""), WIRE_CODE_BAD_ACCESS_KEY);
    add(keys, "k1", "Ann", 0);
    add(keys, "k2", "Ben", NOW_MS);
    add(keys, "k3", "Ben", NOW_MS + 1);
    assert_int_equal(create(f, "one", "", HASH_1), WIRE_CODE_BAD_ACCESS_KEY);
    assert_int_equal(create(f, "one", "k1", HASH_2), WIRE_CODE_BAD_ACCESS_KEY);
    assert_int_equal(create(f, "one", "k1", ""), WIRE_CODE_BAD_ACCESS_KEY);
    assert_int_equal(create(f, "one", "k1", HASH_1), WIRE_CODE_NONE);
    assert_int_equal(create(f, "two", "k2", HASH_1), WIRE_CODE_ACCESS_KEY_EXPIRED);
    assert_int_equal(create(f, "two", "k3", HASH_1), WIRE_CODE_NONE);
    assert_int_equal(access_keys_revoke(keys, "Ann", NOW_MS, &n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(access_keys_revoke(keys, "Ann", NOW_MS, &n), 0);
    assert_int_equal(n, 0);
    assert_int_equal(create(f, "three", "k1", HASH_1), WIRE_CODE_ACCESS_KEY_REVOKED);
    assert_int_equal(create(f, "three", "k1", HASH_2), WIRE_CODE_BAD_ACCESS_KEY);
    assert_int_equal(create(f, "one", "k1", HASH_1),
                     WIRE_CODE_NONE); /* it exists: the same once more */
    assert_int_equal(access_keys_revoke(keys, "Ben", NOW_MS, &n), 0);
    assert_int_equal(n, 2);
    assert_int_equal(access_keys_remove(keys, "k1"), 0);
    assert_int_equal(create(f, "four", "k1", HASH_1), WIRE_CODE_BAD_ACCESS_KEY);
    (void)access_keys_close(keys);
}

struct seen {
    size_t n;
    struct access_key_row rows[4];
};

static int note(void *userdata, const struct access_key_row *row)
{
    struct seen *seen = userdata;

    assert_in_range(seen->n, 0, 3);
    seen->rows[seen->n++] = *row;
    return 0;
}

static void listed_with_their_last_use(void **state)
{
    struct fixture *f = *state;
    struct access_keys *keys = keys_open(f);
    struct seen seen = {0};

    add(keys, "k1", "Ann", 0);
    add(keys, "k2", "Ben", LATER_MS);
    assert_int_equal(create(f, "one", "k2", HASH_1), WIRE_CODE_NONE);
    assert_int_equal(create(f, "two", "k1", HASH_2), WIRE_CODE_BAD_ACCESS_KEY);
    assert_int_equal(access_keys_list(keys, note, &seen), 0);
    assert_int_equal(seen.n, 2);
    assert_string_equal(seen.rows[0].name, "Ann");
    assert_int_equal(seen.rows[0].last_used_unix_ms, 0);
    assert_int_equal(seen.rows[0].expires_unix_ms, 0);
    assert_string_equal(seen.rows[1].key_id.text, "k2");
    assert_int_equal(seen.rows[1].last_used_unix_ms, NOW_MS);
    assert_int_equal(seen.rows[1].expires_unix_ms, LATER_MS);
    assert_int_equal(seen.rows[1].revoked_unix_ms, 0);
    (void)access_keys_close(keys);
}

static void without_a_relay_the_file_is_made_ready(void **state)
{
    struct fixture *f = *state;
    struct access_keys *keys;

    fixture_close(f);
    assert_int_equal(unlink(f->path), 0);
    keys = keys_open(f);
    add(keys, "k1", "Ann", 0);
    (void)access_keys_close(keys);
    fixture_open(f);
    assert_int_equal(create(f, "one", "k1", HASH_1), WIRE_CODE_NONE);
}

static void an_older_relays_file_is_left_alone(void **state)
{
    struct fixture *f = *state;
    struct access_keys *keys = NULL;
    char error[ERROR_MAX];

    fixture_sql(
        f,
        "DELETE FROM schema_migration WHERE version = (SELECT max(version) FROM schema_migration)");
    assert_int_equal(access_keys_open(&keys, f->path, error, sizeof error), -ENOTSUP);
    assert_non_null(strstr(error, "older version"));
    assert_null(keys);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(judged_while_the_relay_runs, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(listed_with_their_last_use, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(without_a_relay_the_file_is_made_ready, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_older_relays_file_is_left_alone, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_access_key", tests, NULL, NULL);
}
