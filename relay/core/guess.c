#include "core/guess.h"

#include <assert.h>

#include "core/connection.h"

bool guess_refused(const struct connection *c, struct refusal *ret_refusal)
{
    const struct account *address = connection_payers(c)->address;
    uint32_t wait_ms = address ? throttle_wait_ms(&address->throttle, c->core->now_us) : 0;
    if (wait_ms == 0)
        return false;
    *ret_refusal = (struct refusal){
        .code = WIRE_CODE_TOO_MANY_FAILURES, .account = ACCOUNT_ADDRESS, .retry_after_ms = wait_ms};
    return true;
}

static void count(struct account *address, const struct core *core)
{
    if (address)
        throttle_failed(&address->throttle, &core->config.accounts.throttle, core->now_us);
}

void guess_failed(struct connection *c)
{
    count(connection_payers(c)->address, c->core);
}

bool guess_begin(const struct connection *c, struct refusal *ret_refusal)
{
    const struct throttle_config *config = &c->core->config.accounts.throttle;
    struct account *address = connection_payers(c)->address;
    if (guess_refused(c, ret_refusal))
        return false;
    if (!address)
        return true;
    if (!throttle_has_room(&address->throttle, config, c->core->now_us)) {
        *ret_refusal = (struct refusal){.code = WIRE_CODE_TOO_MANY_FAILURES,
                                        .account = ACCOUNT_ADDRESS,
                                        .retry_after_ms = config->delay_ms};
        return false;
    }
    address->throttle.n_pending++; /* the op keeps the account */
    return true;
}

void guess_judged(const struct core *core, const struct store_op *op, bool wrong)
{
    struct account *address = op->charge.payers.address;
    if (!address)
        return;
    assert(address->throttle.n_pending > 0);
    address->throttle.n_pending--;
    if (wrong)
        count(address, core);
}

void guess_failed_by(const struct core *core, const struct store_op *op)
{
    count(op->charge.payers.address, core);
}
