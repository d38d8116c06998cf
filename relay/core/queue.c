#include "core/queue.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct queue_item {
    struct list_node node;
    struct frame *frame;
    enum queue_class class;
};

void queue_init(struct queue *q)
{
    *q = (struct queue){0};
    list_init(&q->items);
}

void queue_deinit(struct queue *q)
{
    for (struct frame *f = queue_pop(q); f; f = queue_pop(q))
        frame_unref(f);
    assert(q->n_frames == 0 && queue_bytes(q) == 0);
}

int queue_push(struct queue *q, struct frame *frame, enum queue_class class)
{
    struct queue_item *item = malloc(sizeof *item);
    if (!item)
        return -ENOMEM;
    *item = (struct queue_item){.frame = frame_ref(frame), .class = class};
    list_append(&q->items, &item->node);
    q->n_frames++;
    q->bytes[class] += frame->size;
    return 0;
}

struct frame *queue_pop(struct queue *q)
{
    struct list_node *first = list_first(&q->items);
    if (!first)
        return NULL;
    struct queue_item *item = container_of(first, struct queue_item, node);
    struct frame *frame = item->frame;
    list_unlink(&item->node);
    q->n_frames--;
    q->bytes[item->class] -= frame->size;
    free(item);
    return frame;
}

size_t queue_bytes(const struct queue *q)
{
    return q->bytes[QUEUE_PROMPT] + q->bytes[QUEUE_BULK];
}

size_t queue_cost(const struct queue *q)
{
    return queue_bytes(q) + q->n_frames * QUEUE_ITEM_BYTES;
}
