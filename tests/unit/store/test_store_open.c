/* Which files a store takes, and what it says about the others. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "adapters/store_sqlite/access_keys.h"
#include "adapters/store_sqlite/backup.h"
#include "adapters/store_sqlite/restore.h"

enum { NOBODY = 65534 };

/* Every refusal is a sentence that begins with the file's name. */
static void assert_refused(struct fixture *f, int error, const char *says)
{
    char text[ERROR_MAX] = "";

    assert_int_equal(fixture_try_open(f, text), error);
    assert_null(f->store);
    assert_memory_equal(text, f->path, strlen(f->path));
    if (!strstr(text, says))
        fail_msg("\"%s\" does not say \"%s\"", text, says);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void an_empty_file_is_made_ours(void **state)
{
    struct fixture *f = *state;

    fixture_close(f);
    assert_int_equal(unlink(f->path), 0);
    write_text(f->path, "");
    fixture_open(f);
    assert_int_equal(fixture_sql_int(f, "PRAGMA application_id"), 0x53796e63);
    assert_int_equal(fixture_sql_int(f, "PRAGMA page_size"), 4096);
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) = max(version) FROM schema_migration"), 1);
    assert_int_equal(fixture_sql_int(f, "SELECT min(length(sha256)) FROM schema_migration"), 64);
    fixture_add_pair(f);
}

static void files_are_for_the_relay_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const endings[] = {"", "-wal", "-shm", ".lock"};

    fixture_add_pair(f);
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char path[sizeof f->path + 8];
        struct stat status;

        (void)snprintf(path, sizeof path, "%s%s", f->path, endings[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 0777, 0600);
    }
}

static void identity_is_made_once(void **state)
{
    struct fixture *f = *state;
    struct store_identity first = *store_identity(f->store), again, other;

    assert_true(wire_id_valid(first.relay_id.text, strlen(first.relay_id.text)));
    assert_true(wire_id_valid(first.epoch.text, strlen(first.epoch.text)));
    assert_string_not_equal(first.relay_id.text, first.epoch.text);
    fixture_reopen(f);
    again = *store_identity(f->store);
    assert_string_equal(first.relay_id.text, again.relay_id.text);
    assert_string_equal(first.epoch.text, again.epoch.text);
    fixture_close(f);
    assert_int_equal(unlink(f->path), 0);
    fixture_open(f);
    other = *store_identity(f->store);
    assert_string_not_equal(first.relay_id.text, other.relay_id.text);
}

static void a_second_relay_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fixture second = *f;
    char says[64];

    second.store = NULL;
    (void)snprintf(says, sizeof says, "in use by another relay (pid %ld)", (long)getpid());
    assert_refused(&second, -EBUSY, says);
    fixture_add_pair(f); /* the first is unharmed */
    fixture_close(f);
    fixture_open(&second);
    fixture_close(&second);
}

/* The log and the lock stand beside the name, so each name would have its own. */
static void a_database_with_two_names_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fixture second = *f;
    char error[ERROR_MAX], copy[sizeof f->path + 8];
    struct access_keys *keys = NULL;
    uint64_t bytes;
    static const char says[] = "has 2 names (hard links)";

    second.store = NULL;
    (void)snprintf(second.path, sizeof second.path, "%s/other.db", f->folder);
    (void)snprintf(copy, sizeof copy, "%s/copy.db", f->folder);
    assert_int_equal(link(f->path, second.path), 0);
    assert_refused(&second, -EMLINK, says);
    fixture_add_pair(f); /* who had it open before goes on */
    assert_int_equal(backup_write(second.path, copy, &bytes, error, sizeof error), -EMLINK);
    assert_non_null(strstr(error, says));
    assert_int_equal(access_keys_open(&keys, second.path, error, sizeof error), -EMLINK);
    assert_non_null(strstr(error, says));
    fixture_close(f);
    assert_refused(f, -EMLINK, says);
    assert_int_equal(unlink(second.path), 0);
    fixture_open(f);
}

static void move(const struct fixture *f, const char *from, const struct fixture *g, const char *to)
{
    char source[sizeof f->path + 40], target[sizeof f->path + 40];

    (void)snprintf(source, sizeof source, "%s%s", f->path, from);
    (void)snprintf(target, sizeof target, "%s%s", g->path, to);
    assert_int_equal(link(source, target), 0);
    assert_int_equal(unlink(source), 0);
}

static size_t count_names(const struct fixture *f)
{
    struct stat status;

    assert_int_equal(stat(f->path, &status), 0);
    return status.st_nlink;
}

/* Killed when the former database had its second name, and its log was moved there already. */
static void a_restore_that_was_killed_is_undone(void **state)
{
    struct fixture *f = *state;
    struct fixture moved = *f;
    struct store_identity identity = *store_identity(f->store);
    char kept[sizeof f->path + 40];

    /* While it is open its log is not in the file: so it is what a relay that was killed leaves. */
    moved.store = NULL;
    (void)snprintf(moved.path, sizeof moved.path, "%s/moved.db", f->folder);
    move(f, "", &moved, "");
    move(f, "-wal", &moved, ".before-20260101T000000Z-wal");
    (void)snprintf(kept, sizeof kept, "%s.before-20260101T000000Z", moved.path);
    assert_int_equal(link(moved.path, kept), 0);
    fixture_open(&moved);
    assert_string_equal(store_identity(moved.store)->relay_id.text, identity.relay_id.text);
    assert_int_equal(access(kept, F_OK), -1);
    assert_int_equal(count_names(&moved), 1);
    fixture_close(&moved);
}

static void make_full_folder(const char *path)
{
    char inside[200];

    (void)snprintf(inside, sizeof inside, "%s/file", path);
    assert_int_equal(mkdir(path, 0700), 0);
    write_text(inside, "");
}

static void remove_full_folder(const char *path)
{
    char inside[200];

    (void)snprintf(inside, sizeof inside, "%s/file", path);
    assert_int_equal(unlink(inside), 0);
    assert_int_equal(rmdir(path), 0);
}

/* By a log that can be neither used nor moved away, whichever second it is. */
static void a_restore_that_fails_leaves_one_name(void **state)
{
    enum { SECONDS = 10 };
    struct fixture *f = *state;
    struct fixture damaged = *f;
    char copy[sizeof f->path + 8], error[ERROR_MAX] = "", kept[RESTORE_PATH_MAX];
    char wal[sizeof f->path + 8], in_the_way[SECONDS][sizeof f->path + 40];
    time_t now = time(NULL);
    uint64_t bytes;

    (void)snprintf(copy, sizeof copy, "%s/copy.db", f->folder);
    assert_int_equal(backup_write(f->path, copy, &bytes, error, sizeof error), 0);
    (void)snprintf(damaged.path, sizeof damaged.path, "%s/damaged.db", f->folder);
    (void)snprintf(wal, sizeof wal, "%s-wal", damaged.path);
    write_text(damaged.path, "not a database");
    make_full_folder(wal);
    for (size_t i = 0; i < SECONDS; i++) {
        time_t then = now + (time_t)i;
        char text[20];
        struct tm utc;

        assert_non_null(gmtime_r(&then, &utc));
        assert_true(strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc) > 0);
        (void)snprintf(in_the_way[i], sizeof in_the_way[i], "%s.before-%s-wal", damaged.path, text);
        make_full_folder(in_the_way[i]);
    }
    assert_true(restore_file(damaged.path, copy, kept, error, sizeof error) < 0);
    assert_non_null(strstr(error, "cannot be kept as"));
    assert_int_equal(count_names(&damaged), 1);
    remove_full_folder(wal);
    for (size_t i = 0; i < SECONDS; i++)
        remove_full_folder(in_the_way[i]);
}

static void an_older_schema_is_brought_up_to_date(void **state)
{
    struct fixture *f = *state;

    fixture_add_pair(f);
    fixture_sql(f, "DROP TRIGGER inbox_message_held_more; DROP TRIGGER inbox_message_emptied;"
                   "DROP TRIGGER inbox_message_held_less; DROP TABLE inbox_sender;"
                   "ALTER TABLE member DROP COLUMN held_rows;"
                   "ALTER TABLE member DROP COLUMN held_bytes;"
                   "ALTER TABLE syncshell DROP COLUMN held_bytes;"
                   "DROP TABLE removed_member; DROP TABLE syncshell_tombstone;"
                   "DROP INDEX syncshell_garbage;"
                   "ALTER TABLE syncshell DROP COLUMN owner_sequence;"
                   "ALTER TABLE syncshell DROP COLUMN owner_operation;"
                   "DROP TABLE session_attempt;"
                   "ALTER TABLE session DROP COLUMN cause;"
                   "ALTER TABLE session DROP COLUMN cause_generation;"
                   "ALTER TABLE session DROP COLUMN cause_peer_id;"
                   "DROP TABLE access_key;"
                   "DROP TABLE recovery_code;"
                   "ALTER TABLE session DROP COLUMN former_peer_ids;"
                   "DROP INDEX syncshell_by_creator;"
                   "ALTER TABLE syncshell DROP COLUMN created_by;"
                   "DROP INDEX session_stored;"
                   "DROP INDEX syncshell_by_use;"
                   "ALTER TABLE syncshell DROP COLUMN used_day;"
                   "ALTER TABLE meta DROP COLUMN relay_day;"
                   "ALTER TABLE meta DROP COLUMN unix_day;"
                   "ALTER TABLE session DROP COLUMN opened_by;"
                   "DELETE FROM schema_migration WHERE version > 1");
    fixture_reopen(f);
    (void)fixture_duplicate(f, make_add_member(PEER_B));
    (void)fixture_new(f, make_owner(STORE_EXPEL_MEMBER, PEER_A, 1, PEER_B));
}

static void a_newer_schema_is_refused(void **state)
{
    struct fixture *f = *state;

    fixture_sql(f, "INSERT INTO schema_migration VALUES (1000, '1000_future', 'ab')");
    fixture_close(f);
    assert_refused(f, -ENOTSUP, "newer than this program");
    fixture_sql(f, "DELETE FROM schema_migration WHERE version = 1000");
    fixture_open(f);
}

static void a_changed_migration_is_refused(void **state)
{
    struct fixture *f = *state;

    fixture_sql(f,
                "UPDATE schema_migration SET sha256 = replace(sha256, substr(sha256, 1, 1), 'x')");
    fixture_close(f);
    assert_refused(f, -EBADMSG, "migration 1 differs");
    assert_refused(f, -EBADMSG, "migration 1 differs"); /* and nothing was changed by trying */
}

static void another_programs_database_is_left_alone(void **state)
{
    struct fixture *f = *state;

    fixture_close(f);
    assert_int_equal(unlink(f->path), 0);
    fixture_sql(f, "CREATE TABLE theirs (x); PRAGMA user_version = 7");
    assert_refused(f, -EINVAL, "is a database of another program");
    assert_int_equal(fixture_sql_int(f, "SELECT count(*) FROM sqlite_schema"), 1);
    assert_int_equal(
        fixture_sql_int(f, "SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"),
        0);
    fixture_sql(f, "DROP TABLE theirs; PRAGMA application_id = 12345");
    assert_refused(f, -EINVAL, "is a database of another program");
}

static void garbage_is_refused(void **state)
{
    struct fixture *f = *state;
    FILE *file;

    fixture_close(f);
    file = fopen(f->path, "wb");
    assert_non_null(file);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(fprintf(file, "%08d", i), 8);
    assert_int_equal(fclose(file), 0);
    assert_refused(f, -EIO, "file is not a database");
}

static void a_missing_folder_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f;

    other.store = NULL;
    (void)snprintf(other.path, sizeof other.path, "%s/none/relay.db", f->folder);
    assert_refused(&other, -ENOENT, "No such file or directory");
}

static void a_database_in_memory_is_refused(void **state)
{
    struct fixture *f = *state;
    struct fixture other = *f;
    char before[PATH_MAX];

    other.store = NULL;
    (void)snprintf(other.path, sizeof other.path, ":memory:");
    assert_non_null(getcwd(before, sizeof before));
    assert_int_equal(chdir(f->folder), 0);
    assert_refused(&other, -EIO, "cannot be opened");
    assert_int_equal(chdir(before), 0);
}

/* File modes mean nothing to the superuser, so this happens in a child that is not. */
static void a_read_only_file_is_refused(void **state)
{
    struct fixture *f = *state;
    char lock[sizeof f->path + 8];
    pid_t child;
    int status = 0;

    fixture_close(f);
    (void)snprintf(lock, sizeof lock, "%s.lock", f->path);
    assert_int_equal(chmod(f->path, 0400), 0);
    if (getuid() == 0) {
        assert_int_equal(chown(f->folder, NOBODY, NOBODY), 0);
        assert_int_equal(chown(f->path, NOBODY, NOBODY), 0);
        assert_int_equal(chown(lock, NOBODY, NOBODY), 0);
    }
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char text[ERROR_MAX] = "";

        if (getuid() == 0 && (setgid(NOBODY) < 0 || setuid(NOBODY) < 0))
            _exit(2);
        if (fixture_try_open(f, text) != -EROFS || !strstr(text, "is read-only"))
            _exit(1);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_empty_file_is_made_ours, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(files_are_for_the_relay_alone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(identity_is_made_once, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_second_relay_is_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_database_with_two_names_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_restore_that_was_killed_is_undone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_restore_that_fails_leaves_one_name, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(an_older_schema_is_brought_up_to_date, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_newer_schema_is_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_changed_migration_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(another_programs_database_is_left_alone, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(garbage_is_refused, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(a_missing_folder_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_database_in_memory_is_refused, fixture_setup,
                                        fixture_teardown),
        cmocka_unit_test_setup_teardown(a_read_only_file_is_refused, fixture_setup,
                                        fixture_teardown),
    };

    return cmocka_run_group_tests_name("store_open", tests, NULL, NULL);
}
