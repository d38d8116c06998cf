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

/* Starts the thread; `db` is borrowed, and belongs to the thread, which closes it in the end. 0 or negative errno. */
int writer_new(struct writer **ret_writer, struct db *db, const struct store_options *options);

#define WRITER_STOP_FOREVER UINT32_MAX

/* Executes what is queued or staged, closes the database and ends the thread. May be repeated. False: that takes longer, because the
 * disk does not answer. Then the thread goes on with what it was told, and only the end of the process is sure to end it. */
bool writer_stop(struct writer *w, uint32_t within_ms);

/* Stops, and frees the operations that nobody collected. Always NULL; accepts NULL. */
struct writer *writer_free(struct writer *w);

void writer_submit(struct writer *w, struct store_op *op);
void writer_flush(struct writer *w);
struct store_op *writer_collect(struct writer *w);
void writer_stats(struct writer *w, struct store_stats *ret_stats);

#endif
