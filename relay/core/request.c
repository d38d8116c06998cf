#include "core/request.h"

#include <stdio.h>

#include "core/op.h"
#include "core/reply.h"

void request_refuse(const struct request *r, enum wire_code code, const char *field)
{
    char text[WIRE_TEXT_MAX + 1];
    struct reply_detail detail = {0};
    if (field) {
        snprintf(text, sizeof text, "%s: %s", field, wire_code_text(code));
        detail.text = text;
    }
    reply_error(r->connection, r->message_id, r->message->type, code, &detail);
}

void request_refuse_by(const struct request *r, const struct refusal *refusal)
{
    const struct reply_detail detail = {.retry_after_ms = refusal->retry_after_ms,
                                        .account = refusal->account};
    reply_error(r->connection, r->message_id, r->message->type, refusal->code, &detail);
}

void request_refuse_generation(const struct request *r, enum wire_code code, uint64_t generation)
{
    const struct reply_detail detail = {.has_generation = true, .generation = generation};
    reply_error(r->connection, r->message_id, r->message->type, code, &detail);
}

bool request_admitted(const struct request *r)
{
    if (r->connection->n_pending < r->core->config.pending_ops_max)
        return true;
    request_refuse(r, WIRE_CODE_TOO_MANY_REQUESTS, NULL);
    return false;
}

struct store_op *request_op(const struct request *r, enum store_op_kind kind)
{
    struct store_op *op = op_new(r->core, kind, NULL);
    if (!op) {
        request_refuse(r, WIRE_CODE_INTERNAL, NULL);
        return NULL;
    }
    struct refusal refusal;
    if (!charge_take(&op->charge, &r->core->accounts, connection_payers(r->connection),
                     RESOURCE_BYTES, OP_BYTES + r->size, &refusal)) {
        store_op_free(op);
        request_refuse_by(r, &refusal);
        return NULL;
    }
    op->connection_id = r->connection->id;
    op->message_id = *r->message_id;
    op->peer_id = r->connection->peer_id;
    op->syncshell_id = *r->syncshell_id;
    return op;
}

void request_issue(const struct request *r, struct store_op *op)
{
    r->connection->n_pending++;
    op_issue(r->core, op);
}

struct frame *request_frame(const struct request *r)
{
    struct frame *frame = NULL;
    if (frame_new(&frame, r->binary, r->data, r->size) != 0)
        request_refuse(r, WIRE_CODE_INTERNAL, NULL);
    return frame;
}

bool request_op_frame(const struct request *r, struct store_op *op)
{
    op->frame = request_frame(r);
    if (!op->frame) {
        store_op_free(op);
        return false;
    }
    op->body_offset = r->size - r->message->body_size;
    return true;
}
