#include "transport/tls.h"

#include <errno.h>
#include <stdbool.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

static int load_authorities(SSL_CTX *tls, const char *ca_file)
{
    bool loaded = ca_file ? SSL_CTX_load_verify_file(tls, ca_file) == 1
                          : SSL_CTX_set_default_verify_paths(tls) == 1;

    ERR_clear_error();
    return loaded ? 0 : -EINVAL;
}

int tls_new(SSL_CTX **ret_tls, const char *ca_file)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    int r = -ENOMEM;

    if (tls && SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION) == 1) {
        SSL_CTX_set_verify(tls, SSL_VERIFY_PEER,
                           NULL); /* libwebsockets sets it once more for each connection */
        (void)SSL_CTX_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
        r = load_authorities(tls, ca_file);
    }
    if (r < 0) {
        ERR_clear_error();
        (void)tls_free(tls);
        return r;
    }
    *ret_tls = tls;
    return 0;
}

SSL_CTX *tls_free(SSL_CTX *tls)
{
    SSL_CTX_free(tls);
    return NULL;
}

int tls_expect_host(SSL_CTX *tls, const char *host)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls);
    bool set;

    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* An address goes before a name: a number is never looked for among names. */
    set = X509_VERIFY_PARAM_set1_ip(param, NULL, 0) == 1 &&
          X509_VERIFY_PARAM_set1_host(param, NULL, 0) == 1 &&
          (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ||
           X509_VERIFY_PARAM_set1_host(param, host, 0) == 1);
    ERR_clear_error();
    return set ? 0 : -ENOMEM;
}
