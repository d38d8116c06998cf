/* When a link is brought up again: the schedule, and what shortens or ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attempt_steps.h"
#include "client/code.h"

static void test_schedule(void **state)
{
    struct scene *s = *state;
    static const uint64_t bases_ms[] = {2000, 4000, 8000, 16000};
    scene_session(s, true); /* attempt 1 is asked for already */
    for (unsigned i = 0; i < 4; i++) {
        offer(s, 10, i + 1);
        link_is(s, i + 1, SYNCSHELL_LINK_FAILED);
        uint64_t retry_ms = expect_failed(s, cause_name(CAUSE_LINK_FAILED), i + 1);
        assert_in_range(retry_ms, bases_ms[i] * 3 / 4, bases_ms[i] * 5 / 4);
        scene_advance_ms(s, retry_ms - 1);
        station_expect_none(&s->station);
        scene_advance_ms(s, 1);
        expect_offer_needed(s, i + 2, i + 2);
    }
    offer(s, 10, 5);
    link_is(s, 5, SYNCSHELL_LINK_FAILED);
    assert_int_equal(expect_failed(s, cause_name(CAUSE_LINK_FAILED), 5), 0);
    const struct syncshell_event *manual = expect(s, SYNCSHELL_EVENT_MANUAL_RECOVERY);
    assert_string_equal(event_string(manual, SYNCSHELL_FIELD_CAUSE), "link_failed");
    assert_int_equal(strlen(event_string(manual, SYNCSHELL_FIELD_RECOVERY_CODE)), 20);
    assert_int_equal(event_number(manual, SYNCSHELL_FIELD_VALID_MS), 600000);
    scene_advance_ms(s, 24 * 3600 * 1000);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED));
}

static void test_manual_recovery_does_not_wait_for_a_relay(void **state)
{
    for (unsigned refused = 0; refused < 2; refused++) {
        void *fresh = NULL;
        assert_int_equal(scene_setup(&fresh), 0);
        struct scene *s = fresh;
        s->hears_codes = true;
        scene_session(s, true);
        for (unsigned i = 1; i <= 5; i++) {
            STATION_CALL(&s->station, engine_network_changed(s->station.engine, s->now_us));
            scene_settle(s);
            station_forget(&s->station);
            offer(s, 10, i);
            link_is(s, i, SYNCSHELL_LINK_FAILED);
        }
        assert_null(station_find(&s->station, SYNCSHELL_EVENT_MANUAL_RECOVERY));
        const struct message *m = scene_hear_any(s);
        while (m && m->type != MESSAGE_ISSUE_RECOVERY_CODE)
            m = scene_hear_any(s);
        assert_non_null(m);
        const struct wire_id id = m->issue_recovery_code.message_id;
        if (refused)
            scene_error(s, &id, WIRE_CODE_STORE_FULL);
        else
            scene_drop(s, 1006);
        struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_MANUAL_RECOVERY);
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), "link_failed");
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_RECOVERY_CODE), "");
        assert_null(station_find(&s->station, SYNCSHELL_EVENT_MANUAL_RECOVERY));
        assert_int_equal(scene_teardown(&fresh), 0);
    }
    (void)state;
}

static void test_jitter_varies(void **state)
{
    struct scene *s = *state;
    uint64_t least = UINT64_MAX;
    uint64_t most = 0;
    up(s);
    for (unsigned i = 0; i < 200; i++) {
        uint64_t generation = i + 1;
        link_is(s, generation, SYNCSHELL_LINK_LOST);
        expect_offer_needed(s, generation + 1, 1);
        offer(s, 10, generation + 1);
        link_is(s, generation + 1, SYNCSHELL_LINK_FAILED);
        uint64_t retry_ms = expect_failed(s, cause_name(CAUSE_LINK_FAILED), 1);
        least = retry_ms < least ? retry_ms : least;
        most = retry_ms > most ? retry_ms : most;
        link_is(s, generation + 1, SYNCSHELL_LINK_UP); /* it came up after all */
        expect(s, SYNCSHELL_EVENT_RECOVERED);
        scene_forget(s);
    }
    assert_in_range(least, 1500, 1600);
    assert_in_range(most, 2400, 2500);
}

static void test_timeout(void **state)
{
    struct scene *s = *state;
    uint32_t timeout_ms = s->station.config.attempt_timeout_ms;
    scene_session(s, true);
    offer(s, 10, 1);
    scene_advance_ms(s, timeout_ms - 1);
    station_expect_none(&s->station);
    scene_advance_ms(s, 1);
    expect_failed(s, cause_name(CAUSE_ATTEMPT_TIMEOUT), 1);
    link_is(s, 1, SYNCSHELL_LINK_UP); /* later than hoped for */
    expect(s, SYNCSHELL_EVENT_RECOVERED);
    scene_advance_ms(s, 100000);
    station_expect_none(&s->station);
}

static void test_provider_back(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    expect_failed(s, cause_name(CAUSE_LINK_FAILED), 1);
    scene_presence(s, PRESENCE_AWAY);
    expect(s, SYNCSHELL_EVENT_PEER_PRESENCE);
    scene_presence(s, PRESENCE_ONLINE);
    expect(s, SYNCSHELL_EVENT_PEER_PRESENCE);
    expect_offer_needed(s, 2, 2); /* at once */
}

/* While it was away the attempts ran out, and the path was bad when it came back. */
static void test_provider_back_after_the_last_failure(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    scene_presence(s, PRESENCE_AWAY);
    scene_advance_ms(s, 3600 * 1000);
    station_skip_to(&s->station, SYNCSHELL_EVENT_MANUAL_RECOVERY);
    scene_presence(s, PRESENCE_ONLINE);
    expect(s, SYNCSHELL_EVENT_PEER_PRESENCE);
    expect_offer_needed(s, 2, 6);
    offer(s, 10, 2);
    for (uint64_t generation = 2; generation < 6; generation++) {
        link_is(s, generation, SYNCSHELL_LINK_FAILED);
        uint64_t retry_ms = expect_failed(s, cause_name(CAUSE_LINK_FAILED), generation + 4);
        assert_true(retry_ms > 0);
        scene_advance_ms(s, retry_ms);
        expect_offer_needed(s, generation + 1, generation + 5);
        offer(s, 10, generation + 1);
    }
    link_is(s, 6, SYNCSHELL_LINK_FAILED);
    assert_int_equal(expect_failed(s, cause_name(CAUSE_LINK_FAILED), 10), 0);
    station_expect_none(&s->station); /* the user knows already */
}

static void test_network_back(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    expect_failed(s, cause_name(CAUSE_LINK_FAILED), 1);
    STATION_CALL(&s->station, engine_network_changed(s->station.engine, s->now_us));
    scene_settle(s);
    expect_offer_needed(s, 2, 2);
}

static void test_provider_away(void **state)
{
    struct scene *s = *state;
    unsigned n_manual = 0;
    up(s);
    scene_presence(s, PRESENCE_AWAY);
    link_is(s, 1, SYNCSHELL_LINK_LOST);
    scene_stored(s, &scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id);
    scene_advance_ms(s, 3600 * 1000);
    unsigned n_failures = 0;
    for (struct syncshell_event *e; (e = station_next(&s->station));) {
        assert_int_not_equal(event_type(e), SYNCSHELL_EVENT_OFFER_NEEDED);
        n_manual += event_type(e) == SYNCSHELL_EVENT_MANUAL_RECOVERY;
        if (event_type(e) != SYNCSHELL_EVENT_ATTEMPT_FAILED)
            continue;
        n_failures++;
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), cause_name(CAUSE_PEER_AWAY));
    }
    assert_int_equal(n_failures, 5);
    assert_int_equal(n_manual, 1);
    /* The library goes on passively: presence starts an attempt, and manual recovery is not told twice. */
    for (unsigned i = 0; i < 3; i++) {
        scene_presence(s, PRESENCE_ONLINE);
        uint64_t generation = event_number(
            station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED), SYNCSHELL_FIELD_GENERATION);
        offer(s, 10, generation);
        link_is(s, generation, SYNCSHELL_LINK_FAILED);
        station_skip_to(&s->station, SYNCSHELL_EVENT_ATTEMPT_FAILED);
        assert_null(station_find(&s->station, SYNCSHELL_EVENT_MANUAL_RECOVERY));
        scene_presence(s, PRESENCE_AWAY);
        scene_forget(s);
    }
    /* And the next episode counts anew. */
    scene_presence(s, PRESENCE_ONLINE);
    uint64_t generation = event_number(station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED),
                                       SYNCSHELL_FIELD_GENERATION);
    offer(s, 10, generation);
    link_is(s, generation, SYNCSHELL_LINK_UP);
    scene_forget(s);
    link_is(s, generation, SYNCSHELL_LINK_LOST);
    expect_offer_needed(s, generation + 1, 1);
}

static void test_link_lost(void **state)
{
    struct scene *s = *state;
    up(s);
    link_is(s, 1, SYNCSHELL_LINK_LOST);
    expect_offer_needed(s, 2, 1);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST); /* a new episode: what we have */
    scene_silence(s);
    link_is(s, 1, SYNCSHELL_LINK_LOST); /* told again */
    station_expect_none(&s->station);
    scene_silence(s);
}

static void test_provider_lost_it(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "theirs");
    answer(s, 10, 1);
    link_is(s, 1, SYNCSHELL_LINK_UP);
    scene_forget(s);
    link_is(s, 1, SYNCSHELL_LINK_LOST);
    scene_advance_ms(s, 600000);
    station_expect_none(&s->station); /* the joiner starts attempts */
    offer(s, 11, 0);                  /* but the provider may */
    hear(s, MESSAGE_RECONNECT_OFFER, 2);
    scene_advance_ms(s, s->station.config.attempt_timeout_ms);
    assert_int_equal(expect_failed(s, cause_name(CAUSE_ATTEMPT_TIMEOUT), 1), 0);
}

/* The provider saw the loss first and offers; when that comes to nothing, the joiner has to go on by itself. */
static void check_offered_into_an_open_link(struct scene *s)
{
    up(s);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 2, "theirs");
    expect_signal(s, SYNCSHELL_EVENT_OFFER, 2, "theirs");
    answer(s, 10, 2);
    scene_stored(s, &scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id);
    scene_forget(s);
}

static void test_offered_into_an_open_link(void **state)
{
    struct scene *s = *state;
    check_offered_into_an_open_link(s);
    scene_advance_ms(s, s->station.config.attempt_timeout_ms);
    expect_failed(s, cause_name(CAUSE_ATTEMPT_TIMEOUT), 1);
    scene_advance_ms(s, 3000);
    expect_offer_needed(s, 3, 2);
}

static void test_offered_into_an_open_link_and_up(void **state)
{
    struct scene *s = *state;
    check_offered_into_an_open_link(s);
    link_is(s, 2, SYNCSHELL_LINK_UP);
    expect(s, SYNCSHELL_EVENT_RECOVERED);
    scene_advance_ms(s, 600000);
    station_expect_none(&s->station);
}

/* An offer unasked gives the open link up: when that comes to nothing, the joiner has to go on by itself. */
static void test_offering_into_an_open_link(void **state)
{
    struct scene *s = *state;
    up(s);
    offer(s, 10, 0);
    hear(s, MESSAGE_RECONNECT_OFFER, 2);
    scene_stored(s, &scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id);
    scene_forget(s);
    scene_advance_ms(s, s->station.config.attempt_timeout_ms);
    expect_failed(s, cause_name(CAUSE_ATTEMPT_TIMEOUT), 1);
    scene_advance_ms(s, 3000);
    expect_offer_needed(s, 3, 2);
}

static void test_old_link_lost_while_a_new_one_is_made(void **state)
{
    struct scene *s = *state;
    check_offered_into_an_open_link(s);
    link_is(s, 1, SYNCSHELL_LINK_LOST); /* of course */
    expect_refused(s, 99, 1, "stale_generation");
    link_is(s, 2, SYNCSHELL_LINK_UP);
    expect(s, SYNCSHELL_EVENT_RECOVERED);
}

/* And finds it again. */
static void lose_relay(struct scene *s, enum presence other, uint64_t generation)
{
    scene_forget(s);
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, generation, 1);
    scene_joined(s, &(struct scene_joined){.other = other, .sessions = &summary, .n_sessions = 1});
    station_skip_to(&s->station, SYNCSHELL_EVENT_SYNCSHELL_READY);
}

static void test_relay_gone_while_the_link_is_up(void **state)
{
    struct scene *s = *state;
    up(s);
    lose_relay(s, PRESENCE_ONLINE, 1);
    station_expect_none(&s->station);
    scene_silence(s);
}

/* After the last failure only the other side's return starts an attempt; it may have come back while we were away. */
static void test_provider_back_while_the_relay_was_gone(void **state)
{
    struct scene *s = *state;
    up(s);
    scene_presence(s, PRESENCE_AWAY);
    link_is(s, 1, SYNCSHELL_LINK_LOST);
    scene_stored(s, &scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id);
    scene_advance_ms(s, 3600 * 1000);
    station_skip_to(&s->station, SYNCSHELL_EVENT_MANUAL_RECOVERY);
    lose_relay(s, PRESENCE_ONLINE, 1);
    station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
}

static void test_relay_gone_while_an_offer_is_needed(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    scene_drop(s, 1006);
    scene_advance_ms(s, 60000); /* no failure of an attempt that could not be made */
    scene_hello(s);
    scene_welcome(s);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_ATTEMPT_FAILED));
}

/* A relay that died knows nothing of the offer, and nothing says so: it is made again, and nobody failed. */
static void test_relay_gone_while_an_offer_is_out(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    lose_relay(s, PRESENCE_ONLINE, 1);
    expect_offer_needed(s, 2, 2);
    station_expect_none(&s->station);
}

static void test_both_gone_while_an_offer_is_out(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    lose_relay(s, PRESENCE_AWAY, 1);
    station_expect_none(&s->station); /* a relay that lives may still hold it for them */
    scene_presence(s, PRESENCE_ONLINE);
    expect(s, SYNCSHELL_EVENT_PEER_PRESENCE);
    expect_offer_needed(s, 2, 2);
}

static void fail_and_retry(struct scene *s, uint64_t attempt)
{
    link_is(s, attempt, SYNCSHELL_LINK_FAILED);
    uint64_t retry_ms = expect_failed(s, cause_name(CAUSE_LINK_FAILED), attempt);
    assert_true(retry_ms > 0);
    scene_advance_ms(s, retry_ms);
    expect_offer_needed(s, attempt + 1, attempt + 1);
}

/* Of an attempt that is answered, either side may find the link up: it is left alone, but its end is not counted. */
static void test_relay_gone_in_an_answered_attempt(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    for (unsigned attempt = 1; attempt <= 6; attempt++) {
        bool interrupted = attempt == 1 || attempt == 6;
        offer(s, 10, attempt);
        if (interrupted) {
            scene_signal(s, MESSAGE_RECONNECT_ANSWER, attempt, "their answer");
            expect_signal(s, SYNCSHELL_EVENT_ANSWER, attempt, "their answer");
            lose_relay(s, PRESENCE_ONLINE, attempt);
            scene_stored(s, &scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id);
            expect(s, SYNCSHELL_EVENT_RECOVERY_REQUESTED);
            station_expect_none(&s->station);
        }
        fail_and_retry(s, attempt);
    }
    offer(s, 10, 7);
    link_is(s, 7, SYNCSHELL_LINK_FAILED);
    /* The fifth that counts; the schedule began anew when the relay was back. */
    assert_in_range(expect_failed(s, cause_name(CAUSE_LINK_FAILED), 7), 1500, 2500);
    expect(s, SYNCSHELL_EVENT_MANUAL_RECOVERY);
}

/* All attempts went to a connection of its that was dead, and that its next one has replaced: it never was away. */
static void test_provider_on_another_connection(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    for (unsigned attempt = 1; attempt < 5; attempt++) {
        offer(s, 10, attempt);
        fail_and_retry(s, attempt);
    }
    offer(s, 10, 5);
    link_is(s, 5, SYNCSHELL_LINK_FAILED);
    assert_int_equal(expect_failed(s, cause_name(CAUSE_LINK_FAILED), 5), 0);
    expect(s, SYNCSHELL_EVENT_MANUAL_RECOVERY);
    scene_presence(s, PRESENCE_ONLINE);
    expect_offer_needed(s, 6, 6); /* of presence the application hears nothing: it is what it was */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_schedule),
        SCENE_TEST(test_manual_recovery_does_not_wait_for_a_relay),
        SCENE_TEST(test_jitter_varies),
        SCENE_TEST(test_timeout),
        SCENE_TEST(test_provider_back),
        SCENE_TEST(test_provider_back_after_the_last_failure),
        SCENE_TEST(test_network_back),
        SCENE_TEST(test_provider_away),
        SCENE_TEST(test_link_lost),
        SCENE_TEST(test_provider_lost_it),
        SCENE_TEST(test_offered_into_an_open_link),
        SCENE_TEST(test_offered_into_an_open_link_and_up),
        SCENE_TEST(test_offering_into_an_open_link),
        SCENE_TEST(test_old_link_lost_while_a_new_one_is_made),
        SCENE_TEST(test_relay_gone_while_the_link_is_up),
        SCENE_TEST(test_provider_back_while_the_relay_was_gone),
        SCENE_TEST(test_relay_gone_while_an_offer_is_needed),
        SCENE_TEST(test_relay_gone_while_an_offer_is_out),
        SCENE_TEST(test_both_gone_while_an_offer_is_out),
        SCENE_TEST(test_relay_gone_in_an_answered_attempt),
        SCENE_TEST(test_provider_on_another_connection),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
