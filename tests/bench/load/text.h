/* Just enough of JSON and base64url for servers' answers, whose form is known. */
#ifndef TESTS_BENCH_LOAD_TEXT_H
#define TESTS_BENCH_LOAD_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies the text of `"key":"..."` out of a header; dies without it. */
void text_value(const char *data, size_t size, const char *key, char *ret_text, size_t text_size);

/* The number of `"key":42`; dies without it. */
uint64_t text_number(const char *data, size_t size, const char *key);

__attribute__((noreturn)) void text_unexpected(const char *data, size_t size);

bool text_starts(const char *data, size_t size, const char *start);
bool text_has(const char *data, size_t size, const char *part);

/* Unpadded; ret_text holds 4/3 of the bytes and 3 more. */
void text_base64url(const uint8_t *data, size_t size, char *ret_text);

#endif
