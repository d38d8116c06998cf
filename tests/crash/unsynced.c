/* Preloaded into a relay or a client that will be killed: for each database and write-ahead log it keeps, in FILE.undo beside FILE, what the
 * file held before the writes that no sync has made to last. What a power cut may take, undo.py then takes after the kill.
 *
 * - A record is complete in FILE.undo before the write that it undoes: after a kill at any moment the record may be of a write that never
 *   happened, never the reverse.
 * - A sync empties FILE.undo before the caller hears of it. A kill between the two undoes synced writes of which nobody was told.
 * - Making, removing and renaming files counts as lasting at once. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

/* In place of the C library's. */
#define PRELOADED __attribute__((visibility("default")))

enum { FDS_MAX = 4096, PATH_BYTES_MAX = 1024, PIECE_BYTES = 4096 };

/* As undo.py reads it; then `old_bytes` bytes. */
struct record {
    uint64_t offset;
    uint64_t file_bytes; /* of the whole file, before */
    uint64_t old_bytes;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int undo_fds[FDS_MAX]; /* by the file's descriptor; 0: not watched */

static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), n = strlen(ending);

    return length > n && strcmp(path + length - n, ending) == 0;
}

/* The relay's database, a client's journal, and the log of either. */
static bool watched(const char *path)
{
    return ends_in(path, ".db") || ends_in(path, ".sqlite3") || ends_in(path, "-wal");
}

static _Noreturn void give_up(const char *what)
{
    perror(what);
    abort();
}

static int note_opened(int fd, const char *path)
{
    char undo_path[PATH_BYTES_MAX];
    int undo_fd;

    if (fd < 0 || fd >= FDS_MAX || !watched(path))
        return fd;
    (void)snprintf(undo_path, sizeof undo_path, "%s.undo", path);
    undo_fd = (int)syscall(SYS_openat, AT_FDCWD, undo_path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
                           0600);
    if (undo_fd < 0)
        give_up(undo_path);
    (void)pthread_mutex_lock(&lock);
    undo_fds[fd] = undo_fd;
    (void)pthread_mutex_unlock(&lock);
    return fd;
}

PRELOADED int open64(const char *path, int flags, ...)
{
    mode_t mode = 0;
    va_list arguments;

    va_start(arguments, flags);
    if (flags & O_CREAT)
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return note_opened((int)syscall(SYS_openat, AT_FDCWD, path, flags, mode), path);
}

PRELOADED int unlink(const char *path)
{
    char undo_path[PATH_BYTES_MAX];

    if (watched(path)) {
        (void)snprintf(undo_path, sizeof undo_path, "%s.undo", path);
        (void)syscall(SYS_unlinkat, AT_FDCWD, undo_path, 0); /* there may be none */
    }
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}

PRELOADED int close(int fd)
{
    int undo_fd = 0;

    (void)pthread_mutex_lock(&lock);
    if (fd >= 0 && fd < FDS_MAX) {
        undo_fd = undo_fds[fd];
        undo_fds[fd] = 0;
    }
    (void)pthread_mutex_unlock(&lock);
    if (undo_fd)
        (void)syscall(SYS_close, undo_fd);
    return (int)syscall(SYS_close, fd);
}

/* What `bytes` bytes at `offset` are now, and how long the file is. */
static void remember(int fd, int undo_fd, uint64_t offset, uint64_t bytes)
{
    struct record record = {.offset = offset};
    struct stat st;
    char *whole;
    size_t size;

    if (fstat(fd, &st) < 0)
        give_up("unsynced: fstat");
    record.file_bytes = (uint64_t)st.st_size;
    if (offset < record.file_bytes)
        record.old_bytes = bytes < record.file_bytes - offset ? bytes : record.file_bytes - offset;
    size = sizeof record + record.old_bytes;
    whole = malloc(size);
    if (!whole)
        give_up("unsynced");
    memcpy(whole, &record, sizeof record);
    if (pread64(fd, whole + sizeof record, record.old_bytes, (off64_t)offset) !=
            (ssize_t)record.old_bytes ||
        write(undo_fd, whole, size) != (ssize_t)size)
        give_up("unsynced: a record");
    free(whole);
}

/* A large write in pieces as small as what a disk keeps whole: a cut may take any part of it. */
PRELOADED ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    size_t done = 0;
    ssize_t n = 0;

    if (fd < 0 || fd >= FDS_MAX || !undo_fds[fd])
        return syscall(SYS_pwrite64, fd, data, size, offset);
    (void)pthread_mutex_lock(&lock);
    do {
        size_t piece = size - done < PIECE_BYTES ? size - done : PIECE_BYTES;
        off64_t at = offset + (off64_t)done;

        remember(fd, undo_fds[fd], (uint64_t)at, piece);
        n = syscall(SYS_pwrite64, fd, (const char *)data + done, piece, at);
        done += n > 0 ? (size_t)n : 0;
    } while (n > 0 && done < size);
    (void)pthread_mutex_unlock(&lock);
    return done > 0 ? (ssize_t)done : n;
}

PRELOADED int ftruncate64(int fd, off64_t size)
{
    int r;

    if (fd < 0 || fd >= FDS_MAX || !undo_fds[fd])
        return (int)syscall(SYS_ftruncate, fd, size);
    (void)pthread_mutex_lock(&lock);
    remember(fd, undo_fds[fd], (uint64_t)size, UINT64_MAX);
    r = (int)syscall(SYS_ftruncate, fd, size);
    (void)pthread_mutex_unlock(&lock);
    return r;
}

/* Writes of other threads wait: one between the sync and the emptying would be forgotten. */
static int sync_with(long number, int fd)
{
    int r;

    if (fd < 0 || fd >= FDS_MAX || !undo_fds[fd])
        return (int)syscall(number, fd);
    (void)pthread_mutex_lock(&lock);
    r = (int)syscall(number, fd);
    if (r == 0 && syscall(SYS_ftruncate, undo_fds[fd], 0) < 0)
        give_up("unsynced: ftruncate");
    (void)pthread_mutex_unlock(&lock);
    return r;
}

PRELOADED int fsync(int fd)
{
    return sync_with(SYS_fsync, fd);
}

PRELOADED int fdatasync(int fd)
{
    return sync_with(SYS_fdatasync, fd);
}
