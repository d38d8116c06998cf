/* The floor: what carrying WebSocket messages from one connection to another costs when nothing else is done. One epoll loop;
 * no parsing but the 8 digits that name the target, no accounts, no limits, no store, no timers. Speaks the plain routed
 * protocol of tests/bench/README.md. All that came in one turn for a connection goes out in one write.
 *
 * Usage: bench-floor [SIGNATURES [PORT [CERTIFICATE KEY]]]. So many signatures are verified for each connection, so that connecting
 * costs what it must where clients are known. Prints "listening PORT". */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "bench/floor/connection.h"
#include "bench/floor/signatures.h"
#include "bench/floor/stream.h"

enum { EVENTS_MAX = 512, BACKLOG = 4096 };

static int listen_on_loopback(uint16_t port)
{
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    const int on = 1;
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, size) < 0 || listen(fd, BACKLOG) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &size) < 0) {
        perror("bench-floor");
        exit(1);
    }
    printf("listening %u\n", ntohs(at.sin_port));
    fflush(stdout);
    return fd;
}

static void accept_all(struct floor *floor, int listener)
{
    int fd;
    while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        const int on = 1;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        connection_new(floor, fd);
    }
}

static bool serve(struct connection *c, uint32_t events)
{
    if (events & ~(uint32_t)EPOLLOUT)
        return connection_read(c);
    return connection_write(c);
}

static void turn(struct floor *floor, int listener)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(floor->epoll, events, EVENTS_MAX, -1);
    for (int i = 0; i < n; i++) {
        struct connection *c = events[i].data.ptr;
        if (!c)
            accept_all(floor, listener);
        else if (!serve(c, events[i].events))
            connection_free(c);
    }
    list_for_each_safe (node, next, &floor->dirty) {
        struct connection *c = container_of(node, struct connection, dirty);
        list_unlink(&c->dirty);
        if (!connection_write(c))
            connection_free(c);
    }
}

int main(int argc, char **argv)
{
    static struct floor floor;
    int listener = listen_on_loopback(argc > 2 ? (uint16_t)strtoul(argv[2], NULL, 10) : 0);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    signatures_prepare(argc > 1 ? strtoul(argv[1], NULL, 10) : 0);
    if (argc > 4)
        floor.tls = stream_tls_new(argv[3], argv[4]);
    list_init(&floor.dirty);
    floor.epoll = epoll_create1(EPOLL_CLOEXEC);
    if (floor.epoll < 0 || epoll_ctl(floor.epoll, EPOLL_CTL_ADD, listener, &event) < 0) {
        perror("bench-floor");
        return 1;
    }
    for (;;)
        turn(&floor, listener);
}
