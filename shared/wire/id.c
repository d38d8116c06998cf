#include "wire/id.h"

#include <errno.h>
#include <string.h>

static const char PEER_ID_PREFIX[] = "ed25519:";

/* The six bits that a base64url character stands for, -1 when it is none. */
static int base64url_bits(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '-')
        return 62;
    return c == '_' ? 63 : -1;
}

static bool base64url_alphabet(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (base64url_bits(text[i]) < 0)
            return false;
    }
    return true;
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
