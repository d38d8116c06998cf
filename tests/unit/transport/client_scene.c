#include "client_scene.h"

#include <dirent.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#define NOWHERE "ws://127.0.0.1:1"

syncshell_options usual_options(const struct scratch *s)
{
    syncshell_options o;

    syncshell_options_init(&o, sizeof o);
    o.state_dir = s->path;
    o.relay_url = NOWHERE;
    return o;
}

syncshell_client *start(const struct scratch *s)
{
    const syncshell_options o = usual_options(s);
    syncshell_client *client = NULL;

    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_OK);
    return client;
}

void assert_start_fails(const struct scratch *s, int32_t expected)
{
    const syncshell_options o = usual_options(s);
    syncshell_client *client = NULL;

    assert_int_equal(syncshell_client_new(&o, &client), expected);
    assert_null(client);
}

void assert_event(syncshell_client *client, int32_t type, uint64_t ticket)
{
    syncshell_event *event = NULL;

    assert_int_equal(syncshell_client_wait_event(client, LIMIT_MS, &event), SYNCSHELL_OK);
    assert_string_equal(syncshell_event_type_name(syncshell_event_get_type(event)),
                        syncshell_event_type_name(type));
    assert_int_equal(syncshell_event_ticket(event), ticket);
    syncshell_event_free(event);
}

uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void find_journal(const struct scratch *s, char *ret_path)
{
    DIR *d = opendir(s->path);
    const struct dirent *entry;
    bool found = false;

    assert_non_null(d);
    while (!found && (entry = readdir(d))) {
        found = strncmp(entry->d_name, "journal", 7) == 0 && !strchr(entry->d_name, '-');
        if (found)
            scratch_path(s, entry->d_name, ret_path);
    }
    assert_int_equal(closedir(d), 0);
    assert_true(found);
}

void run_sql(const struct scratch *s, const char *sql)
{
    char path[SCRATCH_PATH_MAX];
    sqlite3 *db = NULL;

    find_journal(s, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int count_records(const struct scratch *s, const char *kind)
{
    char path[SCRATCH_PATH_MAX];
    sqlite3 *db = NULL;
    sqlite3_stmt *statement = NULL;
    int n;

    find_journal(s, path);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(db, "SELECT count(*) FROM record WHERE kind = ?1", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    n = sqlite3_column_int(statement, 0);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}
