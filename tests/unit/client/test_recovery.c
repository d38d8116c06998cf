/* What the joiner has, what the provider will send: through the relay's inbox, over kills of either, in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"

static void come_back(struct scene *s, bool joiner, uint64_t version)
{
    const struct message_session_summary summary = scene_summary(s, joiner, 0, version);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
}

static void restart(struct scene *s, bool joiner, uint64_t version)
{
    scene_restart(s);
    come_back(s, joiner, version);
}

static void report(struct scene *s, struct body_file_list *files)
{
    station_report(&s->station, SCENE_SESSION, files);
    scene_settle(s);
}

static void store_entry(struct scene *s, enum message_type type)
{
    const struct message *m = scene_hear(s, type);
    struct wire_id id = m->session_entry.message_id;
    scene_stored_version(s, &id, m->session_entry.base_version + 1);
}

static void ask(struct scene *s, uint64_t ticket)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_request_recovery(st->engine, s->now_us, ticket, SCENE_SESSION));
    scene_settle(s);
}

static void manifest(struct scene *s, uint64_t ticket, struct body_file_list *files)
{
    struct station *st = &s->station;
    STATION_CALL(st,
                 engine_session_set_manifest(st->engine, s->now_us, ticket, SCENE_SESSION, files));
    scene_settle(s);
}

static struct body_file wanted(const char *path, const char *hash, uint64_t size_bytes)
{
    struct body_file f = file_done(path, hash, size_bytes);
    f.done = false;
    return f;
}

/* The manifest a (10), b (20), c (30). */
static void manifest_abc(struct scene *s)
{
    struct body_file_list files = {0};
    files_add(&files, wanted("a", "aa", 10));
    files_add(&files, wanted("b", "bb", 20));
    files_add(&files, wanted("c", "cc", 30));
    manifest(s, 30, &files);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_MANIFEST_SAVED);
    assert_int_equal(event_ticket(e), 30);
}

/* ---- the joiner ---- */

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

static void test_request_again(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    ask(s, 40);
    ask(s, 41); /* before the first is answered: it takes its place */
    struct wire_id first = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    struct wire_id second = scene_hear(s, MESSAGE_RECOVERY_REQUEST)->routed.message_id;
    scene_stored(s, &first);
    station_expect_none(&s->station);
    scene_stored(s, &second);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUESTED);
    assert_int_equal(event_ticket(e), 41);
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

static void ack(struct scene *s, uint64_t inbox_seq)
{
    const struct message_ack_inbox *m = &scene_hear(s, MESSAGE_ACK_INBOX)->ack_inbox;
    assert_int_equal(m->inbox_seq, inbox_seq);
    scene_stored(s, &m->message_id);
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
    station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_RESPONSE);
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

/* ---- the provider ---- */

static void check_delta(struct scene *s, const char *request_id)
{
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST);
    const struct body_file_list *held = event_files(e, SYNCSHELL_FILES_HELD);
    const struct body_file_list *needed = event_files(e, SYNCSHELL_FILES_NEEDED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_REQUEST_ID), request_id);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_BYTES), 15 + 30);
    assert_int_equal(held->n_files, 2);
    assert_int_equal(needed->n_files, 2);
    assert_string_equal(needed->files[0].path, "b");
    assert_int_equal(needed->files[0].ranges[0].begin, 5);
    assert_string_equal(needed->files[1].path, "c");
}

static struct body_recovery_request request_ab(const char *id)
{
    struct body_recovery_request r = {.part = 1, .parts = 1};
    wire_id_set(&r.request_id, id);
    files_add(&r.files, file_done("a", "AA", 10));
    files_add(&r.files, file_partial("b", 20, 0, 5));
    return r;
}

static void deliver_ab(struct scene *s, uint64_t inbox_seq, const char *id)
{
    struct body_recovery_request r = request_ab(id);
    scene_deliver_request(s, inbox_seq, &r);
    body_recovery_request_deinit(&r);
}

static struct wire_id expect_response(struct scene *s)
{
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    struct body_recovery_response response;
    const struct message *m = scene_hear(s, MESSAGE_RECOVERY_RESPONSE);
    scene_open(s, m, 0, &plain);
    assert_int_equal(body_recovery_response_decode(&response, plain.data, plain.size), 0);
    assert_int_equal(response.files_to_send, 2);
    assert_int_equal(response.bytes_to_send, 45);
    body_recovery_response_deinit(&response);
    buf_deinit(&plain);
    return m->routed.message_id;
}

static void test_delta(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    s->station.disk_held = true;
    deliver_ab(s, 1, "r1");
    scene_silence(s);
    station_expect_none(&s->station); /* neither acknowledged nor told before it is on the disk */
    s->station.disk_held = false;
    station_commit(&s->station);
    scene_settle(s);
    check_delta(s, "r1");
    ack(s, 1);
    struct wire_id id = expect_response(s);
    assert_int_equal(station_records(&s->station, "request"), 1);
    scene_stored(s, &id);
    assert_int_equal(station_records(&s->station, "request"), 0);
    scene_silence(s);
}

static void test_manifest_comes_later(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    deliver_ab(s, 1, "r1");
    ack(s, 1);
    station_expect_none(&s->station);
    restart(s, false, 1); /* out of the inbox, and still not forgotten */
    ack(s, 1);
    scene_silence(s);
    station_forget(&s->station);
    manifest_abc(s);
    check_delta(s, "r1");
    expect_response(s);
}

static void test_told_again_after_a_kill(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    deliver_ab(s, 1, "r1");
    check_delta(s, "r1");
    restart(s, false, 1); /* the response was not stored */
    station_skip_to(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST);
    ack(s, 1);
    scene_stored(s, &(struct wire_id){"x"});
    struct wire_id id = expect_response(s);
    scene_stored(s, &id);
    scene_forget(s);
    restart(s, false, 1); /* and now it was */
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST));
}

static void test_delivered_twice(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    deliver_ab(s, 1, "r1");
    check_delta(s, "r1");
    deliver_ab(s, 1, "r1");
    station_expect_none(&s->station);
}

/* The relay repeats what it has no acknowledgement for, old and new. */
static void test_an_old_letter_changes_nothing(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    deliver_ab(s, 4, "r1");
    deliver_ab(s, 5, "r2");
    deliver_ab(s, 4, "r1");
    manifest_abc(s);
    check_delta(s, "r2"); /* the newer one still stands */
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    assert_int_equal(scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.inbox_cursor, 5);
}

/* In another store the inbox counts from the beginning: what comes there must not be taken for old. */
static void test_inbox_of_another_store(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    deliver_ab(s, 9, "r1");
    check_delta(s, "r1");
    wire_id_set(&s->store_epoch, "epoch1");
    scene_drop(s, 1006);
    scene_forget(s);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE, .not_recovered = true});
    station_forget(&s->station);
    deliver_ab(s, 1, "r2");
    check_delta(s, "r2");
}

static void test_cursor_survives(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    deliver_ab(s, 5, "r1");
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_join_syncshell *j = &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell;
    assert_true(j->has_inbox_cursor);
    assert_int_equal(j->inbox_cursor, 5);
}

static void test_acknowledged_again_after_a_refusal(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    deliver_ab(s, 1, "r1");
    scene_error(s, &scene_hear(s, MESSAGE_ACK_INBOX)->ack_inbox.message_id,
                WIRE_CODE_STORE_UNAVAILABLE);
    scene_advance_ms(s, 2000);
    ack(s, 1);
}

static void test_newer_request_supersedes(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    deliver_ab(s, 1, "r1");
    struct body_recovery_request r = {.part = 1, .parts = 1};
    wire_id_set(&r.request_id, "r2");
    scene_deliver_request(s, 2, &r);
    body_recovery_request_deinit(&r);
    manifest_abc(s);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_REQUEST_ID), "r2");
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_BYTES), 60);
    station_expect_none(&s->station);
    assert_int_equal(station_records(&s->station, "request"), 1);
}

static struct body_recovery_request part_of(const char *id, uint32_t part, uint32_t parts)
{
    struct body_recovery_request r = {.part = part, .parts = parts};
    char path[2] = {(char)('a' + part - 1), '\0'};
    wire_id_set(&r.request_id, id);
    files_add(&r.files, file_done(path, NULL, 10 * (uint64_t)part));
    return r;
}

static void deliver_part(struct scene *s, uint64_t inbox_seq, const char *id, uint32_t part,
                         uint32_t parts)
{
    struct body_recovery_request r = part_of(id, part, parts);
    scene_deliver_request(s, inbox_seq, &r);
    body_recovery_request_deinit(&r);
}

static void test_parts(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    deliver_part(s, 1, "r1", 1, 3);
    deliver_part(s, 2, "r1", 2, 3);
    station_expect_none(&s->station);
    restart(s, false, 1);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST));
    station_forget(&s->station);
    deliver_part(s, 3, "r1", 3, 3);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST);
    assert_int_equal(event_files(e, SYNCSHELL_FILES_HELD)->n_files, 3);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_BYTES), 0);
}

static void test_parts_of_a_request_that_was_given_up(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    deliver_part(s, 1, "r1", 1, 3);
    deliver_part(s, 2, "r2", 1, 2);
    deliver_part(s, 3, "r1", 2, 3); /* late */
    deliver_part(s, 4, "r2", 2, 2);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_REQUEST_ID), "r2");
    assert_int_equal(event_files(e, SYNCSHELL_FILES_HELD)->n_files, 2);
    assert_int_equal(station_records(&s->station, "request"), 2);
}

static void expect_taken_with(struct scene *s, const char *code, uint64_t inbox_seq)
{
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    station_expect_none(&s->station);
    ack(s, inbox_seq); /* or it would come for ever */
    scene_silence(s);
}

/* Whatever a member sends, the journal stays one that can be loaded. */
static void test_too_many_parts(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    deliver_part(s, 1, "r1", 1, 100000);
    expect_taken_with(s, CODE_BAD_BODY, 1);
    assert_int_equal(station_records(&s->station, "request"), 0);
    restart(s, false, 1);
    ack(s, 1);
    station_forget(&s->station);
    deliver_ab(s, 2, "r2");
    check_delta(s, "r2");
}

static void test_too_many_files(void **state)
{
    struct scene *s = *state;
    char path[32];
    scene_session(s, false);
    manifest_abc(s);
    struct body_recovery_request r = {.parts = 12};
    wire_id_set(&r.request_id, "r1");
    uint64_t seq = 0;
    for (r.part = 1; r.part <= 11; r.part++) {
        for (unsigned i = 0; i < 10000; i++) {
            snprintf(path, sizeof path, "%u-%u", r.part, i);
            files_add(&r.files, file_done(path, NULL, 1));
        }
        scene_deliver_request(s, ++seq, &r);
        body_file_list_deinit(&r.files);
    }
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_BAD_BODY);
    assert_int_equal(station_records(&s->station, "request"), 0);
    scene_forget(s);
    restart(s, false, 1);
    scene_forget(s);
    deliver_ab(s, ++seq, "r2");
    check_delta(s, "r2");
}

static void test_bodies_that_are_not_theirs(void **state)
{
    struct scene *s = *state;
    static const char json[] = "{\"requestId\":\"r\",\"part\":1,\"parts\":1,\"completedFiles\":[]}";
    scene_session(s, false);
    manifest_abc(s);
    struct message m = scene_routed(s, MESSAGE_RECOVERY_REQUEST, 1);
    m.routed.body_format = BODY_FORMAT_JSON;
    scene_deliver(s, 1, &m, json, sizeof json - 1);
    expect_taken_with(s, CODE_CLEAR_BODY_REFUSED, 1);
    m.routed.body_format = BODY_FORMAT_SEALED;
    scene_deliver(s, 2, &m, "{}", 2);
    expect_taken_with(s, CODE_BAD_BODY, 2);
    m = scene_routed(s, MESSAGE_RECOVERY_RESPONSE, 1);
    scene_deliver(s, 3, &m, "{}", 2);
    expect_taken_with(s, CODE_WRONG_ROLE, 3);
}

/* An inbox delivery of these bytes. */
static void deliver_raw(struct scene *s, uint64_t inbox_seq, const char *text)
{
    struct message m = {.type = MESSAGE_INBOX_DELIVERY};
    wire_id_set(&m.inbox_delivery.syncshell_id, SCENE_SHELL);
    m.inbox_delivery.inbox_seq = inbox_seq;
    m.body = (const uint8_t *)text;
    m.body_size = strlen(text);
    scene_say(s, &m);
}

static void test_broken_seal(void **state)
{
    struct scene *s = *state;
    struct buf inner = BUF_INIT(WIRE_BODY_MAX);
    scene_session(s, false);
    struct message m = scene_routed(s, MESSAGE_RECOVERY_REQUEST, 1);
    m.body = (const uint8_t *)"not sealed by anybody who knows the key";
    m.body_size = 39;
    assert_int_equal(message_encode(&m, &inner), 0);
    assert_int_equal(buf_append(&inner, "", 1), 0);
    deliver_raw(s, 1, (const char *)inner.data);
    expect_taken_with(s, CODE_BAD_SEAL, 1);
    buf_deinit(&inner);
}

static void test_letters_of_no_use(void **state)
{
    struct scene *s = *state;
    struct body_recovery_request r = request_ab("r1");
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    scene_session(s, false);
    deliver_raw(s, 1, "garbage");
    ack(s, 1);
    deliver_raw(s, 2, "{\"type\":\"Welcome\"}\nx");
    ack(s, 2);
    assert_int_equal(body_recovery_request_encode(&plain, &r), 0);
    struct message m = scene_routed(s, MESSAGE_RECOVERY_REQUEST, 1);
    wire_id_set(&m.routed.recovery_session_id, "closed-long-ago");
    scene_deliver(s, 3, &m, plain.data, plain.size);
    ack(s, 3);
    m = scene_routed(s, MESSAGE_RECONNECT_OFFER, 1); /* has no business in an inbox */
    scene_deliver(s, 4, &m, "{\"offerSdp\":\"v=0\"}", 18);
    ack(s, 4);
    station_expect_none(&s->station);
    scene_silence(s);
    body_recovery_request_deinit(&r);
    buf_deinit(&plain);
}

static void test_joiner_is_not_asked(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    deliver_ab(s, 1, "r1");
    expect_taken_with(s, CODE_WRONG_ROLE, 1);
}

static void test_manifest_faults(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, false);
    files_add(&files, file_partial("a", 10, 5, 20));
    manifest(s, 30, &files);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), 30);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_BAD_ARGUMENT);
    assert_int_equal(station_records(&s->station, "manifest"), 0);
}

static void test_joiner_has_no_manifest(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    files_add(&files, file_done("a", NULL, 1));
    manifest(s, 30, &files);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_WRONG_ROLE);
}

static void test_manifest_is_replaced_and_survives(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, false);
    files_add(&files, wanted("old", NULL, 1));
    manifest(s, 29, &files);
    station_forget(&s->station);
    manifest_abc(s);
    assert_int_equal(station_records(&s->station, "manifest"), 1);
    restart(s, false, 1);
    scene_forget(s);
    deliver_ab(s, 1, "r1");
    check_delta(s, "r1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_request_names_what_is_saved),
        SCENE_TEST(test_request_waits_for_the_disk),
        SCENE_TEST(test_request_is_repeated_as_it_was),
        SCENE_TEST(test_request_again),
        SCENE_TEST(test_request_refused),
        SCENE_TEST(test_provider_does_not_ask),
        SCENE_TEST(test_large_request_in_parts),
        SCENE_TEST(test_response),
        SCENE_TEST(test_response_to_what_came_anew_meanwhile),
        SCENE_TEST(test_response_to_an_older_request),
        SCENE_TEST(test_response_crossing_a_checkpoint),
        SCENE_TEST(test_delta),
        SCENE_TEST(test_manifest_comes_later),
        SCENE_TEST(test_told_again_after_a_kill),
        SCENE_TEST(test_delivered_twice),
        SCENE_TEST(test_an_old_letter_changes_nothing),
        SCENE_TEST(test_inbox_of_another_store),
        SCENE_TEST(test_cursor_survives),
        SCENE_TEST(test_acknowledged_again_after_a_refusal),
        SCENE_TEST(test_newer_request_supersedes),
        SCENE_TEST(test_parts),
        SCENE_TEST(test_parts_of_a_request_that_was_given_up),
        SCENE_TEST(test_too_many_parts),
        SCENE_TEST(test_too_many_files),
        SCENE_TEST(test_bodies_that_are_not_theirs),
        SCENE_TEST(test_broken_seal),
        SCENE_TEST(test_letters_of_no_use),
        SCENE_TEST(test_joiner_is_not_asked),
        SCENE_TEST(test_manifest_faults),
        SCENE_TEST(test_joiner_has_no_manifest),
        SCENE_TEST(test_manifest_is_replaced_and_survives),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
