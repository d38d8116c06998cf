#include "core/op.h"

#include <assert.h>

#include "core/bulk.h"
#include "core/connection.h"
#include "core/create.h"
#include "core/expiry.h"
#include "core/inbox.h"
#include "core/join.h"
#include "core/leave.h"
#include "core/owner.h"
#include "core/recovery_code.h"
#include "core/reply.h"
#include "core/report.h"
#include "core/session.h"
#include "core/session_request.h"
#include "core/sweep.h"
#include "core/syncshell.h"

/* What an operation of a kind belongs to, and who takes it over when it is back. The completion gets the
 * connection that asked, NULL when it is gone or closed. A failed operation that is a request has been answered before its
 * completion is called, and `op->code` says that it failed. */
struct op_kind {
    bool request;   /* counts as pending on the connection; its failure is answered here */
    bool syncshell; /* keeps its syncshell loaded */
    void (*done)(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op);
};

static void loaded(struct core *core, struct syncshell *s, struct connection *c,
                   struct store_op *op)
{
    (void)core;
    (void)c;
    syncshell_loaded(s, op);
}

static void raised(struct core *core, struct syncshell *s, struct connection *c,
                   struct store_op *op)
{
    (void)core;
    (void)c;
    struct session *session = session_find(s, &op->recovery_session_id);
    if (session)
        session_raised(session, op);
}

static const struct op_kind op_kinds[] = {
    [STORE_LOAD_SYNCSHELL] = {false, true, loaded},
    [STORE_CREATE_SYNCSHELL] = {true, false, create_done},
    [STORE_ADD_MEMBER] = {false, true, join_member_added},
    [STORE_REMOVE_MEMBER] = {true, true, leave_done},
    [STORE_EXPEL_MEMBER] = {true, true, owner_expelled},
    [STORE_ROTATE_KEY] = {true, true, owner_rotated},
    [STORE_TRANSFER_OWNERSHIP] = {true, true, owner_transferred},
    [STORE_DELETE_SYNCSHELL] = {true, true, owner_deleted},
    [STORE_OPEN_SESSION] = {true, true, session_open_done},
    [STORE_APPEND_ENTRY] = {true, true, session_entry_done},
    [STORE_CHECKPOINT] = {true, true, session_entry_done},
    [STORE_READ_SNAPSHOT] = {true, true, session_snapshot_done},
    [STORE_CLOSE_SESSION] = {true, true, session_close_done},
    [STORE_RAISE_GENERATION] = {false, true, raised},
    [STORE_ADD_INBOX] = {true, true, inbox_added},
    [STORE_READ_INBOX] = {false, true, inbox_read},
    [STORE_ACK_INBOX] = {true, true, inbox_acked},
    [STORE_REPORT_CONNECTION] = {true, true, report_done},
    [STORE_ISSUE_CODE] = {true, true, recovery_code_issued},
    [STORE_REDEEM_CODE] = {true, true, recovery_code_redeemed},
    [STORE_NOTE_USE] = {false, true, expiry_use_noted},
    [STORE_SWEEP] = {false, false, sweep_done},
};

static bool code_is_store_failure(enum wire_code code)
{
    return code == WIRE_CODE_STORE_FULL || code == WIRE_CODE_STORE_UNAVAILABLE ||
           code == WIRE_CODE_INTERNAL;
}

struct store_op *op_new(struct core *core, enum store_op_kind kind, const struct syncshell *s)
{
    struct store_op *op = store_op_new(kind);
    if (!op)
        return NULL;
    op->now = core_wall_now(core);
    if (s)
        op->syncshell_id = s->id;
    return op;
}

void op_issue(struct core *core, struct store_op *op)
{
    if (op_kinds[op->kind].syncshell) {
        struct syncshell *s = syncshell_find(core, &op->syncshell_id);
        assert(s);
        s->n_ops++;
    }
    core->stats.ops_in_flight++;
    list_append(&core->ops, &op->node);
}

static void report_failure(struct core *core, const struct store_op *op)
{
    core_emit(core, &(struct core_event){.kind = CORE_EVENT_STORE_FAILED,
                                         .connection_id = op->connection_id,
                                         .peer_id = op->peer_id,
                                         .syncshell_id = op->syncshell_id,
                                         .recovery_session_id = op->recovery_session_id,
                                         .code = op->code});
}

void core_store_done(struct core *core, uint64_t now_us, struct store_op *op)
{
    core_enter(core, now_us);
    const struct op_kind *kind = &op_kinds[op->kind];
    assert(core->stats.ops_in_flight > 0);
    core->stats.ops_in_flight--;
    if (code_is_store_failure(op->code))
        report_failure(core, op);

    struct syncshell *s = NULL;
    if (kind->syncshell) {
        s = syncshell_find(core, &op->syncshell_id);
        assert(s && s->n_ops > 0);
        s->n_ops--;
        syncshell_touch(s);
        /* What memory would do with the result is not known any more, or there is nothing left that it was for. */
        if (s->state == SYNCSHELL_STALE)
            op->code = s->stale_code;
    }
    struct connection *c = op->connection_id ? connection_find(core, op->connection_id) : NULL;
    if (c && kind->request) {
        assert(c->n_pending > 0);
        c->n_pending--;
        if (op->code != WIRE_CODE_NONE)
            reply_outcome(c, op);
    }
    kind->done(core, s, c, op);
    store_op_free(op);
    core_leave(core);
}
