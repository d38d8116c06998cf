/* The last few joiners of a session, as a list and as the text that the store keeps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "core/former.h"

static struct wire_peer_id peer(char letter)
{
    struct wire_peer_id id;
    char text[] = "ed25519:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxA";
    memset(text + 8, letter, 42);
    assert_int_equal(wire_peer_id_set(&id, text), 0);
    return id;
}

static void add(struct former *f, char letter)
{
    struct wire_peer_id id = peer(letter);
    former_add(f, &id);
}

/* Those and no others, in that order; also after a round through the text. */
static void expect(const struct former *f, const char *letters)
{
    struct former read;
    char text[FORMER_TEXT_MAX];
    former_write(f, text);
    assert_int_equal(former_read(&read, text), 0);
    assert_memory_equal(&read, f, sizeof read);
    for (size_t i = 0; i < FORMER_MAX; i++) {
        if (i < strlen(letters))
            assert_string_equal(f->peer_ids[i].text, peer(letters[i]).text);
        else
            assert_string_equal(f->peer_ids[i].text, "");
    }
}

static void test_the_oldest_gives_way(void **state)
{
    struct former f = {.peer_ids = {{.text = ""}}};
    (void)state;
    expect(&f, "");
    assert_false(former_has(&f, ""));
    add(&f, 'A');
    add(&f, 'B');
    expect(&f, "BA");
    add(&f, 'A'); /* and back: nobody stands twice */
    expect(&f, "AB");
    add(&f, 'C');
    add(&f, 'D');
    expect(&f, "DCAB");
    add(&f, 'B');
    expect(&f, "BDCA");
    add(&f, 'E');
    expect(&f, "EBDC");
    assert_true(former_has(&f, peer('C').text));
    assert_false(former_has(&f, peer('A').text));
    assert_false(former_has(&f, ""));
}

static void test_other_texts_are_none(void **state)
{
    static const char *const texts[] = {
        " ", "nobody", "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ",
        " ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"};
    struct former f;
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_true(former_read(&f, texts[i]) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_oldest_gives_way),
        cmocka_unit_test(test_other_texts_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
