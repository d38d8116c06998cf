#include "core/create.h"

#include "core/guess.h"
#include "core/op.h"
#include "core/owner.h"
#include "core/proof.h"
#include "core/reply.h"

static enum wire_code check_policy(enum core_create_policy policy, const struct connection *c)
{
    if (policy == CORE_CREATE_OPEN)
        return WIRE_CODE_NONE;
    if (policy == CORE_CREATE_NOBODY)
        return WIRE_CODE_CREATE_REFUSED;
    return c->has_access_key ? WIRE_CODE_NONE : WIRE_CODE_ACCESS_KEY_REQUIRED;
}

void create_request(const struct request *r)
{
    const struct message_create_syncshell *m = &r->message->create_syncshell;
    enum wire_code policy = check_policy(r->core->config.create_policy, r->connection);
    uint64_t key_epoch = m->has_key_epoch ? m->key_epoch : 1;
    /* A later key may be that of a syncshell that is here, about which no policy has a say: the store knows. */
    if (policy != WIRE_CODE_NONE && key_epoch == 1) {
        request_refuse(r, policy, NULL);
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
    op->needs_access_key = r->core->config.create_policy == CORE_CREATE_ACCESS_KEY;
    op->access_key = r->connection->access_key;
    op->limit_rows = r->core->config.created_max;
    op->key_epoch = key_epoch;
    op->refusal = policy;
    request_issue(r, op);
}

void create_done(struct core *core, struct syncshell *s, struct connection *c, struct store_op *op)
{
    (void)s;
    if (op->code == WIRE_CODE_BAD_ACCESS_KEY)
        guess_failed_by(core, op);
    if (op->code != WIRE_CODE_NONE)
        return;
    if (op->rekeyed)
        owner_rekeyed(core, op);
    else if (!op->duplicate)
        core_emit(core, &(struct core_event){.kind = CORE_EVENT_SYNCSHELL_CREATED,
                                             .connection_id = op->connection_id,
                                             .peer_id = op->peer_id,
                                             .syncshell_id = op->syncshell_id});
    reply_outcome(c, op);
}
