/* What owners do to their syncshells. Each operation is the next one, the last one once more, or refused. */
#include "adapters/store_sqlite/op.h"

#include <stdio.h>

#include "adapters/store_sqlite/db.h"
#include "base/str.h"

enum {
    DESCRIPTION_MAX = 256,
    REMOVED_MEMBERS_MAX =
        4096, /* of one syncshell; the oldest is forgotten: a rotated key keeps it out all the same */
};

/* Who did what to whom. A repeated operation has the same; no other with the same number has. */
static void describe(const struct store_op *op, char ret_text[DESCRIPTION_MAX])
{
    (void)snprintf(ret_text, DESCRIPTION_MAX, "%s %s %s%s", op->peer_id.text,
                   store_op_name(op->kind), op->target_peer_id.text, op->group_public_key.text);
}

static int count_operation(struct db *db, const struct store_op *op, int64_t syncshell,
                           const char *description)
{
    static const char sql[] =
        "UPDATE syncshell SET owner_sequence = ?, owner_operation = ? WHERE id = ?";
    struct statement *st = statement_get(db, sql);

    statement_bind_uint(st, op->owner_sequence);
    statement_bind_text(st, description);
    statement_bind_int(st, syncshell);
    return statement_run(st);
}

struct owned {
    int64_t syncshell;
    uint64_t key_epoch;
};

/* Lets the owner's next operation through and counts it. Otherwise op->code or op->duplicate is set. 0 or negative. */
static int owner_admit(struct db *db, struct store_op *op, struct owned *ret_owned)
{
    static const char sql[] = "SELECT id, owner_sequence, owner_peer_id = ?, owner_operation = ?,"
                              " key_epoch FROM syncshell WHERE syncshell_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    char description[DESCRIPTION_MAX];
    uint64_t sequence;
    int r;

    describe(op, description);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_text(st, description);
    statement_bind_text(st, op->syncshell_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r != STATEMENT_ROW)
        return tombstone_find_or(db, op, WIRE_CODE_UNKNOWN_SYNCSHELL, NULL);
    ret_owned->syncshell = statement_int(st, 0);
    ret_owned->key_epoch = statement_uint(st, 4);
    sequence = statement_uint(st, 1);
    if (op->owner_sequence == sequence && statement_int(st, 3)) {
        op->duplicate = true;
    } else if (!statement_int(st, 2)) {
        op->code = WIRE_CODE_NOT_OWNER;
    } else if (op->owner_sequence != sequence + 1) {
        op->code = WIRE_CODE_STALE_OWNER_SEQUENCE;
        op->ret_version = sequence;
    } else {
        r = statement_error(st);
        return r < 0 ? r : count_operation(db, op, ret_owned->syncshell, description);
    }
    return statement_error(st);
}

static bool admitted(const struct store_op *op, int r)
{
    return r == 0 && op->code == WIRE_CODE_NONE && !op->duplicate;
}

static int remember_removed(struct db *db, const struct store_op *op, int64_t syncshell)
{
    static const char insert_sql[] = "INSERT INTO removed_member (syncshell, peer_id) VALUES (?, ?)"
                                     " ON CONFLICT DO NOTHING";
    static const char trim_sql[] =
        "DELETE FROM removed_member WHERE id IN (SELECT id FROM removed_member"
        " WHERE syncshell = ? ORDER BY id DESC LIMIT -1 OFFSET ?)";
    struct statement *st = statement_get(db, insert_sql);
    int r;

    statement_bind_int(st, syncshell);
    statement_bind_text(st, op->target_peer_id.text);
    r = statement_run(st);
    if (r < 0)
        return r;
    st = statement_get(db, trim_sql);
    statement_bind_int(st, syncshell);
    statement_bind_int(st, REMOVED_MEMBERS_MAX);
    return statement_run(st);
}

int op_expel_member(struct db *db, struct store_op *op)
{
    struct member_row row;
    struct owned owned = {0};
    int r = owner_admit(db, op, &owned);

    if (!admitted(op, r))
        return r;
    r = member_find_or(db, op, &op->target_peer_id, WIRE_CODE_UNKNOWN_TARGET, &row);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = member_end(db, op, &row);
    return r == 0 ? remember_removed(db, op, owned.syncshell) : r;
}

int op_rotate_key(struct db *db, struct store_op *op)
{
    static const char sql[] =
        "UPDATE syncshell SET group_public_key = ?, key_epoch = ? WHERE id = ?";
    struct statement *st;
    struct owned owned = {0};
    int r = owner_admit(db, op, &owned);

    if (!admitted(op, r))
        return r;
    if (op->key_epoch != owned.key_epoch + 1) {
        op->code = WIRE_CODE_WRONG_KEY_EPOCH;
        return 0;
    }
    st = statement_get(db, sql);
    statement_bind_text(st, op->group_public_key.text);
    statement_bind_uint(st, op->key_epoch);
    statement_bind_int(st, owned.syncshell);
    return statement_run(st);
}

int op_transfer_ownership(struct db *db, struct store_op *op)
{
    static const char sql[] = "UPDATE syncshell SET owner_peer_id = ? WHERE id = ?";
    struct statement *st;
    struct member_row row;
    struct owned owned = {0};
    int r = owner_admit(db, op, &owned);

    if (!admitted(op, r))
        return r;
    r = member_find_or(db, op, &op->target_peer_id, WIRE_CODE_UNKNOWN_TARGET, &row);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    st = statement_get(db, sql);
    statement_bind_text(st, op->target_peer_id.text);
    statement_bind_int(st, owned.syncshell);
    return statement_run(st);
}

int op_delete_syncshell(struct db *db, struct store_op *op)
{
    struct owned owned = {0};
    int r = owner_admit(db, op, &owned);

    return admitted(op, r) ? tombstone_make(db, op, owned.syncshell, false) : r;
}
