/* Events on their way from the I/O thread to the application, and how the application hears of them: a descriptor that is
 * readable, a condition to wait on, a function that is called.
 *
 * At most `max` events wait. The I/O thread asks event_queue_full() before it makes more; when it has nothing else to do, it
 * waits for room here. Room is there again when half of the queue is free: waking for each single event would let the two
 * threads take turns. */
#ifndef SHARED_TRANSPORT_EVENT_QUEUE_H
#define SHARED_TRANSPORT_EVENT_QUEUE_H

#include <syncshell/syncshell.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_queue;

int event_queue_new(struct event_queue **ret_queue, size_t max, syncshell_wake_fn wake,
                    void *wake_userdata); /* 0, negative */
struct event_queue *event_queue_free(struct event_queue *q);

int event_queue_fd(const struct event_queue *q); /* readable while events wait */

/* I/O thread. The event STOPPED is the last one that is taken in. */
void event_queue_put(struct event_queue *q, syncshell_event *takes_event);
bool event_queue_full(struct event_queue *q);
void event_queue_wait_for_room(struct event_queue *q); /* or until event_queue_release() */
void event_queue_wait_for_end(struct event_queue *q);  /* until event_queue_release() */

/* The I/O thread shall not wait any more, and the wake function not be called any more. Any thread. */
void event_queue_release(struct event_queue *q);

enum { EVENT_QUEUE_E_STOPPED = 1 }; /* STOPPED was taken */

/* Any thread. `timeout_ms` 0: does not wait, negative: for ever. 0 with an event, -ETIMEDOUT, or EVENT_QUEUE_E_STOPPED. */
int event_queue_take(struct event_queue *q, int32_t timeout_ms, syncshell_event **ret_event);

#endif
