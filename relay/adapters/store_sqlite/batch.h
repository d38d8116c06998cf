/* One transaction for many operations: the group commit.
 *
 * A refused or failed operation takes nothing with it: each runs in a savepoint, or decides before it writes, and should the
 * database fail such a one half-way, all are executed once more, each in a savepoint. When the transaction as a whole
 * fails, nothing in it happened: writing operations come back with the reason, reading ones are executed again on what is
 * really stored, because their first results may show what was never committed. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_BATCH_H
#define RELAY_ADAPTERS_STORE_SQLITE_BATCH_H

#include <stdbool.h>
#include <stddef.h>

struct db;
struct list;

struct batch_outcome {
    size_t n_operations;
    bool
        writes; /* some operation wanted to write; that others worked says nothing about the disk */
    bool committed;
    bool failed; /* the commit, or some operation for want of room or a usable file */
    bool read_failed;
};

/* Executes store operations linked by their node, in order, and gives each its answer. With `probe` a batch that may
 * write does write, so that its success proves something. */
void batch_execute(struct db *db, const struct list *operations, bool probe,
                   struct batch_outcome *ret_outcome);

#endif
