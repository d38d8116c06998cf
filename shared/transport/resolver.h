/* A host's addresses, without blocking the thread that asks, and without a thread of ours that could outlive the library.
 *
 * getaddrinfo() can hang for half a minute when no name server answers, and cannot be interrupted; syncshell_client_free()
 * must not wait for it, and code of a library that was unloaded must not run. So names are left to glibc's
 * getaddrinfo_a(), whose threads run glibc's code only, and the answer is fetched by asking for it. When a lookup is
 * given up while it runs, and does not end within a moment, glibc goes on writing to the request, so its memory (some hundred
 * bytes) is left to it. */
#ifndef SHARED_TRANSPORT_RESOLVER_H
#define SHARED_TRANSPORT_RESOLVER_H

#include <stddef.h>

enum {
    RESOLVER_ADDRESS_MAX = 64, /* bytes of an address as text, with an IPv6 scope */
    RESOLVER_ADDRESSES_MAX = 8,
};

enum { RESOLVER_E_PENDING = 1 };

struct resolver;

struct resolver_addresses {
    char text[RESOLVER_ADDRESSES_MAX][RESOLVER_ADDRESS_MAX];
    size_t n;
};

/* Starts to look for `host`, a name or an address without brackets. 0 or negative. */
int resolver_new(struct resolver **ret_resolver, const char *host);
struct resolver *resolver_free(struct resolver *r);

/* 0 with at least one address, RESOLVER_E_PENDING, or -EHOSTUNREACH when there is none. */
int resolver_poll(struct resolver *r, struct resolver_addresses *ret_addresses);

#endif
