/* The thread that owns the database connection while it runs, and the two queues to and from it.
 *
 * Operations are staged by the loop, handed over together by writer_flush(), executed in batches, and given back in the
 * same order. The queues need no cap of their own: every operation in them is charged to a connection by the core, which
 * limits how many each may have here. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_WRITER_H
#define RELAY_ADAPTERS_STORE_SQLITE_WRITER_H

#include "adapters/store_sqlite/store.h"

struct db;
struct writer;

/* Starts the thread; `db` is borrowed, and belongs to the thread until writer_stop() returns. 0 or negative errno. */
int writer_new(struct writer **ret_writer, struct db *db, const struct store_options *options);

/* Executes what is queued or staged and ends the thread. May be repeated. */
void writer_stop(struct writer *w);

/* Stops, and frees the operations that nobody collected. Always NULL; accepts NULL. */
struct writer *writer_free(struct writer *w);

void writer_submit(struct writer *w, struct store_op *op);
void writer_flush(struct writer *w);
struct store_op *writer_collect(struct writer *w);
void writer_stats(struct writer *w, struct store_stats *ret_stats);

#endif
