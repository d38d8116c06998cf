/* Preloaded into a relay or a client: its database and write-ahead log lie on a disk that can fall ill. How, stands in the file that
 * SICK_DISK_FILE names, shared with the test, which changes it while the program runs. A well disk costs nothing: only a sick one asks
 * which file it is.
 *
 * A disk that stalls answers nothing, neither syncs nor writes, until it is well again. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

#define PRELOADED __attribute__((visibility("default")))

/* As support/sick_disk.py numbers them. */
enum illness { WELL, STALLS, FAILS_WRITES, FAILS_SYNCS, FAILS_READS, READ_ONLY };

enum { STALL_STEP_US = 5000, PATH_BYTES_MAX = 1024 };

static _Atomic uint32_t *illness;

__attribute__((constructor)) static void start(void)
{
    const char *path = getenv("SICK_DISK_FILE");
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    illness = mmap(NULL, sizeof *illness, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (illness == MAP_FAILED)
        abort();
    (void)close(fd);
}

static bool ends_in(const char *path, const char *ending)
{
    size_t length = strlen(path), n = strlen(ending);

    return length > n && strcmp(path + length - n, ending) == 0;
}

static bool is_database(int fd)
{
    char link[64], path[PATH_BYTES_MAX + 1];
    ssize_t n;

    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    n = readlink(link, path, PATH_BYTES_MAX);
    if (n < 0)
        return false;
    path[n] = '\0';
    return ends_in(path, ".db") || ends_in(path, ".sqlite3") || ends_in(path, "-wal");
}

/* Whether what the caller is about to do fails for that illness. */
static bool suffers(int fd, enum illness failing)
{
    if (!illness || atomic_load(illness) == WELL || !is_database(fd))
        return false;
    if (failing != FAILS_READS)
        while (atomic_load(illness) == STALLS)
            (void)usleep(STALL_STEP_US);
    if (failing == FAILS_WRITES && atomic_load(illness) == READ_ONLY) {
        errno = EROFS; /* as after the kernel's remount, which it does when a disk fails */
        return true;
    }
    errno = EIO;
    return atomic_load(illness) == (uint32_t)failing;
}

PRELOADED ssize_t pwrite64(int fd, const void *data, size_t size, off64_t offset)
{
    return suffers(fd, FAILS_WRITES) ? -1 : syscall(SYS_pwrite64, fd, data, size, offset);
}

PRELOADED ssize_t pread64(int fd, void *data, size_t size, off64_t offset)
{
    return suffers(fd, FAILS_READS) ? -1 : syscall(SYS_pread64, fd, data, size, offset);
}

PRELOADED int fsync(int fd)
{
    return suffers(fd, FAILS_SYNCS) ? -1 : (int)syscall(SYS_fsync, fd);
}

PRELOADED int fdatasync(int fd)
{
    return suffers(fd, FAILS_SYNCS) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
