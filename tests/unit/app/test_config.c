/* What each source of settings may say, and every way in which it may be wrong, word for word. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "loading.h"

/* ---- where values come from ---- */

static void test_defaults_alone_are_valid(void **state)
{
    (void)state;
    struct loading l;
    loading_run(&l, NULL, NULL, NULL);
    assert_int_equal(l.result, 0);
    assert_string_equal(l.faults, "");
    assert_string_equal(l.settings.listen_address, "127.0.0.1");
    assert_int_equal(l.settings.listen_port, 8787);
    assert_int_equal(config_create_policy(&l.settings), CREATE_POLICY_OPEN);
    loading_end(&l);
}

static void test_later_sources_win(void **state)
{
    (void)state;
    static const char file[] =
        "[listen]\nport = 1001\n[timing]\ndrain_ms = 1\noffer_ttl_ms = 101\n";
    struct loading l;
    loading_run(&l, file,
                TEXTS("SYNCSHELL_RELAY_LISTEN_PORT=1002", "SYNCSHELL_RELAY_TIMING_DRAIN_MS=2",
                      "HOME=/nowhere", "no assignment"),
                TEXTS("listen.port=1003"));
    assert_int_equal(l.result, 0);
    assert_int_equal(l.settings.listen_port, 1003);
    assert_int_equal(l.settings.drain_ms, 2);
    assert_int_equal(l.settings.offer_ttl_ms, 101);
    loading_end(&l);
}

static void test_every_type_from_the_file(void **state)
{
    (void)state;
    struct loading l;
    loading_run(&l,
                "log.level = \"debug\"\nstore = { path = \"a b/\\u00e9.db\" }\n"
                "[public]\nurls = [\"wss://a.example\",\n  \"wss://b:444\"]\n"
                "[create]\npolicy = \"nobody\"\n[limits]\njoined_max = 0x10\n[listen]\n",
                NULL, NULL);
    assert_string_equal(l.faults, "");
    assert_int_equal(l.result, 0);
    assert_int_equal(l.settings.log_level, LOG_LEVEL_DEBUG);
    assert_string_equal(l.settings.store_path, "a b/\xc3\xa9.db");
    assert_string_equal(l.settings.public_urls[0], "wss://a.example");
    assert_string_equal(l.settings.public_urls[1], "wss://b:444");
    assert_null(l.settings.public_urls[2]);
    assert_int_equal(l.settings.create_policy, CREATE_POLICY_NOBODY);
    assert_int_equal(l.settings.joined_max, 16);
    loading_end(&l);
}

static void test_every_type_from_the_environment(void **state)
{
    (void)state;
    struct loading l;
    loading_run(&l, NULL,
                TEXTS("SYNCSHELL_RELAY_LOG_FORMAT=json", "SYNCSHELL_RELAY_STORE_PATH=a=b.db",
                      "SYNCSHELL_RELAY_PUBLIC_URLS=wss://a.example, wss://b,",
                      "SYNCSHELL_RELAY_CREATE_POLICY=open", "SYNCSHELL_RELAY_CONFIG=unread.toml"),
                NULL);
    assert_int_equal(l.result, 0);
    assert_int_equal(l.settings.log_format, LOG_FORMAT_JSON);
    assert_string_equal(l.settings.store_path, "a=b.db");
    assert_string_equal(l.settings.public_urls[0], "wss://a.example");
    assert_string_equal(l.settings.public_urls[1], "wss://b");
    assert_null(l.settings.public_urls[2]);
    loading_end(&l);
}

static void test_a_list_is_replaced_as_a_whole(void **state)
{
    (void)state;
    struct loading l;
    loading_run(&l, "[public]\nurls = [\"ws://localhost:1\", \"ws://[::1]:2\"]\n",
                TEXTS("SYNCSHELL_RELAY_PUBLIC_URLS="), NULL);
    assert_int_equal(l.result, 0);
    assert_null(l.settings.public_urls[0]);
    loading_end(&l);
}

/* ---- the file ---- */

static void test_unknown_keys_of_a_file(void **state)
{
    (void)state;
    loading_expect_faults(
        "[listen]\nprot = 1\n", NULL, NULL,
        "relay.toml:2: unknown key \"listen.prot\"; did you mean \"listen.port\"?\n");
    /* The right name in a wrong section, or in none, is near too. */
    loading_expect_faults(
        "[limits]\ndrain_ms = 1\n", NULL, NULL,
        "relay.toml:2: unknown key \"limits.drain_ms\"; did you mean \"timing.drain_ms\"?\n");
    loading_expect_faults("port = 1\n", NULL, NULL,
                          "relay.toml:1: unknown key \"port\"; did you mean \"listen.port\"?\n");
    loading_expect_faults(
        "\n\n[listen]\n[weather]\n", NULL, NULL,
        "relay.toml:4: unknown key \"weather\"; --print-example lists all keys\n");
    loading_expect_faults(
        "[[weather]]\nsun = 1\n", NULL, NULL,
        "relay.toml:1: unknown key \"weather\"; --print-example lists all keys\n");
    loading_expect_faults("listen = 8787\n", NULL, NULL,
                          "relay.toml:1: listen: must be a section, [listen]\n");
}

static void test_wrong_types_of_a_file(void **state)
{
    (void)state;
    loading_expect_faults("[listen]\nport = \"8787\"\n", NULL, NULL,
                          "relay.toml:2: listen.port: must be an integer\n");
    loading_expect_faults("[listen]\nport = 8787.0\n", NULL, NULL,
                          "relay.toml:2: listen.port: must be an integer\n");
    loading_expect_faults("[listen]\nport = true\n", NULL, NULL,
                          "relay.toml:2: listen.port: must be an integer\n");
    loading_expect_faults("[listen]\naddress = 127\n", NULL, NULL,
                          "relay.toml:2: listen.address: must be a string\n");
    loading_expect_faults("[log]\nlevel = 1\n", NULL, NULL,
                          "relay.toml:2: log.level: must be a string\n");
    loading_expect_faults("[public]\nurls = \"wss://a\"\n", NULL, NULL,
                          "relay.toml:2: public.urls: must be an array of strings\n");
    loading_expect_faults("[public]\nurls = [\"wss://a\", 1]\n", NULL, NULL,
                          "relay.toml:2: public.urls: must be an array of strings\n");
}

static void test_values_out_of_range(void **state)
{
    (void)state;
    loading_expect_faults("[listen]\nport = 65536\n", NULL, NULL,
                          "relay.toml:2: listen.port: 65536 is not between 0 and 65535\n");
    loading_expect_faults("[listen]\nport = -1\n", NULL, NULL,
                          "relay.toml:2: listen.port: -1 is not between 0 and 65535\n");
    loading_expect_faults("[limits]\nmembers_max = 1\n", NULL, NULL,
                          "relay.toml:2: limits.members_max: 1 is not between 2 and 128\n");
    loading_expect_faults(
        "[log]\nlevel = \"Info\"\n", NULL, NULL,
        "relay.toml:2: log.level: \"Info\" is not one of \"error\", \"warning\", \"info\", \"debug\"\n");
}

static void test_trusted_proxies(void **state)
{
    (void)state;
    struct loading l;
    loading_run(&l, "[proxy]\ntrusted = [\"10.0.0.0/8\", \"::1\"]\n", NULL, NULL);
    assert_int_equal(l.result, 0);
    assert_string_equal(l.settings.proxy_trusted[0], "10.0.0.0/8");
    assert_string_equal(l.settings.proxy_trusted[1], "::1");
    assert_null(l.settings.proxy_trusted[2]);
    loading_end(&l);
    loading_expect_faults(
        "[proxy]\ntrusted = [\"10.0.0.1\", \"proxy.example\", \"10.0.0.1/8\"]\n",
        TEXTS("SYNCSHELL_RELAY_PROXY_TRUSTED=::1,::/0"), TEXTS("proxy.trusted=1.2.3.4/33"),
        "relay.toml:2: proxy.trusted: \"proxy.example\" is neither an address nor a block of addresses "
        "like \"10.0.0.0/8\"\n"
        "relay.toml:2: proxy.trusted: \"10.0.0.1/8\" has bits behind its prefix: name the first address "
        "of the block\n"
        "SYNCSHELL_RELAY_PROXY_TRUSTED: proxy.trusted: \"::/0\" would trust everybody, and everybody "
        "could claim any address\n"
        "--set: proxy.trusted: \"1.2.3.4/33\" is neither an address nor a block of addresses like "
        "\"10.0.0.0/8\"\n");
}

static void test_all_faults_of_all_sources_are_said(void **state)
{
    (void)state;
    loading_expect_faults(
        "[listen]\nprot = 1\nport = 70000\n[log]\nlevel = \"loud\"\n",
        TEXTS("SYNCSHELL_RELAY_LISTEN_PORT=x"), TEXTS("log.format=xml"),
        "relay.toml:2: unknown key \"listen.prot\"; did you mean \"listen.port\"?\n"
        "relay.toml:3: listen.port: 70000 is not between 0 and 65535\n"
        "relay.toml:5: log.level: \"loud\" is not one of \"error\", \"warning\", \"info\", \"debug\"\n"
        "SYNCSHELL_RELAY_LISTEN_PORT: listen.port: \"x\" is not an integer\n"
        "--set: log.format: \"xml\" is not one of \"logfmt\", \"json\"\n");
}

/* ---- environment and command line ---- */

static void test_unknown_variables(void **state)
{
    (void)state;
    loading_expect_faults(NULL, TEXTS("SYNCSHELL_RELAY_LISTEN_PROT=1"), NULL,
                          "environment: unknown variable \"SYNCSHELL_RELAY_LISTEN_PROT\"; did you "
                          "mean \"SYNCSHELL_RELAY_LISTEN_PORT\"?\n");
    loading_expect_faults(NULL, TEXTS("SYNCSHELL_RELAY_PORT=1"), NULL,
                          "environment: unknown variable \"SYNCSHELL_RELAY_PORT\"; did you mean "
                          "\"SYNCSHELL_RELAY_LISTEN_PORT\"?\n");
    loading_expect_faults(NULL, TEXTS("SYNCSHELL_RELAY_WEATHER=1"), NULL,
                          "environment: unknown variable \"SYNCSHELL_RELAY_WEATHER\"; "
                          "--print-example lists all keys\n");
}

static void test_numbers_in_texts(void **state)
{
    (void)state;
    static const char *const wrong[] = {"", " 1", "1 ", "+1", "1k", "0x1", "9223372036854775808"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char variable[64];
        char fault[128];
        snprintf(variable, sizeof variable, "SYNCSHELL_RELAY_LISTEN_PORT=%s", wrong[i]);
        snprintf(fault, sizeof fault,
                 "SYNCSHELL_RELAY_LISTEN_PORT: listen.port: \"%s\" is not an integer\n", wrong[i]);
        loading_expect_faults(NULL, TEXTS(variable), NULL, fault);
    }
    loading_expect_faults(
        NULL, TEXTS("SYNCSHELL_RELAY_LISTEN_PORT=-1"), NULL,
        "SYNCSHELL_RELAY_LISTEN_PORT: listen.port: -1 is not between 0 and 65535\n");
}

static void test_assignments(void **state)
{
    (void)state;
    loading_expect_faults(NULL, NULL, TEXTS("listen.port"),
                          "--set: \"listen.port\" is not KEY=VALUE\n");
    loading_expect_faults(NULL, NULL, TEXTS("listen.prot=1"),
                          "--set: unknown key \"listen.prot\"; did you mean \"listen.port\"?\n");
    loading_expect_faults(NULL, NULL, TEXTS("listen.port=99999"),
                          "--set: listen.port: 99999 is not between 0 and 65535\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_alone_are_valid),
        cmocka_unit_test(test_later_sources_win),
        cmocka_unit_test(test_every_type_from_the_file),
        cmocka_unit_test(test_every_type_from_the_environment),
        cmocka_unit_test(test_a_list_is_replaced_as_a_whole),
        cmocka_unit_test(test_unknown_keys_of_a_file),
        cmocka_unit_test(test_wrong_types_of_a_file),
        cmocka_unit_test(test_values_out_of_range),
        cmocka_unit_test(test_trusted_proxies),
        cmocka_unit_test(test_all_faults_of_all_sources_are_said),
        cmocka_unit_test(test_unknown_variables),
        cmocka_unit_test(test_numbers_in_texts),
        cmocka_unit_test(test_assignments),
    };
    return cmocka_run_group_tests(tests, loading_enter_folder, loading_leave_folder);
}
