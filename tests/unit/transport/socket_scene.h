/* The client's socket before the other end of fake_relay.c. A time limit of a test is a deadline after which it fails, never a
 * time that it waits. */
#ifndef TESTS_UNIT_TRANSPORT_SOCKET_SCENE_H
#define TESTS_UNIT_TRANSPORT_SOCKET_SCENE_H

#include "fake_relay.h"
#include "scratch.h"

#include "base/buf.h"
#include "transport/socket.h"

enum { LIMIT_MS = 60000 };

struct fixture {
    struct scratch *scratch;
    struct socket *socket;
    struct fake_relay relay;
    int n_connected, n_disconnected, n_received;
    struct socket_end end; /* the last one's */
    struct wire_key key, pin;
    bool binary; /* the last message */
    struct buf data;
};

int socket_setup(void **state);
int socket_teardown(void **state);

int try_socket(struct fixture *f, const char *ca_file); /* what socket_new() answers */
void make_socket(struct fixture *f, const char *ca_file);
void dial(struct fixture *f, const char *scheme, const char *host, uint16_t port);

/* Serves until *counter is `wanted`. Nothing but what happens on the socket may be needed for that, so the deadline given to
 * the socket is the limit of the test. */
void serve(struct fixture *f, const int *counter, int wanted);

/* Both of them, without TLS. */
void connect_to(struct fixture *f, void (*script)(struct fake_relay *r));

void send_message(struct fixture *f, bool binary, const void *data, size_t size);

/* Scripts of the other end. */
void echo(struct fake_relay *r);
void wait_for_end(struct fake_relay *r);
void vanish(struct fake_relay *r);

#endif
