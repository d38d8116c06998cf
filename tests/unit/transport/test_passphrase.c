/* The secret out of a passphrase. The first value was computed by an implementation of RFC 7914 written from its text in Python, the
 * second by Python's hashlib, so that other clients get the same. */
#include "scratch.h"

#include <string.h>

#include "transport/passphrase.h"

static void the_secret_is_derived_as_documented(void **state)
{
    static const struct {
        const char *passphrase, *syncshell_id, *secret;
    } vectors[] = {
        {"correct horse battery staple", "0123456789abcdef",
         "hzTQFYqemrSQdeyGeHTcRCfLoCD9nf2dITcV0JyQij4"},
        {"Zw\xc3\xb6lf Boxk\xc3\xa4mpfer jagen Viktor", "s",
         "2mGvByJoa6RWDGU3ua8WzpOVzRvsiyb9ONglQEKNr1k"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        struct wire_id id;
        struct wire_key secret;

        assert_int_equal(wire_id_set(&id, vectors[i].syncshell_id), 0);
        assert_int_equal(
            passphrase_secret(vectors[i].passphrase, strlen(vectors[i].passphrase), &id, &secret),
            0);
        assert_string_equal(secret.text, vectors[i].secret);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_secret_is_derived_as_documented),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
