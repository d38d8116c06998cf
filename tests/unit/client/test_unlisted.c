/* More sessions than a SyncshellJoined lists: those that do not fit go on, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

/* A list without ours, full of `state` behind open ones. What others have is no business of ours: it makes no events. */
static void rejoin_full(struct scene *s, enum session_state last)
{
    struct message_session_summary sessions[WIRE_SESSIONS_MAX];
    struct wire_peer_id somebody = s->other;

    somebody.text[strlen(somebody.text) - 2] ^= 1;
    for (size_t i = 0; i < WIRE_SESSIONS_MAX; i++) {
        char id[16];

        sessions[i] = scene_summary(s, false, 1, 1);
        sessions[i].provider_peer_id = somebody;
        (void)snprintf(id, sizeof id, "other-%zu", i);
        wire_id_set(&sessions[i].recovery_session_id, id);
    }
    sessions[WIRE_SESSIONS_MAX - 1].state = last;
    if (last == SESSION_STATE_CLOSED)
        sessions[WIRE_SESSIONS_MAX - 1].outcome = SESSION_OUTCOME_COMPLETED;
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    station_forget(&s->station);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE,
                                           .sessions = sessions,
                                           .n_sessions = WIRE_SESSIONS_MAX});
}

static void open_and_restart(struct scene *s, bool joiner)
{
    scene_session(s, joiner);
    scene_restart(s);
}

static void expect_closed(struct scene *s, const char *outcome, const char *cause)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);

    assert_int_equal(event_ticket(e), 0);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OUTCOME), outcome);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), cause);
    assert_int_equal(station_records(&s->station, "session"), 0);
}

static void test_joiner_goes_on(void **state)
{
    struct scene *s = *state;
    struct syncshell_event *e;

    open_and_restart(s, true);
    rejoin_full(s, SESSION_STATE_OPEN);
    e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    station_expect(&s->station, SYNCSHELL_EVENT_SYNCSHELL_READY);
    station_expect(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
}

static void test_provider_goes_on(void **state)
{
    struct scene *s = *state;

    open_and_restart(s, false);
    rejoin_full(s, SESSION_STATE_OPEN);
    station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED);
    station_expect(&s->station, SYNCSHELL_EVENT_SYNCSHELL_READY);
    station_expect_none(&s->station);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 4, "their offer");
    station_expect(&s->station, SYNCSHELL_EVENT_OFFER);
}

static struct wire_peer_id device(const struct scene *s)
{
    struct wire_peer_id id = s->other;

    id.text[strlen(id.text) - 3] ^= 1;
    return id;
}

static void deliver_request(struct scene *s, uint64_t inbox_seq, const struct wire_peer_id *joiner,
                            const char *request_id)
{
    struct body_recovery_request request = {.part = 1, .parts = 1};

    s->other = *joiner;
    wire_id_set(&request.request_id, request_id);
    scene_deliver_request(s, inbox_seq, &request);
}

/* Nothing tells a provider who the joiner is by now but that another one asks, and the relay lets nobody ask who is not. */
static void test_provider_goes_on_with_another_joiner(void **state)
{
    struct scene *s = *state;
    const struct wire_peer_id former = s->other, later = device(s);
    struct body_file_list files = {0};
    struct syncshell_event *e;

    scene_session(s, false);
    files_add(&files, file_done("a", "aa", 10));
    files.files[0].done = false;
    STATION_CALL(&s->station, engine_session_set_manifest(s->station.engine, s->now_us, 30,
                                                          SCENE_SESSION, &files));
    scene_settle(s);
    scene_restart(s);
    rejoin_full(s, SESSION_STATE_OPEN);
    station_forget(&s->station);
    deliver_request(s, 1, &former, "r1"); /* from before */
    station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST);
    deliver_request(s, 2, &later, "r2");
    e = station_expect(&s->station, SYNCSHELL_EVENT_SESSION_MOVED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), later.text);
    e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), later.text);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 4, "of the later");
    station_expect(&s->station, SYNCSHELL_EVENT_OFFER);
    scene_restart(s);
    s->other = later;
    rejoin_full(s, SESSION_STATE_OPEN);
    e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), later.text);
}

/* Where the relay has told who the joiner is, what another one says is old. */
static void test_a_listed_session_has_the_joiner_of_the_list(void **state)
{
    struct scene *s = *state;
    const struct wire_peer_id later = device(s);

    open_and_restart(s, false);
    const struct message_session_summary summary = scene_summary(s, false, 1, 1);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    station_forget(&s->station);
    deliver_request(s, 1, &later, "r1");
    station_expect_none(&s->station);
}

/* Nor is it enough to be named as the source: only a member can seal. */
static void test_another_joiner_has_the_key(void **state)
{
    struct scene *s = *state;
    const struct wire_peer_id later = device(s);
    struct message m;

    open_and_restart(s, false);
    rejoin_full(s, SESSION_STATE_OPEN);
    station_forget(&s->station);
    s->other = later;
    m = scene_routed(s, MESSAGE_RECOVERY_REQUEST, 1);
    m.routed.body_format = BODY_FORMAT_JSON;
    scene_deliver(s, 1, &m, "{}", 2);
    station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    station_expect_none(&s->station);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 4, "of the later");
    station_expect_none(&s->station);
}

/* Tombstones stand behind the open ones: where there is one, all open ones are listed. */
static void test_behind_a_tombstone_it_is_over(void **state)
{
    struct scene *s = *state;

    open_and_restart(s, true);
    rejoin_full(s, SESSION_STATE_CLOSED);
    expect_closed(s, "failed", "session_closed");
    station_expect(&s->station, SYNCSHELL_EVENT_SYNCSHELL_READY);
    scene_silence(s);
}

/* Whether it is open still, the relay says when it is asked for something. */
static void check_refused(struct scene *s, enum wire_code code, const char *outcome,
                          const char *cause)
{
    open_and_restart(s, true);
    rejoin_full(s, SESSION_STATE_OPEN);
    station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    scene_error(s, &scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id, code);
    expect_closed(s, outcome, cause);
    station_expect_none(&s->station);
}

static void test_closed_meanwhile(void **state)
{
    check_refused(*state, WIRE_CODE_SESSION_CLOSED, "failed", "session_closed");
}

static void test_forgotten_meanwhile(void **state)
{
    check_refused(*state, WIRE_CODE_UNKNOWN_SESSION, "failed", "unknown_session");
}

static void test_moved_meanwhile(void **state)
{
    check_refused(*state, WIRE_CODE_NOT_PARTICIPANT, "cancelled", "session_moved");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_joiner_goes_on),
        SCENE_TEST(test_provider_goes_on),
        SCENE_TEST(test_provider_goes_on_with_another_joiner),
        SCENE_TEST(test_a_listed_session_has_the_joiner_of_the_list),
        SCENE_TEST(test_another_joiner_has_the_key),
        SCENE_TEST(test_behind_a_tombstone_it_is_over),
        SCENE_TEST(test_closed_meanwhile),
        SCENE_TEST(test_forgotten_meanwhile),
        SCENE_TEST(test_moved_meanwhile),
    };

    return cmocka_run_group_tests_name("client_unlisted", tests, NULL, NULL);
}
