/* Removing what has expired, a bounded number of rows at a time, so that a sweep never holds the writer for long.
 *
 * Seven kinds in this order: open sessions become tombstones (and are reported); tombstones lose their entries; tombstones
 * go; inbox messages go (where one went unread is reported); recovery codes go (op_recovery_code.c); syncshells that nobody used become tombstones, too; what
 * syncshells had that are gone (op_tombstone.c). Each takes from one budget; the sweep is complete when some of it is left. Tombstones go only
 * when no entry is left to be swept, so removing them removes nothing else. */
#include "adapters/store_sqlite/op.h"

#include <errno.h>
#include <stdlib.h>

#include "adapters/store_sqlite/db.h"

static int swept_append(struct store_op *op, struct statement *st)
{
    struct store_session *sessions =
        array_grow(op->swept_sessions, op->n_swept, sizeof *op->swept_sessions);
    struct wire_id *syncshells;

    if (!sessions)
        return -ENOMEM;
    op->swept_sessions = sessions;
    syncshells = array_grow(op->swept_syncshells, op->n_swept, sizeof *op->swept_syncshells);
    if (!syncshells)
        return -ENOMEM;
    op->swept_syncshells = syncshells;
    session_read(st, &sessions[op->n_swept]);
    statement_text(st, SESSION_COLUMNS_N, syncshells[op->n_swept].text,
                   sizeof syncshells[op->n_swept].text);
    op->n_swept++;
    return 0;
}

static int sweep_open_sessions(struct db *db, struct store_op *op, size_t *budget)
{
    static const char sql[] =
        "UPDATE session SET state = 'closed', outcome = 'failed', expired = 1,"
        " cause = 'session_expired', expires_unix_ms = ?"
        " WHERE id IN (SELECT id FROM session WHERE state = 'open' AND expires_unix_ms <= ? LIMIT ?)"
        " RETURNING " SESSION_COLUMNS
        ", (SELECT syncshell_id FROM syncshell WHERE syncshell.id = session.syncshell)";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, session_tombstone_end(op));
    statement_bind_int(st, op->now.unix_ms);
    statement_bind_uint(st, *budget);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        r = swept_append(op, st);
        if (r < 0)
            return r;
        *budget -= 1;
    }
    return r;
}

/* The entries of one tombstone, as far as the budget goes. */
static int sweep_entries_of(struct db *db, int64_t session, size_t *budget)
{
    static const char delete_sql[] = "DELETE FROM session_entry WHERE id IN"
                                     " (SELECT id FROM session_entry WHERE session = ? LIMIT ?)";
    static const char done_sql[] = "UPDATE session SET has_entries = 0, log_bytes = 0 WHERE id = ?";
    struct statement *st = statement_get(db, delete_sql);
    int r;

    statement_bind_int(st, session);
    statement_bind_uint(st, *budget);
    r = statement_run(st);
    if (r < 0)
        return r;
    *budget -= db_changes(db);
    if (*budget == 0)
        return 0;
    st = statement_get(db, done_sql);
    statement_bind_int(st, session);
    *budget -=
        1; /* its own row is written too, and tombstones without entries must not make the sweep endless */
    return statement_run(st);
}

static int sweep_entries(struct db *db, size_t *budget)
{
    /* By name: SQLite would rather walk through all that are closed. */
    static const char sql[] = "SELECT id FROM session INDEXED BY session_garbage"
                              " WHERE state = 'closed' AND has_entries = 1 LIMIT 1";

    while (*budget > 0) {
        struct statement *st = statement_get(db, sql);
        int64_t session;
        int r = statement_step(st);

        session = r == STATEMENT_ROW ? statement_int(st, 0) : 0;
        statement_reset(st);
        if (r != STATEMENT_ROW)
            return r;
        r = sweep_entries_of(db, session, budget);
        if (r < 0)
            return r;
    }
    return 0;
}

static int sweep_tombstones(struct db *db, const struct store_op *op, size_t *budget)
{
    static const char sql[] = "DELETE FROM session WHERE id IN (SELECT id FROM session WHERE"
                              " state = 'closed' AND expires_unix_ms <= ? LIMIT ?)";
    struct statement *st = statement_get(db, sql);
    int r;

    statement_bind_int(st, op->now.unix_ms);
    statement_bind_uint(st, *budget);
    r = statement_run(st);
    if (r < 0)
        return r;
    *budget -= db_changes(db);
    return 0;
}

static int settled_append(struct store_op *op, struct statement *st)
{
    struct store_settled *settled = array_grow(op->settled, op->n_settled, sizeof *op->settled);
    struct store_settled *s;

    if (!settled)
        return -ENOMEM;
    op->settled = settled;
    s = &settled[op->n_settled++];
    statement_text(st, 0, s->syncshell_id.text, sizeof s->syncshell_id.text);
    statement_text(st, 1, s->peer_id.text, sizeof s->peer_id.text);
    s->inbox_acked = statement_uint(st, 2);
    return statement_error(st);
}

/* A message went unread: its reader must not be told later that nothing is missing, so the inbox counts as settled up to
 * there, but never beyond a message that is still held. */
static int inbox_settle(struct db *db, struct store_op *op, int64_t target, uint64_t seq)
{
    static const char sql[] =
        "UPDATE member SET inbox_acked = max(inbox_acked, coalesce("
        " (SELECT min(seq) - 1 FROM inbox_message WHERE target = member.id AND frame IS NOT NULL),"
        " ?)) WHERE id = ? RETURNING"
        " (SELECT syncshell_id FROM syncshell WHERE syncshell.id = member.syncshell), peer_id,"
        " inbox_acked";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_uint(st, seq);
    statement_bind_int(st, target);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        r = settled_append(op, st);
        if (r < 0)
            return r;
    }
    return r;
}

static int sweep_inboxes(struct db *db, struct store_op *op, size_t *budget)
{
    static const char sql[] = "DELETE FROM inbox_message WHERE id IN"
                              " (SELECT id FROM inbox_message WHERE expires_unix_ms <= ? LIMIT ?)"
                              " RETURNING target, seq, frame IS NOT NULL";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, op->now.unix_ms);
    statement_bind_uint(st, *budget);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        *budget -= 1;
        if (!statement_int(st, 2))
            continue;
        r = inbox_settle(db, op, statement_int(st, 0), statement_uint(st, 1));
        if (r < 0)
            return r;
    }
    return r;
}

int op_sweep(struct db *db, struct store_op *op)
{
    size_t budget = op_rows_max(op);
    int64_t today;
    int r = use_today(db, op, &today);

    if (r == 0)
        r = sweep_open_sessions(db, op, &budget);
    if (r == 0)
        r = sweep_entries(db, &budget);
    if (r == 0 && budget > 0)
        r = sweep_tombstones(db, op, &budget);
    if (r == 0 && budget > 0)
        r = sweep_inboxes(db, op, &budget);
    if (r == 0 && budget > 0)
        r = recovery_code_sweep(db, op, &budget);
    if (r == 0 && budget > 0)
        r = tombstone_expire(db, op, today, &budget);
    if (r == 0 && budget > 0)
        r = tombstone_sweep(db, op, &budget);
    op->complete = r == 0 && budget > 0;
    return r;
}
