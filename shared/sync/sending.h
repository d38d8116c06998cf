/* One pass through what a RecoveryRequest lacks: reads the files and sends them over the link, as far as the link and the other
 * side's window have room. */
#ifndef SHARED_SYNC_SENDING_H
#define SHARED_SYNC_SENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "sync/folder.h"
#include "sync/link.h"
#include "sync/needed.h"

struct sending {
    const struct folder *folder;
    const struct needed *needed; /* NULL: nothing is being sent */
    size_t file;
    size_t range;
    uint64_t offset;      /* in the range's file */
    int fd;               /* of the current file; -1: it has not begun, or cannot be read */
    bool begun;           /* the current file */
    bool changed;         /* a file was not as the manifest has it */
    uint64_t sent_bytes;  /* over this link */
    uint64_t acked_bytes; /* by the other side, over this link */
    uint64_t pass_bytes;  /* of this pass */
};

void sending_init(struct sending *sending, const struct folder *folder);
void sending_reset(struct sending *sending); /* the link is gone */

/* Begins with `needed`, borrowed until reset, finished or begun again. */
void sending_begin(struct sending *sending, struct link *link, const struct needed *needed);

/* False: the other side claims more than was sent. */
bool sending_ack(struct sending *sending, uint64_t bytes);

/* Sends what there is room for. True when the pass has just come to its end, except for the closing message. */
bool sending_pump(struct sending *sending, struct link *link);

#endif
