/* A connection to a server as its clients make it: name, TCP, and TLS with the system's authorities. Every call blocks, for
 * STREAM_TIMEOUT_S at most: made for examinations, not for the relay's loop. */
#ifndef RELAY_ADAPTERS_CRYPTO_OPENSSL_STREAM_H
#define RELAY_ADAPTERS_CRYPTO_OPENSSL_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STREAM_TIMEOUT_S = 5 };

enum stream_error {
    STREAM_E_NAME = 1,    /* the name leads nowhere */
    STREAM_E_UNREACHABLE, /* no connection to the port */
    STREAM_E_NO_TLS,      /* what is there does not speak TLS */
    STREAM_E_CERTIFICATE, /* clients refuse the certificate for another reason than these: */
    STREAM_E_CERTIFICATE_EXPIRED, /* or not valid yet */
    STREAM_E_CERTIFICATE_NAME,    /* it is another name's */
};

struct stream;

struct stream_target {
    const char *host;
    const char *port;
    bool tls;
    const char *ca_file; /* instead of the system's authorities; NULL: those */
};

/* 0, negative, or a stream_error; then `ret_error` has the rest of a sentence that begins with what was tried. Also then,
 * `ret_expires_unix_s` is when the certificate expires; 0: none was seen. */
int stream_open(struct stream **ret_stream, const struct stream_target *target,
                int64_t *ret_expires_unix_s, char *ret_error, size_t error_size);
struct stream *stream_close(struct stream *s); /* accepts NULL; always NULL */

/* Exactly `size` bytes. 0 or negative. */
int stream_write(struct stream *s, const void *data, size_t size);
int stream_read(struct stream *s, void *ret_data, size_t size);

#endif
