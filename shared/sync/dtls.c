#include "sync/dtls.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <string.h>

enum { VALID_DAYS = 30, RECORD_BYTES_MAX = 16384, DAY_S = 86400, SERIAL_BITS = 63 };

struct dtls_identity {
    SSL_CTX *context;
    BIO_METHOD *method;
    char fingerprint[SDP_FINGERPRINT_SIZE];
};

struct dtls {
    SSL *ssl;
    struct dtls_handler handler;
    char fingerprint[SDP_FINGERPRINT_SIZE];
    const uint8_t *datagram; /* the one that is being read; NULL: none */
    size_t datagram_size;
    bool started;
    bool connected;
    bool failed;
};

/* ---- a BIO that keeps datagrams apart ---- */

static int bio_write(BIO *bio, const char *data, int size)
{
    struct dtls *dtls = BIO_get_data(bio);

    if (size <= 0)
        return 0;
    dtls->handler.send(dtls->handler.userdata, (const uint8_t *)data, (size_t)size);
    return size;
}

static int bio_read(BIO *bio, char *ret_data, int size)
{
    struct dtls *dtls = BIO_get_data(bio);
    size_t taken;

    BIO_clear_retry_flags(bio);
    if (!dtls->datagram || size <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    taken = dtls->datagram_size < (size_t)size ? dtls->datagram_size : (size_t)size;
    memcpy(ret_data, dtls->datagram, taken);
    dtls->datagram = NULL;
    return (int)taken;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
    (void)bio;
    (void)number;
    (void)pointer;
    switch (command) {
    case BIO_CTRL_FLUSH:
        return 1;
    case BIO_CTRL_DGRAM_QUERY_MTU:
    case BIO_CTRL_DGRAM_GET_FALLBACK_MTU:
        return DTLS_MTU_BYTES;
    default:
        return 0;
    }
}

static BIO_METHOD *method_new(void)
{
    int type = BIO_get_new_index();
    BIO_METHOD *method = type < 0 ? NULL : BIO_meth_new(type | BIO_TYPE_SOURCE_SINK, "datagrams");

    if (!method)
        return NULL;
    BIO_meth_set_write(method, bio_write);
    BIO_meth_set_read(method, bio_read);
    BIO_meth_set_ctrl(method, bio_control);
    return method;
}

/* ---- identity ---- */

static int fingerprint_of(const X509 *certificate, char ret_text[static SDP_FINGERPRINT_SIZE])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    GString *text = g_string_new(NULL);

    if (X509_digest(certificate, EVP_sha256(), digest, &size) != 1)
        size = 0;
    for (unsigned int i = 0; i < size; i++)
        g_string_append_printf(text, "%s%02X", i ? ":" : "", digest[i]);
    g_strlcpy(ret_text, text->str, SDP_FINGERPRINT_SIZE);
    g_string_free(text, TRUE);
    return size > 0 ? 0 : -EIO;
}

static int serial_set(X509 *certificate)
{
    BIGNUM *number = BN_new();
    int r = -EIO;

    if (number && BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY) == 1 &&
        BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate)))
        r = 0;
    BN_free(number);
    return r;
}

static X509 *certificate_new(EVP_PKEY *key)
{
    static const unsigned char NAME[] = "syncshell-sync";
    X509 *certificate = X509_new();
    X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;

    if (!certificate)
        return NULL;
    if (X509_set_version(certificate, X509_VERSION_3) == 1 && serial_set(certificate) == 0 &&
        X509_gmtime_adj(X509_getm_notBefore(certificate), -DAY_S) &&
        X509_gmtime_adj(X509_getm_notAfter(certificate), (long)VALID_DAYS * DAY_S) &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, NAME, -1, -1, 0) == 1 &&
        X509_set_issuer_name(certificate, name) == 1 && X509_set_pubkey(certificate, key) == 1 &&
        X509_sign(certificate, key, EVP_sha256()) > 0)
        return certificate;
    X509_free(certificate);
    return NULL;
}

/* The chain cannot be judged; dtls_check_peer() compares the fingerprint when the handshake is over. */
static int accept_any(int preverified, X509_STORE_CTX *store)
{
    (void)preverified;
    (void)store;
    return 1;
}

static int context_fill(struct dtls_identity *identity)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? certificate_new(key) : NULL;
    SSL_CTX *context = identity->context;
    int r = -EIO;

    if (certificate && SSL_CTX_use_certificate(context, certificate) == 1 &&
        SSL_CTX_use_PrivateKey(context, key) == 1 &&
        SSL_CTX_set_min_proto_version(context, DTLS1_2_VERSION) == 1)
        r = fingerprint_of(certificate, identity->fingerprint);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, accept_any);
    SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(context, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_RENEGOTIATION);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return r;
}

int dtls_identity_new(struct dtls_identity **ret_identity)
{
    struct dtls_identity *identity = g_new0(struct dtls_identity, 1);

    identity->context = SSL_CTX_new(DTLS_method());
    identity->method = method_new();
    if (!identity->context || !identity->method || context_fill(identity)) {
        dtls_identity_free(identity);
        return -EIO;
    }
    *ret_identity = identity;
    return 0;
}

void dtls_identity_free(struct dtls_identity *identity)
{
    if (!identity)
        return;
    SSL_CTX_free(identity->context);
    BIO_meth_free(identity->method);
    g_free(identity);
}

const char *dtls_identity_fingerprint(const struct dtls_identity *identity)
{
    return identity->fingerprint;
}

/* ---- a connection ---- */

int dtls_new(struct dtls **ret_dtls, const struct dtls_identity *identity, bool client,
             const char *fingerprint, const struct dtls_handler *handler)
{
    struct dtls *dtls = g_new0(struct dtls, 1);
    BIO *bio = BIO_new(identity->method);

    dtls->handler = *handler;
    g_strlcpy(dtls->fingerprint, fingerprint, sizeof(dtls->fingerprint));
    dtls->ssl = SSL_new(identity->context);
    if (!bio || !dtls->ssl) {
        BIO_free(bio);
        dtls_free(dtls);
        return -EIO;
    }
    BIO_set_data(bio, dtls);
    BIO_set_init(bio, 1);
    SSL_set_bio(dtls->ssl, bio, bio);
    SSL_set_mtu(dtls->ssl, DTLS_MTU_BYTES);
    if (client)
        SSL_set_connect_state(dtls->ssl);
    else
        SSL_set_accept_state(dtls->ssl);
    *ret_dtls = dtls;
    return 0;
}

void dtls_free(struct dtls *dtls)
{
    if (!dtls)
        return;
    SSL_free(dtls->ssl);
    g_free(dtls);
}

static void fail(struct dtls *dtls)
{
    ERR_clear_error();
    if (dtls->failed)
        return;
    dtls->failed = true;
    dtls->handler.failed(dtls->handler.userdata);
}

static bool peer_is_expected(const struct dtls *dtls)
{
    X509 *certificate = SSL_get1_peer_certificate(dtls->ssl);
    char fingerprint[SDP_FINGERPRINT_SIZE];
    bool expected = certificate && fingerprint_of(certificate, fingerprint) == 0 &&
                    strcmp(fingerprint, dtls->fingerprint) == 0;

    X509_free(certificate);
    return expected;
}

static void shake_hands(struct dtls *dtls)
{
    int r;

    ERR_clear_error();
    r = SSL_do_handshake(dtls->ssl);
    if (r == 1) {
        if (!peer_is_expected(dtls)) {
            fail(dtls);
            return;
        }
        dtls->connected = true;
        dtls->handler.connected(dtls->handler.userdata);
    } else if (SSL_get_error(dtls->ssl, r) != SSL_ERROR_WANT_READ) {
        fail(dtls);
    }
}

void dtls_start(struct dtls *dtls)
{
    dtls->started = true;
    if (!dtls->connected && !dtls->failed)
        shake_hands(dtls);
}

static void read_all(struct dtls *dtls)
{
    uint8_t record[RECORD_BYTES_MAX];

    while (!dtls->failed) {
        int size, error;

        ERR_clear_error();
        size = SSL_read(dtls->ssl, record, sizeof(record));
        if (size > 0) {
            dtls->handler.received(dtls->handler.userdata, record, (size_t)size);
            continue;
        }
        error = SSL_get_error(dtls->ssl, size);
        if (error != SSL_ERROR_WANT_READ)
            fail(dtls);
        return;
    }
}

void dtls_input(struct dtls *dtls, const uint8_t *data, size_t size)
{
    if (dtls->failed)
        return;
    dtls->datagram = data;
    dtls->datagram_size = size;
    if (!dtls->connected)
        shake_hands(dtls);
    if (dtls->connected)
        read_all(dtls);
    dtls->datagram = NULL;
}

void dtls_tick(struct dtls *dtls)
{
    if (dtls->started && !dtls->connected && !dtls->failed && DTLSv1_handle_timeout(dtls->ssl) < 0)
        fail(dtls);
}

int dtls_send(struct dtls *dtls, const uint8_t *data, size_t size)
{
    if (!dtls->connected || dtls->failed)
        return -ENOTCONN;
    ERR_clear_error();
    return SSL_write(dtls->ssl, data, (int)size) == (int)size ? 0 : -EIO;
}
