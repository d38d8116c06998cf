/* Leaving, and being told that the membership has ended. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static void expect_failure(struct scene *s, uint64_t ticket, const char *code)
{
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), ticket);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

static void test_leave(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL));
    scene_settle(s);
    scene_stored(s, &scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT);
    assert_int_equal(event_ticket(e), 70);
    assert_int_equal(station_records(st, "syncshell"), 0);
    assert_int_equal(station_records(st, "session"), 0);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 71, SCENE_SHELL));
    scene_settle(s);
    expect_failure(s, 71, "unknown_syncshell");
}

/* ---- ended by the relay ---- */

static void membership_ends(struct scene *s, enum wire_code code)
{
    struct message m = {.type = MESSAGE_MEMBERSHIP_ENDED};
    assert_int_equal(wire_id_set(&m.membership_ended.syncshell_id, SCENE_SHELL), 0);
    m.membership_ended.code = code;
    scene_say(s, &m);
}

static void expect_ended(struct station *st, const char *code)
{
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_MEMBERSHIP_ENDED);
    assert_int_equal(event_ticket(e), 0);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SYNCSHELL_ID), SCENE_SHELL);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

static void expect_closed(struct station *st, const char *cause)
{
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OUTCOME), "cancelled");
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), cause);
}

/* The next connection's handshake, up to what follows Welcome. */
static void come_back(struct scene *s)
{
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
}

static void test_membership_ends_for_good(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    membership_ends(s, WIRE_CODE_MEMBER_REMOVED);
    expect_closed(st, "member_removed");
    expect_ended(st, "member_removed");
    assert_int_equal(station_records(st, "syncshell"), 0);
    assert_int_equal(station_records(st, "session"), 0);
    scene_silence(s);
    scene_restart(s);
    scene_silence(s); /* nothing to join */
}

static void test_membership_ended_while_away(void **state)
{
    static const struct {
        enum wire_code code;
        const char *name, *cause;
    } rows[] = {{WIRE_CODE_MEMBER_REMOVED, "member_removed", "member_removed"},
                {WIRE_CODE_SYNCSHELL_DELETED, "syncshell_deleted", "syncshell_deleted"},
                {WIRE_CODE_SYNCSHELL_EXPIRED, "syncshell_expired", "relay_refused"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        void *fresh = NULL;
        assert_int_equal(scene_setup(&fresh), 0);
        struct scene *s = fresh;
        struct station *st = &s->station;
        scene_session(s, true);
        come_back(s);
        station_forget(st);
        scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                    rows[i].code);
        expect_closed(st, rows[i].cause);
        expect_ended(st, rows[i].name);
        assert_int_equal(station_records(st, "syncshell"), 0);
        scene_advance_ms(s, 60000);
        scene_silence(s);
        assert_int_equal(scene_teardown(&fresh), 0);
    }
    (void)state;
}

static void test_rotated_key_keeps_the_sessions(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    membership_ends(s, WIRE_CODE_WRONG_KEY_EPOCH);
    expect_ended(st, "wrong_key_epoch");
    station_expect_none(st);
    scene_advance_ms(s, 60000);
    scene_silence(s); /* the old key opens nothing: it is not tried again and again */
    assert_int_equal(station_records(st, "session"), 1);
    come_back(s);
    station_forget(st);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_WRONG_KEY_EPOCH);
    expect_ended(st, "wrong_key_epoch");
    scene_advance_ms(s, 60000);
    scene_silence(s);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL)); /* but it can be left */
    scene_settle(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_WRONG_KEY_EPOCH);
    assert_int_equal(event_ticket(station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT)), 70);
    assert_int_equal(station_records(st, "syncshell"), 0);
}

static void test_ended_while_leaving(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL));
    scene_settle(s);
    membership_ends(s, WIRE_CODE_SYNCSHELL_DELETED);
    assert_int_equal(event_ticket(station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT)), 70);
    station_expect_none(st);
    assert_int_equal(station_records(st, "syncshell"), 0);
}

/* The leaving that an earlier connection asked for comes about after this one has joined. */
static void test_left_by_an_earlier_request(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL));
    scene_settle(s);
    scene_hear(s, MESSAGE_LEAVE_SYNCSHELL);
    come_back(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    const struct wire_id again = scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id;
    scene_error(s, &again, WIRE_CODE_NOT_JOINED);
    station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT);
    assert_int_equal(station_records(st, "syncshell"), 0);
    assert_int_equal(station_records(st, "session"), 0);
    scene_silence(s);
}

static void test_owner_changes(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct message m = {.type = MESSAGE_OWNER_CHANGED};
    struct invite invite;
    scene_session(s, true);
    assert_int_equal(wire_id_set(&m.owner_changed.syncshell_id, SCENE_SHELL), 0);
    m.owner_changed.owner_peer_id = s->self;
    m.owner_changed.owner_sequence = 1;
    scene_say(s, &m);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_OWNER_CHANGED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OWNER_PEER_ID), s->self.text);
    scene_restart(s);
    assert_int_equal(engine_invite(st->engine, SCENE_SHELL, &invite), 0);
    assert_string_equal(invite.owner_peer_id.text, s->self.text);
}

static void test_leave_while_away(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_drop(s, 1006);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL));
    scene_settle(s);
    scene_restart(s); /* the wish survives */
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_stored(s, &scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id);
    station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT);
}

/* To leave, one joins first; that join is nobody's command. */
static void test_leave_has_one_answer(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_drop(s, 1006);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL));
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    station_forget(st);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_stored(s, &scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id);
    unsigned n_answers = 0;
    for (struct syncshell_event *e; (e = station_next(st));)
        n_answers += event_ticket(e) == 70;
    assert_int_equal(n_answers, 1);
}

static void test_leave_what_the_relay_forgot(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_drop(s, 1006);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL));
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_UNKNOWN_SYNCSHELL);
    assert_int_equal(event_ticket(station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT)), 70);
}

static void test_owner_cannot_leave(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_forget(s);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL));
    scene_settle(s);
    scene_error(s, &scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id,
                WIRE_CODE_OWNER_CANNOT_LEAVE);
    expect_failure(s, 70, "owner_cannot_leave");
    scene_silence(s);
    assert_int_equal(station_records(st, "syncshell"), 1);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_silence(s); /* it does not try again */
}

/* An acknowledgement of the inbox is nobody's command: what becomes of it is no answer to whoever waits for another one. */
static void test_a_refused_ack_answers_no_command(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct body_recovery_request request = {.request_id = {"q"}, .part = 1, .parts = 1};
    scene_session(s, false);
    scene_deliver_request(s, 1, &request);
    station_forget(st);
    const struct wire_id ack = scene_hear(s, MESSAGE_ACK_INBOX)->ack_inbox.message_id;
    scene_forget(s);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 70, SCENE_SHELL));
    scene_settle(s);
    const struct wire_id leave = scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id;
    scene_error(s, &ack, WIRE_CODE_BAD_CURSOR);
    expect_failure(s, 0, "bad_cursor");
    scene_stored(s, &leave);
    assert_int_equal(event_ticket(station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT)), 70);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_leave),
        SCENE_TEST(test_membership_ends_for_good),
        SCENE_TEST(test_membership_ended_while_away),
        SCENE_TEST(test_rotated_key_keeps_the_sessions),
        SCENE_TEST(test_ended_while_leaving),
        SCENE_TEST(test_left_by_an_earlier_request),
        SCENE_TEST(test_owner_changes),
        SCENE_TEST(test_leave_while_away),
        SCENE_TEST(test_leave_has_one_answer),
        SCENE_TEST(test_leave_what_the_relay_forgot),
        SCENE_TEST(test_owner_cannot_leave),
        SCENE_TEST(test_a_refused_ack_answers_no_command),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
