/* DTLS over somebody else's datagrams, by OpenSSL (RFC 8827, RFC 8122): what counts is that the other side's certificate has
 * the fingerprint that came, sealed, in its session description; authorities play no part.
 *
 * One write is one datagram of at most DTLS_MTU_BYTES. Handlers must not free the connection. */
#ifndef SHARED_SYNC_DTLS_H
#define SHARED_SYNC_DTLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/sdp.h"

enum { DTLS_MTU_BYTES = 1200 };

/* A key and a self-signed certificate, made fresh: they mean nothing beyond this process. */
struct dtls_identity;

int dtls_identity_new(struct dtls_identity **ret_identity); /* 0 or -EIO */
void dtls_identity_free(struct dtls_identity *identity);
const char *dtls_identity_fingerprint(const struct dtls_identity *identity);

struct dtls;

struct dtls_handler {
    void *userdata;
    void (*send)(void *userdata, const uint8_t *data, size_t size);
    void (*connected)(void *userdata);
    void (*received)(void *userdata, const uint8_t *data, size_t size);
    void (*failed)(void *userdata);
};

/* `fingerprint` is borrowed until the call returns. 0 or -EIO. */
int dtls_new(struct dtls **ret_dtls, const struct dtls_identity *identity, bool client,
             const char *fingerprint, const struct dtls_handler *handler);
void dtls_free(struct dtls *dtls);

void dtls_start(struct dtls *dtls); /* datagrams can be sent now */
void dtls_input(struct dtls *dtls, const uint8_t *data, size_t size);
void dtls_tick(
    struct dtls
        *dtls); /* resends what was lost of a handshake: every 50 ms or so until connected */

/* 0, -ENOTCONN or -EIO. */
int dtls_send(struct dtls *dtls, const uint8_t *data, size_t size);

#endif
