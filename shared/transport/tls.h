/* How a wss relay is checked: its certificate chain against the given authorities or the system's, and the name or
 * address that was dialled. TLS 1.2 or newer.
 *
 * The context is ours and not libwebsockets' own, because that one also trusts a folder fixed when it was built, and checks
 * names only up to their first colon. */
#ifndef SHARED_TRANSPORT_TLS_H
#define SHARED_TRANSPORT_TLS_H

#include <openssl/ssl.h>

/* `ca_file` NULL: the system's authorities. 0, -EINVAL (the file cannot be read or holds no certificate), -ENOMEM. */
int tls_new(SSL_CTX **ret_tls, const char *ca_file);
SSL_CTX *tls_free(SSL_CTX *tls);

/* From the next connection on, the peer must be this host: a name, or an address without brackets. 0 or -ENOMEM. */
int tls_expect_host(SSL_CTX *tls, const char *host);

#endif
