#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "adapters/crypto_openssl/crypto.h"

enum { KEY_CHARS = 43, SIGNATURE_CHARS = 86 };

/* RFC 8032 section 7.1, in the RFC's own hexadecimal. */
static const struct vector {
    const char *public_key, *message, *signature;
} vectors[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
     "d25bf5f0595bbe24655141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
     "387b2eaeb4302aeeb00d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
     "4a7c15e9716ed28dc027beceea1ec40a"},
    {"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd"
     "454d4423643ce80e2a9ac94fa54ca49f",
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e030"
     "3dca179c138ac17ad9bef1177331a704"},
};

static size_t from_hex(const char *hex, uint8_t *ret_bytes)
{
    size_t n = strlen(hex) / 2;

    for (size_t i = 0; i < n; i++) {
        const char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

        ret_bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return n;
}

/* An encoder of the test's own, so that it does not agree with the decoder by sharing its mistakes. */
static void base64url_from_hex(const char *hex, char *ret_text)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t bytes[128];
    size_t n = from_hex(hex, bytes), bits = 0;
    unsigned held = 0;
    char *out = ret_text;

    for (size_t i = 0; i < n; i++) {
        held = (held << 8 | bytes[i]) & 0xffff;
        for (bits += 8; bits >= 6; bits -= 6)
            *out++ = alphabet[held >> (bits - 6) & 63];
    }
    if (bits > 0)
        *out++ = alphabet[held << (6 - bits) & 63];
    *out = '\0';
}

struct signed_text {
    char public_key[KEY_CHARS + 8];
    char signature[SIGNATURE_CHARS + 8];
    uint8_t text[128];
    size_t text_size;
};

static struct signed_text signed_text(size_t i)
{
    struct signed_text s = {0};

    base64url_from_hex(vectors[i].public_key, s.public_key);
    base64url_from_hex(vectors[i].signature, s.signature);
    s.text_size = from_hex(vectors[i].message, s.text);
    assert_int_equal(strlen(s.public_key), KEY_CHARS);
    assert_int_equal(strlen(s.signature), SIGNATURE_CHARS);
    return s;
}

static bool verify(struct crypto *c, const struct signed_text *s)
{
    return crypto_verify(c, s->public_key, s->signature, s->text, s->text_size);
}

static int setup(void **state)
{
    struct crypto *c = NULL;
    int r = crypto_new(&c);

    *state = c;
    return r;
}

static int teardown(void **state)
{
    return crypto_free(*state) ? -1 : 0;
}

static void the_rfcs_signatures_fit(void **state)
{
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct signed_text s = signed_text(i);

        assert_true(verify(*state, &s));
    }
}

static void a_changed_bit_does_not(void **state)
{
    for (size_t i = 1; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct signed_text s = signed_text(i), other = signed_text(i - 1);

        s.text[0] ^= 1;
        assert_false(verify(*state, &s));
        s = signed_text(i);
        s.text_size--;
        assert_false(verify(*state, &s));
        s = signed_text(i);
        memcpy(s.public_key, other.public_key, sizeof s.public_key);
        assert_false(verify(*state, &s));
        s = signed_text(i);
        s.signature[10] = s.signature[10] == 'A' ? 'B' : 'A';
        assert_false(verify(*state, &s));
        s = signed_text(i);
        assert_true(verify(*state, &s)); /* refusals leave nothing behind */
    }
}

/* Adding the group's order to the second half would pass a verifier that does not reduce (RFC 8032 section 8.4). */
static void a_malleable_signature_is_refused(void **state)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0x10};
    struct signed_text s = signed_text(1);
    uint8_t signature[64];
    char hex[129];
    unsigned carry = 0;

    (void)from_hex(vectors[1].signature, signature);
    for (size_t i = 0; i < sizeof order; i++) {
        carry += (unsigned)signature[32 + i] + order[i];
        signature[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    for (size_t i = 0; i < sizeof signature; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", signature[i]);
    base64url_from_hex(hex, s.signature);
    assert_int_equal(strlen(s.signature), SIGNATURE_CHARS);
    assert_false(verify(*state, &s));
}

static void assert_key_refused(void **state, const char *key)
{
    struct signed_text s = signed_text(1);

    assert_false(crypto_verify(*state, key, s.signature, s.text, s.text_size));
}

static void malformed_keys_are_refused(void **state)
{
    struct signed_text s = signed_text(1);
    char key[2 * KEY_CHARS];

    assert_key_refused(state, "");
    assert_key_refused(state, "not a key");
    (void)snprintf(key, sizeof key, "%.42s", s.public_key);
    assert_key_refused(state, key);
    (void)snprintf(key, sizeof key, "%s=", s.public_key);
    assert_key_refused(state, key);
    (void)snprintf(key, sizeof key, "%s\n", s.public_key);
    assert_key_refused(state, key);
    (void)snprintf(key, sizeof key, " %.42s", s.public_key);
    assert_key_refused(state, key);
    (void)snprintf(key, sizeof key, "%.42s=", s.public_key);
    assert_key_refused(state, key);
    (void)snprintf(key, sizeof key, "%.42s\xc3", s.public_key);
    assert_key_refused(state, key);
    /* Not a point of the curve. */
    assert_key_refused(state, "__________________________________________8");
}

/* The last character carries two bits of the key and four that must be zero in one spelling only. */
static void a_key_has_one_spelling(void **state)
{
    struct signed_text s = signed_text(1);

    assert_int_equal(s.public_key[KEY_CHARS - 1], 'w');
    for (int last = 'x'; last <= 'z'; last++) {
        s.public_key[KEY_CHARS - 1] = (char)last;
        assert_false(verify(*state, &s));
    }
    s = signed_text(1);
    assert_int_equal(s.signature[SIGNATURE_CHARS - 1], 'A');
    for (int last = 'B'; last <= 'P'; last++) {
        s.signature[SIGNATURE_CHARS - 1] = (char)last;
        assert_false(verify(*state, &s));
    }
}

/* Both alphabets have 62 characters in common; a key with the others must be in the URL's. */
static void only_the_url_alphabet_counts(void **state)
{
    size_t n_tried = 0;

    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        struct signed_text s = signed_text(i);
        char *special = strpbrk(s.signature, "-_");

        if (!special)
            continue;
        *special = *special == '-' ? '+' : '/';
        assert_false(verify(*state, &s));
        n_tried++;
    }
    assert_true(n_tried > 0);
}

static void malformed_signatures_are_refused(void **state)
{
    struct signed_text s = signed_text(1);

    s.signature[SIGNATURE_CHARS - 1] = '\0';
    assert_false(verify(*state, &s));
    s = signed_text(1);
    s.signature[SIGNATURE_CHARS] = 'A';
    assert_false(verify(*state, &s));
    s = signed_text(1);
    s.signature[0] = '\0';
    assert_false(verify(*state, &s));
}

static void random_bytes_differ(void **state)
{
    uint8_t a[32] = {0}, b[32] = {0};

    assert_int_equal(crypto_random(*state, a, sizeof a), 0);
    assert_int_equal(crypto_random(*state, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
    assert_int_equal(crypto_random(*state, a, 0), 0);
    assert_true(crypto_random(*state, a, SIZE_MAX - UINT32_MAX) <
                0); /* 0 to who looks at 32 bits only */
}

/* RFC 2202 section 3, cases 2 and 6. */
static void test_hmac_sha1(void **state)
{
    char text[CRYPTO_HMAC_SHA1_SIZE], key[80];

    (void)state;
    memset(key, 0xaa, sizeof(key));
    assert_int_equal(crypto_hmac_sha1("Jefe", 4, "what do ya want for nothing?", 28, text), 0);
    assert_string_equal(text, "7/zfauXrL6LSdBbV8YTfnCWafHk=");
    assert_int_equal(crypto_hmac_sha1(key, sizeof(key),
                                      "Test Using Larger Than Block-Size Key - Hash Key First", 54,
                                      text),
                     0);
    assert_string_equal(text, "qkrl4VJy0A6VcFY3zoo7Ve1AIRI=");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hmac_sha1),
        cmocka_unit_test(the_rfcs_signatures_fit),
        cmocka_unit_test(a_changed_bit_does_not),
        cmocka_unit_test(a_malleable_signature_is_refused),
        cmocka_unit_test(malformed_keys_are_refused),
        cmocka_unit_test(a_key_has_one_spelling),
        cmocka_unit_test(only_the_url_alphabet_counts),
        cmocka_unit_test(malformed_signatures_are_refused),
        cmocka_unit_test(random_bytes_differ),
    };

    return cmocka_run_group_tests_name("crypto", tests, setup, teardown);
}
