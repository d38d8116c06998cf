/* Files that have arrived in part: below PATH_PRIVATE, one NAME.part with the bytes so far, always from the file's beginning,
 * and one NAME.meta that says which file they are of. NAME comes from the file's path.
 *
 * The meta file is complete before the first byte is written, so whatever a kill leaves can be taken up again. Nothing is
 * synced: what a power cut leaves is judged by its hash, since the whole folder is hashed at each start and each part when it
 * is finished. */
#ifndef SHARED_SYNC_PART_H
#define SHARED_SYNC_PART_H

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/folder.h"
#include "sync/path.h"

struct part;

enum {
    PART_E_ORDER = 1, /* the bytes do not follow those that are there */
    PART_E_HASH = 2,  /* complete, but not what it should be: thrown away */
    PART_E_SIZE = 3,  /* bytes are missing at the end */
};

/* Goes on with what is there of the same size and hash, or starts over. 0 or -errno. Borrows the folder. */
int part_open(struct part **ret_part, const struct folder *folder, const char *path,
              uint64_t size_bytes, const char *hash);
void part_free(struct part *part); /* what has arrived stays */

const char *part_path(const struct part *part);
const char *part_hash(const struct part *part);
uint64_t part_size_bytes(const struct part *part);
uint64_t part_have_bytes(const struct part *part);

/* Offset 0 starts over. 0, PART_E_ORDER or -errno. */
int part_write(struct part *part, uint64_t offset, const void *data, size_t size);

/* Verifies and puts the file in its place. 0, PART_E_HASH, PART_E_SIZE or -errno. Free it afterwards. */
int part_finish(struct part *part);

/* All that are there, as struct part *, not open for writing; unreadable ones are removed. 0 or -errno. */
int part_list(const struct folder *folder, GPtrArray **ret_parts);

#endif
