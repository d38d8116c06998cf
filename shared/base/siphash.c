#include "base/siphash.h"

enum { WORD_BYTES = 8 };

struct sip_state {
    uint64_t v0, v1, v2, v3;
};

static uint64_t rotate_left(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_rounds(struct sip_state *s, unsigned n_rounds)
{
    for (unsigned i = 0; i < n_rounds; i++) {
        s->v0 += s->v1;
        s->v2 += s->v3;
        s->v1 = rotate_left(s->v1, 13) ^ s->v0;
        s->v3 = rotate_left(s->v3, 16) ^ s->v2;
        s->v0 = rotate_left(s->v0, 32);
        s->v2 += s->v1;
        s->v0 += s->v3;
        s->v1 = rotate_left(s->v1, 17) ^ s->v2;
        s->v3 = rotate_left(s->v3, 21) ^ s->v0;
        s->v2 = rotate_left(s->v2, 32);
    }
}

static void sip_compress(struct sip_state *s, uint64_t word)
{
    s->v3 ^= word;
    sip_rounds(s, 2);
    s->v0 ^= word;
}

/* Byte by byte, so that neither alignment nor the machine's byte order matters. */
static uint64_t word_read(const uint8_t *bytes, size_t n_bytes)
{
    uint64_t word = 0;

    for (size_t i = 0; i < n_bytes; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

uint64_t siphash(const uint64_t key[2], const void *data, size_t size)
{
    struct sip_state s = {
        .v0 = key[0] ^ UINT64_C(0x736f6d6570736575),
        .v1 = key[1] ^ UINT64_C(0x646f72616e646f6d),
        .v2 = key[0] ^ UINT64_C(0x6c7967656e657261),
        .v3 = key[1] ^ UINT64_C(0x7465646279746573),
    };
    const uint8_t *bytes = data;
    size_t whole = size - size % WORD_BYTES;

    for (size_t i = 0; i < whole; i += WORD_BYTES)
        sip_compress(&s, word_read(bytes + i, WORD_BYTES));
    sip_compress(&s, word_read(bytes + whole, size - whole) | (uint64_t)size << 56);

    s.v2 ^= 0xff;
    sip_rounds(&s, 4);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
