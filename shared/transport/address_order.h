/* Which of a host's addresses is dialled first.
 *
 * A name may have addresses that lead nowhere: of a family that the user's network does not carry, or of a machine that is down. Each
 * costs seconds until it is given up, and a dial as a whole has not many of them. So the address that worked last goes first, then come
 * those that have not failed since, the families in turns, and last those that have, the oldest failure first: whatever the order in
 * which they were found, each has its turn sooner or later. */
#ifndef SHARED_TRANSPORT_ADDRESS_ORDER_H
#define SHARED_TRANSPORT_ADDRESS_ORDER_H

#include "transport/resolver.h"

#include <stddef.h>

/* All zero at first. */
struct address_order {
    char good[RESOLVER_ADDRESS_MAX]; /* "": none */
    char failed[RESOLVER_ADDRESSES_MAX][RESOLVER_ADDRESS_MAX];
    size_t n_failed;
};

void address_order_worked(struct address_order *o, const char *address);
void address_order_failed(struct address_order *o, const char *address);

/* Sorts what was found. */
void address_order_apply(const struct address_order *o, struct resolver_addresses *addresses);

#endif
