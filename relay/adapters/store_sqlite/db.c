#include "adapters/store_sqlite/db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adapters/store_sqlite/log_head.h"
#include "adapters/store_sqlite/wal_file.h"

enum {
    BUSY_TIMEOUT_MS =
        2000, /* for somebody's backup or shell; longer would hold every answer back */
    CHECKPOINT_PAGES = 2000 /* 8 MB of log */
};

static int wal_hook(void *userdata, sqlite3 *handle, const char *schema, int pages)
{
    struct db *db = userdata;

    (void)handle;
    (void)schema;
    db->wal_pages = pages;
    return SQLITE_OK;
}

static int open_as(struct db *ret_db, const char *path, int access)
{
    int rc;

    *ret_db = (struct db){0};
    /* Nobody reads its memory statistics, for which every allocation takes a lock. Refused once SQLite is in use. */
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    rc = sqlite3_open_v2(path, &ret_db->handle, access | SQLITE_OPEN_NOMUTEX, wal_file_vfs());
    if (rc != SQLITE_OK)
        return db_fail(ret_db, rc);
    sqlite3_extended_result_codes(ret_db->handle, 1);
    rc = sqlite3_busy_timeout(ret_db->handle, BUSY_TIMEOUT_MS);
    if (rc != SQLITE_OK)
        return db_fail(ret_db, rc);
    /* A path such as ":memory:" means no file at all to SQLite. */
    if (!sqlite3_db_filename(ret_db->handle, "main") ||
        sqlite3_db_filename(ret_db->handle, "main")[0] == '\0')
        return db_fail(ret_db, SQLITE_CANTOPEN);
    /* Replaces the automatic checkpoint, which would run inside COMMIT, before the answers are out. */
    sqlite3_wal_hook(ret_db->handle, wal_hook, ret_db);
    return 0;
}

int db_open(struct db *ret_db, const char *path)
{
    return open_as(ret_db, path, SQLITE_OPEN_READWRITE);
}

int db_open_reader(struct db *ret_db, const char *path)
{
    return open_as(ret_db, path, SQLITE_OPEN_READONLY);
}

bool db_read_only(const struct db *db)
{
    return sqlite3_db_readonly(db->handle, "main") != 0;
}

/* Asked for by name: SQLite answers with the mode that it keeps, and no error, where it cannot have this one. */
static int use_write_ahead_log(struct db *db)
{
    char mode[16];
    STATEMENT_SCOPED st = statement_get(db, "PRAGMA journal_mode = WAL");
    int r = statement_step(st);

    if (r < 0)
        return r;
    statement_text(st, 0, mode, sizeof mode);
    return strcmp(mode, "wal") == 0 ? statement_error(st) : db_fail(db, SQLITE_CANTOPEN);
}

int db_configure(struct db *db)
{
    /* The page size counts only in an empty file, and only before WAL is switched on. */
    int r = db_execute(db, "PRAGMA page_size = 4096");

    if (r < 0 || (r = use_write_ahead_log(db)) < 0)
        return r;
    return db_execute(db, "PRAGMA synchronous = FULL;"
                          "PRAGMA foreign_keys = ON;"
                          "PRAGMA trusted_schema = OFF;"
                          "PRAGMA cache_size = -8192;"
                          "PRAGMA journal_size_limit = 16777216;");
}

void db_close(struct db *db)
{
    statements_free(db);
    log_heads_free(db);
    (void)sqlite3_close_v2(db->handle); /* fails only for what was not finalized */
    db->handle = NULL;
}

/* The kernel's word for "no room" where SQLite only says "I/O error": quotas and file size limits, and calls other than
 * write(). SQLite keeps the number for statements, but not for COMMIT, nor does it forget an old one; so each step starts
 * with errno cleared, and what it left there comes first. */
static bool out_of_room(const struct db *db, int step_errno)
{
    int cause = step_errno || !db->handle ? step_errno : sqlite3_system_errno(db->handle);

    return cause == ENOSPC || cause == EDQUOT || cause == EFBIG;
}

int db_fail(struct db *db, int sqlite_result)
{
    int step_errno = errno;
    bool told = db->handle && (sqlite3_errcode(db->handle) & 0xff) == (sqlite_result & 0xff);
    const char *text = told ? sqlite3_errmsg(db->handle) : sqlite3_errstr(sqlite_result);

    (void)snprintf(db->error, sizeof db->error, "%s (SQLite result %d)", text, sqlite_result);
    switch (sqlite_result & 0xff) {
    case SQLITE_FULL:
        return -ENOSPC;
    case SQLITE_IOERR:
        return out_of_room(db, step_errno) ? -ENOSPC : -EIO;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_READONLY:
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
    case SQLITE_AUTH:
    case SQLITE_PROTOCOL:
        return -EIO;
    case SQLITE_NOMEM:
        return -ENOMEM;
    default:
        return -EPROTO;
    }
}

enum wire_code db_error_code(int error)
{
    switch (error) {
    case -ENOSPC:
        return WIRE_CODE_STORE_FULL;
    case -EIO:
        return WIRE_CODE_STORE_UNAVAILABLE;
    default:
        return WIRE_CODE_INTERNAL;
    }
}

int db_execute(struct db *db, const char *sql)
{
    int rc;

    errno = 0; /* for db_fail() */
    rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : db_fail(db, rc);
}

int db_begin(struct db *db, bool write)
{
    return statement_run(statement_get(db, write ? "BEGIN IMMEDIATE" : "BEGIN"));
}

int db_commit(struct db *db)
{
    return statement_run(statement_get(db, "COMMIT"));
}

void db_rollback(struct db *db)
{
    char kept[DB_ERROR_MAX];

    db_forget_log_bounds(db);
    log_heads_forget(db);
    if (!db_in_transaction(db))
        return;
    /* Why we roll back matters more than a complaint about the rollback, which ends the transaction in any case. */
    memcpy(kept, db->error, sizeof kept);
    if (statement_run(statement_get(db, "ROLLBACK")) < 0)
        memcpy(db->error, kept, sizeof kept);
}

void db_forget_log_bounds(struct db *db)
{
    memset(db->log_bounds, 0, sizeof db->log_bounds);
}

bool db_in_transaction(const struct db *db)
{
    return !sqlite3_get_autocommit(db->handle);
}

void db_forget_pages(struct db *db)
{
    (void)sqlite3_db_release_memory(db->handle); /* it cannot fail */
}

size_t db_changes(const struct db *db)
{
    return (size_t)sqlite3_changes64(db->handle);
}

uint64_t db_changes_total(const struct db *db)
{
    return (uint64_t)sqlite3_total_changes64(db->handle);
}

int db_copy(struct db *to, struct db *from)
{
    sqlite3_backup *copy = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    int rc;

    if (!copy)
        return db_fail(to, sqlite3_errcode(to->handle));
    (void)sqlite3_backup_step(copy, -1); /* all in one read transaction: finish() has its result */
    rc = sqlite3_backup_finish(copy);
    return rc == SQLITE_OK ? 0 : db_fail(to, rc);
}

int db_check(struct db *db)
{
    char verdict[DB_ERROR_MAX];
    STATEMENT_SCOPED st = statement_get(db, "PRAGMA quick_check(1)");
    int r = statement_step(st);

    if (r < 0)
        return r;
    statement_text(st, 0, verdict, sizeof verdict);
    r = statement_error(st);
    if (r < 0 || strcmp(verdict, "ok") == 0)
        return r;
    (void)snprintf(db->error, sizeof db->error, "%.*s", (int)sizeof db->error - 1, verdict);
    return -EBADMSG;
}

int db_checkpoint_if_due(struct db *db)
{
    int rc;

    if (db->wal_pages < CHECKPOINT_PAGES)
        return 0;
    rc = sqlite3_wal_checkpoint_v2(db->handle, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    db->wal_pages = 0; /* the next commit tells anew; until then there is nothing to repeat */
    return rc == SQLITE_OK || rc == SQLITE_BUSY ? 0 : db_fail(db, rc);
}
