#include "scratch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "client/event.h"
#include "transport/event_queue.h"

enum { MAX = 4, MANY = 20000 };

static void count_wake(void *userdata)
{
    (*(int *)userdata)++;
}

static struct event_queue *new_queue(syncshell_wake_fn wake, void *userdata)
{
    struct event_queue *q = NULL;

    assert_int_equal(event_queue_new(&q, MAX, wake, userdata), 0);
    return q;
}

static void put(struct event_queue *q, int32_t type, uint64_t ticket)
{
    syncshell_event *event;

    assert_int_equal(event_new(&event, type, ticket), 0);
    event_queue_put(q, event);
}

static bool readable(const struct event_queue *q)
{
    struct pollfd p = {.fd = event_queue_fd(q), .events = POLLIN};

    return poll(&p, 1, 0) == 1;
}

static void take(struct event_queue *q, uint64_t ticket)
{
    syncshell_event *event = NULL;

    assert_int_equal(event_queue_take(q, 0, &event), 0);
    assert_int_equal(event_ticket(event), ticket);
    (void)event_free(event);
}

static void events_come_out_in_order(void **state)
{
    struct event_queue *q = new_queue(NULL, NULL);
    syncshell_event *event = NULL;

    (void)state;
    for (uint64_t i = 1; i <= MAX + 3; i++) /* what one input makes may pass the limit */
        put(q, SYNCSHELL_EVENT_RECOVERED, i);
    for (uint64_t i = 1; i <= MAX + 3; i++)
        take(q, i);
    assert_int_equal(event_queue_take(q, 0, &event), -ETIMEDOUT);
    assert_null(event);
    (void)event_queue_free(q);
}

static void it_is_readable_while_events_wait(void **state)
{
    struct event_queue *q = new_queue(NULL, NULL);

    (void)state;
    for (int round = 0; round < 3; round++) {
        assert_false(readable(q));
        put(q, SYNCSHELL_EVENT_RECOVERED, 1);
        put(q, SYNCSHELL_EVENT_RECOVERED, 2);
        assert_true(readable(q));
        take(q, 1);
        assert_true(readable(q));
        take(q, 2);
    }
    assert_false(readable(q));
    (void)event_queue_free(q);
}

static void it_wakes_when_it_becomes_non_empty(void **state)
{
    int n_wakes = 0;
    struct event_queue *q = new_queue(count_wake, &n_wakes);

    (void)state;
    put(q, SYNCSHELL_EVENT_RECOVERED, 1);
    put(q, SYNCSHELL_EVENT_RECOVERED, 2);
    assert_int_equal(n_wakes, 1);
    take(q, 1);
    put(q, SYNCSHELL_EVENT_RECOVERED, 3);
    assert_int_equal(n_wakes, 1);
    take(q, 2);
    take(q, 3);
    put(q, SYNCSHELL_EVENT_RECOVERED, 4);
    assert_int_equal(n_wakes, 2);
    take(q, 4);
    event_queue_release(q);
    put(q, SYNCSHELL_EVENT_RECOVERED, 5);
    assert_int_equal(n_wakes, 2);
    (void)event_queue_free(q);
}

static void take_inside(void *userdata)
{
    take(*(struct event_queue **)userdata, 1);
}

static void the_wake_function_may_take(void **state)
{
    struct event_queue *q = new_queue(take_inside, &q);

    (void)state;
    put(q, SYNCSHELL_EVENT_RECOVERED, 1);
    assert_false(readable(q));
    (void)event_queue_free(q);
}

static void it_is_full_at_its_limit(void **state)
{
    struct event_queue *q = new_queue(NULL, NULL);

    (void)state;
    for (uint64_t i = 1; i <= MAX; i++) {
        assert_false(event_queue_full(q));
        put(q, SYNCSHELL_EVENT_RECOVERED, i);
    }
    assert_true(event_queue_full(q));
    take(q, 1);
    assert_false(event_queue_full(q));
    (void)event_queue_free(q);
}

static void nothing_follows_the_end(void **state)
{
    struct event_queue *q = new_queue(NULL, NULL);
    syncshell_event *event = NULL;

    (void)state;
    put(q, SYNCSHELL_EVENT_RECOVERED, 1);
    put(q, SYNCSHELL_EVENT_STOPPED, 2);
    put(q, SYNCSHELL_EVENT_RECOVERED, 3);
    take(q, 1);
    take(q, 2);
    assert_int_equal(event_queue_take(q, 0, &event), EVENT_QUEUE_E_STOPPED);
    assert_int_equal(event_queue_take(q, -1, &event), EVENT_QUEUE_E_STOPPED);
    assert_null(event);
    assert_false(readable(q));
    (void)event_queue_free(q);
}

static void a_wait_ends_with_its_time(void **state)
{
    struct event_queue *q = new_queue(NULL, NULL);
    syncshell_event *event = NULL;

    (void)state;
    assert_int_equal(event_queue_take(q, 1, &event), -ETIMEDOUT);
    (void)event_queue_free(q);
}

/* ---- two threads ---- */

static void *produce(void *userdata)
{
    struct event_queue *q = userdata;

    for (uint64_t i = 1; i <= MANY; i++) {
        if (event_queue_full(q))
            event_queue_wait_for_room(q);
        put(q, i == MANY ? SYNCSHELL_EVENT_STOPPED : SYNCSHELL_EVENT_RECOVERED, i);
    }
    return NULL;
}

static void a_slow_reader_gets_all(void **state)
{
    struct event_queue *q = new_queue(NULL, NULL);
    syncshell_event *event;
    pthread_t thread;

    (void)state;
    assert_int_equal(pthread_create(&thread, NULL, produce, q), 0);
    for (uint64_t i = 1; i <= MANY; i++) {
        assert_int_equal(event_queue_take(q, -1, &event), 0);
        assert_int_equal(event_ticket(event), i);
        (void)event_free(event);
    }
    assert_int_equal(event_queue_take(q, -1, &event), EVENT_QUEUE_E_STOPPED);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)event_queue_free(q);
}

struct readers {
    struct event_queue *queue;
    atomic_uint_fast64_t sum;
    atomic_int n_ended;
};

static void *consume(void *userdata)
{
    struct readers *r = userdata;
    syncshell_event *event;

    while (event_queue_take(r->queue, -1, &event) == 0) {
        (void)atomic_fetch_add(&r->sum, event_ticket(event));
        (void)event_free(event);
    }
    (void)atomic_fetch_add(&r->n_ended, 1);
    return NULL;
}

static void several_readers_share_and_all_hear_the_end(void **state)
{
    enum { READERS = 4 };
    struct readers r = {.queue = new_queue(NULL, NULL)};
    pthread_t threads[READERS], writer;

    (void)state;
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, consume, &r), 0);
    assert_int_equal(pthread_create(&writer, NULL, produce, r.queue), 0);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(pthread_join(writer, NULL), 0);
    assert_int_equal(atomic_load(&r.sum), (uint64_t)MANY * (MANY + 1) / 2);
    assert_int_equal(atomic_load(&r.n_ended), READERS);
    (void)event_queue_free(r.queue);
}

/* None waits for an event that cannot come: whoever is asleep when another takes STOPPED wakes up, too. */
static void the_end_wakes_all_readers(void **state)
{
    enum { READERS = 4, TIMES = 100, YIELDS = 50 };

    (void)state;
    for (int n = 0; n < TIMES; n++) {
        struct readers r = {.queue = new_queue(NULL, NULL)};
        pthread_t threads[READERS];

        for (int i = 0; i < READERS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, consume, &r), 0);
        for (int i = 0; i < YIELDS; i++) /* most of them sleep by then */
            (void)sched_yield();
        put(r.queue, SYNCSHELL_EVENT_STOPPED, 1);
        for (int i = 0; i < READERS; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(atomic_load(&r.sum), 1);
        (void)event_queue_free(r.queue);
    }
}

static void *wait_for_room(void *userdata)
{
    event_queue_wait_for_room(userdata);
    event_queue_wait_for_end(userdata);
    return NULL;
}

static void a_release_ends_the_writers_wait(void **state)
{
    struct event_queue *q = new_queue(NULL, NULL);
    pthread_t thread;

    (void)state;
    for (uint64_t i = 1; i <= MAX; i++)
        put(q, SYNCSHELL_EVENT_RECOVERED, i);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_room, q), 0);
    event_queue_release(q);
    assert_int_equal(pthread_join(thread, NULL), 0);
    (void)event_queue_free(q);
    assert_null(event_queue_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_come_out_in_order),
        cmocka_unit_test(it_is_readable_while_events_wait),
        cmocka_unit_test(it_wakes_when_it_becomes_non_empty),
        cmocka_unit_test(the_wake_function_may_take),
        cmocka_unit_test(it_is_full_at_its_limit),
        cmocka_unit_test(nothing_follows_the_end),
        cmocka_unit_test(a_wait_ends_with_its_time),
        cmocka_unit_test(a_slow_reader_gets_all),
        cmocka_unit_test(several_readers_share_and_all_hear_the_end),
        cmocka_unit_test(the_end_wakes_all_readers),
        cmocka_unit_test(a_release_ends_the_writers_wait),
    };

    return cmocka_run_group_tests_name("transport_event_queue", tests, NULL, NULL);
}
