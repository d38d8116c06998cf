/* Listening sockets. A name may stand for several addresses (localhost is both ::1 and 127.0.0.1), so there are up to
 * SOCKETS_MAX of them; addresses of a family that this machine does not have are passed over as long as one is left.
 *
 * Invariant: accepting never spins. When the process is out of descriptors the sockets stay readable, so they are taken out
 * of the loop until a timer puts them back. */
#define _GNU_SOURCE /* accept4 */
#include "adapters/ws_lws/listener.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

enum {
    SOCKETS_MAX = 8,
    BACKLOG = 4096,        /* a relay that comes back is called by everybody at once */
    ACCEPTS_PER_EVENT = 8, /* then the connected get their turn */
    PAUSE_MS = 100,
    UNSENT_BYTES_MAX = 131072, /* in the kernel, for each connection; without it, some megabytes */
};

struct listening_socket {
    struct event event;
    struct listener *listener;
    int fd;
};

struct listener {
    struct listening_socket sockets[SOCKETS_MAX];
    size_t n_sockets;
    struct event resume;
    listener_accepted_fn accepted;
    listener_paused_fn paused;
    void *userdata;
    uint16_t port;
};

static void address_text(const struct sockaddr_storage *peer, socklen_t size, char *ret_text)
{
    static const char mapped[] = "::ffff:";

    if (getnameinfo((const struct sockaddr *)(const void *)peer, size, ret_text,
                    LISTENER_ADDRESS_SIZE, NULL, 0, NI_NUMERICHOST) != 0)
        snprintf(ret_text, LISTENER_ADDRESS_SIZE, "unknown");
    /* An IPv4 peer on a socket for both families is the same peer. */
    if (strncmp(ret_text, mapped, sizeof(mapped) - 1) == 0 && strchr(ret_text, '.'))
        memmove(ret_text, ret_text + sizeof(mapped) - 1,
                strlen(ret_text) - (sizeof(mapped) - 1) + 1);
}

static void listener_pause(struct listener *l, int error)
{
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};

    if (evtimer_add(&l->resume, &pause) < 0)
        return;
    for (size_t i = 0; i < l->n_sockets; i++)
        event_del(&l->sockets[i].event);
    l->paused(l->userdata, error);
}

static void listener_resume(evutil_socket_t fd, short what, void *userdata)
{
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    struct listener *l = userdata;
    bool complete = true;

    (void)fd;
    (void)what;
    for (size_t i = 0; i < l->n_sockets; i++)
        complete &= event_add(&l->sockets[i].event, NULL) == 0;
    if (!complete)
        evtimer_add(&l->resume, &pause);
}

static bool accept_error_is_exhaustion(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void listener_readable(evutil_socket_t listening_fd, short what, void *userdata)
{
    struct listener *l = ((struct listening_socket *)userdata)->listener;

    (void)what;
    for (int n = 0; n < ACCEPTS_PER_EVENT; n++) {
        struct sockaddr_storage peer = {0};
        socklen_t peer_size = sizeof(peer);
        char text[LISTENER_ADDRESS_SIZE];
        int fd = accept4(listening_fd, (struct sockaddr *)(void *)&peer, &peer_size,
                         SOCK_NONBLOCK | SOCK_CLOEXEC);

        if (fd < 0) {
            if (accept_error_is_exhaustion(errno))
                listener_pause(l, errno);
            else if (errno != EAGAIN)
                continue; /* that peer is gone again (ECONNABORTED and its like); there may be a next one */
            return;
        }
        /* Only slower when it fails. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        /* A slow reader's messages wait in our queues, where they are counted, and a ping overtakes them there. */
        (void)setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &(int){UNSENT_BYTES_MAX}, sizeof(int));
        address_text(&peer, peer_size, text);
        if (!l->accepted(l->userdata, fd, text))
            return;
    }
}

static int socket_port(int fd, uint16_t *ret_port)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } bound = {.v6 = {0}};
    socklen_t size = sizeof(bound);

    if (getsockname(fd, &bound.any, &size) < 0)
        return -errno;
    *ret_port = ntohs(bound.any.sa_family == AF_INET6 ? bound.v6.sin6_port : bound.v4.sin_port);
    return 0;
}

static void address_set_port(struct sockaddr *address, uint16_t port)
{
    if (address->sa_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)address)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)(void *)address)->sin_port = htons(port);
}

static int socket_listen(const struct addrinfo *info, bool both_families, uint16_t port,
                         int *ret_fd)
{
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int r;

    if (fd < 0)
        return -errno;
    address_set_port(info->ai_addr, port);
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)) < 0 ||
        (info->ai_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &(int){!both_families}, sizeof(int)) < 0) ||
        bind(fd, info->ai_addr, info->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static int listener_add(struct listener *l, struct event_base *base, int fd)
{
    struct listening_socket *s = &l->sockets[l->n_sockets];
    int r = l->port ? 0 : socket_port(fd, &l->port);

    if (r == 0 &&
        (event_assign(&s->event, base, fd, EV_READ | EV_PERSIST, listener_readable, s) < 0 ||
         event_add(&s->event, NULL) < 0))
        r = -ENOMEM;
    if (r < 0) {
        close(fd);
        return r;
    }
    s->listener = l;
    s->fd = fd;
    l->n_sockets++;
    return 0;
}

static bool error_is_missing_address(int r)
{
    return r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT || r == -EPROTONOSUPPORT;
}

/* 0 when at least one address is listened on. */
static int listener_listen(struct listener *l, struct event_base *base, struct addrinfo *infos,
                           bool all)
{
    int last_error = -EADDRNOTAVAIL;

    for (struct addrinfo *info = infos; info && l->n_sockets < SOCKETS_MAX; info = info->ai_next) {
        int fd = -1;
        int r = socket_listen(info, all, l->port, &fd);

        if (r == 0)
            r = listener_add(l, base, fd);
        if (r < 0 && !error_is_missing_address(r))
            return r;
        if (r < 0)
            last_error = r;
        else if (all)
            return 0; /* one socket takes both families, or this machine has only one */
    }
    return l->n_sockets ? 0 : last_error;
}

static int resolve(const char *address, struct addrinfo **ret_infos, char *ret_error,
                   size_t error_size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
    struct addrinfo *infos = NULL, **link = &infos;
    int r = getaddrinfo(address, "0", &hints, &infos);

    if (r != 0) {
        snprintf(ret_error, error_size, "cannot resolve %s: %s", address ? address : "any address",
                 r == EAI_SYSTEM ? strerror(errno) : gai_strerror(r));
        return -EADDRNOTAVAIL;
    }
    /* IPv6 first: "all addresses" is then one socket. */
    for (struct addrinfo *info = infos, *previous = NULL; info && !address;
         previous = info, info = info->ai_next)
        if (info->ai_family == AF_INET6 && previous) {
            previous->ai_next = info->ai_next;
            info->ai_next = *link;
            *link = info;
            break;
        }
    *ret_infos = infos;
    return 0;
}

int listener_new(struct listener **ret_listener, struct event_base *base, const char *address,
                 uint16_t port, listener_accepted_fn accepted, listener_paused_fn paused,
                 void *userdata, char *ret_error, size_t error_size)
{
    struct addrinfo *infos = NULL;
    struct listener *l;
    int r = resolve(address, &infos, ret_error, error_size);

    if (r < 0)
        return r;
    l = calloc(1, sizeof(*l));
    if (!l || evtimer_assign(&l->resume, base, listener_resume, l) < 0) {
        free(l);
        freeaddrinfo(infos);
        return -ENOMEM;
    }
    l->accepted = accepted;
    l->paused = paused;
    l->userdata = userdata;
    l->port = port;
    r = listener_listen(l, base, infos, !address);
    freeaddrinfo(infos);
    if (r < 0) {
        snprintf(ret_error, error_size, "cannot listen on %s port %u: %s",
                 address ? address : "any address", (unsigned)port, strerror(-r));
        listener_free(l);
        return r;
    }
    *ret_listener = l;
    return 0;
}

uint16_t listener_port(const struct listener *l)
{
    return l->port;
}

struct listener *listener_free(struct listener *l)
{
    if (!l)
        return NULL;
    for (size_t i = 0; i < l->n_sockets; i++) {
        event_del(&l->sockets[i].event);
        close(l->sockets[i].fd);
    }
    evtimer_del(&l->resume);
    free(l);
    return NULL;
}
