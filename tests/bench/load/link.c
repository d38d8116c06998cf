#include "bench/load/link.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/load/die.h"

enum { READ_BYTES_MAX = 256 * 1024, OUT_BYTES_MAX = 64 * 1024 * 1024 };

static uint8_t incoming[READ_BYTES_MAX]; /* shared: one thread, and it is empty between two calls */

/* Not bound to a port: the kernel chooses one for this destination, as without an address. */
static void come_from(const struct link *l)
{
    struct sockaddr_in from = {.sin_family = AF_INET};
    const int on = 1;
    from.sin_addr.s_addr = htonl(l->from);
    setsockopt(l->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
    if (bind(l->fd, (struct sockaddr *)&from, sizeof from) < 0)
        die("bind: %s", strerror(errno));
}

bool link_dial(struct link *l, int epoll, uint16_t port, SSL_CTX *tls, void *user)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    buf_init(&l->out, OUT_BYTES_MAX);
    buf_init(&l->in, OUT_BYTES_MAX);
    l->out_done = 0;
    l->epoll = epoll;
    l->user = user;
    l->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (l->fd < 0)
        die("socket: %s", strerror(errno));
    const int on = 1;
    setsockopt(l->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (l->from != 0)
        come_from(l);
    if (connect(l->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
        close(l->fd);
        return false;
    }
    if (tls) {
        l->tls = SSL_new(tls);
        if (!l->tls || SSL_set_fd(l->tls, l->fd) != 1)
            die("no memory for TLS");
        SSL_set_connect_state(l->tls);
    }
    l->state = LINK_CONNECTING;
    l->waits_for_room = true;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = user};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, l->fd, &event) < 0)
        die("epoll_ctl: %s", strerror(errno));
    return true;
}

void link_close(struct link *l)
{
    if (l->state == LINK_CLOSED)
        return;
    SSL_free(l->tls);
    l->tls = NULL;
    close(l->fd);
    buf_deinit(&l->out);
    buf_deinit(&l->in);
    l->state = LINK_CLOSED;
}

void link_write(struct link *l, const void *data, size_t size)
{
    if (buf_append(&l->out, data, size))
        die("no memory for what is to be sent");
}

/* Bytes, 0: nothing now, -1: closed. */
static ptrdiff_t write_some(struct link *l, const uint8_t *data, size_t size)
{
    if (!l->tls) {
        ssize_t n = send(l->fd, data, size, MSG_NOSIGNAL);
        return n >= 0 ? n : errno == EAGAIN || errno == EINTR ? 0 : -1;
    }
    size_t n = 0;
    if (SSL_write_ex(l->tls, data, size, &n) == 1)
        return (ptrdiff_t)n;
    int error = SSL_get_error(l->tls, 0);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static ptrdiff_t read_some(struct link *l, uint8_t *data, size_t size)
{
    if (!l->tls) {
        ssize_t n = recv(l->fd, data, size, 0);
        return n > 0 ? n : n < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    }
    size_t n = 0;
    if (SSL_read_ex(l->tls, data, size, &n) == 1)
        return (ptrdiff_t)n;
    int error = SSL_get_error(l->tls, 0);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? 0 : -1;
}

static void wait_for_room(struct link *l, bool wanted)
{
    if (l->waits_for_room == wanted)
        return;
    l->waits_for_room = wanted;
    struct epoll_event event = {.events = EPOLLIN | (wanted ? (uint32_t)EPOLLOUT : 0U),
                                .data.ptr = l->user};
    epoll_ctl(l->epoll, EPOLL_CTL_MOD, l->fd, &event);
}

/* Sends what the socket takes, and asks epoll to say when it takes more. */
static void send_out(struct link *l)
{
    while (l->out_done < l->out.size) {
        ptrdiff_t n = write_some(l, l->out.data + l->out_done, l->out.size - l->out_done);
        if (n < 0)
            return; /* reading will tell */
        if (n == 0) {
            wait_for_room(l, true);
            return;
        }
        l->out_done += (size_t)n;
    }
    buf_clear(&l->out);
    l->out_done = 0;
    wait_for_room(l, false);
}

void link_flush(struct link *l)
{
    if (l->state == LINK_OPEN && !l->waits_for_room)
        send_out(l);
}

/* Gives all bytes that are there to the taker; what it leaves goes into `in`. */
static bool hand_over(struct link *l, size_t size, link_take take)
{
    uint8_t *data = incoming;
    if (l->in.size > 0) {
        if (buf_append(&l->in, incoming, size))
            die("the server sends a message that is too long");
        data = l->in.data;
        size = l->in.size;
    }
    ptrdiff_t taken = take(l->user, data, size);
    if (taken < 0)
        return false;
    size_t rest = size - (size_t)taken;
    if (data == incoming) {
        if (rest > 0 && buf_append(&l->in, incoming + taken, rest))
            die("no memory for what was received");
    } else {
        memmove(l->in.data, l->in.data + taken, rest);
        l->in.size = rest;
        if (rest == 0)
            buf_deinit(&l->in);
    }
    return true;
}

static bool progress(struct link *l)
{
    if (l->state == LINK_CONNECTING) {
        int error = 0;
        socklen_t size = sizeof error;
        getsockopt(l->fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error)
            return false;
        l->state = l->tls ? LINK_SHAKING_HANDS : LINK_OPEN;
    }
    if (l->state == LINK_SHAKING_HANDS) {
        int done = SSL_do_handshake(l->tls);
        int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(l->tls, done);
        if (done != 1 && error != SSL_ERROR_WANT_READ && error != SSL_ERROR_WANT_WRITE)
            return false;
        wait_for_room(l, error == SSL_ERROR_WANT_WRITE);
        if (done == 1)
            l->state = LINK_OPEN;
    }
    return true;
}

bool link_serve(struct link *l, uint32_t events, link_take take, bool *ret_opened)
{
    *ret_opened = false;
    if (l->state != LINK_OPEN) {
        if (!progress(l))
            return false;
        if (l->state != LINK_OPEN)
            return true;
        *ret_opened = true;
        wait_for_room(l, false);
    }
    if (events & EPOLLOUT)
        send_out(l);
    while (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
        ptrdiff_t n = read_some(l, incoming, sizeof incoming);
        if (n < 0)
            return false;
        if (n == 0 || !hand_over(l, (size_t)n, take))
            return n == 0;
        if (!l->tls && (size_t)n < sizeof incoming)
            break;
    }
    return true;
}
