/* Requests and responses by hand; a real server judges the rest (tests/deploy/test_doctor.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/doctor/stun.h"

static const uint8_t transaction[STUN_TRANSACTION_SIZE] = "transaction";

static void test_a_plain_request(void **state)
{
    (void)state;
    static const uint8_t wanted[] = {0,   3,    0,   8,   0x21, 0x12, 0xa4, 0x42, 't', 'r',
                                     'a', 'n',  's', 'a', 'c',  't',  'i',  'o',  'n', 0,
                                     0,   0x19, 0,   4,   17,   0,    0,    0};
    uint8_t message[STUN_MESSAGE_MAX];
    assert_int_equal(stun_request(message, STUN_ALLOCATE, transaction, NULL), sizeof wanted);
    assert_memory_equal(message, wanted, sizeof wanted);
    assert_int_equal(stun_request(message, STUN_BINDING, transaction, NULL), 20);
}

/* The digest was computed by Python's hmac and hashlib, after RFC 8489, 9.2.2 and 14.5. */
static void test_a_signed_request(void **state)
{
    (void)state;
    static const uint8_t proof[] = {0x83, 0xc2, 0x07, 0x77, 0xfc, 0x17, 0xab, 0xa4, 0x7b, 0xab,
                                    0x33, 0xa5, 0x03, 0x14, 0x72, 0x02, 0x89, 0xfb, 0xd8, 0x55};
    struct stun_credentials c = {
        .username = "user", .password = "pass", .realm = "realm", .nonce = "nonce"};
    uint8_t message[STUN_MESSAGE_MAX];
    int size = stun_request(message, STUN_ALLOCATE, transaction, &c);
    assert_int_equal(size, 20 + 8 + 8 + 12 + 12 + 24);
    assert_int_equal(message[2] << 8 | message[3], size - 20);
    assert_memory_equal(message + size - sizeof proof, proof, sizeof proof);
}

static void test_a_refusal(void **state)
{
    (void)state;
    static const uint8_t answer[] = {
        0x01, 0x13, 0,   28, 0x21, 0x12, 0xa4, 0x42, 't', 'r', 'a', 'n', 's', 'a',  'c', 't',
        'i',  'o',  'n', 0,  0,    9,    0,    4,    0,   0,   4,   1,   0,   0x14, 0,   3,
        'a',  '.',  'b', 0,  0,    0x15, 0,    6,    'n', 'o', 'n', 'c', 'e', '1',  0,   0};
    struct stun_response r;
    assert_true(stun_response_parse(&r, answer, sizeof answer, transaction));
    assert_int_equal(r.type, STUN_ALLOCATE | STUN_ERROR);
    assert_int_equal(r.error_code, 401);
    assert_string_equal(r.realm, "a.b");
    assert_string_equal(r.nonce, "nonce1");
    for (size_t size = 0; size < sizeof answer; size++)
        assert_false(stun_response_parse(&r, answer, size, transaction));
    assert_false(stun_response_parse(&r, answer, sizeof answer, (const uint8_t *)"other trans.."));
}

/* The addresses are those of RFC 5769, 2.2 and 2.3, with its transaction id. */
static void test_a_relayed_address(void **state)
{
    (void)state;
    static const uint8_t id[STUN_TRANSACTION_SIZE] = {0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34,
                                                      0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae};
    static const uint8_t v4_value[] = {0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43},
                         v4[] = {192, 0, 2, 1};
    static const uint8_t v6_value[] = {0,    2,    0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3,
                                       0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5, 0xbe, 0xd2, 0xb9, 0xd9};
    static const uint8_t v6[] = {0x20, 0x01, 0x0d, 0xb8, 0x12, 0x34, 0x56, 0x78,
                                 0,    0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77};
    const struct {
        const uint8_t *value, *wanted;
        size_t size;
    } rows[] = {{v4_value, v4, sizeof v4}, {v6_value, v6, sizeof v6}};
    for (size_t i = 0; i < 2; i++) {
        size_t length = 4 + rows[i].size;
        uint8_t answer[STUN_MESSAGE_MAX] = {0x01, 0x03, 0,    (uint8_t)(4 + length),
                                            0x21, 0x12, 0xa4, 0x42};
        struct stun_response r;
        memcpy(answer + 8, id, sizeof id);
        answer[21] = 0x16;
        answer[23] = (uint8_t)length;
        memcpy(answer + 24, rows[i].value, length);
        assert_true(stun_response_parse(&r, answer, 24 + length, id));
        assert_int_equal(r.relayed.size, rows[i].size);
        assert_memory_equal(r.relayed.bytes, rows[i].wanted, rows[i].size);
        assert_false(stun_address_is_private(&r.relayed));
        answer[25] = 3; /* no such family: read as the shorter one */
        assert_int_equal(stun_response_parse(&r, answer, 24 + length, id), rows[i].size == 4);
    }
}

static void test_private_addresses(void **state)
{
    (void)state;
    static const struct {
        uint8_t bytes[4];
        bool private;
    } v4[] = {{{10, 1, 2, 3}, true},    {{11, 1, 2, 3}, false},    {{172, 31, 0, 1}, true},
              {{172, 32, 0, 1}, false}, {{192, 168, 9, 9}, true},  {{192, 169, 9, 9}, false},
              {{100, 127, 0, 1}, true}, {{100, 128, 0, 1}, false}, {{169, 254, 1, 1}, true},
              {{127, 0, 0, 1}, true},   {{0, 0, 0, 0}, true},      {{203, 0, 113, 5}, false}};
    static const struct {
        uint8_t bytes[2];
        bool private;
    } v6[] = {{{0, 0}, true},
              {{0xfd, 0x12}, true},
              {{0xfe, 0xbf}, true},
              {{0xfe, 0xc0}, false},
              {{0x20, 0x01}, false}};
    struct stun_address a = {.size = 4};
    for (size_t i = 0; i < sizeof v4 / sizeof v4[0]; i++) {
        memcpy(a.bytes, v4[i].bytes, 4);
        assert_int_equal(stun_address_is_private(&a), v4[i].private);
    }
    a = (struct stun_address){.size = 16};
    for (size_t i = 0; i < sizeof v6 / sizeof v6[0]; i++) {
        memcpy(a.bytes, v6[i].bytes, 2);
        assert_int_equal(stun_address_is_private(&a), v6[i].private);
    }
    assert_false(stun_address_is_private(&(struct stun_address){0}));
}

static void test_credentials_that_do_not_fit(void **state)
{
    (void)state;
    struct stun_credentials c = {.username = "user", .password = "pass"};
    uint8_t message[STUN_MESSAGE_MAX];
    memset(c.realm, 'x', sizeof c.realm - 1);
    memset(c.nonce, 'x', sizeof c.nonce - 1);
    assert_true(stun_request(message, STUN_ALLOCATE, transaction, &c) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_plain_request),
        cmocka_unit_test(test_a_signed_request),
        cmocka_unit_test(test_a_refusal),
        cmocka_unit_test(test_a_relayed_address),
        cmocka_unit_test(test_private_addresses),
        cmocka_unit_test(test_credentials_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
