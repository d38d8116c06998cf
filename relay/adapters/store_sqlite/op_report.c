/* What members report of their attempts: the session's cause, and the story that the operator reads. */
#include "adapters/store_sqlite/op.h"

#include <string.h>

#include "adapters/store_sqlite/db.h"
#include "base/str.h"

/* 0 or negative; *ret_known when this report was stored before. */
static int attempt_insert(struct db *db, const struct store_op *op, int64_t session,
                          bool *ret_known)
{
    static const char sql[] =
        "INSERT INTO session_attempt (session, peer_id, message_id, generation, attempt, result,"
        " cause, elapsed_ms, ice_server, at_unix_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING";
    const struct message_connection_report *m = op->report;
    struct statement *st = statement_get(db, sql);
    int r;

    statement_bind_int(st, session);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_text(st, op->message_id.text);
    statement_bind_uint(st, m->generation);
    statement_bind_uint(st, m->attempt);
    statement_bind_text(st, report_result_name(m->result));
    statement_bind_text(st, m->cause.text);
    statement_bind_uint(st, m->elapsed_ms);
    statement_bind_text(st, m->ice_server);
    statement_bind_int(st, op->now.unix_ms);
    r = statement_run(st);
    *ret_known = r == 0 && db_changes(db) == 0;
    return r;
}

static int attempts_trim(struct db *db, int64_t session)
{
    static const char sql[] = "DELETE FROM session_attempt WHERE id IN"
                              " (SELECT id FROM session_attempt WHERE session = ?"
                              "  ORDER BY id DESC LIMIT -1 OFFSET ?)";
    struct statement *st = statement_get(db, sql);

    statement_bind_int(st, session);
    statement_bind_int(st, OP_ATTEMPTS_KEPT);
    return statement_run(st);
}

/* Of a generation the first failure stands, also against the other side's; who reported it may correct it. */
static int cause_judge(struct db *db, struct store_op *op, const struct session_row *row)
{
    static const char sql[] =
        "UPDATE session SET cause = ?1, cause_generation = ?2, cause_peer_id = ?3 WHERE id = ?4"
        " AND (cause_generation < ?2 OR (cause_generation = ?2"
        "      AND (cause = '' OR cause_peer_id = ?3 OR ?1 = '')))";
    const struct message_connection_report *m = op->report;
    struct statement *st = statement_get(db, sql);
    int r;

    statement_bind_text(st, m->cause.text);
    statement_bind_uint(st, m->generation);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_int(st, row->id);
    r = statement_run(st);
    if (r == 0)
        op->cause = db_changes(db) > 0 ? m->cause : row->session.summary.cause;
    return r;
}

int op_report_connection(struct db *db, struct store_op *op)
{
    struct session_row row;
    bool known;
    int r = session_find_open(db, op, SESSION_PART_SIDE, &row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    op->cause = row.session.summary.cause;
    r = attempt_insert(db, op, row.id, &known);
    if (r < 0)
        return r;
    op->duplicate = known;
    if (known)
        return 0;
    r = attempts_trim(db, row.id);
    return r == 0 ? cause_judge(db, op, &row) : r;
}
