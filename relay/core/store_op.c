#include "core/store_op.h"

#include <stdlib.h>

#include "base/str.h"
#include "wire/cause.h"

static const char *const op_names[] = {
    [STORE_LOAD_SYNCSHELL] = "load_syncshell",
    [STORE_CREATE_SYNCSHELL] = "create_syncshell",
    [STORE_ADD_MEMBER] = "add_member",
    [STORE_REMOVE_MEMBER] = "remove_member",
    [STORE_EXPEL_MEMBER] = "expel_member",
    [STORE_ROTATE_KEY] = "rotate_key",
    [STORE_TRANSFER_OWNERSHIP] = "transfer_ownership",
    [STORE_DELETE_SYNCSHELL] = "delete_syncshell",
    [STORE_OPEN_SESSION] = "open_session",
    [STORE_APPEND_ENTRY] = "append_entry",
    [STORE_CHECKPOINT] = "checkpoint",
    [STORE_READ_SNAPSHOT] = "read_snapshot",
    [STORE_CLOSE_SESSION] = "close_session",
    [STORE_RAISE_GENERATION] = "raise_generation",
    [STORE_ADD_INBOX] = "add_inbox",
    [STORE_READ_INBOX] = "read_inbox",
    [STORE_ACK_INBOX] = "ack_inbox",
    [STORE_ISSUE_CODE] = "issue_code",
    [STORE_REDEEM_CODE] = "redeem_code",
    [STORE_NOTE_USE] = "note_use",
    [STORE_SWEEP] = "sweep",
    [STORE_REPORT_CONNECTION] = "report_connection",
};

const char *store_op_name(enum store_op_kind kind)
{
    size_t i = (size_t)kind;
    if (i >= sizeof op_names / sizeof op_names[0] || !op_names[i])
        return "unknown";
    return op_names[i];
}

uint64_t store_session_handed_generation(uint64_t generation)
{
    return generation < WIRE_INTEGER_MAX - STORE_HANDOVER_GENERATIONS
               ? generation + STORE_HANDOVER_GENERATIONS
               : WIRE_INTEGER_MAX;
}

enum wire_code store_session_ended(const struct message_session_summary *s)
{
    if (s->state != SESSION_STATE_CLOSED)
        return WIRE_CODE_NONE;
    return s->outcome == SESSION_OUTCOME_FAILED &&
                   str_equal(s->cause.text, cause_name(CAUSE_SESSION_EXPIRED))
               ? WIRE_CODE_SESSION_EXPIRED
               : WIRE_CODE_SESSION_CLOSED;
}

struct store_op *store_op_new(enum store_op_kind kind)
{
    struct store_op *op = calloc(1, sizeof *op);
    if (op)
        op->kind = kind;
    return op;
}

struct store_op *store_op_free(struct store_op *op)
{
    if (!op)
        return NULL;
    list_unlink(&op->node);
    frame_unref(op->frame);
    store_syncshell_free(op->syncshell);
    for (size_t i = 0; i < op->n_entries; i++)
        free(op->entries[i].data);
    free(op->entries);
    for (size_t i = 0; i < op->n_inbox; i++)
        free(op->inbox[i].frame);
    free(op->inbox);
    free(op->report);
    free(op->swept_sessions);
    free(op->swept_syncshells);
    free(op->settled);
    free(op->expired_syncshells);
    charge_drop(&op->charge);
    free(op);
    return NULL;
}

void store_syncshell_free(struct store_syncshell *s)
{
    if (!s)
        return;
    free(s->members);
    free(s->sessions);
    free(s);
}
