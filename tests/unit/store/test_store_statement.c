/* Prepared statements are kept for the life of a connection, however many the sources have by now. */
#include "fixture.h"

#include "adapters/store_sqlite/db.h"

enum { STATEMENTS = 1000 };

static char texts[STATEMENTS][32]; /* a statement's text is told by its address */

static uint64_t value_of(struct statement *st)
{
    assert_int_equal(statement_step(st), STATEMENT_ROW);
    return statement_uint(st, 0);
}

static void p2_a_long_life_runs_out_of_nothing(void **state)
{
    struct fixture *f = *state;
    struct statement *first[STATEMENTS];
    struct db db;

    assert_int_equal(db_open(&db, f->path), 0);
    for (unsigned i = 0; i < STATEMENTS; i++) {
        (void)snprintf(texts[i], sizeof texts[i], "SELECT %u", i);
        first[i] = statement_get(&db, texts[i]);
        assert_int_equal(value_of(first[i]), i);
    }
    for (unsigned i = 0; i < STATEMENTS; i++) {
        assert_ptr_equal(statement_get(&db, texts[i]), first[i]);
        assert_int_equal(value_of(first[i]), i);
    }
    db_close(&db);
}

static void what_cannot_be_prepared_fails_when_stepped(void **state)
{
    struct fixture *f = *state;
    struct db db;

    assert_int_equal(db_open(&db, f->path), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_true(statement_step(statement_get(&db, "SELECT nothing FROM nowhere")) < 0);
    assert_int_equal(value_of(statement_get(&db, "SELECT 7")), 7);
    db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(p2_a_long_life_runs_out_of_nothing, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_prepared_fails_when_stepped, fixture_setup,
                                        fixture_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
