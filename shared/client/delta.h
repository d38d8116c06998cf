/* What is still missing: the provider's manifest against what the joiner holds. Pure; linear but for sorting.
 *
 * - A file that the joiner does not name is needed whole.
 * - A file whose size or hash differs from the manifest's is needed whole, and is a mismatch. Hashes compare without regard
 *   to case, and only if both sides know one by the same algorithm.
 * - A complete file is not needed. Of a partial file the ranges that were not received are needed.
 * - What the joiner names and the manifest does not is no one's concern. */
#ifndef SHARED_CLIENT_DELTA_H
#define SHARED_CLIENT_DELTA_H

#include <stdint.h>

#include "wire/body.h"

struct delta {
    struct body_file_list needed;     /* with ranges: these; without: the whole file */
    struct body_file_list mismatched; /* a subset of needed: the joiner's copy starts over */
    uint64_t bytes;                   /* to send */
};

/* 0 or -ENOMEM. */
int delta_compute(struct delta *ret_delta, const struct body_file_list *manifest,
                  const struct body_file_list *held);
void delta_deinit(struct delta *d);

#endif
