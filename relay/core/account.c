#include "core/account.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/timeutil.h"

static const char *const kind_names[ACCOUNT_KINDS] = {
    [ACCOUNT_NONE] = "none", [ACCOUNT_RELAY] = "relay",         [ACCOUNT_ADDRESS] = "address",
    [ACCOUNT_PEER] = "peer", [ACCOUNT_SYNCSHELL] = "syncshell",
};

const char *account_kind_name(enum account_kind kind)
{
    return kind_names[kind];
}

void account_init(struct account *a, struct accounts *accounts, enum account_kind kind)
{
    *a = (struct account){.kind = kind, .accounts = accounts};
}

void account_deinit(struct account *a)
{
    for (size_t i = 0; i < RESOURCE_COUNT; i++)
        assert(a->used[i] == 0);
    assert(a->n_refs == 0);
}

void accounts_init(struct accounts *a, const struct account_config *config, const uint64_t *now_us,
                   size_t objects_max, const uint64_t seed[2])
{
    *a = (struct accounts){.config = config, .now_us = now_us};
    account_init(&a->relay, a, ACCOUNT_RELAY);
    map_init(&a->addresses, objects_max, seed);
    map_init(&a->peers, objects_max, seed);
    list_init(&a->idle);
    list_init(&a->watched);
}

static void account_free(struct account *a)
{
    struct accounts *accounts = a->accounts;
    if (list_node_linked(&a->idle_node))
        accounts->n_idle--;
    list_unlink(&a->idle_node);
    map_remove(a->kind == ACCOUNT_PEER ? &accounts->peers : &accounts->addresses, &a->node);
    account_deinit(a);
    free(a);
}

static struct account *oldest(const struct list *l)
{
    struct list_node *n = list_first(l);
    return n ? container_of(n, struct account, idle_node) : NULL;
}

void accounts_deinit(struct accounts *a)
{
    for (struct account *o = oldest(&a->idle); o; o = oldest(&a->idle))
        account_free(o);
    for (struct account *o = oldest(&a->watched); o; o = oldest(&a->watched))
        account_free(o);
    assert(a->n_idle == 0);
    account_deinit(&a->relay);
    map_deinit(&a->addresses);
    map_deinit(&a->peers);
}

static bool has_failed(struct account *a)
{
    return !throttle_is_clear(&a->throttle, &a->accounts->config->throttle, *a->accounts->now_us);
}

static bool is_at_rest(struct account *a)
{
    for (size_t i = 0; i < RATE_COUNT; i++)
        if (!bucket_is_full(&a->buckets[i], *a->accounts->now_us))
            return false;
    return !has_failed(a);
}

static struct account *get(struct accounts *accounts, struct map *map, enum account_kind kind,
                           const char *key)
{
    struct map_node *n = map_find(map, key);
    if (n) {
        struct account *a = container_of(n, struct account, node);
        if (list_node_linked(&a->idle_node))
            accounts->n_idle--;
        list_unlink(&a->idle_node);
        return account_ref(a);
    }
    struct account *a = calloc(1, sizeof *a);
    if (!a)
        return NULL;
    account_init(a, accounts, kind);
    str_copy(a->key, sizeof a->key, key);
    if (map_insert(map, &a->node, a->key) != 0) {
        free(a);
        return NULL;
    }
    return account_ref(a);
}

struct account *accounts_address(struct accounts *a, const struct address *address)
{
    const struct address account = address_of_account(address);
    char key[2 * ADDRESS_BYTES + 1];
    for (size_t i = 0; i < ADDRESS_BYTES; i++)
        snprintf(key + 2 * i, 3, "%02x", account.bytes[i]);
    return get(a, &a->addresses, ACCOUNT_ADDRESS, key);
}

struct account *accounts_peer(struct accounts *a, const char *peer_id)
{
    return get(a, &a->peers, ACCOUNT_PEER, peer_id);
}

struct account *account_ref(struct account *a)
{
    if (a)
        a->n_refs++;
    return a;
}

/* Nobody refers to it any more: remembered, if there is something to remember and room. */
static void retire(struct account *a)
{
    struct accounts *accounts = a->accounts;
    if (is_at_rest(a)) {
        account_free(a);
        return;
    }
    list_append(has_failed(a) ? &accounts->watched : &accounts->idle, &a->idle_node);
    accounts->n_idle++;
    while (accounts->n_idle > accounts->config->remembered_max) {
        struct account *o = oldest(&accounts->idle);
        account_free(o ? o : oldest(&accounts->watched));
    }
}

struct account *account_unref(struct account *a)
{
    if (!a)
        return NULL;
    assert(a->n_refs > 0);
    if (--a->n_refs == 0 && (a->kind == ACCOUNT_ADDRESS || a->kind == ACCOUNT_PEER))
        retire(a);
    return NULL;
}

static void sweep(struct list *l)
{
    for (struct account *o = oldest(l); o && is_at_rest(o); o = oldest(l))
        account_free(o);
}

void accounts_sweep(struct accounts *a)
{
    sweep(&a->idle);
    sweep(&a->watched);
}

/* --- charges ------------------------------------------------------------------------------------------------------- */

static const enum wire_code codes[ACCOUNT_KINDS][RESOURCE_COUNT] = {
    [ACCOUNT_RELAY] = {[RESOURCE_BYTES] = WIRE_CODE_RELAY_BUSY,
                       [RESOURCE_CONNECTIONS] = WIRE_CODE_TOO_MANY_CONNECTIONS,
                       [RESOURCE_HANDSHAKES] = WIRE_CODE_TOO_MANY_HANDSHAKES},
    [ACCOUNT_ADDRESS] = {[RESOURCE_BYTES] = WIRE_CODE_ADDRESS_QUOTA,
                         [RESOURCE_CONNECTIONS] = WIRE_CODE_TOO_MANY_FROM_ADDRESS,
                         [RESOURCE_HANDSHAKES] = WIRE_CODE_TOO_MANY_HANDSHAKES},
    [ACCOUNT_PEER] = {[RESOURCE_BYTES] = WIRE_CODE_PEER_QUOTA},
    [ACCOUNT_SYNCSHELL] = {[RESOURCE_BYTES] = WIRE_CODE_SYNCSHELL_QUOTA},
};

static uint64_t limit_of(const struct account *a, enum resource r)
{
    uint64_t max = a->accounts->config->max[a->kind][r];
    return max > 0 ? max : UINT64_MAX;
}

static uint64_t left_in(const struct account *a, enum resource r)
{
    uint64_t max = limit_of(a, r);
    return max > a->used[r] ? max - a->used[r] : 0;
}

/* One account beside its own limit, and as one of those that draw from `pool`. Both accept NULL. */
static bool has_room(const struct account *a, enum resource r, uint64_t more,
                     struct refusal *ret_refusal)
{
    if (!a || more <= left_in(a, r))
        return true;
    *ret_refusal = (struct refusal){.code = codes[a->kind][r], .account = a->kind};
    return false;
}

static bool has_share(const struct account *a, const struct account *pool, enum resource r,
                      uint64_t more, struct refusal *ret_refusal)
{
    /* Connections and handshakes are few and have a limit of their own for each address. */
    if (!a || !pool || r != RESOURCE_BYTES)
        return true;
    uint64_t left = left_in(pool, r);
    if (more <= left && a->used[r] + more <= left - more)
        return true;
    *ret_refusal = (struct refusal){.code = codes[pool->kind][r], .account = pool->kind};
    return false;
}

static bool may_grow(struct accounts *accounts, const struct payers *p, enum resource r,
                     uint64_t more, struct refusal *ret_refusal)
{
    const struct account *relay = &accounts->relay;
    return has_room(p->peer, r, more, ret_refusal) && has_room(p->address, r, more, ret_refusal) &&
           has_room(p->syncshell, r, more, ret_refusal) && has_room(relay, r, more, ret_refusal) &&
           has_share(p->peer, p->address, r, more, ret_refusal) &&
           has_share(p->peer, p->syncshell, r, more, ret_refusal) &&
           has_share(p->address, relay, r, more, ret_refusal) &&
           has_share(p->syncshell, relay, r, more, ret_refusal);
}

static void book(struct account *a, enum resource r, uint64_t old, uint64_t new)
{
    if (!a)
        return;
    assert(a->used[r] >= old);
    a->used[r] = a->used[r] - old + new;
}

static void set_amount(struct charge *c, uint64_t amount)
{
    book(&c->accounts->relay, c->resource, c->amount, amount);
    book(c->payers.address, c->resource, c->amount, amount);
    book(c->payers.peer, c->resource, c->amount, amount);
    book(c->payers.syncshell, c->resource, c->amount, amount);
    c->amount = amount;
}

bool charge_take(struct charge *c, struct accounts *accounts, const struct payers *payers,
                 enum resource resource, uint64_t amount, struct refusal *ret_refusal)
{
    assert(!c->accounts);
    if (!may_grow(accounts, payers, resource, amount, ret_refusal))
        return false;
    *c = (struct charge){.accounts = accounts, .payers = *payers, .resource = resource};
    account_ref(payers->address);
    account_ref(payers->peer);
    account_ref(payers->syncshell);
    set_amount(c, amount);
    return true;
}

bool charge_resize(struct charge *c, uint64_t amount, struct refusal *ret_refusal)
{
    assert(c->accounts);
    if (amount > c->amount &&
        !may_grow(c->accounts, &c->payers, c->resource, amount - c->amount, ret_refusal))
        return false;
    set_amount(c, amount);
    return true;
}

void charge_settle(struct charge *c, uint64_t amount)
{
    assert(c->accounts);
    set_amount(c, amount);
}

void charge_drop(struct charge *c)
{
    if (!c->accounts)
        return;
    set_amount(c, 0);
    account_unref(c->payers.address);
    account_unref(c->payers.peer);
    account_unref(c->payers.syncshell);
    *c = (struct charge){0};
}

void charge_join(struct charge *c, struct account *peer)
{
    if (!c->accounts)
        return;
    assert(!c->payers.peer);
    c->payers.peer = account_ref(peer);
    book(peer, c->resource, 0, c->amount);
}

/* --- rates --------------------------------------------------------------------------------------------------------- */

static uint64_t per_minute(const struct account *a, enum rate rate)
{
    const struct account_config *config = a->accounts->config;
    uint64_t n = config->per_minute[rate];
    return a->kind == ACCOUNT_ADDRESS && rate != RATE_CONNECTS ? n * config->address_peers : n;
}

static bool bucket_refuses(const struct account *a, enum rate rate, uint64_t cost,
                           struct refusal *ret_refusal)
{
    static const enum wire_code rate_codes[RATE_COUNT] = {
        [RATE_CONNECTS] = WIRE_CODE_TOO_MANY_CONNECTS, [RATE_JOINS] = WIRE_CODE_TOO_MANY_JOINS,
        [RATE_SIGNALS] = WIRE_CODE_TOO_MANY_SIGNALS,   [RATE_WRITES] = WIRE_CODE_TOO_MANY_WRITES,
        [RATE_QUERIES] = WIRE_CODE_TOO_MANY_QUERIES,   [RATE_REFUSALS] = WIRE_CODE_FLOODING,
    };
    uint64_t now_us = *a->accounts->now_us;
    uint64_t wait_us = 0;
    if (bucket_has(&a->buckets[rate], now_us, per_minute(a, rate), cost, &wait_us))
        return false;
    *ret_refusal = (struct refusal){
        .code = rate_codes[rate],
        .account = a->kind,
        .retry_after_ms = (uint32_t)time_until_ms(now_us, now_us + wait_us),
    };
    return true;
}

bool rate_take(struct account *address, struct account *peer, enum rate rate, uint64_t cost,
               struct refusal *ret_refusal)
{
    struct account *const both[] = {peer, address};
    for (size_t i = 0; i < 2; i++)
        if (both[i] && bucket_refuses(both[i], rate, cost, ret_refusal))
            return false;
    for (size_t i = 0; i < 2; i++)
        if (both[i])
            bucket_take(&both[i]->buckets[rate], *both[i]->accounts->now_us,
                        per_minute(both[i], rate), cost);
    return true;
}
