#include "adapters/store_sqlite/wal_file.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE_BYTES =
        128 * 1024, /* small enough for a processor's own memory, with thirty pages in it */
};

/* The system's own file stands behind it, at `real`. */
struct wal_file {
    sqlite3_file base;
    sqlite3_file *real;
    uint8_t *piece;
    sqlite3_int64 at; /* where in the file the piece begins */
    size_t used;
};

static struct wal_file *wal_file(sqlite3_file *file)
{
    return (struct wal_file *)(void *)file;
}

/* Whether it succeeds or not, the piece is gone: who wrote it hears of the failure and takes the transaction back. */
static int put_out(struct wal_file *w)
{
    size_t size = w->used;

    w->used = 0;
    return size ? w->real->pMethods->xWrite(w->real, w->piece, (int)size, w->at) : SQLITE_OK;
}

static int wal_close(sqlite3_file *file)
{
    struct wal_file *w = wal_file(file);
    int written = put_out(w);
    int closed = w->real->pMethods->xClose(w->real);

    free(w->piece);
    return closed == SQLITE_OK ? written : closed;
}

/* A page of the transaction that is being written may have to be read again: from here, for reading must not depend on room. */
static int wal_read(sqlite3_file *file, void *ret_data, int size, sqlite3_int64 at)
{
    struct wal_file *w = wal_file(file);
    sqlite3_int64 end = w->at + (sqlite3_int64)w->used;
    int rc = SQLITE_OK;

    if (w->used && at >= w->at && at + size <= end) {
        memcpy(ret_data, w->piece + (at - w->at), (size_t)size);
        return SQLITE_OK;
    }
    if (w->used && at < end && at + size > w->at)
        rc = put_out(w);
    return rc == SQLITE_OK ? w->real->pMethods->xRead(w->real, ret_data, size, at) : rc;
}

static int wal_write(sqlite3_file *file, const void *data, int size, sqlite3_int64 at)
{
    struct wal_file *w = wal_file(file);
    int rc = SQLITE_OK;

    if (w->used && (at != w->at + (sqlite3_int64)w->used || w->used + (size_t)size > PIECE_BYTES))
        rc = put_out(w);
    if (rc != SQLITE_OK)
        return rc;
    if ((size_t)size > PIECE_BYTES)
        return w->real->pMethods->xWrite(w->real, data, size, at);
    if (w->used == 0)
        w->at = at;
    memcpy(w->piece + w->used, data, (size_t)size);
    w->used += (size_t)size;
    return SQLITE_OK;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    struct wal_file *w = wal_file(file);
    int rc = put_out(w);

    return rc == SQLITE_OK ? w->real->pMethods->xTruncate(w->real, size) : rc;
}

static int wal_sync(sqlite3_file *file, int flags)
{
    struct wal_file *w = wal_file(file);
    int rc = put_out(w);

    return rc == SQLITE_OK ? w->real->pMethods->xSync(w->real, flags) : rc;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *ret_size)
{
    struct wal_file *w = wal_file(file);
    int rc = put_out(w);

    return rc == SQLITE_OK ? w->real->pMethods->xFileSize(w->real, ret_size) : rc;
}

static int wal_lock(sqlite3_file *file, int level)
{
    struct wal_file *w = wal_file(file);

    return w->real->pMethods->xLock(w->real, level);
}

static int wal_unlock(sqlite3_file *file, int level)
{
    struct wal_file *w = wal_file(file);

    return w->real->pMethods->xUnlock(w->real, level);
}

static int wal_check_lock(sqlite3_file *file, int *ret_locked)
{
    struct wal_file *w = wal_file(file);

    return w->real->pMethods->xCheckReservedLock(w->real, ret_locked);
}

static int wal_control(sqlite3_file *file, int op, void *argument)
{
    struct wal_file *w = wal_file(file);

    return w->real->pMethods->xFileControl(w->real, op, argument);
}

static int wal_sector_size(sqlite3_file *file)
{
    struct wal_file *w = wal_file(file);

    return w->real->pMethods->xSectorSize(w->real);
}

static int wal_characteristics(sqlite3_file *file)
{
    struct wal_file *w = wal_file(file);

    return w->real->pMethods->xDeviceCharacteristics(w->real);
}

/* Of the first version: a log is neither mapped nor has it memory to share. */
static const sqlite3_io_methods wal_methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_check_lock,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector_size,
    .xDeviceCharacteristics = wal_characteristics,
};

/* The one below: always the first that SQLite had, for ours is never the default. */
static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *ret_file, int flags,
                    int *ret_flags)
{
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);
    struct wal_file *w = wal_file(ret_file);
    int rc;

    (void)vfs;
    if (!(flags & SQLITE_OPEN_WAL))
        return system->xOpen(system, name, ret_file, flags, ret_flags);
    *w = (struct wal_file){.real = (sqlite3_file *)(void *)(w + 1)};
    w->piece = malloc(PIECE_BYTES);
    if (!w->piece)
        return SQLITE_NOMEM;
    rc = system->xOpen(system, name, w->real, flags, ret_flags);
    if (rc != SQLITE_OK) {
        free(w->piece);
        return rc; /* without methods: nobody closes it */
    }
    w->base.pMethods = &wal_methods;
    return SQLITE_OK;
}

static sqlite3_vfs ours; /* SQLite links it into its list */
static pthread_once_t made = PTHREAD_ONCE_INIT;

static void make(void)
{
    const sqlite3_vfs *system = sqlite3_vfs_find(NULL);

    if (!system)
        return;
    ours = *system;
    ours.pNext = NULL;
    ours.zName = "syncshell";
    ours.szOsFile += (int)sizeof(struct wal_file);
    ours.xOpen = vfs_open;
    if (sqlite3_vfs_register(&ours, 0) != SQLITE_OK)
        ours.zName = NULL;
}

const char *wal_file_vfs(void)
{
    (void)pthread_once(&made, make);
    return ours.zName;
}
