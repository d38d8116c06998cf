#include "bench/floor/stream.h"

#include <errno.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

SSL_CTX *stream_tls_new(const char *certificate_file, const char *key_file)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    if (!tls || SSL_CTX_use_certificate_chain_file(tls, certificate_file) != 1 ||
        SSL_CTX_use_PrivateKey_file(tls, key_file, SSL_FILETYPE_PEM) != 1) {
        ERR_print_errors_fp(stderr);
        exit(1);
    }
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                              SSL_MODE_RELEASE_BUFFERS);
    return tls;
}

static ptrdiff_t plain_result(ssize_t n)
{
    return n > 0 ? n : n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
}

static ptrdiff_t tls_result(SSL *tls, int ok, size_t n)
{
    int error = ok == 1 ? SSL_ERROR_NONE : SSL_get_error(tls, ok);
    if (ok == 1)
        return (ptrdiff_t)n;
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

/* Of TLS all that has arrived, record for record: what OpenSSL holds back no epoll tells of. */
ptrdiff_t stream_read(int fd, SSL *tls, uint8_t *data, size_t size)
{
    size_t all = 0;
    if (!tls)
        return plain_result(recv(fd, data, size, 0));
    ERR_clear_error();
    while (all < size) {
        size_t n = 0;
        int ok = SSL_read_ex(tls, data + all, size - all, &n);
        if (ok != 1)
            return all > 0 ? (ptrdiff_t)all : tls_result(tls, ok, 0);
        all += n;
    }
    return (ptrdiff_t)all;
}

ptrdiff_t stream_write(int fd, SSL *tls, const uint8_t *data, size_t size)
{
    size_t n = 0;
    if (!tls)
        return plain_result(send(fd, data, size, MSG_NOSIGNAL));
    ERR_clear_error();
    int ok = SSL_write_ex(tls, data, size, &n);
    return tls_result(tls, ok, n);
}
