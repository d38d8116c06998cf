#define _GNU_SOURCE /* asprintf, mkostemp */
#include "app/doctor/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "app/setting.h"
#include "app/usage.h"

enum { FREE_BYTES_MIN = 500 * 1024 * 1024, BYTES_PER_MB = 1000000, BLOCK_SIZE = 4096 };

static void look_at_clock(void)
{
    struct timex clock = {0};
    if (adjtimex(&clock) == TIME_ERROR)
        examination_note(
            "Nothing keeps this machine's clock right (timedatectl): TURN credentials and "
            "certificates depend on it.");
    else
        examination_well("The clock is kept right.");
}

/* A block that the disk has taken, in a file that is gone afterwards. 0 or negative. */
static int write_beside(const char *store_path)
{
    static const char block[BLOCK_SIZE] = "";
    char *name = NULL;
    if (asprintf(&name, "%s.doctor-XXXXXX", store_path) < 0)
        return -ENOMEM;
    int fd = mkostemp(name, O_CLOEXEC);
    int r = fd < 0 ? -errno : 0;
    if (fd >= 0)
        (void)unlink(name); /* before anything can interrupt */
    ssize_t n = r == 0 ? write(fd, block, sizeof block) : 0;
    if (r == 0 && (n < 0 || fsync(fd) < 0))
        r = -errno;
    else if (r == 0 && n < (ssize_t)sizeof block)
        r = -ENOSPC;
    if (fd >= 0)
        close(fd);
    free(name);
    return r;
}

static const char *advice(int error)
{
    switch (error) {
    case -ENOSPC:
    case -EDQUOT:
        return "Make room: nothing can be stored, and no recovery begun. Old backups beside the database "
               "are a usual reason.";
    case -EACCES:
    case -EPERM:
        return "Run doctor as the relay's user or as root; the folder must belong to the relay's user.";
    case -EROFS:
        return "Mount it writable; after an error of the disk, Linux makes it read-only: look at dmesg.";
    case -ENOENT:
        return "Make the folder, or correct store.path.";
    default:
        return "Look at the disk (dmesg), and at the folder.";
    }
}

static void look_at_disk(struct examination *x)
{
    const char *path = x->settings->store_path;
    struct usage u;
    int r = write_beside(path);
    usage_read(&u, path);
    if (r < 0)
        examination_fault(x, advice(r), "Beside %s nothing can be written: %s.", path,
                          strerror(-r));
    else if (u.free_bytes < FREE_BYTES_MIN)
        examination_fault(x, "Make room; old backups beside the database are a usual reason.",
                          "The database's disk has %" PRIu64 " MB left.",
                          u.free_bytes / BYTES_PER_MB);
    else
        examination_well("The database's disk takes what is written, and has %" PRIu64 " MB left.",
                         u.free_bytes / BYTES_PER_MB);
}

void machine_examine(struct examination *x)
{
    look_at_clock();
    look_at_disk(x);
}
