#include "adapters/store_sqlite/batch.h"

#include <assert.h>

#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/op.h"

struct op_kind {
    int (*execute)(struct db *db, struct store_op *op);
    bool writes;
};

static const struct op_kind op_kinds[] = {
    [STORE_LOAD_SYNCSHELL] = {op_load_syncshell, false},
    [STORE_CREATE_SYNCSHELL] = {op_create_syncshell, true},
    [STORE_ADD_MEMBER] = {op_add_member, true},
    [STORE_REMOVE_MEMBER] = {op_remove_member, true},
    [STORE_EXPEL_MEMBER] = {op_expel_member, true},
    [STORE_ROTATE_KEY] = {op_rotate_key, true},
    [STORE_TRANSFER_OWNERSHIP] = {op_transfer_ownership, true},
    [STORE_DELETE_SYNCSHELL] = {op_delete_syncshell, true},
    [STORE_OPEN_SESSION] = {op_open_session, true},
    [STORE_APPEND_ENTRY] = {op_append_entry, true},
    [STORE_CHECKPOINT] = {op_checkpoint, true},
    [STORE_READ_SNAPSHOT] = {op_read_snapshot, false},
    [STORE_CLOSE_SESSION] = {op_close_session, true},
    [STORE_RAISE_GENERATION] = {op_raise_generation, true},
    [STORE_ADD_INBOX] = {op_add_inbox, true},
    [STORE_READ_INBOX] = {op_read_inbox, false},
    [STORE_ACK_INBOX] = {op_ack_inbox, true},
    [STORE_REPORT_CONNECTION] = {op_report_connection, true},
    [STORE_ISSUE_CODE] = {op_issue_code, true},
    [STORE_REDEEM_CODE] = {op_redeem_code, true},
    [STORE_SWEEP] = {op_sweep, true},
};

static int op_unknown(struct db *db, struct store_op *op)
{
    (void)op;
    return db_fail(db, SQLITE_MISUSE);
}

static const struct op_kind *op_kind(const struct store_op *op)
{
    static const struct op_kind unknown = {op_unknown, false};
    size_t i = (size_t)op->kind;

    return i < sizeof op_kinds / sizeof op_kinds[0] && op_kinds[i].execute ? &op_kinds[i]
                                                                           : &unknown;
}

static void op_fail(struct store_op *op, int error)
{
    op_clear_results(op);
    op->code = db_error_code(error);
}

/* A read's failure is its own. */
static void read_execute(struct db *db, struct store_op *op)
{
    int r = op_kind(op)->execute(db, op);

    assert(r <= 0);
    if (r < 0)
        op_fail(op, r);
}

/* Returns negative when the transaction is lost; `ret_failed` is set when only the operation is. */
static int write_execute(struct db *db, struct store_op *op, bool *ret_failed)
{
    int r = statement_run(statement_get(db, "SAVEPOINT op"));

    if (r < 0)
        return r;
    r = op_kind(op)->execute(db, op);
    assert(r <= 0);
    if (r == 0 && op->code == WIRE_CODE_NONE)
        return statement_run(statement_get(db, "RELEASE op"));
    if (r < 0) {
        *ret_failed = true;
        op_fail(op, r);
        /* SQLite gives up the whole transaction for some errors, such as a full disk. */
        if (!db_in_transaction(db))
            return r;
    }
    r = statement_run(statement_get(db, "ROLLBACK TO op"));
    return r == 0 ? statement_run(statement_get(db, "RELEASE op")) : r;
}

static int execute_all(struct db *db, const struct list *operations, bool *ret_failed)
{
    list_for_each_safe (node, next, operations) {
        struct store_op *op = container_of(node, struct store_op, node);
        int r = 0;

        if (op_kind(op)->writes)
            r = write_execute(db, op, ret_failed);
        else
            read_execute(db, op);
        if (r < 0)
            return r;
    }
    return 0;
}

static void abandon_all(struct db *db, const struct list *operations, int error)
{
    list_for_each_safe (node, next, operations) {
        struct store_op *op = container_of(node, struct store_op, node);

        if (op_kind(op)->writes) {
            op_fail(op, error);
        } else {
            op_clear_results(op);
            read_execute(db, op);
        }
    }
}

void batch_execute(struct db *db, const struct list *operations, bool probe,
                   struct batch_outcome *ret_outcome)
{
    struct batch_outcome outcome = {0};
    int r;

    list_for_each_safe (node, next, operations) {
        outcome.n_operations++;
        outcome.writes |= op_kind(container_of(node, struct store_op, node))->writes;
    }
    r = db_begin(db, outcome.writes);
    if (r == 0)
        r = execute_all(db, operations, &outcome.failed);
    if (r == 0 && probe && outcome.writes)
        r = statement_run(statement_get(db, "UPDATE meta SET probes = probes + 1"));
    if (r == 0)
        r = db_commit(db);
    if (r < 0) {
        db_rollback(db);
        abandon_all(db, operations, r);
        outcome.failed = true;
    }
    outcome.committed = r == 0;
    *ret_outcome = outcome;
}
