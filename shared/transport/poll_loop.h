/* The loop under libwebsockets: poll() over the few descriptors of one client.
 *
 * libwebsockets has such a loop itself. This one is ours for three things: other threads wake it through a descriptor of
 * ours and not by reaching into libwebsockets; a timer's callback that makes work for the caller does not end in a wait;
 * and the descriptor that libwebsockets (4.3.5) forgets when a context is destroyed is closed, or a host that makes and frees
 * many clients would run out of them.
 *
 * One thread, except poll_loop_wake(). */
#ifndef SHARED_TRANSPORT_POLL_LOOP_H
#define SHARED_TRANSPORT_POLL_LOOP_H

#include <libwebsockets.h>

enum { POLL_LOOP_DESCRIPTORS_MAX = 16 };

struct poll_loop;

int poll_loop_new(struct poll_loop **ret_loop); /* 0 or negative errno */

/* Destroys the context first, if there is one. */
struct poll_loop *poll_loop_free(struct poll_loop *l);

/* Makes the context, with this loop and without touching the process (process.h). 0 or negative errno. */
int poll_loop_make_context(struct poll_loop *l, struct lws_context_creation_info *info);
struct lws_context *poll_loop_context(const struct poll_loop *l);

/* Runs the timers that are due. Returns how long to wait at most: `wait_ms` or less. */
int poll_loop_run_timers(struct poll_loop *l, int wait_ms);

/* Waits for a descriptor, poll_loop_wake(), or the time; serves what is ready. 0 or negative errno. */
int poll_loop_wait(struct poll_loop *l, int wait_ms);

void poll_loop_wake(struct poll_loop *l);

#endif
