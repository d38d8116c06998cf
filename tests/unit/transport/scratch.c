#define _GNU_SOURCE /* nftw */

#include "scratch.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int scratch_setup(void **state)
{
    struct scratch *s = calloc(1, sizeof *s);
    const char *parent = getenv("TMPDIR");

    assert_non_null(s);
    (void)snprintf(s->path, sizeof s->path - 64, "%s/syncshell-transport-XXXXXX",
                   parent ? parent : "/tmp");
    assert_non_null(mkdtemp(s->path));
    s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(s->fd >= 0);
    *state = s;
    return 0;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

int scratch_teardown(void **state)
{
    struct scratch *s = *state;
    int r = nftw(s->path, remove_one, 16, FTW_DEPTH | FTW_PHYS);

    (void)close(s->fd);
    free(s);
    return r;
}

void scratch_path(const struct scratch *s, const char *name, char *ret_path)
{
    int n = snprintf(ret_path, SCRATCH_PATH_MAX, "%s/%s", s->path, name);

    assert_in_range(n, 1, SCRATCH_PATH_MAX - 1);
}

void scratch_write(const struct scratch *s, const char *name, const void *data, size_t size)
{
    int fd = openat(s->fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, data, size), size);
    assert_int_equal(close(fd), 0);
}

uint8_t *scratch_read(const struct scratch *s, const char *name, size_t *ret_size)
{
    int fd = openat(s->fd, name, O_RDONLY | O_CLOEXEC);
    struct stat st;
    uint8_t *bytes;

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    bytes = malloc((size_t)st.st_size + 1);
    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)st.st_size), st.st_size);
    assert_int_equal(close(fd), 0);
    *ret_size = (size_t)st.st_size;
    return bytes;
}
