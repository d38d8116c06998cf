/* The loop against the real clock, signals and threads. Nothing sleeps: what is waited for is always an event of the
 * loop itself, and times are only compared with the loop's own clock. */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "adapters/loop_libevent/loop.h"
#include "base/timeutil.h"

struct seen {
    struct loop *loop;
    struct loop_timer *timer;
    struct loop_waker *waker;
    unsigned n_fired;
    unsigned n_turns;
    unsigned n_turns_at_fire;
    uint64_t fired_us;
    uint64_t deadline_us;
    char order[8];
    size_t n_order;
};

static int set_up(void **state)
{
    struct seen *s = test_calloc(1, sizeof(*s));

    assert_int_equal(loop_new(&s->loop), 0);
    *state = s;
    return 0;
}

static int tear_down(void **state)
{
    struct seen *s = *state;

    loop_timer_free(s->timer);
    loop_waker_free(s->waker);
    loop_free(s->loop);
    test_free(s);
    return 0;
}

static void fire_and_stop(void *userdata)
{
    struct seen *s = userdata;

    s->n_fired++;
    s->n_turns_at_fire = s->n_turns;
    s->fired_us = loop_now_us(s->loop);
    loop_stop(s->loop);
}

static void count_turn(void *userdata)
{
    ((struct seen *)userdata)->n_turns++;
}

static void timer_fires_once_and_not_early(void **state)
{
    struct seen *s = *state;

    assert_int_equal(loop_timer_new(s->loop, fire_and_stop, s, &s->timer), 0);
    for (uint64_t delay_us = 0; delay_us < 12000; delay_us += 1100) {
        uint64_t deadline_us = loop_now_us(s->loop) + delay_us;

        s->n_fired = 0;
        assert_int_equal(loop_timer_arm(s->timer, deadline_us), 0);
        assert_int_equal(loop_run(s->loop), 0);
        assert_int_equal(s->n_fired, 1);
        assert_true(s->fired_us >= deadline_us);
    }
}

static void work_long_then_arm(void *userdata)
{
    struct seen *s = userdata;
    uint64_t began_us = loop_now_us(s->loop);

    while (loop_now_us(s->loop) - began_us < 20000)
        continue;
    s->deadline_us = loop_now_us(s->loop) + 10000;
    assert_int_equal(loop_timer_arm(s->timer, s->deadline_us), 0);
}

/* libevent counts from the beginning of the turn. */
static void timer_armed_after_long_work_is_not_early(void **state)
{
    struct seen *s = *state;
    struct loop_timer *working = NULL;

    assert_int_equal(loop_timer_new(s->loop, fire_and_stop, s, &s->timer), 0);
    assert_int_equal(loop_timer_new(s->loop, work_long_then_arm, s, &working), 0);
    assert_int_equal(loop_timer_arm(working, 0), 0);
    assert_int_equal(loop_run(s->loop), 0);
    assert_true(s->fired_us >= s->deadline_us);
    loop_timer_free(working);
}

static void first_of_two(void *userdata)
{
    struct seen *s = userdata;

    s->order[s->n_order++] = 'a';
}

static void second_of_two(void *userdata)
{
    struct seen *s = userdata;

    s->order[s->n_order++] = 'b';
    loop_stop(s->loop);
}

static void rearming_replaces_and_never_disarms(void **state)
{
    struct seen *s = *state;
    struct loop_timer *other = NULL, *never = NULL;
    uint64_t now_us = loop_now_us(s->loop);

    assert_int_equal(loop_timer_new(s->loop, first_of_two, s, &s->timer), 0);
    assert_int_equal(loop_timer_new(s->loop, second_of_two, s, &other), 0);
    assert_int_equal(loop_timer_new(s->loop, first_of_two, s, &never), 0);

    assert_int_equal(loop_timer_arm(other, now_us), 0);
    assert_int_equal(loop_timer_arm(other, now_us + 20000), 0);
    assert_int_equal(loop_timer_arm(s->timer, now_us + 10000), 0);
    assert_int_equal(loop_timer_arm(never, now_us), 0);
    assert_int_equal(loop_timer_arm(never, TIME_NEVER_US), 0);
    assert_int_equal(loop_run(s->loop), 0);
    assert_int_equal(s->n_order, 2);
    assert_memory_equal(s->order, "ab", 2);
    loop_timer_free(other);
    loop_timer_free(never);
}

static void end_of_turn_runs_before_waiting_and_after_each_turn(void **state)
{
    struct seen *s = *state;

    loop_set_end_of_turn(s->loop, count_turn, s);
    assert_int_equal(loop_timer_new(s->loop, fire_and_stop, s, &s->timer), 0);
    assert_int_equal(loop_timer_arm(s->timer, 0), 0);
    assert_int_equal(loop_run(s->loop), 0);
    assert_int_equal(s->n_turns_at_fire, 1);
    assert_int_equal(s->n_turns, 2);
}

static void stop_before_run_runs_one_end_of_turn(void **state)
{
    struct seen *s = *state;

    loop_set_end_of_turn(s->loop, count_turn, s);
    loop_stop(s->loop);
    assert_int_equal(loop_run(s->loop), 0);
    assert_int_equal(s->n_turns, 1);
}

static void free_own_timer(void *userdata)
{
    struct seen *s = userdata;

    s->timer = loop_timer_free(s->timer);
    loop_stop(s->loop);
}

static void timer_may_be_freed_by_its_own_function(void **state)
{
    struct seen *s = *state;

    assert_int_equal(loop_timer_new(s->loop, free_own_timer, s, &s->timer), 0);
    assert_int_equal(loop_timer_arm(s->timer, 0), 0);
    assert_int_equal(loop_run(s->loop), 0);
    assert_null(s->timer);
}

static void signal_reaches_the_loop(void **state)
{
    struct seen *s = *state;
    struct loop_signal *sig = NULL;

    assert_int_equal(loop_signal_new(s->loop, SIGUSR1, fire_and_stop, s, &sig), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(s->n_fired, 0); /* not in the signal handler */
    assert_int_equal(loop_run(s->loop), 0);
    assert_int_equal(s->n_fired, 1);
    assert_null(loop_signal_free(sig));
}

static void count_fire(void *userdata)
{
    ((struct seen *)userdata)->n_fired++;
}

static void stop(void *userdata)
{
    loop_stop(((struct seen *)userdata)->loop);
}

static void *wake_many_times(void *userdata)
{
    for (int i = 0; i < 1000; i++)
        loop_waker_wake(userdata);
    return NULL;
}

static void wakes_from_another_thread_coalesce(void **state)
{
    struct seen *s = *state;
    pthread_t thread;

    assert_int_equal(loop_waker_new(s->loop, count_fire, s, &s->waker), 0);
    assert_int_equal(loop_timer_new(s->loop, stop, s, &s->timer), 0);
    assert_int_equal(pthread_create(&thread, NULL, wake_many_times, s->waker), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(loop_timer_arm(s->timer, loop_now_us(s->loop) + 5000), 0);
    assert_int_equal(loop_run(s->loop), 0);
    assert_int_equal(s->n_fired, 1);
}

static void waker_wakes_a_waiting_loop(void **state)
{
    struct seen *s = *state;
    pthread_t thread;

    assert_int_equal(loop_waker_new(s->loop, fire_and_stop, s, &s->waker), 0);
    assert_int_equal(pthread_create(&thread, NULL, wake_many_times, s->waker), 0);
    assert_int_equal(loop_run(s->loop), 0); /* returns only because of the waker */
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_true(s->n_fired >= 1);
}

static void destructors_accept_null(void **state)
{
    (void)state;
    assert_null(loop_free(NULL));
    assert_null(loop_timer_free(NULL));
    assert_null(loop_signal_free(NULL));
    assert_null(loop_waker_free(NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timer_fires_once_and_not_early, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timer_armed_after_long_work_is_not_early, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(rearming_replaces_and_never_disarms, set_up, tear_down),
        cmocka_unit_test_setup_teardown(end_of_turn_runs_before_waiting_and_after_each_turn, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(stop_before_run_runs_one_end_of_turn, set_up, tear_down),
        cmocka_unit_test_setup_teardown(timer_may_be_freed_by_its_own_function, set_up, tear_down),
        cmocka_unit_test_setup_teardown(signal_reaches_the_loop, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wakes_from_another_thread_coalesce, set_up, tear_down),
        cmocka_unit_test_setup_teardown(waker_wakes_a_waiting_loop, set_up, tear_down),
        cmocka_unit_test(destructors_accept_null),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
