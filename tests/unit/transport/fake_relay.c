#define _GNU_SOURCE /* strcasestr */

#include "fake_relay.h"

#include "scratch.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

enum { REQUEST_MAX = 4096, SHA1_BYTES = 20 };

static bool read_all(struct fake_relay *f, uint8_t *ret_data, size_t size)
{
    while (size > 0) {
        ssize_t n = f->ssl ? SSL_read(f->ssl, ret_data, (int)size) : read(f->fd, ret_data, size);
        if (n <= 0)
            return false;
        ret_data += n;
        size -= (size_t)n;
    }
    return true;
}

static void write_all(struct fake_relay *f, const uint8_t *data, size_t size)
{
    while (size > 0) {
        ssize_t n =
            f->ssl ? SSL_write(f->ssl, data, (int)size) : send(f->fd, data, size, MSG_NOSIGNAL);
        if (n <= 0)
            return; /* the other end is gone: the test sees that */
        data += n;
        size -= (size_t)n;
    }
}

void fake_relay_send(struct fake_relay *f, bool final, int op, const void *data, size_t size)
{
    uint8_t head[10] = {(uint8_t)((final ? 0x80 : 0) | op)};
    size_t head_size = 2;

    if (size < 126) {
        head[1] = (uint8_t)size;
    } else if (size < 65536) {
        head[1] = 126;
        head[2] = (uint8_t)(size >> 8);
        head[3] = (uint8_t)size;
        head_size = 4;
    } else {
        head[1] = 127;
        for (int i = 0; i < 8; i++)
            head[2 + i] = (uint8_t)((uint64_t)size >> (8 * (7 - i)));
        head_size = 10;
    }
    write_all(f, head, head_size);
    write_all(f, data, size);
}

int fake_relay_receive(struct fake_relay *f, uint8_t *ret_data, size_t max, size_t *ret_size)
{
    uint8_t head[2], mask[4], extended[8];
    uint64_t size;
    size_t n_extended;

    if (!read_all(f, head, sizeof head) || !(head[1] & 0x80))
        return -1; /* a client masks */
    size = head[1] & 0x7f;
    n_extended = size == 126 ? 2 : size == 127 ? 8 : 0;
    if (!read_all(f, extended, n_extended))
        return -1;
    for (size_t i = 0; i < n_extended; i++)
        size = (i == 0 ? 0 : size << 8) | extended[i];
    if (size > max || !read_all(f, mask, sizeof mask) || !read_all(f, ret_data, (size_t)size))
        return -1;
    for (size_t i = 0; i < size; i++)
        ret_data[i] ^= mask[i % 4];
    *ret_size = (size_t)size;
    return head[0] & 0x0f;
}

static void answer_for(const char *request, char *ret_answer)
{
    static const char key_header[] = "sec-websocket-key: ";
    const char *key = strcasestr(request, key_header);
    char text[128];
    unsigned char digest[SHA1_BYTES], accept[32];

    if (!key) {
        (void)snprintf(ret_answer, FAKE_RELAY_ANSWER_MAX, "HTTP/1.1 400 Bad Request\r\n\r\n");
        return;
    }
    (void)snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
                   key + strlen(key_header));
    (void)EVP_Digest(text, strlen(text), digest, NULL, EVP_sha1(), NULL);
    (void)EVP_EncodeBlock(accept, digest, sizeof digest);
    (void)snprintf(ret_answer, FAKE_RELAY_ANSWER_MAX,
                   "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                   "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                   "Sec-WebSocket-Protocol: syncshell.v1\r\n\r\n",
                   (const char *)accept);
}

static bool upgrade(struct fake_relay *f)
{
    char request[REQUEST_MAX] = "", answer[FAKE_RELAY_ANSWER_MAX];
    size_t n = 0;

    while (!strstr(request, "\r\n\r\n")) {
        if (n + 1 == sizeof request || !read_all(f, (uint8_t *)request + n, 1))
            return false;
        request[++n] = '\0';
    }
    answer_for(request, answer);
    if (f->answer)
        (void)snprintf(answer, sizeof answer, "%s", f->answer);
    write_all(f, (const uint8_t *)answer, strlen(answer));
    return true;
}

static bool start_tls(struct fake_relay *f)
{
    if (!f->tls)
        return true;
    f->ssl = SSL_new(f->tls);
    return f->ssl && SSL_set_fd(f->ssl, f->fd) == 1 && SSL_accept(f->ssl) == 1;
}

static void *run(void *userdata)
{
    struct fake_relay *f = userdata;

    for (;;) {
        f->fd = accept(f->listen_fd, NULL, NULL);
        if (f->fd < 0)
            return NULL; /* fake_relay_stop() */
        if (start_tls(f) && upgrade(f) && f->script)
            f->script(f);
        SSL_free(f->ssl);
        f->ssl = NULL;
        (void)close(f->fd);
    }
}

void fake_relay_start(struct fake_relay *f, SSL_CTX *takes_tls, const char *answer,
                      void (*script)(struct fake_relay *f))
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;

    *f = (struct fake_relay){.tls = takes_tls, .answer = answer, .script = script};
    f->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(f->listen_fd >= 0);
    assert_int_equal(bind(f->listen_fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(listen(f->listen_fd, 8), 0);
    assert_int_equal(getsockname(f->listen_fd, (struct sockaddr *)&address, &size), 0);
    f->port = ntohs(address.sin_port);
    assert_int_equal(pthread_create(&f->thread, NULL, run, f), 0);
}

void fake_relay_stop(struct fake_relay *f)
{
    assert_int_equal(shutdown(f->listen_fd, SHUT_RDWR), 0);
    assert_int_equal(pthread_join(f->thread, NULL), 0);
    (void)close(f->listen_fd);
    SSL_CTX_free(f->tls);
}

static void write_certificate(const char *path, const X509 *certificate)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_int_equal(PEM_write_X509(file, certificate), 1);
    assert_int_equal(fclose(file), 0);
}

SSL_CTX *fake_relay_tls(const char *subject_alt_name, const char *pem_path)
{
    return fake_relay_tls_for(subject_alt_name, 3600, pem_path);
}

SSL_CTX *fake_relay_tls_for(const char *subject_alt_name, long good_for_s, const char *pem_path)
{
    SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    X509_EXTENSION *names;

    assert_true(tls && key && certificate);
    assert_int_equal(X509_set_version(certificate, X509_VERSION_3), 1);
    assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1), 1);
    assert_non_null(X509_gmtime_adj(X509_getm_notBefore(certificate), -3600));
    assert_non_null(X509_gmtime_adj(X509_getm_notAfter(certificate), good_for_s));
    assert_int_equal(X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN",
                                                MBSTRING_ASC, (const unsigned char *)"a test", -1,
                                                -1, 0),
                     1);
    assert_int_equal(X509_set_issuer_name(certificate, X509_get_subject_name(certificate)), 1);
    assert_int_equal(X509_set_pubkey(certificate, key), 1);
    names = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, subject_alt_name);
    assert_non_null(names);
    assert_int_equal(X509_add_ext(certificate, names, -1), 1);
    X509_EXTENSION_free(names);
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    assert_int_equal(SSL_CTX_use_certificate(tls, certificate), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(tls, key), 1);
    write_certificate(pem_path, certificate);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return tls;
}
