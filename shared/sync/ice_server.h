/* A STUN or TURN server as the command line names it: URL[,USERNAME,PASSWORD], the URL by RFC 7064 or RFC 7065. Pure. */
#ifndef SHARED_SYNC_ICE_SERVER_H
#define SHARED_SYNC_ICE_SERVER_H

#include <stdint.h>

enum {
    ICE_SERVERS_MAX = 8,
    ICE_SERVER_HOST_SIZE = 254,       /* a name of the DNS has up to 253 characters */
    ICE_SERVER_CREDENTIAL_SIZE = 509, /* RFC 8489: a USERNAME has fewer than 509 bytes */
};

enum ice_server_kind { ICE_SERVER_STUN, ICE_SERVER_TURN_UDP, ICE_SERVER_TURN_TCP };

struct ice_server {
    enum ice_server_kind kind;
    uint16_t port;
    char host[ICE_SERVER_HOST_SIZE]; /* a name or an address, without brackets */
    char username[ICE_SERVER_CREDENTIAL_SIZE];
    char password[ICE_SERVER_CREDENTIAL_SIZE];
};

/* USERNAME and PASSWORD are percent-decoded: they need it when they hold a comma or a percent sign. 0, or -EINVAL with a sentence
 * in `ret_problem` (borrowed). */
int ice_server_parse(struct ice_server *ret_server, const char *text, const char **ret_problem);

#endif
