#include "scratch.h"

#include <errno.h>
#include <string.h>

#include "transport/base64url.h"

/* RFC 4648 section 10, without the padding; and what tells the two alphabets apart. */
static const struct vector {
    const char *bytes;
    size_t size;
    const char *text;
} vectors[] = {
    {"", 0, ""},
    {"f", 1, "Zg"},
    {"fo", 2, "Zm8"},
    {"foo", 3, "Zm9v"},
    {"foob", 4, "Zm9vYg"},
    {"fooba", 5, "Zm9vYmE"},
    {"foobar", 6, "Zm9vYmFy"},
    {"\xfb\xff\xbf", 3, "-_-_"},
    {"\0\0", 2, "AAA"},
};

static void the_rfcs_texts(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const struct vector *v = &vectors[i];
        char text[16];
        uint8_t bytes[16];
        size_t size = 99;

        assert_int_equal(base64url_length(v->size), strlen(v->text));
        base64url_encode(text, strlen(v->text) + 1, v->bytes, v->size);
        assert_string_equal(text, v->text);
        assert_int_equal(base64url_decode(bytes, sizeof bytes, &size, text, strlen(text)), 0);
        assert_int_equal(size, v->size);
        assert_memory_equal(bytes, v->bytes, size);
    }
}

static void assert_refused(const char *text)
{
    uint8_t bytes[16];
    size_t size = 99;

    assert_int_equal(base64url_decode(bytes, sizeof bytes, &size, text, strlen(text)), -EINVAL);
    assert_int_equal(size, 99);
}

static void other_spellings_are_refused(void **state)
{
    (void)state;
    assert_refused("Zg=="); /* padding */
    assert_refused("Zh");   /* the last bits are not zero */
    assert_refused("Zm9");  /* as above: "Zm8" is the one */
    assert_refused("A");    /* no byte has six bits */
    assert_refused("Zm9vY");
    assert_refused("+/+/"); /* the other alphabet */
    assert_refused("Zm 9v");
    assert_refused("Zm9v\n");
    assert_refused("Zm9\xc3\xa4");
}

static void decoding_stays_within_its_room(void **state)
{
    uint8_t bytes[4] = {9, 9, 9, 9};
    size_t size;

    (void)state;
    assert_int_equal(base64url_decode(bytes, 2, &size, "Zm9v", 4), -EINVAL);
    assert_int_equal(base64url_decode(bytes, 3, &size, "Zm9v", 4), 0);
    assert_int_equal(bytes[3], 9);
    assert_int_equal(base64url_decode(bytes, 1, &size, "Zg", 2), 0);
    assert_int_equal(bytes[1], 'o'); /* as "foo" left it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rfcs_texts),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(decoding_stays_within_its_room),
    };

    return cmocka_run_group_tests_name("transport_base64url", tests, NULL, NULL);
}
