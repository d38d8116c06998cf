/* Texts made of lines: what is signed, and what is bound to a sealed body. */
#ifndef SHARED_WIRE_LINES_H
#define SHARED_WIRE_LINES_H

#include "base/buf.h"

#include <stddef.h>

/* Appends the lines, a line feed between each two, all of them or nothing. No line may contain a line feed: asserted. 0,
 * BUF_E_FULL or -ENOMEM. */
int lines_append(struct buf *out, const char *const *lines, size_t n_lines);

#endif
