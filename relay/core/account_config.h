/* What accounts are limited by: see account.h. Filled in from the configuration; may change while the relay runs. */
#ifndef RELAY_CORE_ACCOUNT_CONFIG_H
#define RELAY_CORE_ACCOUNT_CONFIG_H

#include "core/throttle.h"

#include <stddef.h>
#include <stdint.h>

enum account_kind {
    ACCOUNT_NONE = 0,
    ACCOUNT_RELAY, /* everybody's, beneath all others */
    ACCOUNT_ADDRESS,
    ACCOUNT_PEER,
    ACCOUNT_SYNCSHELL,
    ACCOUNT_KINDS,
};

const char *account_kind_name(enum account_kind kind); /* "relay", "address", ... */

/* What is held: charged before it exists, refunded when it goes. */
enum resource {
    RESOURCE_BYTES = 0,   /* of memory */
    RESOURCE_CONNECTIONS, /* WebSockets */
    RESOURCE_HANDSHAKES,  /* accepted sockets that are no WebSocket yet */
    RESOURCE_COUNT,
};

/* What is done: so many a minute, of which all may come at once. */
enum rate {
    RATE_CONNECTS = 0, /* accepted sockets; addresses only */
    RATE_JOINS,        /* Authenticate, creating, joining, leaving */
    RATE_SIGNALS,      /* offers, answers, candidates */
    RATE_WRITES,       /* what is stored */
    RATE_QUERIES,      /* what is asked for */
    RATE_REFUSALS,     /* requests that were refused: who goes on regardless is closed */
    RATE_COUNT,
};

struct account_config {
    uint64_t max[ACCOUNT_KINDS][RESOURCE_COUNT]; /* 0: no limit of its own */
    uint32_t per_minute[RATE_COUNT];             /* of a peer */
    uint32_t address_peers;                      /* an address may do as much as so many peers */
    struct throttle_config throttle;
    size_t remembered_max; /* addresses and peers that are gone and not yet forgotten */
};

#endif
