/* What the relay is told of attempts, and what both applications hear of the cause (P7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attempt_steps.h"
#include "base/str.h"

static void link_told(struct scene *s, uint64_t generation, const struct engine_link *told)
{
    struct station *st = &s->station;
    STATION_CALL(st,
                 engine_session_link(st->engine, s->now_us, 99, SCENE_SESSION, generation, told));
    scene_settle(s);
}

static void changed(struct scene *s, const char *cause)
{
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    wire_id_set(&m.session_changed.syncshell_id, SCENE_SHELL);
    m.session_changed.session = scene_summary(s, true, 1, 1);
    str_copy(m.session_changed.session.cause.text, sizeof m.session_changed.session.cause.text,
             cause);
    scene_say(s, &m);
}

static void test_a_failure_is_reported(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    scene_advance_ms(s, 1500);
    link_told(s, 1,
              &(struct engine_link){.state = SYNCSHELL_LINK_FAILED,
                                    .cause = CAUSE_TURN_REFUSED,
                                    .ice_server = "turn:a.example:3478"});
    expect_failed(s, "turn_refused", 1);
    assert_int_equal(s->n_reports, 1);
    assert_int_equal(s->last_report.result, REPORT_RESULT_FAILED);
    assert_string_equal(s->last_report.cause.text, "turn_refused");
    assert_string_equal(s->last_report.ice_server, "turn:a.example:3478");
    assert_int_equal(s->last_report.generation, 1);
    assert_int_equal(s->last_report.attempt, 1);
    assert_int_equal(s->last_report.elapsed_ms, 1500);
}

static void failed_there(struct scene *s, uint64_t generation, const char *cause)
{
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    wire_id_set(&m.session_changed.syncshell_id, SCENE_SHELL);
    m.session_changed.session = scene_summary(s, true, generation, 1);
    m.session_changed.has_failed_generation = true;
    m.session_changed.failed_generation = generation;
    str_copy(m.session_changed.session.cause.text, sizeof m.session_changed.session.cause.text,
             cause);
    scene_say(s, &m);
}

/* The other side has given up: so do we, with its cause, without a report of our own, and try again. A link that is up here proves more than its word. */
static void test_a_failure_of_the_other_side_ends_the_attempt(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    failed_there(s, 2, "dtls_failed"); /* not this one */
    station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CAUSE);
    assert_int_equal(s->n_reports, 0);
    failed_there(s, 1, "turn_refused");
    station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CAUSE);
    expect_failed(s, "turn_refused", 1);
    failed_there(s, 1, "turn_refused");
    assert_int_equal(s->n_reports, 0); /* who has told the relay is the other side */
    scene_advance_ms(s, 5000);
    station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    offer(s, 11, 2);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 2, "answer");
    link_told(s, 2, &(struct engine_link){.state = SYNCSHELL_LINK_UP});
    station_skip_to(&s->station, SYNCSHELL_EVENT_RECOVERED);
    failed_there(s, 2, "link_failed");
    station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CAUSE);
    station_expect_none(&s->station);
}

static void test_a_link_is_reported(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "offer");
    answer(s, 10, 1);
    link_told(s, 1, &(struct engine_link){.state = SYNCSHELL_LINK_UP});
    assert_int_equal(s->n_reports, 1);
    assert_int_equal(s->last_report.result, REPORT_RESULT_CONNECTED);
    assert_string_equal(s->last_report.cause.text, "");
    assert_string_equal(s->last_report.ice_server, "");
}

/* How long the link was away, and what the joiner had meanwhile and need not get again. */
static void test_what_a_recovery_saved_is_reported(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    struct body_file part = file_partial("b", 3000, 100, 350);
    up(s);
    assert_false(s->last_report.has_lost_ms);
    assert_false(s->last_report.has_kept_bytes);
    files_add(&files, file_done("a", "ab12", 1000));
    files_add(&files, part);
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    link_is(s, 1, SYNCSHELL_LINK_LOST);
    offer(s, 10, 2);
    scene_advance_ms(s, 700);
    link_is(s, 2, SYNCSHELL_LINK_FAILED);
    assert_false(s->last_report.has_lost_ms);
    assert_false(s->last_report.has_kept_bytes);
    scene_advance_ms(s, 5000);
    offer(s, 11, 3);
    link_is(s, 3, SYNCSHELL_LINK_UP);
    assert_true(s->last_report.has_lost_ms);
    assert_int_equal(s->last_report.lost_ms, 5700);
    assert_true(s->last_report.has_kept_bytes);
    assert_int_equal(s->last_report.kept_bytes, 1250);
}

static void test_an_absent_peer_is_reported(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    scene_presence(s, PRESENCE_AWAY);
    scene_advance_ms(s, 3000);
    assert_int_equal(s->n_reports, 2);
    assert_string_equal(s->last_report.cause.text, "peer_away");
    assert_int_equal(s->last_report.attempt, 2);
}

/* The relay goes away before it has answered: it hears the same report again, under the same id. */
static void test_a_report_survives_a_reconnection(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    s->hears_reports = true;
    offer(s, 10, 1);
    scene_hear(s, MESSAGE_RECONNECT_OFFER);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    struct wire_id id = scene_hear(s, MESSAGE_CONNECTION_REPORT)->connection_report.message_id;
    scene_drop(s, 1006);
    scene_advance_ms(s, 1500);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 1, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_AWAY, .sessions = &summary, .n_sessions = 1});
    const struct message *m;
    while ((m = scene_hear_any(s)) && m->type != MESSAGE_CONNECTION_REPORT)
        ;
    assert_non_null(m);
    assert_string_equal(m->connection_report.message_id.text, id.text);
    scene_stored(s, &id);
    scene_advance_ms(s, 100);
    while ((m = scene_hear_any(s)))
        assert_int_not_equal(m->type, MESSAGE_CONNECTION_REPORT);
}

/* A relay that does not know the message costs nothing. */
static void test_a_relay_without_reports(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    s->hears_reports = true;
    offer(s, 10, 1);
    scene_hear(s, MESSAGE_RECONNECT_OFFER);
    link_is(s, 1, SYNCSHELL_LINK_FAILED);
    expect_failed(s, "link_failed", 1);
    struct wire_id id = scene_hear(s, MESSAGE_CONNECTION_REPORT)->connection_report.message_id;
    scene_error(s, &id, WIRE_CODE_UNKNOWN_TYPE);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED));
    scene_silence(s);
}

static void test_the_application_hears_the_cause(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    changed(s, "turn_unreachable");
    struct syncshell_event *e = expect(s, SYNCSHELL_EVENT_SESSION_CAUSE);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), "turn_unreachable");
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    changed(s, "turn_unreachable");
    station_expect_none(&s->station);
    changed(s, "");
    e = expect(s, SYNCSHELL_EVENT_SESSION_CAUSE);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), "");
    changed(s, "sun_spots"); /* of a later version */
    e = expect(s, SYNCSHELL_EVENT_SESSION_CAUSE);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), "sun_spots");
}

static const char *close_cause(struct scene *s, int32_t outcome)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 5, SCENE_SESSION, outcome));
    scene_settle(s);
    const struct message_session_close *m = &scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close;
    struct wire_id id = m->message_id;
    static struct cause_text cause;
    cause = m->cause;
    scene_stored(s, &id);
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), cause.text);
    return cause.text;
}

static void test_cancelling_is_a_cause(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    changed(s, "link_failed");
    assert_string_equal(close_cause(s, SYNCSHELL_OUTCOME_CANCELLED), "cancelled");
}

static void test_giving_up_keeps_the_cause(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    changed(s, "link_failed");
    assert_string_equal(close_cause(s, SYNCSHELL_OUTCOME_FAILED), "link_failed");
}

static void test_giving_up_without_any(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    assert_string_equal(close_cause(s, SYNCSHELL_OUTCOME_FAILED), "given_up");
}

static void test_completed_has_none(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    changed(s, "link_failed");
    assert_string_equal(close_cause(s, SYNCSHELL_OUTCOME_COMPLETED), "");
}

/* The process dies between the command and the relay's answer. */
static void test_a_cause_survives_a_kill_while_closing(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 5, SCENE_SESSION,
                                          SYNCSHELL_OUTCOME_CANCELLED));
    scene_settle(s);
    scene_forget(s);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 1, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_AWAY, .sessions = &summary, .n_sessions = 1});
    const struct message *m = scene_hear(s, MESSAGE_SESSION_CLOSE);
    assert_string_equal(m->session_close.cause.text, "cancelled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_failure_is_reported),
        SCENE_TEST(test_a_failure_of_the_other_side_ends_the_attempt),
        SCENE_TEST(test_a_link_is_reported),
        SCENE_TEST(test_what_a_recovery_saved_is_reported),
        SCENE_TEST(test_an_absent_peer_is_reported),
        SCENE_TEST(test_a_report_survives_a_reconnection),
        SCENE_TEST(test_a_relay_without_reports),
        SCENE_TEST(test_the_application_hears_the_cause),
        SCENE_TEST(test_cancelling_is_a_cause),
        SCENE_TEST(test_giving_up_keeps_the_cause),
        SCENE_TEST(test_giving_up_without_any),
        SCENE_TEST(test_completed_has_none),
        SCENE_TEST(test_a_cause_survives_a_kill_while_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
