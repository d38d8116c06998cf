/* Bringing a link up: numbering, glare, who hears what, and when it is tried again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"

static struct syncshell_event *expect(struct scene *s, int32_t type)
{
    return station_expect(&s->station, type);
}

static void expect_offer_needed(struct scene *s, uint64_t generation, uint64_t attempt)
{
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_OFFER_NEEDED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), generation);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_ATTEMPT), attempt);
}

static uint64_t expect_failed(struct scene *s, const char *cause, uint64_t attempt)
{
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_ATTEMPT_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), cause);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_ATTEMPT), attempt);
    return event_number(e, SYNCSHELL_FIELD_RETRY_MS);
}

static void expect_refused(struct scene *s, uint64_t ticket, uint64_t generation, const char *code)
{
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_SIGNAL_REFUSED);
    assert_int_equal(event_ticket(e), ticket);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), generation);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

static void expect_signal(struct scene *s, int32_t type, uint64_t generation, const char *sdp)
{
    struct syncshell_event *e = expect(s, type);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), generation);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SDP), sdp);
}

static void offer(struct scene *s, uint64_t ticket, uint64_t generation)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, ticket, SCENE_SESSION, generation,
                                          "our offer"));
    scene_settle(s);
}

static void answer(struct scene *s, uint64_t ticket, uint64_t generation)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_answer(st->engine, s->now_us, ticket, SCENE_SESSION, generation,
                                           "our answer"));
    scene_settle(s);
}

static void candidate(struct scene *s, uint64_t ticket, uint64_t generation)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_candidate(st->engine, s->now_us, ticket, SCENE_SESSION,
                                              generation, "our candidate", "0", 0));
    scene_settle(s);
}

static void link_is(struct scene *s, uint64_t generation, int32_t link)
{
    struct station *st = &s->station;
    STATION_CALL(st,
                 engine_session_link(st->engine, s->now_us, 99, SCENE_SESSION, generation, link));
    scene_settle(s);
}

/* The next frame is our signal of that generation; returns its id. */
static struct wire_id hear(struct scene *s, enum message_type type, uint64_t generation)
{
    const struct message *m = scene_hear(s, type);
    assert_int_equal(m->routed.generation, generation);
    assert_string_equal(m->routed.target_peer_id.text, s->other.text);
    assert_string_equal(m->routed.source_peer_id.text, s->self.text);
    assert_int_equal(m->routed.body_format, BODY_FORMAT_SEALED);
    return m->routed.message_id;
}

/* Up to an open link of generation 1 that we offered. */
static void up(struct scene *s)
{
    scene_session(s, true);
    offer(s, 10, 1);
    hear(s, MESSAGE_RECONNECT_OFFER, 1);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "their answer");
    link_is(s, 1, SYNCSHELL_LINK_UP);
    scene_forget(s);
}

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

static void test_candidate_fields(void **state)
{
    struct scene *s = *state;
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    struct buf sealed = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    char line[] = "candidate:1";
    char mid[] = "audio";
    const struct body_signal signal = {.sdp = line, .sdp_mid = mid, .sdp_mline_index = 3};
    struct message m;
    scene_session(s, true);
    offer(s, 10, 1);
    assert_int_equal(body_candidate_encode(&plain, &signal), 0);
    m = scene_routed(s, MESSAGE_ICE_CANDIDATE, 1);
    scene_seal(s, &m, true, 0, plain.data, plain.size, &sealed);
    m.body = sealed.data;
    m.body_size = sealed.size;
    scene_say(s, &m);
    buf_deinit(&plain);
    buf_deinit(&sealed);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_CANDIDATE);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SDP), line);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SDP_MID), mid);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_SDP_MLINE_INDEX), 3);
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
    expect_failed(s, CODE_RELAY_UNREACHABLE, 1);
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

/* ---- the schedule ---- */

static void test_schedule(void **state)
{
    struct scene *s = *state;
    static const uint64_t bases_ms[] = {2000, 4000, 8000, 16000};
    scene_session(s, true); /* attempt 1 is asked for already */
    for (unsigned i = 0; i < 4; i++) {
        offer(s, 10, i + 1);
        link_is(s, i + 1, SYNCSHELL_LINK_FAILED);
        uint64_t retry_ms = expect_failed(s, CODE_LINK_FAILED, i + 1);
        assert_in_range(retry_ms, bases_ms[i] * 3 / 4, bases_ms[i] * 5 / 4);
        scene_advance_ms(s, retry_ms - 1);
        station_expect_none(&s->station);
        scene_advance_ms(s, 1);
        expect_offer_needed(s, i + 2, i + 2);
    }
    offer(s, 10, 5);
    link_is(s, 5, SYNCSHELL_LINK_FAILED);
    assert_int_equal(expect_failed(s, CODE_LINK_FAILED, 5), 0);
    expect(s, SYNCSHELL_EVENT_MANUAL_RECOVERY);
    scene_advance_ms(s, 24 * 3600 * 1000);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED));
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
        uint64_t retry_ms = expect_failed(s, CODE_LINK_FAILED, 1);
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
    expect_failed(s, CODE_ATTEMPT_TIMEOUT, 1);
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
    expect_failed(s, CODE_LINK_FAILED, 1);
    scene_presence(s, PRESENCE_AWAY);
    expect(s, SYNCSHELL_EVENT_PEER_PRESENCE);
    scene_presence(s, PRESENCE_ONLINE);
    expect(s, SYNCSHELL_EVENT_PEER_PRESENCE);
    expect_offer_needed(s, 2, 2); /* at once */
}

static void test_network_back(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    expect_failed(s, CODE_LINK_FAILED, 1);
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
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), CODE_PEER_AWAY);
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
    assert_int_equal(expect_failed(s, CODE_ATTEMPT_TIMEOUT, 1), 0);
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
    expect_failed(s, CODE_ATTEMPT_TIMEOUT, 1);
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

static void test_old_link_lost_while_a_new_one_is_made(void **state)
{
    struct scene *s = *state;
    check_offered_into_an_open_link(s);
    link_is(s, 1, SYNCSHELL_LINK_LOST); /* of course */
    expect_refused(s, 99, 1, "stale_generation");
    link_is(s, 2, SYNCSHELL_LINK_UP);
    expect(s, SYNCSHELL_EVENT_RECOVERED);
}

static void test_relay_gone_while_the_link_is_up(void **state)
{
    struct scene *s = *state;
    up(s);
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 1, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    station_skip_to(&s->station, SYNCSHELL_EVENT_SYNCSHELL_READY);
    station_expect_none(&s->station);
    scene_silence(s);
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

static void test_unknown_session(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, 1, "nowhere", 1, "x"));
    STATION_CALL(st, engine_session_answer(st->engine, s->now_us, 2, "nowhere", 1, "x"));
    STATION_CALL(st,
                 engine_session_candidate(st->engine, s->now_us, 3, "nowhere", 1, "x", NULL, -1));
    STATION_CALL(st, engine_session_link(st->engine, s->now_us, 4, "nowhere", 1, 1));
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
        SCENE_TEST(test_held),
        SCENE_TEST(test_undeliverable_candidate_is_no_failure),
        SCENE_TEST(test_signals_without_a_relay),
        SCENE_TEST(test_sdp_too_long),
        SCENE_TEST(test_schedule),
        SCENE_TEST(test_jitter_varies),
        SCENE_TEST(test_timeout),
        SCENE_TEST(test_provider_back),
        SCENE_TEST(test_network_back),
        SCENE_TEST(test_provider_away),
        SCENE_TEST(test_link_lost),
        SCENE_TEST(test_provider_lost_it),
        SCENE_TEST(test_offered_into_an_open_link),
        SCENE_TEST(test_offered_into_an_open_link_and_up),
        SCENE_TEST(test_old_link_lost_while_a_new_one_is_made),
        SCENE_TEST(test_relay_gone_while_the_link_is_up),
        SCENE_TEST(test_relay_gone_while_an_offer_is_needed),
        SCENE_TEST(test_unknown_session),
        SCENE_TEST(test_no_such_link),
        SCENE_TEST(test_signals_are_forgotten_with_their_attempt),
        SCENE_TEST(test_candidates_do_not_crowd_out_progress),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
