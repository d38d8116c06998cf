#define _GNU_SOURCE /* pipe2, dup3 */

#include "transport/poll_loop.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/process.h"

struct entry {
    int fd;
    short events;
    uint64_t serial; /* tells a descriptor from a later one with the same number */
};

struct poll_loop {
    struct lws_context *context;
    struct entry entries[POLL_LOOP_DESCRIPTORS_MAX];
    size_t n_entries;
    uint64_t last_serial;
    int wake_fds[2]; /* a pipe */
    int lws_fd; /* libwebsockets' own means to wake itself, the first descriptor that it names; -1 before */
    void *foreign_loops[1];
};

static struct entry *find(struct poll_loop *l, int fd)
{
    for (size_t i = 0; i < l->n_entries; i++) {
        if (l->entries[i].fd == fd)
            return &l->entries[i];
    }
    return NULL;
}

static struct entry *find_or_add(struct poll_loop *l, int fd)
{
    struct entry *e = find(l, fd);

    if (e || fd < 0 || l->n_entries == POLL_LOOP_DESCRIPTORS_MAX)
        return e;
    e = &l->entries[l->n_entries++];
    *e = (struct entry){.fd = fd, .serial = ++l->last_serial};
    return e;
}

static void drop(struct poll_loop *l, int fd)
{
    struct entry *e = find(l, fd);

    if (e)
        *e = l->entries[--l->n_entries];
}

/* ---- what libwebsockets calls ---- */

static struct poll_loop *loop_of(struct lws *wsi)
{
    struct poll_loop **l = lws_evlib_wsi_to_evlib_pt(wsi);

    return *l;
}

static int on_init(struct lws_context *context, void *loop, int tsi)
{
    struct poll_loop **l = lws_evlib_tsi_to_evlib_pt(context, tsi);

    *l = loop;
    return 0;
}

static void on_io(struct lws *wsi, unsigned flags)
{
    struct poll_loop *l = loop_of(wsi);
    int fd = lws_get_socket_fd(wsi);
    short events =
        (short)((flags & LWS_EV_READ ? POLLIN : 0) | (flags & LWS_EV_WRITE ? POLLOUT : 0));
    struct entry *e = flags & LWS_EV_START ? find_or_add(l, fd) : find(l, fd);

    /* With both at once it takes leave of a descriptor. Of one that could not be connected nothing more is said: it is closed. */
    if (flags & LWS_EV_STOP && flags & LWS_EV_READ && flags & LWS_EV_WRITE) {
        drop(l, fd);
        return;
    }
    if (l->lws_fd < 0)
        l->lws_fd = fd;
    if (e && flags & LWS_EV_START)
        e->events = (short)(e->events | events);
    else if (e)
        e->events = (short)(e->events & ~events);
    else if (flags & LWS_EV_START && l->context) /* a connection that nobody would serve */
        lws_set_timeout(wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
}

static int on_close(struct lws *wsi)
{
    drop(loop_of(wsi), lws_get_socket_fd(wsi));
    return 0;
}

static void on_destroy(struct lws *wsi)
{
    if (wsi)
        (void)on_close(wsi);
}

static const struct lws_event_loop_ops loop_ops = {
    .name = "poll of the client",
    .init_pt = on_init,
    .io = on_io,
    .wsi_logical_close = on_close,
    .destroy_wsi = on_destroy,
    .evlib_size_pt = sizeof(struct poll_loop *),
};

static const lws_plugin_evlib_t loop_plugin = {
    .hdr = {.name = "poll of the client",
            ._class = "lws_evlib_plugin",
            .lws_build_hash = LWS_BUILD_HASH,
            .api_magic = LWS_PLUGIN_API_MAGIC},
    .ops = &loop_ops,
};

/* ---- life ---- */

int poll_loop_new(struct poll_loop **ret_loop)
{
    struct poll_loop *l = calloc(1, sizeof *l);

    if (!l)
        return -ENOMEM;
    l->lws_fd = -1;
    l->foreign_loops[0] = l;
    if (pipe2(l->wake_fds, O_CLOEXEC | O_NONBLOCK) < 0) {
        int r = -errno;
        free(l);
        return r;
    }
    *ret_loop = l;
    return 0;
}

static bool same_file(int a, int b)
{
    struct stat x, y;

    return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* Whether libwebsockets closes its descriptor depends on its release, and a number that was closed may stand for
 * somebody else's file at once. So it is made to stand for a file that is known to be ours: if it still does afterwards, it
 * was forgotten. */
static void destroy_context(struct poll_loop *l)
{
    bool marked = l->lws_fd >= 0 && dup3(l->wake_fds[0], l->lws_fd, O_CLOEXEC) >= 0;

    lws_context_destroy(l->context);
    if (marked && same_file(l->lws_fd, l->wake_fds[0]))
        (void)close(l->lws_fd);
}

struct poll_loop *poll_loop_free(struct poll_loop *l)
{
    if (!l)
        return NULL;
    if (l->context)
        destroy_context(l);
    (void)close(l->wake_fds[0]);
    (void)close(l->wake_fds[1]);
    free(l);
    return NULL;
}

int poll_loop_make_context(struct poll_loop *l, struct lws_context_creation_info *info)
{
    info->event_lib_custom = &loop_plugin;
    info->foreign_loops = l->foreign_loops;
    l->context = process_make_context(info);
    return l->context ? 0 : -EMFILE;
}

struct lws_context *poll_loop_context(const struct poll_loop *l)
{
    return l->context;
}

/* ---- turns ---- */

int poll_loop_run_timers(struct poll_loop *l, int wait_ms)
{
    int left_ms = lws_service_adjust_timeout(l->context, wait_ms, 0);

    /* What a connection has decrypted but not handed on yet makes no descriptor readable. */
    if (left_ms == 0)
        (void)_lws_plat_service_forced_tsi(l->context, 0);
    return left_ms;
}

static void drain_wake(struct poll_loop *l)
{
    char bytes[64];

    while (read(l->wake_fds[0], bytes, sizeof bytes) > 0)
        ;
}

static void serve(struct poll_loop *l, const struct pollfd *ready, const struct entry *polled)
{
    struct lws_pollfd copy = *ready;
    struct entry *e = find(l, polled->fd);

    /* One that was served before it may have closed it. */
    if (ready->revents && e && e->serial == polled->serial)
        (void)lws_service_fd_tsi(l->context, &copy, 0);
}

int poll_loop_wait(struct poll_loop *l, int wait_ms)
{
    struct pollfd fds[POLL_LOOP_DESCRIPTORS_MAX + 1];
    struct entry polled[POLL_LOOP_DESCRIPTORS_MAX];
    size_t n = l->n_entries;

    for (size_t i = 0; i < n; i++) {
        polled[i] = l->entries[i];
        fds[i] = (struct pollfd){.fd = polled[i].fd, .events = polled[i].events};
    }
    fds[n] = (struct pollfd){.fd = l->wake_fds[0], .events = POLLIN};
    if (poll(fds, n + 1, wait_ms) < 0)
        return errno == EINTR ? 0 : -errno;
    if (fds[n].revents)
        drain_wake(l);
    for (size_t i = 0; i < n; i++)
        serve(l, &fds[i], &polled[i]);
    return 0;
}

void poll_loop_wake(struct poll_loop *l)
{
    ssize_t written;

    /* A full pipe has woken it already. */
    do
        written = write(l->wake_fds[1], "", 1);
    while (written < 0 && errno == EINTR);
}
