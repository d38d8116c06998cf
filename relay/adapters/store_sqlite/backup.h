/* A copy of a relay's database, made beside it while it runs, and putting such a copy into a relay's place.
 *
 * A copy is one file of one moment: everything that was answered `stored` before it began is in it. It has its name only
 * when it is whole and on the disk. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_BACKUP_H
#define RELAY_ADAPTERS_STORE_SQLITE_BACKUP_H

#include <stddef.h>
#include <stdint.h>

struct db;

/* Copies the database at `path` into the new file `file`, of mode 0600. A relay that uses the database goes on writing.
 * Never replaces a file: -EEXIST. On failure nothing is left, and `ret_error` is a sentence. 0 or negative. */
int backup_write(const char *path, const char *file, uint64_t *ret_bytes, char *ret_error,
                 size_t error_size);

/* For restore.h, too: copies into the file `to`, which must not exist, checks the copy, and makes it one file that needs no
 * write-ahead log. On failure `ret_reason` is a sentence, and `to` is gone. */
int backup_copy(struct db *from, const char *to, char *ret_reason, size_t reason_size);

#endif
