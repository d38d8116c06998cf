/* One non-blocking stream to the server, plain or TLS. What is written waits until link_flush(); what is read goes to a
 * function that says how much it took, and the rest is kept for the next time. */
#ifndef TESTS_BENCH_LOAD_LINK_H
#define TESTS_BENCH_LOAD_LINK_H

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

enum link_state { LINK_CLOSED, LINK_CONNECTING, LINK_SHAKING_HANDS, LINK_OPEN };

struct link {
    enum link_state state;
    int fd;
    uint32_t from; /* the address to come from, in host order; 0: any */
    int epoll;
    void *user;          /* of epoll's events, and of link_take */
    bool waits_for_room; /* EPOLLOUT is asked for */
    SSL *tls;            /* or NULL */
    struct buf out;
    size_t out_done;
    struct buf in; /* what was not taken */
};

/* Returns how many of the bytes it took, or -1: the link is to be closed. */
typedef ptrdiff_t (*link_take)(void *user, uint8_t *data, size_t size);

/* Dials 127.0.0.1. `user` comes back in epoll's events. False when nobody listens there. */
bool link_dial(struct link *l, int epoll, uint16_t port, SSL_CTX *tls, void *user);
void link_close(struct link *l);

void link_write(struct link *l, const void *data, size_t size);
void link_flush(struct link *l);

/* Does what epoll says is possible. False when the server has closed it. `*ret_opened` once it became LINK_OPEN. */
bool link_serve(struct link *l, uint32_t events, link_take take, bool *ret_opened);

#endif
