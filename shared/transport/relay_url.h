/* A relay's URL, taken apart for dialling: ws://host[:port] or wss://..., an IPv6 address in brackets.
 *
 * What is signed is the origin, so nothing but "/" may follow it: a path, a query or a user would not be part of what the
 * relay checks. */
#ifndef SHARED_TRANSPORT_RELAY_URL_H
#define SHARED_TRANSPORT_RELAY_URL_H

#include "wire/limits.h"

#include <stdbool.h>
#include <stdint.h>

struct relay_url {
    bool tls;
    char host[WIRE_ORIGIN_MAX + 1]; /* lower case, an IPv6 address without brackets */
    char authority
        [WIRE_ORIGIN_MAX +
         1]; /* host, in brackets if needed, and port unless it is the scheme's: for Host: */
    char origin[WIRE_ORIGIN_MAX + 1];
    uint16_t port;
};

/* 0, or -EINVAL when the text is not such a URL. */
int relay_url_parse(struct relay_url *ret_url, const char *text);

#endif
