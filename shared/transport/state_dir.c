#include "transport/state_dir.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static int take_lock(struct state_dir *d)
{
    d->lock_fd = openat(d->fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (d->lock_fd < 0)
        return -errno;
    if (flock(d->lock_fd, LOCK_EX | LOCK_NB) < 0)
        return errno == EWOULDBLOCK ? -EBUSY : -errno;
    return 0;
}

int state_dir_take(struct state_dir *ret_dir, const char *path)
{
    struct state_dir d = STATE_DIR_NONE;
    int r = 0;

    if (mkdir(path, 0700) < 0 && errno != EEXIST)
        return -errno;
    d.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (d.fd < 0)
        r = -errno;
    if (r == 0)
        r = take_lock(&d);
    if (r < 0) {
        state_dir_release(&d);
        return r;
    }
    *ret_dir = d;
    return 0;
}

void state_dir_release(struct state_dir *d)
{
    if (d->lock_fd >= 0)
        (void)close(d->lock_fd); /* nothing was written */
    if (d->fd >= 0)
        (void)close(d->fd);
    *d = STATE_DIR_NONE;
}
