/* Certificates are loaded here and not by libwebsockets, whose only word about a failure is that there was one.
 * OpenSSL's declarations come with libwebsockets.h: it is the library that libwebsockets was built with. */
#define _DEFAULT_SOURCE /* timegm */

#include "adapters/ws_lws/tls.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libwebsockets.h>

static int no_passphrase(char *buffer, int size, int writing, void *userdata)
{
    /* OpenSSL's own function would ask on the terminal. */
    (void)buffer;
    (void)size;
    (void)writing;
    (void)userdata;
    return 0;
}

static int tls_fail(const char *what, const char *file, char *ret_error, size_t error_size)
{
    unsigned long code = ERR_peek_last_error();
    const char *reason = code ? ERR_reason_error_string(code) : NULL;

    snprintf(ret_error, error_size, "%s %s: %s", what, file, reason ? reason : "unknown error");
    ERR_clear_error();
    return -EINVAL;
}

static int file_check(const char *what, const char *file, char *ret_error, size_t error_size)
{
    int r;

    if (access(file, R_OK) == 0)
        return 0;
    r = -errno;
    snprintf(ret_error, error_size, "cannot read the %s %s: %s", what, file, strerror(-r));
    return r;
}

static int load(SSL_CTX *ctx, const char *certificate_file, const char *key_file, char *ret_error,
                size_t error_size)
{
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, certificate_file) != 1)
        return tls_fail("there is no usable PEM certificate in", certificate_file, ret_error,
                        error_size);
    if (SSL_CTX_use_PrivateKey_file(ctx, key_file, SSL_FILETYPE_PEM) != 1) {
        if (ERR_GET_REASON(ERR_peek_last_error()) == X509_R_KEY_VALUES_MISMATCH)
            return tls_fail("the certificate does not belong to the key", key_file, ret_error,
                            error_size);
        return tls_fail("there is no usable PEM key without a passphrase in", key_file, ret_error,
                        error_size);
    }
    if (SSL_CTX_check_private_key(ctx) != 1)
        return tls_fail("the certificate does not belong to the key", key_file, ret_error,
                        error_size);
    return 0;
}

int tls_load(struct ssl_ctx_st **ret_identity, const char *certificate_file, const char *key_file,
             char *ret_error, size_t error_size)
{
    SSL_CTX *ctx;
    int r;

    ERR_clear_error();
    if ((r = file_check("certificate", certificate_file, ret_error, error_size)) < 0 ||
        (r = file_check("key", key_file, ret_error, error_size)) < 0)
        return r;
    ctx = SSL_CTX_new(TLS_server_method());
    if (!ctx)
        return tls_fail("cannot use TLS for", certificate_file, ret_error, error_size);
    r = load(ctx, certificate_file, key_file, ret_error, error_size);
    if (r < 0) {
        SSL_CTX_free(ctx);
        return r;
    }
    *ret_identity = ctx;
    return 0;
}

void tls_unload(struct ssl_ctx_st *identity)
{
    SSL_CTX_free(identity);
}

int64_t tls_expires_unix_s(const struct ssl_ctx_st *identity)
{
    const X509 *certificate = identity ? SSL_CTX_get0_certificate(identity) : NULL;
    struct tm utc;

    if (!certificate || ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &utc) != 1)
        return 0;
    return timegm(&utc);
}

/* Asked for in every handshake, rather than set in the listener's context: there each kind of key has a place of its own, so
 * an RSA certificate would go on being presented beside the ECDSA one that replaced it. */
static int present(SSL *ssl, void *userdata)
{
    SSL_CTX *identity = *(SSL_CTX *const *)userdata;
    STACK_OF(X509) *chain = NULL;

    SSL_certs_clear(ssl);
    if (SSL_CTX_get0_chain_certs(identity, &chain) != 1)
        return 0;
    return SSL_use_cert_and_key(ssl, SSL_CTX_get0_certificate(identity),
                                SSL_CTX_get0_privatekey(identity), chain, 1) == 1;
}

int tls_configure(struct ssl_ctx_st *ctx, struct ssl_ctx_st *const *identity)
{
    /* A client may come back with a ticket; sessions kept here instead would be memory that strangers fill. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    if (SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) != 1)
        return -EINVAL;
    SSL_CTX_set_cert_cb(ctx, present, (void *)(uintptr_t)identity);
    return 0;
}
