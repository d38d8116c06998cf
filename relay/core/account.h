/* Who pays for what: the accounts of the relay, of addresses, peers and syncshells.
 *
 * Whatever a peer can make the relay hold is charged before it exists, and the charge lives in the object that it pays for:
 *
 *     struct charge charge;                                             in the object, zeroed
 *     charge_take(&o->charge, accounts, &payers, RESOURCE_BYTES, size, &refusal)    before it is made; may refuse
 *     charge_resize(&o->charge, size, &refusal)                         before it grows; shrinking never fails
 *     charge_drop(&o->charge)                                           in its destructor, taken or not
 *
 * Payers pay together, and the relay's own account with them: all or none. For a connection they are connection_payers().
 * Besides its own limit each payer obeys the free share: in every pool that it draws from nobody may have more than what
 * is left after that. So one alone gets at most half, and whoever comes later still finds something.
 *
 * Whatever a peer can make the relay do draws from the buckets of its peer and its address, by the rate that the handler's row
 * in receive.c names. Who fails to prove something is slowed down, as an address: see
 * guess.h.
 *
 * What is in the store is counted there, inside the transaction that would add to it (limit_rows, limit_bytes of an
 * operation), and shared by the same rule: that count survives restarts, and no second one can come to differ from it.
 *
 * Accounts of addresses and peers are remembered for a while when nobody refers to them any more, because of what they did:
 * at most remembered_max, those that failed to prove something longest. */
#ifndef RELAY_CORE_ACCOUNT_H
#define RELAY_CORE_ACCOUNT_H

#include "base/list.h"
#include "base/map.h"
#include "core/account_config.h"
#include "core/address.h"
#include "core/bucket.h"
#include "wire/code.h"
#include "wire/id.h"

struct accounts;

enum { ACCOUNT_KEY_SIZE = 64 }; /* of a peer id, the longest one */

struct account {
    enum account_kind kind;
    struct accounts *accounts;
    size_t n_refs; /* holders of pointers; every charge is one */
    uint64_t used[RESOURCE_COUNT];
    struct bucket buckets[RATE_COUNT];
    struct throttle throttle; /* of an address */
    struct map_node node;
    struct list_node idle_node;
    char key[ACCOUNT_KEY_SIZE];
};

struct accounts {
    const struct account_config *config; /* borrowed */
    const uint64_t *now_us;              /* borrowed: the core's time */
    struct account relay;
    struct map addresses;
    struct map peers;
    struct list idle;    /* nobody refers to them; idle longest, first */
    struct list watched; /* the same, of those that failed to prove something */
    size_t n_idle;
};

/* Why not: the code, whose account it was, when it may be otherwise (0: unknown). */
struct refusal {
    enum wire_code code;
    enum account_kind account;
    uint32_t retry_after_ms;
};

void accounts_init(struct accounts *a, const struct account_config *config, const uint64_t *now_us,
                   size_t objects_max, const uint64_t seed[2]);
void accounts_deinit(struct accounts *a); /* nobody refers to any, nothing is used: asserted */

/* A reference to the account, NULL without memory. */
struct account *accounts_address(struct accounts *a, const struct address *address);
struct account *accounts_peer(struct accounts *a, const char *peer_id);
struct account *account_ref(struct account *a);   /* accepts NULL */
struct account *account_unref(struct account *a); /* accepts NULL; always NULL */

/* A syncshell's is part of it. Its charges end before it does: asserted. */
void account_init(struct account *a, struct accounts *accounts, enum account_kind kind);
void account_deinit(struct account *a);

/* Forgets those with nothing left to remember. Cheap; now and then. */
void accounts_sweep(struct accounts *a);

/* Those that are set pay; the relay pays always. */
struct payers {
    struct account *address;
    struct account *peer;
    struct account *syncshell;
};

struct charge {
    struct accounts *accounts; /* NULL: nothing is charged */
    struct payers payers;      /* ref'd, but for the syncshell's */
    enum resource resource;
    uint64_t amount;
};

bool charge_take(struct charge *c, struct accounts *accounts, const struct payers *payers,
                 enum resource resource, uint64_t amount, struct refusal *ret_refusal);
bool charge_resize(struct charge *c, uint64_t amount, struct refusal *ret_refusal);
void charge_drop(struct charge *c);

/* Resizes it without asking: of what was asked about before, in another charge that ends about now. */
void charge_settle(struct charge *c, uint64_t amount);

/* A peer is known from now on: it pays too. What is there already is not refused. */
void charge_join(struct charge *c, struct account *peer);

/* Draws from the buckets of both (NULL: of one). False: nothing was drawn. */
bool rate_take(struct account *address, struct account *peer, enum rate rate, uint64_t cost,
               struct refusal *ret_refusal);

#endif
