#include "adapters/store_sqlite/database_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
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
