#include "app/proxy.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "app/address_text.h"

enum {
    ADDRESS_BITS = 8 * ADDRESS_BYTES,
    V4_BITS = 32,
    BITS_DIGITS_MAX = 3,
    PORT_DIGITS_MAX = 5,
};

struct proxy_block {
    struct address first;
    unsigned bits; /* of `first` that count, out of ADDRESS_BITS */
};

/* ---- decimal numbers without signs, spaces or more digits than there may be ---- */

static bool number_from_text(const char *text, size_t size, size_t digits_max, unsigned max,
                             unsigned *ret_number)
{
    unsigned n = 0;
    if (size == 0 || size > digits_max)
        return false;
    for (size_t i = 0; i < size; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        n = 10 * n + (unsigned)(text[i] - '0');
    }
    *ret_number = n;
    return n <= max;
}

/* ---- blocks ---- */

static bool in_block(const struct proxy_block *b, const struct address *a)
{
    size_t whole = b->bits / 8;
    unsigned rest = b->bits % 8;
    uint8_t mask = (uint8_t)(0xff00u >> rest);
    /* Mapped addresses stand inside "::/8" and the like, which mean IPv6. */
    if (address_is_v4(a) != address_is_v4(&b->first))
        return false;
    return memcmp(a->bytes, b->first.bytes, whole) == 0 &&
           (rest == 0 || ((a->bytes[whole] ^ b->first.bytes[whole]) & mask) == 0);
}

static bool has_bits_beyond(const struct proxy_block *b)
{
    for (unsigned bit = b->bits; bit < ADDRESS_BITS; bit++)
        if (b->first.bytes[bit / 8] & (0x80u >> (bit % 8)))
            return true;
    return false;
}

static const char *block_from_text(const char *text, struct proxy_block *ret_block)
{
    static const char no_block[] =
        "is neither an address nor a block of addresses like \"10.0.0.0/8\"";
    size_t size = strcspn(text, "/");
    struct proxy_block b;
    if (!address_from_text(text, size, &b.first))
        return no_block;
    /* Of a mapped address written as IPv6 the bits are counted as IPv6. */
    bool v4 = !memchr(text, ':', size);
    unsigned bits_max = v4 ? V4_BITS : ADDRESS_BITS;
    unsigned bits = bits_max;
    if (text[size] == '/' && !number_from_text(text + size + 1, strlen(text + size + 1),
                                               BITS_DIGITS_MAX, bits_max, &bits))
        return no_block;
    b.bits = bits + ADDRESS_BITS - bits_max;
    if (bits == 0 || (address_is_v4(&b.first) && b.bits == ADDRESS_BITS - V4_BITS))
        return "would trust everybody, and everybody could claim any address";
    if (has_bits_beyond(&b))
        return "has bits behind its prefix: name the first address of the block";
    *ret_block = b;
    return NULL;
}

const char *proxy_block_fault(const char *text)
{
    struct proxy_block unused;
    return block_from_text(text, &unused);
}

int proxies_init(struct proxies *ret_proxies, const char *const *texts)
{
    size_t n = 0;
    while (texts[n])
        n++;
    struct proxy_block *blocks = calloc(n + 1, sizeof *blocks);
    if (!blocks)
        return -ENOMEM;
    for (size_t i = 0; i < n; i++) {
        const char *fault = block_from_text(texts[i], &blocks[i]);
        assert(!fault);
        (void)fault;
    }
    *ret_proxies = (struct proxies){.blocks = blocks, .n_blocks = n};
    return 0;
}

void proxies_deinit(struct proxies *p)
{
    free(p->blocks);
    *p = (struct proxies){0};
}

bool proxies_trust(const struct proxies *p, const struct address *address)
{
    for (size_t i = 0; i < p->n_blocks; i++)
        if (in_block(&p->blocks[i], address))
            return true;
    return false;
}

/* ---- the header ---- */

static bool port_valid(const char *text, size_t size)
{
    unsigned port;
    return size == 0 || (*text == ':' &&
                         number_from_text(text + 1, size - 1, PORT_DIGITS_MAX, UINT16_MAX, &port));
}

/* "192.0.2.7", "192.0.2.7:5678", "2001:db8::7", "[2001:db8::7]", "[2001:db8::7]:80". */
static bool hop_from_text(const char *text, size_t size, struct address *ret_address)
{
    const char *end = size > 0 && *text == '[' ? memchr(text, ']', size) : NULL;
    if (end) {
        size_t inner = (size_t)(end - text) - 1;
        return memchr(text, ':', inner + 1) && port_valid(end + 1, size - inner - 2) &&
               address_from_text(text + 1, inner, ret_address);
    }
    const char *colon = memchr(text, ':', size);
    if (colon && !memchr(colon + 1, ':', size - (size_t)(colon + 1 - text))) {
        size_t before = (size_t)(colon - text);
        return port_valid(colon, size - before) && address_from_text(text, before, ret_address);
    }
    return address_from_text(text, size, ret_address);
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

/* Takes the last item off `text`, of which *size bytes are left: afterwards those before its comma, SIZE_MAX when that was the
 * first. An item that is empty is no address. */
static bool last_hop(const char *text, size_t *size, struct address *ret_address)
{
    size_t end = *size;
    size_t begin = end;
    while (begin > 0 && text[begin - 1] != ',')
        begin--;
    *size = begin > 0 ? begin - 1 : SIZE_MAX;
    while (end > begin && is_blank(text[end - 1]))
        end--;
    while (begin < end && is_blank(text[begin]))
        begin++;
    return hop_from_text(text + begin, end - begin, ret_address);
}

int proxies_client(const struct proxies *p, const struct address *peer, const char *forwarded_for,
                   struct address *ret_client)
{
    struct address hop = *peer;
    *ret_client = *peer;
    if (!proxies_trust(p, peer))
        return 0;
    if (!forwarded_for || !*forwarded_for)
        return PROXY_E_MISSING;
    for (size_t left = strlen(forwarded_for); left != SIZE_MAX && proxies_trust(p, &hop);)
        if (!last_hop(forwarded_for, &left, &hop))
            return PROXY_E_MALFORMED;
    *ret_client = hop;
    return 0;
}
