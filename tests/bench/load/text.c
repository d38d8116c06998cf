#define _GNU_SOURCE
#include "bench/load/text.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/die.h"

/* What follows `"key":`. */
static const char *find_value(const char *data, size_t size, const char *key)
{
    char wanted[64];
    int n = snprintf(wanted, sizeof wanted, "\"%s\":", key);
    const char *at = memmem(data, size, wanted, (size_t)n);
    if (!at)
        die("no %s in %.*s", key, (int)(size < 500 ? size : 500), data);
    return at + n;
}

void text_value(const char *data, size_t size, const char *key, char *ret_text, size_t text_size)
{
    const char *at = find_value(data, size, key);
    const char *end = memchr(at + 1, '"', size - (size_t)(at + 1 - data));
    if (*at != '"' || !end || (size_t)(end - at) > text_size)
        die("%s is not a text of at most %zu bytes", key, text_size - 1);
    memcpy(ret_text, at + 1, (size_t)(end - at - 1));
    ret_text[end - at - 1] = '\0';
}

uint64_t text_number(const char *data, size_t size, const char *key)
{
    const char *at = find_value(data, size, key);
    uint64_t number = 0;
    for (; at < data + size && *at >= '0' && *at <= '9'; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    return number;
}

void text_unexpected(const char *data, size_t size)
{
    die("the server says: %.*s", (int)(size < 500 ? size : 500), data);
}

bool text_starts(const char *data, size_t size, const char *start)
{
    size_t n = strlen(start);
    return size >= n && memcmp(data, start, n) == 0;
}

bool text_has(const char *data, size_t size, const char *part)
{
    return memmem(data, size, part, strlen(part)) != NULL;
}

void text_base64url(const uint8_t *data, size_t size, char *ret_text)
{
    EVP_EncodeBlock((unsigned char *)ret_text, data, (int)size);
    size_t n = (size * 4 + 2) / 3;
    ret_text[n] = '\0';
    for (size_t i = 0; i < n; i++)
        ret_text[i] = ret_text[i] == '+' ? '-' : ret_text[i] == '/' ? '_' : ret_text[i];
}
