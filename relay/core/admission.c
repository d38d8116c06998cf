#include "core/admission.h"

#include <errno.h>
#include <stdlib.h>

/* Nobody can be told in words yet: the operator is. */
static int turn_away(const struct admission *a, const struct refusal *refusal)
{
    core_count_refusal(a->core, refusal->code);
    core_emit(a->core, &(struct core_event){.kind = CORE_EVENT_TURNED_AWAY,
                                            .has_address = a->account != NULL,
                                            .address = a->address,
                                            .code = refusal->code,
                                            .account = refusal->account});
    return CORE_E_FULL;
}

static int charge_handshake(struct admission *a)
{
    const struct payers payers = {.address = a->account};
    struct refusal refusal;
    charge_drop(&a->handshake);
    if ((a->account && !rate_take(a->account, NULL, RATE_CONNECTS, 1, &refusal)) ||
        !charge_take(&a->handshake, &a->core->accounts, &payers, RESOURCE_HANDSHAKES, 1, &refusal))
        return turn_away(a, &refusal);
    return 0;
}

static int set_address(struct admission *a, const struct address *address)
{
    a->address = *address;
    a->account = accounts_address(&a->core->accounts, address);
    return a->account ? 0 : -ENOMEM;
}

int core_admit(struct core *core, uint64_t now_us, const struct address *address,
               struct admission **ret_admission)
{
    core_enter(core, now_us);
    struct admission *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    a->core = core;
    int r = address ? set_address(a, address) : 0;
    if (r == 0)
        r = charge_handshake(a);
    if (r != 0) {
        core_admission_free(a);
        return r;
    }
    *ret_admission = a;
    return 0;
}

bool core_admission_awaits_address(const struct admission *a)
{
    return !a->account;
}

int core_admission_forwarded(struct admission *a, uint64_t now_us, const struct address *address)
{
    core_enter(a->core, now_us);
    a->account = account_unref(a->account);
    int r = set_address(a, address);
    return r == 0 ? charge_handshake(a) : r;
}

int core_admission_upgrade(struct admission *a, uint64_t now_us)
{
    const struct payers payers = {.address = a->account};
    struct refusal refusal = {0};
    core_enter(a->core, now_us);
    if (a->connection.accounts)
        return 0;
    if (!charge_take(&a->connection, &a->core->accounts, &payers, RESOURCE_CONNECTIONS, 1,
                     &refusal))
        return turn_away(a, &refusal);
    charge_drop(&a->handshake);
    return 0;
}

struct admission *core_admission_free(struct admission *a)
{
    if (!a)
        return NULL;
    charge_drop(&a->handshake);
    charge_drop(&a->connection);
    account_unref(a->account);
    free(a);
    return NULL;
}
