/* Trying a relay's public URL as a client would: name, TCP, TLS with the system's authorities, and the WebSocket upgrade. */
#ifndef RELAY_ADAPTERS_CRYPTO_OPENSSL_TLS_PROBE_H
#define RELAY_ADAPTERS_CRYPTO_OPENSSL_TLS_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TLS_PROBE_ANSWER_SIZE = 4096 };

struct tls_probe {
    const char *host;
    const char *port;
    bool tls;
    const char *ca_file; /* instead of the system's authorities; NULL: those */
    const char *request; /* sent when the connection is up */
    const char *until;   /* reading ends when the answer has this */
    /* out */
    char answer[TLS_PROBE_ANSWER_SIZE]; /* NUL-terminated; what came until then */
    int64_t expires_unix_s;             /* of the certificate; 0: none was seen */
};

/* Blocks for some seconds at most. 0, or negative, and `ret_error` has the rest of a sentence that begins with the URL. */
int tls_probe_run(struct tls_probe *p, char *ret_error, size_t error_size);

#endif
