#define _GNU_SOURCE /* asprintf */

#include "adapters/store_sqlite/lock_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "adapters/store_sqlite/new_file.h"

static long lock_file_holder(int fd)
{
    char text[24] = {0};
    ssize_t n = pread(fd, text, sizeof text - 1, 0);

    return n > 0 ? strtol(text, NULL, 10) : 0;
}

static int lock_file_sign(int fd)
{
    char text[24];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());

    if (ftruncate(fd, 0) < 0)
        return -errno;
    if (pwrite(fd, text, (size_t)length, 0) != length)
        return -EIO;
    return 0;
}

int lock_file_take(const char *path, int *ret_fd, long *ret_holder_pid)
{
    char *name = NULL;
    int fd, r = 0;

    if (asprintf(&name, "%s.lock", path) < 0)
        return -ENOMEM;
    fd = new_file_create(name);
    if (fd == -EEXIST) {
        fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
        fd = fd < 0 ? -errno : fd;
    }
    if (fd < 0)
        r = fd;
    free(name);
    if (r < 0)
        return r;
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        r = errno == EWOULDBLOCK ? -EBUSY : -errno;
        if (r == -EBUSY)
            *ret_holder_pid = lock_file_holder(fd);
    } else {
        r = lock_file_sign(fd);
    }
    if (r < 0) {
        (void)close(fd);
        return r;
    }
    *ret_fd = fd;
    return 0;
}

void lock_file_release(int fd)
{
    if (fd >= 0)
        (void)close(fd); /* nothing was written that could still fail */
}
