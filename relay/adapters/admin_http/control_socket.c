#define _GNU_SOURCE /* asprintf, O_PATH, SOCK_CLOEXEC */

#include "adapters/admin_http/control_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/listener.h>

#include "base/list.h"

enum { BACKLOG = 16, TIMEOUT_S = 10, PAUSE_MS = 100, LINE_MAX_BYTES = 512, PIECE_SIZE = 16384 };

struct control_socket {
    struct event_base *base;
    struct evconnlistener *listener;
    admin_answer_fn answer;
    void *userdata;
    char *file;
    struct event resume;
    struct list clients;
    size_t n_clients;
};

struct client {
    struct list_node node;
    struct control_socket *socket;
    struct bufferevent *stream;
};

/* A socket's address has 108 bytes, a path up to 4096. So it is named from its folder's descriptor, which the address holds
 * as /proc/self/fd/N: the folder stays open while the address is in use. */
struct place {
    int folder;
    struct sockaddr_un address;
};

static int place_open(struct place *ret_place, const char *store_path)
{
    struct place p = {.folder = -1, .address = {.sun_family = AF_UNIX}};
    char *copy = strdup(store_path);
    const char *slash = strrchr(store_path, '/');
    if (!copy)
        return -ENOMEM;
    p.folder = open(dirname(copy), O_PATH | O_DIRECTORY | O_CLOEXEC);
    int r = p.folder < 0 ? -errno : 0;
    free(copy);
    if (r < 0)
        return r;
    int n = snprintf(p.address.sun_path, sizeof p.address.sun_path, "/proc/self/fd/%d/%s.admin",
                     p.folder, slash ? slash + 1 : store_path);
    if ((size_t)n >= sizeof p.address.sun_path) {
        close(p.folder);
        return -ENAMETOOLONG;
    }
    *ret_place = p;
    return 0;
}

static int new_socket(int *ret_fd, int flags)
{
    *ret_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    return *ret_fd < 0 ? -errno : 0;
}

/* ---- the relay's side ---- */

static void client_free(struct client *c)
{
    c->socket->n_clients--;
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

static void send_response(struct client *c, const struct admin_response *response)
{
    struct evbuffer *out = bufferevent_get_output(c->stream);
    if (evbuffer_add_printf(out, "%d\n", response->status) < 0 ||
        evbuffer_add(out, response->body.data, response->body.size) != 0) {
        client_free(c);
        return;
    }
    bufferevent_disable(c->stream, EV_READ);
    bufferevent_setcb(c->stream, NULL, on_written, on_ended, c);
    bufferevent_enable(c->stream, EV_WRITE);
}

/* "METHOD PATH"; a method that is none ends the connection. */
static bool read_line(char *line, struct admin_request *ret_request)
{
    char *path = strchr(line, ' ');
    if (!path)
        return false;
    *path++ = '\0';
    *ret_request = (struct admin_request){.path = path, .authorization = "", .trusted = true};
    if (strcmp(line, "GET") == 0)
        ret_request->method = ADMIN_GET;
    else if (strcmp(line, "POST") == 0)
        ret_request->method = ADMIN_POST;
    return ret_request->method != 0;
}

static void on_readable(struct bufferevent *stream, void *userdata)
{
    struct client *c = userdata;
    struct evbuffer *in = bufferevent_get_input(stream);
    struct admin_request request;
    struct admin_response response = {.status = 200, .body = BUF_INIT(ADMIN_RESPONSE_MAX)};
    char *line = evbuffer_readln(in, NULL, EVBUFFER_EOL_LF);
    if (!line && evbuffer_get_length(in) < LINE_MAX_BYTES)
        return;
    if (line && read_line(line, &request)) {
        c->socket->answer(c->socket->userdata, &request, &response);
        send_response(c, &response);
    } else {
        client_free(c);
    }
    buf_deinit(&response.body);
    free(line);
}

static void on_accepted(struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *peer,
                        int size, void *userdata)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    struct control_socket *s = userdata;
    struct client *c = s->n_clients < CONTROL_SOCKET_CLIENTS_MAX ? calloc(1, sizeof *c) : NULL;
    struct bufferevent *stream =
        c ? bufferevent_socket_new(s->base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
    (void)l;
    (void)peer;
    (void)size;
    if (!stream) {
        free(c);
        close(fd);
        return;
    }
    *c = (struct client){.socket = s, .stream = stream};
    list_append(&s->clients, &c->node);
    s->n_clients++;
    bufferevent_setwatermark(stream, EV_READ, 0, LINE_MAX_BYTES);
    bufferevent_setcb(stream, on_readable, NULL, on_ended, c);
    bufferevent_set_timeouts(stream, &timeout, &timeout);
    bufferevent_enable(stream, EV_READ);
}

/* Out of descriptors: the socket stays readable, so it is left alone for a moment. */
static void on_accept_failed(struct evconnlistener *l, void *userdata)
{
    const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    struct control_socket *s = userdata;
    if (evtimer_add(&s->resume, &pause) == 0)
        evconnlistener_disable(l);
}

static void on_resume(evutil_socket_t fd, short what, void *userdata)
{
    struct control_socket *s = userdata;
    (void)fd;
    (void)what;
    evconnlistener_enable(s->listener);
}

/* Nobody can connect before listen(), so nobody does while the file has the mode of the umask. */
static int bind_and_listen(int fd, const struct sockaddr_un *address)
{
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return -errno;
    if (bind(fd, (const struct sockaddr *)address, sizeof *address) < 0 ||
        chmod(address->sun_path, 0600) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return 0;
}

static int listen_at(const char *store_path, int *ret_fd)
{
    struct place p;
    int fd = -1;
    int r = place_open(&p, store_path);
    if (r < 0)
        return r;
    r = new_socket(&fd, SOCK_NONBLOCK);
    if (r == 0)
        r = bind_and_listen(fd, &p.address);
    close(p.folder);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

int control_socket_new(struct control_socket **ret_control, struct event_base *base,
                       const char *store_path, admin_answer_fn answer, void *userdata)
{
    struct control_socket *s = calloc(1, sizeof *s);
    int fd = -1, r = -ENOMEM;
    if (!s)
        return r;
    *s = (struct control_socket){.base = base, .answer = answer, .userdata = userdata};
    list_init(&s->clients);
    if (asprintf(&s->file, "%s.admin", store_path) < 0)
        s->file = NULL;
    if (s->file && evtimer_assign(&s->resume, base, on_resume, s) == 0)
        r = listen_at(store_path, &fd);
    if (r == 0) {
        s->listener = evconnlistener_new(base, on_accepted, s,
                                         LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
        if (!s->listener) {
            close(fd);
            r = -ENOMEM;
        }
    }
    if (r < 0) {
        (void)control_socket_free(s);
        return r;
    }
    evconnlistener_set_error_cb(s->listener, on_accept_failed);
    *ret_control = s;
    return 0;
}

struct control_socket *control_socket_free(struct control_socket *s)
{
    if (!s)
        return NULL;
    list_for_each_safe (node, next, &s->clients) {
        client_free(container_of(node, struct client, node));
    }
    if (s->listener) {
        evtimer_del(&s->resume);
        evconnlistener_free(s->listener);
        (void)unlink(s->file); /* the next relay would replace it */
    }
    free(s->file);
    free(s);
    return NULL;
}

/* ---- the command's side ---- */

static int connect_to(const char *store_path, int *ret_fd)
{
    struct place p;
    int fd = -1;
    int r = place_open(&p, store_path);
    if (r < 0)
        return r;
    r = new_socket(&fd, 0);
    if (r == 0 && connect(fd, (const struct sockaddr *)&p.address, sizeof p.address) < 0)
        r = -errno;
    close(p.folder);
    if (r < 0) {
        if (fd >= 0)
            close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

static int receive(int fd, struct buf *out)
{
    char piece[PIECE_SIZE];
    ssize_t n;
    while ((n = read(fd, piece, sizeof piece)) > 0) {
        int r = buf_append(out, piece, (size_t)n);
        if (r != 0)
            return r < 0 ? r : -EMSGSIZE;
    }
    return n < 0 ? -errno : buf_append(out, "", 1);
}

static int exchange(int fd, const char *method, const char *path, struct buf *ret_text)
{
    const struct timeval timeout = {.tv_sec = TIMEOUT_S};
    char line[LINE_MAX_BYTES];
    int n = snprintf(line, sizeof line, "%s %s\n", method, path);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0 ||
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0)
        return -errno;
    return send(fd, line, (size_t)n, MSG_NOSIGNAL) == n ? receive(fd, ret_text) : -errno;
}

/* The status's line goes, the body moves to the front. */
static int take_status(struct buf *text)
{
    const char *end = memchr(text->data, '\n', text->size);
    int status = (int)strtol((const char *)text->data, NULL, 10);
    size_t at;
    if (!end || status <= 0)
        return -EPROTO;
    at = (size_t)(end - (const char *)text->data) + 1;
    memmove(text->data, text->data + at, text->size - at);
    text->size -= at;
    return status;
}

int control_socket_ask(const char *store_path, const char *method, const char *path,
                       struct buf *ret_body)
{
    int fd = -1;
    int r = connect_to(store_path, &fd);
    if (r == 0)
        r = exchange(fd, method, path, ret_body);
    if (fd >= 0)
        close(fd);
    return r == 0 ? take_status(ret_body) : r;
}
