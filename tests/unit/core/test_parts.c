/* The small parts that have no conversation of their own: timers, the output queue, names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/timeutil.h"
#include "core/core.h"
#include "core/queue.h"
#include "core/timer.h"

enum { N_TIMERS = 300 };

static uint64_t next_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

static uint64_t earliest(const struct timer *timers)
{
    uint64_t due_us = TIME_NEVER_US;
    for (size_t i = 0; i < N_TIMERS; i++)
        if (timers[i].armed)
            due_us = time_min(due_us, timers[i].due_us);
    return due_us;
}

/* Against the plainest model: after every step the earliest deadline is the earliest of all. */
static void timers_agree_with_a_list(void **state)
{
    static struct timer all[N_TIMERS];
    struct timers timers = {0};
    uint64_t random = 7;
    (void)state;
    assert_true(timers_due_us(&timers) == TIME_NEVER_US);
    assert_null(timers_pop(&timers, TIME_NEVER_US - 1));
    for (int step = 0; step < 20000; step++) {
        struct timer *t = &all[next_random(&random) % N_TIMERS];
        uint64_t what = next_random(&random) % 5;
        if (what < 3) {
            timer_set(&timers, t, next_random(&random) % 1000);
        } else if (what == 3) {
            timer_cancel(&timers, t);
            assert_false(t->armed);
        } else {
            uint64_t due_us = timers_due_us(&timers);
            struct timer *popped = timers_pop(&timers, due_us);
            if (popped) {
                assert_true(popped->due_us == due_us);
                assert_false(popped->armed);
            }
        }
        assert_true(timers_due_us(&timers) == earliest(all));
    }
    uint64_t last_us = 0;
    for (struct timer *t = timers_pop(&timers, 1000); t; t = timers_pop(&timers, 1000)) {
        assert_true(t->due_us >= last_us);
        last_us = t->due_us;
    }
    assert_null(timers.root);
}

static void timer_not_yet_due(void **state)
{
    struct timers timers = {0};
    struct timer t = {0};
    (void)state;
    timer_set(&timers, &t, 10);
    assert_null(timers_pop(&timers, 9));
    assert_ptr_equal(timers_pop(&timers, 10), &t);
}

static void queue_accounts(void **state)
{
    struct queue q;
    struct frame *frame;
    (void)state;
    queue_init(&q);
    assert_int_equal(frame_new(&frame, false, "12345", 5), 0);
    assert_int_equal(queue_push(&q, frame, QUEUE_PROMPT), 0);
    assert_int_equal(queue_push(&q, frame, QUEUE_BULK), 0);
    assert_int_equal(frame->n_refs, 3);
    assert_int_equal(queue_bytes(&q), 10);
    assert_int_equal(q.bytes[QUEUE_BULK], 5);
    assert_ptr_equal(queue_pop(&q), frame);
    frame_unref(frame);
    assert_int_equal(q.bytes[QUEUE_PROMPT], 0);
    queue_deinit(&q);
    assert_int_equal(frame->n_refs, 1);
    assert_null(queue_pop(&q));
    frame_unref(frame);
}

static void names(void **state)
{
    (void)state;
    for (int kind = STORE_LOAD_SYNCSHELL; kind <= STORE_SWEEP; kind++)
        assert_string_not_equal(store_op_name((enum store_op_kind)kind), "unknown");
    assert_string_equal(store_op_name((enum store_op_kind)0), "unknown");
    assert_string_equal(store_op_name((enum store_op_kind)99), "unknown");
    assert_string_equal(store_op_name(STORE_SWEEP), "sweep");
    for (int kind = CORE_EVENT_AUTHENTICATED; kind <= CORE_EVENT_STORE_FAILED; kind++)
        assert_string_not_equal(core_event_name((enum core_event_kind)kind), "unknown");
    assert_string_equal(core_event_name((enum core_event_kind)0), "unknown");
    assert_string_equal(core_event_name((enum core_event_kind)99), "unknown");
    assert_string_equal(core_event_name(CORE_EVENT_SESSION_OPENED), "session_opened");
}

/* What the store hands over is the operation's to free. */
static void op_frees_its_results(void **state)
{
    (void)state;
    struct store_op *op = store_op_new(STORE_READ_INBOX);
    assert_non_null(op);
    assert_int_equal(frame_new(&op->frame, false, "x", 1), 0);
    op->syncshell = calloc(1, sizeof *op->syncshell);
    op->syncshell->members = calloc(1, sizeof *op->syncshell->members);
    op->syncshell->sessions = calloc(1, sizeof *op->syncshell->sessions);
    op->entries = calloc(1, sizeof *op->entries);
    op->entries[0].data = malloc(1);
    op->n_entries = 1;
    op->inbox = calloc(1, sizeof *op->inbox);
    op->inbox[0].frame = malloc(1);
    op->n_inbox = 1;
    op->swept_sessions = calloc(1, sizeof *op->swept_sessions);
    op->swept_syncshells = calloc(1, sizeof *op->swept_syncshells);
    op->n_swept = 1;
    assert_null(store_op_free(op)); /* the leak checker sees the rest */
    assert_null(store_op_free(NULL));
    store_syncshell_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_agree_with_a_list), cmocka_unit_test(timer_not_yet_due),
        cmocka_unit_test(queue_accounts),           cmocka_unit_test(names),
        cmocka_unit_test(op_frees_its_results),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
