/* Sessions: opened by either side, found again after a restart of anybody, closed once and for all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"

static void come_back(struct scene *s)
{
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    station_forget(&s->station);
}

static void reconnect(struct scene *s)
{
    scene_drop(s, 1006);
    scene_forget(s);
    come_back(s);
}

static void rejoin_with(struct scene *s, const struct message_session_summary *sessions, size_t n)
{
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = sessions, .n_sessions = n});
}

static void open_session(struct scene *s, uint64_t ticket, bool joiner)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_open(st->engine, s->now_us, ticket, SCENE_SHELL, s->other.text,
                                         joiner, SCENE_SESSION, "label"));
    scene_settle(s);
}

static void member(struct scene *s)
{
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_forget(s);
}

static void check_fields(struct scene *s, const struct syncshell_event *e, bool joiner)
{
    const char *self = s->self.text;
    const char *other = s->other.text;
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SYNCSHELL_ID), SCENE_SHELL);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), other);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_JOINER_PEER_ID), joiner ? self : other);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PROVIDER_PEER_ID), joiner ? other : self);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_ROLE), joiner ? "joiner" : "provider");
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_LABEL), "label");
}

static void check_open(struct scene *s, bool joiner)
{
    struct station *st = &s->station;
    struct buf plain = BUF_INIT(WIRE_SIGNAL_BODY_MAX);
    struct body_session_entry entry;
    member(s);
    open_session(s, 20, joiner);
    assert_int_equal(station_records(st, "session"), 1);
    const struct message *m = scene_hear(s, MESSAGE_SESSION_OPEN);
    const char *self = s->self.text;
    assert_string_equal(m->session_open.joiner_peer_id.text, joiner ? self : s->other.text);
    assert_string_equal(m->session_open.provider_peer_id.text, joiner ? s->other.text : self);
    assert_int_equal(m->session_open.body_format, BODY_FORMAT_SEALED);
    scene_open(s, m, 1, &plain);
    assert_int_equal(body_session_entry_decode(&entry, plain.data, plain.size), 0);
    assert_string_equal(entry.label, "label");
    body_session_entry_deinit(&entry);
    buf_deinit(&plain);
    station_expect_none(st); /* not open before the relay has it */
    scene_stored_version(s, &m->session_open.message_id, 1);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_SESSION_OPENED);
    assert_int_equal(event_ticket(e), 20);
    check_fields(s, e, joiner);
}

static void test_open_as_joiner(void **state)
{
    struct scene *s = *state;
    check_open(s, true);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 1);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_ATTEMPT), 1);
    station_expect_none(&s->station);
}

static void test_open_as_provider(void **state)
{
    struct scene *s = *state;
    check_open(s, false);
    scene_silence(s);
    station_expect_none(&s->station);
}

static void test_fresh_id(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    member(s);
    STATION_CALL(st, engine_session_open(st->engine, s->now_us, 1, SCENE_SHELL, s->other.text, true,
                                         NULL, NULL));
    scene_settle(s);
    const struct message_session_open *m = &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open;
    assert_int_equal(strspn(m->recovery_session_id.text, "0123456789abcdef"), 32);
}

static void expect_refused(struct scene *s, uint64_t ticket, const char *code)
{
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), ticket);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

static void test_open_faults(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    s->station.config.sessions_max = 2;
    member(s);
    static const struct {
        const char *syncshell;
        const char *peer; /* NULL: the other side */
        const char *id;
        const char *code;
    } rows[] = {
        {"nowhere", NULL, NULL, "unknown_syncshell"},
        {SCENE_SHELL, "ed25519:short", NULL, CODE_BAD_ARGUMENT},
        {SCENE_SHELL, NULL, "not an id", CODE_BAD_ARGUMENT},
        {SCENE_SHELL, NULL, SCENE_SESSION, NULL},
        {SCENE_SHELL, NULL, SCENE_SESSION, "session_exists"},
        {SCENE_SHELL, NULL, "second", NULL},
        {SCENE_SHELL, NULL, "third", CODE_LIBRARY_FULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *peer = rows[i].peer ? rows[i].peer : s->other.text;
        STATION_CALL(st, engine_session_open(st->engine, s->now_us, i, rows[i].syncshell, peer,
                                             true, rows[i].id, NULL));
        scene_settle(s);
        if (rows[i].code)
            expect_refused(s, i, rows[i].code);
        else
            scene_hear(s, MESSAGE_SESSION_OPEN);
        scene_silence(s);
        station_expect_none(st);
    }
    STATION_CALL(st, engine_session_open(st->engine, s->now_us, 30, SCENE_SHELL, s->self.text, true,
                                         NULL, NULL));
    scene_settle(s);
    expect_refused(s, 30, CODE_BAD_ARGUMENT);
}

static void test_open_refused(void **state)
{
    struct scene *s = *state;
    member(s);
    open_session(s, 20, true);
    scene_error(s, &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id,
                WIRE_CODE_UNKNOWN_TARGET);
    expect_refused(s, 20, "unknown_target");
    assert_int_equal(station_records(&s->station, "session"), 0);
    scene_silence(s);
}

static void test_open_retried(void **state)
{
    struct scene *s = *state;
    member(s);
    open_session(s, 20, true);
    scene_error(s, &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id,
                WIRE_CODE_TOO_MANY_SESSIONS);
    scene_silence(s);
    scene_advance_ms(s, 2000);
    scene_hear(s, MESSAGE_SESSION_OPEN);
}

/* The answer is lost with the connection: the command is answered all the same, once. */
static void check_lost_answer(struct scene *s, bool listed)
{
    struct station *st = &s->station;
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    member(s);
    open_session(s, 20, true);
    scene_hear(s, MESSAGE_SESSION_OPEN);
    reconnect(s);
    rejoin_with(s, &summary, listed);
    if (!listed)
        scene_stored_version(s, &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id, 1);
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_SESSION_OPENED);
    assert_int_equal(event_ticket(e), 20);
    check_fields(s, e, true);
    while ((e = station_next(st)))
        assert_int_not_equal(event_ticket(e), 20);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
}

static void test_open_answer_lost(void **state)
{
    check_lost_answer(*state, true);
}

static void test_open_lost(void **state)
{
    check_lost_answer(*state, false);
}

static void test_killed_while_opening(void **state)
{
    struct scene *s = *state;
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    member(s);
    open_session(s, 20, true);
    scene_restart(s);
    come_back(s);
    rejoin_with(s, &summary, 1);
    check_fields(s, station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED), true);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
}

static void test_resumed_after_restart(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    const struct message_session_summary summary = scene_summary(s, true, 7, 1);
    scene_restart(s);
    come_back(s);
    rejoin_with(s, &summary, 1);
    station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_JOINED);
    struct syncshell_event *e;
    while ((e = station_next(st)) && event_type(e) == SYNCSHELL_EVENT_PEER_PRESENCE)
        ;
    assert_non_null(e);
    assert_int_equal(event_type(e), SYNCSHELL_EVENT_SESSION_RESUMED);
    check_fields(s, e, true);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 7);
    station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_READY);
    e = station_expect(st, SYNCSHELL_EVENT_OFFER_NEEDED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 8);
    station_expect_none(st);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
}

static void test_opened_by_the_other_side(void **state)
{
    struct scene *s = *state;
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    member(s);
    wire_id_set(&m.session_changed.syncshell_id, SCENE_SHELL);
    m.session_changed.session = scene_summary(s, false, 0, 1);
    scene_say(s, &m);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_SESSION_OPENED);
    assert_int_equal(event_ticket(e), 0);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_ROLE), "provider");
    scene_say(s, &m);
    station_expect_none(&s->station);
    m.session_changed.session.state = SESSION_STATE_CLOSED;
    m.session_changed.session.outcome = SESSION_OUTCOME_CANCELLED;
    scene_say(s, &m);
    e = station_expect(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OUTCOME), "cancelled");
    assert_int_equal(station_records(&s->station, "session"), 0);
    scene_say(s, &m);
    station_expect_none(&s->station);
}

static void test_a_session_between_others_is_not_ours(void **state)
{
    struct scene *s = *state;
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    struct wire_peer_id third;
    member(s);
    stub_peer_id(3, &third);
    wire_id_set(&m.session_changed.syncshell_id, SCENE_SHELL);
    m.session_changed.session = scene_summary(s, false, 0, 1);
    m.session_changed.session.provider_peer_id = third;
    scene_say(s, &m);
    station_expect_none(&s->station);
    assert_int_equal(station_records(&s->station, "session"), 0);
}

static void test_opened_while_we_were_away(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    rejoin_with(s, &summary, 1);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_OPENED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_ROLE), "joiner");
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
}

static void test_too_many_from_the_other_side(void **state)
{
    struct scene *s = *state;
    s->station.config.sessions_max = 1;
    scene_session(s, true);
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    wire_id_set(&m.session_changed.syncshell_id, SCENE_SHELL);
    m.session_changed.session = scene_summary(s, false, 0, 1);
    wire_id_set(&m.session_changed.session.recovery_session_id, "another");
    scene_say(s, &m);
    expect_refused(s, 0, CODE_LIBRARY_FULL);
}

/* ---- closing ---- */

static void close_session(struct scene *s, uint64_t ticket, int32_t outcome)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, ticket, SCENE_SESSION, outcome));
    scene_settle(s);
}

static void expect_closed(struct scene *s, uint64_t ticket, const char *outcome)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_int_equal(event_ticket(e), ticket);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OUTCOME), outcome);
    assert_int_equal(station_records(&s->station, "session"), 0);
    assert_int_equal(station_records(&s->station, "file"), 0);
    assert_int_equal(station_records(&s->station, "manifest"), 0);
    assert_int_equal(station_records(&s->station, "request"), 0);
}

static void test_close(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    files_add(&files, file_done("a", NULL, 1));
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    scene_forget(s);
    close_session(s, 40, SYNCSHELL_OUTCOME_COMPLETED);
    const struct message_session_close *m = &scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close;
    assert_int_equal(m->outcome, SESSION_OUTCOME_COMPLETED);
    station_expect_none(&s->station);
    scene_stored(s, &m->message_id);
    expect_closed(s, 40, "completed");
    close_session(s, 41, SYNCSHELL_OUTCOME_COMPLETED);
    expect_refused(s, 41, "unknown_session");
}

static void test_close_of_no_outcome(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    close_session(s, 40, 0);
    expect_refused(s, 40, CODE_BAD_ARGUMENT);
    close_session(s, 41, SYNCSHELL_OUTCOME_CANCELLED + 1);
    expect_refused(s, 41, CODE_BAD_ARGUMENT);
}

static void test_close_survives_a_kill(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    const struct message_session_summary summary = scene_summary(s, false, 0, 1);
    scene_drop(s, 1006);
    close_session(s, 40, SYNCSHELL_OUTCOME_CANCELLED);
    scene_restart(s);
    come_back(s);
    rejoin_with(s, &summary, 1);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED));
    const struct message_session_close *m = &scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close;
    assert_int_equal(m->outcome, SESSION_OUTCOME_CANCELLED);
    scene_stored(s, &m->message_id);
    expect_closed(s, 0, "cancelled");
}

static void test_close_crossing_theirs(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    close_session(s, 40, SYNCSHELL_OUTCOME_COMPLETED);
    scene_error(s, &scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close.message_id,
                WIRE_CODE_SESSION_CLOSED);
    expect_closed(s, 40, "completed");
}

/* SessionOpen went out and its answer is lost: the relay may well have the session. */
static void test_close_of_an_unanswered_open(void **state)
{
    struct scene *s = *state;
    member(s);
    open_session(s, 20, true);
    scene_hear(s, MESSAGE_SESSION_OPEN);
    scene_drop(s, 1006);
    close_session(s, 40, SYNCSHELL_OUTCOME_CANCELLED);
    come_back(s);
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    rejoin_with(s, &summary, 1);
    scene_stored(s, &scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close.message_id);
    expect_closed(s, 40, "cancelled");
    scene_silence(s);
}

static void test_close_before_the_relay_heard_of_it(void **state)
{
    struct scene *s = *state;
    member(s);
    scene_drop(s, 1006);
    open_session(s, 20, true);
    close_session(s, 40, SYNCSHELL_OUTCOME_CANCELLED);
    come_back(s);
    rejoin_with(s, NULL, 0);
    const struct message *m = scene_hear_any(s);
    if (m)
        scene_error(s, &m->session_close.message_id, WIRE_CODE_UNKNOWN_SESSION);
    scene_silence(s);
    assert_int_equal(station_records(&s->station, "session"), 0);
}

static void test_close_while_the_open_is_in_flight(void **state)
{
    struct scene *s = *state;
    member(s);
    open_session(s, 20, true);
    struct wire_id opening = scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id;
    close_session(s, 40, SYNCSHELL_OUTCOME_CANCELLED);
    struct wire_id closing = scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close.message_id;
    expect_refused(s, 20, "superseded");
    scene_error(s, &opening, WIRE_CODE_UNKNOWN_TARGET);
    scene_error(s, &closing, WIRE_CODE_UNKNOWN_SESSION);
    expect_closed(s, 40, "cancelled");
}

static void test_tombstone(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    struct message_session_summary summary = scene_summary(s, true, 0, 1);
    summary.state = SESSION_STATE_CLOSED;
    summary.outcome = SESSION_OUTCOME_FAILED;
    scene_restart(s);
    come_back(s);
    rejoin_with(s, &summary, 1);
    expect_closed(s, 0, "failed");
    station_expect(&s->station, SYNCSHELL_EVENT_SYNCSHELL_READY);
    scene_silence(s);
}

static void test_closed_by_expiry(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    files_add(&files, file_done("a", NULL, 1));
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    scene_error(s, &scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id,
                WIRE_CODE_SESSION_EXPIRED);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), "session_expired");
}

/* ---- another store ---- */

static void check_other_store(struct scene *s, bool joiner)
{
    struct station *st = &s->station;
    struct body_file_list files = {0};
    scene_session(s, joiner);
    if (joiner) {
        files_add(&files, file_done("a", NULL, 1));
        station_report(st, SCENE_SESSION, &files);
        scene_settle(s);
        scene_stored_version(s, &scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id,
                             2);
    }
    wire_id_set(&s->store_epoch, "epoch1");
    reconnect(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE, .not_recovered = true});
    assert_int_equal(event_number(station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_JOINED),
                                  SYNCSHELL_FIELD_RECOVERED),
                     0);
    scene_stored_version(s, &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id, 1);
    check_fields(s, station_skip_to(st, SYNCSHELL_EVENT_SESSION_RESUMED), joiner);
}

static void test_provider_reopens_in_another_store(void **state)
{
    check_other_store(*state, false);
    scene_silence(*state);
}

static void test_joiner_reopens_in_another_store(void **state)
{
    struct scene *s = *state;
    struct body_session_entry entry;
    check_other_store(s, true);
    const struct message *m = scene_hear(s, MESSAGE_SESSION_CHECKPOINT);
    assert_int_equal(m->session_entry.base_version, 1);
    scene_entry(s, m, &entry);
    assert_int_equal(entry.files.n_files, 1);
    body_session_entry_deinit(&entry);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
}

static void test_both_reopen_in_another_store(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    wire_id_set(&s->store_epoch, "epoch1");
    scene_restart(s);
    come_back(s);
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE,
                                           .not_recovered = true,
                                           .sessions = &summary,
                                           .n_sessions = 1}); /* theirs was the first */
    scene_stored_version(s, &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id, 1);
    scene_hear(s, MESSAGE_SESSION_CHECKPOINT);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
}

/* The other side has not come back to the new store yet: what is known of the session must not be thrown away. */
static void check_other_side_missing(struct scene *s, bool joiner)
{
    struct station *st = &s->station;
    scene_session(s, joiner);
    wire_id_set(&s->store_epoch, "epoch1");
    reconnect(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_AWAY, .not_recovered = true});
    scene_error(s, &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id,
                WIRE_CODE_UNKNOWN_TARGET);
    assert_string_equal(
        event_string(station_skip_to(st, SYNCSHELL_EVENT_REQUEST_FAILED), SYNCSHELL_FIELD_CODE),
        "unknown_target");
    assert_int_equal(station_records(st, "session"), 1);
    scene_silence(s); /* not at once */
    scene_presence(s, PRESENCE_ONLINE);
    scene_stored_version(s, &scene_hear(s, MESSAGE_SESSION_OPEN)->session_open.message_id, 1);
    station_skip_to(st, SYNCSHELL_EVENT_SESSION_RESUMED);
}

static void test_joiner_waits_for_the_other_side_in_another_store(void **state)
{
    check_other_side_missing(*state, true);
}

static void test_provider_waits_for_the_other_side_in_another_store(void **state)
{
    check_other_side_missing(*state, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_open_as_joiner),
        SCENE_TEST(test_open_as_provider),
        SCENE_TEST(test_fresh_id),
        SCENE_TEST(test_open_faults),
        SCENE_TEST(test_open_refused),
        SCENE_TEST(test_open_retried),
        SCENE_TEST(test_open_answer_lost),
        SCENE_TEST(test_open_lost),
        SCENE_TEST(test_killed_while_opening),
        SCENE_TEST(test_resumed_after_restart),
        SCENE_TEST(test_opened_by_the_other_side),
        SCENE_TEST(test_a_session_between_others_is_not_ours),
        SCENE_TEST(test_opened_while_we_were_away),
        SCENE_TEST(test_too_many_from_the_other_side),
        SCENE_TEST(test_close),
        SCENE_TEST(test_close_of_no_outcome),
        SCENE_TEST(test_close_survives_a_kill),
        SCENE_TEST(test_close_crossing_theirs),
        SCENE_TEST(test_close_of_an_unanswered_open),
        SCENE_TEST(test_close_before_the_relay_heard_of_it),
        SCENE_TEST(test_close_while_the_open_is_in_flight),
        SCENE_TEST(test_tombstone),
        SCENE_TEST(test_closed_by_expiry),
        SCENE_TEST(test_provider_reopens_in_another_store),
        SCENE_TEST(test_joiner_reopens_in_another_store),
        SCENE_TEST(test_both_reopen_in_another_store),
        SCENE_TEST(test_joiner_waits_for_the_other_side_in_another_store),
        SCENE_TEST(test_provider_waits_for_the_other_side_in_another_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
