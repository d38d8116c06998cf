/* The other end of one connection, without any of the library's code: a thread that accepts, upgrades to WebSocket and then
 * does what the test's function says, over plain TCP or TLS. */
#ifndef TESTS_UNIT_TRANSPORT_FAKE_RELAY_H
#define TESTS_UNIT_TRANSPORT_FAKE_RELAY_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <openssl/ssl.h>

enum { FAKE_RELAY_ANSWER_MAX = 512 };

struct fake_relay {
    int listen_fd;
    uint16_t port;
    int fd;
    SSL_CTX *tls; /* NULL: plain */
    SSL *ssl;
    const char *answer; /* to the upgrade instead of the right one; NULL: the right one */
    void (*script)(struct fake_relay *f);
    pthread_t thread;
};

enum { OP_CONTINUATION = 0, OP_TEXT = 1, OP_BINARY = 2, OP_CLOSE = 8, OP_PING = 9, OP_PONG = 10 };

/* Listens on a free port of 127.0.0.1. `takes_tls` may be NULL. */
void fake_relay_start(struct fake_relay *f, SSL_CTX *takes_tls, const char *answer,
                      void (*script)(struct fake_relay *f));
void fake_relay_stop(struct fake_relay *f);

/* For scripts. */
void fake_relay_send(struct fake_relay *f, bool final, int op, const void *data, size_t size);
/* The next frame, unmasked; `ret_size` is set to its payload's. -1 when the connection is over. */
int fake_relay_receive(struct fake_relay *f, uint8_t *ret_data, size_t max, size_t *ret_size);

/* A self-signed certificate for `subject_alt_name` ("DNS:localhost", "IP:127.0.0.1"), written to `pem_path` too, in a
 * server's context that uses it. */
SSL_CTX *fake_relay_tls(const char *subject_alt_name, const char *pem_path);
/* The same with an end: negative, it is over. */
SSL_CTX *fake_relay_tls_for(const char *subject_alt_name, long good_for_s, const char *pem_path);

#endif
