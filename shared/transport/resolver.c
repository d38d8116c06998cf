#define _GNU_SOURCE /* getaddrinfo_a */

#include "transport/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "wire/limits.h"

enum { PATIENCE_MS = 200 };

struct resolver {
    bool asked; /* glibc has the request; else `request` holds the answer already */
    struct gaicb request;
    struct addrinfo hints;
    char host[WIRE_ORIGIN_MAX + 1];
};

/* An address needs no lookup, and no thread. */
static bool is_address(struct resolver *r)
{
    struct addrinfo hints = r->hints;

    hints.ai_flags = AI_NUMERICHOST;
    return getaddrinfo(r->host, NULL, &hints, &r->request.ar_result) == 0;
}

static int ask(struct resolver *r)
{
    struct gaicb *requests[1] = {&r->request};
    int result = getaddrinfo_a(GAI_NOWAIT, requests, 1, NULL);

    if (result != 0)
        return result == EAI_MEMORY ? -ENOMEM : -EAGAIN;
    r->asked = true;
    return 0;
}

int resolver_new(struct resolver **ret_resolver, const char *host)
{
    struct resolver *r = calloc(1, sizeof *r);
    int result = 0;

    if (!r)
        return -ENOMEM;
    (void)snprintf(r->host, sizeof r->host, "%s", host);
    r->hints = (struct addrinfo){.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    r->request = (struct gaicb){.ar_name = r->host, .ar_request = &r->hints};
    if (!is_address(r))
        result = ask(r);
    if (result < 0) {
        free(r);
        return result;
    }
    *ret_resolver = r;
    return 0;
}

/* Whether glibc has let go of the request. One that has just been made is answered soon, if it is answered at all. */
static bool given_back(struct resolver *r)
{
    const struct gaicb *requests[1] = {&r->request};
    const struct timespec patience = {.tv_nsec = PATIENCE_MS * 1000000L};

    if (!r->asked || gai_error(&r->request) != EAI_INPROGRESS ||
        gai_cancel(&r->request) == EAI_CANCELED)
        return true;
    (void)gai_suspend(requests, 1, &patience);
    return gai_error(&r->request) != EAI_INPROGRESS;
}

struct resolver *resolver_free(struct resolver *r)
{
    if (!r || !given_back(r))
        return NULL;
    if (r->request.ar_result)
        freeaddrinfo(r->request.ar_result);
    free(r);
    return NULL;
}

int resolver_poll(struct resolver *r, struct resolver_addresses *ret_addresses)
{
    struct resolver_addresses found = {.n = 0};
    int result = r->asked ? gai_error(&r->request) : 0;

    if (result == EAI_INPROGRESS)
        return RESOLVER_E_PENDING;
    for (const struct addrinfo *a = result == 0 ? r->request.ar_result : NULL;
         a && found.n < RESOLVER_ADDRESSES_MAX; a = a->ai_next) {
        if (getnameinfo(a->ai_addr, a->ai_addrlen, found.text[found.n], RESOLVER_ADDRESS_MAX, NULL,
                        0, NI_NUMERICHOST) == 0)
            found.n++;
    }
    if (found.n == 0)
        return -EHOSTUNREACH;
    *ret_addresses = found;
    return 0;
}
