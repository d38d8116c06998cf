/* Bringing a link up: numbering, glare, who hears what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attempt_steps.h"
#include "client/code.h"

static void test_a_whole_attempt(void **state)
{
    struct scene *s = *state;
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    struct body_signal signal;
    scene_session(s, true);
    offer(s, 10, 1);
    hear(s, MESSAGE_RECONNECT_OFFER, 1);
    scene_open(s, &s->current, 0, &plain);
    assert_int_equal(body_offer_decode(&signal, plain.data, plain.size), 0);
    assert_string_equal(signal.sdp, "our offer");
    body_signal_deinit(&signal);
    buf_deinit(&plain);
    candidate(s, 11, 1);
    hear(s, MESSAGE_ICE_CANDIDATE, 1);
    scene_signal(s, MESSAGE_ICE_CANDIDATE, 1, "early");
    expect_signal(s, SYNCSHELL_EVENT_CANDIDATE, 1, "early");
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "their answer");
    expect_signal(s, SYNCSHELL_EVENT_ANSWER, 1, "their answer");
    scene_signal(s, MESSAGE_ICE_CANDIDATE, 1, "late");
    expect_signal(s, SYNCSHELL_EVENT_CANDIDATE, 1, "late");
    link_is(s, 1, SYNCSHELL_LINK_UP);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_RECOVERED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_ATTEMPT), 1);
    scene_advance_ms(s, 3600 * 1000);
    station_expect_none(&s->station);
    scene_silence(s);
}

static void say_candidate(struct scene *s, const struct body_signal *signal)
{
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    struct buf sealed = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    struct message m = scene_routed(s, MESSAGE_ICE_CANDIDATE, 1);

    assert_int_equal(body_candidate_encode(&plain, signal), 0);
    scene_seal(s, &m, true, 0, plain.data, plain.size, &sealed);
    m.body = sealed.data;
    m.body_size = sealed.size;
    scene_say(s, &m);
    buf_deinit(&plain);
    buf_deinit(&sealed);
}

static void test_candidate_fields(void **state)
{
    struct scene *s = *state;
    char line[] = "candidate:1";
    char mid[] = "audio";
    const struct body_signal signal = {.sdp = line, .sdp_mid = mid, .sdp_mline_index = 3};
    scene_session(s, true);
    offer(s, 10, 1);
    say_candidate(s, &signal);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_CANDIDATE);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SDP), line);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SDP_MID), mid);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_SDP_MLINE_INDEX), 3);
}

/* Who asks a CANDIDATE for its line gets one, whatever the other side has sent. */
static void test_the_end_of_candidates_is_an_empty_line(void **state)
{
    struct scene *s = *state;
    char none[] = "";
    const struct body_signal signal = {.sdp = none, .sdp_mline_index = -1};
    scene_session(s, true);
    offer(s, 10, 1);
    say_candidate(s, &signal);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_CANDIDATE);
    assert_non_null(event_text(e, SYNCSHELL_FIELD_SDP, NULL));
    assert_string_equal(event_text(e, SYNCSHELL_FIELD_SDP, NULL), "");
    assert_null(event_text(e, SYNCSHELL_FIELD_SDP_MID, NULL));
}

static void test_answering(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 4, "their offer");
    expect_signal(s, SYNCSHELL_EVENT_OFFER, 4, "their offer");
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 4, "their offer"); /* repeated */
    station_expect_none(&s->station);
    answer(s, 20, 3);
    expect_refused(s, 20, 3, "stale_generation");
    answer(s, 21, 4);
    hear(s, MESSAGE_RECONNECT_ANSWER, 4);
    answer(s, 22, 4);
    expect_refused(s, 22, 4, "already_answered");
    scene_silence(s);
    link_is(s, 4, SYNCSHELL_LINK_UP);
    expect(s, SYNCSHELL_EVENT_RECOVERED);
}

/* ---- what does not belong to the live attempt ---- */

static void test_stale_from_the_application(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    hear(s, MESSAGE_RECONNECT_OFFER, 1);
    offer(s, 11, 1);
    expect_refused(s, 11, 1, "stale_generation");
    candidate(s, 12, 2);
    expect_refused(s, 12, 2, "stale_generation");
    answer(s, 13, 1);
    expect_refused(s, 13, 1, "stale_generation");
    link_is(s, 5, SYNCSHELL_LINK_UP);
    expect_refused(s, 99, 5, "stale_generation");
    offer(s, 14, UINT64_C(1) << 40);
    expect_refused(s, 14, UINT64_C(1) << 40, "generation_jump");
    scene_silence(s);
}

static void test_stale_from_the_other_side(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "to no offer");
    scene_signal(s, MESSAGE_ICE_CANDIDATE, 1, "of no attempt");
    offer(s, 10, 1);
    offer(s, 11, 0); /* a new attempt of the application's own */
    hear(s, MESSAGE_RECONNECT_OFFER, 1);
    hear(s, MESSAGE_RECONNECT_OFFER, 2);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "late");
    scene_signal(s, MESSAGE_ICE_CANDIDATE, 1, "late");
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "late");
    station_expect_none(&s->station);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 2, "right");
    expect_signal(s, SYNCSHELL_EVENT_ANSWER, 2, "right");
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 2, "twice");
    station_expect_none(&s->station);
}

static void test_for_somebody_else(void **state)
{
    struct scene *s = *state;
    struct wire_peer_id third;
    stub_peer_id(3, &third);
    scene_session(s, false);
    for (unsigned i = 0; i < 4; i++) {
        struct message m = scene_routed(s, MESSAGE_RECONNECT_OFFER, 1);
        if (i == 0)
            m.routed.source_peer_id = third;
        else if (i == 1)
            m.routed.target_peer_id = third;
        else if (i == 2)
            wire_id_set(&m.routed.recovery_session_id, "another");
        else
            wire_id_set(&m.routed.syncshell_id, "another");
        m.body = (const uint8_t *)"body";
        m.body_size = 4;
        scene_say(s, &m);
        station_expect_none(&s->station);
    }
}

static void expect_request_failed(struct scene *s, const char *code)
{
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    station_expect_none(&s->station);
}

static void test_bodies_that_are_not_theirs(void **state)
{
    struct scene *s = *state;
    struct buf sealed = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    static const char text[] = "{\"offerSdp\":\"v=0\"}";
    scene_session(s, false);
    struct message m = scene_routed(s, MESSAGE_RECONNECT_OFFER, 1);
    m.routed.body_format = BODY_FORMAT_JSON;
    m.body = (const uint8_t *)text;
    m.body_size = sizeof text - 1;
    scene_say(s, &m);
    expect_request_failed(s, CODE_CLEAR_BODY_REFUSED);
    m.routed.body_format = BODY_FORMAT_SEALED;
    scene_say(s, &m);
    expect_request_failed(s, CODE_BAD_SEAL);
    scene_seal(s, &m, true, 0, text, sizeof text - 1, &sealed); /* of generation 1... */
    m.routed.generation = 2;                                    /* ... moved to 2 */
    m.body = sealed.data;
    m.body_size = sealed.size;
    scene_say(s, &m);
    expect_request_failed(s, CODE_BAD_SEAL);
    buf_clear(&sealed);
    scene_seal(s, &m, true, 0, "[]", 2, &sealed);
    m.body_size = sealed.size;
    scene_say(s, &m);
    expect_request_failed(s, CODE_BAD_BODY);
    /* None of these has used up the generation. */
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "good");
    expect_signal(s, SYNCSHELL_EVENT_OFFER, 1, "good");
    buf_deinit(&sealed);
}

/* ---- glare ---- */

static void test_glare_lost_offer_first(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    struct wire_id id = hear(s, MESSAGE_RECONNECT_OFFER, 1);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "theirs won");
    expect_signal(s, SYNCSHELL_EVENT_OFFER, 1, "theirs won");
    scene_error(s, &id, WIRE_CODE_GLARE_LOST);
    expect_refused(s, 10, 1, "glare_lost");
    station_expect_none(&s->station); /* not a failure */
    answer(s, 11, 1);
    hear(s, MESSAGE_RECONNECT_ANSWER, 1);
    link_is(s, 1, SYNCSHELL_LINK_UP);
    expect(s, SYNCSHELL_EVENT_RECOVERED);
}

static void test_glare_lost_error_first(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    scene_error(s, &(struct wire_id){"x"}, WIRE_CODE_GLARE_LOST); /* nobody's */
    struct wire_id id = hear(s, MESSAGE_RECONNECT_OFFER, 1);
    scene_error(s, &id, WIRE_CODE_GLARE_LOST);
    expect_refused(s, 10, 1, "glare_lost");
    scene_advance_ms(s, 1000);
    station_expect_none(&s->station);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "theirs won");
    expect_signal(s, SYNCSHELL_EVENT_OFFER, 1, "theirs won");
}

static void test_glare_winner_never_comes(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    struct wire_id id = hear(s, MESSAGE_RECONNECT_OFFER, 1);
    scene_error(s, &id, WIRE_CODE_GLARE_LOST);
    expect_refused(s, 10, 1, "glare_lost");
    scene_advance_ms(s, s->station.config.attempt_timeout_ms + 1);
    expect_offer_needed(s, 2, 2);
}

static void test_offering_into_their_offer(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "theirs");
    expect_signal(s, SYNCSHELL_EVENT_OFFER, 1, "theirs");
    offer(s, 10, 1); /* as OFFER_NEEDED had asked before */
    expect_refused(s, 10, 1, "glare_lost");
    scene_silence(s);
    answer(s, 11, 1);
    hear(s, MESSAGE_RECONNECT_ANSWER, 1);
}

static void test_stale_generation_is_adopted(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    struct message m = scene_error_message(&(struct wire_id){"x"}, WIRE_CODE_STALE_GENERATION);
    m.error.in_reply_to = hear(s, MESSAGE_RECONNECT_OFFER, 1);
    m.error.has_generation = true;
    m.error.generation = 41;
    scene_say(s, &m);
    expect_refused(s, 10, 1, "stale_generation");
    expect_failed(s, "stale_generation", 1);
    expect_offer_needed(s, 42, 2); /* at once */
}

static void test_stale_generation_does_not_go_round_for_ever(void **state)
{
    struct scene *s = *state;
    unsigned n_offers = 0;
    scene_session(s, true);
    uint64_t generation = 1;
    for (; n_offers < 20; n_offers++) {
        offer(s, 10, generation);
        struct message m = scene_error_message(&(struct wire_id){"x"}, WIRE_CODE_STALE_GENERATION);
        m.error.in_reply_to = hear(s, MESSAGE_RECONNECT_OFFER, generation);
        m.error.has_generation = true;
        m.error.generation = generation + 10;
        station_forget(&s->station);
        scene_say(s, &m);
        if (!station_find(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED))
            break;
        generation += 11;
    }
    assert_int_equal(n_offers, 4);
    assert_non_null(station_find(&s->station, SYNCSHELL_EVENT_MANUAL_RECOVERY));
}

static void test_generation_survives_a_kill(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 5);
    hear(s, MESSAGE_RECONNECT_OFFER, 5);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 3, 1); /* write-behind */
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 6);
}

/* The other side offered the next one while we had no relay, and that offer is gone: the link of before is still ours to lose. */
static void test_a_link_is_lost_under_its_own_generation(void **state)
{
    struct scene *s = *state;
    up(s);
    scene_drop(s, 1006);
    scene_advance_ms(s, 5000);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 2, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    link_is(s, 1, SYNCSHELL_LINK_LOST);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 3);
}

/* ---- held, undeliverable ---- */

static void test_held(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    struct wire_id id = hear(s, MESSAGE_RECONNECT_OFFER, 1);
    struct message m = {.type = MESSAGE_HELD, .held = {.in_reply_to = id, .held_for_ms = 9000}};
    scene_say(s, &m);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_SIGNAL_HELD);
    assert_int_equal(event_ticket(e), 10);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_HELD_MS), 9000);
    m = (struct message){.type = MESSAGE_UNDELIVERABLE,
                         .undeliverable = {.in_reply_to = id, .code = WIRE_CODE_EXPIRED}};
    scene_say(s, &m);
    expect_refused(s, 10, 1, "expired");
    assert_in_range(expect_failed(s, "expired", 1), 1500, 2500);
    scene_say(s, &m); /* once is enough */
    station_expect_none(&s->station);
}

static void test_undeliverable_candidate_is_no_failure(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    hear(s, MESSAGE_RECONNECT_OFFER, 1);
    candidate(s, 11, 1);
    struct wire_id id = hear(s, MESSAGE_ICE_CANDIDATE, 1);
    const struct message m = {.type = MESSAGE_UNDELIVERABLE,
                              .undeliverable = {.in_reply_to = id, .code = WIRE_CODE_SUPERSEDED}};
    scene_say(s, &m);
    expect_refused(s, 11, 1, "superseded");
    station_expect_none(&s->station);
}

static void test_signals_without_a_relay(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    scene_drop(s, 1006);
    scene_forget(s);
    offer(s, 10, 1);
    expect_refused(s, 10, 1, CODE_RELAY_UNREACHABLE);
    expect_failed(s, cause_name(CAUSE_RELAY_UNREACHABLE), 1);
    scene_silence(s);
}

static void test_sdp_too_long(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    char *sdp = malloc(BODY_SDP_MAX + 2);
    assert_non_null(sdp);
    memset(sdp, 'v', BODY_SDP_MAX + 1);
    sdp[BODY_SDP_MAX + 1] = '\0';
    scene_session(s, true);
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, 10, SCENE_SESSION, 1, sdp));
    scene_settle(s);
    expect_refused(s, 10, 1, CODE_BAD_ARGUMENT);
    scene_silence(s);
    free(sdp);
}

static void test_unknown_session(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, 1, "nowhere", 1, "x"));
    STATION_CALL(st, engine_session_answer(st->engine, s->now_us, 2, "nowhere", 1, "x"));
    STATION_CALL(st,
                 engine_session_candidate(st->engine, s->now_us, 3, "nowhere", 1, "x", NULL, -1));
    STATION_CALL(st, engine_session_link(st->engine, s->now_us, 4, "nowhere", 1,
                                         &(struct engine_link){.state = SYNCSHELL_LINK_UP}));
    STATION_CALL(st, engine_session_request_recovery(st->engine, s->now_us, 5, "nowhere"));
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 6, "nowhere", 1));
    scene_settle(s);
    for (uint64_t ticket = 1; ticket <= 6; ticket++) {
        struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_REQUEST_FAILED);
        assert_int_equal(event_ticket(e), ticket);
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "unknown_session");
    }
}

static void test_no_such_link(void **state)
{
    struct scene *s = *state;
    up(s);
    link_is(s, 1, 77);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_BAD_ARGUMENT);
    station_expect_none(&s->station);
}

static uint64_t in_flight(const struct scene *s)
{
    struct engine_stats stats;
    engine_stats(s->station.engine, &stats);
    return stats.requests_in_flight;
}

/* What its escapes make too large for the wire is the plugin's fault: nobody is sent to look after the network. */
static void test_too_large_an_offer_is_not_the_relays_absence(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    char sdp[BODY_SDP_MAX + 1];

    memset(sdp, '"', BODY_SDP_MAX);
    sdp[BODY_SDP_MAX] = '\0';
    scene_session(s, true);
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, 10, SCENE_SESSION, 1, sdp));
    scene_settle(s);
    expect_refused(s, 10, 1, CODE_BAD_ARGUMENT);
    expect_failed(s, cause_name(CAUSE_HELD_FULL), 1);
}

/* A signal is answered only when something is wrong, so it is remembered only as long as its attempt. */
static void test_signals_are_forgotten_with_their_attempt(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    candidate(s, 11, 1);
    assert_int_equal(in_flight(s), 2);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "their answer");
    link_is(s, 1, SYNCSHELL_LINK_UP);
    assert_int_equal(in_flight(s), 0);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 2, "their offer");
    assert_int_equal(in_flight(s), 1); /* the RecoveryRequest */
    answer(s, 12, 2);
    assert_int_equal(in_flight(s), 2);
    link_is(s, 2, SYNCSHELL_LINK_FAILED);
    assert_int_equal(in_flight(s), 1);
}

/* However many candidates an application gives, they leave room for what must come through. */
static void test_candidates_do_not_crowd_out_progress(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    offer(s, 10, 1);
    for (uint64_t ticket = 11; ticket < 5000; ticket++)
        candidate(s, ticket, 1);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SIGNAL_REFUSED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_LIBRARY_FULL);
    scene_forget(s);
    files_add(&files, file_done("a", NULL, 1));
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    scene_hear(s, MESSAGE_SESSION_PROGRESS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_whole_attempt),
        SCENE_TEST(test_candidate_fields),
        SCENE_TEST(test_the_end_of_candidates_is_an_empty_line),
        SCENE_TEST(test_answering),
        SCENE_TEST(test_stale_from_the_application),
        SCENE_TEST(test_stale_from_the_other_side),
        SCENE_TEST(test_for_somebody_else),
        SCENE_TEST(test_bodies_that_are_not_theirs),
        SCENE_TEST(test_glare_lost_offer_first),
        SCENE_TEST(test_glare_lost_error_first),
        SCENE_TEST(test_glare_winner_never_comes),
        SCENE_TEST(test_offering_into_their_offer),
        SCENE_TEST(test_stale_generation_is_adopted),
        SCENE_TEST(test_stale_generation_does_not_go_round_for_ever),
        SCENE_TEST(test_generation_survives_a_kill),
        SCENE_TEST(test_a_link_is_lost_under_its_own_generation),
        SCENE_TEST(test_held),
        SCENE_TEST(test_undeliverable_candidate_is_no_failure),
        SCENE_TEST(test_signals_without_a_relay),
        SCENE_TEST(test_sdp_too_long),
        SCENE_TEST(test_unknown_session),
        SCENE_TEST(test_no_such_link),
        SCENE_TEST(test_signals_are_forgotten_with_their_attempt),
        SCENE_TEST(test_candidates_do_not_crowd_out_progress),
        SCENE_TEST(test_too_large_an_offer_is_not_the_relays_absence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
