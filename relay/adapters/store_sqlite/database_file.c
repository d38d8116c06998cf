#define _GNU_SOURCE /* asprintf */

#include "adapters/store_sqlite/database_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/migrate.h"
#include "adapters/store_sqlite/new_file.h"

int database_file_sync_name(const char *path)
{
    char *copy = strdup(path);
    int fd, r = 0;

    if (!copy)
        return -ENOMEM;
    fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) < 0)
        r = -errno;
    if (fd >= 0)
        (void)close(fd); /* opened for reading */
    free(copy);
    return r;
}

int database_file_check_names(const char *path, char *ret_reason, size_t reason_size)
{
    struct stat status;

    if (stat(path, &status) < 0 || status.st_nlink <= 1)
        return 0;
    (void)snprintf(
        ret_reason, reason_size,
        "has %lu names (hard links), and each would have a log of its own: find them with "
        "find / -xdev -samefile, and remove all but one",
        (unsigned long)status.st_nlink);
    return -EMLINK;
}

/* Where a log stands beside the database already, something has used it since, and nobody can say which log is right. */
static int take_back_log(const char *path, const char *kept)
{
    struct stat status;
    char *wal = NULL, *kept_wal = NULL;
    int r = 0;

    if (asprintf(&wal, "%s-wal", path) < 0)
        return -ENOMEM;
    if (asprintf(&kept_wal, "%s-wal", kept) < 0) {
        free(wal);
        return -ENOMEM;
    }
    if (stat(kept_wal, &status) == 0 && S_ISREG(status.st_mode)) {
        if (access(wal, F_OK) == 0)
            r = -EEXIST;
        else if (rename(kept_wal, wal) < 0)
            r = -errno;
    }
    free(wal);
    free(kept_wal);
    return r;
}

int database_file_take_back(const char *path, const char *kept)
{
    struct stat status, former;
    int r;

    if (lstat(path, &status) < 0 || lstat(kept, &former) < 0)
        return -errno;
    if (status.st_dev != former.st_dev || status.st_ino != former.st_ino)
        return 0; /* the new one is in its place already, and the former one has no other name */
    r = take_back_log(path, kept);
    return r == 0 && unlink(kept) < 0 ? -errno : r;
}

/* Whether it is what a restore calls a database of that path. */
static bool is_kept(const char *path, const char *name)
{
    const char *slash = strrchr(path, '/');
    const char *base = slash ? slash + 1 : path;

    return strncmp(name, base, strlen(base)) == 0 &&
           strncmp(name + strlen(base), DATABASE_FILE_BEFORE, strlen(DATABASE_FILE_BEFORE)) == 0;
}

/* A restore that was killed must not keep the relay from starting. What cannot be undone is for check_names() to say. */
static void take_back_restores(const char *path)
{
    struct stat status;
    struct dirent *entry;
    char *copy = NULL, *kept;
    DIR *folder = NULL;

    if (stat(path, &status) == 0 && status.st_nlink > 1 && (copy = strdup(path)))
        folder = opendir(dirname(copy));
    while (folder && (entry = readdir(folder))) {
        if (!is_kept(path, entry->d_name) || asprintf(&kept, "%s/%s", copy, entry->d_name) < 0)
            continue;
        (void)database_file_take_back(path, kept);
        free(kept);
    }
    if (folder)
        (void)closedir(folder); /* it was read only */
    free(copy);
}

/* SQLite would create the file by the umask, and gives its companions the mode of the file. */
static int create_file(const char *path, char *ret_reason, size_t reason_size)
{
    int fd = new_file_create(path);
    int r = fd < 0 ? fd : 0;

    if (r == -EEXIST)
        return 0;
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    if (r == 0)
        r = database_file_sync_name(path);
    if (r < 0)
        (void)snprintf(ret_reason, reason_size, "cannot be created: %s", strerror(-r));
    return r;
}

static int open_file(struct db *db, const char *path, char *ret_reason, size_t reason_size)
{
    int r = database_file_check_names(path, ret_reason, reason_size);

    if (r < 0)
        return r;
    r = db_open(db, path);
    if (r < 0) {
        (void)snprintf(ret_reason, reason_size, "cannot be opened: %s", db->error);
        return r;
    }
    if (db_read_only(db)) {
        (void)snprintf(ret_reason, reason_size, "is read-only");
        return -EROFS;
    }
    r = migrate_check_owner(db, ret_reason, reason_size);
    if (r < 0)
        return r;
    r = db_configure(db);
    if (r < 0)
        (void)snprintf(ret_reason, reason_size, "cannot be used: %s", db->error);
    return r;
}

int database_file_open(struct db *ret_db, const char *path, char *ret_reason, size_t reason_size)
{
    int r = create_file(path, ret_reason, reason_size);

    take_back_restores(path);
    if (r == 0)
        r = open_file(ret_db, path, ret_reason, reason_size);
    return r == 0 ? migrate_apply(ret_db, ret_reason, reason_size) : r;
}

int database_file_open_beside(struct db *ret_db, const char *path, char *ret_reason,
                              size_t reason_size)
{
    int r = open_file(ret_db, path, ret_reason, reason_size);

    return r == 0 ? migrate_check_current(ret_db, ret_reason, reason_size) : r;
}
