#define _GNU_SOURCE /* memmem */

#include "wire/invite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "examples.h"
#include "samples.h"

static int decode(struct invite *ret_invite, const char *json)
{
    return invite_decode_json(ret_invite, json, strlen(json));
}

static void test_there_and_back(void **state)
{
    struct invite i = {
        .relay_url = "wss://relay.example:8443/path?x=1",
        .syncshell_id = {"9f86d081884c7d65"},
        .secret = {SAMPLE_KEY},
        .owner_peer_id = {SAMPLE_PEER},
        .certificate_pin = {SAMPLE_KEY_2},
    };
    struct buf out = BUF_INIT(INVITE_TEXT_MAX);
    struct invite again;

    (void)state;
    assert_int_equal(invite_encode_json(&out, &i), 0);
    assert_int_equal(invite_decode_json(&again, out.data, out.size), 0);
    assert_memory_equal(&again, &i, sizeof(i));

    assert_int_equal(invite_key_epoch(&again), 1);
    assert_false(memmem(out.data, out.size, "epoch", 5));

    memset(&i.certificate_pin, 0, sizeof(i.certificate_pin));
    invite_set_key_epoch(&i, 7);
    buf_clear(&out);
    assert_int_equal(invite_encode_json(&out, &i), 0);
    assert_null(memchr(out.data, 'B', out.size));
    assert_int_equal(invite_decode_json(&again, out.data, out.size), 0);
    assert_string_equal(again.certificate_pin.text, "");
    assert_int_equal(invite_key_epoch(&again), 7);
    invite_set_key_epoch(&i, 1);
    assert_false(i.has_key_epoch);
    buf_deinit(&out);
}

static void visit_example(const char *folder, const char *name, void *userdata)
{
    int expected = *(const int *)userdata;
    struct buf json = BUF_INIT(INVITE_TEXT_MAX);
    struct invite i;

    example_read(&json, folder, name);
    if (invite_decode_json(&i, json.data, json.size) != expected)
        fail_msg("%s", name);
    buf_deinit(&json);
}

static void test_examples(void **state)
{
    int valid = 0;
    int invalid = INVITE_E_INVALID;

    (void)state;
    assert_true(examples_visit("invite/examples", "valid-", ".json", visit_example, &valid) >= 1);
    assert_true(examples_visit("invite/examples", "invalid-", ".json", visit_example, &invalid) >=
                4);
}

static int decode_with(const char *relay, const char *id, const char *secret, const char *rest)
{
    char json[4096];
    struct invite i;

    (void)snprintf(json, sizeof(json),
                   "{\"relay\":\"%s\",\"id\":\"%s\",\"secret\":\"%s\",\"owner\":\"" SAMPLE_PEER
                   "\"%s}",
                   relay, id, secret, rest);
    return decode(&i, json);
}

static void test_refuses_what_is_not_an_invite(void **state)
{
    char long_url[INVITE_URL_MAX + 2];
    struct invite i;

    (void)state;
    assert_int_equal(decode_with("ws://h", "s", SAMPLE_KEY, ""), 0);
    assert_int_equal(decode_with("ws://h", "s", SAMPLE_KEY, ",\"later\":{}"), 0);
    assert_int_equal(decode_with("http://h", "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://", "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("wss://", "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h h", "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h\x7f", "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h:", "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h\\n", "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("", "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h", "", SAMPLE_KEY, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h", "s", SAMPLE_PEER, ""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h", "s", SAMPLE_KEY, ",\"pin\":\"\""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h", "s", SAMPLE_KEY, ",\"id\":\"t\""), INVITE_E_INVALID);
    assert_int_equal(decode_with("ws://h", "s", SAMPLE_KEY, "}"), INVITE_E_INVALID);

    memset(long_url, 'h', sizeof(long_url));
    memcpy(long_url, "ws://", 5);
    long_url[INVITE_URL_MAX + 1] = '\0';
    assert_int_equal(decode_with(long_url, "s", SAMPLE_KEY, ""), INVITE_E_INVALID);
    long_url[INVITE_URL_MAX] = '\0';
    assert_int_equal(decode_with(long_url, "s", SAMPLE_KEY, ""), 0);

    assert_int_equal(decode(&i, ""), INVITE_E_INVALID);
    assert_int_equal(decode(&i, "{}"), INVITE_E_INVALID);
    assert_int_equal(decode(&i, "[]"), INVITE_E_INVALID);
}

static void test_refuses_an_oversized_text_unread(void **state)
{
    char padded[INVITE_TEXT_MAX + 1];
    struct buf out = BUF_INIT(sizeof(padded));
    struct invite i = {.relay_url = "ws://h",
                       .syncshell_id = {"s"},
                       .secret = {SAMPLE_KEY},
                       .owner_peer_id = {SAMPLE_PEER}};

    (void)state;
    assert_int_equal(invite_encode_json(&out, &i), 0);
    memset(padded, ' ', sizeof(padded));
    memcpy(padded, out.data, out.size);
    assert_int_equal(invite_decode_json(&i, padded, sizeof(padded) - 1), 0);
    assert_int_equal(invite_decode_json(&i, padded, sizeof(padded)), INVITE_E_INVALID);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_examples),
        cmocka_unit_test(test_refuses_what_is_not_an_invite),
        cmocka_unit_test(test_refuses_an_oversized_text_unread),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
