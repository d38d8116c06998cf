/* A provider of STUN or TURN as the operator configured it: URLs with one pair of credentials. They are the operator's own, or
 * minted for each request from a secret that the TURN server shares with the relay. */
#ifndef RELAY_CORE_ICE_SERVER_H
#define RELAY_CORE_ICE_SERVER_H

#include <stdint.h>

enum { ICE_PROVIDERS_MAX = 16 };

/* Owned by whoever made it; the core only reads. Texts are "" when there is none. */
struct ice_server {
    char **urls; /* NULL-terminated; of all providers together at most WIRE_ICE_SERVERS_MAX */
    char *username;
    char *credential;
    char *secret;         /* not "": username and credential are minted */
    uint32_t ttl_seconds; /* of what is minted */
};

#endif
