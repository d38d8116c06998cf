/* Recovery sessions, memberships and inboxes in SQLite, written by one thread with group commit.
 *
 * The writer takes everything that was submitted since the last commit, executes it in one transaction (in
 * which an operation that fails takes nothing with it: batch.h), commits with synchronous=FULL, and only then gives the
 * operations back. If the commit fails, every operation of the batch comes back failed and nothing of it happened.
 * Submission order is execution order is return order.
 *
 * Threads: everything is called on the loop's thread; `wake` alone is called by the writer, and must be safe there. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_STORE_H
#define RELAY_ADAPTERS_STORE_SQLITE_STORE_H

#include "base/histogram.h"
#include "core/store_op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store;

struct store_identity {
    struct wire_id relay_id; /* made once for a database */
    struct wire_id epoch;    /* made once, again when a backup is restored */
};

struct store_stats {
    uint64_t commits;
    uint64_t operations;
    uint64_t failed_commits;
    struct histogram commit_us; /* of commits that worked */
    uint64_t working_since_us;  /* CLOCK_MONOTONIC: when the batch in hand was begun; 0: idle */
    uint64_t read_failed_us;    /* CLOCK_MONOTONIC: when a read failed last; 0: never */
    bool healthy;               /* the last commit worked */
    char last_error[200]; /* what the last failure was, for the operator; "" before the first */
};

struct store_options {
    const char *path; /* database file; its folder must exist and be writable */
    size_t batch_max; /* operations per transaction */
    void (*wake)(
        void *userdata); /* results are waiting: call store_collect() on the loop's thread */
    void *userdata;
};

/* Opens (creates) the database, applies migrations in one transaction, starts the writer. On failure `ret_error` says
 * what is wrong in a sentence that names the file: newer schema, changed migration, not a database, locked by another
 * relay, read-only. 0 or negative errno. */
int store_new(struct store **ret_store, const struct store_options *options, char *ret_error,
              size_t error_size);

/* Executes what was submitted, commits, closes the database, ends the thread. Results that were not collected stay collectable until
 * store_free(). False: within that time the disk did not answer; the store can do no more than try again, and store_free() would
 * wait for the disk, too. */
bool store_stop(struct store *s, uint32_t within_ms);
struct store *store_free(struct store *s);

const struct store_identity *store_identity(const struct store *s);

/* Queues the operation; the writer wakes at store_flush(), once per turn, so that a turn's operations share a commit. */
void store_submit(struct store *s, struct store_op *op);
void store_flush(struct store *s);

/* The next returned operation, or NULL. */
struct store_op *store_collect(struct store *s);

void store_stats(struct store *s, struct store_stats *ret_stats);

#endif
