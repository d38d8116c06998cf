#include "adapters/store_sqlite/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* As SQLite does with the companions of a database. Only what is new is given away: what stood there could be a link to
 * anything. */
static int give_to_owner_of_folder(int fd, const char *path)
{
    struct stat folder;
    char *copy;
    int r;

    if (geteuid() != 0)
        return 0;
    copy = strdup(path);
    if (!copy)
        return -ENOMEM;
    r = stat(dirname(copy), &folder) < 0 ? -errno : 0;
    if (r == 0 && fchown(fd, folder.st_uid, folder.st_gid) < 0 && errno != EPERM)
        r = -errno; /* EPERM: a root without that capability, as in a container */
    free(copy);
    return r;
}

int new_file_create(const char *path)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    int r = fd < 0 ? -errno : give_to_owner_of_folder(fd, path);

    if (r == 0)
        return fd;
    if (fd >= 0) {
        (void)close(fd); /* nothing was written */
        (void)unlink(path);
    }
    return r;
}
