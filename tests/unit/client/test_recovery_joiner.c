/* What the joiner says that it has, and what it makes of the answer: over kills, in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/code.h"
#include "recovery_steps.h"
#include "scene.h"

static void test_request_names_what_is_saved(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    struct body_recovery_request request;
    scene_session(s, true);
    files_add(&files, file_done("a", "AB12", 10));
    files_add(&files, file_partial("b", 100, 20, 40));
    report(s, &files);
    store_entry(s, MESSAGE_SESSION_PROGRESS);
    files_add(&files, file_done("c", NULL, 30));
    report(s, &files); /* saved here, and the relay does not have it yet */
    restart(s, true, 2);
    store_entry(s, MESSAGE_SESSION_PROGRESS);
    const struct message *m = scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    assert_string_equal(m->routed.target_peer_id.text, s->other.text);
    scene_request(s, m, &request);
    assert_int_equal(request.part, 1);
    assert_int_equal(request.parts, 1);
    assert_int_equal(request.files.n_files, 3);
    const struct body_file *a = files_find(&request.files, "a");
    assert_true(a && a->done && a->size_bytes == 10);
    assert_string_equal(a->hash, "AB12");
    assert_string_equal(a->algorithm, "sha256");
    const struct body_file *b = files_find(&request.files, "b");
    assert_true(b && !b->done && b->n_ranges == 1);
    assert_int_equal(b->ranges[0].begin, 20);
    assert_non_null(files_find(&request.files, "c"));
    struct wire_id id = m->routed.message_id;
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUESTED));
    scene_stored(s, &id);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUESTED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_REQUEST_ID), request.request_id.text);
    body_recovery_request_deinit(&request);
}

static void test_request_waits_for_the_disk(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    s->station.disk_held = true;
    files_add(&files, file_done("a", NULL, 10));
    report(s, &files);
    ask(s, 40);
    scene_silence(s); /* it would name a file that a kill takes away */
    station_commit(&s->station);
    scene_settle(s);
    scene_hear(s, MESSAGE_SESSION_PROGRESS);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
}

static void test_request_is_repeated_as_it_was(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    ask(s, 40);
    struct wire_id id = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    scene_drop(s, 1006);
    scene_forget(s);
    come_back(s, true, 1);
    const struct message *m = scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    assert_string_equal(m->routed.message_id.text, id.text); /* the relay knows it again */
    scene_stored(s, &id);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUESTED);
    assert_int_equal(event_ticket(e), 40);
    scene_silence(s);
}

static void assert_failed(struct scene *s, uint64_t ticket, const char *code)
{
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), ticket);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

static void test_request_again(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    ask(s, 40);
    ask(s, 41); /* before the first is answered: it takes its place */
    assert_failed(s, 40, "superseded");
    struct wire_id first = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    struct wire_id second = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    scene_stored(s, &first);
    station_expect_none(&s->station);
    scene_stored(s, &second);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUESTED);
    assert_int_equal(event_ticket(e), 41);
}

/* While the relay is given a rest the later request is not on its way yet, and the answer is the former's. */
static void test_former_request_is_stored_after_a_later_command(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    ask(s, 40);
    const struct wire_id former = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    files_add(&files, file_done("a", NULL, 10));
    report(s, &files);
    const struct wire_id progress =
        scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id;
    scene_error(s, &progress, WIRE_CODE_STORE_UNAVAILABLE);
    station_forget(&s->station);
    ask(s, 41);
    scene_silence(s);
    scene_stored(s, &former);
    assert_failed(s, 40, "superseded");
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUESTED);
    assert_int_equal(event_ticket(e), 0);
    scene_advance_ms(s, 2000);
    scene_hear(s, MESSAGE_SESSION_PROGRESS);
    const struct wire_id later = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    scene_stored(s, &later);
    e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUESTED);
    assert_int_equal(event_ticket(e), 41);
}

/* Its program waits for an answer. */
static void test_session_ends_before_the_answer(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    ask(s, 40);
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 41, SCENE_SESSION,
                                          SYNCSHELL_OUTCOME_CANCELLED));
    scene_settle(s);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_stored(s, &scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close.message_id);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_int_equal(event_ticket(e), 41);
    assert_failed(s, 40, "session_closed");
    station_expect_none(st);
}

/* The syncshell's end is told alone, but for the commands that were still waiting. */
static void test_syncshell_is_left_before_the_answer(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    ask(s, 40);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 41, SCENE_SESSION,
                                          SYNCSHELL_OUTCOME_CANCELLED));
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 42, SCENE_SHELL));
    scene_settle(s);
    scene_hear(s, MESSAGE_SESSION_CLOSE);
    scene_stored(s, &scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id);
    assert_int_equal(event_ticket(station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT)), 42);
    assert_failed(s, 41, "session_closed");
    assert_failed(s, 40, "session_closed");
    station_expect_none(st);
}

static void test_request_refused(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    ask(s, 40);
    struct wire_id id = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    scene_error(s, &id, WIRE_CODE_INBOX_FULL);
    scene_silence(s);
    scene_advance_ms(s, 2000);
    assert_string_equal(scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id.text, id.text);
    station_expect_none(&s->station);
    scene_error(s, &id, WIRE_CODE_UNKNOWN_TARGET);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), 40);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "unknown_target");
    scene_advance_ms(s, 10000);
    scene_silence(s);
}

/* A provider that saw the link up may have forgotten the request when it died; if we saw it up, too, there is a new episode. */
static void test_asks_again_after_an_answer(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, 7, SCENE_SESSION, 1, "offer"));
    scene_settle(s);
    scene_hear(s, MESSAGE_RECONNECT_OFFER);
    scene_presence(s, PRESENCE_AWAY);
    scene_presence(s, PRESENCE_ONLINE);
    scene_silence(s); /* it cannot have been up */
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "their answer");
    scene_presence(s, PRESENCE_AWAY);
    scene_presence(s, PRESENCE_ONLINE);
    scene_stored(s, &(struct wire_id){"x"});
    struct wire_id id = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    scene_stored(s, &id);
    scene_presence(s, PRESENCE_AWAY);
    scene_presence(s, PRESENCE_ONLINE);
    scene_silence(s); /* once is enough */
}

static void test_asks_again_when_the_relay_was_away(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, 7, SCENE_SESSION, 1, "offer"));
    scene_settle(s);
    scene_hear(s, MESSAGE_RECONNECT_OFFER);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "their answer");
    scene_drop(s, 1006);
    come_back(s, true, 1);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
}

static void test_provider_does_not_ask(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, false);
    ask(s, 40);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_WRONG_ROLE);
    files_add(&files, file_done("a", NULL, 1));
    STATION_CALL(&s->station,
                 engine_session_set_manifest(s->station.engine, s->now_us, 41, "nowhere", &files));
    scene_settle(s);
    e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "unknown_session");
}

/* The provider takes the parts in order only, so none may overtake one that is refused for the moment. */
static void refuse_once(struct scene *s, const struct wire_id *message_id)
{
    const struct wire_id id = *message_id;
    scene_error(s, &id, WIRE_CODE_STORE_UNAVAILABLE);
    scene_silence(s);
    scene_advance_ms(s, 2000);
    assert_string_equal(scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id.text, id.text);
}

static void test_large_request_in_parts(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    struct body_recovery_request request;
    char path[1001];
    scene_session(s, true);
    for (size_t i = 0; i < 2000; i++) {
        memset(path, 'x', sizeof path);
        snprintf(path + 990, 10, "%05zu", i);
        files_add(&files, file_done(path, "ab12", 1));
    }
    report(s, &files);
    while (scene_hear_any(s))
        scene_stored_version(s, &(struct wire_id){"x"}, 1);
    ask(s, 40);
    size_t n_files = 0;
    uint32_t parts = 1;
    struct wire_id request_id = {""};
    station_forget(&s->station);
    for (uint32_t part = 1; part <= parts; part++) {
        const struct wire_id id = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
        scene_request(s, &s->current, &request);
        parts = request.parts;
        assert_true(parts > 1 && parts < 64);
        assert_int_equal(request.part, part);
        if (part > 1)
            assert_string_equal(request.request_id.text, request_id.text);
        request_id = request.request_id;
        n_files += request.files.n_files;
        body_recovery_request_deinit(&request);
        scene_silence(s);
        refuse_once(s, &id);
        station_expect_none(&s->station);
        scene_stored(s, &id);
    }
    assert_int_equal(n_files, 2000);
    station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUESTED);
}

static void respond(struct scene *s, uint64_t inbox_seq, const struct wire_id *request_id,
                    char *mismatched)
{
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    char *paths[] = {mismatched};
    const struct body_recovery_response response = {.request_id = *request_id,
                                                    .files_to_send = 7,
                                                    .bytes_to_send = 1234,
                                                    .mismatched_paths = paths,
                                                    .n_mismatched_paths = mismatched ? 1 : 0};
    const struct message m = scene_routed(s, MESSAGE_RECOVERY_RESPONSE, 1);
    assert_int_equal(body_recovery_response_encode(&plain, &response), 0);
    scene_deliver(s, inbox_seq, &m, plain.data, plain.size);
    buf_deinit(&plain);
}

/* Asks, and returns the request's id. */
static struct wire_id asked(struct scene *s)
{
    struct body_recovery_request request;
    ask(s, 40);
    const struct message *m = scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_request(s, m, &request);
    struct wire_id id = request.request_id;
    body_recovery_request_deinit(&request);
    scene_stored(s, &s->current.routed.message_id);
    station_forget(&s->station);
    return id;
}

static void test_response(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    struct body_session_entry entry;
    scene_session(s, true);
    files_add(&files, file_done("good", "aa", 10));
    files_add(&files, file_done("bad", "bb", 10));
    report(s, &files);
    store_entry(s, MESSAGE_SESSION_PROGRESS);
    struct wire_id id = asked(s);
    char bad[] = "bad";
    respond(s, 1, &id, bad);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_RESPONSE);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_REQUEST_ID), id.text);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_FILES_TO_SEND), 7);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_BYTES), 1234);
    assert_int_equal(event_files(e, SYNCSHELL_FILES_MISMATCHED)->n_files, 1);
    assert_string_equal(event_files(e, SYNCSHELL_FILES_MISMATCHED)->files[0].path, "bad");
    ack(s, 1);
    /* What starts over is no longer claimed, here and at the relay. */
    assert_null(station_record(&s->station, "file", SCENE_SESSION "/bad"));
    assert_non_null(station_record(&s->station, "file", SCENE_SESSION "/good"));
    const struct message *m = scene_hear(s, MESSAGE_SESSION_CHECKPOINT);
    scene_entry(s, m, &entry);
    assert_int_equal(entry.files.n_files, 1);
    assert_string_equal(entry.files.files[0].path, "good");
    body_session_entry_deinit(&entry);
    scene_stored_version(s, &m->session_entry.message_id, 3);
    e = station_expect(&s->station, SYNCSHELL_EVENT_PROGRESS_STORED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_FILES_DONE), 1);
}

static void test_response_to_what_came_anew_meanwhile(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    char bad[] = "bad";
    scene_session(s, true);
    files_add(&files, file_done("bad", "bb", 10));
    report(s, &files);
    store_entry(s, MESSAGE_SESSION_PROGRESS);
    struct wire_id id = asked(s);
    files_add(&files, file_done("bad", "aa", 10)); /* it has come again, over the link */
    report(s, &files);
    store_entry(s, MESSAGE_SESSION_PROGRESS);
    respond(s, 1, &id, bad);
    assert_non_null(station_record(&s->station, "file", SCENE_SESSION "/bad"));
    ack(s, 1);
    scene_silence(s);
}

static void test_response_to_an_older_request(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    char bad[] = "bad";
    scene_session(s, true);
    files_add(&files, file_done("bad", "bb", 10));
    report(s, &files);
    store_entry(s, MESSAGE_SESSION_PROGRESS);
    struct wire_id id = {"before"};
    asked(s);
    respond(s, 1, &id, bad);
    station_expect_none(&s->station);
    ack(s, 1);
    assert_non_null(station_record(&s->station, "file", SCENE_SESSION "/bad"));
}

/* A checkpoint that holds the file is under way when the response says that the file is bad. */
static void test_response_crossing_a_checkpoint(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    struct body_session_entry entry;
    char bad[] = "bad";
    scene_session(s, true);
    files_add(&files, file_done("good", "aa", 10));
    files_add(&files, file_done("bad", "bb", 10));
    report(s, &files);
    struct message m =
        scene_error_message(&scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id,
                            WIRE_CODE_VERSION_CONFLICT);
    m.error.has_version = true;
    m.error.version = 4;
    scene_say(s, &m);
    struct wire_id checkpoint = scene_hear(s, MESSAGE_SESSION_CHECKPOINT)->session_entry.message_id;
    struct wire_id id = asked(s);
    respond(s, 1, &id, bad);
    ack(s, 1);
    scene_stored_version(s, &checkpoint, 5);
    scene_entry(s, scene_hear(s, MESSAGE_SESSION_CHECKPOINT), &entry);
    assert_int_equal(entry.files.n_files, 1);
    body_session_entry_deinit(&entry);
}

static void refuse_request(struct scene *s, uint64_t ticket)
{
    scene_error(s, &scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id,
                WIRE_CODE_UNKNOWN_TARGET);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), ticket);
    scene_forget(s);
}

/* A command has one answer: what becomes of the next request, which is made by itself, is not its second. */
static void test_a_refused_request_has_its_answer(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    const struct engine_link up = {.state = SYNCSHELL_LINK_UP};
    const struct engine_link lost = {.state = SYNCSHELL_LINK_LOST};
    scene_session(s, true);
    STATION_CALL(st, engine_session_request_recovery(st->engine, s->now_us, 80, SCENE_SESSION));
    scene_settle(s);
    refuse_request(s, 80);
    STATION_CALL(st, engine_session_offer(st->engine, s->now_us, 83, SCENE_SESSION, 1, "offer"));
    scene_settle(s);
    scene_signal(s, MESSAGE_RECONNECT_ANSWER, 1, "answer");
    STATION_CALL(st, engine_session_link(st->engine, s->now_us, 81, SCENE_SESSION, 1, &up));
    scene_settle(s);
    scene_forget(s);
    STATION_CALL(st, engine_session_link(st->engine, s->now_us, 82, SCENE_SESSION, 1, &lost));
    scene_settle(s);
    refuse_request(s, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_refused_request_has_its_answer),
        SCENE_TEST(test_request_names_what_is_saved),
        SCENE_TEST(test_request_waits_for_the_disk),
        SCENE_TEST(test_request_is_repeated_as_it_was),
        SCENE_TEST(test_request_again),
        SCENE_TEST(test_former_request_is_stored_after_a_later_command),
        SCENE_TEST(test_session_ends_before_the_answer),
        SCENE_TEST(test_syncshell_is_left_before_the_answer),
        SCENE_TEST(test_request_refused),
        SCENE_TEST(test_asks_again_after_an_answer),
        SCENE_TEST(test_asks_again_when_the_relay_was_away),
        SCENE_TEST(test_provider_does_not_ask),
        SCENE_TEST(test_large_request_in_parts),
        SCENE_TEST(test_response),
        SCENE_TEST(test_response_to_what_came_anew_meanwhile),
        SCENE_TEST(test_response_to_an_older_request),
        SCENE_TEST(test_response_crossing_a_checkpoint),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
