/* A connection of the floor: bytes in, frames moved to the connection that they name, bytes out at the end of the turn. */
#ifndef TESTS_BENCH_FLOOR_CONNECTION_H
#define TESTS_BENCH_FLOOR_CONNECTION_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/list.h"

enum { ID_DIGITS = 8, CONNECTIONS_MAX = 1 << 17, READ_BYTES_MAX = 256 * 1024 };

struct floor;

struct connection {
    struct floor *floor;
    int fd;
    SSL *tls;                 /* or NULL */
    struct connection **slot; /* in by_id, once upgraded */
    bool upgraded;
    bool waits_for_room;
    struct list_node dirty; /* linked while it has something to write in this turn */
    struct buf in;          /* what is not a whole frame yet */
    struct buf out;
    size_t out_done;
};

struct floor {
    int epoll;
    SSL_CTX *tls; /* or NULL */
    struct list dirty;
    struct connection *by_id[CONNECTIONS_MAX];
    uint8_t incoming[READ_BYTES_MAX];
};

/* NULL when there is no memory; the descriptor is then closed. */
struct connection *connection_new(struct floor *floor, int fd);
void connection_free(struct connection *c);

/* False when it is over. */
bool connection_read(struct connection *c);
bool connection_write(struct connection *c);

/* Appends to what goes out at the end of the turn. */
void connection_append(struct connection *c, const void *data, size_t size);

#endif
