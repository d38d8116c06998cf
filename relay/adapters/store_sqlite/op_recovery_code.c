/* Codes that hand an open session to another device. A session has one that can be redeemed at most; what became of the last few
 * is remembered for a day, so that their holders hear it. */
#include "adapters/store_sqlite/op.h"

#include "adapters/store_sqlite/db.h"
#include "base/str.h"

struct code_row {
    int64_t id;
    int64_t session;
    bool
        newest; /* of the session: none before it counts, whatever a clock that was set back says of its time */
    int64_t expires_unix_ms;
    struct wire_peer_id redeemed_by;
    struct wire_id recovery_session_id;
    struct wire_peer_id joiner;
    struct wire_peer_id provider;
    struct former former;
    uint64_t generation;
    enum wire_code ended; /* the session: NONE while it is open */
};

/* The code of op's syncshell. 0, OP_E_MISSING or negative. */
static int code_find(struct db *db, const struct store_op *op, struct code_row *ret_row)
{
    static const char sql[] =
        "SELECT recovery_code.id, session.id, recovery_code.expires_unix_ms, redeemed_by,"
        " recovery_session_id, joiner_peer_id, provider_peer_id, state = 'closed', former_peer_ids,"
        " expired, generation, recovery_code.id = (SELECT max(id) FROM recovery_code AS other"
        "  WHERE other.session = recovery_code.session)"
        " FROM recovery_code JOIN session ON session.id = recovery_code.session"
        " JOIN syncshell ON syncshell.id = session.syncshell"
        " WHERE sha256 = ? AND syncshell_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    char former[FORMER_TEXT_MAX] = "";
    int r;

    statement_bind_text(st, op->code_sha256.text);
    statement_bind_text(st, op->syncshell_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r != STATEMENT_ROW)
        return OP_E_MISSING;
    ret_row->id = statement_int(st, 0);
    ret_row->session = statement_int(st, 1);
    ret_row->expires_unix_ms = statement_int(st, 2);
    statement_text(st, 3, ret_row->redeemed_by.text, sizeof ret_row->redeemed_by.text);
    statement_text(st, 4, ret_row->recovery_session_id.text,
                   sizeof ret_row->recovery_session_id.text);
    statement_text(st, 5, ret_row->joiner.text, sizeof ret_row->joiner.text);
    statement_text(st, 6, ret_row->provider.text, sizeof ret_row->provider.text);
    ret_row->ended = !statement_int(st, 7)  ? WIRE_CODE_NONE
                     : statement_int(st, 9) ? WIRE_CODE_SESSION_EXPIRED
                                            : WIRE_CODE_SESSION_CLOSED;
    ret_row->generation = statement_uint(st, 10);
    ret_row->newest = statement_int(st, 11);
    statement_text(st, 8, former, sizeof former);
    ret_row->former = (struct former){.peer_ids = {{.text = ""}}};
    (void)former_read(&ret_row->former, former);
    return statement_error(st);
}

static bool code_is_over(const struct code_row *code, const struct store_op *op)
{
    return !code->newest || code->expires_unix_ms <= op->now.unix_ms;
}

/* The session's codes that were not used can be redeemed no more. */
static int codes_end(struct db *db, const struct store_op *op, int64_t session)
{
    static const char sql[] = "UPDATE recovery_code SET expires_unix_ms = min(expires_unix_ms, ?)"
                              " WHERE session = ? AND redeemed_by = ''";
    struct statement *st = statement_get(db, sql);

    statement_bind_int(st, op->now.unix_ms);
    statement_bind_int(st, session);
    return statement_run(st);
}

static int codes_trim(struct db *db, int64_t session)
{
    static const char sql[] = "DELETE FROM recovery_code WHERE id IN (SELECT id FROM recovery_code"
                              " WHERE session = ? ORDER BY id DESC LIMIT -1 OFFSET ?)";
    struct statement *st = statement_get(db, sql);

    statement_bind_int(st, session);
    statement_bind_int(st, OP_CODES_KEPT);
    return statement_run(st);
}

static int code_insert(struct db *db, const struct store_op *op, int64_t session)
{
    static const char sql[] =
        "INSERT INTO recovery_code (session, sha256, expires_unix_ms) VALUES (?, ?, ?)";
    struct statement *st = statement_get(db, sql);

    statement_bind_int(st, session);
    statement_bind_text(st, op->code_sha256.text);
    statement_bind_int(st, op->expires_unix_ms);
    return statement_run(st);
}

/* Hashes of different syncshells differ, unless somebody made this one up to see what happens. */
static int refuse_taken(struct db *db, struct store_op *op)
{
    static const char sql[] = "SELECT 1 FROM recovery_code WHERE sha256 = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->code_sha256.text);
    r = statement_step(st);
    if (r == STATEMENT_ROW)
        op->code = WIRE_CODE_RECOVERY_CODE_USED;
    return r < 0 ? r : 0;
}

/* It is there already: as when the request is repeated, which makes it no younger and does not bring it back when another one has taken its
 * place. A code is made once in a world, so anything else is a fault. */
static void issue_again(struct store_op *op, const struct code_row *code,
                        const struct session_row *row)
{
    if (code->session != row->id || *code->redeemed_by.text) {
        op->code = WIRE_CODE_RECOVERY_CODE_USED;
    } else if (code_is_over(code, op)) {
        op->code = WIRE_CODE_RECOVERY_CODE_EXPIRED;
    } else {
        op->duplicate = true;
        op->expires_unix_ms = code->expires_unix_ms;
    }
}

int op_issue_code(struct db *db, struct store_op *op)
{
    struct session_row row;
    struct code_row code;
    int r = session_find_open(db, op, SESSION_PART_JOINER, &row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = code_find(db, op, &code);
    if (r == 0)
        issue_again(op, &code, &row);
    if (r != OP_E_MISSING)
        return r;
    r = refuse_taken(db, op);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = codes_end(db, op, row.id);
    if (r == 0)
        r = code_insert(db, op, row.id);
    return r == 0 ? codes_trim(db, row.id) : r;
}

/* Why it cannot be redeemed, or whether the peer has the session already. */
static void redeem_check(struct store_op *op, const struct code_row *code)
{
    bool holds = str_equal(code->joiner.text, op->peer_id.text);
    bool again = holds && str_equal(code->redeemed_by.text, op->peer_id.text);

    if (*code->redeemed_by.text && !again)
        op->code = WIRE_CODE_RECOVERY_CODE_USED;
    else if (code->ended != WIRE_CODE_NONE)
        op->code = code->ended;
    else if (holds)
        op->duplicate = true; /* a code that was not used stays */
    else if (code_is_over(code, op))
        op->code = WIRE_CODE_RECOVERY_CODE_EXPIRED;
    else if (str_equal(code->provider.text, op->peer_id.text))
        op->code = WIRE_CODE_NOT_PARTICIPANT;
}

static int session_hand_over(struct db *db, const struct store_op *op, const struct code_row *code)
{
    static const char sql[] =
        "UPDATE session SET former_peer_ids = ?1, joiner_peer_id = ?2, cause = '',"
        " cause_generation = 0, cause_peer_id = '', generation = ?3,"
        " expires_unix_ms = max(expires_unix_ms, ?4),"
        " opened_by = CASE opened_by WHEN joiner_peer_id THEN ?2 ELSE opened_by END WHERE id = ?5";
    struct statement *st = statement_get(db, sql);
    struct former former = code->former;
    char text[FORMER_TEXT_MAX];

    former_add(&former, &code->joiner);
    former_write(&former, text);
    statement_bind_text(st, text);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_uint(st, store_session_handed_generation(code->generation));
    statement_bind_int(st, op->expires_unix_ms);
    statement_bind_int(st, code->session);
    return statement_run(st);
}

static int code_use(struct db *db, const struct store_op *op, int64_t code)
{
    static const char sql[] = "UPDATE recovery_code SET redeemed_by = ? WHERE id = ?";
    struct statement *st = statement_get(db, sql);

    statement_bind_text(st, op->peer_id.text);
    statement_bind_int(st, code);
    return statement_run(st);
}

int op_redeem_code(struct db *db, struct store_op *op)
{
    struct member_row member;
    struct code_row code;
    int r = member_find_or(db, op, &op->peer_id, WIRE_CODE_NOT_JOINED, &member);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = code_find(db, op, &code);
    if (r < 0)
        return r;
    if (r == OP_E_MISSING) {
        op->code = WIRE_CODE_WRONG_RECOVERY_CODE;
        return 0;
    }
    op->recovery_session_id = code.recovery_session_id;
    redeem_check(op, &code);
    if (op->code != WIRE_CODE_NONE || op->duplicate)
        return 0;
    r = session_hand_over(db, op, &code);
    if (r == 0)
        r = code_use(db, op, code.id);
    return r == 0 ? codes_end(db, op, code.session) : r;
}

int recovery_code_sweep(struct db *db, const struct store_op *op, size_t *budget)
{
    static const char sql[] = "DELETE FROM recovery_code WHERE id IN"
                              " (SELECT id FROM recovery_code WHERE expires_unix_ms <= ? LIMIT ?)";
    struct statement *st = statement_get(db, sql);
    int r;

    statement_bind_int(st, op->now.unix_ms - OP_TOMBSTONE_TTL_MS);
    statement_bind_uint(st, *budget);
    r = statement_run(st);
    if (r == 0)
        *budget -= db_changes(db);
    return r;
}
