/* When a syncshell was last used, in a calendar of the relay's own: it has one day more for each day on which the relay ran. So days
 * on which nobody could come do not count, nor those that a clock jumped over or that passed since a backup was made; and when a
 * clock is set back, the present day goes on. */
#include "adapters/store_sqlite/op.h"

#include "adapters/store_sqlite/db.h"

static int64_t unix_day_of(const struct store_op *op)
{
    return op->now.unix_ms / STORE_DAY_MS;
}

/* op's day, and the Unix day that the calendar was last at. 0 or negative. */
static int calendar_read(struct db *db, const struct store_op *op, int64_t *ret_day,
                         int64_t *ret_unix_day)
{
    static const char sql[] = "SELECT relay_day, unix_day FROM meta";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r = statement_step(st);

    if (r < 0)
        return r;
    *ret_unix_day = statement_int(st, 1);
    *ret_day = statement_int(st, 0) + (unix_day_of(op) > *ret_unix_day ? 1 : 0);
    return statement_error(st);
}

int use_today(struct db *db, const struct store_op *op, int64_t *ret_day)
{
    static const char sql[] = "UPDATE meta SET relay_day = ?, unix_day = ?";
    struct statement *st;
    int64_t unix_day;
    int r = calendar_read(db, op, ret_day, &unix_day);

    if (r < 0 || unix_day == unix_day_of(op))
        return r;
    st = statement_get(db, sql);
    statement_bind_int(st, *ret_day);
    statement_bind_int(st, unix_day_of(op));
    return statement_run(st);
}

int use_as_unix_day(struct db *db, const struct store_op *op, int64_t used_day,
                    int64_t *ret_unix_day)
{
    int64_t today, unix_day;
    int r = calendar_read(db, op, &today, &unix_day);

    if (r == 0)
        *ret_unix_day = unix_day_of(op) - (today - used_day);
    return r;
}

int op_note_use(struct db *db, struct store_op *op)
{
    static const char sql[] =
        "UPDATE syncshell SET used_day = max(used_day, ?) WHERE syncshell_id = ?";
    struct statement *st;
    int64_t today;
    int r = use_today(db, op, &today);

    if (r < 0)
        return r;
    st = statement_get(db, sql);
    statement_bind_int(st, today);
    statement_bind_text(st, op->syncshell_id.text);
    r = statement_run(st);
    if (r < 0 || db_changes(db) > 0)
        return r;
    return tombstone_find_or(db, op, WIRE_CODE_UNKNOWN_SYNCSHELL, NULL);
}
