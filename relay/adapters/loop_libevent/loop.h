/* The event loop: libevent (epoll), timers, signals and wake-ups from other threads. The only place that reads the
 * monotonic clock. One loop, one thread; loop_waker_wake() alone may be called from any thread.
 *
 * A turn: wait for events, run their callbacks, then run the end-of-turn function once: that is where work which many
 * events of one turn caused (writing, handing a batch to the store) is done together. */
#ifndef RELAY_ADAPTERS_LOOP_LIBEVENT_LOOP_H
#define RELAY_ADAPTERS_LOOP_LIBEVENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct loop;
struct loop_timer;
struct loop_signal;
struct loop_waker;

typedef void (*loop_fn)(void *userdata);

int loop_new(struct loop **ret_loop); /* 0 or negative errno */
struct loop *loop_free(struct loop *l);
struct event_base *
loop_event_base(struct loop *l);            /* for ws_lws, which drives libwebsockets on it */
uint64_t loop_now_us(const struct loop *l); /* CLOCK_MONOTONIC */
void loop_set_end_of_turn(struct loop *l, loop_fn fn, void *userdata);
int loop_run(struct loop *l); /* until loop_stop(); 0 or negative */
void loop_stop(struct loop *l);

/* One-shot timers; re-arming replaces. TIME_NEVER_US disarms. */
int loop_timer_new(struct loop *l, loop_fn fn, void *userdata, struct loop_timer **ret_timer);
int loop_timer_arm(struct loop_timer *t, uint64_t deadline_us);
struct loop_timer *loop_timer_free(struct loop_timer *t);

int loop_signal_new(struct loop *l, int signal_number, loop_fn fn, void *userdata,
                    struct loop_signal **ret_signal);
struct loop_signal *loop_signal_free(struct loop_signal *s);

/* An eventfd: wakes from other threads coalesce into one call of fn on the loop. */
int loop_waker_new(struct loop *l, loop_fn fn, void *userdata, struct loop_waker **ret_waker);
void loop_waker_wake(struct loop_waker *w); /* any thread */
struct loop_waker *loop_waker_free(struct loop_waker *w);

#endif
