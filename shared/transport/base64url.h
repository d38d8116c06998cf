/* base64url without padding (RFC 4648 section 5), one spelling per value: bits that no byte takes must be zero. */
#ifndef SHARED_TRANSPORT_BASE64URL_H
#define SHARED_TRANSPORT_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

size_t base64url_length(size_t n_bytes); /* characters, without a NUL */

/* Writes the text and a NUL: `text_size` must be above base64url_length(size), asserted. */
void base64url_encode(char *ret_text, size_t text_size, const void *bytes, size_t size);

/* 0, or -EINVAL: not canonical base64url, or more than `bytes_max` bytes. */
int base64url_decode(uint8_t *ret_bytes, size_t bytes_max, size_t *ret_size, const char *text,
                     size_t length);

#endif
