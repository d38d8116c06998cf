/* Token buckets by the generic cell rate algorithm: one point in time each, nothing to refill.
 *
 * `due_us` is when everything taken so far will have been earned. What is taken moves it on by its own time; it may run
 * ahead of now by the window at most, which is the bucket's size: so many a minute, all at once if need be. */
#ifndef RELAY_CORE_BUCKET_H
#define RELAY_CORE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

enum { BUCKET_WINDOW_US = 60 * 1000 * 1000 };

struct bucket {
    uint64_t due_us;
};

/* Would `cost` fit, at `per_window` in a window? If not, 0 < *ret_wait_us until it would. A cost above the whole bucket
 * counts as the whole bucket. */
bool bucket_has(const struct bucket *b, uint64_t now_us, uint64_t per_window, uint64_t cost,
                uint64_t *ret_wait_us);
void bucket_take(struct bucket *b, uint64_t now_us, uint64_t per_window, uint64_t cost);

static inline bool bucket_is_full(const struct bucket *b, uint64_t now_us)
{
    return b->due_us <= now_us;
}

#endif
