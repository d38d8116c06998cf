/* The proxies that are believed when they say for whom they speak: the addresses of `proxy.trusted`, and X-Forwarded-For.
 *
 * Each proxy appends the address that it was spoken to from, so the header is true from its right end up to the first address
 * that is no trusted proxy; what stands left of that one its owner may have made up, and it is not even looked at. */
#ifndef RELAY_APP_PROXY_H
#define RELAY_APP_PROXY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/address.h"

struct proxy_block;

struct proxies {
    struct proxy_block *blocks; /* owned */
    size_t n_blocks;
};

/* Why `text` is neither an address nor a block such as "10.0.0.0/8", as the end of a sentence; NULL: it is one. */
const char *proxy_block_fault(const char *text);

/* `texts` is NULL-terminated, each without fault. 0 or -ENOMEM. */
int proxies_init(struct proxies *ret_proxies, const char *const *texts);
void proxies_deinit(struct proxies *p); /* accepts zeroed */

bool proxies_trust(const struct proxies *p, const struct address *address);

/* Who is behind `peer`: itself unless it is trusted, otherwise the first from the right in `forwarded_for` (NULL: not to be
 * had) that is not. When all are trusted it is the farthest one, a client on a proxy's machine. Addresses may have ports.
 * 0, or PROXY_E_MISSING or PROXY_E_MALFORMED, where *ret_client is `peer`. */
enum {
    PROXY_E_MISSING = 1,
    PROXY_E_MALFORMED,
};
int proxies_client(const struct proxies *p, const struct address *peer, const char *forwarded_for,
                   struct address *ret_client);

#endif
