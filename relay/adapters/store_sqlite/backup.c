#define _GNU_SOURCE /* asprintf, renameat2 */

#include "adapters/store_sqlite/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/store_sqlite/database_file.h"
#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/migrate.h"
#include "adapters/store_sqlite/new_file.h"

enum { REASON_MAX = 300 };

static int fail(int error, const char *file, const char *what, char *ret_reason, size_t size)
{
    (void)snprintf(ret_reason, size, "%s %s: %s", file, what, strerror(-error));
    return error;
}

/* SQLite would take an existing file, and make a new one by the umask. */
static int make_empty(const char *file, char *ret_reason, size_t size)
{
    int fd = new_file_create(file);

    if (fd < 0)
        return fail(fd, file, "cannot be created", ret_reason, size);
    (void)close(fd); /* nothing was written */
    return 0;
}

static int copy_into(struct db *from, const char *to, char *ret_reason, size_t size)
{
    struct db copy;
    int r = db_open(&copy, to);

    if (r == 0)
        r = db_copy(&copy, from);
    if (r == 0) /* as in the original, until told otherwise */
        r = db_execute(&copy, "PRAGMA journal_mode = DELETE");
    if (r == 0)
        r = db_check(&copy);
    if (r < 0)
        (void)snprintf(ret_reason, size, "the copy %s failed: %s", to, copy.error);
    db_close(&copy);
    return r;
}

static int sync_file(const char *file, char *ret_reason, size_t size)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC);
    int r = fd < 0 || fsync(fd) < 0 ? -errno : 0;

    if (fd >= 0)
        (void)close(fd); /* opened for reading */
    return r < 0 ? fail(r, file, "cannot be synced", ret_reason, size) : 0;
}

int backup_copy(struct db *from, const char *to, char *ret_reason, size_t reason_size)
{
    int r = make_empty(to, ret_reason, reason_size);

    if (r < 0)
        return r;
    r = copy_into(from, to, ret_reason, reason_size);
    if (r == 0)
        r = sync_file(to, ret_reason, reason_size);
    if (r < 0)
        (void)unlink(to); /* what we made: half a copy */
    return r;
}

/* Where a file system cannot rename without replacing, a second name does it. */
static int rename_to_new(const char *from, const char *to)
{
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0)
        return 0;
    if (errno != EINVAL)
        return -errno;
    if (link(from, to) < 0)
        return -errno;
    return unlink(from) < 0 ? -errno : 0;
}

static int name_file(const char *partial, const char *file, uint64_t *ret_bytes, char *ret_error,
                     size_t error_size)
{
    struct stat status;
    int r = stat(partial, &status) < 0 ? -errno : rename_to_new(partial, file);

    if (r == 0)
        r = database_file_sync_name(file);
    if (r < 0)
        return fail(r, file, "cannot be written", ret_error, error_size);
    *ret_bytes = (uint64_t)status.st_size;
    return 0;
}

static int open_original(struct db *ret_db, const char *path, char *ret_error, size_t error_size)
{
    char reason[REASON_MAX];
    int r = database_file_check_names(path, reason, sizeof reason);

    if (r == 0 && (r = db_open_reader(ret_db, path)) < 0)
        (void)snprintf(reason, sizeof reason, "cannot be opened: %s", ret_db->error);
    if (r == 0)
        r = migrate_check_owner(ret_db, reason, sizeof reason);
    if (r == 0)
        r = migrate_check_used(ret_db, reason, sizeof reason);
    if (r < 0)
        (void)snprintf(ret_error, error_size, "%s %s", path, reason);
    return r;
}

int backup_write(const char *path, const char *file, uint64_t *ret_bytes, char *ret_error,
                 size_t error_size)
{
    struct db original = {0};
    char *partial = NULL;
    int r;

    if (asprintf(&partial, "%s.partial", file) < 0)
        return fail(-ENOMEM, file, "cannot be written", ret_error, error_size);
    if (access(file, F_OK) == 0)
        r = fail(-EEXIST, file, "is not replaced", ret_error, error_size);
    else
        r = open_original(&original, path, ret_error, error_size);
    if (r == 0)
        r = backup_copy(&original, partial, ret_error, error_size);
    if (r == 0) {
        r = name_file(partial, file, ret_bytes, ret_error, error_size);
        if (r < 0)
            (void)unlink(partial);
    }
    db_close(&original);
    free(partial);
    return r;
}
