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
        cmocka_unit_test(test_credentials_that_do_not_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
