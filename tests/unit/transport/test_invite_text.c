#include "scratch.h"

#include <stdio.h>
#include <string.h>

#include "transport/invite_text.h"

/* Python's base64.urlsafe_b64encode of this JSON:
 * {"relay":"wss://relay.example","id":"0123456789abcdef","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
 *  "owner":"ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}, without blanks. */
#define TEXT                                                                                     \
    "syncshell1.eyJyZWxheSI6IndzczovL3JlbGF5LmV4YW1wbGUiLCJpZCI6IjAxMjM0NTY3ODlhYmNkZWYiLCJzZWN" \
    "yZXQiOiJBQUVDQXdRRkJnY0lDUW9MREEwT0R4QVJFaE1VRlJZWEdCa2FHeHdkSGg4Iiwib3duZXIiOiJlZDI1NTE5O" \
    "jExcVlBWUt4Q3JmVlNfN1R5V1FIT2c3aGN2UGFwaU1scndJYWFQY0hVUm8ifQ"

static struct invite an_invite(void)
{
    struct invite i = {.relay_url = "wss://relay.example"};

    assert_int_equal(wire_id_set(&i.syncshell_id, "0123456789abcdef"), 0);
    assert_int_equal(
        wire_peer_id_set(&i.owner_peer_id, "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"),
        0);
    (void)snprintf(i.secret.text, sizeof i.secret.text, "%s",
                   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    return i;
}

static void assert_decodes(const char *text, size_t length)
{
    struct invite found, expected = an_invite();

    memset(&found, 0x7f, sizeof found);
    assert_int_equal(invite_text_decode(&found, text, length), 0);
    assert_string_equal(found.relay_url, expected.relay_url);
    assert_string_equal(found.syncshell_id.text, expected.syncshell_id.text);
    assert_string_equal(found.secret.text, expected.secret.text);
    assert_string_equal(found.owner_peer_id.text, expected.owner_peer_id.text);
    assert_string_equal(found.certificate_pin.text, "");
}

static void an_invite_is_written(void **state)
{
    const struct invite i = an_invite();
    char text[512];
    size_t size = 0;

    (void)state;
    assert_int_equal(invite_text_encode(text, sizeof text, &size, &i), 0);
    assert_int_equal(size, strlen(text) + 1);
    assert_string_equal(text, TEXT);
    assert_decodes(text, strlen(text));
}

static void too_little_room_says_how_much(void **state)
{
    const struct invite i = an_invite();
    char text[sizeof TEXT] = "as before";
    size_t size = 0;

    (void)state;
    assert_int_equal(invite_text_encode(text, sizeof TEXT - 1, &size, &i), INVITE_TEXT_E_BUFFER);
    assert_int_equal(size, sizeof TEXT);
    assert_string_equal(text, "as before");
    assert_int_equal(invite_text_encode(text, sizeof TEXT, &size, &i), 0);
    assert_int_equal(invite_text_encode(NULL, 0, &size, &i), INVITE_TEXT_E_BUFFER);
}

static void pasting_adds_blanks(void **state)
{
    const char text[] = " \t\r\n" TEXT "\r\n \t";

    (void)state;
    assert_decodes(text, sizeof text - 1);
    assert_decodes(TEXT "and more", sizeof TEXT - 1); /* the length counts, not a NUL */
}

static void what_is_not_an_invite_is_refused(void **state)
{
    static const char twice[] = TEXT "\n" TEXT, longer[] = TEXT "A";
    const char *bad[] = {"",
                         " ",
                         "syncshell1.",
                         "syncshell2.e30",
                         "Syncshell1.e30",
                         "syncshell1.e30",  /* {} */
                         "syncshell1.e30=", /* padding */
                         "syncshell1.e3",
                         "syncshell1.e3 0",
                         twice,
                         longer};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct invite found = {.relay_url = "as before"};

        if (invite_text_decode(&found, bad[i], strlen(bad[i])) != INVITE_E_INVALID)
            fail_msg("accepted: %s", bad[i]);
        assert_string_equal(found.relay_url, "as before");
    }
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < sizeof TEXT - 1; length++) {
        struct invite found;

        assert_int_equal(invite_text_decode(&found, TEXT, length), INVITE_E_INVALID);
    }
}

static void length_is_bounded(void **state)
{
    static char text[1 << 20];
    struct invite found;

    (void)state;
    memset(text, 'A', sizeof text);
    memcpy(text, INVITE_PREFIX, sizeof INVITE_PREFIX - 1);
    assert_int_equal(invite_text_decode(&found, text, sizeof text), INVITE_E_INVALID);
    memset(text, ' ', sizeof text);
    assert_int_equal(invite_text_decode(&found, text, sizeof text), INVITE_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_invite_is_written), cmocka_unit_test(too_little_room_says_how_much),
        cmocka_unit_test(pasting_adds_blanks),  cmocka_unit_test(what_is_not_an_invite_is_refused),
        cmocka_unit_test(every_cut_is_refused), cmocka_unit_test(length_is_bounded),
    };

    return cmocka_run_group_tests_name("transport_invite_text", tests, NULL, NULL);
}
