/* One ICE connection by libnice: finds a path for datagrams between the two sides, and notices when it is gone (consent
 * freshness, RFC 7675). Everything runs in the GMainContext given; handlers are called from it and must not free the
 * connection. */
#ifndef SHARED_SYNC_ICE_H
#define SHARED_SYNC_ICE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/ice_server.h"
#include "sync/sdp.h"

struct ice;

struct ice_options {
    const char *bind_address;          /* the only local address used; NULL: all */
    const struct ice_server_list *own; /* instead of those that the relay names, if there are any */
    bool relay_only;                   /* no path but through a TURN server */
};

struct ice_handler {
    void *userdata;
    /* One more candidate of this side, "candidate:...", since it was described. */
    void (*candidate)(void *userdata, const char *candidate);
    void (*gathered)(void *userdata); /* all candidates of this side are known */
    void (*connected)(void *userdata);
    void (*failed)(void *userdata);
    void (*received)(void *userdata, const uint8_t *data, size_t size);
};

/* Borrows `options` and `servers` for its life, and `closing`, which counts what is still being given back to TURN servers after ice_free(), until
 * that is zero. 0, -EINVAL when `bind_address` is no address, -EIO when libnice refuses. Gathering has begun: the addresses of this
 * machine are known. */
int ice_new(struct ice **ret_ice, GMainContext *context, bool controlling,
            const struct ice_options *options, const struct ice_server_list *servers,
            unsigned int *closing, const struct ice_handler *handler);
void ice_free(struct ice *ice);

/* Whether the path that was found goes through a TURN server of either side. */
bool ice_is_relayed(const struct ice *ice);

/* The URL of the server through which this side's end of the path goes, or of the one to blame when ice_relay_cause() has a cause;
 * NULL when there is none, or nobody knows. */
const char *ice_server_url(const struct ice *ice);

/* Once all is gathered: turn_refused or turn_unreachable when there are TURN servers and none has given an address; NULL otherwise,
 * and when it cannot be told. */
const char *ice_relay_cause(const struct ice *ice);

/* Puts this side's credentials and the candidates known so far into `sdp`. 0 or -EIO. */
int ice_describe(struct ice *ice, struct sdp *sdp);

/* The other side's description. Candidates that this side cannot use are passed over. 0 or -EIO. */
int ice_set_remote(struct ice *ice, const struct sdp *remote);

/* One more candidate, "candidate:...", or "" when there will be no more. 0, or -EINVAL when it cannot be used. */
int ice_add_candidate(struct ice *ice, const char *candidate);

/* A datagram that cannot be sent is lost, as any datagram may be. */
void ice_send(struct ice *ice, const uint8_t *data, size_t size);

#endif
