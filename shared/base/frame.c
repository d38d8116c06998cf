#include "base/frame.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int frame_new(struct frame **ret_frame, bool binary, const void *data, size_t size)
{
    if (size > SIZE_MAX - sizeof(struct frame))
        return -ENOMEM;

    struct frame *f = malloc(sizeof(*f) + size);
    if (!f)
        return -ENOMEM;
    f->n_refs = 1;
    f->binary = binary;
    f->size = size;
    if (size > 0)
        memcpy(f->data, data, size);
    *ret_frame = f;
    return 0;
}

struct frame *frame_ref(struct frame *f)
{
    assert(f->n_refs > 0 && f->n_refs < UINT32_MAX);
    f->n_refs++;
    return f;
}

struct frame *frame_unref(struct frame *f)
{
    if (!f)
        return NULL;
    assert(f->n_refs > 0);
    if (--f->n_refs == 0)
        free(f);
    return NULL;
}
