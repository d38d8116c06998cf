#include "wire/id.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "samples.h"

static bool id(const char *text)
{
    return wire_id_valid(text, strlen(text));
}

static bool base64url(const char *text)
{
    return wire_base64url_valid(text, strlen(text));
}

static bool peer(const char *text)
{
    return wire_peer_id_valid(text, strlen(text));
}

static void test_id_alphabet_and_length(void **state)
{
    char text[WIRE_ID_MAX + 2];

    (void)state;
    assert_true(id("9f86d081884c7d65"));
    assert_true(id("A-z_09"));
    assert_false(id(""));
    assert_false(id("a b"));
    assert_false(id("a\n"));
    assert_false(id("a/b"));
    assert_false(id("\xc3\xa4"));
    assert_false(wire_id_valid("a\0b", 3));
    memset(text, 'x', sizeof(text));
    assert_true(wire_id_valid(text, WIRE_ID_MAX));
    assert_false(wire_id_valid(text, WIRE_ID_MAX + 1));
}

static void test_every_byte_is_in_the_alphabet_or_not(void **state)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    size_t n_valid = 0;

    (void)state;
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;

        n_valid += wire_id_valid(&byte, 1);
        assert_int_equal(wire_id_valid(&byte, 1), c != 0 && strchr(alphabet, c) != NULL);
    }
    assert_int_equal(n_valid, 64);
}

static void test_base64url_is_canonical(void **state)
{
    (void)state;
    assert_true(base64url(""));
    assert_false(base64url("A"));
    assert_true(base64url("AA"));
    assert_true(base64url("Ag"));
    assert_false(base64url("AB"));
    assert_true(base64url("AAE"));
    assert_false(base64url("AAF"));
    assert_true(base64url("AAA_"));
    assert_false(base64url("AA=="));
    assert_false(base64url("AAA+"));
}

static void test_peer_id_is_one_text_per_key(void **state)
{
    (void)state;
    assert_true(peer(SAMPLE_PEER));
    assert_false(peer(SAMPLE_KEY));
    assert_false(peer(SAMPLE_PEER "A"));
    assert_false(peer("ed25519:"));
    assert_false(peer("ED25519:" SAMPLE_KEY));
    assert_false(peer("ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB"));
    assert_false(peer("ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
}

static void test_keys_and_signatures_have_their_length(void **state)
{
    (void)state;
    assert_true(wire_key_valid(SAMPLE_KEY, WIRE_KEY_LENGTH));
    assert_false(wire_key_valid(SAMPLE_KEY, WIRE_KEY_LENGTH - 1));
    assert_true(wire_signature_valid(SAMPLE_SIGNATURE, WIRE_SIGNATURE_LENGTH));
    assert_false(wire_signature_valid(SAMPLE_SIGNATURE, WIRE_SIGNATURE_LENGTH - 2));
}

static void test_ice_urls_and_texts(void **state)
{
    static const char *const bad[] = {"", "stun:", "http:a", "turn:a b", "turn:\x7f", "turn:\n"};
    char longest[WIRE_ICE_URL_MAX + 2];
    char text[WIRE_ICE_TEXT_MAX + 2];

    (void)state;
    assert_true(wire_ice_url_valid("stuns:a", 7));
    assert_true(wire_ice_url_valid("turns:a:443?transport=tcp", 25));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(wire_ice_url_valid(bad[i], strlen(bad[i])));
    memset(longest, 'a', sizeof longest);
    memcpy(longest, "turn:", 5);
    longest[WIRE_ICE_URL_MAX + 1] = '\0';
    assert_true(wire_ice_url_valid(longest, WIRE_ICE_URL_MAX));
    assert_false(wire_ice_url_valid(longest, WIRE_ICE_URL_MAX + 1));

    memset(text, ' ', sizeof text);
    assert_true(wire_ice_text_valid(text, WIRE_ICE_TEXT_MAX));
    assert_false(wire_ice_text_valid(text, WIRE_ICE_TEXT_MAX + 1));
    assert_false(wire_ice_text_valid(text, 0));
    assert_true(wire_ice_text_valid("~", 1));
    assert_false(wire_ice_text_valid("\x7f", 1));
    assert_false(wire_ice_text_valid("\x1f", 1));
}

static void test_set_writes_only_what_is_valid(void **state)
{
    struct wire_id an_id = {"old"};
    struct wire_peer_id a_peer = {"old"};

    (void)state;
    assert_int_equal(wire_id_set(&an_id, "a b"), -EINVAL);
    assert_string_equal(an_id.text, "old");
    assert_int_equal(wire_id_set(&an_id, "new"), 0);
    assert_string_equal(an_id.text, "new");
    assert_int_equal(wire_peer_id_set(&a_peer, "x"), -EINVAL);
    assert_string_equal(a_peer.text, "old");
    assert_int_equal(wire_peer_id_set(&a_peer, SAMPLE_PEER), 0);
    assert_string_equal(a_peer.text, SAMPLE_PEER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_id_alphabet_and_length),
        cmocka_unit_test(test_every_byte_is_in_the_alphabet_or_not),
        cmocka_unit_test(test_base64url_is_canonical),
        cmocka_unit_test(test_peer_id_is_one_text_per_key),
        cmocka_unit_test(test_keys_and_signatures_have_their_length),
        cmocka_unit_test(test_ice_urls_and_texts),
        cmocka_unit_test(test_set_writes_only_what_is_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
