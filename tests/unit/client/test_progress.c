/* From a report over this machine's disk into the relay's log: nothing told before it is true, nothing sent twice, and
 * after whatever happened to either side the log is again what the journal says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"

static uint64_t report_one(struct scene *s, const char *path)
{
    struct body_file_list files = {0};
    files_add(&files, file_done(path, "ab12", 1000));
    uint64_t ticket = station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    return ticket;
}

static uint64_t report_many(struct scene *s, const char *prefix, size_t n)
{
    struct body_file_list files = {0};
    char path[BODY_PATH_MAX + 1];
    for (size_t i = 0; i < n; i++) {
        snprintf(path, sizeof path, "%s%05zu", prefix, i);
        files_add(&files, file_done(path, "ab12", 1000));
    }
    uint64_t ticket = station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    return ticket;
}

/* A path prefix so long that some 900 files fill a body. */
static const char *long_prefix(void)
{
    static char prefix[1001];
    memset(prefix, 'x', sizeof prefix - 1);
    return prefix;
}

/* The next entry: its type, base version and files; answered with version + 1 when `answered`. */
static struct body_file_list hear_entry(struct scene *s, enum message_type type,
                                        uint64_t base_version, bool answered)
{
    struct body_session_entry entry;
    const struct message *m = scene_hear(s, type);
    assert_int_equal(m->session_entry.base_version, base_version);
    assert_string_equal(m->session_entry.recovery_session_id.text, SCENE_SESSION);
    scene_entry(s, m, &entry);
    struct wire_id id = m->session_entry.message_id;
    if (answered)
        scene_stored_version(s, &id, base_version + 1);
    return entry.files;
}

static void expect_entry(struct scene *s, enum message_type type, uint64_t base_version,
                         const char *paths)
{
    char all[200] = "";
    struct body_file_list files = hear_entry(s, type, base_version, true);
    for (size_t i = 0; i < files.n_files; i++) {
        strncat(all, files.files[i].path, sizeof all - strlen(all) - 1);
        strncat(all, " ", sizeof all - strlen(all) - 1);
    }
    assert_string_equal(all, paths);
    body_file_list_deinit(&files);
}

static void expect_saved(struct scene *s, uint64_t ticket)
{
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_PROGRESS_SAVED);
    assert_int_equal(event_ticket(e), ticket);
}

static void expect_stored(struct scene *s, uint64_t ticket_up_to, uint64_t files_done)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_PROGRESS_STORED);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_TICKET_UP_TO), ticket_up_to);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_FILES_DONE), files_done);
}

static void come_back(struct scene *s, uint64_t version)
{
    const struct message_session_summary summary = scene_summary(s, true, 0, version);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
}

static void reconnect(struct scene *s, uint64_t version)
{
    scene_drop(s, 1006);
    scene_forget(s);
    come_back(s, version);
}

static void restart(struct scene *s, uint64_t version)
{
    scene_restart(s);
    come_back(s, version);
}

static void test_saved_then_stored(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    uint64_t ticket = report_one(s, "a");
    expect_saved(s, ticket);
    assert_non_null(station_record(&s->station, "file", SCENE_SESSION "/a"));
    station_expect_none(&s->station);
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a ");
    expect_stored(s, ticket, 1);
    scene_silence(s);
}

static void test_nothing_before_the_disk(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    s->station.disk_held = true;
    uint64_t ticket = report_one(s, "a");
    station_expect_none(&s->station);
    scene_silence(s);
    station_commit(&s->station);
    scene_settle(s);
    expect_saved(s, ticket);
    scene_hear(s, MESSAGE_SESSION_PROGRESS);
}

static void test_one_in_flight(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    uint64_t ticket = report_one(s, "a");
    struct body_file_list first = hear_entry(s, MESSAGE_SESSION_PROGRESS, 1, false);
    struct wire_id id = s->current.session_entry.message_id;
    body_file_list_deinit(&first);
    report_one(s, "b");
    report_one(s, "a"); /* again, while it is under way */
    uint64_t last = report_one(s, "c");
    scene_silence(s);
    station_forget(&s->station);
    scene_stored_version(s, &id, 2);
    expect_stored(s, ticket, 0); /* the first report; and its file is reported anew */
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 2, "b a c ");
    expect_stored(s, last, 3);
    scene_silence(s);
}

static void test_writes_grow_with_the_report_only(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_many(s, "m", 1000);
    struct body_file_list all = hear_entry(s, MESSAGE_SESSION_PROGRESS, 1, true);
    assert_int_equal(all.n_files, 1000);
    body_file_list_deinit(&all);
    uint64_t before = s->station.n_writes;
    report_one(s, "one more");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 2, "one more ");
    assert_true(s->station.n_writes - before <= 3);
}

static void test_partial_then_done(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    files_add(&files, file_partial("a", 100, 10, 60));
    uint64_t ticket = station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    files = hear_entry(s, MESSAGE_SESSION_PROGRESS, 1, true);
    assert_false(files.files[0].done);
    assert_int_equal(files.files[0].ranges[0].begin, 10);
    assert_int_equal(files.files[0].ranges[0].end, 60);
    body_file_list_deinit(&files);
    expect_stored(s, ticket, 0);
    ticket = report_one(s, "a");
    files = hear_entry(s, MESSAGE_SESSION_PROGRESS, 2, true);
    assert_true(files.files[0].done);
    assert_string_equal(files.files[0].hash, "ab12");
    body_file_list_deinit(&files);
    expect_stored(s, ticket, 1);
    assert_int_equal(station_records(&s->station, "file"), 1);
    ticket = report_one(s, "a"); /* and once more: still one */
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 3, "a ");
    expect_stored(s, ticket, 1);
}

static void test_empty_report_is_stored_too(void **state)
{
    struct scene *s = *state;
    struct body_file_list files = {0};
    scene_session(s, true);
    uint64_t ticket = station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
    expect_saved(s, ticket);
    expect_stored(s, ticket, 0);
    scene_silence(s);
}

static void test_large_reports_are_split(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    uint64_t ticket = report_many(s, long_prefix(), 2500);
    size_t n_files = 0;
    uint64_t version = 1;
    while (n_files < 2500) {
        struct body_file_list files = hear_entry(s, MESSAGE_SESSION_PROGRESS, version++, true);
        assert_true(files.n_files > 100);
        n_files += files.n_files;
        body_file_list_deinit(&files);
    }
    assert_int_equal(n_files, 2500);
    assert_true(version > 3);
    scene_silence(s);
    struct syncshell_event *e = NULL;
    uint64_t told = 0;
    while ((e = station_next(&s->station))) {
        if (event_type(e) != SYNCSHELL_EVENT_PROGRESS_STORED)
            continue;
        told = event_number(e, SYNCSHELL_FIELD_TICKET_UP_TO);
        if (event_number(e, SYNCSHELL_FIELD_FILES_DONE) < 2500)
            assert_int_equal(told, 0); /* a half of a report is not a report */
    }
    assert_int_equal(told, ticket);
}

static void test_a_checkpoint_may_be_split(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_many(s, long_prefix(), 2500);
    scene_error(s, &scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id,
                WIRE_CODE_SESSION_FULL);
    scene_advance_ms(s, 2000);
    struct body_file_list files = hear_entry(s, MESSAGE_SESSION_CHECKPOINT, 1, true);
    size_t n_files = files.n_files;
    uint64_t version = 2;
    body_file_list_deinit(&files);
    while (n_files < 2500) {
        files = hear_entry(s, MESSAGE_SESSION_PROGRESS, version++, true);
        n_files += files.n_files;
        body_file_list_deinit(&files);
    }
    scene_silence(s);
}

/* Room that others have used up is made by a checkpoint as well. */
static void test_a_share_that_is_used_up_is_compacted(void **state)
{
    static const enum wire_code codes[] = {WIRE_CODE_LOG_SHARE, WIRE_CODE_SYNCSHELL_QUOTA};
    struct scene *s = *state;
    uint64_t version = 1;
    scene_session(s, true);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        report_one(s, i ? "b" : "a");
        scene_error(s, &scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id,
                    codes[i]);
        scene_advance_ms(s, 2000);
        struct body_file_list files = hear_entry(s, MESSAGE_SESSION_CHECKPOINT, version++, true);
        assert_int_equal(files.n_files, i + 1);
        body_file_list_deinit(&files);
        scene_silence(s);
    }
}

/* A state that is larger than the relay's limit cannot be stored, however often: that must not become a storm. */
static void test_a_state_over_the_relays_limit(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_many(s, long_prefix(), 2500);
    unsigned n_frames = 0;
    uint64_t version = 1;
    uint64_t end_us = s->now_us + 60 * UINT64_C(1000000);
    while (s->now_us < end_us) {
        const struct message *m = scene_hear_any(s);
        if (!m) {
            scene_advance_ms(s, 100);
            continue;
        }
        n_frames++;
        struct wire_id id = m->session_entry.message_id;
        if (m->type == MESSAGE_SESSION_CHECKPOINT)
            scene_stored_version(s, &id, ++version);
        else
            scene_error(s, &id, WIRE_CODE_SESSION_FULL);
        assert_true(n_frames < 20);
    }
    assert_true(n_frames > 3); /* and it does try again */
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "session_full");
}

static void test_compaction(void **state)
{
    struct scene *s = *state;
    char path[8];
    s->station.config.checkpoint_entries = 4;
    scene_session(s, true);
    for (unsigned i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "f%u", i);
        report_one(s, path);
        struct body_file_list files = hear_entry(s, MESSAGE_SESSION_PROGRESS, i + 1, true);
        body_file_list_deinit(&files);
    }
    station_forget(&s->station);
    expect_entry(s, MESSAGE_SESSION_CHECKPOINT, 5, "f0 f1 f2 f3 ");
    expect_stored(s, 0, 4);
    scene_silence(s);
    report_one(s, "g");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 6, "g ");
    scene_silence(s);
}

static void test_conflict(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_one(s, "a");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a ");
    uint64_t ticket = report_one(s, "b");
    struct message m =
        scene_error_message(&scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id,
                            WIRE_CODE_VERSION_CONFLICT);
    m.error.has_version = true;
    m.error.version = 9;
    scene_say(s, &m);
    station_forget(&s->station);
    expect_entry(s, MESSAGE_SESSION_CHECKPOINT, 9, "a b ");
    expect_stored(s, ticket, 2);
    scene_silence(s);
}

/* A second writer with our key, or a relay that is out of its mind: not as fast as the wire. */
static void test_conflict_after_conflict(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_one(s, "a");
    enum message_type type = MESSAGE_SESSION_PROGRESS;
    for (uint64_t version = 2; version < 4; version++) {
        struct message m = scene_error_message(&scene_hear(s, type)->session_entry.message_id,
                                               WIRE_CODE_VERSION_CONFLICT);
        m.error.has_version = true;
        m.error.version = version;
        scene_say(s, &m);
        type = MESSAGE_SESSION_CHECKPOINT;
    }
    scene_silence(s);
    scene_advance_ms(s, 2000);
    expect_entry(s, MESSAGE_SESSION_CHECKPOINT, 3, "a ");
}

static void test_retryable_refusal(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_one(s, "a");
    struct wire_id id = scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id;
    scene_error(s, &id, WIRE_CODE_STORE_FULL);
    scene_silence(s);
    scene_advance_ms(s, 2000);
    assert_string_equal(scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id.text,
                        id.text);
}

static void test_connection_lost_before_it_was_stored(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    uint64_t ticket = report_one(s, "a");
    struct wire_id id = scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id;
    reconnect(s, 1);
    station_forget(&s->station);
    const struct message *m = scene_hear(s, MESSAGE_SESSION_PROGRESS);
    assert_string_equal(m->session_entry.message_id.text, id.text);
    assert_int_equal(m->session_entry.base_version, 1);
    scene_stored_version(s, &id, 2);
    expect_stored(s, ticket, 1);
}

static void test_connection_lost_after_it_was_stored(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    uint64_t ticket = report_one(s, "a");
    struct wire_id id = scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id;
    reconnect(s, 2);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED));
    const struct message *m = scene_hear(s, MESSAGE_SESSION_PROGRESS);
    assert_string_equal(m->session_entry.message_id.text, id.text);
    struct message stored = {.type = MESSAGE_STORED};
    stored.stored.in_reply_to = id;
    stored.stored.has_version = true;
    stored.stored.version = 2;
    stored.stored.duplicate = true;
    station_forget(&s->station);
    scene_say(s, &stored);
    expect_stored(s, ticket, 1);
    report_one(s, "b");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 2, "b ");
}

static void test_killed_before_it_was_stored(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_one(s, "a");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a ");
    report_one(s, "b");
    scene_hear(s, MESSAGE_SESSION_PROGRESS);
    restart(s, 2);
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 2, "b ");
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
}

static void test_killed_after_it_was_stored(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_one(s, "a");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a ");
    report_one(s, "b");
    scene_hear(s, MESSAGE_SESSION_PROGRESS);
    restart(s, 3);
    assert_null(station_find(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED));
    expect_entry(s, MESSAGE_SESSION_CHECKPOINT, 3, "a b ");
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
    restart(s, 4);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s); /* all is known to be there */
}

static void test_killed_with_everything_stored(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_one(s, "a");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a ");
    restart(s, 2);
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
    station_forget(&s->station);
    uint64_t ticket = report_one(s, "b");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 2, "b ");
    expect_stored(s, ticket, 2); /* what was done before the kill counts */
}

static void test_killed_during_a_checkpoint(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_one(s, "a");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a ");
    reconnect(s, 7); /* somebody else's entries, or a lost journal */
    scene_hear(s, MESSAGE_SESSION_CHECKPOINT);
    restart(s, 7);
    expect_entry(s, MESSAGE_SESSION_CHECKPOINT, 7, "a ");
    scene_hear(s, MESSAGE_RECOVERY_REQUEST);
    scene_silence(s);
}

static void test_relay_rolled_back(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report_one(s, "a");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a ");
    report_one(s, "b");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 2, "b ");
    reconnect(s, 2);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_RELAY_ROLLED_BACK);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    expect_entry(s, MESSAGE_SESSION_CHECKPOINT, 2, "a b ");
    expect_stored(s, 0, 2);
    scene_silence(s);
}

static void expect_refused(struct scene *s, uint64_t ticket, const char *code)
{
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), ticket);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

static void test_report_faults(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct body_file_list files = {0};
    s->station.config.files_per_session_max = 2;
    scene_session(s, true);
    files_add(&files, file_done("a", NULL, 1));
    uint64_t ticket = station_report(st, "nowhere", &files);
    scene_settle(s);
    expect_refused(s, ticket, "unknown_session");
    files_add(&files, file_partial("a", 10, 5, 20)); /* past its size */
    ticket = station_report(st, SCENE_SESSION, &files);
    scene_settle(s);
    expect_refused(s, ticket, CODE_BAD_ARGUMENT);
    scene_silence(s);
    ticket = report_many(s, "m", 3);
    expect_refused(s, ticket, CODE_LIBRARY_FULL);
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 90, SCENE_SESSION,
                                          SYNCSHELL_OUTCOME_COMPLETED));
    scene_settle(s);
    scene_forget(s);
    ticket = report_one(s, "a");
    expect_refused(s, ticket, "session_closed");
}

static void test_provider_does_not_report(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    expect_refused(s, report_one(s, "a"), CODE_WRONG_ROLE);
    scene_silence(s);
}

static void test_reports_while_away(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    scene_drop(s, 1006);
    station_forget(&s->station);
    expect_saved(s, report_one(s, "a"));
    expect_saved(s, report_one(s, "b"));
    come_back(s, 1);
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a b ");
}

static void test_a_late_answer_means_nothing(void **state)
{
    struct scene *s = *state;
    struct wire_id id;
    scene_session(s, true);
    report_one(s, "a");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 1, "a ");
    id = s->current.session_entry.message_id;
    scene_forget(s);
    scene_stored_version(s, &id, 7);
    wire_id_set(&id, "nobodys");
    scene_stored_version(s, &id, 7);
    scene_error(s, &id, WIRE_CODE_INTERNAL);
    station_expect_none(&s->station);
    report_one(s, "b");
    expect_entry(s, MESSAGE_SESSION_PROGRESS, 2, "b ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_saved_then_stored),
        SCENE_TEST(test_nothing_before_the_disk),
        SCENE_TEST(test_one_in_flight),
        SCENE_TEST(test_writes_grow_with_the_report_only),
        SCENE_TEST(test_partial_then_done),
        SCENE_TEST(test_empty_report_is_stored_too),
        SCENE_TEST(test_large_reports_are_split),
        SCENE_TEST(test_a_checkpoint_may_be_split),
        SCENE_TEST(test_a_share_that_is_used_up_is_compacted),
        SCENE_TEST(test_a_state_over_the_relays_limit),
        SCENE_TEST(test_compaction),
        SCENE_TEST(test_conflict),
        SCENE_TEST(test_conflict_after_conflict),
        SCENE_TEST(test_retryable_refusal),
        SCENE_TEST(test_connection_lost_before_it_was_stored),
        SCENE_TEST(test_connection_lost_after_it_was_stored),
        SCENE_TEST(test_killed_before_it_was_stored),
        SCENE_TEST(test_killed_after_it_was_stored),
        SCENE_TEST(test_killed_with_everything_stored),
        SCENE_TEST(test_killed_during_a_checkpoint),
        SCENE_TEST(test_relay_rolled_back),
        SCENE_TEST(test_report_faults),
        SCENE_TEST(test_provider_does_not_report),
        SCENE_TEST(test_reports_while_away),
        SCENE_TEST(test_a_late_answer_means_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
