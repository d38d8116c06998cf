/* Which proxies are trusted, and whom they speak for: every spelling that is sent, and what a client may put in front. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "app/address_text.h"
#include "app/proxy.h"

#define BLOCKS(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct address address(const char *text)
{
    struct address a;
    assert_true(address_from_text(text, strlen(text), &a));
    return a;
}

static void expect_trust(const struct proxies *p, const char *text, bool trusted)
{
    const struct address a = address(text);
    if (proxies_trust(p, &a) != trusted)
        fail_msg("%s", text);
}

static void test_blocks(void **state)
{
    (void)state;
    static const char *const inside[] = {
        "10.0.0.0",       "10.255.255.255", "::ffff:10.1.2.3", "192.0.2.7",   "172.16.0.1",
        "172.31.255.255", "fd00::1",        "fdff:ffff::",     "2001:db8::7", "::ffff:198.51.0.1"};
    static const char *const outside[] = {
        "9.255.255.255", "11.0.0.0",    "192.0.2.6", "172.32.0.0", "172.15.255.255", "fe00::",
        "fcff::",        "2001:db8::6", "::1",       "::a00:1",    "198.52.0.0"};
    struct proxies p;
    assert_int_equal(proxies_init(&p, BLOCKS("10.0.0.0/8", "192.0.2.7", "172.16.0.0/12", "fd00::/8",
                                             "2001:db8::7", "::ffff:198.51.0.0/112")),
                     0);
    for (size_t i = 0; i < sizeof inside / sizeof inside[0]; i++)
        expect_trust(&p, inside[i], true);
    for (size_t i = 0; i < sizeof outside / sizeof outside[0]; i++)
        expect_trust(&p, outside[i], false);
    proxies_deinit(&p);
    /* A block of IPv6 that has the mapped addresses inside means no IPv4. */
    assert_int_equal(proxies_init(&p, BLOCKS("::/1")), 0);
    expect_trust(&p, "::1", true);
    expect_trust(&p, "10.0.0.1", false);
    proxies_deinit(&p);
    assert_int_equal(proxies_init(&p, (const char *const[]){NULL}), 0);
    expect_trust(&p, "127.0.0.1", false);
    proxies_deinit(&p);
}

static void test_faults_of_blocks(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        "/8",
                                        "10.0.0.0/",
                                        "10.0.0.0/33",
                                        "10.0.0.0/8/8",
                                        "10.0.0.0/ 8",
                                        "10.0.0.0/+8",
                                        "10.0.0.0/0008",
                                        "10.0.0.1/8",
                                        "10.0.0",
                                        "10.0.0.0.0",
                                        "localhost",
                                        "0.0.0.0/0",
                                        "::/0",
                                        "::ffff:0:0/96",
                                        "fd00::/129",
                                        "fd00::1/8",
                                        "[::1]",
                                        "::1%lo",
                                        "10.0.0.1:80",
                                        "10.0.0.0/-1",
                                        "10.0.0.256",
                                        "*",
                                        "all"};
    static const char *const right[] = {"10.0.0.1",  "10.0.0.1/32", "10.0.0.0/31", "128.0.0.0/1",
                                        "::1",       "::1/128",     "8000::/1",    "::/1",
                                        "0.0.0.0/1", "fe80::/10"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        if (!proxy_block_fault(wrong[i]))
            fail_msg("%s", wrong[i]);
    for (size_t i = 0; i < sizeof right / sizeof right[0]; i++)
        assert_null(proxy_block_fault(right[i]));
}

#define LONG "1.1.1.1, 1.1.1.1, 1.1.1.1, 1.1.1.1, 1.1.1.1, 1.1.1.1, "

static const struct {
    const char *header;
    const char *client; /* NULL: malformed */
} headers[] = {
    {"198.51.100.7", "198.51.100.7"},
    {" \t198.51.100.7\t ", "198.51.100.7"},
    {"198.51.100.7:5678", "198.51.100.7"},
    {"2001:db8::7", "2001:db8::7"},
    {"[2001:db8::7]", "2001:db8::7"},
    {"[2001:db8::7]:80", "2001:db8::7"},
    {"::ffff:198.51.100.7", "198.51.100.7"},
    {"[::ffff:198.51.100.7]:80", "198.51.100.7"},
    /* What stands left of the first untrusted one is its own invention. */
    {"203.0.113.9, 198.51.100.7", "198.51.100.7"},
    {"127.0.0.1,198.51.100.7", "198.51.100.7"},
    {"garbage, \x01\xff\",,, , 198.51.100.7", "198.51.100.7"},
    {LONG LONG LONG "198.51.100.7", "198.51.100.7"},
    /* Through more than one proxy. */
    {"198.51.100.7, 10.0.0.2", "198.51.100.7"},
    {"203.0.113.9, 198.51.100.7:99, [fd00::2]:443, 10.0.0.2:80", "198.51.100.7"},
    {"::ffff:203.0.113.9, ::ffff:10.0.0.2", "203.0.113.9"},
    /* A client on a proxy's machine. */
    {"10.0.0.3, 10.0.0.2", "10.0.0.3"},
    {"10.0.0.2", "10.0.0.2"},
    {",", NULL},
    {" ", NULL},
    {"198.51.100.7,", NULL},
    {"198.51.100.7,,10.0.0.2", NULL},
    {"garbage, 10.0.0.2", NULL},
    {", 10.0.0.2", NULL},
    {"unknown", NULL},
    {"_hidden", NULL},
    {"198.51.100.7:", NULL},
    {"198.51.100.7:65536", NULL},
    {"198.51.100.7:000080", NULL},
    {"198.51.100.7:8o", NULL},
    {"198.51.100.7:-1", NULL},
    {"198.51.100.7 10.0.0.9", NULL},
    {"198.51.100.7;10.0.0.9", NULL},
    {"198.51.100.256", NULL},
    {"198.51.100", NULL},
    {"0x7f000001", NULL},
    {"2130706433", NULL},
    {"198.51.100.007", NULL},
    {"[198.51.100.7]", NULL},
    {"[198.51.100.7]:80", NULL},
    {"[2001:db8::7", NULL},
    {"2001:db8::7]", NULL},
    {"[]", NULL},
    {"[", NULL},
    {"]", NULL},
    {"[2001:db8::7]80", NULL},
    {"[2001:db8::7]:", NULL},
    {"[[2001:db8::7]]", NULL},
    {"[2001:db8::7]:80:80", NULL},
    {"fe80::1%eth0", NULL},
    {"2001:db8::7::", NULL},
    {":80", NULL},
    {":", NULL},
    {"\"198.51.100.7\"", NULL},
    {"for=198.51.100.7", NULL},
    {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL},
};

static void test_headers(void **state)
{
    (void)state;
    const struct address peer = address("10.0.0.1");
    struct proxies p;
    assert_int_equal(proxies_init(&p, BLOCKS("10.0.0.0/8", "fd00::/8", "127.0.0.1")), 0);
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
        const struct address wanted = address(headers[i].client ? headers[i].client : "10.0.0.1");
        struct address client;
        int r = proxies_client(&p, &peer, headers[i].header, &client);
        if (r != (headers[i].client ? 0 : PROXY_E_MALFORMED) ||
            memcmp(&client, &wanted, sizeof client) != 0)
            fail_msg("\"%s\" gave %d", headers[i].header, r);
    }
    proxies_deinit(&p);
}

static void test_no_header_and_no_trust(void **state)
{
    (void)state;
    const struct address proxy = address("10.0.0.1");
    const struct address stranger = address("203.0.113.9");
    struct address client;
    struct proxies p;
    assert_int_equal(proxies_init(&p, BLOCKS("10.0.0.1")), 0);
    assert_int_equal(proxies_client(&p, &proxy, NULL, &client), PROXY_E_MISSING);
    assert_memory_equal(&client, &proxy, sizeof client);
    assert_int_equal(proxies_client(&p, &proxy, "", &client), PROXY_E_MISSING);
    assert_memory_equal(&client, &proxy, sizeof client);
    assert_int_equal(proxies_client(&p, &stranger, "198.51.100.7", &client), 0);
    assert_memory_equal(&client, &stranger, sizeof client);
    assert_int_equal(proxies_client(&p, &stranger, "garbage", &client), 0);
    assert_memory_equal(&client, &stranger, sizeof client);
    proxies_deinit(&p);
}

static void test_texts(void **state)
{
    (void)state;
    static const char *const texts[] = {"198.51.100.7", "2001:db8::7", "::1", "::"};
    char text[ADDRESS_TEXT_SIZE];
    struct address a;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        a = address(texts[i]);
        address_to_text(&a, text);
        assert_string_equal(text, texts[i]);
    }
    assert_false(address_from_text("1.2.3.4\0", 8, &a));
    assert_false(address_from_text("", 0, &a));
    assert_true(address_from_text("1.2.3.45", 7, &a));
    address_to_text(&a, text);
    assert_string_equal(text, "1.2.3.4");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),  cmocka_unit_test(test_faults_of_blocks),
        cmocka_unit_test(test_headers), cmocka_unit_test(test_no_header_and_no_trust),
        cmocka_unit_test(test_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
