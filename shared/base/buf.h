/* A growable byte buffer with its maximum fixed at birth.
 *
 * Invariants: size <= capacity <= max; a failed append changes nothing. Embedded by value; `BUF_INIT(max)` or
 * buf_init() starts it, buf_deinit() frees it and leaves it empty and reusable. */
#ifndef SHARED_BASE_BUF_H
#define SHARED_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t size;
    size_t capacity;
    size_t max_bytes;
};

#define BUF_INIT(max) ((struct buf){.max_bytes = (max)})

enum {
    BUF_E_FULL = 1, /* the append would pass max_bytes */
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_deinit(struct buf *b);

/* Empties the buffer, keeps its memory. */
void buf_clear(struct buf *b);

/* Makes room for `extra` more bytes. 0, BUF_E_FULL or -ENOMEM. */
int buf_reserve(struct buf *b, size_t extra);

/* Appends a copy of `size` bytes. 0, BUF_E_FULL or -ENOMEM. */
int buf_append(struct buf *b, const void *data, size_t size);

/* Appends a NUL-terminated string without its NUL. Errors as buf_append. */
int buf_append_str(struct buf *b, const char *text);

#endif
