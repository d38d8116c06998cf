#include "core/create.h"

#include "core/guess.h"
#include "core/op.h"
#include "core/proof.h"
#include "core/reply.h"

void create_request(const struct request *r)
{
    const struct message_create_syncshell *m = &r->message->create_syncshell;
    if (r->core->config.create_policy != CORE_CREATE_OPEN) {
        request_refuse(r, WIRE_CODE_CREATE_REFUSED, NULL);
        return;
    }
    struct refusal refusal;
    if (guess_refused(r->connection, &refusal)) {
        request_refuse_by(r, &refusal);
        return;
    }
    enum wire_code code = proof_check_create(r->connection, m);
    if (code == WIRE_CODE_BAD_PROOF)
        guess_failed(r->connection);
    if (code != WIRE_CODE_NONE) {
        request_refuse(r, code, "proof");
        return;
    }
    if (!request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_CREATE_SYNCSHELL);
    if (!op)
        return;
    op->group_public_key = m->group_public_key;
    op->key_epoch = m->has_key_epoch ? m->key_epoch : 1;
    request_issue(r, op);
}

void create_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op)
{
    (void)s;
    if (op->code != WIRE_CODE_NONE)
        return;
    if (!op->duplicate)
        core_emit(core, &(struct core_event){.kind = CORE_EVENT_SYNCSHELL_CREATED,
                                             .connection_id = op->connection_id,
                                             .peer_id = op->peer_id,
                                             .syncshell_id = op->syncshell_id});
    reply_outcome(c, op);
}
