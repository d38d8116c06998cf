/* The end of a session or a membership is told until it was taken. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

/* The relay says that the session of that id is over. */
static void end_session(struct scene *s, const char *id, bool joiner)
{
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    m.session_changed.syncshell_id = (struct wire_id){SCENE_SHELL};
    m.session_changed.session = scene_summary(s, joiner, 3, 1);
    wire_id_set(&m.session_changed.session.recovery_session_id, id);
    m.session_changed.session.state = SESSION_STATE_CLOSED;
    m.session_changed.session.outcome = SESSION_OUTCOME_COMPLETED;
    scene_say(s, &m);
    scene_settle(s);
}

static void expect_end(struct scene *s, const char *role)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_int_equal(event_ticket(e), 0);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SYNCSHELL_ID), SCENE_SHELL);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), s->other.text);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_ROLE), role);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OUTCOME), "completed");
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), "");
}

static void take(struct scene *s)
{
    station_forget(&s->station);
    scene_settle(s);
}

static void killed_before_it_is_taken(struct scene *s, bool joiner)
{
    const char *role = joiner ? "joiner" : "provider";
    scene_session(s, joiner);
    end_session(s, SCENE_SESSION, joiner);
    assert_int_equal(station_records(&s->station, "session"), 0);
    for (unsigned i = 0; i < 3; i++) { /* however often */
        assert_int_equal(station_records(&s->station, "ended"), 1);
        scene_restart(s);
        expect_end(s, role);
    }
    take(s);
    assert_int_equal(station_records(&s->station, "ended"), 0);
    scene_restart(s);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED));
}

static void test_provider(void **state)
{
    killed_before_it_is_taken(*state, false);
}

static void test_joiner(void **state)
{
    killed_before_it_is_taken(*state, true);
}

/* Its sessions' ends come first, as the first time. */
static void test_membership(void **state)
{
    struct scene *s = *state;
    struct message m = {.type = MESSAGE_MEMBERSHIP_ENDED};
    m.membership_ended.syncshell_id = (struct wire_id){SCENE_SHELL};
    m.membership_ended.code = WIRE_CODE_MEMBER_REMOVED;
    scene_session(s, true);
    scene_say(s, &m);
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(station_records(&s->station, "ended"), 2);
        scene_restart(s);
        station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
        struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_MEMBERSHIP_ENDED);
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_SYNCSHELL_ID), SCENE_SHELL);
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "member_removed");
    }
    take(s);
    assert_int_equal(station_records(&s->station, "ended"), 0);
    scene_restart(s);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_MEMBERSHIP_ENDED));
}

static void test_taken_at_once(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    end_session(s, SCENE_SESSION, false);
    expect_end(s, "provider");
    take(s);
    scene_restart(s);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED));
}

/* The kill comes when the application has it, and the journal does not know yet. */
static void test_killed_while_it_is_taken(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    end_session(s, SCENE_SESSION, false);
    s->station.disk_held = true;
    expect_end(s, "provider");
    take(s);
    s->station.disk_held = false;
    scene_restart(s);
    expect_end(s, "provider");
}

static void test_not_before_the_journal(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    s->station.disk_held = true;
    end_session(s, SCENE_SESSION, false);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED));
    s->station.disk_held = false;
    station_commit(&s->station);
    scene_settle(s);
    expect_end(s, "provider");
}

static void test_in_their_order(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    for (unsigned i = 0; i < 12; i++) {
        char id[8];
        snprintf(id, sizeof id, "s%u", 12 - i);
        struct message m = {.type = MESSAGE_SESSION_CHANGED};
        m.session_changed.syncshell_id = (struct wire_id){SCENE_SHELL};
        m.session_changed.session = scene_summary(s, false, 3, 1);
        wire_id_set(&m.session_changed.session.recovery_session_id, id);
        scene_say(s, &m);
        end_session(s, id, false);
    }
    scene_restart(s);
    for (unsigned i = 0; i < 12; i++) {
        char id[8];
        snprintf(id, sizeof id, "s%u", 12 - i);
        struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), id);
        if (i == 4) /* who dies now begins with the sixth */
            assert_int_equal(station_records(&s->station, "ended"), 12);
    }
    take(s);
    assert_int_equal(station_records(&s->station, "ended"), 0);
}

/* A session may end, and one of the same id begin and end, before the first end was taken. */
static void test_the_same_id_again(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    end_session(s, SCENE_SESSION, false);
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    m.session_changed.syncshell_id = (struct wire_id){SCENE_SHELL};
    m.session_changed.session = scene_summary(s, false, 0, 1);
    scene_say(s, &m);
    end_session(s, SCENE_SESSION, false);
    assert_int_equal(station_records(&s->station, "ended"), 2);
    expect_end(s, "provider");
    expect_end(s, "provider");
    scene_restart(s); /* the first one is taken, the second one not */
    scene_settle(s);
    expect_end(s, "provider");
    take(s);
    assert_int_equal(station_records(&s->station, "ended"), 0);
}

static void test_after_its_syncshell_was_left(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, false);
    end_session(s, SCENE_SESSION, false);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, station_ticket(st), SCENE_SHELL));
    scene_settle(s);
    scene_stored(s, &scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id);
    scene_settle(s);
    assert_int_equal(station_records(st, "syncshell"), 0);
    scene_restart(s);
    expect_end(s, "provider");
    take(s);
    assert_int_equal(station_records(st, "ended"), 0);
}

/* A command has one answer, also when its request is made again after it. */
static void test_a_close_that_is_refused_has_its_answer(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 60, SCENE_SESSION,
                                          SYNCSHELL_OUTCOME_COMPLETED));
    scene_settle(s);
    for (unsigned i = 0; i < 2; i++) {
        scene_error(s, &scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close.message_id,
                    WIRE_CODE_BAD_FIELD);
        struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_REQUEST_FAILED);
        assert_int_equal(event_ticket(e), i == 0 ? 60 : 0);
        for (unsigned k = 0; k < 60 && list_empty(&s->frames); k++)
            scene_advance_ms(s, 1000);
    }
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 61, SCENE_SESSION,
                                          SYNCSHELL_OUTCOME_COMPLETED));
    scene_settle(s);
    station_expect_none(st); /* nothing of 60 is superseded */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_close_that_is_refused_has_its_answer),
        SCENE_TEST(test_provider),
        SCENE_TEST(test_joiner),
        SCENE_TEST(test_membership),
        SCENE_TEST(test_taken_at_once),
        SCENE_TEST(test_killed_while_it_is_taken),
        SCENE_TEST(test_not_before_the_journal),
        SCENE_TEST(test_in_their_order),
        SCENE_TEST(test_the_same_id_again),
        SCENE_TEST(test_after_its_syncshell_was_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
