#include "adapters/store_sqlite/migrate.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "adapters/store_sqlite/db.h"

enum {
    APPLICATION_ID = 0x53796e63, /* "Sync" */
    SHA256_HEX = 64,
};

static int read_number(struct db *db, const char *sql, int64_t *ret_number)
{
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r = statement_step(st);

    if (r < 0)
        return r;
    *ret_number = r == STATEMENT_ROW ? statement_int(st, 0) : 0;
    return 0;
}

int migrate_check_owner(struct db *db, char *ret_reason, size_t reason_size)
{
    int64_t application_id = 0, objects = 0;
    int r = read_number(db, "PRAGMA application_id", &application_id);

    if (r == 0)
        r = read_number(db, "SELECT count(*) FROM sqlite_schema", &objects);
    if (r < 0) {
        (void)snprintf(ret_reason, reason_size, "cannot be read: %s", db->error);
        return r;
    }
    if (application_id == APPLICATION_ID || (application_id == 0 && objects == 0))
        return 0;
    (void)snprintf(ret_reason, reason_size, "is a database of another program");
    return -EINVAL;
}

int migrate_check_used(struct db *db, char *ret_reason, size_t reason_size)
{
    int64_t objects = 0;
    int r = read_number(db, "SELECT count(*) FROM sqlite_schema", &objects);

    if (r < 0)
        (void)snprintf(ret_reason, reason_size, "cannot be read: %s", db->error);
    if (r < 0 || objects > 0)
        return r;
    (void)snprintf(ret_reason, reason_size, "is empty: no relay has begun to use it yet");
    return -ENODATA;
}

/* Compares what the file has had with what the program has. `ret_applied` counts them. */
static int check_history(struct db *db, size_t *ret_applied, char *ret_reason, size_t reason_size)
{
    STATEMENT_SCOPED st =
        statement_get(db, "SELECT version, sha256 FROM schema_migration ORDER BY version");
    size_t applied = 0;
    int r;

    while ((r = statement_step(st)) == STATEMENT_ROW) {
        int64_t version = statement_int(st, 0);
        char sha256[SHA256_HEX + 1];

        statement_text(st, 1, sha256, sizeof sha256);
        if (version > (int64_t)n_migrations) {
            (void)snprintf(ret_reason, reason_size,
                           "is newer than this program: it has schema %lld, the program knows %zu",
                           (long long)version, n_migrations);
            return -ENOTSUP;
        }
        if (version != (int64_t)applied + 1 || strcmp(sha256, migrations[applied].sha256) != 0) {
            (void)snprintf(ret_reason, reason_size,
                           "has a schema that this program does not know: migration %lld differs",
                           (long long)version);
            return -EBADMSG;
        }
        applied++;
    }
    if (r < 0)
        return r;
    *ret_applied = applied;
    return 0;
}

static int apply_one(struct db *db, const struct migration *m)
{
    struct statement *st;
    int r = db_execute(db, m->sql);

    if (r < 0)
        return r;
    st = statement_get(db, "INSERT INTO schema_migration (version, name, sha256) VALUES (?, ?, ?)");
    statement_bind_int(st, m->version);
    statement_bind_text(st, m->name);
    statement_bind_text(st, m->sha256);
    return statement_run(st);
}

static int apply_missing(struct db *db, char *ret_reason, size_t reason_size)
{
    char pragma[48];
    size_t applied = 0;
    int r = db_execute(
        db, "CREATE TABLE IF NOT EXISTS schema_migration ("
            "version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 TEXT NOT NULL) STRICT");

    if (r == 0)
        r = check_history(db, &applied, ret_reason, reason_size);
    for (size_t i = applied; r == 0 && i < n_migrations; i++)
        r = apply_one(db, &migrations[i]);
    if (r < 0)
        return r;
    (void)snprintf(pragma, sizeof pragma, "PRAGMA application_id = %d", APPLICATION_ID);
    if (applied < n_migrations && (r = db_execute(db, pragma)) < 0)
        return r;
    return statement_run(
        statement_get(db, "INSERT INTO meta (id, relay_id, epoch)"
                          " VALUES (1, lower(hex(randomblob(16))), lower(hex(randomblob(16))))"
                          " ON CONFLICT DO NOTHING"));
}

int migrate_check_known(struct db *db, char *ret_reason, size_t reason_size)
{
    size_t applied = 0;
    int r;

    ret_reason[0] = '\0';
    r = migrate_check_used(db, ret_reason, reason_size);
    if (r == 0)
        r = check_history(db, &applied, ret_reason, reason_size);
    if (r < 0 && ret_reason[0] == '\0')
        (void)snprintf(ret_reason, reason_size, "cannot be read: %s", db->error);
    return r;
}

int migrate_check_current(struct db *db, char *ret_reason, size_t reason_size)
{
    size_t applied = 0;
    int r;

    ret_reason[0] = '\0';
    r = migrate_check_used(db, ret_reason, reason_size);
    if (r == 0)
        r = check_history(db, &applied, ret_reason, reason_size);
    if (r == 0 && applied < n_migrations) {
        (void)snprintf(ret_reason, reason_size,
                       "is in use by a relay of an older version: use that version's program");
        r = -ENOTSUP;
    }
    if (r < 0 && ret_reason[0] == '\0')
        (void)snprintf(ret_reason, reason_size, "cannot be read: %s", db->error);
    return r;
}

int migrate_apply(struct db *db, char *ret_reason, size_t reason_size)
{
    int r = db_begin(db, true);

    ret_reason[0] = '\0';
    if (r == 0)
        r = apply_missing(db, ret_reason, reason_size);
    if (r == 0)
        r = db_commit(db);
    if (r < 0) {
        db_rollback(db);
        if (ret_reason[0] == '\0')
            (void)snprintf(ret_reason, reason_size, "cannot be brought up to date: %s", db->error);
    }
    return r;
}
