#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "adapters/crypto_openssl/tls_probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

enum { TIMEOUT_S = 10, S_PER_DAY = 24 * 3600 };

static int connect_to(const struct tls_probe *p, int *ret_fd, char *ret_error, size_t size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(p->host, p->port, &hints, &found);
    if (r != 0) {
        (void)snprintf(ret_error, size, "has a name that leads nowhere: %s", gai_strerror(r));
        return -ENOENT;
    }
    r = -ENOENT;
    for (const struct addrinfo *a = found; a && r < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
            continue;
        if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) == 0 &&
            setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) == 0 &&
            connect(fd, a->ai_addr, a->ai_addrlen) == 0) {
            *ret_fd = fd;
            r = 0;
        } else {
            r = -errno;
            close(fd);
        }
    }
    freeaddrinfo(found);
    if (r < 0)
        (void)snprintf(ret_error, size, "cannot be reached from here: %s", strerror(-r));
    return r;
}

static int64_t expiry_of(const SSL *ssl)
{
    int days = 0, seconds = 0;
    const X509 *certificate = SSL_get0_peer_certificate(ssl);
    if (!certificate || ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(certificate)) != 1)
        return 0;
    return (int64_t)time(NULL) + (int64_t)days * S_PER_DAY + seconds;
}

static int start_tls(struct tls_probe *p, SSL *ssl, char *ret_error, size_t size)
{
    char host[NI_MAXHOST]; /* OpenSSL's macro takes no const, and copies */
    (void)snprintf(host, sizeof host, "%s", p->host);
    if (SSL_set_tlsext_host_name(ssl, host) != 1 || SSL_set1_host(ssl, p->host) != 1) {
        (void)snprintf(ret_error, size, "cannot be tried: out of memory");
        return -ENOMEM;
    }
    int r = SSL_connect(ssl);
    p->expires_unix_s = expiry_of(ssl);
    if (r == 1)
        return 0;
    long verdict = SSL_get_verify_result(ssl);
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    if (verdict != X509_V_OK)
        (void)snprintf(ret_error, size, "has a certificate that clients refuse: %s",
                       X509_verify_cert_error_string(verdict));
    else
        (void)snprintf(ret_error, size, "does not speak TLS: %s",
                       reason ? reason : "the connection was closed");
    return -EPROTO;
}

static ssize_t receive(SSL *ssl, int fd, void *into, size_t size)
{
    return ssl ? SSL_read(ssl, into, (int)size) : recv(fd, into, size, 0);
}

static int exchange(struct tls_probe *p, SSL *ssl, int fd, char *ret_error, size_t size)
{
    size_t length = strlen(p->request), have = 0;
    ssize_t n =
        ssl ? SSL_write(ssl, p->request, (int)length) : send(fd, p->request, length, MSG_NOSIGNAL);
    while (n > 0 && have + 1 < sizeof p->answer) {
        n = receive(ssl, fd, p->answer + have, sizeof p->answer - have - 1);
        for (ssize_t i = 0; i < n; i++) /* binary frames may follow the head: keep it a text */
            if (!p->answer[have + (size_t)i])
                p->answer[have + (size_t)i] = ' ';
        have += n > 0 ? (size_t)n : 0;
        p->answer[have] = '\0';
        if (strstr(p->answer, p->until))
            return 0;
    }
    (void)snprintf(ret_error, size, "did not answer as a relay does: \"%.*s\"",
                   (int)strcspn(p->answer, "\r\n"), p->answer);
    return -EPROTO;
}

static int run_tls(struct tls_probe *p, int fd, char *ret_error, size_t size)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = ctx ? SSL_new(ctx) : NULL;
    int r = -ENOMEM;
    (void)snprintf(ret_error, size, "cannot be tried: OpenSSL fails");
    if (ssl &&
        (p->ca_file ? SSL_CTX_load_verify_file(ctx, p->ca_file)
                    : SSL_CTX_set_default_verify_paths(ctx)) == 1 &&
        SSL_set_fd(ssl, fd) == 1) {
        SSL_set_verify(ssl, SSL_VERIFY_PEER, NULL);
        r = start_tls(p, ssl, ret_error, size);
        if (r == 0)
            r = exchange(p, ssl, fd, ret_error, size);
    }
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    return r;
}

int tls_probe_run(struct tls_probe *p, char *ret_error, size_t error_size)
{
    int fd = -1;
    p->answer[0] = '\0';
    p->expires_unix_s = 0;
    int r = connect_to(p, &fd, ret_error, error_size);
    if (r < 0)
        return r;
    r = p->tls ? run_tls(p, fd, ret_error, error_size)
               : exchange(p, NULL, fd, ret_error, error_size);
    close(fd);
    return r;
}
