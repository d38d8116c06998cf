#include "core/reply.h"

#include "base/str.h"

struct frame *reply_frame(struct core *core, const struct message *m)
{
    struct frame *frame = NULL;
    buf_clear(&core->scratch);
    if (message_encode(m, &core->scratch) != 0 ||
        frame_new(&frame, message_has_body(m), core->scratch.data, core->scratch.size) != 0)
        frame = NULL;
    /* What one large body needed is not kept for good. */
    if (core->scratch.capacity > WIRE_REPLY_HEADER_MAX)
        buf_deinit(&core->scratch);
    return frame;
}

static bool send_message(struct connection *c, const struct message *m, bool bulk)
{
    if (c->state == CONNECTION_CLOSED)
        return false;
    struct frame *frame = reply_frame(c->core, m);
    if (!frame) {
        connection_close(c, WIRE_CODE_INTERNAL);
        return false;
    }
    bool sent = bulk ? connection_send_bulk(c, frame) : connection_send(c, frame);
    frame_unref(frame);
    return sent;
}

bool reply_send(struct connection *c, const struct message *m)
{
    return send_message(c, m, false);
}

bool reply_send_bulk(struct connection *c, const struct message *m)
{
    return send_message(c, m, true);
}

void reply_error(struct connection *c, const struct wire_id *in_reply_to, enum message_type type,
                 enum wire_code code, const struct reply_detail *detail)
{
    static const struct reply_detail none;
    if (!detail)
        detail = &none;
    struct message m = {.type = MESSAGE_ERROR};
    m.error.in_reply_to = *in_reply_to;
    m.error.code = code;
    str_copy(m.error.text, sizeof m.error.text, detail->text ? detail->text : wire_code_text(code));
    m.error.retryable = wire_code_retryable(code);
    m.error.has_retry_after = m.error.retryable;
    if (m.error.retryable)
        m.error.retry_after_ms =
            detail->retry_after_ms > 0 ? detail->retry_after_ms : CORE_RETRY_AFTER_MS;
    m.error.has_version = detail->has_version;
    m.error.version = detail->version;
    m.error.has_generation = detail->has_generation;
    m.error.generation = detail->generation;
    reply_send(c, &m);
    core_count_refusal(c->core, code);
    core_emit(c->core, &(struct core_event){.kind = CORE_EVENT_REFUSED,
                                            .connection_id = c->id,
                                            .peer_id = c->peer_id,
                                            .type = type,
                                            .message_id = *in_reply_to,
                                            .code = code,
                                            .has_address = true,
                                            .address = c->address,
                                            .account = detail->account});
    struct refusal refusal;
    const struct payers *payers = connection_payers(c);
    if (!rate_take(payers->address, payers->peer, RATE_REFUSALS, 1, &refusal))
        connection_close(c, refusal.code);
}

static bool kind_has_version(enum store_op_kind kind)
{
    return kind == STORE_OPEN_SESSION || kind == STORE_APPEND_ENTRY || kind == STORE_CHECKPOINT;
}

void reply_outcome(struct connection *c, const struct store_op *op)
{
    if (!c)
        return;
    if (op->code != WIRE_CODE_NONE) {
        const struct reply_detail detail = {.has_version =
                                                op->code == WIRE_CODE_VERSION_CONFLICT ||
                                                op->code == WIRE_CODE_STALE_OWNER_SEQUENCE,
                                            .version = op->ret_version};
        reply_error(c, &op->message_id, MESSAGE_NONE, op->code, &detail);
        return;
    }
    struct message m = {.type = MESSAGE_STORED};
    m.stored.in_reply_to = op->message_id;
    m.stored.duplicate = op->duplicate;
    m.stored.has_version = kind_has_version(op->kind);
    m.stored.version = m.stored.has_version ? op->ret_version : 0;
    m.stored.has_inbox_seq = op->kind == STORE_ADD_INBOX || op->kind == STORE_ACK_INBOX;
    m.stored.inbox_seq = op->kind == STORE_ADD_INBOX ? op->ret_seq : op->seq;
    if (!m.stored.has_inbox_seq)
        m.stored.inbox_seq = 0;
    if (op->kind == STORE_REDEEM_CODE)
        m.stored.recovery_session_id = op->recovery_session_id;
    m.stored.has_valid_for_ms = op->kind == STORE_ISSUE_CODE;
    if (m.stored.has_valid_for_ms && op->expires_unix_ms > op->now.unix_ms)
        m.stored.valid_for_ms = (uint32_t)(op->expires_unix_ms - op->now.unix_ms);
    reply_send(c, &m);
}
