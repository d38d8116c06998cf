/* Session descriptions of one data channel and nothing else (RFC 8866, RFC 8841, RFC 8839), as the common WebRTC stacks write
 * and read them. Pure: no sockets, no clock. What a description does not need for a data channel is ignored.
 *
 * Invariants: the texts of a parsed description are NUL-terminated and hold no line break; candidates are at most
 * SDP_CANDIDATES_MAX, each without its "a=". */
#ifndef SHARED_SYNC_SDP_H
#define SHARED_SYNC_SDP_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SDP_BYTES_MAX = 65536,
    SDP_CANDIDATES_MAX = 64,
    SDP_CREDENTIAL_SIZE = 257, /* RFC 8839: ice-ufrag and ice-pwd have up to 256 characters */
    SDP_FINGERPRINT_SIZE = 96, /* SHA-256: 32 pairs of hex digits with colons */
    SDP_MID_SIZE = 64,
};

/* Who begins the DTLS handshake. */
enum sdp_setup { SDP_SETUP_ACTPASS, SDP_SETUP_ACTIVE, SDP_SETUP_PASSIVE };

struct sdp {
    char ufrag[SDP_CREDENTIAL_SIZE];
    char pwd[SDP_CREDENTIAL_SIZE];
    char fingerprint[SDP_FINGERPRINT_SIZE]; /* upper-case hex with colons */
    char mid[SDP_MID_SIZE];
    enum sdp_setup setup;
    uint16_t sctp_port;
    bool complete;         /* no candidates will follow */
    GPtrArray *candidates; /* of char *, "candidate:..." */
};

void sdp_init(struct sdp *sdp); /* mid "0", SCTP port 5000, no candidates */
void sdp_deinit(struct sdp *sdp);

/* The description's text; g_free() it. `session` makes the origin line unique. */
char *sdp_write(const struct sdp *sdp, uint64_t session);

/* 0, or -EINVAL when it is no description of a data channel with a SHA-256 fingerprint. */
int sdp_parse(struct sdp *ret_sdp, const char *text, size_t size);

#endif
