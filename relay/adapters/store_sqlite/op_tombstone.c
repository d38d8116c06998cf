/* Syncshells that are gone. Deleting one may mean gigabytes, so it only takes the id away, which nobody can ask for any
 * more; the rows go with the sweep, in steps. */
#include "adapters/store_sqlite/op.h"

#include <errno.h>

#include "adapters/store_sqlite/db.h"

int tombstone_find_or(struct db *db, struct store_op *op, enum wire_code code, bool *ret_owner)
{
    static const char sql[] =
        "SELECT expired, owner_peer_id = ? FROM syncshell_tombstone WHERE syncshell_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->peer_id.text);
    statement_bind_text(st, op->syncshell_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    op->code = code;
    if (r != STATEMENT_ROW)
        return 0;
    op->code = statement_int(st, 0) ? WIRE_CODE_SYNCSHELL_EXPIRED : WIRE_CODE_SYNCSHELL_DELETED;
    if (ret_owner)
        *ret_owner = statement_int(st, 1) != 0;
    return statement_error(st);
}

/* Who was away for so long that its syncshell expired may be away for longer. */
static int64_t end_of(const struct store_op *op, bool expired)
{
    int64_t end = session_tombstone_end(op);
    int64_t late = op->now.unix_ms + (int64_t)op->unused_days * STORE_DAY_MS;

    return expired && late > end ? late : end;
}

/* Forgets the shortest-lived of the same owner beyond OP_TOMBSTONES_MAX. */
static int trim(struct db *db, int64_t syncshell)
{
    static const char sql[] =
        "DELETE FROM syncshell_tombstone WHERE id IN (SELECT id FROM syncshell_tombstone"
        " WHERE owner_peer_id = (SELECT owner_peer_id FROM syncshell WHERE id = ?)"
        " ORDER BY expires_unix_ms DESC LIMIT -1 OFFSET ?)";
    struct statement *st = statement_get(db, sql);

    statement_bind_int(st, syncshell);
    statement_bind_int(st, OP_TOMBSTONES_MAX);
    return statement_run(st);
}

int tombstone_make(struct db *db, const struct store_op *op, int64_t syncshell, bool expired)
{
    static const char insert_sql[] =
        "INSERT INTO syncshell_tombstone (syncshell_id, expired, owner_peer_id, expires_unix_ms)"
        " SELECT syncshell_id, ?, owner_peer_id, ? FROM syncshell WHERE id = ?";
    static const char rename_sql[] = "UPDATE syncshell SET syncshell_id = '~' || id WHERE id = ?";
    struct statement *st = statement_get(db, insert_sql);
    int r;

    statement_bind_int(st, expired);
    statement_bind_int(st, end_of(op, expired));
    statement_bind_int(st, syncshell);
    r = statement_run(st);
    if (r == 0)
        r = trim(db, syncshell);
    if (r < 0)
        return r;
    st = statement_get(db, rename_sql);
    statement_bind_int(st, syncshell);
    return statement_run(st);
}

int tombstone_forget(struct db *db, const struct store_op *op)
{
    struct statement *st =
        statement_get(db, "DELETE FROM syncshell_tombstone WHERE syncshell_id = ?");

    statement_bind_text(st, op->syncshell_id.text);
    return statement_run(st);
}

static int expired_append(struct store_op *op, struct statement *st)
{
    struct wire_id *ids =
        array_grow(op->expired_syncshells, op->n_expired, sizeof *op->expired_syncshells);

    if (!ids)
        return -ENOMEM;
    op->expired_syncshells = ids;
    statement_text(st, 1, ids[op->n_expired].text, sizeof ids[op->n_expired].text);
    op->n_expired++;
    return 0;
}

int tombstone_expire(struct db *db, struct store_op *op, int64_t today, size_t *budget)
{
    static const char sql[] = "SELECT id, syncshell_id FROM syncshell"
                              " WHERE used_day < ? AND syncshell_id NOT GLOB '~*' LIMIT 1";

    while (op->unused_days > 0 && *budget > 0) {
        struct statement *st = statement_get(db, sql);
        int64_t syncshell;
        int r;

        statement_bind_int(st, today - (int64_t)op->unused_days);
        r = statement_step(st);
        syncshell = r == STATEMENT_ROW ? statement_int(st, 0) : 0;
        if (r == STATEMENT_ROW && expired_append(op, st) < 0)
            r = -ENOMEM;
        statement_reset(st);
        if (r != STATEMENT_ROW)
            return r;
        r = tombstone_make(db, op, syncshell, true);
        if (r < 0)
            return r;
        *budget -= 1;
    }
    return 0;
}

/* One of these per table, children first; each deletes up to as many rows as the budget has. */
static const char *const remains[] = {
    "DELETE FROM session_entry WHERE id IN (SELECT e.id FROM session_entry e"
    " JOIN session s ON s.id = e.session WHERE s.syncshell = ? LIMIT ?)",
    "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE syncshell = ? LIMIT ?)",
    "DELETE FROM inbox_message WHERE id IN (SELECT i.id FROM inbox_message i"
    " JOIN member m ON m.id = i.target WHERE m.syncshell = ? LIMIT ?)",
    "DELETE FROM member WHERE id IN (SELECT id FROM member WHERE syncshell = ? LIMIT ?)",
    "DELETE FROM removed_member WHERE id IN"
    " (SELECT id FROM removed_member WHERE syncshell = ? LIMIT ?)",
    "DELETE FROM syncshell WHERE id IN (SELECT ? LIMIT ?)",
};

static int sweep_remains_of(struct db *db, int64_t syncshell, size_t *budget)
{
    for (size_t i = 0; i < sizeof remains / sizeof remains[0] && *budget > 0; i++) {
        struct statement *st = statement_get(db, remains[i]);
        int r;

        statement_bind_int(st, syncshell);
        statement_bind_uint(st, *budget);
        r = statement_run(st);
        if (r < 0)
            return r;
        *budget -= db_changes(db);
    }
    return 0;
}

static int sweep_remains(struct db *db, size_t *budget)
{
    static const char sql[] = "SELECT id FROM syncshell WHERE syncshell_id GLOB '~*' LIMIT 1";

    while (*budget > 0) {
        struct statement *st = statement_get(db, sql);
        int r = statement_step(st);
        int64_t syncshell = r == STATEMENT_ROW ? statement_int(st, 0) : 0;

        statement_reset(st);
        if (r != STATEMENT_ROW)
            return r;
        r = sweep_remains_of(db, syncshell, budget);
        if (r < 0)
            return r;
    }
    return 0;
}

int tombstone_sweep(struct db *db, const struct store_op *op, size_t *budget)
{
    static const char sql[] =
        "DELETE FROM syncshell_tombstone WHERE id IN (SELECT id FROM syncshell_tombstone"
        " WHERE expires_unix_ms <= ? LIMIT ?)";
    struct statement *st;
    int r = sweep_remains(db, budget);

    if (r < 0 || *budget == 0)
        return r;
    st = statement_get(db, sql);
    statement_bind_int(st, op->now.unix_ms);
    statement_bind_uint(st, *budget);
    r = statement_run(st);
    if (r < 0)
        return r;
    *budget -= db_changes(db);
    return 0;
}
