#define _GNU_SOURCE /* asprintf */

#include "adapters/store_sqlite/restore.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "adapters/store_sqlite/backup.h"
#include "adapters/store_sqlite/database_file.h"
#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/lock_file.h"
#include "adapters/store_sqlite/migrate.h"

enum { REASON_MAX = 300, TIME_SIZE = 20 };

/* The names that a restore works with; made once, because every later step is a rename. */
struct restore {
    const char *path;
    char *wal;
    char *shm;
    char *copy; /* being made */
    char *kept; /* what the former database is called afterwards */
    char *kept_wal;
    char *error;
    size_t error_size;
};

__attribute__((format(printf, 3, 4))) static int fail(struct restore *r, int error,
                                                      const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(r->error, r->error_size, format, arguments);
    va_end(arguments);
    return error;
}

static int names_init(struct restore *r)
{
    char now[TIME_SIZE];
    time_t seconds = time(NULL);
    struct tm utc;

    if (!gmtime_r(&seconds, &utc) || strftime(now, sizeof now, "%Y%m%dT%H%M%SZ", &utc) == 0 ||
        asprintf(&r->wal, "%s-wal", r->path) < 0 || asprintf(&r->shm, "%s-shm", r->path) < 0 ||
        asprintf(&r->copy, "%s.restoring", r->path) < 0 ||
        asprintf(&r->kept, "%s" DATABASE_FILE_BEFORE "%s", r->path, now) < 0 ||
        asprintf(&r->kept_wal, "%s-wal", r->kept) < 0)
        return fail(r, -ENOMEM, "out of memory");
    if (strlen(r->kept) >= RESTORE_PATH_MAX)
        return fail(r, -ENAMETOOLONG, "%s is too long a name", r->path);
    return 0;
}

static void names_deinit(struct restore *r)
{
    free(r->wal);
    free(r->shm);
    free(r->copy);
    free(r->kept);
    free(r->kept_wal);
}

/* A copy of the backup beside the database, so that taking its place is one rename. */
static int make_copy(struct restore *r, const char *file)
{
    char reason[REASON_MAX];
    struct db backup;
    int result = db_open_reader(&backup, file);

    if (result < 0)
        (void)snprintf(reason, sizeof reason, "cannot be opened: %s", backup.error);
    else if ((result = migrate_check_owner(&backup, reason, sizeof reason)) == 0)
        result = migrate_check_known(&backup, reason, sizeof reason);
    if (result < 0) {
        (void)fail(r, result, "%s %s", file, reason);
    } else {
        (void)unlink(r->copy); /* of a restore that was killed: we hold the lock */
        result = backup_copy(&backup, r->copy, r->error, r->error_size);
    }
    db_close(&backup);
    return result;
}

static int renew_epoch(struct restore *r)
{
    struct db copy;
    int result = db_open(&copy, r->copy);

    if (result == 0)
        result =
            db_execute(&copy, "PRAGMA synchronous = FULL;"
                              "UPDATE meta SET epoch = lower(hex(randomblob(16))) WHERE id = 1");
    if (result == 0 && db_changes(&copy) != 1)
        result = db_fail(&copy, SQLITE_CORRUPT);
    if (result < 0)
        (void)fail(r, result, "%s cannot be given a new epoch: %s", r->copy, copy.error);
    db_close(&copy);
    return result;
}

/* Moves its log into the former database, so that nothing of it is lost between the renames. A database that is too
 * damaged for that keeps its log beside it. */
static void settle_former(const struct restore *r)
{
    struct db former;

    if (db_open(&former, r->path) == 0)
        (void)db_execute(&former, "PRAGMA wal_checkpoint(TRUNCATE)");
    db_close(&former);
}

static int keep_former(struct restore *r)
{
    struct stat log;

    if (access(r->path, F_OK) < 0) {
        if (errno != ENOENT)
            return fail(r, -errno, "%s cannot be read: %s", r->path, strerror(errno));
        r->kept[0] = '\0';
        return 0;
    }
    settle_former(r);
    if (link(r->path, r->kept) < 0)
        return fail(r, -errno, "%s cannot be kept as %s: %s", r->path, r->kept, strerror(errno));
    if (stat(r->wal, &log) < 0 || log.st_size == 0 || rename(r->wal, r->kept_wal) == 0)
        return 0;
    int error =
        fail(r, -errno, "%s cannot be kept as %s: %s", r->wal, r->kept_wal, strerror(errno));
    (void)database_file_take_back(r->path, r->kept);
    return error;
}

/* The log goes first: SQLite would play it into whatever stands beside it. */
static int take_place(struct restore *r)
{
    (void)unlink(r->wal);
    (void)unlink(r->shm);
    if (access(r->wal, F_OK) == 0)
        return fail(r, -EIO, "%s cannot be removed", r->wal);
    if (rename(r->copy, r->path) < 0)
        return fail(r, -errno, "%s cannot be replaced: %s", r->path, strerror(errno));
    if (database_file_sync_name(r->path) < 0)
        return fail(r, -EIO, "the folder of %s cannot be synced", r->path);
    return 0;
}

static int restore_locked(struct restore *r, const char *file)
{
    int result = make_copy(r, file);

    if (result < 0)
        return result;
    result = renew_epoch(r);
    if (result == 0)
        result = keep_former(r);
    if (result == 0 && (result = take_place(r)) < 0 && *r->kept)
        (void)database_file_take_back(r->path, r->kept);
    if (result < 0)
        (void)unlink(r->copy);
    return result;
}

int restore_file(const char *path, const char *file, char *ret_kept, char *ret_error,
                 size_t error_size)
{
    struct restore r = {.path = path, .error = ret_error, .error_size = error_size};
    long holder = 0;
    int lock_fd = -1;
    int result = names_init(&r);

    if (result == 0) {
        result = lock_file_take(path, &lock_fd, &holder);
        if (result == -EBUSY)
            (void)fail(&r, result, "%s is in use by a relay (pid %ld): stop it first", path,
                       holder);
        else if (result < 0)
            (void)fail(&r, result, "%s cannot be locked: %s", path, strerror(-result));
    }
    if (result == 0)
        result = restore_locked(&r, file);
    if (result == 0)
        (void)snprintf(ret_kept, RESTORE_PATH_MAX, "%s", r.kept);
    lock_file_release(lock_fd);
    names_deinit(&r);
    return result;
}
