#include "base/str.h"

#include <errno.h>
#include <string.h>

int str_copy(char *dst, size_t dst_size, const char *text)
{
    size_t length = strlen(text);

    if (length >= dst_size) {
        if (dst_size > 0)
            dst[0] = '\0';
        return -ENAMETOOLONG;
    }
    memcpy(dst, text, length + 1);
    return 0;
}

bool str_equal(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    return strcmp(a, b) == 0;
}

static size_t min3(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;

    return ab < c ? ab : c;
}

/* Levenshtein's distance, one row of the matrix at a time. */
size_t str_distance(const char *a, const char *b, size_t max)
{
    size_t row[STR_DISTANCE_LENGTH_MAX + 1];
    size_t n_a = strlen(a);
    size_t n_b = strlen(b);

    if (n_a > STR_DISTANCE_LENGTH_MAX || n_b > STR_DISTANCE_LENGTH_MAX)
        return max;
    for (size_t j = 0; j <= n_b; j++)
        row[j] = j;
    for (size_t i = 1; i <= n_a; i++) {
        size_t diagonal = row[0];

        row[0] = i;
        for (size_t j = 1; j <= n_b; j++) {
            size_t above = row[j];

            row[j] = min3(above + 1, row[j - 1] + 1, diagonal + (a[i - 1] != b[j - 1]));
            diagonal = above;
        }
    }
    return row[n_b] < max ? row[n_b] : max;
}

static unsigned char ascii_lower(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

bool str_equal_nocase(const char *a, const char *b)
{
    if (!a || !b)
        return a == b;
    while (*a && ascii_lower(*a) == ascii_lower(*b)) {
        a++;
        b++;
    }
    return ascii_lower(*a) == ascii_lower(*b);
}

/* The length of the sequence that `s` starts with, 0 when it is malformed (RFC 3629, section 4). */
static size_t utf8_sequence(const unsigned char *s, size_t size)
{
    unsigned char second_min = 0x80;
    unsigned char second_max = 0xbf;
    size_t length;

    if (s[0] < 0x80)
        return 1;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    length = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
    if (s[0] == 0xe0)
        second_min = 0xa0;
    if (s[0] == 0xed)
        second_max = 0x9f;
    if (s[0] == 0xf0)
        second_min = 0x90;
    if (s[0] == 0xf4)
        second_max = 0x8f;
    if (length > size || s[1] < second_min || s[1] > second_max)
        return 0;
    for (size_t i = 2; i < length; i++) {
        if (s[i] < 0x80 || s[i] > 0xbf)
            return 0;
    }
    return length;
}

bool str_utf8_valid(const char *text, size_t size)
{
    const unsigned char *s = (const unsigned char *)text;

    for (size_t i = 0; i < size;) {
        size_t length = utf8_sequence(s + i, size - i);

        if (length == 0)
            return false;
        i += length;
    }
    return true;
}

void str_hex(char *dst, const void *bytes, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *in = bytes;

    for (size_t i = 0; i < size; i++) {
        *dst++ = digits[in[i] >> 4];
        *dst++ = digits[in[i] & 15];
    }
    *dst = '\0';
}
