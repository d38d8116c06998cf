/* What a program may say of its files, at the same client as in test_api_arguments.c. */
#include "arguments.h"

#include <syncshell/syncshell.h>

enum { PATH_MAX_BYTES = 1024 };

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

#define WITH_FIXTURE(name) \
    cmocka_unit_test_setup_teardown(name, arguments_setup, arguments_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(files_are_checked),
        WITH_FIXTURE(a_manifest_is_of_whole_files),
        WITH_FIXTURE(a_path_stands_in_a_manifest_once),
        WITH_FIXTURE(a_later_programs_files_are_read_by_their_size),
    };

    return cmocka_run_group_tests_name("transport_api_files", tests, NULL, NULL);
}
