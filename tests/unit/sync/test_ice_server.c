#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <glib.h>
#include <string.h>

#include "sync/ice_server.h"

static struct ice_server accepted(const char *text)
{
    struct ice_server server;
    const char *problem = NULL;

    assert_int_equal(ice_server_parse(&server, text, &problem), 0);
    assert_null(problem);
    return server;
}

static void refused(const char *text)
{
    struct ice_server server = {.port = 1};
    const char *problem = NULL;

    assert_int_equal(ice_server_parse(&server, text, &problem), -EINVAL);
    assert_non_null(problem);
    assert_int_equal(server.port, 1);
}

static void check(const char *text, enum ice_server_kind kind, const char *host, uint16_t port)
{
    struct ice_server server = accepted(text);

    assert_int_equal(server.kind, kind);
    assert_string_equal(server.host, host);
    assert_int_equal(server.port, port);
}

static void test_urls(void **state)
{
    (void)state;
    check("stun:stun.example.org", ICE_SERVER_STUN, "stun.example.org", 3478);
    check("stun:192.0.2.1:19302", ICE_SERVER_STUN, "192.0.2.1", 19302);
    check("turn:[2001:db8::1],u,p", ICE_SERVER_TURN_UDP, "2001:db8::1", 3478);
    check("turn:[2001:db8::1]:5349?transport=udp,u,p", ICE_SERVER_TURN_UDP, "2001:db8::1", 5349);
    check("turn:turn.example.org:65535?transport=tcp,u,p", ICE_SERVER_TURN_TCP, "turn.example.org",
          65535);
}

static void test_credentials(void **state)
{
    struct ice_server server = accepted("turn:host,1700000000:ed25519:ab,Zm9v+/8=");
    char *longest = g_strnfill(ICE_SERVER_CREDENTIAL_SIZE - 1, 'u');
    char *text = g_strconcat("turn:host,", longest, ",p", NULL);

    (void)state;
    assert_string_equal(server.username, "1700000000:ed25519:ab");
    assert_string_equal(server.password, "Zm9v+/8=");
    server = accepted("turn:host,a%2Cb%25,%c3%a9");
    assert_string_equal(server.username, "a,b%");
    assert_string_equal(server.password, "\303\251");
    server = accepted(text);
    assert_string_equal(server.username, longest);
    g_free(text);
    text = g_strconcat("turn:host,", longest, "u,p", NULL);
    refused(text);
    g_free(text);
    g_free(longest);
}

static void test_refused(void **state)
{
    static const char *const TEXTS[] = {
        "",
        ",",
        "turn",
        "turn:",
        "http://host",
        "turn://host,u,p",
        "turns:host,u,p",
        "stuns:host",
        "stun:",
        "stun:ho st",
        "stun:[::1",
        "stun:[host]",
        "stun:host:",
        "stun:host:0",
        "stun:host:65536",
        "stun:host:+1",
        "stun:host:1x",
        "stun:host?transport=tcp",
        "stun:host,u,p",
        "turn:host",
        "turn:host,u",
        "turn:host,,p",
        "turn:host,u,",
        "turn:host,u,p,q",
        "turn:host,u,%00",
        "turn:host,u,%",
        "turn:host,u,%2",
        "turn:host?transport=sctp,u,p",
        "turn:host?transport=,u,p",
    };
    char *host = g_strnfill(ICE_SERVER_HOST_SIZE, 'h');
    char *text = g_strconcat("stun:", host, NULL);

    (void)state;
    for (size_t i = 0; i < G_N_ELEMENTS(TEXTS); i++)
        refused(TEXTS[i]);
    refused(text);
    text[strlen(text) - 1] = '\0';
    accepted(text);
    g_free(text);
    g_free(host);
}

static bool add(struct ice_server_list *l, const char *url, const char *password)
{
    return ice_server_list_add(l, url, password ? "u" : NULL, password);
}

/* One provider with all its URLs, and one to spare. */
static void test_those_of_the_relay(void **state)
{
    struct ice_server_list l = {0};

    (void)state;
    assert_false(add(&l, "turns:a.example", "a")); /* not supported: counts for nothing */
    assert_false(add(&l, "turn:z.example", NULL));
    assert_false(add(&l, "turn:z.example", ""));
    assert_false(add(&l, "http://z.example", "z"));
    assert_true(add(&l, "turn:a.example", "a"));
    assert_true(add(&l, "turn:a.example?transport=tcp", "a"));
    assert_true(add(&l, "stun:s.example", NULL));
    assert_false(add(&l, "turn:b.example,", "b")); /* a comma separates nothing here */
    assert_true(add(&l, "turn:b.example", "b"));
    assert_false(add(&l, "turn:c.example", "c"));
    assert_true(add(&l, "turn:b.example:443", "b"));
    assert_true(add(&l, "stun:t.example", "ignored"));
    assert_int_equal(l.n_servers, 6);
    assert_string_equal(l.servers[1].url, "turn:a.example?transport=tcp");
    assert_int_equal(l.servers[1].kind, ICE_SERVER_TURN_TCP);
    assert_string_equal(l.servers[3].host, "b.example");
    assert_string_equal(l.servers[3].password, "b");
    assert_string_equal(l.servers[5].password, "");
    assert_true(add(&l, "stun:u.example", NULL));
    assert_true(add(&l, "stun:v.example", NULL));
    assert_false(add(&l, "stun:w.example", NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urls),
        cmocka_unit_test(test_credentials),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_those_of_the_relay),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
