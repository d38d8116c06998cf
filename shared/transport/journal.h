/* The client's journal: the engine's records, (kind, key) -> JSON text, in one SQLite file.
 *
 * - What journal_commit() said yes to survives a kill and a power loss (write-ahead log, synchronous=FULL).
 * - A file that was removed, moved away or replaced since takes nothing more, nor does its log: the commit fails.
 * - A file that is damaged, or written by a newer version, is refused and left as it is.
 * - Only its owner can read it: the records hold the syncshells' secrets.
 * - The first failure in a batch sticks: the rest of it does nothing, and journal_commit() tells.
 *
 * One thread at a time. The state directory's lock keeps other clients away, and SQLite's everybody else: -EBUSY. */
#ifndef SHARED_TRANSPORT_JOURNAL_H
#define SHARED_TRANSPORT_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

struct journal;

enum {
    JOURNAL_E_CORRUPT = 1, /* not a journal, or damaged */
    JOURNAL_E_NEWER = 2,   /* a newer version of this library wrote it */
};

/* Opens the file or makes a new one, and checks all of it. 0, JOURNAL_E_..., -ENOMEM, or another negative errno. */
int journal_open(struct journal **ret_journal, const char *path);
struct journal *journal_free(struct journal *j); /* drops a batch that was not committed */

/* Another result than 0 ends the walk. The pointers are valid during the call. */
typedef int (*journal_record_fn)(void *userdata, const char *kind, const char *key,
                                 const void *value, size_t size);

/* All records, kind by kind in the order of `kinds` (NULL-terminated), each kind in the order of its keys. 0, what `record` returned, JOURNAL_E_CORRUPT,
 * JOURNAL_E_NEWER when there is a record of another kind, or negative. */
int journal_each(struct journal *j, const char *const *kinds, journal_record_fn record,
                 void *userdata);

int journal_is_empty(struct journal *j, bool *ret_empty); /* 0, JOURNAL_E_CORRUPT or negative */

void journal_put(struct journal *j, const char *kind, const char *key, const char *value,
                 size_t size);
void journal_delete(struct journal *j, const char *kind, const char *key);

/* Ends the batch: 0 when all of it is on disk, negative when none of it is. */
int journal_commit(struct journal *j);

#endif
