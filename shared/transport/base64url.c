#include "transport/base64url.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include <openssl/evp.h>

#include "wire/id.h"

/* Four characters stand for three bytes. */
enum { GROUP_BYTES = 3, GROUP_CHARS = 4 };

size_t base64url_length(size_t n_bytes)
{
    return n_bytes / GROUP_BYTES * GROUP_CHARS +
           (n_bytes % GROUP_BYTES * GROUP_CHARS + 2) / GROUP_BYTES;
}

static char to_url_alphabet(unsigned char c)
{
    if (c == '+')
        return '-';
    return c == '/' ? '_' : (char)c;
}

static unsigned char from_url_alphabet(char c)
{
    if (c == '-')
        return '+';
    return c == '_' ? '/' : (unsigned char)c;
}

void base64url_encode(char *ret_text, size_t text_size, const void *bytes, size_t size)
{
    const unsigned char *in = bytes;
    size_t length = base64url_length(size);

    assert(text_size > length);
    for (size_t i = 0, at = 0; at < length; i += GROUP_BYTES) {
        unsigned char group[GROUP_CHARS + 1];
        size_t n = size - i < GROUP_BYTES ? size - i : GROUP_BYTES;

        (void)EVP_EncodeBlock(group, in + i, (int)n);
        for (size_t k = 0; k < GROUP_CHARS && at < length; k++)
            ret_text[at++] = to_url_alphabet(group[k]);
    }
    ret_text[length] = '\0';
}

int base64url_decode(uint8_t *ret_bytes, size_t bytes_max, size_t *ret_size, const char *text,
                     size_t length)
{
    size_t size =
        length / GROUP_CHARS * GROUP_BYTES + length % GROUP_CHARS * GROUP_BYTES / GROUP_CHARS;

    if (size > bytes_max || !wire_base64url_valid(text, length))
        return -EINVAL;
    for (size_t i = 0, at = 0; i < length; i += GROUP_CHARS) {
        unsigned char padded[GROUP_CHARS], group[GROUP_BYTES];

        for (size_t k = 0; k < GROUP_CHARS; k++)
            padded[k] = i + k < length ? from_url_alphabet(text[i + k]) : '=';
        if (EVP_DecodeBlock(group, padded, GROUP_CHARS) != GROUP_BYTES)
            return -EINVAL;
        for (size_t k = 0; k < GROUP_BYTES && at < size; k++)
            ret_bytes[at++] = group[k];
    }
    *ret_size = size;
    return 0;
}
