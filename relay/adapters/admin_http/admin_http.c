#include "adapters/admin_http/admin_http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>

#include "adapters/admin_http/control_socket.h"
#include "base/list.h"

enum { TIMEOUT_S = 10, PAUSE_MS = 100, BACKLOG = 16, PORT_SIZE = 8 };

struct admin_http {
    struct event_base *base;
    admin_http_fn answer;
    void *userdata;
    struct evconnlistener *control;
    struct evconnlistener *tcp;
    char *store_path;
    uint16_t port;
    struct event resume;
    struct list clients;
    size_t n_clients;
};

struct client {
    struct list_node node;
    struct admin_http *admin;
    struct bufferevent *stream;
    bool trusted;
};

static void client_free(struct client *c)
{
    c->admin->n_clients--;
    list_unlink(&c->node);
    bufferevent_free(c->stream); /* closes the socket */
    free(c);
}

static void on_written(struct bufferevent *stream, void *userdata)
{
    (void)stream;
    client_free(userdata);
}

/* Whatever it is, a time-out or the client's end: there is nobody to answer. */
static void on_ended(struct bufferevent *stream, short what, void *userdata)
{
    (void)stream;
    (void)what;
    client_free(userdata);
}

static void send_response(struct client *c, const struct http_response *response, bool with_body)
{
    struct buf head = BUF_INIT(HTTP_HEAD_MAX);
    struct evbuffer *out = bufferevent_get_output(c->stream);
    bool whole = http_response_head(response, &head) == 0 &&
                 evbuffer_add(out, head.data, head.size) == 0 &&
                 (!with_body || evbuffer_add(out, response->body.data, response->body.size) == 0);
    buf_deinit(&head);
    if (!whole) {
        client_free(c);
        return;
    }
    bufferevent_disable(c->stream, EV_READ);
    bufferevent_setcb(c->stream, NULL, on_written, on_ended, c);
    bufferevent_enable(c->stream, EV_WRITE);
}

static void refuse(struct client *c, int status)
{
    struct http_response response = {.status = status,
                                     .content_type = "text/plain; charset=utf-8",
                                     .body = BUF_INIT(HTTP_HEAD_MAX)};
    send_response(c, &response, true);
    buf_deinit(&response.body);
}

static void answer(struct client *c, const char *head, size_t size)
{
    struct admin_http *a = c->admin;
    struct http_request request;
    struct http_response response = {.status = 200,
                                     .content_type = "text/plain; charset=utf-8",
                                     .body = BUF_INIT(HTTP_RESPONSE_MAX)};
    int status = http_request_parse(&request, head, size);
    if (status != 0) {
        refuse(c, status);
        return;
    }
    a->answer(a->userdata, &request, c->trusted, &response);
    send_response(c, &response, request.method != HTTP_HEAD);
    buf_deinit(&response.body);
}

static void on_readable(struct bufferevent *stream, void *userdata)
{
    struct client *c = userdata;
    struct evbuffer *in = bufferevent_get_input(stream);
    struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
    char head[HTTP_HEAD_MAX];
    if (end.pos < 0) {
        if (evbuffer_get_length(in) >= sizeof head)
            refuse(c, 431);
        return;
    }
    size_t size = (size_t)end.pos + 4;
    if (size > sizeof head)
        refuse(c, 431);
    else if (evbuffer_copyout(in, head, size) == (ssize_t)size)
        answer(c, head, size);
    else
        client_free(c);
}

static void accept_client(struct admin_http *a, int fd, bool trusted)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    struct client *c = a->n_clients < ADMIN_HTTP_CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
    struct bufferevent *stream =
        c ? bufferevent_socket_new(a->base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
    if (!stream) {
        free(c);
        close(fd);
        return;
    }
    *c = (struct client){.admin = a, .stream = stream, .trusted = trusted};
    list_append(&a->clients, &c->node);
    a->n_clients++;
    bufferevent_setwatermark(stream, EV_READ, 0, HTTP_HEAD_MAX);
    bufferevent_setcb(stream, on_readable, NULL, on_ended, c);
    bufferevent_set_timeouts(stream, &timeout, &timeout);
    bufferevent_enable(stream, EV_READ);
}

static void on_control(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer,
                       int size, void *userdata)
{
    (void)l;
    (void)peer;
    (void)size;
    accept_client(userdata, fd, true);
}

static void on_tcp(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer, int size,
                   void *userdata)
{
    (void)l;
    (void)peer;
    (void)size;
    accept_client(userdata, fd, false);
}

/* Out of descriptors: the socket stays readable, so it is left alone for a moment. */
static void on_accept_failed(struct evconnlistener *l, void *userdata)
{
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    struct admin_http *a = userdata;
    if (evtimer_add(&a->resume, &pause) == 0)
        evconnlistener_disable(l);
}

static void on_resume(evutil_socket_t fd, short what, void *userdata)
{
    struct admin_http *a = userdata;
    (void)fd;
    (void)what;
    if (a->control)
        evconnlistener_enable(a->control);
    if (a->tcp)
        evconnlistener_enable(a->tcp);
}

int admin_http_new(struct admin_http **ret_admin, struct event_base *base, admin_http_fn answer_fn,
                   void *userdata)
{
    struct admin_http *a = calloc(1, sizeof *a);
    if (!a)
        return -ENOMEM;
    a->base = base;
    a->answer = answer_fn;
    a->userdata = userdata;
    list_init(&a->clients);
    if (evtimer_assign(&a->resume, base, on_resume, a) < 0) {
        free(a);
        return -ENOMEM;
    }
    *ret_admin = a;
    return 0;
}

struct admin_http *admin_http_free(struct admin_http *a)
{
    if (!a)
        return NULL;
    list_for_each_safe (node, next, &a->clients) {
        client_free(container_of(node, struct client, node));
    }
    evtimer_del(&a->resume);
    if (a->control) {
        evconnlistener_free(a->control);
        control_socket_remove(a->store_path);
    }
    if (a->tcp)
        evconnlistener_free(a->tcp);
    free(a->store_path);
    free(a);
    return NULL;
}

static struct evconnlistener *listen_on(struct admin_http *a, int fd, evconnlistener_cb accepted)
{
    struct evconnlistener *l = evconnlistener_new(
        a->base, accepted, a, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (l)
        evconnlistener_set_error_cb(l, on_accept_failed);
    return l;
}

int admin_http_listen_control(struct admin_http *a, const char *store_path, char *ret_error,
                              size_t error_size)
{
    int fd = -1;
    a->store_path = strdup(store_path);
    int r = a->store_path ? control_socket_listen(store_path, &fd) : -ENOMEM;
    if (r == 0 && !(a->control = listen_on(a, fd, on_control))) {
        close(fd);
        r = -ENOMEM;
    }
    if (r < 0)
        snprintf(ret_error, error_size, "cannot listen on %s.admin: %s", store_path, strerror(-r));
    return r;
}

static int bind_tcp(const struct addrinfo *to, int *ret_fd)
{
    const int on = 1;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(fd, to->ai_addr, to->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0) {
        int r = -errno;
        close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static uint16_t port_of(int fd)
{
    struct sockaddr_storage address = {0};
    socklen_t size = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &size) < 0)
        return 0;
    return ntohs(address.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&address)->sin6_port
                                               : ((struct sockaddr_in *)&address)->sin_port);
}

int admin_http_listen(struct admin_http *a, const char *address, uint16_t port, char *ret_error,
                      size_t error_size)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE | AI_NUMERICSERV,
                                   .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char service[PORT_SIZE];
    int fd = -1;
    snprintf(service, sizeof service, "%u", port);
    int r =
        getaddrinfo(address, service, &hints, &found) != 0 ? -EADDRNOTAVAIL : bind_tcp(found, &fd);
    if (found)
        freeaddrinfo(found);
    if (r == 0 && !(a->tcp = listen_on(a, fd, on_tcp))) {
        close(fd);
        r = -ENOMEM;
    }
    if (r < 0)
        snprintf(ret_error, error_size, "admin.address: cannot listen on %s port %u: %s", address,
                 port, strerror(-r));
    else
        a->port = port_of(fd);
    return r;
}

uint16_t admin_http_port(const struct admin_http *a)
{
    return a->port;
}
