#include "core/bucket.h"

static uint64_t due_after(const struct bucket *b, uint64_t now_us, uint64_t per_window,
                          uint64_t cost)
{
    uint64_t from_us = b->due_us > now_us ? b->due_us : now_us;
    if (cost > per_window)
        cost = per_window;
    return from_us + cost * BUCKET_WINDOW_US / per_window;
}

bool bucket_has(const struct bucket *b, uint64_t now_us, uint64_t per_window, uint64_t cost,
                uint64_t *ret_wait_us)
{
    uint64_t after_us = due_after(b, now_us, per_window, cost);
    if (after_us <= now_us + BUCKET_WINDOW_US)
        return true;
    *ret_wait_us = after_us - now_us - BUCKET_WINDOW_US;
    return false;
}

void bucket_take(struct bucket *b, uint64_t now_us, uint64_t per_window, uint64_t cost)
{
    b->due_us = due_after(b, now_us, per_window, cost);
}
