/* One ICE connection by libnice: finds a path for datagrams between the two sides, and notices when it is gone (consent
 * freshness, RFC 7675). Everything runs in the GMainContext given; handlers are called from it and must not free the
 * connection. */
#ifndef SHARED_SYNC_ICE_H
#define SHARED_SYNC_ICE_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/sdp.h"

struct ice;

struct ice_handler {
    void *userdata;
    void (*gathered)(void *userdata); /* all candidates of this side are known */
    void (*connected)(void *userdata);
    void (*failed)(void *userdata);
    void (*received)(void *userdata, const uint8_t *data, size_t size);
};

/* `bind_address` (NULL: all interfaces) is the only local address used. 0, -EINVAL when it is no address, -EIO when libnice
 * refuses. Gathering has begun. */
int ice_new(struct ice **ret_ice, GMainContext *context, bool controlling, const char *bind_address,
            const struct ice_handler *handler);
void ice_free(struct ice *ice);

/* Puts this side's credentials and candidates into `sdp`. 0 or -EIO. */
int ice_describe(struct ice *ice, struct sdp *sdp);

/* The other side's description. Candidates that this side cannot use are passed over. 0 or -EIO. */
int ice_set_remote(struct ice *ice, const struct sdp *remote);

/* One more candidate, "candidate:...". 0, or -EINVAL when it cannot be used. */
int ice_add_candidate(struct ice *ice, const char *candidate);

/* A datagram that cannot be sent is lost, as any datagram may be. */
void ice_send(struct ice *ice, const uint8_t *data, size_t size);

#endif
