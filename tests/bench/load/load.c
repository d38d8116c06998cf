#include "bench/load/load.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "bench/load/die.h"
#include "bench/load/server.h"

enum {
    EVENTS_MAX = 512,
    MESSAGE_BYTES_MAX = 16 * 1024 * 1024,
    READY_S_MAX = 280,
    DIALS_MAX = 64 /* in a turn: whoever is ready has something to say meanwhile */
};

bool endpoint_in_pair(const struct endpoint *e)
{
    return e->index < 2 * e->load->n_pairs;
}

struct endpoint *endpoint_partner(const struct endpoint *e)
{
    return &e->load->endpoints[e->index ^ 1U];
}

void endpoint_ready(struct endpoint *e)
{
    if (e->ready)
        return;
    e->ready = true;
    e->load->n_ready++;
}

void endpoint_routed(struct endpoint *e)
{
    if (!e->load->routed || !endpoint_in_pair(e))
        die("a message came that nobody sent");
    e->load->routed(e);
}

void endpoint_stored(struct endpoint *e, size_t lane)
{
    if (e->load->stored)
        e->load->stored(e, lane);
}

static void deliver(struct endpoint *e, enum ws_opcode opcode, const uint8_t *data, size_t size)
{
    e->load->adapter->received(e, opcode, (const char *)data, size);
}

static bool take_frame(struct endpoint *e, const struct ws_frame *f)
{
    if (f->opcode == WS_CLOSE) {
        if (f->size > 2)
            die("the server closes: %.*s", (int)(f->size - 2), (const char *)f->payload + 2);
        return false;
    }
    if (f->opcode == WS_PING) {
        ws_write(&e->link, WS_PONG, f->payload, f->size, NULL, 0);
        link_flush(&e->link);
    } else if (f->opcode == WS_PONG) {
        return true;
    } else if (f->final && f->opcode != WS_CONTINUATION) {
        deliver(e, f->opcode, f->payload, f->size);
    } else {
        if (f->opcode != WS_CONTINUATION)
            e->message_opcode = f->opcode;
        if (buf_append(&e->message, f->payload, f->size))
            die("the server sends a message that is too long");
        if (f->final) {
            deliver(e, e->message_opcode, e->message.data, e->message.size);
            buf_deinit(&e->message);
        }
    }
    return true;
}

static ptrdiff_t take(void *user, uint8_t *data, size_t size)
{
    struct endpoint *e = user;
    const struct adapter *a = e->load->adapter;
    if (a->raw) {
        deliver(e, WS_BINARY, data, size);
        return (ptrdiff_t)size;
    }
    size_t done = 0;
    if (!e->upgraded) {
        ptrdiff_t head = ws_read_answer(data, size);
        if (head < 0)
            die("the server refuses to speak WebSocket: %.*s", (int)size, (const char *)data);
        if (head == 0)
            return 0;
        done = (size_t)head;
        e->upgraded = true;
        if (a->opened)
            a->opened(e);
        link_flush(&e->link);
    }
    struct ws_frame f;
    size_t n;
    while ((n = ws_read(data + done, size - done, &f)) > 0) {
        if (!take_frame(e, &f))
            return -1;
        done += n;
    }
    return (ptrdiff_t)done;
}

static void dial(struct load *load)
{
    struct endpoint *e = &load->endpoints[load->n_dialled++];
    buf_init(&e->message, MESSAGE_BYTES_MAX);
    int epoll = e->index < load->n_first ? load->epoll_first : load->epoll;
    if (!link_dial(&e->link, epoll, load->options.port, load->tls, e))
        die("connect: nobody listens at port %u", load->options.port);
}

static void begin(struct endpoint *e)
{
    const struct adapter *a = e->load->adapter;
    if (a->raw) {
        if (a->opened)
            a->opened(e);
    } else {
        char path[256] = "/";
        if (a->path)
            a->path(e, path, sizeof path);
        ws_write_request(&e->link, path, a->subprotocol);
    }
    link_flush(&e->link);
}

static void serve(struct endpoint *e, uint32_t events)
{
    bool opened;
    bool alive = link_serve(&e->link, events, take, &opened);
    if (opened)
        begin(e);
    if (!alive)
        die("the server has closed connection %zu", e->index);
}

static void serve_first(struct load *load)
{
    struct epoll_event events[EVENTS_MAX];
    int n = load->n_first > 0 ? epoll_wait(load->epoll_first, events, EVENTS_MAX, 0) : 0;
    for (int i = 0; i < n; i++)
        serve(events[i].data.ptr, events[i].events);
}

void load_turn(struct load *load, int timeout_ms)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(load->epoll, events, EVENTS_MAX, timeout_ms);
    if (n < 0 && errno != EINTR)
        die("epoll_wait: %s", strerror(errno));
    for (int i = 0; i < n; i++) {
        serve_first(load);
        if (events[i].data.ptr)
            serve(events[i].data.ptr, events[i].events);
    }
}

void load_serve_first(struct load *load, size_t count)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    load->epoll_first = epoll_create1(EPOLL_CLOEXEC);
    if (load->epoll_first < 0 ||
        epoll_ctl(load->epoll, EPOLL_CTL_ADD, load->epoll_first, &event) < 0)
        die("epoll: %s", strerror(errno));
    load->n_first = count;
}

void load_disconnect(struct load *load)
{
    for (size_t i = 0; i < load->n_endpoints; i++) {
        struct endpoint *e = &load->endpoints[i];
        link_close(&e->link);
        buf_deinit(&e->message);
        e->upgraded = e->ready = false;
        if (load->adapter->closed)
            load->adapter->closed(e);
    }
    load->n_dialled = load->n_ready = 0;
}

void load_dial(struct load *load)
{
    for (size_t n = 0; n < DIALS_MAX && load->n_dialled < load->n_endpoints &&
                       load->n_dialled - load->n_ready < load->options.dialling;
         n++)
        dial(load);
}

void load_connect(struct load *load)
{
    uint64_t end_ns = clock_ns() + READY_S_MAX * 1000000000ULL;
    while (load->n_ready < load->n_endpoints) {
        load_dial(load);
        load_turn(load, 1000);
        if (clock_ns() > end_ns)
            die("%zu of %zu connections are ready, the others do not get so far", load->n_ready,
                load->n_endpoints);
    }
}
