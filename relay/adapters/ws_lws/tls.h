/* A listener's TLS: certificate and key, which can be renewed while it serves, and what is allowed. */
#ifndef RELAY_ADAPTERS_WS_LWS_TLS_H
#define RELAY_ADAPTERS_WS_LWS_TLS_H

#include <stddef.h>
#include <stdint.h>

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* A context of our own that holds a certificate with its chain and key, checked. On failure a negative errno (-EINVAL for
 * files that can be read but not used) and in `ret_error` a sentence that names the file. */
int tls_load(struct ssl_ctx_st **ret_identity, const char *certificate_file, const char *key_file,
             char *ret_error, size_t error_size);
void tls_unload(struct ssl_ctx_st *identity); /* accepts NULL */

/* When its certificate, without those of the chain, ends. 0: it has none, or NULL. */
int64_t tls_expires_unix_s(const struct ssl_ctx_st *identity);

/* Restricts a listener's context to TLS 1.2 and later, and makes each handshake present what `*identity` is at that moment:
 * it may be replaced, and connections keep what they began with. 0 or negative errno. */
int tls_configure(struct ssl_ctx_st *ctx, struct ssl_ctx_st *const *identity);

#endif
