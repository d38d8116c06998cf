/* STUN and TURN servers: as the command line names them, URL[,USERNAME,PASSWORD], and as the relay does. The URL is one by RFC 7064
 * or RFC 7065. Pure. */
#ifndef SHARED_SYNC_ICE_SERVER_H
#define SHARED_SYNC_ICE_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ICE_SERVERS_MAX = 8,
    ICE_PROVIDERS_USED_MAX = 2, /* of TURN, of those that the relay names: one, and one to spare */
    ICE_SERVER_URL_SIZE = 256,  /* as long as the library takes it */
    ICE_SERVER_HOST_SIZE = 254, /* a name of the DNS has up to 253 characters */
    ICE_SERVER_CREDENTIAL_SIZE = 509, /* RFC 8489: a USERNAME has fewer than 509 bytes */
};

enum ice_server_kind { ICE_SERVER_STUN, ICE_SERVER_TURN_UDP, ICE_SERVER_TURN_TCP };

struct ice_server {
    enum ice_server_kind kind;
    uint16_t port;
    char url[ICE_SERVER_URL_SIZE];   /* "" when it is too long */
    char host[ICE_SERVER_HOST_SIZE]; /* a name or an address, without brackets */
    char username[ICE_SERVER_CREDENTIAL_SIZE];
    char password[ICE_SERVER_CREDENTIAL_SIZE];
};

struct ice_server_list {
    size_t n_servers;
    size_t n_providers; /* of TURN: those with other credentials than the one before */
    struct ice_server servers[ICE_SERVERS_MAX];
};

/* The next of those that the relay names, the preferred one first; `username` and `password` may be NULL. False when it is left
 * out: it is of a kind that is not supported, of one provider too many, or there is no room. */
bool ice_server_list_add(struct ice_server_list *l, const char *url, const char *username,
                         const char *password);

/* stuns: and turns:. libnice takes NICE_RELAY_TYPE_TURN_TLS, but what it then speaks is TURN over plain TCP (seen with 0.1.21):
 * credentials are not sent where they were not meant to go. */
bool ice_server_is_tls(const char *url);

/* USERNAME and PASSWORD are percent-decoded: they need it when they hold a comma or a percent sign. 0, or -EINVAL with a sentence
 * in `ret_problem` (borrowed). */
int ice_server_parse(struct ice_server *ret_server, const char *text, const char **ret_problem);

#endif
