#include "transport/event_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/list.h"
#include "client/event.h"
#include "transport/deadline.h"

struct event_queue {
    pthread_mutex_t lock;
    pthread_cond_t changed_for_reader; /* by the monotonic clock */
    pthread_cond_t changed_for_writer;
    struct list events;
    size_t n;
    size_t max;
    int fd;
    syncshell_wake_fn wake;
    void *wake_userdata;
    bool released;
    bool ended;   /* STOPPED was put */
    bool stopped; /* STOPPED was taken */
};

int event_queue_new(struct event_queue **ret_queue, size_t max, syncshell_wake_fn wake,
                    void *wake_userdata)
{
    struct event_queue *q = calloc(1, sizeof *q);

    if (!q)
        return -ENOMEM;
    list_init(&q->events);
    q->max = max;
    q->wake = wake;
    q->wake_userdata = wake_userdata;
    q->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (q->fd < 0) {
        int r = -errno;
        free(q);
        return r;
    }
    (void)pthread_mutex_init(&q->lock, NULL);
    deadline_cond_init(&q->changed_for_reader);
    deadline_cond_init(&q->changed_for_writer);
    *ret_queue = q;
    return 0;
}

struct event_queue *event_queue_free(struct event_queue *q)
{
    if (!q)
        return NULL;
    list_for_each_safe (node, safe, &q->events) {
        list_unlink(node);
        (void)event_free(event_from_node(node));
    }
    (void)pthread_cond_destroy(&q->changed_for_reader);
    (void)pthread_cond_destroy(&q->changed_for_writer);
    (void)pthread_mutex_destroy(&q->lock);
    (void)close(q->fd);
    free(q);
    return NULL;
}

int event_queue_fd(const struct event_queue *q)
{
    return q->fd;
}

/* Neither can fail: the counter is 0 or 1, and both happen under the lock. */
static void raise_fd(struct event_queue *q)
{
    (void)eventfd_write(q->fd, 1);
}

static void lower_fd(struct event_queue *q)
{
    eventfd_t value;
    (void)eventfd_read(q->fd, &value);
}

void event_queue_put(struct event_queue *q, syncshell_event *takes_event)
{
    bool was_empty = false, taken;

    (void)pthread_mutex_lock(&q->lock);
    taken = !q->ended;
    if (taken) {
        q->ended = event_type(takes_event) == SYNCSHELL_EVENT_STOPPED;
        was_empty = q->n++ == 0;
        list_append(&q->events, event_node(takes_event));
        (void)pthread_cond_signal(&q->changed_for_reader);
        if (was_empty)
            raise_fd(q);
    }
    was_empty = was_empty && !q->released;
    (void)pthread_mutex_unlock(&q->lock);
    if (!taken)
        (void)event_free(takes_event);
    /* Outside the lock: it may call the library. */
    if (was_empty && q->wake)
        q->wake(q->wake_userdata);
}

bool event_queue_full(struct event_queue *q)
{
    bool full;

    (void)pthread_mutex_lock(&q->lock);
    full = q->n >= q->max;
    (void)pthread_mutex_unlock(&q->lock);
    return full;
}

void event_queue_wait_for_room(struct event_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    while (q->n > q->max / 2 && !q->released)
        (void)pthread_cond_wait(&q->changed_for_writer, &q->lock);
    (void)pthread_mutex_unlock(&q->lock);
}

void event_queue_wait_for_end(struct event_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    while (!q->released)
        (void)pthread_cond_wait(&q->changed_for_writer, &q->lock);
    (void)pthread_mutex_unlock(&q->lock);
}

void event_queue_release(struct event_queue *q)
{
    (void)pthread_mutex_lock(&q->lock);
    q->released = true;
    (void)pthread_cond_broadcast(&q->changed_for_writer);
    (void)pthread_mutex_unlock(&q->lock);
}

/* Under the lock; returns when there is something to take, or to say, or the time is over. */
static void wait_for_event(struct event_queue *q, int32_t timeout_ms)
{
    struct timespec until = deadline_after_ms(timeout_ms > 0 ? (uint32_t)timeout_ms : 0);
    int r = 0;

    while (q->n == 0 && !q->stopped && r != ETIMEDOUT) {
        if (timeout_ms < 0)
            r = pthread_cond_wait(&q->changed_for_reader, &q->lock);
        else
            r = pthread_cond_timedwait(&q->changed_for_reader, &q->lock, &until);
    }
}

static syncshell_event *take_first(struct event_queue *q)
{
    struct list_node *node = list_first(&q->events);
    syncshell_event *event = event_from_node(node);

    list_unlink(node);
    q->n--;
    if (q->n == 0)
        lower_fd(q);
    if (q->n <= q->max / 2)
        (void)pthread_cond_signal(&q->changed_for_writer);
    if (event_type(event) == SYNCSHELL_EVENT_STOPPED) {
        q->stopped = true;
        (void)pthread_cond_broadcast(&q->changed_for_reader);
    }
    return event;
}

int event_queue_take(struct event_queue *q, int32_t timeout_ms, syncshell_event **ret_event)
{
    int r = 0;

    (void)pthread_mutex_lock(&q->lock);
    if (timeout_ms != 0)
        wait_for_event(q, timeout_ms);
    if (q->n > 0)
        *ret_event = take_first(q);
    else
        r = q->stopped ? EVENT_QUEUE_E_STOPPED : -ETIMEDOUT;
    (void)pthread_mutex_unlock(&q->lock);
    return r;
}
