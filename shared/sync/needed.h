/* What one RecoveryRequest lacks, copied from the library's event: the list that a sharer works through. */
#ifndef SHARED_SYNC_NEEDED_H
#define SHARED_SYNC_NEEDED_H

#include <stddef.h>
#include <stdint.h>
#include <syncshell/syncshell.h>

struct needed_file {
    char *path;
    char *hash;
    uint64_t size_bytes;
    syncshell_range *ranges; /* what to send; of a whole file one, of an empty file none */
    size_t n_ranges;
};

struct needed {
    char *request_id;
    struct needed_file *files;
    size_t n_files;
    uint64_t bytes;
};

/* From an event RECOVERY_REQUEST; never NULL. */
struct needed *needed_new(const syncshell_event *event);
void needed_free(struct needed *needed);

#endif
