/* The last events and the last hour: what is kept, and what is forgotten. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/recent.h"
#include "app/tally.h"

enum { MINUTE_MS = 60000, START_MINUTE = 30000000 };

static void note(struct recent *r, int64_t minute, enum core_event_kind kind, uint64_t recovery_ms)
{
    recent_note(
        r, minute * MINUTE_MS,
        &(struct core_event){.kind = kind, .generation = r->n_events, .recovery_ms = recovery_ms});
}

static void test_the_newest_events_are_kept(void **state)
{
    (void)state;
    struct recent r = {0};
    assert_null(recent_event_at(&r, 0));
    for (size_t i = 0; i < RECENT_EVENTS_MAX + 3; i++)
        note(&r, START_MINUTE, CORE_EVENT_ATTEMPT_STARTED, 0);
    note(&r, START_MINUTE, CORE_EVENT_JOINED, 0); /* not of a recovery */
    assert_int_equal(recent_event_at(&r, 0)->generation, 3);
    assert_int_equal(recent_event_at(&r, RECENT_EVENTS_MAX - 1)->generation, RECENT_EVENTS_MAX + 2);
    assert_null(recent_event_at(&r, RECENT_EVENTS_MAX));
}

static void test_minutes_are_forgotten_after_an_hour(void **state)
{
    (void)state;
    struct recent r = {0};
    note(&r, START_MINUTE, CORE_EVENT_CONNECTED, 40);
    note(&r, START_MINUTE, CORE_EVENT_CONNECTED, 0);
    note(&r, START_MINUTE, CORE_EVENT_ATTEMPT_FAILED, 0);
    struct recent_minute m = recent_minute_at(&r, START_MINUTE);
    assert_int_equal(m.connected, 2);
    assert_int_equal(m.failed, 1);
    assert_int_equal(m.recoveries, 1);
    assert_int_equal(m.recovery_ms, 40);
    assert_int_equal(recent_minute_at(&r, START_MINUTE + RECENT_MINUTES).connected, 0);
    note(&r, START_MINUTE + RECENT_MINUTES, CORE_EVENT_CONNECTED, 0);
    assert_int_equal(recent_minute_at(&r, START_MINUTE + RECENT_MINUTES).connected, 1);
    assert_int_equal(recent_minute_at(&r, START_MINUTE).connected, 0);
}

static void test_what_is_tallied(void **state)
{
    (void)state;
    struct tally t;
    struct core_event failed = {.kind = CORE_EVENT_ATTEMPT_FAILED, .cause = {"turn_refused"}};
    tally_init(&t);
    tally_note(&t, &failed);
    failed.cause = (struct cause_text){"of_a_later_version"};
    tally_note(&t, &failed);
    tally_note(&t, &(struct core_event){.kind = CORE_EVENT_CONNECTED,
                                        .elapsed_ms = 70,
                                        .recovery_ms = 900,
                                        .kept_bytes = UINT64_MAX - 1});
    tally_note(
        &t, &(struct core_event){.kind = CORE_EVENT_CONNECTED, .elapsed_ms = 80, .kept_bytes = 2});
    tally_note(&t, &(struct core_event){.kind = CORE_EVENT_SESSION_CLOSED,
                                        .outcome = SESSION_OUTCOME_COMPLETED});
    assert_int_equal(t.events[CORE_EVENT_ATTEMPT_FAILED], 2);
    assert_int_equal(t.causes[CAUSE_TURN_REFUSED], 1);
    assert_int_equal(t.causes[CAUSE_NONE], 1);
    assert_int_equal(t.outcomes[SESSION_OUTCOME_COMPLETED], 1);
    assert_int_equal(t.attempt_ms.sum, 150);
    assert_int_equal(t.recovery_ms.sum, 900);
    assert_int_equal(t.kept_bytes, UINT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_newest_events_are_kept),
        cmocka_unit_test(test_minutes_are_forgotten_after_an_hour),
        cmocka_unit_test(test_what_is_tallied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
