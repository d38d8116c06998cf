#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_CAPACITY_MIN = 64 };

void buf_init(struct buf *b, size_t max_bytes)
{
    *b = BUF_INIT(max_bytes);
}

void buf_deinit(struct buf *b)
{
    if (!b)
        return;
    free(b->data);
    *b = BUF_INIT(b->max_bytes);
}

void buf_clear(struct buf *b)
{
    b->size = 0;
}

/* Doubles, so that n appends copy O(n) bytes, but never past the maximum. */
static size_t buf_capacity_for(const struct buf *b, size_t needed)
{
    size_t capacity = b->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : b->capacity;

    while (capacity < needed) {
        if (capacity > b->max_bytes / 2)
            return b->max_bytes;
        capacity *= 2;
    }
    return capacity < b->max_bytes ? capacity : b->max_bytes;
}

int buf_reserve(struct buf *b, size_t extra)
{
    assert(b->size <= b->max_bytes);

    if (extra > b->max_bytes - b->size)
        return BUF_E_FULL;
    if (b->size + extra <= b->capacity)
        return 0;

    size_t capacity = buf_capacity_for(b, b->size + extra);
    uint8_t *data = realloc(b->data, capacity);
    if (!data)
        return -ENOMEM;
    b->data = data;
    b->capacity = capacity;
    return 0;
}

int buf_append(struct buf *b, const void *data, size_t size)
{
    int r = buf_reserve(b, size);

    if (r)
        return r;
    if (size > 0)
        memcpy(b->data + b->size, data, size);
    b->size += size;
    return 0;
}

int buf_append_str(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}
