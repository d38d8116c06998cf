#include "adapters/store_sqlite/store.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/lock_file.h"
#include "adapters/store_sqlite/migrate.h"
#include "adapters/store_sqlite/writer.h"

struct store {
    int lock_fd;
    struct db db;
    struct writer *writer;
    struct store_identity identity;
};

enum {
    REASON_MAX = 300,
};

static int store_lock(struct store *s, const char *path, char *ret_reason)
{
    long holder = 0;
    int r = lock_file_take(path, &s->lock_fd, &holder);

    if (r == -EBUSY)
        (void)snprintf(ret_reason, REASON_MAX, "is in use by another relay (pid %ld)", holder);
    else if (r < 0)
        (void)snprintf(ret_reason, REASON_MAX, "cannot be locked: %s", strerror(-r));
    return r;
}

/* The name of a new file must survive a power loss as its content does. */
static int sync_folder_of(const char *path)
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

/* SQLite would create the file by the umask, and gives its companions the mode of the file. */
static int store_create_file(const char *path, char *ret_reason)
{
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    int r = fd < 0 ? -errno : 0;

    if (r == -EEXIST)
        return 0;
    if (fd >= 0)
        (void)close(fd); /* nothing was written */
    if (r == 0)
        r = sync_folder_of(path);
    if (r < 0)
        (void)snprintf(ret_reason, REASON_MAX, "cannot be created: %s", strerror(-r));
    return r;
}

static int store_open_database(struct store *s, const char *path, char *ret_reason)
{
    int r = db_open(&s->db, path);

    if (r < 0) {
        (void)snprintf(ret_reason, REASON_MAX, "cannot be opened: %s", s->db.error);
        return r;
    }
    if (db_read_only(&s->db)) {
        (void)snprintf(ret_reason, REASON_MAX, "is read-only");
        return -EROFS;
    }
    r = migrate_check_owner(&s->db, ret_reason, REASON_MAX);
    if (r < 0)
        return r;
    r = db_configure(&s->db);
    if (r < 0) {
        (void)snprintf(ret_reason, REASON_MAX, "cannot be used: %s", s->db.error);
        return r;
    }
    return migrate_apply(&s->db, ret_reason, REASON_MAX);
}

static int store_read_identity(struct store *s, char *ret_reason)
{
    static const char sql[] = "SELECT relay_id, epoch FROM meta";
    STATEMENT_SCOPED st = statement_get(&s->db, sql);
    int r = statement_step(st);

    if (r == STATEMENT_ROW) {
        statement_text(st, 0, s->identity.relay_id.text, sizeof s->identity.relay_id.text);
        statement_text(st, 1, s->identity.epoch.text, sizeof s->identity.epoch.text);
        r = statement_error(st);
    }
    if (r < 0)
        (void)snprintf(ret_reason, REASON_MAX, "cannot be read: %s", s->db.error);
    return r;
}

static int store_start(struct store *s, const struct store_options *options, char *ret_reason)
{
    int r = store_lock(s, options->path, ret_reason);

    if (r == 0)
        r = store_create_file(options->path, ret_reason);
    if (r == 0)
        r = store_open_database(s, options->path, ret_reason);
    if (r == 0)
        r = store_read_identity(s, ret_reason);
    if (r < 0)
        return r;
    r = writer_new(&s->writer, &s->db, options);
    if (r < 0)
        (void)snprintf(ret_reason, REASON_MAX, "has no writer: %s", strerror(-r));
    return r;
}

int store_new(struct store **ret_store, const struct store_options *options, char *ret_error,
              size_t error_size)
{
    char reason[REASON_MAX] = "cannot be opened: out of memory";
    struct store *s = calloc(1, sizeof *s);
    int r = -ENOMEM;

    if (s) {
        s->lock_fd = -1;
        r = store_start(s, options, reason);
    }
    if (r < 0) {
        (void)snprintf(ret_error, error_size, "%s %s", options->path, reason);
        (void)store_free(s);
        return r;
    }
    *ret_store = s;
    return 0;
}

void store_stop(struct store *s)
{
    writer_stop(s->writer);
}

struct store *store_free(struct store *s)
{
    if (!s)
        return NULL;
    s->writer = writer_free(s->writer);
    db_close(&s->db);
    lock_file_release(s->lock_fd);
    free(s);
    return NULL;
}

const struct store_identity *store_identity(const struct store *s)
{
    return &s->identity;
}

void store_submit(struct store *s, struct store_op *op)
{
    writer_submit(s->writer, op);
}

void store_flush(struct store *s)
{
    writer_flush(s->writer);
}

struct store_op *store_collect(struct store *s)
{
    return writer_collect(s->writer);
}

void store_stats(struct store *s, struct store_stats *ret_stats)
{
    writer_stats(s->writer, ret_stats);
}
