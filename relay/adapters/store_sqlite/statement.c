/* Prepared statements: see db.h. */
#include "adapters/store_sqlite/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static struct statement **bucket_of(struct db *db, const char *sql)
{
    uint64_t hash = (uint64_t)(uintptr_t)sql * UINT64_C(0x9e3779b97f4a7c15);

    return &db->statements[(hash >> 32) & (STATEMENT_BUCKETS - 1)];
}

static struct statement *statement_prepare(struct db *db, const char *sql)
{
    struct statement **bucket = bucket_of(db, sql);
    struct statement *st = &db->failed;
    sqlite3_stmt *handle = NULL;
    int rc;

    *st = (struct statement){.db = db, .sql = sql};
    rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle, NULL);
    if (rc == SQLITE_OK && !(st = malloc(sizeof *st))) {
        (void)sqlite3_finalize(handle);
        st = &db->failed;
        rc = SQLITE_NOMEM;
    }
    if (rc != SQLITE_OK) {
        st->error = db_fail(db, rc);
        return st;
    }
    *st = (struct statement){.db = db, .sql = sql, .next = *bucket, .handle = handle};
    *bucket = st;
    return st;
}

struct statement *statement_get(struct db *db, const char *sql)
{
    for (struct statement *st = *bucket_of(db, sql); st; st = st->next) {
        if (st->sql != sql)
            continue;
        statement_reset(st);
        st->n_bound = 0;
        st->error = 0;
        return st;
    }
    return statement_prepare(db, sql);
}

void statements_free(struct db *db)
{
    for (size_t i = 0; i < STATEMENT_BUCKETS; i++) {
        while (db->statements[i]) {
            struct statement *st = db->statements[i];

            db->statements[i] = st->next;
            (void)sqlite3_finalize(st->handle); /* repeats the error of the last step */
            free(st);
        }
    }
}

void statement_reset(struct statement *st)
{
    if (!st->handle)
        return;
    (void)sqlite3_reset(st->handle); /* repeats the error of the last step */
    (void)sqlite3_clear_bindings(st->handle);
}

void statement_scope_end(struct statement **st)
{
    if (*st)
        statement_reset(*st);
}

static void statement_bound(struct statement *st, int rc)
{
    if (rc != SQLITE_OK)
        st->error = db_fail(st->db, rc);
}

void statement_bind_int(struct statement *st, int64_t value)
{
    if (!st->error)
        statement_bound(st, sqlite3_bind_int64(st->handle, ++st->n_bound, value));
}

void statement_bind_uint(struct statement *st, uint64_t value)
{
    statement_bind_int(st, value > INT64_MAX ? INT64_MAX : (int64_t)value);
}

void statement_bind_text(struct statement *st, const char *text)
{
    if (!st->error)
        statement_bound(st, sqlite3_bind_text(st->handle, ++st->n_bound, text, -1, SQLITE_STATIC));
}

void statement_bind_blob(struct statement *st, const void *data, size_t size)
{
    if (st->error)
        return;
    st->n_bound++;
    if (size == 0)
        statement_bound(st, sqlite3_bind_zeroblob(st->handle, st->n_bound, 0));
    else
        statement_bound(st,
                        sqlite3_bind_blob64(st->handle, st->n_bound, data, size, SQLITE_STATIC));
}

int statement_step(struct statement *st)
{
    int rc;

    if (st->error)
        return st->error;
    errno = 0; /* for db_fail() */
    rc = sqlite3_step(st->handle);
    if (rc == SQLITE_ROW)
        return STATEMENT_ROW;
    if (rc == SQLITE_DONE)
        return 0;
    st->error = db_fail(st->db, rc);
    return st->error;
}

int statement_run(struct statement *st)
{
    int r = statement_step(st);

    statement_reset(st);
    return r < 0 ? r : 0;
}

int64_t statement_int(struct statement *st, int column)
{
    return sqlite3_column_int64(st->handle, column);
}

uint64_t statement_uint(struct statement *st, int column)
{
    int64_t value = statement_int(st, column);

    if (value >= 0)
        return (uint64_t)value;
    st->error = db_fail(st->db, SQLITE_CORRUPT);
    return 0;
}

bool statement_is_null(struct statement *st, int column)
{
    return sqlite3_column_type(st->handle, column) == SQLITE_NULL;
}

void statement_text(struct statement *st, int column, char *ret_text, size_t size)
{
    const unsigned char *text = sqlite3_column_text(st->handle, column);
    size_t length = (size_t)sqlite3_column_bytes(st->handle, column);

    if (!text || length >= size) {
        st->error = db_fail(st->db, SQLITE_CORRUPT);
        ret_text[0] = '\0';
        return;
    }
    memcpy(ret_text, text, length);
    ret_text[length] = '\0';
}

int statement_blob(struct statement *st, int column, uint8_t **ret_data, size_t *ret_size)
{
    const void *blob =
        sqlite3_column_blob(st->handle, column); /* before its size; NULL when empty */
    size_t size = (size_t)sqlite3_column_bytes(st->handle, column);
    uint8_t *data = malloc(size ? size : 1);

    if (!data)
        return -ENOMEM;
    if (size && !blob) {
        free(data);
        return -ENOMEM;
    }
    if (size)
        memcpy(data, blob, size);
    *ret_data = data;
    *ret_size = size;
    return 0;
}

int statement_error(const struct statement *st)
{
    return st->error;
}
