/* The output queue of one connection: references to frames, in order, with its size on two accounts.
 *
 * `prompt` frames (presence, signaling, replies) come when they come: a reader too slow for them is dropped by the owner.
 * `bulk` frames (inbox, snapshots) are read from the store only when there is room, so they never make a reader slow.
 * What it costs beyond QUEUE_FREE_BYTES is charged to its account before a frame is pushed and refunded when it leaves. */
#ifndef RELAY_CORE_QUEUE_H
#define RELAY_CORE_QUEUE_H

#include "base/frame.h"
#include "base/list.h"

#include <stdbool.h>
#include <stddef.h>

enum queue_class {
    QUEUE_PROMPT = 0,
    QUEUE_BULK,
    QUEUE_CLASSES,
};

enum {
    QUEUE_ITEM_BYTES = 64, /* what a frame costs beside itself, as an account sees it */
    QUEUE_FREE_BYTES =
        4096, /* of every queue's cost, which no account pays: part of what a connection is */
};

struct queue {
    struct list items;
    size_t n_frames;
    size_t bytes[QUEUE_CLASSES];
};

void queue_init(struct queue *q);
void queue_deinit(struct queue *q); /* drops what is left */

/* Refs the frame. 0 or -ENOMEM. */
int queue_push(struct queue *q, struct frame *frame, enum queue_class class);

/* The caller gets the queue's reference. NULL when empty. */
struct frame *queue_pop(struct queue *q);

size_t queue_bytes(const struct queue *q);
size_t
queue_cost(const struct queue *q); /* the same, and for each frame what it costs beside itself */

#endif
