#include "adapters/store_sqlite/op.h"

#include "adapters/store_sqlite/db.h"
#include "base/str.h"

void session_read(struct statement *st, struct store_session *ret_session)
{
    struct message_session_summary *s = &ret_session->summary;
    char outcome[16] = "", former[FORMER_TEXT_MAX] = "";

    statement_text(st, 0, s->recovery_session_id.text, sizeof s->recovery_session_id.text);
    statement_text(st, 1, s->joiner_peer_id.text, sizeof s->joiner_peer_id.text);
    statement_text(st, 2, s->provider_peer_id.text, sizeof s->provider_peer_id.text);
    s->generation = statement_uint(st, 3);
    s->version = statement_uint(st, 4);
    if (!statement_is_null(st, 5))
        statement_text(st, 5, outcome, sizeof outcome);
    s->outcome = session_outcome_from_name(outcome);
    s->state = s->outcome == SESSION_OUTCOME_NONE ? SESSION_STATE_OPEN : SESSION_STATE_CLOSED;
    statement_text(st, 6, s->cause.text, sizeof s->cause.text);
    ret_session->expires_unix_ms = statement_int(st, 7);
    statement_text(st, 8, former, sizeof former);
    (void)former_read(&ret_session->former, former); /* damage there is none to the session */
}

/* op's session: 0, OP_E_MISSING or negative. */
static int db_session_find(struct db *db, const struct store_op *op, struct session_row *ret_row)
{
    static const char sql[] = "SELECT " SESSION_COLUMNS ", session.id, log_bytes, session.syncshell"
                              " FROM session JOIN syncshell ON syncshell.id = session.syncshell"
                              " WHERE syncshell_id = ? AND recovery_session_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->syncshell_id.text);
    statement_bind_text(st, op->recovery_session_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r != STATEMENT_ROW)
        return OP_E_MISSING;
    session_read(st, &ret_row->session);
    ret_row->id = statement_int(st, SESSION_COLUMNS_N);
    ret_row->log_bytes = statement_uint(st, SESSION_COLUMNS_N + 1);
    ret_row->syncshell = statement_int(st, SESSION_COLUMNS_N + 2);
    return statement_error(st);
}

static bool session_has(const struct message_session_summary *s, const struct wire_peer_id *peer_id,
                        enum session_part part)
{
    return part == SESSION_PART_NONE || str_equal(s->joiner_peer_id.text, peer_id->text) ||
           (part == SESSION_PART_SIDE && str_equal(s->provider_peer_id.text, peer_id->text));
}

/* The same, closed or not. */
static int session_find_part(struct db *db, struct store_op *op, enum session_part part,
                             struct session_row *ret_row)
{
    int r = db_session_find(db, op, ret_row);

    if (r < 0)
        return r;
    if (r == OP_E_MISSING)
        op->code = WIRE_CODE_UNKNOWN_SESSION;
    else if (!session_has(&ret_row->session.summary, &op->peer_id, part))
        op->code = WIRE_CODE_NOT_PARTICIPANT;
    return 0;
}

int session_find_open(struct db *db, struct store_op *op, enum session_part part,
                      struct session_row *ret_row)
{
    int r = session_find_part(db, op, part, ret_row);

    if (r == 0 && op->code == WIRE_CODE_NONE)
        op->code = store_session_ended(&ret_row->session.summary);
    return r;
}

int session_trim_tombstones(struct db *db, int64_t syncshell)
{
    static const char sql[] = "DELETE FROM session WHERE id IN"
                              " (SELECT id FROM session WHERE syncshell = ? AND state = 'closed'"
                              "  ORDER BY expires_unix_ms DESC LIMIT -1 OFFSET ?)";
    struct statement *st = statement_get(db, sql);

    statement_bind_int(st, syncshell);
    statement_bind_int(st, OP_TOMBSTONES_MAX);
    return statement_run(st);
}

int64_t session_tombstone_end(const struct store_op *op)
{
    return op->expires_unix_ms > 0 ? op->expires_unix_ms : op->now.unix_ms + OP_TOMBSTONE_TTL_MS;
}

/* Of the open sessions all, or those that op's peer opened, which takes a look at each. */
static int session_count_open(struct db *db, const struct store_op *op, int64_t syncshell, bool own,
                              uint64_t *ret_count)
{
    static const char all_sql[] =
        "SELECT count(*) FROM session WHERE syncshell = ? AND state = 'open'";
    static const char own_sql[] =
        "SELECT count(*) FROM session WHERE syncshell = ? AND state = 'open' AND opened_by = ?";
    STATEMENT_SCOPED st = statement_get(db, own ? own_sql : all_sql);
    int r;

    statement_bind_int(st, syncshell);
    if (own)
        statement_bind_text(st, op->peer_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    *ret_count = statement_uint(st, 0);
    return statement_error(st);
}

/* op->code becomes TOO_MANY_SESSIONS or SESSIONS_SHARE when no other session may be open. 0 or negative. */
static int session_check_room(struct db *db, struct store_op *op, int64_t syncshell)
{
    uint64_t n_open, n_own;
    int r;

    if (!op->limit_rows)
        return 0;
    r = session_count_open(db, op, syncshell, false, &n_open);
    if (r < 0)
        return r;
    if (n_open >= op->limit_rows)
        op->code = WIRE_CODE_TOO_MANY_SESSIONS;
    if (op->code != WIRE_CODE_NONE || share_fits(op->limit_rows, n_open, n_open, 1))
        return 0;
    r = session_count_open(db, op, syncshell, true, &n_own);
    if (r == 0 && !share_fits(op->limit_rows, n_open, n_own, 1))
        op->code = WIRE_CODE_SESSIONS_SHARE;
    return r;
}

static int session_insert(struct db *db, const struct store_op *op, int64_t syncshell,
                          int64_t *ret_session)
{
    static const char sql[] = "INSERT INTO session (syncshell, recovery_session_id, joiner_peer_id,"
                              " provider_peer_id, opened_by, version, log_bytes, expires_unix_ms)"
                              " VALUES (?, ?, ?, ?, ?, 1, ?, ?) RETURNING id";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, syncshell);
    statement_bind_text(st, op->recovery_session_id.text);
    statement_bind_text(st, op->joiner_peer_id.text);
    statement_bind_text(st, op->provider_peer_id.text);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_uint(st, entry_log_bytes(op));
    statement_bind_int(st, op->expires_unix_ms);
    r = statement_step(st);
    if (r < 0)
        return r;
    *ret_session = statement_int(st, 0);
    return 0;
}

/* The id is taken: by the same session, as when the request is repeated, or by another one. */
static void session_open_again(struct store_op *op, const struct message_session_summary *s)
{
    if (!str_equal(s->joiner_peer_id.text, op->joiner_peer_id.text) ||
        !str_equal(s->provider_peer_id.text, op->provider_peer_id.text)) {
        op->code = WIRE_CODE_SESSION_EXISTS;
    } else if (s->state == SESSION_STATE_CLOSED) {
        op->code = store_session_ended(s);
    } else {
        op->duplicate = true;
        op->ret_version = s->version;
    }
}

/* Either may have been removed since the request was let in. */
static int session_check_sides(struct db *db, struct store_op *op)
{
    struct member_row row;
    int r = member_find_or(db, op, &op->joiner_peer_id, WIRE_CODE_UNKNOWN_TARGET, &row);

    if (r == 0 && op->code == WIRE_CODE_NONE)
        r = member_find_or(db, op, &op->provider_peer_id, WIRE_CODE_UNKNOWN_TARGET, &row);
    return r;
}

int op_open_session(struct db *db, struct store_op *op)
{
    struct session_row row;
    int64_t syncshell, session;
    int r = db_syncshell_find(db, op, &syncshell);

    if (r == OP_E_MISSING) {
        op->code = WIRE_CODE_UNKNOWN_SYNCSHELL;
        return 0;
    }
    if (r == 0)
        r = db_session_find(db, op, &row);
    if (r == 0) {
        session_open_again(op, &row.session.summary);
        return 0;
    }
    if (r == OP_E_MISSING)
        r = session_check_sides(db, op);
    if (r == 0 && op->code == WIRE_CODE_NONE)
        r = session_check_room(db, op, syncshell);
    if (r == 0 && op->code == WIRE_CODE_NONE)
        r = log_check_room(db, op, syncshell, 0, entry_log_bytes(op), true);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = session_insert(db, op, syncshell, &session);
    if (r == 0)
        r = entry_insert(db, op, session, 1, MESSAGE_SESSION_OPEN);
    if (r == 0)
        op->ret_version = 1;
    return r;
}

static int session_close(struct db *db, const struct store_op *op, const struct session_row *row)
{
    static const char sql[] = "UPDATE session SET state = 'closed', outcome = ?, cause = ?,"
                              " expires_unix_ms = ? WHERE id = ?";
    struct statement *st = statement_get(db, sql);
    int r;

    statement_bind_text(st, session_outcome_name(op->outcome));
    statement_bind_text(st, op->cause.text);
    statement_bind_int(st, session_tombstone_end(op));
    statement_bind_int(st, row->id);
    r = statement_run(st);
    return r == 0 ? session_trim_tombstones(db, row->syncshell) : r;
}

int op_close_session(struct db *db, struct store_op *op)
{
    struct session_row row;
    int r = session_find_part(db, op, SESSION_PART_SIDE, &row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    op->ret_version = row.session.summary.version;
    if (row.session.summary.state == SESSION_STATE_CLOSED) {
        op->duplicate = true;
        return 0;
    }
    if (op->outcome != SESSION_OUTCOME_COMPLETED && *op->cause.text == '\0')
        op->cause = row.session.summary.cause;
    return session_close(db, op, &row);
}

int op_raise_generation(struct db *db, struct store_op *op)
{
    static const char sql[] = "UPDATE session SET generation = max(generation, ?),"
                              " expires_unix_ms = max(expires_unix_ms, ?) WHERE id = ?";
    struct statement *st;
    struct session_row row;
    int r = session_find_open(db, op, SESSION_PART_NONE, &row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    st = statement_get(db, sql);
    statement_bind_uint(st, op->generation);
    statement_bind_int(st, op->expires_unix_ms);
    statement_bind_int(st, row.id);
    return statement_run(st);
}
