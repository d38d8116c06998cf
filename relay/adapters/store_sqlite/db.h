/* One SQLite connection and the statements prepared on it.
 *
 * The idea: operations say what they want in SQL that stands beside the code that uses it; a statement is prepared the
 * first time and kept for the connection's life. Errors are sticky inside a statement, so a chain of binds needs no check:
 * the step reports it.
 *
 * Every failure is one negative number out of four, which is all that the store has to tell apart (db_error_code()), and
 * leaves its text in `error`.
 *
 * A connection belongs to one thread at a time. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_DB_H
#define RELAY_ADAPTERS_STORE_SQLITE_DB_H

#include <sqlite3.h>

#include "wire/code.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    STATEMENT_BUCKETS = 128, /* a power of two; the sources have about a hundred statements */
    DB_ERROR_MAX = 200,
    LOG_BOUNDS = 64, /* a power of two */
};

enum {
    STATEMENT_ROW = 1, /* statement_step(): there is a row */
};

struct db;
struct log_heads;

struct statement {
    struct db *db;
    const char *sql;        /* its address is the cache's key */
    struct statement *next; /* in its bucket */
    sqlite3_stmt *handle;
    int n_bound;
    int error; /* the first failure since statement_get(); 0 or negative */
};

/* The logs of a syncshell have no more than `bytes` of its pool. */
struct log_bound {
    int64_t syncshell; /* 0: unknown */
    uint64_t part_bytes;
    uint64_t bytes;
};

struct db {
    sqlite3 *handle;
    /* As many as there are places that ask for one. A limit would be met by the relay that has lived long enough to come by them all. */
    struct statement *statements[STATEMENT_BUCKETS];
    struct statement failed; /* stands in for a statement that could not be prepared */
    int wal_pages;           /* in the write-ahead log after the last commit */
    struct log_bound log_bounds[LOG_BOUNDS]; /* log_check_room()'s */
    struct log_heads *log_heads;             /* log_head.h; NULL before the first entry */
    char error[DB_ERROR_MAX];                /* what the last failure was; "" before the first */
};

/* Opens an existing file for reading and writing, without touching its content. 0 or negative; db_close() it in any
 * case. */
int db_open(struct db *ret_db, const char *path);
int db_open_reader(struct db *ret_db, const char *path); /* the same for reading only */
void db_close(struct db *db); /* accepts what was never opened, if zeroed */

bool db_read_only(const struct db *db);

/* Ways of working that are set per connection, and the journal mode, which is written into the file. */
int db_configure(struct db *db);

/* Records and classifies an SQLite result: -ENOSPC, -EIO (the file cannot be used: locked, read-only, corrupt, I/O),
 * -ENOMEM, or -EPROTO for what can only be our fault. */
int db_fail(struct db *db, int sqlite_result);
enum wire_code db_error_code(int error); /* STORE_FULL, STORE_UNAVAILABLE or INTERNAL */

int db_execute(struct db *db, const char *sql); /* once, any number of statements; 0 or negative */

int db_begin(struct db *db,
             bool write); /* write: takes the lock now, so that nothing later fails for it */
int db_commit(struct db *db);
void db_rollback(struct db *db); /* no effect outside a transaction */
/* What is in memory is read again: it may come from a file that was damaged then, and is whole now. */
void db_forget_pages(struct db *db);
/* After whatever may have made a log count for more than before, but for an entry that was appended; and after what takes anything
 * back. */
void db_forget_log_bounds(struct db *db);
bool db_in_transaction(const struct db *db);
size_t
db_changes(const struct db
               *db); /* rows that the last INSERT, UPDATE or DELETE touched, without cascades */

uint64_t
db_changes_total(const struct db *db); /* rows touched since it was opened, cascades included */

/* Replaces the content of `to` by what was committed in `from` when this began, page by page. Others may go on writing. */
int db_copy(struct db *to, struct db *from);

/* SQLite's own check of the file. 0, -EBADMSG (the text is in `error`) or another negative. */
int db_check(struct db *db);

/* Moves the log into the database file once it has grown; a failure costs nothing but the log's size. */
int db_checkpoint_if_due(struct db *db);

/* The statement of this SQL text, reset and unbound. The text must be a constant with static storage. Never NULL: one
 * that cannot be prepared fails when it is stepped. */
struct statement *statement_get(struct db *db, const char *sql);
void statements_free(struct db *db);
void statement_reset(
    struct statement *st); /* ends its read of the database; column pointers become invalid */

/* Bind the next parameter. Text and blobs are borrowed until statement_reset(). Integers beyond int64 saturate. */
void statement_bind_int(struct statement *st, int64_t value);
void statement_bind_uint(struct statement *st, uint64_t value);
void statement_bind_text(struct statement *st, const char *text);
void statement_bind_blob(struct statement *st, const void *data,
                         size_t size); /* size 0 is an empty blob, not NULL */

int statement_step(struct statement *st); /* STATEMENT_ROW, 0 at the end, or negative */
int statement_run(struct statement *st);  /* steps once and resets; 0 or negative */

/* Columns of the current row. What does not fit the type fails the statement (the file is not what we wrote) and reads
 * as 0 or "". statement_error() tells after a last row; a further step tells by itself. */
uint64_t statement_uint(struct statement *st, int column);
bool statement_is_null(struct statement *st, int column);
int64_t statement_int(struct statement *st, int column);
void statement_text(struct statement *st, int column, char *ret_text, size_t size);
int statement_blob(struct statement *st, int column, uint8_t **ret_data,
                   size_t *ret_size); /* malloc'd; 0 or negative */
int statement_error(const struct statement *st);

/* A statement that is reset when its scope ends. */
void statement_scope_end(struct statement **st);
#define STATEMENT_SCOPED __attribute__((cleanup(statement_scope_end))) struct statement *

#endif
