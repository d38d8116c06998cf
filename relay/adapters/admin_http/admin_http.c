#include "adapters/admin_http/admin_http.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>

enum { HEADERS_BYTES_MAX = 8192, UNREAD_BYTES_MAX = 16384, PAUSE_MS = 100 };

/* libevent does not tell when a connection ends that never asked for anything. So its stream is kept, with the socket in it,
 * until the answer is out, its time is over, or the place is needed for somebody else. */
struct caller {
    struct bufferevent *stream; /* a reference; NULL: nobody is here */
    struct event deadline;
};

struct admin_http {
    struct evhttp *http;
    admin_answer_fn answer;
    void *userdata;
    uint16_t port;
    size_t n_accepted; /* since the start: the next takes the place of the oldest */
    struct caller callers[ADMIN_HTTP_CALLERS_MAX];
};

/* Nothing of an answer may be kept, framed, or load anything from elsewhere. */
static const char *const headers[][2] = {
    {"Cache-Control", "no-store"},
    {"Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
     "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
    {"X-Content-Type-Options", "nosniff"},
    {"Referrer-Policy", "no-referrer"},
    {"Connection", "close"},
};

static int add_headers(struct evhttp_request *request, const struct admin_response *response)
{
    struct evkeyvalq *out = evhttp_request_get_output_headers(request);
    char length[24];
    int r = evhttp_add_header(out, "Content-Type", response->content_type);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0] && r == 0; i++)
        r = evhttp_add_header(out, headers[i][0], headers[i][1]);
    if (r == 0 && response->status == 401)
        r = evhttp_add_header(out, "WWW-Authenticate", "Bearer");
    snprintf(length, sizeof length, "%zu", response->body.size); /* an answer to HEAD has it, too */
    return r == 0 ? evhttp_add_header(out, "Content-Length", length) : r;
}

static void send_response(struct evhttp_request *request, const struct admin_response *response)
{
    bool with_body = evhttp_request_get_command(request) != EVHTTP_REQ_HEAD;
    struct evbuffer *body = evbuffer_new();
    if (!body || add_headers(request, response) != 0 ||
        (with_body && evbuffer_add(body, response->body.data, response->body.size) != 0))
        evhttp_send_error(request, HTTP_INTERNAL, NULL);
    else
        evhttp_send_reply(request, response->status, NULL, with_body ? body : NULL);
    if (body)
        evbuffer_free(body);
}

/* ---- who is here ---- */

static void caller_forget(struct caller *c)
{
    evtimer_del(&c->deadline);
    bufferevent_decref(c->stream);
    c->stream = NULL;
}

/* To libevent it looks like a time-out; of a connection that has ended it knows nothing any more. */
static void caller_end(struct caller *c)
{
    if (!c->stream)
        return;
    bufferevent_trigger_event(c->stream, BEV_EVENT_READING | BEV_EVENT_TIMEOUT, 0);
    if (c->stream) /* on_closed() may have been first */
        caller_forget(c);
}

static void on_deadline(evutil_socket_t fd, short what, void *userdata)
{
    (void)fd;
    (void)what;
    caller_end(userdata);
}

static struct bufferevent *on_accepted(struct event_base *base, void *userdata)
{
    const struct timeval lifetime = {.tv_sec = ADMIN_HTTP_LIFETIME_S};
    struct admin_http *a = userdata;
    struct caller *c = &a->callers[a->n_accepted++ % ADMIN_HTTP_CALLERS_MAX];
    caller_end(c);
    struct bufferevent *stream = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!stream || evtimer_add(&c->deadline, &lifetime) < 0)
        return stream;
    bufferevent_setwatermark(stream, EV_READ, 0, UNREAD_BYTES_MAX);
    bufferevent_incref(stream);
    c->stream = stream;
    return stream;
}

static void on_closed(struct evhttp_connection *connection, void *userdata)
{
    struct admin_http *a = userdata;
    const struct bufferevent *stream = evhttp_connection_get_bufferevent(connection);
    for (size_t i = 0; i < ADMIN_HTTP_CALLERS_MAX; i++)
        if (a->callers[i].stream == stream)
            caller_forget(&a->callers[i]);
}

/* ---- requests ---- */

static void on_request(struct evhttp_request *request, void *userdata)
{
    struct admin_http *a = userdata;
    const char *path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const char *authorization =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Authorization");
    const struct admin_request asked = {.method = ADMIN_GET,
                                        .path = path ? path : "",
                                        .authorization = authorization ? authorization : ""};
    struct admin_response response = {.status = 200,
                                      .content_type = "text/plain; charset=utf-8",
                                      .body = BUF_INIT(ADMIN_RESPONSE_MAX)};
    evhttp_connection_set_closecb(evhttp_request_get_connection(request), on_closed, a);
    a->answer(a->userdata, &asked, &response);
    send_response(request, &response);
    buf_deinit(&response.body);
}

static void resume_accepting(evutil_socket_t fd, short what, void *userdata)
{
    (void)fd;
    (void)what;
    evconnlistener_enable(userdata);
}

/* Out of descriptors: the socket stays readable, so it is left alone for a moment. The user data are the server's own. */
static void on_accept_failed(struct evconnlistener *l, void *userdata)
{
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    (void)userdata;
    if (event_base_once(evconnlistener_get_base(l), -1, EV_TIMEOUT, resume_accepting, l, &pause) ==
        0)
        evconnlistener_disable(l);
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

static int listen_on(struct admin_http *a, const char *address, uint16_t port)
{
    struct evhttp_bound_socket *bound;
    errno = 0;
    bound = evhttp_bind_socket_with_handle(a->http, address, port);
    if (!bound)
        return errno ? -errno : -EADDRNOTAVAIL;
    evconnlistener_set_error_cb(evhttp_bound_socket_get_listener(bound), on_accept_failed);
    a->port = port_of(evhttp_bound_socket_get_fd(bound));
    return 0;
}

static int callers_init(struct admin_http *a, struct event_base *base)
{
    for (size_t i = 0; i < ADMIN_HTTP_CALLERS_MAX; i++) {
        struct caller *c = &a->callers[i];
        if (evtimer_assign(&c->deadline, base, on_deadline, c) != 0)
            return -ENOMEM;
    }
    return 0;
}

int admin_http_new(struct admin_http **ret_admin, struct event_base *base, const char *address,
                   uint16_t port, admin_answer_fn answer, void *userdata, char *ret_error,
                   size_t error_size)
{
    struct admin_http *a = calloc(1, sizeof *a);
    int r = -ENOMEM;
    if (a) {
        a->answer = answer;
        a->userdata = userdata;
        a->http = evhttp_new(base);
    }
    if (a && a->http && callers_init(a, base) == 0) {
        evhttp_set_timeout(a->http, ADMIN_HTTP_TIMEOUT_S);
        evhttp_set_max_headers_size(a->http, HEADERS_BYTES_MAX);
        evhttp_set_max_body_size(a->http, 0);
        evhttp_set_allowed_methods(a->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
        evhttp_set_bevcb(a->http, on_accepted, a);
        evhttp_set_gencb(a->http, on_request, a);
        r = listen_on(a, address, port);
    }
    if (r < 0) {
        snprintf(ret_error, error_size, "admin.address: cannot listen on %s port %u: %s", address,
                 port, strerror(-r));
        (void)admin_http_free(a);
        return r;
    }
    *ret_admin = a;
    return 0;
}

struct admin_http *admin_http_free(struct admin_http *a)
{
    if (!a)
        return NULL;
    for (size_t i = 0; i < ADMIN_HTTP_CALLERS_MAX; i++)
        caller_end(&a->callers[i]);
    if (a->http)
        evhttp_free(a->http); /* and the listener, and the connections */
    free(a);
    return NULL;
}

uint16_t admin_http_port(const struct admin_http *a)
{
    return a->port;
}
