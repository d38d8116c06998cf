/* JSON from and to the network. Read the strict way: one object, no key twice, no trailing bytes, no NUL in a string, valid
 * UTF-8, and nesting capped before jansson recurses into it.
 *
 * One thing jansson 2.14 does not survive, and no caller can help: its buffer for the token that it reads failing to grow.
 * A program that may see malloc fail gives it an allocator that does not return then (json_set_alloc_funcs). */
#ifndef SHARED_WIRE_STRICT_JSON_H
#define SHARED_WIRE_STRICT_JSON_H

#include "base/buf.h"

#include <jansson.h>
#include <stddef.h>

enum {
    STRICT_JSON_E_INVALID = 1,
    STRICT_JSON_E_DUPLICATE_KEY = 2,
    STRICT_JSON_E_TOO_DEEP = 3,
};

/* Parses `size` bytes into an object (json_decref() it). An object alone has depth 1. 0, an error from above, or
 * -ENOMEM. */
int strict_json_load(json_t **ret_object, const void *data, size_t size, size_t depth_max);

/* Appends the value as compact JSON, keys in the order in which they were set. When it fails, `out` is as before. 0,
 * BUF_E_FULL or -ENOMEM. */
int strict_json_append(struct buf *out, const json_t *value);

#endif
