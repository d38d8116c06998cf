#include "core/guess.h"

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

void guess_failed(struct connection *c)
{
    struct account *address = connection_payers(c)->address;
    if (address)
        throttle_failed(&address->throttle, &c->core->config.accounts.throttle, c->core->now_us);
}
