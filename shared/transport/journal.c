#define _GNU_SOURCE /* asprintf */

#include "transport/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

enum {
    APPLICATION_ID = 0x53795368, /* "SySh" */
    VERSION = 1,                 /* of the file's layout; the records have versions of their own */
    BUSY_TIMEOUT_MS = 1000,      /* for somebody's backup or shell */
};

struct journal {
    sqlite3 *db;
    sqlite3_stmt *put;
    sqlite3_stmt *delete;
    bool in_batch;
    int error; /* of the batch */
    bool log_seen;
    dev_t log_device; /* of the write-ahead log, when it was seen */
    ino_t log_inode;
};

static int failure(int sqlite_result)
{
    switch (sqlite_result & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return JOURNAL_E_CORRUPT;
    case SQLITE_NOMEM:
        return -ENOMEM;
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_BUSY:
        return -EBUSY;
    default:
        return -EIO;
    }
}

/* Of preparing one of our statements: they are right, so one that does not fit the file tells of a damaged file. */
static int misfit(int sqlite_result)
{
    return (sqlite_result & 0xff) == SQLITE_ERROR ? JOURNAL_E_CORRUPT : failure(sqlite_result);
}

static int execute(struct journal *j, const char *sql)
{
    int rc = sqlite3_exec(j->db, sql, NULL, NULL, NULL);

    return rc == SQLITE_OK ? 0 : failure(rc);
}

/* The first column of the first row. */
static int query_text(struct journal *j, const char *sql, char *ret_text, size_t size)
{
    sqlite3_stmt *statement = NULL;
    const unsigned char *text;
    int r = 0, rc = sqlite3_prepare_v2(j->db, sql, -1, &statement, NULL);

    if (rc != SQLITE_OK)
        return misfit(rc);
    rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW) {
        r = rc == SQLITE_DONE ? JOURNAL_E_CORRUPT : failure(rc);
    } else {
        text = sqlite3_column_text(statement, 0);
        (void)snprintf(ret_text, size, "%s", text ? (const char *)text : "");
    }
    (void)sqlite3_finalize(statement); /* repeats the error of the step */
    return r;
}

static int query_number(struct journal *j, const char *sql, long *ret_number)
{
    char text[32];
    int r = query_text(j, sql, text, sizeof text);

    if (!r)
        *ret_number = strtol(text, NULL, 10);
    return r;
}

static int create_tables(struct journal *j)
{
    char sql[512];

    (void)snprintf(
        sql, sizeof sql,
        "BEGIN IMMEDIATE;"
        "CREATE TABLE record (kind TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
        " PRIMARY KEY (kind, key)) STRICT;"
        "PRAGMA application_id = %d;"
        "PRAGMA user_version = %d;"
        "COMMIT;",
        APPLICATION_ID, VERSION);
    return execute(j, sql);
}

/* Reading the version comes before anything that could write: a file that is not ours must stay as it is. */
static int check_identity(struct journal *j, bool *ret_empty)
{
    long id, version, n_tables;
    int r;

    if ((r = query_number(j, "PRAGMA application_id", &id)) ||
        (r = query_number(j, "PRAGMA user_version", &version)) ||
        (r = query_number(j, "SELECT count(*) FROM sqlite_schema", &n_tables)))
        return r;
    *ret_empty = id == 0 && version == 0 && n_tables == 0;
    if (*ret_empty)
        return 0;
    if (id != APPLICATION_ID || version < 1)
        return JOURNAL_E_CORRUPT;
    return version > VERSION ? JOURNAL_E_NEWER : 0;
}

static int check_integrity(struct journal *j)
{
    char text[64];
    int r = query_text(j, "PRAGMA quick_check(1)", text, sizeof text);

    if (r)
        return r;
    return strcmp(text, "ok") == 0 ? 0 : JOURNAL_E_CORRUPT;
}

static int prepare(struct journal *j, const char *sql, sqlite3_stmt **ret_statement)
{
    int rc = sqlite3_prepare_v3(j->db, sql, -1, SQLITE_PREPARE_PERSISTENT, ret_statement, NULL);

    return rc == SQLITE_OK ? 0 : misfit(rc);
}

static int set_up(struct journal *j)
{
    char mode[16];
    bool empty;
    int r;

    /* Before anything is read: then SQLite keeps its index of the log in memory of ours. Otherwise it maps a file, in which a disk
     * that is full, or whoever cuts the file off, ends the program by SIGBUS. And nobody else gets at the file meanwhile. */
    if ((r = execute(j, "PRAGMA locking_mode = EXCLUSIVE")) || (r = check_identity(j, &empty)))
        return r;
    if (!empty && (r = check_integrity(j)))
        return r;
    /* SQLite answers with the mode that it keeps, and no error, where it cannot have this one. */
    if ((r = query_text(j, "PRAGMA journal_mode = WAL", mode, sizeof mode)))
        return r;
    if (strcmp(mode, "wal") != 0)
        return -EIO;
    if ((r = execute(j, "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;")))
        return r;
    if (empty && (r = create_tables(j)))
        return r;
    r = prepare(j,
                "INSERT INTO record (kind, key, value) VALUES (?1, ?2, ?3)"
                " ON CONFLICT (kind, key) DO UPDATE SET value = excluded.value",
                &j->put);
    return r ? r : prepare(j, "DELETE FROM record WHERE kind = ?1 AND key = ?2", &j->delete);
}

/* To open a FIFO is to wait for who writes to it, and SQLite opens these. */
static int check_places(const char *path)
{
    static const char *const endings[] = {"", "-wal", "-journal"};

    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++) {
        struct stat st;
        char *place;
        bool other;

        if (asprintf(&place, "%s%s", path, endings[i]) < 0)
            return -ENOMEM;
        other = stat(place, &st) == 0 && !S_ISREG(st.st_mode);
        free(place);
        if (other)
            return -EINVAL;
    }
    return 0;
}

/* SQLite would make the file by the umask; what it makes beside it takes after the file. One that is there is not opened: to close it
 * again would give up the locks that another client of this process has on it. */
static int make_private_file(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    else if (errno != EEXIST || faccessat(AT_FDCWD, path, R_OK | W_OK, AT_EACCESS) < 0)
        return -errno;
    return 0;
}

static int close_to_others(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return -errno;
    if ((st.st_mode & (S_IRWXG | S_IRWXO)) && chmod(path, S_IRUSR | S_IWUSR) < 0)
        return -errno;
    return 0;
}

/* The records hold the syncshells' secrets, and so does the log that SQLite has made beside them by now, which takes after the file. A file that is not ours was refused before this. */
static int close_all_to_others(const char *path)
{
    char *log;
    int r = close_to_others(path);

    if (r)
        return r;
    if (asprintf(&log, "%s-wal", path) < 0)
        return -ENOMEM;
    r = close_to_others(log);
    free(log);
    return r == -ENOENT ? 0 : r;
}

int journal_open(struct journal **ret_journal, const char *path)
{
    struct journal *j;
    int rc, r = check_places(path);

    if (r == 0)
        r = make_private_file(path);
    if (r)
        return r;
    j = calloc(1, sizeof *j);
    if (!j)
        return -ENOMEM;
    rc = sqlite3_open_v2(path, &j->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(j->db, BUSY_TIMEOUT_MS);
    r = rc == SQLITE_OK ? set_up(j) : failure(rc);
    if (!r)
        r = close_all_to_others(path);
    if (r) {
        (void)journal_free(j);
        return r;
    }
    *ret_journal = j;
    return 0;
}

struct journal *journal_free(struct journal *j)
{
    if (!j)
        return NULL;
    (void)sqlite3_finalize(j->put); /* repeats the error of the last step */
    (void)sqlite3_finalize(j->delete);
    (void)sqlite3_close(j->db); /* fails only for statements that are not finalized */
    free(j);
    return NULL;
}

static bool listed(const char *kind, const char *const *kinds)
{
    for (; *kinds; kinds++) {
        if (strcmp(kind, *kinds) == 0)
            return true;
    }
    return false;
}

static int check_kinds(struct journal *j, const char *const *kinds)
{
    sqlite3_stmt *statement = NULL;
    int r = 0,
        rc = sqlite3_prepare_v2(j->db, "SELECT DISTINCT kind FROM record", -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = SQLITE_ROW;
    while (rc == SQLITE_ROW && r == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *kind = (const char *)sqlite3_column_text(statement, 0);
        if (!kind)
            r = -ENOMEM;
        else if (!listed(kind, kinds))
            r = JOURNAL_E_NEWER;
    }
    if (r == 0 && rc != SQLITE_DONE)
        r = failure(rc);
    (void)sqlite3_finalize(statement);
    return r;
}

static int each_of_kind(struct journal *j, const char *kind, journal_record_fn record,
                        void *userdata)
{
    sqlite3_stmt *statement = NULL;
    int r = 0,
        rc = sqlite3_prepare_v2(j->db, "SELECT key, value FROM record WHERE kind = ?1 ORDER BY key",
                                -1, &statement, NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);
    if (rc == SQLITE_OK)
        rc = SQLITE_ROW;
    while (rc == SQLITE_ROW && r == 0 && (rc = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *key = (const char *)sqlite3_column_text(statement, 0);
        const char *value = (const char *)sqlite3_column_text(statement, 1);
        if (!key || !value)
            r = -ENOMEM;
        else
            r = record(userdata, kind, key, value, (size_t)sqlite3_column_bytes(statement, 1));
    }
    if (r == 0 && rc != SQLITE_DONE)
        r = failure(rc);
    (void)sqlite3_finalize(statement);
    return r;
}

int journal_each(struct journal *j, const char *const *kinds, journal_record_fn record,
                 void *userdata)
{
    int r = check_kinds(j, kinds);

    for (; *kinds && r == 0; kinds++)
        r = each_of_kind(j, *kinds, record, userdata);
    return r;
}

int journal_is_empty(struct journal *j, bool *ret_empty)
{
    long n_records;
    int r = query_number(j, "SELECT count(*) FROM (SELECT 1 FROM record LIMIT 1)", &n_records);

    if (!r)
        *ret_empty = n_records == 0;
    return r;
}

static bool batch_ready(struct journal *j)
{
    if (!j->in_batch) {
        j->in_batch = true;
        j->error = execute(j, "BEGIN IMMEDIATE");
    }
    return j->error == 0;
}

static void run(struct journal *j, sqlite3_stmt *statement, int bound)
{
    int rc = bound == SQLITE_OK ? sqlite3_step(statement) : bound;

    if (rc != SQLITE_DONE)
        j->error = failure(rc);
    (void)sqlite3_reset(statement); /* repeats the error of the step */
    (void)sqlite3_clear_bindings(statement);
}

static int bind_key(sqlite3_stmt *statement, const char *kind, const char *key)
{
    int rc = sqlite3_bind_text(statement, 1, kind, -1, SQLITE_STATIC);

    return rc == SQLITE_OK ? sqlite3_bind_text(statement, 2, key, -1, SQLITE_STATIC) : rc;
}

void journal_put(struct journal *j, const char *kind, const char *key, const char *value,
                 size_t size)
{
    int rc;

    if (!batch_ready(j))
        return;
    rc = bind_key(j->put, kind, key);
    if (rc == SQLITE_OK)
        rc = sqlite3_bind_text64(j->put, 3, value, size, SQLITE_STATIC, SQLITE_UTF8);
    run(j, j->put, rc);
}

void journal_delete(struct journal *j, const char *kind, const char *key)
{
    if (batch_ready(j))
        run(j, j->delete, bind_key(j->delete, kind, key));
}

/* The log's name leads to another file, or to none. SQLite has it open, and never makes a new one meanwhile. */
static int check_log(struct journal *j)
{
    struct stat st;

    if (stat(sqlite3_filename_wal(sqlite3_db_filename(j->db, "main")), &st) < 0)
        return -errno;
    if (!j->log_seen) {
        j->log_seen = true;
        j->log_device = st.st_dev;
        j->log_inode = st.st_ino;
    }
    return st.st_dev == j->log_device && st.st_ino == j->log_inode ? 0 : -ENOENT;
}

/* A file that was removed, moved away or replaced takes every write, and nobody will ever read them. SQLite compares the file that it
 * has open with the one that stands at the path; within a transaction, as its own writes do. */
static int check_in_place(struct journal *j)
{
    int moved = 0, rc = sqlite3_file_control(j->db, "main", SQLITE_FCNTL_HAS_MOVED, &moved);

    if (rc != SQLITE_OK)
        return failure(rc);
    return moved ? -ENOENT : check_log(j);
}

int journal_commit(struct journal *j)
{
    int r = j->error;

    if (j->in_batch && r == 0)
        r = check_in_place(j);
    if (j->in_batch && r == 0)
        r = execute(j, "COMMIT");
    if (!sqlite3_get_autocommit(j->db))
        (void)execute(
            j, "ROLLBACK"); /* why the batch failed matters more, and it is over in any case */
    j->in_batch = false;
    j->error = 0;
    return r > 0 ? -EIO : r;
}
