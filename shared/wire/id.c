#include "wire/id.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

static const char PEER_ID_PREFIX[] = "ed25519:";

/* The six bits that a base64url character stands for, plus one; 0 for all others. A table, because every id of every
 * message passes here. */
static const uint8_t BITS_PLUS_1[256] = {
    ['A'] = 1,  ['B'] = 2,  ['C'] = 3,  ['D'] = 4,  ['E'] = 5,  ['F'] = 6,  ['G'] = 7,  ['H'] = 8,
    ['I'] = 9,  ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
    ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
    ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
    ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
    ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
    ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
    ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['-'] = 63, ['_'] = 64,
};

/* -1 when it is none. */
static int base64url_bits(char c)
{
    return BITS_PLUS_1[(unsigned char)c] - 1;
}

static bool base64url_alphabet(const char *text, size_t length)
{
    bool all = true;

    for (size_t i = 0; i < length; i++)
        all &= BITS_PLUS_1[(unsigned char)text[i]] != 0;
    return all;
}

bool wire_id_valid(const char *text, size_t length)
{
    return length >= 1 && length <= WIRE_ID_MAX && base64url_alphabet(text, length);
}

/* The bits of the last character that no byte takes must be zero, or one value would have several texts. */
bool wire_base64url_valid(const char *text, size_t length)
{
    int unused_mask = 0;

    if (length % 4 == 1 || !base64url_alphabet(text, length))
        return false;
    if (length % 4 == 2)
        unused_mask = 0xf;
    if (length % 4 == 3)
        unused_mask = 0x3;
    return unused_mask == 0 || (base64url_bits(text[length - 1]) & unused_mask) == 0;
}

bool wire_peer_id_valid(const char *text, size_t length)
{
    size_t prefix = sizeof(PEER_ID_PREFIX) - 1;

    return length == WIRE_PEER_ID_LENGTH && memcmp(text, PEER_ID_PREFIX, prefix) == 0 &&
           wire_base64url_valid(text + prefix, length - prefix);
}

bool wire_key_valid(const char *text, size_t length)
{
    return length == WIRE_KEY_LENGTH && wire_base64url_valid(text, length);
}

bool wire_signature_valid(const char *text, size_t length)
{
    return length == WIRE_SIGNATURE_LENGTH && wire_base64url_valid(text, length);
}

bool wire_sha256_valid(const char *text, size_t length)
{
    return length == WIRE_SHA256_LENGTH && strspn(text, "0123456789abcdef") == length;
}

int wire_id_set(struct wire_id *ret_id, const char *text)
{
    size_t length = strlen(text);

    if (!wire_id_valid(text, length))
        return -EINVAL;
    memcpy(ret_id->text, text, length + 1);
    return 0;
}

int wire_peer_id_set(struct wire_peer_id *ret_id, const char *text)
{
    size_t length = strlen(text);

    if (!wire_peer_id_valid(text, length))
        return -EINVAL;
    memcpy(ret_id->text, text, length + 1);
    return 0;
}

bool wire_ice_url_valid(const char *text, size_t length)
{
    static const char *const schemes[] = {"stun:", "stuns:", "turn:", "turns:"};
    size_t scheme = 0;

    for (size_t i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        if (strncmp(text, schemes[i], strlen(schemes[i])) == 0)
            scheme = strlen(schemes[i]);
    }
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '!' || text[i] > '~')
            return false;
    }
    return scheme > 0 && length > scheme && length <= WIRE_ICE_URL_MAX;
}

bool wire_ice_text_valid(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] < ' ' || text[i] > '~')
            return false;
    }
    return length > 0 && length <= WIRE_ICE_TEXT_MAX;
}
