#include "adapters/store_sqlite/op.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/store_sqlite/db.h"

int db_syncshell_find(struct db *db, const struct store_op *op, int64_t *ret_syncshell)
{
    static const char sql[] = "SELECT id FROM syncshell WHERE syncshell_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->syncshell_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r != STATEMENT_ROW)
        return OP_E_MISSING;
    *ret_syncshell = statement_int(st, 0);
    return 0;
}

static int load_members(struct db *db, int64_t syncshell, struct store_syncshell *s)
{
    static const char sql[] = "SELECT peer_id, inbox_head, inbox_acked FROM member"
                              " WHERE syncshell = ? ORDER BY id";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, syncshell);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        struct store_member *grown = array_grow(s->members, s->n_members, sizeof *grown);
        struct store_member *member;

        if (!grown)
            return -ENOMEM;
        s->members = grown;
        member = &grown[s->n_members++];
        statement_text(st, 0, member->peer_id.text, sizeof member->peer_id.text);
        member->inbox_head = statement_uint(st, 1);
        member->inbox_acked = statement_uint(st, 2);
    }
    return r;
}

static int load_sessions(struct db *db, int64_t syncshell, struct store_syncshell *s)
{
    static const char sql[] =
        "SELECT " SESSION_COLUMNS " FROM session WHERE syncshell = ? ORDER BY id";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, syncshell);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        struct store_session *grown = array_grow(s->sessions, s->n_sessions, sizeof *grown);

        if (!grown)
            return -ENOMEM;
        s->sessions = grown;
        session_read(st, &grown[s->n_sessions++]);
    }
    return r;
}

int op_load_syncshell(struct db *db, struct store_op *op)
{
    static const char sql[] =
        "SELECT id, group_public_key, owner_peer_id, key_epoch, owner_sequence, used_day"
        " FROM syncshell WHERE syncshell_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    struct store_syncshell *s;
    int64_t syncshell, used_day;
    int r;

    statement_bind_text(st, op->syncshell_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r != STATEMENT_ROW)
        return tombstone_find_or(db, op, WIRE_CODE_UNKNOWN_SYNCSHELL, NULL);
    op->syncshell = s = calloc(1, sizeof *s); /* from here on op_clear_results() frees it */
    if (!s)
        return -ENOMEM;
    syncshell = statement_int(st, 0);
    statement_text(st, 1, s->group_public_key.text, sizeof s->group_public_key.text);
    statement_text(st, 2, s->owner_peer_id.text, sizeof s->owner_peer_id.text);
    s->key_epoch = statement_uint(st, 3);
    s->owner_sequence = statement_uint(st, 4);
    used_day = statement_int(st, 5);
    r = statement_error(st);
    if (r == 0)
        r = use_as_unix_day(db, op, used_day, &s->used_unix_day);
    if (r == 0)
        r = load_members(db, syncshell, s);
    if (r == 0)
        r = load_sessions(db, syncshell, s);
    return r;
}

static int syncshell_insert(struct db *db, const struct store_op *op)
{
    static const char sql[] =
        "INSERT INTO syncshell (syncshell_id, group_public_key, owner_peer_id, created_by, key_epoch,"
        " used_day) VALUES (?1, ?2, ?3, ?3, ?4, ?5)";
    struct statement *st;
    int64_t today;
    int r = use_today(db, op, &today);

    if (r < 0)
        return r;
    st = statement_get(db, sql);
    statement_bind_text(st, op->syncshell_id.text);
    statement_bind_text(st, op->group_public_key.text);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_uint(st, op->key_epoch ? op->key_epoch : 1);
    statement_bind_int(st, today);
    return statement_run(st);
}

/* op->code becomes TOO_MANY_SYNCSHELLS when op's peer has created its number already, remains of deleted ones included. */
static int syncshell_check_room(struct db *db, struct store_op *op)
{
    static const char sql[] = "SELECT count(*) FROM syncshell WHERE created_by = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    if (!op->limit_rows)
        return 0;
    statement_bind_text(st, op->peer_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (statement_uint(st, 0) >= op->limit_rows)
        op->code = WIRE_CODE_TOO_MANY_SYNCSHELLS;
    return statement_error(st);
}

/* A deleted one does not come back; one that expired does, for its owner. */
static int syncshell_revive(struct db *db, struct store_op *op)
{
    bool owner = false;
    int r = tombstone_find_or(db, op, WIRE_CODE_NONE, &owner);

    if (r < 0 || op->code != WIRE_CODE_SYNCSHELL_EXPIRED || !owner)
        return r;
    op->code = WIRE_CODE_NONE;
    return tombstone_forget(db, op);
}

static int syncshell_rekey(struct db *db, const struct store_op *op)
{
    static const char sql[] =
        "UPDATE syncshell SET group_public_key = ?, key_epoch = ? WHERE syncshell_id = ?";
    struct statement *st = statement_get(db, sql);

    statement_bind_text(st, op->group_public_key.text);
    statement_bind_uint(st, op->key_epoch);
    statement_bind_text(st, op->syncshell_id.text);
    return statement_run(st);
}

/* It is there: the same, or with a key of before. */
static int create_again(struct db *db, struct store_op *op, bool owner, bool same_key,
                        uint64_t key_epoch)
{
    if (owner && same_key) {
        op->duplicate = true;
    } else if (owner && op->key_epoch > key_epoch) {
        op->rekeyed = true;
        return syncshell_rekey(db, op);
    } else {
        op->code = WIRE_CODE_SYNCSHELL_EXISTS;
    }
    return 0;
}

int op_create_syncshell(struct db *db, struct store_op *op)
{
    static const char sql[] = "SELECT owner_peer_id = ?, group_public_key = ?, key_epoch"
                              " FROM syncshell WHERE syncshell_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->peer_id.text);
    statement_bind_text(st, op->group_public_key.text);
    statement_bind_text(st, op->syncshell_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r == STATEMENT_ROW) {
        r = statement_error(st);
        return r < 0 ? r
                     : create_again(db, op, statement_int(st, 0) != 0, statement_int(st, 1) != 0,
                                    statement_uint(st, 2));
    }
    op->code = op->refusal;
    if (op->code != WIRE_CODE_NONE)
        return 0;
    r = op->needs_access_key ? access_key_check(db, op) : 0;
    if (r == 0 && op->code == WIRE_CODE_NONE)
        r = syncshell_check_room(db, op);
    if (r == 0 && op->code == WIRE_CODE_NONE)
        r = syncshell_revive(db, op);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = syncshell_insert(db, op);
    return r == 0 ? op_add_member(db, op) : r;
}
