/* What the provider makes of a request: gathered from the inbox, over kills, in parts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "client/code.h"
#include "recovery_steps.h"
#include "scene.h"

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
    scene_stored(s, &id);
    scene_silence(s);
}

static void come_up(struct scene *s)
{
    struct station *st = &s->station;
    const struct engine_link up = {.state = SYNCSHELL_LINK_UP};
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 1, "their offer");
    STATION_CALL(st, engine_session_link(st->engine, s->now_us, 50, SCENE_SESSION, 1, &up));
    scene_settle(s);
}

/* Told again after a kill, until it is answered, taken, and the link is up: in whatever order. */
static void served_in_order(struct scene *s, const char *order)
{
    scene_session(s, false);
    manifest_abc(s);
    deliver_ab(s, 1, "r1");
    ack(s, 1);
    struct wire_id id = expect_response(s);
    for (const char *what = order; *what; what++) {
        assert_int_equal(station_records(&s->station, "request"), 1);
        if (*what == 'a')
            scene_stored(s, &id);
        else if (*what == 't')
            station_forget(&s->station);
        else
            come_up(s);
        scene_settle(s);
    }
    assert_int_equal(station_records(&s->station, "request"), 0);
    scene_forget(s);
    restart(s, false, 1);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST));
}

static void test_kept_until_served(void **state)
{
    served_in_order(*state, "atu");
}

static void test_kept_until_answered(void **state)
{
    served_in_order(*state, "uta");
}

static void test_kept_until_taken(void **state)
{
    served_in_order(*state, "uat");
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
    restart(s, false, 1); /* now it was, and there was no link yet */
    station_skip_to(&s->station, SYNCSHELL_EVENT_RECOVERY_REQUEST);
}

/* It is about the newer request alone whether that one is taken. */
static void test_the_older_is_taken(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    manifest_abc(s);
    come_up(s);
    station_forget(&s->station);
    deliver_ab(s, 1, "r1");
    ack(s, 1);
    struct wire_id id = expect_response(s);
    scene_stored(s, &id);
    check_delta(s, "r1");
    deliver_ab(s, 2, "r2");
    ack(s, 2);
    id = expect_response(s);
    scene_stored(s, &id);
    check_delta(s, "r2"); /* so r1 is taken, and r2 is not yet */
    assert_int_equal(station_records(&s->station, "request"), 1);
    station_forget(&s->station);
    scene_settle(s);
    assert_int_equal(station_records(&s->station, "request"), 0);
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
        SCENE_TEST(test_delta),
        SCENE_TEST(test_kept_until_served),
        SCENE_TEST(test_kept_until_answered),
        SCENE_TEST(test_kept_until_taken),
        SCENE_TEST(test_the_older_is_taken),
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
