/* The loop: one libevent base without locks, so that nothing but an eventfd may be touched from another thread.
 *
 * Invariants: a timer never fires before its deadline by loop_now_us(), although libevent counts with a coarser clock and
 * from the beginning of a turn: a timer that libevent wakes early arms itself again for the rest. The end-of-turn function
 * runs once before the first wait and once after every turn, also after the turn that stopped the loop. */
#include "adapters/loop_libevent/loop.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "adapters/loop_libevent/slice.h"
#include "base/timeutil.h"

struct loop {
    struct event_base *base;
    loop_fn end_of_turn;
    void *end_of_turn_userdata;
    bool stopped;
};

struct loop_timer {
    struct event event;
    struct loop *loop;
    loop_fn fn;
    void *userdata;
    uint64_t deadline_us;
};

struct loop_signal {
    struct event event;
    loop_fn fn;
    void *userdata;
};

struct loop_waker {
    struct event event;
    loop_fn fn;
    void *userdata;
    int fd;
};

int loop_new(struct loop **ret_loop)
{
    struct event_config *config = event_config_new();
    struct loop *l = calloc(1, sizeof(*l));

    if (config && l &&
        !event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_IGNORE_ENV))
        l->base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    if (!l || !l->base) {
        loop_free(l);
        return -ENOMEM;
    }
    *ret_loop = l;
    return 0;
}

struct loop *loop_free(struct loop *l)
{
    if (!l)
        return NULL;
    if (l->base)
        event_base_free(l->base);
    free(l);
    return NULL;
}

struct event_base *loop_event_base(struct loop *l)
{
    return l->base;
}

uint64_t loop_now_us(const struct loop *l)
{
    struct timespec now;
    int r = clock_gettime(CLOCK_MONOTONIC, &now);

    (void)l;
    assert(r == 0);
    (void)r;
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

void loop_set_end_of_turn(struct loop *l, loop_fn fn, void *userdata)
{
    l->end_of_turn = fn;
    l->end_of_turn_userdata = userdata;
}

static void loop_finish_turn(struct loop *l)
{
    if (l->end_of_turn)
        l->end_of_turn(l->end_of_turn_userdata);
}

int loop_run(struct loop *l)
{
    int r = 0;

    slice_shorten();
    loop_finish_turn(l);
    while (!l->stopped && r == 0) {
        if (event_base_loop(l->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY) < 0)
            r = errno ? -errno : -EIO;
        loop_finish_turn(l);
    }
    l->stopped = false;
    return r;
}

void loop_stop(struct loop *l)
{
    l->stopped = true;
    /* A stop from the end-of-turn function or from before loop_run() needs no wake; one from a callback lets the
     * other callbacks of its turn run. */
}

static struct timeval timeval_from_us(uint64_t us)
{
    /* A day is as good as for ever to libevent; timer_fired() arms again for the rest. */
    const uint64_t day_us = UINT64_C(86400000000);
    uint64_t bounded_us = us < day_us ? us : day_us;

    return (struct timeval){.tv_sec = (time_t)(bounded_us / 1000000),
                            .tv_usec = (suseconds_t)(bounded_us % 1000000)};
}

static int timer_wait(struct loop_timer *t)
{
    uint64_t now_us = loop_now_us(t->loop);
    struct timeval wait = timeval_from_us(t->deadline_us > now_us ? t->deadline_us - now_us : 0);

    return evtimer_add(&t->event, &wait) < 0 ? -ENOMEM : 0;
}

static void timer_fired(evutil_socket_t fd, short what, void *userdata)
{
    struct loop_timer *t = userdata;

    (void)fd;
    (void)what;
    if (loop_now_us(t->loop) < t->deadline_us && timer_wait(t) == 0)
        return;
    t->deadline_us = TIME_NEVER_US;
    t->fn(t->userdata);
}

int loop_timer_new(struct loop *l, loop_fn fn, void *userdata, struct loop_timer **ret_timer)
{
    struct loop_timer *t = calloc(1, sizeof(*t));

    if (!t)
        return -ENOMEM;
    t->loop = l;
    t->fn = fn;
    t->userdata = userdata;
    t->deadline_us = TIME_NEVER_US;
    if (evtimer_assign(&t->event, l->base, timer_fired, t) < 0) {
        free(t);
        return -EINVAL;
    }
    *ret_timer = t;
    return 0;
}

int loop_timer_arm(struct loop_timer *t, uint64_t deadline_us)
{
    t->deadline_us = deadline_us;
    if (deadline_us == TIME_NEVER_US)
        return evtimer_del(&t->event) < 0 ? -EINVAL : 0;
    return timer_wait(t);
}

struct loop_timer *loop_timer_free(struct loop_timer *t)
{
    if (!t)
        return NULL;
    evtimer_del(&t->event);
    free(t);
    return NULL;
}

static void signal_arrived(evutil_socket_t fd, short what, void *userdata)
{
    struct loop_signal *s = userdata;

    (void)fd;
    (void)what;
    s->fn(s->userdata);
}

int loop_signal_new(struct loop *l, int signal_number, loop_fn fn, void *userdata,
                    struct loop_signal **ret_signal)
{
    struct loop_signal *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->fn = fn;
    s->userdata = userdata;
    if (evsignal_assign(&s->event, l->base, signal_number, signal_arrived, s) < 0 ||
        evsignal_add(&s->event, NULL) < 0) {
        free(s);
        return -EINVAL;
    }
    *ret_signal = s;
    return 0;
}

struct loop_signal *loop_signal_free(struct loop_signal *s)
{
    if (!s)
        return NULL;
    evsignal_del(&s->event);
    free(s);
    return NULL;
}

static void waker_woken(evutil_socket_t fd, short what, void *userdata)
{
    struct loop_waker *w = userdata;
    uint64_t n_wakes;
    ssize_t n = read(fd, &n_wakes, sizeof(n_wakes));

    (void)what;
    if (n == (ssize_t)sizeof(n_wakes))
        w->fn(w->userdata);
}

int loop_waker_new(struct loop *l, loop_fn fn, void *userdata, struct loop_waker **ret_waker)
{
    struct loop_waker *w = calloc(1, sizeof(*w));
    int r;

    if (!w)
        return -ENOMEM;
    w->fn = fn;
    w->userdata = userdata;
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd < 0) {
        r = -errno;
        free(w);
        return r;
    }
    if (event_assign(&w->event, l->base, w->fd, EV_READ | EV_PERSIST, waker_woken, w) < 0 ||
        event_add(&w->event, NULL) < 0) {
        close(w->fd);
        free(w);
        return -ENOMEM;
    }
    *ret_waker = w;
    return 0;
}

void loop_waker_wake(struct loop_waker *w)
{
    const uint64_t one = 1;
    ssize_t n;

    do
        n = write(w->fd, &one, sizeof(one));
    while (n < 0 && errno == EINTR);
    /* EAGAIN: the counter is full, so the loop is about to wake anyway. Nothing else can befall a valid eventfd. */
    assert(n == (ssize_t)sizeof(one) || errno == EAGAIN);
}

struct loop_waker *loop_waker_free(struct loop_waker *w)
{
    if (!w)
        return NULL;
    event_del(&w->event);
    close(w->fd);
    free(w);
    return NULL;
}
