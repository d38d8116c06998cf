/* ICE servers: asked for at each attempt, given with the event that starts it, fresh before they expire; and what happens when the
 * relay has none to give. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attempt_steps.h"
#include "base/str.h"
#include "client/event.h"
#include "recovery_steps.h"

enum { TTL_MS = 60000 };

static struct message_ice_servers_request hear_request(struct scene *s, uint32_t attempt)
{
    const struct message *m = scene_hear(s, MESSAGE_ICE_SERVERS_REQUEST);
    assert_string_equal(m->ice_servers_request.syncshell_id.text, SCENE_SHELL);
    assert_string_equal(m->ice_servers_request.recovery_session_id.text, SCENE_SESSION);
    assert_int_equal(m->ice_servers_request.attempt, attempt);
    return m->ice_servers_request;
}

/* Two URLs of one server; `ttl_ms` 0: for ever. */
static void give(struct scene *s, const struct message_ice_servers_request *r, const char *password,
                 uint32_t ttl_ms)
{
    struct message_ice_server servers[2] = {{.url = "turn:a.example", .username = "u"},
                                            {.url = "stun:a.example"}};
    struct message m = {.type = MESSAGE_ICE_SERVERS};
    str_copy(servers[0].credential, sizeof servers[0].credential, password);
    m.ice_servers.in_reply_to = r->message_id;
    m.ice_servers.has_ttl_ms = ttl_ms > 0;
    m.ice_servers.ttl_ms = ttl_ms;
    m.ice_servers.servers = servers;
    m.ice_servers.n_servers = 2;
    scene_say(s, &m);
}

static void expect_servers(const struct syncshell_event *e, const char *password)
{
    size_t n;
    const struct message_ice_server *servers = event_ice_servers(e, &n);
    assert_int_equal(n, 2);
    assert_string_equal(servers[0].url, "turn:a.example");
    assert_string_equal(servers[0].username, "u");
    assert_string_equal(servers[0].credential, password);
    assert_string_equal(servers[1].url, "stun:a.example");
    assert_string_equal(servers[1].credential, "");
}

static void expect_no_servers(const struct syncshell_event *e)
{
    size_t n;
    uint64_t ttl_ms;
    event_ice_servers(e, &n);
    assert_int_equal(n, 0);
    assert_false(event_integer(e, SYNCSHELL_FIELD_ICE_TTL_MS, &ttl_ms));
}

static void expect_no_event(struct scene *s)
{
    assert_null(station_next(&s->station));
}

/* A joiner whose first attempt has failed; the second is due and asks. */
static struct message_ice_servers_request second_attempt(struct scene *s)
{
    scene_session(s, true);
    s->hears_ice = true;
    offer(s, 10, 1);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    scene_forget(s);
    scene_advance_ms(s, 3000);
    struct message_ice_servers_request r = hear_request(s, 2);
    expect_no_event(s);
    return r;
}

static struct message_ice_servers_request incoming(struct scene *s)
{
    scene_session(s, false);
    s->hears_ice = true;
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "their offer");
    return hear_request(s, 1);
}

static void the_offer_is_asked_for_with_servers(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = second_attempt(s);
    give(s, &r, "p", TTL_MS);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_OFFER_NEEDED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 2);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_ICE_TTL_MS), TTL_MS);
    expect_servers(e, "p");
    expect_no_event(s);
    scene_silence(s);
}

static void an_offer_and_its_candidates_wait_in_their_order(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = incoming(s);
    scene_signal(s, MESSAGE_ICE_CANDIDATE, 1, "one");
    scene_signal(s, MESSAGE_ICE_CANDIDATE, 1, "two");
    expect_no_event(s);
    give(s, &r, "p", 0);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_OFFER);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SDP), "their offer");
    expect_servers(e, "p");
    uint64_t ttl_ms;
    assert_false(event_integer(e, SYNCSHELL_FIELD_ICE_TTL_MS, &ttl_ms));
    expect_signal(s, SYNCSHELL_EVENT_CANDIDATE, 1, "one");
    expect_signal(s, SYNCSHELL_EVENT_CANDIDATE, 1, "two");
    scene_signal(s, MESSAGE_ICE_CANDIDATE, 1, "three");
    e = expect(s, SYNCSHELL_EVENT_CANDIDATE);
    expect_no_servers(e);
    answer(s, 11, 1);
    hear(s, MESSAGE_RECONNECT_ANSWER, 1);
    expect_no_event(s);
}

static void each_attempt_has_its_own(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = second_attempt(s);
    give(s, &r, "second", TTL_MS);
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER_NEEDED), "second");
    offer(s, 11, 2);
    hear(s, MESSAGE_RECONNECT_OFFER, 2);
    link_is(s, 2, SYNCSHELL_LINK_FAILED);
    expect_failed(s, "link_failed", 2);
    scene_advance_ms(s, 6000);
    r = hear_request(s, 3);
    give(s, &r, "third", TTL_MS);
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER_NEEDED), "third");
}

static void an_answer_for_an_older_attempt_is_not_taken(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request old = second_attempt(s);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 3,
                 "their offer"); /* newer than the one we would make */
    scene_silence(s);            /* one request at a time */
    give(s, &old, "old", TTL_MS);
    expect_no_event(s);
    struct message_ice_servers_request r = hear_request(s, 3);
    give(s, &r, "new", TTL_MS);
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER), "new");
    expect_no_event(s);
}

/* Their offer has the number that ours would have had: what was asked serves it. */
static void a_lost_race_uses_the_answer(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = second_attempt(s);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 2, "their offer");
    scene_silence(s);
    give(s, &r, "p", TTL_MS);
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER), "p");
    expect_no_event(s);
}

static void a_later_offer_of_the_same_attempt_has_them_too(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = second_attempt(s);
    give(s, &r, "p", TTL_MS);
    expect(s, SYNCSHELL_EVENT_OFFER_NEEDED);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 2, "their offer");
    scene_silence(s);
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER), "p");
}

/* Nobody has asked for that offer, so nothing brought its servers. */
static void an_offer_of_the_applications_own_gets_them_afterwards(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    s->hears_ice = true;
    offer(s, 10, 0);
    hear(s, MESSAGE_RECONNECT_OFFER, 1);
    struct message_ice_servers_request r = hear_request(s, 1);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "their answer");
    expect_signal(s, SYNCSHELL_EVENT_ANSWER, 1, "their answer"); /* does not wait */
    give(s, &r, "p", TTL_MS);
    expect_servers(expect(s, SYNCSHELL_EVENT_ICE_SERVERS), "p");
}

/* ---- refreshing ---- */

static void they_are_fresh_before_they_expire(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = incoming(s);
    give(s, &r, "p", TTL_MS);
    expect(s, SYNCSHELL_EVENT_OFFER);
    answer(s, 11, 1);
    link_is(s, 1, SYNCSHELL_LINK_UP);
    scene_forget(s);
    scene_advance_ms(s, TTL_MS * 3 / 4 - 1);
    scene_silence(s);
    scene_advance_ms(s, 1);
    r = hear_request(s, 1);
    expect_no_event(s);
    give(s, &r, "q", TTL_MS);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_ICE_SERVERS);
    expect_servers(e, "q");
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_ICE_TTL_MS), TTL_MS);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 1);
    scene_advance_ms(s, TTL_MS * 3 / 4);
    hear_request(s, 1);
    /* Over a broken connection, too. */
    scene_drop(s, 4000);
    scene_advance_ms(s, 30000);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, false, 1, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    hear_request(s, 1);
}

static void nothing_is_refreshed_for_a_link_that_is_gone(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = incoming(s);
    give(s, &r, "p", TTL_MS);
    link_is(s, 1, SYNCSHELL_LINK_UP);
    link_is(s, 1, SYNCSHELL_LINK_LOST);
    scene_forget(s);
    scene_advance_ms(s, TTL_MS * 3);
    scene_silence(s);
}

static void a_short_life_does_not_make_it_ask_all_the_time(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = incoming(s);
    give(s, &r, "p", 1);
    scene_advance_ms(s, 999);
    scene_silence(s);
    scene_advance_ms(s, 1);
    hear_request(s, 1);
}

/* ---- without ---- */

static void a_refusal_lets_the_attempt_go_on(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = second_attempt(s);
    scene_error(s, &r.message_id, WIRE_CODE_UNKNOWN_TYPE); /* an older relay */
    expect_no_servers(expect(s, SYNCSHELL_EVENT_OFFER_NEEDED));
    offer(s, 11, 2);
    hear(s, MESSAGE_RECONNECT_OFFER, 2);
    scene_advance_ms(s, 10000);
    scene_silence(s);
}

static void a_busy_relay_is_asked_again(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = second_attempt(s);
    struct message m = scene_error_message(&r.message_id, WIRE_CODE_TOO_MANY_QUERIES);
    m.error.has_retry_after = true;
    m.error.retry_after_ms = 4000;
    scene_say(s, &m);
    expect_no_servers(expect(s, SYNCSHELL_EVENT_OFFER_NEEDED));
    offer(s, 11, 2);
    hear(s, MESSAGE_RECONNECT_OFFER, 2);
    scene_advance_ms(s, 2900);
    scene_silence(s);
    scene_advance_ms(s, 2200);
    r = hear_request(s, 2);
    give(s, &r, "p", TTL_MS);
    expect_servers(expect(s, SYNCSHELL_EVENT_ICE_SERVERS), "p");
}

static void a_busy_relay_leaves_what_the_last_attempt_had(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = second_attempt(s);
    give(s, &r, "second", TTL_MS);
    expect(s, SYNCSHELL_EVENT_OFFER_NEEDED);
    offer(s, 11, 2);
    link_is(s, 2, SYNCSHELL_LINK_FAILED);
    scene_forget(s);
    scene_advance_ms(s, 6000);
    r = hear_request(s, 3);
    scene_error(s, &r.message_id, WIRE_CODE_TOO_MANY_QUERIES);
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_OFFER_NEEDED);
    expect_servers(e, "second");
    assert_in_range(event_number(e, SYNCSHELL_FIELD_ICE_TTL_MS), TTL_MS - 6000, TTL_MS - 1);
    offer(s, 12, 3);
    link_is(s, 3, SYNCSHELL_LINK_FAILED);
    scene_forget(s);
    scene_presence(s, PRESENCE_AWAY);
    scene_advance_ms(s, TTL_MS);
    scene_forget(s);
    scene_presence(s, PRESENCE_ONLINE);
    r = hear_request(s, 6); /* two found nobody there */
    station_forget(&s->station);
    scene_error(s, &r.message_id, WIRE_CODE_TOO_MANY_QUERIES);
    expect_no_servers(expect(s, SYNCSHELL_EVENT_OFFER_NEEDED)); /* they have expired */
}

static void a_closed_session_is_closed(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = second_attempt(s);
    scene_error(s, &r.message_id, WIRE_CODE_SESSION_CLOSED);
    expect(s, SYNCSHELL_EVENT_SESSION_CLOSED);
    expect_no_event(s);
}

/* What was not told yet is not told late: the attempt begins anew when the relay is back. */
static void what_waits_does_not_outlive_the_connection(void **state)
{
    struct scene *s = *state;
    incoming(s);
    scene_drop(s, 4000);
    expect(s, SYNCSHELL_EVENT_RELAY_DISCONNECTED);
    expect_no_event(s);
    scene_advance_ms(s, 30000);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, false, 1, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    scene_silence(s);
    station_forget(&s->station);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "their offer"); /* the relay hands it over again */
    struct message_ice_servers_request r = hear_request(s, 1);
    give(s, &r, "p", TTL_MS);
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER), "p");
}

static void an_attempt_that_ends_meanwhile_is_not_told(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = incoming(s);
    STATION_CALL(&s->station, engine_session_close(s->station.engine, s->now_us, 20, SCENE_SESSION,
                                                   SYNCSHELL_OUTCOME_CANCELLED));
    scene_settle(s);
    give(s, &r, "p", TTL_MS);
    expect_no_event(s);
}

/* The report of a failure goes before the request that its order depends on. */
static void the_report_comes_before_the_request(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    s->hears_ice = s->hears_reports = true;
    offer(s, 10, 1);
    hear(s, MESSAGE_RECONNECT_OFFER, 1);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    STATION_CALL(&s->station, engine_network_changed(s->station.engine, s->now_us));
    scene_settle(s);
    scene_hear(s, MESSAGE_CONNECTION_REPORT);
    hear_request(s, 2);
}

/* The joiner's request comes before its offer, which waits for its own servers. */
static struct message_ice_servers_request announced(struct scene *s)
{
    struct body_recovery_request request = {.part = 1, .parts = 1};
    scene_session(s, false);
    s->hears_ice = true;
    wire_id_set(&request.request_id, "r1");
    scene_deliver_request(s, 1, &request);
    body_recovery_request_deinit(&request);
    ack(s, 1);
    return hear_request(s, 1);
}

static void an_announced_attempt_finds_them_there(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = announced(s);
    give(s, &r, "p", 8000);
    expect_no_event(s);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "their offer");
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER), "p");
    expect_no_event(s);
    scene_silence(s);
    scene_advance_ms(s, 6000);
    hear_request(s, 1); /* they are refreshed like any others */
}

static void an_announced_attempt_waits_for_what_was_asked(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = announced(s);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "their offer");
    expect_no_event(s);
    scene_silence(s);
    give(s, &r, "p", 0);
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER), "p");
    expect_no_event(s);
    scene_silence(s);
}

static void what_was_asked_for_an_attempt_that_did_not_come_gets_old(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = announced(s);
    give(s, &r, "old", 0);
    scene_advance_ms(s, TTL_MS);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "their offer");
    expect_no_event(s);
    r = hear_request(s, 1);
    give(s, &r, "new", 0);
    expect_servers(expect(s, SYNCSHELL_EVENT_OFFER), "new");
}

static void an_announced_attempt_goes_on_when_there_are_none(void **state)
{
    struct scene *s = *state;
    struct message_ice_servers_request r = announced(s);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "their offer");
    scene_error(s, &r.message_id, WIRE_CODE_RELAY_BUSY);
    expect_no_servers(expect(s, SYNCSHELL_EVENT_OFFER));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(the_offer_is_asked_for_with_servers),
        SCENE_TEST(an_offer_and_its_candidates_wait_in_their_order),
        SCENE_TEST(each_attempt_has_its_own),
        SCENE_TEST(an_answer_for_an_older_attempt_is_not_taken),
        SCENE_TEST(a_lost_race_uses_the_answer),
        SCENE_TEST(a_later_offer_of_the_same_attempt_has_them_too),
        SCENE_TEST(an_offer_of_the_applications_own_gets_them_afterwards),
        SCENE_TEST(they_are_fresh_before_they_expire),
        SCENE_TEST(nothing_is_refreshed_for_a_link_that_is_gone),
        SCENE_TEST(a_short_life_does_not_make_it_ask_all_the_time),
        SCENE_TEST(a_refusal_lets_the_attempt_go_on),
        SCENE_TEST(a_busy_relay_is_asked_again),
        SCENE_TEST(a_busy_relay_leaves_what_the_last_attempt_had),
        SCENE_TEST(a_closed_session_is_closed),
        SCENE_TEST(what_waits_does_not_outlive_the_connection),
        SCENE_TEST(an_attempt_that_ends_meanwhile_is_not_told),
        SCENE_TEST(the_report_comes_before_the_request),
        SCENE_TEST(an_announced_attempt_finds_them_there),
        SCENE_TEST(an_announced_attempt_waits_for_what_was_asked),
        SCENE_TEST(what_was_asked_for_an_attempt_that_did_not_come_gets_old),
        SCENE_TEST(an_announced_attempt_goes_on_when_there_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
