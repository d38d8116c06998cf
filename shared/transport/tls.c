#include "transport/tls.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "transport/base64url.h"

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

/* 0, or -EIO. */
static int key_of(X509 *certificate, struct wire_key *ret_key)
{
    unsigned char *info = NULL, hash[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    int length = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &info);
    bool hashed =
        length > 0 && EVP_Digest(info, (size_t)length, hash, &size, EVP_sha256(), NULL) == 1;

    OPENSSL_free(info);
    if (hashed)
        base64url_encode(ret_key->text, sizeof ret_key->text, hash, size);
    return hashed ? 0 : -EIO;
}

/* In place of OpenSSL's own verification, which it calls where there is no pin. That the peer has the private key is proved by the
 * handshake itself. */
static int verify(X509_STORE_CTX *store, void *userdata)
{
    struct tls_peer *peer = userdata;
    X509 *certificate = X509_STORE_CTX_get0_cert(store);
    struct wire_key key;
    bool accepted = certificate && key_of(certificate, &key) == 0;

    peer->fault = X509_V_OK;
    if (accepted && *peer->pin.text) {
        accepted = strcmp(key.text, peer->pin.text) == 0;
        X509_STORE_CTX_set_error(store, accepted ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
    } else if (accepted) {
        accepted = X509_verify_cert(store) == 1;
        if (!accepted)
            peer->fault = X509_STORE_CTX_get_error(store);
    } else {
        X509_STORE_CTX_set_error(store, X509_V_ERR_UNSPECIFIED);
    }
    peer->refused = !accepted;
    if (accepted)
        peer->key = key;
    return accepted;
}

int tls_expect(SSL_CTX *tls, const char *host, struct tls_peer *peer)
{
    X509_VERIFY_PARAM *param = SSL_CTX_get0_param(tls);
    bool set;

    SSL_CTX_set_cert_verify_callback(tls, verify, peer);
    X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    /* An address goes before a name: a number is never looked for among names. */
    set = X509_VERIFY_PARAM_set1_ip(param, NULL, 0) == 1 &&
          X509_VERIFY_PARAM_set1_host(param, NULL, 0) == 1 &&
          (X509_VERIFY_PARAM_set1_ip_asc(param, host) == 1 ||
           X509_VERIFY_PARAM_set1_host(param, host, 0) == 1);
    ERR_clear_error();
    return set ? 0 : -ENOMEM;
}
