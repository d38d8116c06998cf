/* Where a connection comes from, as far as accounts care. IPv4 is written as IPv4-mapped IPv6; of IPv6 the /64 counts, because
 * that is what one customer gets: whoever has one address of it has them all. */
#ifndef RELAY_CORE_ADDRESS_H
#define RELAY_CORE_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    ADDRESS_BYTES = 16,
    ADDRESS_V4_OFFSET = 12, /* of the four bytes in a mapped address */
    ADDRESS_PREFIX_BYTES = 8,
    ADDRESS_V4_NETWORK_BYTES = 15, /* a /24, in a mapped address */
};

struct address {
    uint8_t bytes[ADDRESS_BYTES];
};

static inline bool address_is_v4(const struct address *a)
{
    static const uint8_t mapped[ADDRESS_V4_OFFSET] = {[10] = 0xff, [11] = 0xff};
    return memcmp(a->bytes, mapped, sizeof mapped) == 0;
}

/* What stands for the whole account: the address itself for IPv4, the first address of the /64 for IPv6. */
static inline struct address address_of_account(const struct address *a)
{
    struct address account = *a;
    if (!address_is_v4(a))
        memset(account.bytes + ADDRESS_PREFIX_BYTES, 0, ADDRESS_BYTES - ADDRESS_PREFIX_BYTES);
    return account;
}

/* What stands for the network around it: the first address of the /24 or /64. */
static inline struct address address_of_network(const struct address *a)
{
    struct address network = address_of_account(a);
    if (address_is_v4(a))
        memset(network.bytes + ADDRESS_V4_NETWORK_BYTES, 0,
               ADDRESS_BYTES - ADDRESS_V4_NETWORK_BYTES);
    return network;
}

#endif
