#include "app/doctor/stun.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adapters/crypto_openssl/crypto.h"

enum {
    MAGIC = 0x2112A442,
    ATTRIBUTE_USERNAME = 0x0006,
    ATTRIBUTE_INTEGRITY = 0x0008,
    ATTRIBUTE_ERROR_CODE = 0x0009,
    ATTRIBUTE_LIFETIME = 0x000D,
    ATTRIBUTE_REALM = 0x0014,
    ATTRIBUTE_NONCE = 0x0015,
    ATTRIBUTE_RELAYED = 0x0016,
    ATTRIBUTE_TRANSPORT = 0x0019,
    PROTOCOL_UDP = 17,
    KEY_TEXT_SIZE = 3 * STUN_TEXT_SIZE,
    COOKIE_AT = 4,  /* in a header */
    ADDRESS_AT = 4, /* in an attribute: after family and port */
    FAMILY_V6 = 2,
    STUN_V4_SIZE = 4,
};

static void put16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *at)
{
    return (unsigned)at[0] << 8 | at[1];
}

static size_t padded(size_t size)
{
    return (size + 3) & ~(size_t)3;
}

/* False when there is no room: the caller's texts are longer than a datagram. */
static bool add(uint8_t *message, size_t *size, unsigned type, const void *value, size_t length)
{
    if (*size + 4 + padded(length) > STUN_MESSAGE_MAX)
        return false;
    put16(message + *size, type);
    put16(message + *size + 2, (unsigned)length);
    memset(message + *size + 4, 0, padded(length));
    memcpy(message + *size + 4, value, length);
    *size += 4 + padded(length);
    put16(message + 2, (unsigned)(*size - STUN_HEADER_SIZE));
    return true;
}

/* The long-term credential's key is MD5 of username, realm and password; the proof covers a header whose length already
 * includes it. */
static int add_integrity(uint8_t *message, size_t *size, const struct stun_credentials *c)
{
    char text[KEY_TEXT_SIZE];
    uint8_t key[CRYPTO_MD5_BYTES], proof[CRYPTO_SHA1_BYTES] = {0};
    size_t covered = *size;
    int n = snprintf(text, sizeof text, "%s:%s:%s", c->username, c->realm, c->password);
    if ((size_t)n >= sizeof text || !add(message, size, ATTRIBUTE_INTEGRITY, proof, sizeof proof))
        return -EMSGSIZE;
    int r = crypto_md5(text, (size_t)n, key);
    if (r == 0)
        r = crypto_hmac_sha1_bytes(key, sizeof key, message, covered, message + covered + 4);
    return r;
}

static int add_credentials(uint8_t *message, size_t *size, const struct stun_credentials *c)
{
    if (!add(message, size, ATTRIBUTE_USERNAME, c->username, strlen(c->username)) ||
        !add(message, size, ATTRIBUTE_REALM, c->realm, strlen(c->realm)) ||
        !add(message, size, ATTRIBUTE_NONCE, c->nonce, strlen(c->nonce)))
        return -EMSGSIZE;
    return add_integrity(message, size, c);
}

int stun_request(uint8_t ret_message[STUN_MESSAGE_MAX], uint16_t type,
                 const uint8_t transaction[STUN_TRANSACTION_SIZE],
                 const struct stun_credentials *credentials)
{
    static const uint8_t udp[4] = {PROTOCOL_UDP}, no_time[4] = {0};
    size_t size = STUN_HEADER_SIZE;
    put16(ret_message, type);
    put16(ret_message + 2, 0);
    put16(ret_message + 4, (unsigned)MAGIC >> 16);
    put16(ret_message + 6, MAGIC & 0xffff);
    memcpy(ret_message + 8, transaction, STUN_TRANSACTION_SIZE);
    if (type == STUN_ALLOCATE)
        (void)add(ret_message, &size, ATTRIBUTE_TRANSPORT, udp, sizeof udp);
    if (type == STUN_REFRESH)
        (void)add(ret_message, &size, ATTRIBUTE_LIFETIME, no_time, sizeof no_time);
    int r = credentials ? add_credentials(ret_message, &size, credentials) : 0;
    return r < 0 ? r : (int)size;
}

size_t stun_body_size(const uint8_t header[STUN_HEADER_SIZE])
{
    return get16(header + 2);
}

static bool take_text(char ret_text[STUN_TEXT_SIZE], const uint8_t *value, size_t length)
{
    if (length >= STUN_TEXT_SIZE || memchr(value, '\0', length))
        return false;
    memcpy(ret_text, value, length);
    ret_text[length] = '\0';
    return true;
}

/* RFC 8489, 14.2: the address by XOR with the magic cookie and the transaction's id, which follow each other in the header. */
static bool take_address(struct stun_address *ret_address, const uint8_t *value, size_t length,
                         const uint8_t *header)
{
    size_t size = length > ADDRESS_AT && value[1] == FAMILY_V6 ? STUN_ADDRESS_MAX : STUN_V4_SIZE;
    if (length != ADDRESS_AT + size)
        return false;
    ret_address->size = size;
    for (size_t i = 0; i < size; i++)
        ret_address->bytes[i] = value[ADDRESS_AT + i] ^ header[COOKIE_AT + i];
    return true;
}

static bool take_attribute(struct stun_response *r, unsigned type, const uint8_t *value,
                           size_t length, const uint8_t *header)
{
    if (type == ATTRIBUTE_RELAYED)
        return take_address(&r->relayed, value, length, header);
    if (type == ATTRIBUTE_REALM)
        return take_text(r->realm, value, length);
    if (type == ATTRIBUTE_NONCE)
        return take_text(r->nonce, value, length);
    if (type == ATTRIBUTE_ERROR_CODE && length >= 4)
        r->error_code = (value[2] & 7) * 100 + value[3];
    return true;
}

bool stun_response_parse(struct stun_response *ret_response, const uint8_t *message, size_t size,
                         const uint8_t transaction[STUN_TRANSACTION_SIZE])
{
    struct stun_response r = {0};
    if (size < STUN_HEADER_SIZE || stun_body_size(message) != size - STUN_HEADER_SIZE ||
        memcmp(message + 8, transaction, STUN_TRANSACTION_SIZE) != 0)
        return false;
    r.type = (uint16_t)get16(message);
    for (size_t at = STUN_HEADER_SIZE; at < size;) {
        if (size - at < 4)
            return false;
        size_t length = get16(message + at + 2);
        if (size - at - 4 < padded(length) ||
            !take_attribute(&r, get16(message + at), message + at + 4, length, message))
            return false;
        at += 4 + padded(length);
    }
    *ret_response = r;
    return true;
}

bool stun_address_is_private(const struct stun_address *a)
{
    /* First bytes, and how many bits of them count. RFC 6890. */
    static const struct {
        size_t size;
        uint8_t bytes[2];
        uint8_t bits;
    } blocks[] = {
        {STUN_V4_SIZE, {0, 0}, 8},        {STUN_V4_SIZE, {10, 0}, 8},
        {STUN_V4_SIZE, {100, 64}, 10},    {STUN_V4_SIZE, {127, 0}, 8},
        {STUN_V4_SIZE, {169, 254}, 16},   {STUN_V4_SIZE, {172, 16}, 12},
        {STUN_V4_SIZE, {192, 168}, 16},   {STUN_ADDRESS_MAX, {0, 0}, 16},
        {STUN_ADDRESS_MAX, {0xfc, 0}, 7}, {STUN_ADDRESS_MAX, {0xfe, 0x80}, 10},
    };
    for (size_t i = 0; i < sizeof blocks / sizeof blocks[0]; i++) {
        unsigned mask = 0xffffU << (16 - blocks[i].bits) & 0xffffU;
        if (a->size == blocks[i].size && (get16(a->bytes) & mask) == get16(blocks[i].bytes))
            return true;
    }
    return false;
}
