/* How a wss relay is checked: by the key that is pinned; or else its certificate chain against the given authorities or the
 * system's, and the name or address that was dialled. TLS 1.2 or newer.
 *
 * The context is ours and not libwebsockets' own, because that one also trusts a folder fixed when it was built, and checks
 * names only up to their first colon. */
#ifndef SHARED_TRANSPORT_TLS_H
#define SHARED_TRANSPORT_TLS_H

#include "wire/id.h"

#include <stdbool.h>

#include <openssl/ssl.h>

/* The other end of a connection. */
struct tls_peer {
    struct wire_key pin; /* the key that it must have; "": one that authorities vouch for */
    struct wire_key
        key; /* the one that it has, if it was accepted: SHA-256 of its SubjectPublicKeyInfo, as in RFC 7469 */
    bool refused; /* for its key or its certificate */
    int fault; /* what is wrong with its certificate, X509_V_ERR_...; X509_V_OK: nothing that is known */
};

/* `ca_file` NULL: the system's authorities. 0, -EINVAL (the file cannot be read or holds no certificate), -ENOMEM. */
int tls_new(SSL_CTX **ret_tls, const char *ca_file);
SSL_CTX *tls_free(SSL_CTX *tls);

/* From the next connection on, the peer must be this one, whose key and verdict are written to `peer`, which lives as long as the
 * connections. With a pin nothing counts but that its key is the pinned one. Without: it must be this host, a name, or an address
 * without brackets. 0 or -ENOMEM. */
int tls_expect(SSL_CTX *tls, const char *host, struct tls_peer *peer);

#endif
