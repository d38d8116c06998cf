/* Receipts: handed in by who frees the event, in whatever order everybody goes. */
#include "scratch.h"

#include <pthread.h>
#include <stdbool.h>

#include <syncshell/syncshell.h>

#include "client/event.h"
#include "transport/receipt.h"

enum { N_EVENTS = 64 };

static void count(void *userdata)
{
    ++*(unsigned *)userdata;
}

static struct syncshell_event *event_of(struct receipts *r, uint64_t number)
{
    struct syncshell_event *event = NULL;

    assert_int_equal(event_new(&event, SYNCSHELL_EVENT_SESSION_CLOSED, 0), 0);
    event_set_receipt(event, number);
    assert_int_equal(receipts_attach(r, event), 0);
    return event;
}

static void freeing_hands_it_in(void **state)
{
    struct receipts *r = NULL;
    struct syncshell_event *first, *second;
    uint64_t number = 0;
    unsigned n = 0;

    (void)state;
    assert_int_equal(receipts_new(&r, count, &n), 0);
    first = event_of(r, 4);
    second = event_of(r, 7);
    assert_false(receipts_take(r, &number));
    syncshell_event_free(second);
    syncshell_event_free(first);
    assert_int_equal(n, 2);
    assert_true(receipts_take(r, &number));
    assert_int_equal(number, 7);
    assert_true(receipts_take(r, &number));
    assert_int_equal(number, 4);
    assert_false(receipts_take(r, &number));
    receipts_unref(r);
}

static void what_comes_after_the_end_is_thrown_away(void **state)
{
    struct receipts *r = NULL;
    struct syncshell_event *before, *late, *last;
    uint64_t number = 0;
    unsigned n = 0;

    (void)state;
    assert_int_equal(receipts_new(&r, count, &n), 0);
    before = event_of(r, 1);
    late = event_of(r, 2);
    last = event_of(r, 3);
    syncshell_event_free(before);
    receipts_close(r);
    syncshell_event_free(late);
    assert_int_equal(n, 1);
    assert_true(receipts_take(r, &number));
    assert_int_equal(number, 1);
    assert_false(receipts_take(r, &number));
    receipts_unref(r);
    syncshell_event_free(last); /* the leak checker sees that it takes the office with it */
    assert_int_equal(n, 1);
}

static void one_that_was_not_taken_goes_with_the_office(void **state)
{
    struct receipts *r = NULL;
    unsigned n = 0;

    (void)state;
    assert_int_equal(receipts_new(&r, count, &n), 0);
    syncshell_event_free(event_of(r, 1));
    receipts_unref(r);
    receipts_unref(NULL);
}

static void *free_all(void *userdata)
{
    struct syncshell_event **events = userdata;

    for (unsigned i = 0; i < N_EVENTS; i++)
        syncshell_event_free(events[i]);
    return NULL;
}

static void others_free_while_it_ends(void **state)
{
    struct receipts *r = NULL;
    struct syncshell_event *events[N_EVENTS];
    pthread_t thread;
    uint64_t number, last = 0;
    unsigned n = 0;

    (void)state;
    assert_int_equal(receipts_new(&r, count, &n), 0);
    for (unsigned i = 0; i < N_EVENTS; i++)
        events[i] = event_of(r, i + 1);
    assert_int_equal(pthread_create(&thread, NULL, free_all, events), 0);
    while (last < N_EVENTS / 2) {
        if (receipts_take(r, &number)) {
            assert_int_equal(number, last + 1);
            last = number;
        }
    }
    receipts_close(r);
    while (receipts_take(r, &number))
        last = number;
    receipts_unref(r);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(n, last); /* nobody is told after the end */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(freeing_hands_it_in),
        cmocka_unit_test(what_comes_after_the_end_is_thrown_away),
        cmocka_unit_test(one_that_was_not_taken_goes_with_the_office),
        cmocka_unit_test(others_free_while_it_ends),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
