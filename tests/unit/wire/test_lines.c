/* The texts that are signed and bound: other implementations must arrive at the same bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/challenge.h"
#include "wire/seal.h"

static void expect(struct buf *out, int r, const char *text)
{
    assert_int_equal(r, 0);
    assert_int_equal(out->size, strlen(text));
    assert_memory_equal(out->data, text, out->size);
    buf_clear(out);
}

static void test_challenges(void **state)
{
    struct buf out = BUF_INIT(CHALLENGE_TEXT_MAX);

    (void)state;
    expect(&out, challenge_authenticate(&out, "wss://h:1", "relay", "nonce", "peer"),
           "syncshell.v1 authenticate\nwss://h:1\nrelay\nnonce\npeer");
    expect(&out, challenge_create(&out, "relay", "nonce", "shell", "peer", "group"),
           "syncshell.v1 create\nrelay\nnonce\nshell\npeer\ngroup");
    expect(&out, challenge_join(&out, "relay", "nonce", "shell", "peer", UINT64_MAX),
           "syncshell.v1 join\nrelay\nnonce\nshell\npeer\n18446744073709551615");
    buf_deinit(&out);
}

static void test_owner_challenges(void **state)
{
    struct buf out = BUF_INIT(CHALLENGE_TEXT_MAX);
    struct message_owner_operation m = {.owner_sequence = 7, .key_epoch = 3};

    (void)state;
    (void)snprintf(m.syncshell_id.text, sizeof m.syncshell_id.text, "shell");
    (void)snprintf(m.peer_id.text, sizeof m.peer_id.text, "peer");
    (void)snprintf(m.group_public_key.text, sizeof m.group_public_key.text, "group");
    expect(&out, challenge_owner_operation(&out, MESSAGE_REMOVE_MEMBER, "relay", "nonce", &m),
           "syncshell.v1 remove-member\nrelay\nnonce\nshell\n7\npeer");
    expect(&out, challenge_owner_operation(&out, MESSAGE_TRANSFER_OWNERSHIP, "relay", "nonce", &m),
           "syncshell.v1 transfer-ownership\nrelay\nnonce\nshell\n7\npeer");
    expect(&out, challenge_owner_operation(&out, MESSAGE_ROTATE_GROUP_KEY, "relay", "nonce", &m),
           "syncshell.v1 rotate-group-key\nrelay\nnonce\nshell\n7\n3\ngroup");
    expect(&out, challenge_owner_operation(&out, MESSAGE_DELETE_SYNCSHELL, "relay", "nonce", &m),
           "syncshell.v1 delete-syncshell\nrelay\nnonce\nshell\n7");
    buf_deinit(&out);
}

static void test_associated_data(void **state)
{
    struct buf out = BUF_INIT(CHALLENGE_TEXT_MAX);

    (void)state;
    expect(
        &out,
        seal_associated_data(&out, MESSAGE_RECONNECT_OFFER, "shell", "from", "to", "session", 3, 0),
        "syncshell.v1 seal\nReconnectOffer\nshell\nfrom\nto\nsession\n3\n0");
    expect(&out,
           seal_associated_data(&out, MESSAGE_SESSION_PROGRESS, "shell", "from", "to", "session", 0,
                                18),
           "syncshell.v1 seal\nSessionProgress\nshell\nfrom\nto\nsession\n0\n18");
    buf_deinit(&out);
}

static void test_all_or_nothing(void **state)
{
    (void)state;
    for (size_t max = 0; max < 40; max++) {
        struct buf out = BUF_INIT(max);
        int r = buf_append_str(&out, "kept");

        if (r == 0) {
            assert_int_equal(challenge_authenticate(&out, "o", "r", "n", "peer"),
                             max < 4 + 36 ? BUF_E_FULL : 0);
            assert_int_equal(out.size, 4);
        }
        buf_deinit(&out);
    }
}

static void test_the_longest_fields_fit(void **state)
{
    struct buf out = BUF_INIT(CHALLENGE_TEXT_MAX);
    char origin[WIRE_ORIGIN_MAX + 1];
    char id[WIRE_ID_MAX + 1];

    (void)state;
    memset(origin, 'o', sizeof(origin) - 1);
    origin[sizeof(origin) - 1] = '\0';
    memset(id, 'i', sizeof(id) - 1);
    id[sizeof(id) - 1] = '\0';
    assert_int_equal(challenge_authenticate(&out, origin, id, id, id), 0);
    buf_clear(&out);
    assert_int_equal(seal_associated_data(&out, MESSAGE_SESSION_CHECKPOINT, id, id, id, id,
                                          UINT64_MAX, UINT64_MAX),
                     0);
    buf_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_challenges),
        cmocka_unit_test(test_owner_challenges),
        cmocka_unit_test(test_associated_data),
        cmocka_unit_test(test_all_or_nothing),
        cmocka_unit_test(test_the_longest_fields_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
