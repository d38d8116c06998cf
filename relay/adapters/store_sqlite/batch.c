#include "adapters/store_sqlite/batch.h"

#include <assert.h>

#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/log_head.h"
#include "adapters/store_sqlite/op.h"

enum {
    BATCH_E_AGAIN = 1, /* an operation without a savepoint left half of its writes behind */
};

enum op_manner {
    READS,
    WRITES,
    DECIDES_FIRST, /* writes, and once it has written something, only the database can fail it */
};

struct op_kind {
    int (*execute)(struct db *db, struct store_op *op);
    enum op_manner manner;
    bool spares_logs;  /* no log counts for more because of it, or it counts that itself */
    bool spares_heads; /* no open session's row changes because of it, or it tells the log's head */
};

static const struct op_kind op_kinds[] = {
    [STORE_LOAD_SYNCSHELL] = {op_load_syncshell, READS, true, true},
    [STORE_CREATE_SYNCSHELL] = {op_create_syncshell, WRITES, false, true},
    [STORE_ADD_MEMBER] = {op_add_member, WRITES, false, true},
    [STORE_REMOVE_MEMBER] = {op_remove_member, WRITES, false, false},
    [STORE_EXPEL_MEMBER] = {op_expel_member, WRITES, false, false},
    [STORE_ROTATE_KEY] = {op_rotate_key, WRITES, false, false},
    [STORE_TRANSFER_OWNERSHIP] = {op_transfer_ownership, WRITES, false, false},
    [STORE_DELETE_SYNCSHELL] = {op_delete_syncshell, WRITES, false, false},
    [STORE_OPEN_SESSION] = {op_open_session, WRITES, false, true},
    [STORE_APPEND_ENTRY] = {op_append_entry, DECIDES_FIRST, true, true},
    [STORE_CHECKPOINT] = {op_checkpoint, WRITES, false, true},
    [STORE_READ_SNAPSHOT] = {op_read_snapshot, READS, true, true},
    [STORE_CLOSE_SESSION] = {op_close_session, WRITES, false, false},
    [STORE_RAISE_GENERATION] = {op_raise_generation, DECIDES_FIRST, true, true},
    [STORE_ADD_INBOX] = {op_add_inbox, DECIDES_FIRST, true, true},
    [STORE_READ_INBOX] = {op_read_inbox, READS, true, true},
    [STORE_ACK_INBOX] = {op_ack_inbox, WRITES, true, true},
    [STORE_REPORT_CONNECTION] = {op_report_connection, WRITES, true, true},
    [STORE_ISSUE_CODE] = {op_issue_code, WRITES, false, true},
    [STORE_REDEEM_CODE] = {op_redeem_code, WRITES, false, false},
    [STORE_NOTE_USE] = {op_note_use, WRITES, true, true},
    [STORE_SWEEP] = {op_sweep, WRITES, false, false},
};

static int op_unknown(struct db *db, struct store_op *op)
{
    (void)op;
    return db_fail(db, SQLITE_MISUSE);
}

static const struct op_kind *op_kind(const struct store_op *op)
{
    static const struct op_kind unknown = {op_unknown, READS, true, true};
    size_t i = (size_t)op->kind;

    return i < sizeof op_kinds / sizeof op_kinds[0] && op_kinds[i].execute ? &op_kinds[i]
                                                                           : &unknown;
}

static void op_fail(struct store_op *op, int error)
{
    op_clear_results(op);
    op->code = db_error_code(error);
}

/* A read's failure is its own: false, and the others go on. */
static bool read_execute(struct db *db, struct store_op *op)
{
    int r = op_kind(op)->execute(db, op);

    assert(r <= 0);
    if (r < 0)
        op_fail(op, r);
    return r == 0;
}

/* Heads are written for the entries before, not for the one at which it happens. One that cannot be written counts, too: then what
 * came before has lost it. */
static uint64_t changes_by_ops(const struct db *db)
{
    return db_changes_total(db) - log_heads_written(db);
}

/* A savepoint costs an eighth of what an entry does, and hardly ever takes anything back. BATCH_E_AGAIN when it would have. */
static int write_execute_bare(struct db *db, struct store_op *op, struct batch_outcome *outcome)
{
    uint64_t before = changes_by_ops(db);
    int r = op_kind(op)->execute(db, op);

    assert(r <= 0);
    if (r == 0 && op->code == WIRE_CODE_NONE)
        return 0;
    if (changes_by_ops(db) != before || !db_in_transaction(db))
        return BATCH_E_AGAIN;
    if (r < 0) {
        outcome->failed = true;
        op_fail(op, r);
    }
    return 0;
}

/* What the entries before left to write. BATCH_E_AGAIN when it fails: nobody knows for which of them. */
static int write_heads(struct db *db)
{
    return log_heads_write(db) < 0 ? BATCH_E_AGAIN : 0;
}

static int write_in_savepoint(struct db *db, struct store_op *op)
{
    int r = op_kind(op)->execute(db, op);

    assert(r <= 0);
    if (r == 0 && op->code == WIRE_CODE_NONE)
        r = log_heads_write(db);
    if (!op_kind(op)->spares_logs)
        db_forget_log_bounds(db);
    if (!op_kind(op)->spares_heads || r < 0)
        log_heads_forget(db);
    return r;
}

/* Returns negative when the transaction is lost; `outcome` tells when only the operation is. BATCH_E_AGAIN: see write_heads(). */
static int write_execute(struct db *db, struct store_op *op, struct batch_outcome *outcome)
{
    int r = write_heads(db);

    if (r == 0)
        r = statement_run(statement_get(db, "SAVEPOINT op"));
    if (r != 0)
        return r;
    r = write_in_savepoint(db, op);
    if (r == 0 && op->code == WIRE_CODE_NONE)
        return statement_run(statement_get(db, "RELEASE op"));
    if (r < 0) {
        outcome->failed = true;
        op_fail(op, r);
        /* SQLite gives up the whole transaction for some errors, such as a full disk. */
        if (!db_in_transaction(db))
            return r;
    }
    r = statement_run(statement_get(db, "ROLLBACK TO op"));
    return r == 0 ? statement_run(statement_get(db, "RELEASE op")) : r;
}

static int read_between(struct db *db, struct store_op *op, struct batch_outcome *outcome)
{
    int r = write_heads(db);

    if (r == 0)
        outcome->read_failed |= !read_execute(db, op);
    return r;
}

static int execute_all(struct db *db, const struct list *operations, bool careful,
                       struct batch_outcome *outcome)
{
    list_for_each_safe (node, next, operations) {
        struct store_op *op = container_of(node, struct store_op, node);
        int r;

        if (op_kind(op)->manner == READS)
            r = read_between(db, op, outcome);
        else if (op_kind(op)->manner == DECIDES_FIRST && !careful)
            r = write_execute_bare(db, op, outcome);
        else
            r = write_execute(db, op, outcome);
        if (r != 0)
            return r;
    }
    return write_heads(db);
}

/* Everything from the beginning, now each in a savepoint. */
static int execute_again(struct db *db, const struct list *operations,
                         struct batch_outcome *outcome)
{
    int r;

    db_rollback(db);
    list_for_each_safe (node, next, operations)
        op_clear_results(container_of(node, struct store_op, node));
    outcome->failed = outcome->read_failed = false;
    r = db_begin(db, outcome->writes);
    return r == 0 ? execute_all(db, operations, true, outcome) : r;
}

static void abandon_all(struct db *db, const struct list *operations, int error)
{
    list_for_each_safe (node, next, operations) {
        struct store_op *op = container_of(node, struct store_op, node);

        if (op_kind(op)->manner != READS) {
            op_fail(op, error);
        } else {
            op_clear_results(op);
            (void)read_execute(db, op); /* the batch has failed in any case */
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
        outcome.writes |= op_kind(container_of(node, struct store_op, node))->manner != READS;
    }
    r = db_begin(db, outcome.writes);
    if (r == 0 && outcome.writes)
        log_heads_begin(db);
    if (r == 0)
        r = execute_all(db, operations, false, &outcome);
    if (r == BATCH_E_AGAIN)
        r = execute_again(db, operations, &outcome);
    assert(r <= 0);
    if (r == 0 && probe && outcome.writes)
        r = statement_run(statement_get(db, "UPDATE meta SET probes = probes + 1"));
    if (r == 0)
        r = db_commit(db);
    if (r == 0 && outcome.writes)
        log_heads_committed(db);
    if (r < 0) {
        db_rollback(db);
        abandon_all(db, operations, r);
        outcome.failed = true;
    }
    if (outcome.failed || outcome.read_failed)
        db_forget_pages(db);
    outcome.committed = r == 0;
    *ret_outcome = outcome;
}
