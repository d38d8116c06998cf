/* Putting a backup into the place of a relay's database (backup.h). */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_RESTORE_H
#define RELAY_ADAPTERS_STORE_SQLITE_RESTORE_H

#include <stddef.h>

enum { RESTORE_PATH_MAX = 4096 };

/* Makes the database at `path` a copy of `file`, with a new epoch: clients hear that what they know of this store is no
 * longer true. What was there before is kept under another name, `ret_kept`, "" when nothing was there; RESTORE_PATH_MAX
 * bytes. -EBUSY while a relay uses the database. On failure `ret_error` is a sentence, and the database is as before;
 * so it is after a kill, as soon as a relay opens it. 0 or negative. */
int restore_file(const char *path, const char *file, char *ret_kept, char *ret_error,
                 size_t error_size);

#endif
