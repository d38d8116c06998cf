/* One WebSocket message that is complete and immutable: shared by every queue that holds it, without a copy per receiver.
 *
 * Reference counts are not atomic: a frame belongs to one thread at a time. The store thread gets a frame inside an
 * operation and may read it, never ref or unref it. */
#ifndef SHARED_BASE_FRAME_H
#define SHARED_BASE_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame {
    uint32_t n_refs;
    bool binary; /* a body follows the header's line feed */
    size_t size;
    uint8_t data[];
};

/* Copies `size` bytes into a new frame with one reference. 0 or -ENOMEM. */
int frame_new(struct frame **ret_frame, bool binary, const void *data, size_t size);
struct frame *frame_ref(struct frame *f);
struct frame *frame_unref(struct frame *f); /* always NULL; accepts NULL */

#endif
