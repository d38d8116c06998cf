#include "scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "transport/identity.h"

#define NAME "identity.pem"

/* RFC 8032 section 7.1, test 1, as PKCS #8: the key, and its signature of nothing. */
static const char rfc_pem[] = "-----BEGIN PRIVATE KEY-----\n"
                              "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                              "-----END PRIVATE KEY-----\n";
static const char x25519_pem[] =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VuBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";

static void assert_loads_as(const struct scratch *s, int expected)
{
    struct identity *i = NULL;

    assert_int_equal(identity_load(&i, s->fd, NAME), expected);
    if (expected != 0)
        assert_null(i);
    (void)identity_free(i);
}

static void a_new_identity_is_found_again(void **state)
{
    const struct scratch *s = *state;
    struct identity *made = NULL, *found = NULL;
    struct wire_signature a, b;

    assert_int_equal(identity_create(&made, s->fd, NAME), 0);
    assert_int_equal(identity_load(&found, s->fd, NAME), 0);
    assert_string_equal(identity_peer_id(made)->text, identity_peer_id(found)->text);
    assert_true(
        wire_peer_id_valid(identity_peer_id(made)->text, strlen(identity_peer_id(made)->text)));
    assert_int_equal(identity_sign(made, "text", 4, &a), 0);
    assert_int_equal(identity_sign(found, "text", 4, &b), 0);
    assert_string_equal(a.text, b.text);
    (void)identity_free(made);
    (void)identity_free(found);
}

static void identities_differ(void **state)
{
    const struct scratch *s = *state;
    struct identity *a = NULL, *b = NULL;

    assert_int_equal(identity_create(&a, s->fd, "a.pem"), 0);
    assert_int_equal(identity_create(&b, s->fd, "b.pem"), 0);
    assert_string_not_equal(identity_peer_id(a)->text, identity_peer_id(b)->text);
    (void)identity_free(a);
    (void)identity_free(b);
}

static void the_rfcs_key_is_itself(void **state)
{
    const struct scratch *s = *state;
    struct identity *i = NULL;
    struct wire_signature signature;

    scratch_write(s, NAME, rfc_pem, sizeof rfc_pem - 1);
    assert_int_equal(identity_load(&i, s->fd, NAME), 0);
    assert_string_equal(identity_peer_id(i)->text,
                        "ed25519:11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    assert_int_equal(identity_sign(i, "", 0, &signature), 0);
    assert_string_equal(signature.text,
                        "5VZDAMNgrHKQhuLMgG6CioSHfx645dl02HPgZSJJAVVfuIIVkKM7rMYeOXAc-bRr0lv18Flb"
                        "viRlUUFDjnoQCw");
    (void)identity_free(i);
}

static void only_its_owner_may_read_it(void **state)
{
    const struct scratch *s = *state;
    struct identity *i = NULL;
    const mode_t modes[] = {0640, 0604, 0620, 0602, 0666};
    struct stat st;
    mode_t before = umask(0);

    assert_int_equal(identity_create(&i, s->fd, NAME), 0);
    (void)umask(before);
    (void)identity_free(i);
    assert_int_equal(fstatat(s->fd, NAME, &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    for (size_t k = 0; k < sizeof modes / sizeof *modes; k++) {
        assert_int_equal(fchmodat(s->fd, NAME, modes[k], 0), 0);
        assert_loads_as(s, IDENTITY_E_EXPOSED);
    }
    assert_int_equal(fchmodat(s->fd, NAME, 0400, 0), 0);
    assert_loads_as(s, 0);
}

static void damage_is_told_and_kept(void **state)
{
    const struct scratch *s = *state;
    size_t size;
    uint8_t *kept;

    for (size_t cut = 0; cut < sizeof rfc_pem - 2; cut += 7) {
        scratch_write(s, NAME, rfc_pem, cut);
        assert_loads_as(s, IDENTITY_E_CORRUPT);
        kept = scratch_read(s, NAME, &size);
        assert_int_equal(size, cut);
        assert_memory_equal(kept, rfc_pem, cut);
        free(kept);
    }
    scratch_write(s, NAME, x25519_pem, sizeof x25519_pem - 1); /* a key for something else */
    assert_loads_as(s, IDENTITY_E_CORRUPT);
}

static void an_encrypted_key_asks_nobody(void **state)
{
    /* The header alone makes OpenSSL want a passphrase. */
    static const char pem[] = "-----BEGIN RSA PRIVATE KEY-----\n"
                              "Proc-Type: 4,ENCRYPTED\n"
                              "DEK-Info: AES-256-CBC,00112233445566778899AABBCCDDEEFF\n\n"
                              "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
                              "-----END RSA PRIVATE KEY-----\n";

    scratch_write(*state, NAME, pem, sizeof pem - 1);
    assert_loads_as(*state, IDENTITY_E_CORRUPT);
}

static void nothing_but_a_file_is_a_key(void **state)
{
    const struct scratch *s = *state;

    assert_loads_as(s, -ENOENT);
    assert_int_equal(mkfifoat(s->fd, NAME, 0600), 0);
    assert_loads_as(s, IDENTITY_E_CORRUPT); /* and does not wait for somebody to write */
    assert_int_equal(unlinkat(s->fd, NAME, 0), 0);
    scratch_write(s, "elsewhere.pem", rfc_pem, sizeof rfc_pem - 1);
    assert_int_equal(symlinkat("elsewhere.pem", s->fd, NAME), 0);
    assert_loads_as(s, IDENTITY_E_CORRUPT);
}

static void one_left_unfinished_is_replaced(void **state)
{
    const struct scratch *s = *state;
    struct identity *i = NULL;

    scratch_write(s, NAME ".new", rfc_pem, 20);
    assert_int_equal(identity_create(&i, s->fd, NAME), 0);
    (void)identity_free(i);
    assert_loads_as(s, 0);
    assert_int_equal(faccessat(s->fd, NAME ".new", F_OK, 0), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_identity_is_found_again, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(identities_differ, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(the_rfcs_key_is_itself, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(only_its_owner_may_read_it, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(damage_is_told_and_kept, scratch_setup, scratch_teardown),
        cmocka_unit_test_setup_teardown(an_encrypted_key_asks_nobody, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(nothing_but_a_file_is_a_key, scratch_setup,
                                        scratch_teardown),
        cmocka_unit_test_setup_teardown(one_left_unfinished_is_replaced, scratch_setup,
                                        scratch_teardown),
    };

    return cmocka_run_group_tests_name("transport_identity", tests, NULL, NULL);
}
