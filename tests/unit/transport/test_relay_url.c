#include "scratch.h"

#include <errno.h>
#include <string.h>

#include "transport/relay_url.h"

static const struct good {
    const char *text;
    bool tls;
    const char *host, *authority, *origin;
    uint16_t port;
} good[] = {
    {"ws://relay.example", false, "relay.example", "relay.example", "ws://relay.example", 80},
    {"wss://Relay.Example/", true, "relay.example", "relay.example", "wss://relay.example", 443},
    {"wss://relay:8443", true, "relay", "relay:8443", "wss://relay:8443", 8443},
    {"ws://127.0.0.1:1", false, "127.0.0.1", "127.0.0.1:1", "ws://127.0.0.1:1", 1},
    {"wss://[2001:DB8::1]:65535/", true, "2001:db8::1", "[2001:db8::1]:65535",
     "wss://[2001:db8::1]:65535", 65535},
    {"ws://[::1]", false, "::1", "[::1]", "ws://[::1]", 80},
};

static void urls_are_taken_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct relay_url u;

        assert_int_equal(relay_url_parse(&u, good[i].text), 0);
        assert_int_equal(u.tls, good[i].tls);
        assert_string_equal(u.host, good[i].host);
        assert_string_equal(u.authority, good[i].authority);
        assert_string_equal(u.origin, good[i].origin);
        assert_int_equal(u.port, good[i].port);
    }
}

static void what_is_not_a_relay_is_refused(void **state)
{
    const char *bad[] = {"",
                         "relay.example",
                         "http://relay.example",
                         "https://relay.example",
                         "ws:/relay",
                         "ws://",
                         "ws:///",
                         "ws://:80",
                         "ws://relay:",
                         "ws://relay:0",
                         "ws://relay:65536",
                         "ws://relay:+80",
                         "ws://relay:80x",
                         "ws://relay:000080",
                         "ws://relay/path",
                         "ws://relay//",
                         "ws://relay?query",
                         "ws://relay#part",
                         "ws://user@relay",
                         "ws://user:secret@relay",
                         "ws://re lay",
                         "ws://relay ",
                         " ws://relay",
                         "ws://rel\nay",
                         "ws://rel\xc3\xa4y",
                         "ws://[::1",
                         "ws://[]",
                         "ws://::1",
                         "ws://[relay]"};

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct relay_url u = {.port = 7};

        if (relay_url_parse(&u, bad[i]) != -EINVAL)
            fail_msg("accepted: %s", bad[i]);
        assert_int_equal(u.port, 7);
    }
}

static void length_is_bounded(void **state)
{
    char text[WIRE_ORIGIN_MAX + 3];
    struct relay_url u;

    (void)state;
    memset(text, 'a', sizeof text);
    memcpy(text, "ws://", 5);
    text[WIRE_ORIGIN_MAX] = '\0';
    assert_int_equal(relay_url_parse(&u, text), 0);
    assert_string_equal(u.origin, text);
    text[WIRE_ORIGIN_MAX] = 'a';
    text[WIRE_ORIGIN_MAX + 1] = '\0';
    assert_int_equal(relay_url_parse(&u, text), -EINVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_taken_apart),
        cmocka_unit_test(what_is_not_a_relay_is_refused),
        cmocka_unit_test(length_is_bounded),
    };

    return cmocka_run_group_tests_name("transport_relay_url", tests, NULL, NULL);
}
