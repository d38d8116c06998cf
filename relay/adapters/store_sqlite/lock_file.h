/* One relay per database: a lock on a file beside it.
 *
 * SQLite's own exclusive mode would also shut out backups and people with a shell, who do no harm. The lock is the
 * kernel's (flock), so it ends with the process, however that ends; the file stays, because deleting it would let two
 * relays each lock their own. Its content, the holder's process id, is for people only. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_LOCK_FILE_H
#define RELAY_ADAPTERS_STORE_SQLITE_LOCK_FILE_H

/* Takes the lock of the database at `path`. `ret_holder_pid` is set with -EBUSY only; 0 there when unknown.
 * 0, -EBUSY (another relay has it) or another negative errno. */
int lock_file_take(const char *path, int *ret_fd, long *ret_holder_pid);

void lock_file_release(int fd); /* accepts -1 */

#endif
