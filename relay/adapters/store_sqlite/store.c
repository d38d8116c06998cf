#include "adapters/store_sqlite/store.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/store_sqlite/database_file.h"
#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/lock_file.h"
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
        r = database_file_open(&s->db, options->path, ret_reason, REASON_MAX);
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

bool store_stop(struct store *s, uint32_t within_ms)
{
    return writer_stop(s->writer, within_ms);
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
