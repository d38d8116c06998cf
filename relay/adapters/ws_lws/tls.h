/* A listener's TLS: certificate, key and what is allowed. */
#ifndef RELAY_ADAPTERS_WS_LWS_TLS_H
#define RELAY_ADAPTERS_WS_LWS_TLS_H

#include <stddef.h>

struct ssl_ctx_st; /* OpenSSL's SSL_CTX */

/* Loads both files into `ctx` and restricts it to TLS 1.2 and later. On failure a negative errno (-EINVAL for files that
 * can be read but not used) and in `ret_error` a sentence that names the file. */
int tls_configure(struct ssl_ctx_st *ctx, const char *certificate_file, const char *key_file,
                  char *ret_error, size_t error_size);

/* The same on a context of its own, before libwebsockets is asked to do anything. */
int tls_check(const char *certificate_file, const char *key_file, char *ret_error,
              size_t error_size);

#endif
