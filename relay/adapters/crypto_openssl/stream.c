#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "adapters/crypto_openssl/stream.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

enum { S_PER_DAY = 24 * 3600 };

struct stream {
    int fd;
    SSL_CTX *ctx; /* NULL without TLS, as `ssl` */
    SSL *ssl;
};

static int connect_address(const struct addrinfo *address, int *ret_fd)
{
    const struct timeval timeout = {.tv_sec = STREAM_TIMEOUT_S};
    int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = fd < 0 ? -errno : 0;
    if (r == 0 && (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0 ||
                   setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0 ||
                   connect(fd, address->ai_addr, address->ai_addrlen) < 0))
        r = -errno;
    if (r == 0) {
        *ret_fd = fd;
        return 0;
    }
    if (fd >= 0)
        close(fd);
    return r == -EINPROGRESS ? -ETIMEDOUT : r; /* how Linux says that SO_SNDTIMEO is over */
}

/* Each address of the name, until one takes it. */
static int dial(struct stream *s, const struct stream_target *target, char *ret_error, size_t size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(target->host, target->port, &hints, &found);
    if (r != 0) {
        (void)snprintf(ret_error, size, "has a name that leads nowhere: %s", gai_strerror(r));
        return STREAM_E_NAME;
    }
    r = -ENOENT;
    for (const struct addrinfo *a = found; a && r < 0; a = a->ai_next)
        r = connect_address(a, &s->fd);
    freeaddrinfo(found);
    if (r == 0)
        return 0;
    (void)snprintf(ret_error, size, "cannot be reached from here: %s", strerror(-r));
    return STREAM_E_UNREACHABLE;
}

static int64_t expiry_of(const SSL *ssl)
{
    int days = 0, seconds = 0;
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (!certificate || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
        return 0;
    return (int64_t)time(NULL) + (int64_t)days * S_PER_DAY + seconds;
}

static int certificate_fault(long verdict)
{
    if (verdict == X509_V_ERR_CERT_HAS_EXPIRED || verdict == X509_V_ERR_CERT_NOT_YET_VALID)
        return STREAM_E_CERTIFICATE_EXPIRED;
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH)
        return STREAM_E_CERTIFICATE_NAME;
    return STREAM_E_CERTIFICATE;
}

/* An address is no host name: neither for SNI nor in a certificate. */
static bool expect_name(SSL *ssl, const char *host)
{
    char copy[NI_MAXHOST]; /* OpenSSL's macro takes no const, and copies */
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1)
        return true;
    (void)snprintf(copy, sizeof copy, "%s", host);
    return SSL_set_tlsext_host_name(ssl, copy) == 1 && SSL_set1_host(ssl, host) == 1;
}

static int prepare_tls(struct stream *s, const struct stream_target *target)
{
    s->ctx = SSL_CTX_new(TLS_client_method());
    s->ssl = s->ctx ? SSL_new(s->ctx) : NULL;
    if (!s->ssl || SSL_set_fd(s->ssl, s->fd) != 1 || !expect_name(s->ssl, target->host))
        return -ENOMEM;
    SSL_set_verify(s->ssl, SSL_VERIFY_PEER, NULL);
    return (target->ca_file ? SSL_CTX_load_verify_file(s->ctx, target->ca_file)
                            : SSL_CTX_set_default_verify_paths(s->ctx)) == 1
               ? 0
               : -EINVAL;
}

static int start_tls(struct stream *s, const struct stream_target *target,
                     int64_t *ret_expires_unix_s, char *ret_error, size_t size)
{
    ERR_clear_error();
    int r = prepare_tls(s, target);
    if (r < 0) {
        (void)snprintf(ret_error, size, "cannot be tried: %s",
                       r == -EINVAL ? "the authorities cannot be read" : "out of memory");
        return r;
    }
    r = SSL_connect(s->ssl);
    *ret_expires_unix_s = expiry_of(s->ssl);
    if (r == 1)
        return 0;
    long verdict = SSL_get_verify_result(s->ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (verdict != X509_V_OK) {
        (void)snprintf(ret_error, size, "has a certificate that clients refuse: %s",
                       X509_verify_cert_error_string(verdict));
        return certificate_fault(verdict);
    }
    (void)snprintf(ret_error, size, "does not speak TLS: %s",
                   reason ? reason : "the connection was closed");
    return STREAM_E_NO_TLS;
}

int stream_open(struct stream **ret_stream, const struct stream_target *target,
                int64_t *ret_expires_unix_s, char *ret_error, size_t error_size)
{
    struct stream *s = calloc(1, sizeof *s);
    *ret_expires_unix_s = 0;
    if (!s) {
        (void)snprintf(ret_error, error_size, "cannot be tried: out of memory");
        return -ENOMEM;
    }
    s->fd = -1;
    int r = dial(s, target, ret_error, error_size);
    if (r == 0 && target->tls)
        r = start_tls(s, target, ret_expires_unix_s, ret_error, error_size);
    if (r != 0) {
        (void)stream_close(s);
        return r;
    }
    *ret_stream = s;
    return 0;
}

struct stream *stream_close(struct stream *s)
{
    if (!s)
        return NULL;
    SSL_free(s->ssl);
    SSL_CTX_free(s->ctx);
    if (s->fd >= 0)
        close(s->fd);
    free(s);
    return NULL;
}

static int failure(ssize_t n)
{
    if (n == 0)
        return -ECONNRESET;
    return errno == EAGAIN ? -ETIMEDOUT : -errno;
}

int stream_write(struct stream *s, const void *data, size_t size)
{
    errno = EPROTO; /* what is left when OpenSSL fails without the system */
    if (s->ssl)
        return SSL_write(s->ssl, data, (int)size) == (int)size ? 0 : failure(-1);
    ssize_t n = send(s->fd, data, size, MSG_NOSIGNAL); /* blocks until all of it is taken */
    return n == (ssize_t)size ? 0 : failure(n);
}

int stream_read(struct stream *s, void *ret_data, size_t size)
{
    unsigned char *at = ret_data;
    while (size > 0) {
        errno = EPROTO;
        ssize_t n = s->ssl ? SSL_read(s->ssl, at, (int)size) : recv(s->fd, at, size, 0);
        if (n <= 0)
            return failure(n);
        at += n;
        size -= (size_t)n;
    }
    return 0;
}
