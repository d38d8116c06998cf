#include "adapters/store_sqlite/access_keys.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/store_sqlite/database_file.h"
#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/lock_file.h"

enum { REASON_MAX = 300 };

struct access_keys {
    struct db db;
};

/* Without a relay the file may be new or old, and is made ready as a relay would. */
static int open_file(struct access_keys *keys, const char *path, char *ret_reason)
{
    long holder = 0;
    int lock_fd = -1;
    int r = lock_file_take(path, &lock_fd, &holder);

    if (r == -EBUSY)
        return database_file_open_beside(&keys->db, path, ret_reason, REASON_MAX);
    if (r < 0) {
        (void)snprintf(ret_reason, REASON_MAX, "cannot be locked: %s", strerror(-r));
        return r;
    }
    r = database_file_open(&keys->db, path, ret_reason, REASON_MAX);
    lock_file_release(lock_fd);
    return r;
}

int access_keys_open(struct access_keys **ret_keys, const char *path, char *ret_error,
                     size_t error_size)
{
    char reason[REASON_MAX] = "cannot be opened: out of memory";
    struct access_keys *keys = calloc(1, sizeof *keys);
    int r = keys ? open_file(keys, path, reason) : -ENOMEM;

    if (r < 0) {
        (void)snprintf(ret_error, error_size, "%s %s", path, reason);
        (void)access_keys_close(keys);
        return r;
    }
    *ret_keys = keys;
    return 0;
}

struct access_keys *access_keys_close(struct access_keys *keys)
{
    if (!keys)
        return NULL;
    db_close(&keys->db);
    free(keys);
    return NULL;
}

int access_keys_add(struct access_keys *keys, const struct access_key_row *row, const char *sha256)
{
    static const char sql[] = "INSERT INTO access_key (key_id, name, sha256, created_unix_ms,"
                              " expires_unix_ms) VALUES (?, ?, ?, ?, nullif(?, 0))";
    struct statement *st = statement_get(&keys->db, sql);

    statement_bind_text(st, row->key_id.text);
    statement_bind_text(st, row->name);
    statement_bind_text(st, sha256);
    statement_bind_int(st, row->created_unix_ms);
    statement_bind_int(st, row->expires_unix_ms);
    return statement_run(st);
}

int access_keys_list(struct access_keys *keys,
                     int (*take)(void *userdata, const struct access_key_row *row), void *userdata)
{
    static const char sql[] =
        "SELECT key_id, name, created_unix_ms, expires_unix_ms, revoked_unix_ms, last_used_unix_ms"
        " FROM access_key ORDER BY id";
    STATEMENT_SCOPED st = statement_get(&keys->db, sql);
    int r;

    while ((r = statement_step(st)) == STATEMENT_ROW) {
        struct access_key_row row = {0};

        statement_text(st, 0, row.key_id.text, sizeof row.key_id.text);
        statement_text(st, 1, row.name, sizeof row.name);
        row.created_unix_ms = statement_int(st, 2);
        row.expires_unix_ms = statement_int(st, 3); /* NULL reads as 0 */
        row.revoked_unix_ms = statement_int(st, 4);
        row.last_used_unix_ms = statement_int(st, 5);
        r = take(userdata, &row);
        if (r != 0)
            return r;
    }
    return r;
}

int access_keys_revoke(struct access_keys *keys, const char *id_or_name, int64_t now_ms,
                       size_t *ret_revoked)
{
    static const char sql[] = "UPDATE access_key SET revoked_unix_ms = ?1"
                              " WHERE revoked_unix_ms IS NULL AND ?2 IN (key_id, name)";
    struct statement *st = statement_get(&keys->db, sql);
    int r;

    statement_bind_int(st, now_ms);
    statement_bind_text(st, id_or_name);
    r = statement_run(st);
    if (r == 0)
        *ret_revoked = db_changes(&keys->db);
    return r;
}

int access_keys_remove(struct access_keys *keys, const char *key_id)
{
    struct statement *st = statement_get(&keys->db, "DELETE FROM access_key WHERE key_id = ?");

    statement_bind_text(st, key_id);
    return statement_run(st);
}

const char *access_keys_error(const struct access_keys *keys)
{
    return keys->db.error;
}
