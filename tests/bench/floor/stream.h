/* The bytes of a connection, plain or TLS, without blocking. */
#ifndef TESTS_BENCH_FLOOR_STREAM_H
#define TESTS_BENCH_FLOOR_STREAM_H

#include <openssl/ssl.h>
#include <stddef.h>
#include <stdint.h>

/* For files in PEM; NULL for none. Ends the program when they do not do. */
SSL_CTX *stream_tls_new(const char *certificate_file, const char *key_file);

/* Bytes; 0: nothing now; -1: it is over. `tls` NULL: plain. */
ptrdiff_t stream_read(int fd, SSL *tls, uint8_t *data, size_t size);
ptrdiff_t stream_write(int fd, SSL *tls, const uint8_t *data, size_t size);

#endif
