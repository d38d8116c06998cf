/* The event library: what lws would do with poll(), done with two libevent events for each descriptor.
 *
 * lws calls io() to start and stop interest, names a descriptor's end twice (io() with STOP for both directions, then
 * wsi_logical_close()), and reuses numbers at once, so the events live in a table by descriptor and are assigned anew when
 * a number comes back. The table grows in chunks, for libevent keeps pointers into it.
 *
 * Early writing: most answers fit into the socket's buffer, so asking epoll whether one may write costs two system calls
 * more than writing does. For connections marked by evlib_write_early() a wish to write is queued, and served as if the
 * socket had become writable. What lws still wants after that, because data is left or because it wants to be called twice,
 * goes the ordinary way.
 *
 * Putting off: handshakes and signatures take a thousand times as long as passing a message on, and after a restart there are
 * thousands of them at once. So only the connections marked by evlib_serve_first() are served at once; others wait in `put_off`, in
 * the order in which they came, and at the end of each turn some of them are served, for PUT_OFF_US. While one waits, libevent does not
 * watch it, or it would be told of all of them in each turn.
 *
 * Invariants: `read_armed` and `write_armed` say whether libevent has the event, or has it back when the slot leaves
 * `put_off`; a slot is in `ready` only while lws wants to write; a closed descriptor has neither event nor place in `ready` or
 * `put_off`. */
#include "adapters/ws_lws/evlib.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>
#include <libwebsockets.h>

#include "base/list.h"

enum {
    SLOTS_PER_CHUNK = 64,
    READS_MAX = 12, /* of one connection in a turn: 36 KB */
    FRAME_HEADER_MAX = 14,
    PUT_OFF_US = 1000, /* in a turn: a few handshakes, a dozen signatures */
    PUT_OFF_BUSY = 64,
    WAIT_MAX_MS = 60000, /* lws without timers: wake up anyway, it costs nothing */
};

struct slot {
    struct event read;
    struct event write;
    struct list_node ready_link;
    struct list_node put_off_link;
    struct evlib *evlib;
    short put_off_what; /* what libevent told of it */
    bool assigned;
    bool read_armed;
    bool write_armed;
    bool write_wanted;
    bool early;
    bool first;
};

struct evlib {
    struct event_base *base;
    struct lws_context *context;
    struct event wake;
    struct slot **chunks;
    size_t n_chunks;
    struct list ready;
    size_t n_ready;
    struct list put_off;
    size_t n_put_off;
    size_t read_bytes;      /* a read that brings less leaves nothing behind */
    size_t received;        /* at most so much did it read for what is being served */
    void *foreign_loops[1]; /* lws hands the first to evlib_init_pt() */
    int pipe_fd;            /* lws's own, by which other threads wake it; -1: none yet */
    bool incomplete;        /* it got no events */
};

static void wake_fired(evutil_socket_t fd, short what, void *userdata)
{
    /* Having woken is all: evlib_end_of_turn() runs after every turn. */
    (void)fd;
    (void)what;
    (void)userdata;
}

int evlib_new(struct evlib **ret_evlib, struct event_base *base)
{
    struct evlib *e = calloc(1, sizeof(*e));

    if (!e)
        return -ENOMEM;
    list_init(&e->ready);
    list_init(&e->put_off);
    e->base = base;
    e->foreign_loops[0] = e;
    e->pipe_fd = -1;
    if (evtimer_assign(&e->wake, base, wake_fired, NULL) < 0) {
        free(e);
        return -EINVAL;
    }
    *ret_evlib = e;
    return 0;
}

static void slot_leave_put_off(struct slot *s)
{
    if (!list_node_linked(&s->put_off_link))
        return;
    list_unlink(&s->put_off_link);
    s->evlib->n_put_off--;
}

static void slot_close(struct slot *s)
{
    if (s->read_armed)
        event_del(&s->read);
    if (s->write_armed)
        event_del(&s->write);
    if (list_node_linked(&s->ready_link)) {
        list_unlink(&s->ready_link);
        s->evlib->n_ready--;
    }
    slot_leave_put_off(s);
    s->assigned = s->read_armed = s->write_armed = s->write_wanted = s->early = s->first = false;
}

/* lws (4.3.5) forgets to close its event pipe when it closes every connection of a context. A later release that does
 * close it must not have a stranger's descriptor closed here, hence the look at what the number stands for. */
static void evlib_close_pipe(int fd)
{
    static const char eventfd[] = "anon_inode:[eventfd]";
    char path[32], target[sizeof(eventfd)];

    if (fd < 0)
        return;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (readlink(path, target, sizeof(target)) == (ssize_t)sizeof(eventfd) - 1 &&
        memcmp(target, eventfd, sizeof(eventfd) - 1) == 0)
        close(fd);
}

struct evlib *evlib_free(struct evlib *e)
{
    if (!e)
        return NULL;
    evlib_close_pipe(e->pipe_fd);
    for (size_t c = 0; c < e->n_chunks; c++) {
        for (size_t i = 0; e->chunks[c] && i < SLOTS_PER_CHUNK; i++)
            slot_close(&e->chunks[c][i]);
        free(e->chunks[c]);
    }
    free(e->chunks);
    evtimer_del(&e->wake);
    free(e);
    return NULL;
}

static struct slot *evlib_slot(const struct evlib *e, int fd)
{
    size_t chunk;

    if (fd < 0)
        return NULL;
    chunk = (size_t)fd / SLOTS_PER_CHUNK;
    return chunk < e->n_chunks && e->chunks[chunk] ? &e->chunks[chunk][(size_t)fd % SLOTS_PER_CHUNK]
                                                   : NULL;
}

int evlib_reserve(struct evlib *e, int fd)
{
    size_t chunk = (size_t)fd / SLOTS_PER_CHUNK;

    if (chunk >= e->n_chunks) {
        struct slot **chunks = realloc(e->chunks, (chunk + 1) * sizeof(*chunks));

        if (!chunks)
            return -ENOMEM;
        memset(chunks + e->n_chunks, 0, (chunk + 1 - e->n_chunks) * sizeof(*chunks));
        e->chunks = chunks;
        e->n_chunks = chunk + 1;
    }
    if (!e->chunks[chunk]) {
        e->chunks[chunk] = calloc(SLOTS_PER_CHUNK, sizeof(**e->chunks));
        if (!e->chunks[chunk])
            return -ENOMEM;
        for (size_t i = 0; i < SLOTS_PER_CHUNK; i++)
            e->chunks[chunk][i].evlib = e;
    }
    return 0;
}

/* Only a read that came back full may have left something. So nobody is asked: that would cost as much as a read in vain. */
static bool slot_may_have_more(const struct slot *s)
{
    return s->early && s->read_armed && s->evlib->received >= s->evlib->read_bytes;
}

static void slot_serve(struct slot *s, int fd, short what)
{
    struct lws_pollfd pollfd = {.fd = fd};

    if (what & EV_READ)
        pollfd.events |= LWS_POLLIN;
    if (what & EV_WRITE)
        pollfd.events |= LWS_POLLOUT;
    pollfd.revents = pollfd.events;
    s->evlib->received = 0;
    lws_service_fd_tsi(s->evlib->context, &pollfd, 0);
    /* lws reads no more at once than its buffer of this connection takes, which is small, for there are many. What came
     * together is read in the same turn, so that it goes out together. */
    for (int n = 1; n < READS_MAX && slot_may_have_more(s); n++) {
        pollfd.events = pollfd.revents = LWS_POLLIN;
        s->evlib->received = 0;
        lws_service_fd_tsi(s->evlib->context, &pollfd, 0);
    }
}

static void slot_put_off(struct slot *s, short what)
{
    if (!list_node_linked(&s->put_off_link)) {
        list_append(&s->evlib->put_off, &s->put_off_link);
        s->evlib->n_put_off++;
        s->put_off_what = 0;
    }
    s->put_off_what = (short)(s->put_off_what | what);
    event_del(what & EV_READ ? &s->read : &s->write);
}

static void slot_fired(evutil_socket_t fd, short what, void *userdata)
{
    struct slot *s = userdata;

    if (s->first)
        slot_serve(s, fd, what);
    else
        slot_put_off(s, what);
}

static bool slot_arm(struct event *event, bool *armed)
{
    if (!*armed)
        *armed = event_add(event, NULL) == 0;
    return *armed;
}

static void slot_disarm(struct event *event, bool *armed)
{
    if (*armed)
        event_del(event);
    *armed = false;
}

static bool slot_assign(struct slot *s, int fd)
{
    if (!s->assigned)
        s->assigned =
            event_assign(&s->read, s->evlib->base, fd, EV_READ | EV_PERSIST, slot_fired, s) == 0 &&
            event_assign(&s->write, s->evlib->base, fd, EV_WRITE | EV_PERSIST, slot_fired, s) == 0;
    return s->assigned;
}

static bool slot_want_write(struct slot *s, struct lws *wsi)
{
    s->write_wanted = true;
    if (s->write_armed || list_node_linked(&s->ready_link))
        return true;
    if (!s->early || lws_partial_buffered(wsi))
        return slot_arm(&s->write, &s->write_armed);
    list_append(&s->evlib->ready, &s->ready_link);
    s->evlib->n_ready++;
    return true;
}

static void slot_unwant_write(struct slot *s)
{
    s->write_wanted = false;
    slot_disarm(&s->write, &s->write_armed);
    if (list_node_linked(&s->ready_link)) {
        list_unlink(&s->ready_link);
        s->evlib->n_ready--;
    }
}

static struct evlib *evlib_of(struct lws *wsi)
{
    struct evlib **e = lws_evlib_wsi_to_evlib_pt(wsi);

    return *e;
}

static bool evlib_start(struct evlib *e, struct lws *wsi, int fd, unsigned flags)
{
    struct slot *s;

    if (fd < 0 || evlib_reserve(e, fd) < 0)
        return false;
    s = evlib_slot(e, fd);
    return slot_assign(s, fd) && (!(flags & LWS_EV_READ) || slot_arm(&s->read, &s->read_armed)) &&
           (!(flags & LWS_EV_WRITE) || slot_want_write(s, wsi));
}

static void evlib_io(struct lws *wsi, unsigned int flags)
{
    struct evlib *e = evlib_of(wsi);
    int fd = lws_get_socket_fd(wsi);

    if (flags & LWS_EV_START) {
        if (!e->context)
            e->pipe_fd = fd; /* nothing else exists before the context does */
        if (evlib_start(e, wsi, fd, flags))
            return;
        /* A connection without events would hang for ever. lws gives this function no way to say no. */
        if (e->context)
            lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
        else
            e->incomplete = true;
    } else {
        struct slot *s = evlib_slot(e, fd);

        if (s && (flags & LWS_EV_READ))
            slot_disarm(&s->read, &s->read_armed);
        if (s && (flags & LWS_EV_WRITE))
            slot_unwant_write(s);
    }
}

static int evlib_logical_close(struct lws *wsi)
{
    struct slot *s = evlib_slot(evlib_of(wsi), lws_get_socket_fd(wsi));

    if (s)
        slot_close(s);
    return 0;
}

static void evlib_destroy_wsi(struct lws *wsi)
{
    /* Also for the connections that lws drops before they were ever logically open. */
    if (wsi)
        evlib_logical_close(wsi);
}

static int evlib_init_pt(struct lws_context *context, void *loop, int tsi)
{
    struct evlib **e = lws_evlib_tsi_to_evlib_pt(context, tsi);

    *e = loop;
    return 0;
}

static void evlib_destroy_pt(struct lws_context *context, int tsi)
{
    struct evlib **e = lws_evlib_tsi_to_evlib_pt(context, tsi);

    evtimer_del(&(*e)->wake);
}

static const struct lws_event_loop_ops evlib_ops = {
    .name = "libevent of the relay",
    .init_pt = evlib_init_pt,
    .io = evlib_io,
    .wsi_logical_close = evlib_logical_close,
    .destroy_wsi = evlib_destroy_wsi,
    .destroy_pt = evlib_destroy_pt,
    .evlib_size_pt = sizeof(struct evlib *),
};

static const lws_plugin_evlib_t evlib_plugin = {
    .hdr = {.name = "libevent of the relay",
            ._class = "lws_evlib_plugin",
            .lws_build_hash = LWS_BUILD_HASH,
            .api_magic = LWS_PLUGIN_API_MAGIC},
    .ops = &evlib_ops,
};

void evlib_describe(struct evlib *e, struct lws_context_creation_info *info)
{
    info->event_lib_custom = &evlib_plugin;
    info->foreign_loops = e->foreign_loops;
}

int evlib_set_context(struct evlib *e, struct lws_context *context, size_t read_bytes)
{
    if (e->incomplete)
        return -ENOMEM;
    e->context = context;
    e->read_bytes = read_bytes;
    return 0;
}

void evlib_received(struct evlib *e, size_t size)
{
    e->received += size + FRAME_HEADER_MAX;
}

void evlib_write_early(struct lws *wsi)
{
    struct slot *s = evlib_slot(evlib_of(wsi), lws_get_socket_fd(wsi));

    assert(s && s->assigned);
    s->early = true;
}

void evlib_serve_first(struct lws *wsi)
{
    struct slot *s = evlib_slot(evlib_of(wsi), lws_get_socket_fd(wsi));

    assert(s && s->assigned);
    s->first = true;
}

/* The events are added first, for serving it may end it. One that libevent has no memory for is left unwatched, and the heartbeat ends
 * its peer. What lws has ceased to want meanwhile it does not hear of. */
static void slot_serve_put_off(struct slot *s)
{
    short what = s->put_off_what;

    slot_leave_put_off(s);
    if (what & EV_READ) {
        if (s->read_armed)
            s->read_armed = event_add(&s->read, NULL) == 0;
        else
            what = (short)(what & ~EV_READ);
    }
    if (what & EV_WRITE) {
        if (s->write_armed)
            s->write_armed = event_add(&s->write, NULL) == 0;
        else
            what = (short)(what & ~EV_WRITE);
    }
    if (what)
        slot_serve(s, event_get_fd(&s->read), what);
}

bool evlib_is_busy(const struct evlib *e)
{
    return e->n_put_off >= PUT_OFF_BUSY;
}

static uint64_t monotonic_us(void)
{
    struct timespec now = {0};

    (void)clock_gettime(CLOCK_MONOTONIC, &now); /* fails only for a clock that does not exist */
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void evlib_serve_put_off(struct evlib *e)
{
    uint64_t end_us;

    if (list_empty(&e->put_off))
        return;
    end_us = monotonic_us() + PUT_OFF_US;
    do
        slot_serve_put_off(container_of(list_first(&e->put_off), struct slot, put_off_link));
    while (!list_empty(&e->put_off) && monotonic_us() < end_us);
}

static void evlib_write_ready(struct evlib *e)
{
    /* Only those queued before: who asks again while it writes comes in the next turn, so that reading is not starved. */
    for (size_t n = e->n_ready; n > 0 && !list_empty(&e->ready); n--) {
        struct slot *s = container_of(list_first(&e->ready), struct slot, ready_link);
        struct lws_pollfd pollfd = {
            .fd = event_get_fd(&s->write), .events = LWS_POLLOUT, .revents = LWS_POLLOUT};

        list_unlink(&s->ready_link);
        e->n_ready--;
        lws_service_fd_tsi(e->context, &pollfd, 0);
        /* lws leaves its wish standing when it wants to be called once more. Should libevent have no memory for that, the
         * peer stays unwritten and the heartbeat ends it. */
        if (s->write_wanted && !list_node_linked(&s->ready_link))
            slot_arm(&s->write, &s->write_armed);
    }
}

/* Runs ripe timers and what must be served without a network event; returns in how many ms lws wants to be called again. */
static int evlib_serve_timers(struct evlib *e)
{
    int wait_ms = lws_service_adjust_timeout(e->context, WAIT_MAX_MS, 0);

    if (wait_ms > 0)
        return wait_ms;
    _lws_plat_service_forced_tsi(e->context, 0);
    wait_ms = lws_service_adjust_timeout(e->context, WAIT_MAX_MS, 0);
    return wait_ms > 0 ? wait_ms : 1;
}

void evlib_end_of_turn(struct evlib *e)
{
    int wait_ms;
    struct timeval wait;

    /* Timers first: a connection that is to be killed must not get another timeout by writing. */
    evlib_serve_timers(e);
    evlib_serve_put_off(e);
    evlib_write_ready(e);
    wait_ms = evlib_serve_timers(e);
    if (e->n_ready || !list_empty(&e->put_off))
        wait_ms = 0;
    wait =
        (struct timeval){.tv_sec = wait_ms / 1000, .tv_usec = (suseconds_t)(wait_ms % 1000) * 1000};
    /* Failing for want of memory, lws's timers wait for the next event of anybody. */
    evtimer_add(&e->wake, &wait);
}
