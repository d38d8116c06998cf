/* Small string helpers that libc lacks. All results are NUL-terminated or refused. */
#ifndef SHARED_BASE_STR_H
#define SHARED_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies `text` into dst[dst_size]; -ENAMETOOLONG (dst becomes "") when it does not fit. */
int str_copy(char *dst, size_t dst_size, const char *text);

bool str_equal(const char *a, const char *b); /* NULL equals only NULL */

/* Edit distance for "did you mean", capped at `max` (returns max when it is that or more, and for texts longer than
 * STR_DISTANCE_LENGTH_MAX). */
enum { STR_DISTANCE_LENGTH_MAX = 127 };
size_t str_distance(const char *a, const char *b, size_t max);

/* Compares without regard to ASCII case: hashes come upper- and lower-case from different tools. */
bool str_equal_nocase(const char *a, const char *b);

/* Writes two lower-case digits for each byte, and a NUL: `dst` has room for 2 * size + 1. */
void str_hex(char *dst, const void *bytes, size_t size);

/* Whether the bytes are well-formed UTF-8 (RFC 3629: shortest form, no surrogates, at most U+10FFFF). */
bool str_utf8_valid(const char *text, size_t size);

#endif
