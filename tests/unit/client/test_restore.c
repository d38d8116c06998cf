/* The joiner's journal is lost, and the relay's log brings the session back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"

enum { ENTRIES_MAX = 8 };

/* A page of the log as it is put together. */
struct page {
    struct scene *scene;
    struct message_snapshot_entry entries[ENTRIES_MAX];
    size_t n_entries;
    struct buf body;
};

static struct page page_of(struct scene *s)
{
    return (struct page){.scene = s, .body = BUF_INIT(4 * WIRE_BODY_MAX)};
}

static void add_sealed(struct page *p, enum message_type type, uint64_t version, bool theirs,
                       uint64_t sealed_version, const void *plain, size_t size)
{
    const struct message m = {.type = type};
    size_t before = p->body.size;
    scene_seal(p->scene, &m, theirs, sealed_version, plain, size, &p->body);
    p->entries[p->n_entries++] =
        (struct message_snapshot_entry){.version = version,
                                        .type = type,
                                        .source_peer_id = theirs ? p->scene->other : p->scene->self,
                                        .body_format = BODY_FORMAT_SEALED,
                                        .size_bytes = (uint32_t)(p->body.size - before)};
}

static void add_entry(struct page *p, enum message_type type, uint64_t version,
                      struct body_session_entry *entry)
{
    struct buf plain = BUF_INIT(WIRE_BODY_MAX);
    assert_int_equal(body_session_entry_encode(&plain, entry), 0);
    add_sealed(p, type, version, false, version, plain.data, plain.size);
    buf_deinit(&plain);
    entry->label = NULL;
    body_session_entry_deinit(entry);
}

static void add_file(struct page *p, enum message_type type, uint64_t version, const char *path)
{
    struct body_session_entry entry = {0};
    files_add(&entry.files, file_done(path, "ab12", 10));
    add_entry(p, type, version, &entry);
}

static void add_label(struct page *p)
{
    char label[] = "label";
    struct body_session_entry entry = {.label = label};
    add_entry(p, MESSAGE_SESSION_OPEN, 1, &entry);
}

/* Answers SessionSnapshotRequest, which must ask for what comes after that version. */
static void answer(struct page *p, uint64_t after_version, uint64_t version, bool complete)
{
    struct scene *s = p->scene;
    const struct message_session_snapshot_request *r =
        &scene_hear(s, MESSAGE_SESSION_SNAPSHOT_REQUEST)->session_snapshot_request;
    assert_string_equal(r->recovery_session_id.text, SCENE_SESSION);
    assert_int_equal(r->after_version, after_version);
    struct message m = {.type = MESSAGE_SESSION_SNAPSHOT};
    m.session_snapshot.in_reply_to = r->message_id;
    wire_id_set(&m.session_snapshot.syncshell_id, SCENE_SHELL);
    wire_id_set(&m.session_snapshot.recovery_session_id, SCENE_SESSION);
    m.session_snapshot.version = version;
    m.session_snapshot.complete = complete;
    m.session_snapshot.entries = p->entries;
    m.session_snapshot.n_entries = p->n_entries;
    m.body = p->body.size ? p->body.data : NULL;
    m.body_size = p->body.size;
    scene_say(s, &m);
    buf_deinit(&p->body);
    p->n_entries = 0;
}

/* Joins and finds the session at that version. */
static void find(struct scene *s, uint64_t version)
{
    const struct message_session_summary summary = scene_summary(s, true, 6, version);
    scene_boot(s);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED));
}

static void expect_resumed(struct scene *s, const char *label)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_ROLE), "joiner");
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_LABEL), label);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 6);
}

static void expect_checkpoint(struct scene *s, uint64_t base_version, size_t n_files)
{
    struct body_session_entry entry;
    const struct message *m = scene_hear(s, MESSAGE_SESSION_CHECKPOINT);
    assert_int_equal(m->session_entry.base_version, base_version);
    scene_entry(s, m, &entry);
    assert_int_equal(entry.files.n_files, n_files);
    body_session_entry_deinit(&entry);
    scene_stored_version(s, &m->session_entry.message_id, base_version + 1);
}

static void test_one_page(void **state)
{
    struct scene *s = *state;
    struct body_recovery_request request;
    struct page p = page_of(s);
    find(s, 4);
    add_label(&p);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "a");
    add_file(&p, MESSAGE_SESSION_PROGRESS, 3, "b");
    add_file(&p, MESSAGE_SESSION_PROGRESS, 4, "a"); /* again */
    answer(&p, 0, 4, true);
    expect_resumed(s, "label");
    assert_int_equal(station_records(&s->station, "file"), 2);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_GENERATION), 7);
    expect_checkpoint(s, 4, 2);
    scene_request(s, scene_hear(s, MESSAGE_RECOVERY_REQUEST), &request);
    assert_int_equal(request.files.n_files, 2);
    body_recovery_request_deinit(&request);
    scene_silence(s);
}

static void test_pages(void **state)
{
    struct scene *s = *state;
    struct page p = page_of(s);
    find(s, 9);
    add_file(&p, MESSAGE_SESSION_CHECKPOINT, 7, "a"); /* what was before is compacted */
    answer(&p, 0, 9, false);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 8, "b");
    add_file(&p, MESSAGE_SESSION_PROGRESS, 9, "c");
    answer(&p, 7, 9, true);
    expect_resumed(s, "");
    expect_checkpoint(s, 9, 3);
}

/* Entries open at any place of the answer: one that came before must not take a newer one's place. */
static void test_an_entry_again(void **state)
{
    struct scene *s = *state;
    struct body_session_entry newer = {0};
    struct body_session_entry entry;
    struct page p = page_of(s);
    find(s, 4);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "a");
    files_add(&newer.files, file_done("a", "ef56", 10));
    add_entry(&p, MESSAGE_SESSION_PROGRESS, 3, &newer);
    answer(&p, 0, 4, false);
    add_label(&p); /* nor may an older one still open the way for it */
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "a");
    add_file(&p, MESSAGE_SESSION_PROGRESS, 4, "b");
    answer(&p, 3, 4, true);
    scene_entry(s, scene_hear(s, MESSAGE_SESSION_CHECKPOINT), &entry);
    assert_int_equal(entry.files.n_files, 2);
    assert_string_equal(files_find(&entry.files, "a")->hash, "ef56");
    body_session_entry_deinit(&entry);
}

static void test_pages_that_lead_back(void **state)
{
    struct scene *s = *state;
    struct page p = page_of(s);
    find(s, 4);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 3, "a");
    answer(&p, 0, 4, false);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "b");
    answer(&p, 3, 4, false); /* and so on, if we let it */
    expect_resumed(s, "");
    expect_checkpoint(s, 4, 1);
}

static void test_killed_between_pages(void **state)
{
    struct scene *s = *state;
    struct page p = page_of(s);
    find(s, 8);
    add_file(&p, MESSAGE_SESSION_CHECKPOINT, 7, "a");
    answer(&p, 0, 8, false);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 6, 8);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_SESSION_RESUMED));
    add_file(&p, MESSAGE_SESSION_CHECKPOINT, 7, "a");
    add_file(&p, MESSAGE_SESSION_PROGRESS, 8, "b");
    answer(&p, 0, 8, true); /* from the beginning */
    expect_resumed(s, "");
    expect_checkpoint(s, 8, 2);
}

static void test_disconnected_between_pages(void **state)
{
    struct scene *s = *state;
    struct page p = page_of(s);
    find(s, 8);
    add_file(&p, MESSAGE_SESSION_CHECKPOINT, 7, "a");
    answer(&p, 0, 8, false);
    scene_hear(s, MESSAGE_SESSION_SNAPSHOT_REQUEST);
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 6, 8);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    add_file(&p, MESSAGE_SESSION_PROGRESS, 8, "b");
    answer(&p, 7, 8, true);
    expect_resumed(s, "");
    station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    expect_checkpoint(s, 8, 2);
}

static void test_reported_while_restoring(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    struct page p = page_of(s);
    find(s, 2);
    files_add(&files, file_done("a", "cd34", 20)); /* newer than the log's */
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "a");
    answer(&p, 0, 2, true);
    expect_resumed(s, "");
    struct body_session_entry entry;
    scene_entry(s, scene_hear(s, MESSAGE_SESSION_CHECKPOINT), &entry);
    assert_int_equal(entry.files.n_files, 1);
    assert_string_equal(entry.files.files[0].hash, "cd34");
    body_session_entry_deinit(&entry);
}

static void expect_said(struct scene *s, const char *code)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

/* Entries that a dishonest relay changed or moved are left out, and the application hears of it. */
static void test_entries_that_are_not_ours(void **state)
{
    struct scene *s = *state;
    static const char text[] = "{\"files\":[{\"path\":\"x\",\"size\":1,\"done\":true}]}";
    struct page p = page_of(s);
    find(s, 6);
    add_sealed(&p, MESSAGE_SESSION_PROGRESS, 2, false, 3, text, sizeof text - 1); /* moved */
    add_sealed(&p, MESSAGE_SESSION_PROGRESS, 3, false, 3, "[]", 2);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 4, "a");
    p.entries[p.n_entries - 1].body_format = BODY_FORMAT_JSON;
    add_sealed(&p, MESSAGE_SESSION_PROGRESS, 5, true, 5, text,
               sizeof text - 1); /* the provider's */
    add_file(&p, MESSAGE_SESSION_PROGRESS, 6, "good");
    answer(&p, 0, 6, true);
    expect_said(s, CODE_BAD_SEAL);
    expect_said(s, CODE_BAD_BODY);
    expect_said(s, CODE_CLEAR_BODY_REFUSED);
    expect_said(s, CODE_BAD_SEAL);
    expect_resumed(s, "");
    expect_checkpoint(s, 6, 1);
}

/* The same for a file that an earlier page brought back. */
static void test_reported_between_pages(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    struct body_session_entry entry;
    struct page p = page_of(s);
    find(s, 3);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "a");
    answer(&p, 0, 3, false);
    files_add(&files, file_done("a", "cd34", 20));
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 3, "a");
    answer(&p, 2, 3, true);
    scene_entry(s, scene_hear(s, MESSAGE_SESSION_CHECKPOINT), &entry);
    assert_int_equal(entry.files.n_files, 1);
    assert_string_equal(entry.files.files[0].hash, "cd34");
    body_session_entry_deinit(&entry);
}

/* The same, and killed before the next page. */
static void test_reported_while_restoring_and_killed(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    struct page p = page_of(s);
    find(s, 4);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "b");
    answer(&p, 0, 4, false);
    files_add(&files, file_done("a", "cd34", 20));
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 6, 4);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    struct body_session_entry newer = {0};
    files_add(&newer.files, file_done("b", "ef56", 10));
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "b");
    add_entry(&p, MESSAGE_SESSION_PROGRESS, 3, &newer);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 4, "a");
    answer(&p, 0, 4, true);
    struct body_session_entry entry;
    scene_entry(s, scene_hear(s, MESSAGE_SESSION_CHECKPOINT), &entry);
    assert_string_equal(files_find(&entry.files, "a")->hash, "cd34");
    assert_string_equal(files_find(&entry.files, "b")->hash, "ef56");
    body_session_entry_deinit(&entry);
}

static void test_more_files_than_we_hold(void **state)
{
    struct scene *s = *state;
    struct page p = page_of(s);
    s->station.config.files_per_session_max = 1;
    find(s, 3);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "a");
    add_file(&p, MESSAGE_SESSION_PROGRESS, 3, "b");
    answer(&p, 0, 3, true);
    expect_said(s, CODE_LIBRARY_FULL);
    expect_resumed(s, "");
}

static void test_label_of_the_provider(void **state)
{
    struct scene *s = *state;
    static const char text[] = "{\"files\":[],\"label\":\"theirs\"}";
    struct page p = page_of(s);
    find(s, 2);
    add_sealed(&p, MESSAGE_SESSION_OPEN, 1, true, 1, text, sizeof text - 1);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "a");
    answer(&p, 0, 2, true);
    expect_resumed(s, "theirs");
}

static void test_empty_page(void **state)
{
    struct scene *s = *state;
    struct page p = page_of(s);
    find(s, 3);
    answer(&p, 0, 3, false); /* a relay that goes nowhere must not keep us asking */
    expect_resumed(s, "");
    expect_checkpoint(s, 3, 0);
}

static void test_refused(void **state)
{
    struct scene *s = *state;
    struct page p = page_of(s);
    find(s, 3);
    struct wire_id id =
        scene_hear(s, MESSAGE_SESSION_SNAPSHOT_REQUEST)->session_snapshot_request.message_id;
    scene_error(s, &id, WIRE_CODE_STORE_UNAVAILABLE);
    scene_silence(s);
    scene_advance_ms(s, 2000);
    answer(&p, 0, 3, true);
    expect_resumed(s, "");
}

static void test_closed_meanwhile(void **state)
{
    struct scene *s = *state;
    find(s, 3);
    struct wire_id id =
        scene_hear(s, MESSAGE_SESSION_SNAPSHOT_REQUEST)->session_snapshot_request.message_id;
    scene_error(s, &id, WIRE_CODE_SESSION_CLOSED);
    station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_int_equal(station_records(&s->station, "session"), 0);
    scene_silence(s);
}

static void test_closed_by_us_meanwhile(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct page p = page_of(s);
    find(s, 2);
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 9, SCENE_SESSION,
                                          SYNCSHELL_OUTCOME_CANCELLED));
    scene_settle(s);
    add_file(&p, MESSAGE_SESSION_PROGRESS, 2, "a");
    answer(&p, 0, 2, true);
    scene_stored(s, &scene_hear(s, MESSAGE_SESSION_CLOSE)->session_close.message_id);
    assert_int_equal(event_ticket(station_skip_to(st, SYNCSHELL_EVENT_SESSION_CLOSED)), 9);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_one_page),
        SCENE_TEST(test_pages),
        SCENE_TEST(test_an_entry_again),
        SCENE_TEST(test_pages_that_lead_back),
        SCENE_TEST(test_killed_between_pages),
        SCENE_TEST(test_disconnected_between_pages),
        SCENE_TEST(test_reported_while_restoring),
        SCENE_TEST(test_reported_between_pages),
        SCENE_TEST(test_reported_while_restoring_and_killed),
        SCENE_TEST(test_more_files_than_we_hold),
        SCENE_TEST(test_entries_that_are_not_ours),
        SCENE_TEST(test_label_of_the_provider),
        SCENE_TEST(test_empty_page),
        SCENE_TEST(test_refused),
        SCENE_TEST(test_closed_meanwhile),
        SCENE_TEST(test_closed_by_us_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
