#include "adapters/store_sqlite/op.h"

#include "adapters/store_sqlite/db.h"

/* A member of op's syncshell. 0, OP_E_MISSING or negative. */
static int member_find(struct db *db, const struct store_op *op, const struct wire_peer_id *peer_id,
                       struct member_row *ret_row)
{
    static const char sql[] = "SELECT member.id, member.syncshell, inbox_head, inbox_acked"
                              " FROM member JOIN syncshell ON syncshell.id = member.syncshell"
                              " WHERE syncshell_id = ? AND peer_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    struct member_row row;
    int r;

    statement_bind_text(st, op->syncshell_id.text);
    statement_bind_text(st, peer_id->text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r != STATEMENT_ROW)
        return OP_E_MISSING;
    row.id = statement_int(st, 0);
    row.syncshell = statement_int(st, 1);
    row.inbox_head = statement_uint(st, 2);
    row.inbox_acked = statement_uint(st, 3);
    *ret_row = row;
    return statement_error(st);
}

int member_find_or(struct db *db, struct store_op *op, const struct wire_peer_id *peer_id,
                   enum wire_code code, struct member_row *ret_row)
{
    int64_t syncshell;
    int r = member_find(db, op, peer_id, ret_row);

    if (r != OP_E_MISSING)
        return r;
    r = db_syncshell_find(db, op, &syncshell);
    if (r < 0)
        return r;
    op->code = r == OP_E_MISSING ? WIRE_CODE_UNKNOWN_SYNCSHELL : code;
    return 0;
}

static int member_count(struct db *db, int64_t syncshell, uint64_t *ret_count)
{
    static const char sql[] = "SELECT count(*) FROM member WHERE syncshell = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, syncshell);
    r = statement_step(st);
    if (r < 0)
        return r;
    *ret_count = statement_uint(st, 0);
    return statement_error(st);
}

/* A new member's inbox starts where a former member's ended, so that a peer that left and came back never sees a
 * sequence number twice. ret_seq is that start. */
static int member_insert(struct db *db, struct store_op *op, int64_t syncshell)
{
    static const char sql[] = "INSERT INTO member (syncshell, peer_id, inbox_head, inbox_acked)"
                              " SELECT id, ?, inbox_floor, inbox_floor FROM syncshell WHERE id = ?"
                              " RETURNING inbox_head";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->peer_id.text);
    statement_bind_int(st, syncshell);
    r = statement_step(st);
    if (r < 0)
        return r;
    op->ret_seq = statement_uint(st, 0);
    return statement_error(st);
}

/* Who proved an older key than the one that is stored by now, or was removed, does not become a member. */
static int member_check_admission(struct db *db, struct store_op *op, int64_t syncshell)
{
    static const char sql[] =
        "SELECT key_epoch, EXISTS (SELECT 1 FROM removed_member"
        " WHERE removed_member.syncshell = syncshell.id AND peer_id = ?) FROM syncshell WHERE id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->peer_id.text);
    statement_bind_int(st, syncshell);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (statement_int(st, 1))
        op->code = WIRE_CODE_MEMBER_REMOVED;
    else if (op->key_epoch && statement_uint(st, 0) != op->key_epoch)
        op->code = WIRE_CODE_WRONG_KEY_EPOCH;
    return statement_error(st);
}

int op_add_member(struct db *db, struct store_op *op)
{
    struct member_row row;
    int64_t syncshell;
    uint64_t n_members;
    int r = db_syncshell_find(db, op, &syncshell);

    if (r == OP_E_MISSING) {
        op->code = WIRE_CODE_UNKNOWN_SYNCSHELL;
        return 0;
    }
    if (r == 0)
        r = member_check_admission(db, op, syncshell);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = member_find(db, op, &op->peer_id, &row);
    if (r == 0) {
        op->duplicate = true;
        op->ret_seq = row.inbox_head;
        return 0;
    }
    if (r < 0 || (r = member_count(db, syncshell, &n_members)) < 0)
        return r;
    if (op->limit_rows && n_members >= op->limit_rows) {
        op->code = WIRE_CODE_SYNCSHELL_FULL;
        return 0;
    }
    return member_insert(db, op, syncshell);
}

static int member_close_sessions(struct db *db, const struct store_op *op,
                                 const struct member_row *row)
{
    static const char sql[] =
        "UPDATE session SET state = 'closed', outcome = 'cancelled', expires_unix_ms = ?1,"
        " cause = ?4 WHERE syncshell = ?2 AND state = 'open'"
        " AND (SELECT peer_id FROM member WHERE id = ?3) IN (joiner_peer_id, provider_peer_id)";
    struct statement *st = statement_get(db, sql);
    int r;

    statement_bind_int(st, session_tombstone_end(op));
    statement_bind_int(st, row->syncshell);
    statement_bind_int(st, row->id);
    statement_bind_text(st, op->cause.text);
    r = statement_run(st);
    return r == 0 ? session_trim_tombstones(db, row->syncshell) : r;
}

static int member_delete(struct db *db, const struct member_row *row)
{
    static const char raise_sql[] =
        "UPDATE syncshell SET inbox_floor = max(inbox_floor, ?) WHERE id = ?";
    /* Before the member, for what it held is counted there. */
    static const char inbox_sql[] = "DELETE FROM inbox_message WHERE target = ?";
    static const char delete_sql[] = "DELETE FROM member WHERE id = ?";
    struct statement *st = statement_get(db, raise_sql);
    int r;

    statement_bind_uint(st, row->inbox_head);
    statement_bind_int(st, row->syncshell);
    r = statement_run(st);
    if (r < 0)
        return r;
    st = statement_get(db, inbox_sql);
    statement_bind_int(st, row->id);
    r = statement_run(st);
    if (r < 0)
        return r;
    st = statement_get(db, delete_sql);
    statement_bind_int(st, row->id);
    return statement_run(st);
}

int member_end(struct db *db, const struct store_op *op, const struct member_row *row)
{
    int r = member_close_sessions(db, op, row);

    return r == 0 ? member_delete(db, row) : r;
}

/* It may have become the owner since it was let in. op->code becomes OWNER_CANNOT_LEAVE then. 0 or negative. */
static int member_check_owner(struct db *db, struct store_op *op, int64_t syncshell)
{
    static const char sql[] = "SELECT owner_peer_id = ? FROM syncshell WHERE id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->peer_id.text);
    statement_bind_int(st, syncshell);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (statement_int(st, 0))
        op->code = WIRE_CODE_OWNER_CANNOT_LEAVE;
    return statement_error(st);
}

int op_remove_member(struct db *db, struct store_op *op)
{
    struct member_row row;
    int r = member_find_or(db, op, &op->peer_id, WIRE_CODE_NOT_JOINED, &row);

    if (r < 0 || op->code == WIRE_CODE_UNKNOWN_SYNCSHELL)
        return r;
    if (op->code == WIRE_CODE_NOT_JOINED) {
        op->code = WIRE_CODE_NONE;
        op->duplicate = true;
        return 0;
    }
    r = member_check_owner(db, op, row.syncshell);
    return r == 0 && op->code == WIRE_CODE_NONE ? member_end(db, op, &row) : r;
}
