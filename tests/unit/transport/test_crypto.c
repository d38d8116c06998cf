/* The engine's crypto services. The expected values were computed by another implementation (Python's hmac for HKDF,
 * pyca/cryptography for Ed25519 and AES-GCM), so that derivation and sealing are compatible with other clients. */
#include "scratch.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "transport/crypto.h"
#include "transport/identity.h"
#include "wire/seal.h"

#define SECRET     "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" /* the bytes 0 to 31 */
#define SYNCSHELL  "0123456789abcdef"
#define PUBLIC_KEY "joJUs9FgTgEkyxl3-MRMcwbMe9PuABeD_JWnDvNuecg"
#define SIGNATURE \
    "o4eD0CnaCUwWbqHEYfzlvA2tTXI85qPAdk5AeCNDhgfKPDq1MnxB6b5Ia7kyeIqO5MXfmN9UDu17UTdAtj-yCw"
#define ASSOCIATED "associated"
#define PLAIN      "plain text"

static const uint8_t sealed[] = {
    0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f, 0x2e,
    0x7b, 0x34, 0x80, 0xa6, 0x9b, 0xb4, 0x8b, 0x21, 0x6b, 0xc9, 0xc3, 0xcb, 0x30,
    0xd3, 0x8b, 0x01, 0x26, 0x6a, 0xdf, 0xd0, 0x8f, 0xe5, 0x6e, 0xc2, 0x7a,
};

struct fixture {
    struct engine_crypto crypto;
    struct engine_group *group;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    assert_non_null(f);
    f->crypto = crypto_services(NULL);
    assert_int_equal(f->crypto.group_new(f->crypto.userdata, SECRET, SYNCSHELL, &f->group), 0);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    f->crypto.group_free(f->crypto.userdata, f->group);
    free(f);
    return 0;
}

static int open_text(const struct fixture *f, const char *associated, const void *data, size_t size,
                     struct buf *out)
{
    return f->crypto.open(f->crypto.userdata, f->group, associated, strlen(associated), data, size,
                          out);
}

static void the_group_key_is_derived_as_documented(void **state)
{
    const struct fixture *f = *state;
    struct wire_key key;
    struct wire_signature signature;

    assert_int_equal(f->crypto.group_public_key(f->crypto.userdata, f->group, &key), 0);
    assert_string_equal(key.text, PUBLIC_KEY);
    assert_int_equal(f->crypto.group_sign(f->crypto.userdata, f->group, "a text", 6, &signature),
                     0);
    assert_string_equal(signature.text, SIGNATURE);
}

static void a_body_sealed_elsewhere_opens(void **state)
{
    const struct fixture *f = *state;
    struct buf out = BUF_INIT(64);

    assert_int_equal(buf_append_str(&out, "before "), 0);
    assert_int_equal(open_text(f, ASSOCIATED, sealed, sizeof sealed, &out), 0);
    assert_int_equal(out.size, strlen("before " PLAIN));
    assert_memory_equal(out.data, "before " PLAIN, out.size);
    buf_deinit(&out);
}

static void assert_not_genuine(const struct fixture *f, const char *associated, const void *data,
                               size_t size)
{
    struct buf out = BUF_INIT(64);

    assert_int_equal(buf_append_str(&out, "before"), 0);
    assert_int_equal(open_text(f, associated, data, size, &out), ENGINE_CRYPTO_E_AUTHENTICATION);
    assert_int_equal(out.size, 6);
    buf_deinit(&out);
}

static void every_changed_bit_is_noticed(void **state)
{
    for (size_t bit = 0; bit < sizeof sealed * 8; bit++) {
        uint8_t changed[sizeof sealed];

        memcpy(changed, sealed, sizeof sealed);
        changed[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_not_genuine(*state, ASSOCIATED, changed, sizeof changed);
    }
}

static void a_body_cut_short_does_not_open(void **state)
{
    for (size_t size = 0; size < sizeof sealed; size++) {
        uint8_t *cut = malloc(size + 1); /* on the heap, where reading past the end is noticed */

        assert_non_null(cut);
        memcpy(cut, sealed, size);
        assert_not_genuine(*state, ASSOCIATED, cut, size);
        free(cut);
    }
}

static void a_body_opens_only_in_its_place(void **state)
{
    struct fixture *f = *state, other = {.crypto = f->crypto};

    assert_not_genuine(f, "associates", sealed, sizeof sealed);
    assert_not_genuine(f, "", sealed, sizeof sealed);
    assert_int_equal(f->crypto.group_new(NULL, SECRET, "0123456789abcdeg", &other.group), 0);
    assert_not_genuine(&other, ASSOCIATED, sealed, sizeof sealed);
    f->crypto.group_free(NULL, other.group);
}

static void assert_round_trip(const struct fixture *f, size_t size)
{
    struct buf closed = BUF_INIT(size + SEAL_OVERHEAD_BYTES), again = BUF_INIT(size + 64);
    uint8_t *plain = malloc(size + 1);

    assert_non_null(plain);
    memset(plain, 'p', size);
    assert_int_equal(f->crypto.seal(NULL, f->group, "a", 1, plain, size, &closed), 0);
    assert_int_equal(closed.size, size + SEAL_OVERHEAD_BYTES);
    assert_int_equal(open_text(f, "a", closed.data, closed.size, &again), 0);
    assert_int_equal(again.size, size);
    if (size > 0)
        assert_memory_equal(again.data, plain, size);
    free(plain);
    buf_deinit(&closed);
    buf_deinit(&again);
}

static void what_is_sealed_opens(void **state)
{
    const size_t sizes[] = {0, 1, 15, 16, 17, 2500, 1048576};

    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        assert_round_trip(*state, sizes[i]);
}

static void a_nonce_is_never_used_again(void **state)
{
    const struct fixture *f = *state;
    struct buf a = BUF_INIT(64), b = BUF_INIT(64);

    assert_int_equal(f->crypto.seal(NULL, f->group, "a", 1, PLAIN, 10, &a), 0);
    assert_int_equal(f->crypto.seal(NULL, f->group, "a", 1, PLAIN, 10, &b), 0);
    assert_memory_not_equal(a.data, b.data, SEAL_NONCE_BYTES);
    assert_memory_not_equal(a.data + SEAL_NONCE_BYTES, b.data + SEAL_NONCE_BYTES, 10);
    buf_deinit(&a);
    buf_deinit(&b);
}

static void a_full_buffer_stays_as_it_was(void **state)
{
    const struct fixture *f = *state;
    struct buf out = BUF_INIT(10 + SEAL_OVERHEAD_BYTES - 1);

    assert_int_equal(f->crypto.seal(NULL, f->group, "a", 1, PLAIN, 10, &out), BUF_E_FULL);
    assert_int_equal(out.size, 0);
    buf_deinit(&out);
    buf_init(&out, 4);
    assert_true(open_text(f, ASSOCIATED, sealed, sizeof sealed, &out) < 0);
    assert_int_equal(out.size, 0);
    buf_deinit(&out);
}

static void only_32_bytes_are_a_secret(void **state)
{
    const struct fixture *f = *state;
    struct engine_group *none = NULL;
    const char *bad[] = {"",
                         "AAAA",
                         SECRET "A",
                         SECRET "AAAA",
                         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9",
                         "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh="};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_true(f->crypto.group_new(NULL, bad[i], SYNCSHELL, &none) < 0);
        assert_null(none);
    }
    f->crypto.group_free(NULL, NULL);
}

static void new_secrets_are_secrets(void **state)
{
    const struct fixture *f = *state;
    struct engine_group *group = NULL;
    struct wire_key a, b;

    assert_int_equal(f->crypto.secret_new(NULL, &a), 0);
    assert_int_equal(f->crypto.secret_new(NULL, &b), 0);
    assert_string_not_equal(a.text, b.text);
    assert_true(wire_key_valid(a.text, strlen(a.text)));
    assert_int_equal(f->crypto.group_new(NULL, a.text, SYNCSHELL, &group), 0);
    f->crypto.group_free(NULL, group);
}

static void random_bytes_differ(void **state)
{
    const struct fixture *f = *state;
    uint8_t a[32] = {0}, b[32] = {0};

    assert_int_equal(f->crypto.random(NULL, a, sizeof a), 0);
    assert_int_equal(f->crypto.random(NULL, b, sizeof b), 0);
    assert_memory_not_equal(a, b, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_group_key_is_derived_as_documented),
        cmocka_unit_test(a_body_sealed_elsewhere_opens),
        cmocka_unit_test(every_changed_bit_is_noticed),
        cmocka_unit_test(a_body_cut_short_does_not_open),
        cmocka_unit_test(a_body_opens_only_in_its_place),
        cmocka_unit_test(what_is_sealed_opens),
        cmocka_unit_test(a_nonce_is_never_used_again),
        cmocka_unit_test(a_full_buffer_stays_as_it_was),
        cmocka_unit_test(only_32_bytes_are_a_secret),
        cmocka_unit_test(new_secrets_are_secrets),
        cmocka_unit_test(random_bytes_differ),
    };

    return cmocka_run_group_tests_name("transport_crypto", tests, setup, teardown);
}
