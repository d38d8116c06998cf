#include "core/recovery_code.h"

#include "base/str.h"
#include "core/guess.h"
#include "core/op.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/session_request.h"
#include "core/syncshell.h"
#include "wire/recovery_code.h"

void recovery_code_issue_request(const struct request *r)
{
    const struct message_issue_recovery_code *m = &r->message->issue_recovery_code;
    enum session_side side;
    if (!session_participated(r, &m->recovery_session_id, false, &side))
        return;
    if (side != SESSION_SIDE_JOINER) {
        request_refuse(r, WIRE_CODE_NOT_PARTICIPANT, "only the joiner hands the session over");
        return;
    }
    if (!request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_ISSUE_CODE);
    if (!op)
        return;
    op->recovery_session_id = m->recovery_session_id;
    op->code_sha256 = m->code_sha256;
    op->expires_unix_ms = core_wall_after_ms(r->core, r->core->config.recovery_code_ttl_ms);
    request_issue(r, op);
}

void recovery_code_issued(struct core *core, struct syncshell *s, struct connection *c,
                          struct store_op *op)
{
    (void)s;
    if (op->code != WIRE_CODE_NONE)
        return;
    if (!op->duplicate)
        core_emit(core, &(struct core_event){.kind = CORE_EVENT_CODE_ISSUED,
                                             .connection_id = op->connection_id,
                                             .peer_id = op->peer_id,
                                             .syncshell_id = op->syncshell_id,
                                             .recovery_session_id = op->recovery_session_id});
    reply_outcome(c, op);
}

static int hash(const struct request *r, struct wire_sha256 *ret_sha256)
{
    const struct core_host *host = &r->core->host;
    struct buf text = BUF_INIT(RECOVERY_CODE_HASHED_MAX);
    int result = recovery_code_hashed(&text, r->syncshell_id->text,
                                      r->message->redeem_recovery_code.code.text);
    if (result == 0)
        result = host->sha256(host->userdata, text.data, text.size, ret_sha256->text);
    buf_deinit(&text);
    return result;
}

void recovery_code_redeem_request(const struct request *r)
{
    struct refusal refusal;
    if (!request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_REDEEM_CODE);
    if (!op)
        return;
    if (hash(r, &op->code_sha256) != 0) {
        store_op_free(op);
        request_refuse(r, WIRE_CODE_INTERNAL, NULL);
        return;
    }
    if (!guess_begin(r->connection, &refusal)) {
        store_op_free(op);
        request_refuse_by(r, &refusal);
        return;
    }
    op->expires_unix_ms = core_wall_after_ms(r->core, r->core->config.session_ttl_ms);
    request_issue(r, op);
}

void recovery_code_redeemed(struct core *core, struct syncshell *s, struct connection *c,
                            struct store_op *op)
{
    guess_judged(core, op, op->code == WIRE_CODE_WRONG_RECOVERY_CODE);
    if (op->code != WIRE_CODE_NONE)
        return;
    struct session *session = session_find(s, &op->recovery_session_id);
    if (!op->duplicate && session) {
        session_hand_over(session, &op->peer_id);
        core_emit(core, &(struct core_event){.kind = CORE_EVENT_SESSION_MOVED,
                                             .connection_id = op->connection_id,
                                             .peer_id = op->peer_id,
                                             .syncshell_id = op->syncshell_id,
                                             .recovery_session_id = op->recovery_session_id});
    }
    reply_outcome(c, op);
}
