/* The write-ahead log's file, written in large pieces.
 *
 * SQLite hands a commit to the system in two small writes for each page. This stands between (as one of SQLite's "VFS"), puts
 * what follows one another together, and writes it before whatever could notice: the sync that makes a commit last, a
 * truncation, the question for the size. Nothing is in memory when a sync returns, so a transaction that was synced is in the
 * file, and one that was not has been promised to nobody. It needs `synchronous` FULL: without a sync for each commit, others
 * would be told of pages that they cannot read yet.
 *
 * All other files are the system's own; who asks there finds no trace of this. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_WAL_FILE_H
#define RELAY_ADAPTERS_STORE_SQLITE_WAL_FILE_H

/* The name for sqlite3_open_v2(), or NULL when SQLite has no files at all. Any thread. */
const char *wal_file_vfs(void);

#endif
