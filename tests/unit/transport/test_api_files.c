/* What a program may say of its files, at the same client as in test_api_arguments.c. */
#include "arguments.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <syncshell/syncshell.h>

#include "client/delta.h"
#include "client/event.h"

enum { PATH_MAX_BYTES = 1024, MANY = 50000, MANY_LIMIT_S = 10 };

static void report_refused(const struct fixture *f, syncshell_file file)
{
    REFUSED(syncshell_session_report(f->client, "s", &file, 1, &ticket));
}

static void files_are_checked(void **state)
{
    struct fixture *f = *state;
    const syncshell_range range = {10, 20}, empty = {10, 10}, backwards = {20, 10},
                          overlapping[] = {{0, 11}, {10, 20}}, unsorted[] = {{10, 20}, {0, 5}};
    const syncshell_file good = {
        .size = sizeof good, .path = "a", .size_bytes = 20, .ranges = &range, .n_ranges = 1};
    syncshell_file file;

    REFUSED(syncshell_session_report(f->client, "s", NULL, 1, &ticket));
    REFUSED(syncshell_session_report(f->client, "s", &good, SIZE_MAX, &ticket));
#define WRONG(field, value)      \
    do {                         \
        file = good;             \
        file.field = (value);    \
        report_refused(f, file); \
    } while (0)
    WRONG(size, 0);
    WRONG(size, sizeof good - 1);
    WRONG(flags, 4);
    WRONG(flags, SYNCSHELL_FILE_MISMATCHED);
    WRONG(flags, SYNCSHELL_FILE_DONE); /* done and in part */
    WRONG(path, NULL);
    WRONG(path, "");
    WRONG(path, "\xff");
    WRONG(path, "two\nlines");
    WRONG(path, text_of(PATH_MAX_BYTES + 1));
    WRONG(hash, "aa");          /* without its algorithm */
    WRONG(algorithm, "sha256"); /* without its hash */
    WRONG(size_bytes, 19);      /* the range ends later */
    WRONG(size_bytes, UINT64_MAX);
    WRONG(ranges, NULL);
    WRONG(ranges, &empty);
    WRONG(ranges, &backwards);
#undef WRONG
    file = good;
    file.hash = "not hex";
    file.algorithm = "sha256";
    report_refused(f, file);
    file = good;
    file.ranges = overlapping;
    file.n_ranges = 2;
    report_refused(f, file);
    file.ranges = unsorted;
    report_refused(f, file);

    ACCEPTED(f, syncshell_session_report(f->client, "s", &good, 1, &ticket));
    file = (syncshell_file){.size = sizeof file,
                            .flags = SYNCSHELL_FILE_DONE,
                            .path = text_of(PATH_MAX_BYTES),
                            .hash = "AAbb09",
                            .algorithm = "sha256",
                            .size_bytes = 7};
    ACCEPTED(f, syncshell_session_report(f->client, "s", &file, 1, &ticket));
}

/* The header: in a manifest neither flags nor ranges. */
static void a_manifest_is_of_whole_files(void **state)
{
    struct fixture *f = *state;
    const syncshell_range range = {10, 20};
    syncshell_file file = {.size = sizeof file, .path = "a", .size_bytes = 20};

    ACCEPTED(f, syncshell_session_set_manifest(f->client, "s", &file, 1, &ticket));
    ACCEPTED(f, syncshell_session_set_manifest(f->client, "s", NULL, 0, &ticket));
    file.flags = SYNCSHELL_FILE_DONE;
    REFUSED(syncshell_session_set_manifest(f->client, "s", &file, 1, &ticket));
    file.flags = 0;
    file.ranges = &range;
    file.n_ranges = 1;
    REFUSED(syncshell_session_set_manifest(f->client, "s", &file, 1, &ticket));
}

static void a_path_stands_in_a_manifest_once(void **state)
{
    struct fixture *f = *state;
    const syncshell_file files[] = {{.size = sizeof *files, .path = "a"},
                                    {.size = sizeof *files, .path = "b"},
                                    {.size = sizeof *files, .path = "a"}};

    REFUSED(syncshell_session_set_manifest(f->client, "s", files, 3, &ticket));
    /* In a report the later one replaces the earlier. */
    ACCEPTED(f, syncshell_session_report(f->client, "s", files, 3, &ticket));
    ACCEPTED(f, syncshell_session_set_manifest(f->client, "s", files, 2, &ticket));
}

static void a_later_programs_files_are_read_by_their_size(void **state)
{
    struct fixture *f = *state;
    struct {
        syncshell_file file;
        uint64_t later;
    } files[2] = {{.file = {.size = sizeof *files, .path = "a"}, .later = 1},
                  {.file = {.size = sizeof *files, .path = "b"}, .later = 2}};

    ACCEPTED(f, syncshell_session_report(f->client, "s", &files[0].file, 2, &ticket));
    files[1].file.size = sizeof(syncshell_file);
    REFUSED(syncshell_session_report(f->client, "s", &files[0].file, 2, &ticket));
}

/* ---- those of an event ---- */

static void add_file(struct body_file_list *l, unsigned i, const char *hash)
{
    char path[64];
    struct body_file f = {.size_bytes = 1, .done = true};

    (void)snprintf(path, sizeof path, "a folder that all of them have/%06u.tex", i);
    f.path = strdup(path);
    f.hash = strdup(hash);
    f.algorithm = strdup("sha1");
    assert_true(f.path && f.hash && f.algorithm);
    assert_int_equal(body_file_list_append(l, &f), 0);
}

/* As the library makes it of a manifest, and of what a joiner says that has as many files; of each the hash differs from
 * `n_same` on. */
static syncshell_event *request_event(unsigned n_files, unsigned n_same)
{
    struct body_file_list manifest = {0}, held = {0};
    struct delta delta;
    syncshell_event *event;

    for (unsigned i = 0; i < n_files; i++) {
        add_file(&manifest, i, "aa");
        add_file(&held, i, i < n_same ? "AA" : "bb");
    }
    assert_int_equal(delta_compute(&delta, &manifest, &held), 0);
    assert_int_equal(event_new(&event, SYNCSHELL_EVENT_RECOVERY_REQUEST, 0), 0);
    event_take_files(event, SYNCSHELL_FILES_HELD, &held);
    event_take_files(event, SYNCSHELL_FILES_NEEDED, &delta.needed);
    event_take_files(event, SYNCSHELL_FILES_MISMATCHED, &delta.mismatched);
    delta_deinit(&delta);
    body_file_list_deinit(&manifest);
    return event;
}

static uint32_t flags_of(const syncshell_event *event, int32_t list, size_t index)
{
    syncshell_file file = {.size = sizeof file};

    assert_int_equal(syncshell_event_file(event, list, index, &file), SYNCSHELL_OK);
    return file.flags;
}

/* A game reads them within a frame. */
static void many_files_of_an_event_are_read_in_a_moment(void **state)
{
    syncshell_event *event = request_event(MANY, 2);
    time_t limit = time(NULL) + MANY_LIMIT_S;

    (void)state;
    assert_int_equal(syncshell_event_file_count(event, SYNCSHELL_FILES_HELD), MANY);
    assert_int_equal(syncshell_event_file_count(event, SYNCSHELL_FILES_NEEDED), MANY - 2);
    assert_int_equal(syncshell_event_file_count(event, SYNCSHELL_FILES_MISMATCHED), MANY - 2);
    for (size_t i = 0; i < MANY - 2; i++) {
        assert_int_equal(flags_of(event, SYNCSHELL_FILES_HELD, i), SYNCSHELL_FILE_DONE);
        assert_int_equal(flags_of(event, SYNCSHELL_FILES_NEEDED, i), SYNCSHELL_FILE_MISMATCHED);
        assert_int_equal(flags_of(event, SYNCSHELL_FILES_MISMATCHED, i), SYNCSHELL_FILE_MISMATCHED);
        assert_true(time(NULL) <= limit);
    }
    syncshell_event_free(event);
}

/* What a later program's struct has beyond ours is 0, which stands for: nothing is known. */
static void a_later_programs_struct_is_filled_to_its_end(void **state)
{
    syncshell_event *event = request_event(1, 0);
    const struct message_ice_server server = {.url = "stun:a.example:3478"};
    struct {
        syncshell_file file;
        uint64_t later[2];
    } file;
    struct {
        syncshell_ice_server server;
        uint64_t later[2];
    } ice;

    (void)state;
    event_add_ice_servers(event, &server, 1);
    memset(&file, 0xff, sizeof file);
    file.file.size = sizeof file;
    assert_int_equal(syncshell_event_file(event, SYNCSHELL_FILES_NEEDED, 0, &file.file),
                     SYNCSHELL_OK);
    assert_int_equal(file.file.size, sizeof file);
    assert_true(file.later[0] == 0 && file.later[1] == 0);
    memset(&ice, 0xff, sizeof ice);
    ice.server.size = sizeof ice;
    assert_int_equal(syncshell_event_ice_server(event, 0, &ice.server), SYNCSHELL_OK);
    assert_int_equal(ice.server.size, sizeof ice);
    assert_true(ice.later[0] == 0 && ice.later[1] == 0);

    file.file.size = UINT32_MAX; /* a size that was never set */
    assert_int_equal(syncshell_event_file(event, SYNCSHELL_FILES_NEEDED, 0, &file.file),
                     SYNCSHELL_E_ARGUMENT);
    ice.server.size = UINT32_MAX;
    assert_int_equal(syncshell_event_ice_server(event, 0, &ice.server), SYNCSHELL_E_ARGUMENT);
    syncshell_event_free(event);
}

#define WITH_FIXTURE(name) \
    cmocka_unit_test_setup_teardown(name, arguments_setup, arguments_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(files_are_checked),
        WITH_FIXTURE(a_manifest_is_of_whole_files),
        WITH_FIXTURE(a_path_stands_in_a_manifest_once),
        WITH_FIXTURE(a_later_programs_files_are_read_by_their_size),
        cmocka_unit_test(many_files_of_an_event_are_read_in_a_moment),
        cmocka_unit_test(a_later_programs_struct_is_filled_to_its_end),
    };

    return cmocka_run_group_tests_name("transport_api_files", tests, NULL, NULL);
}
