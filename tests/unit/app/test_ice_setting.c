/* [[ice.server]]: what it may say, every way in which it may be wrong with its line, and that nothing secret is shown. */
#define _GNU_SOURCE /* open_memstream */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "loading.h"

static void write_secret(const char *text, size_t size, mode_t mode)
{
    FILE *file = fopen("turn.secret", "we");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, size, file), size);
    assert_int_equal(fchmod(fileno(file), mode), 0);
    assert_int_equal(fclose(file), 0);
}

static int with_secret(void **state)
{
    (void)state;
    write_secret("north star\n", 11, 0640);
    return 0;
}

static int without_secret(void **state)
{
    (void)state;
    return unlink("turn.secret");
}

static const char both_kinds[] =
    "[[ice.server]]\n"
    "urls = [\"turn:a.example:3478?transport=udp\", \"stun:a.example\"]\n"
    "secret_file = \"turn.secret\"\n"
    "[log]\nlevel = \"debug\"\n"
    "[[ice.server]]\n"
    "urls = [\"turns:b.example\"]\n"
    "username = \"guild\"\n"
    "credential = \"a pass word\"\n"
    "[[ice.server]]\n"
    "urls = [\"turn:c.example\"]\n"
    "secret_file = \"turn.secret\"\n"
    "ttl_seconds = 1\n"
    "[[ice.server]]\n"
    "urls = [\"stun:d.example\"]\n";

static void test_every_kind(void **state)
{
    (void)state;
    struct loading l;
    loading_run(&l, both_kinds, NULL, NULL);
    assert_string_equal(l.faults, "");
    assert_int_equal(l.settings.ice.n_servers, 4);
    assert_int_equal(l.settings.log_level, LOG_LEVEL_DEBUG);
    struct ice_server *const *s = l.settings.ice.servers;
    assert_string_equal(s[0]->urls[0], "turn:a.example:3478?transport=udp");
    assert_string_equal(s[0]->urls[1], "stun:a.example");
    assert_null(s[0]->urls[2]);
    assert_string_equal(s[0]->secret, "north star");
    assert_string_equal(s[0]->username, "");
    assert_int_equal(s[0]->ttl_seconds, ICE_TTL_SECONDS_DEFAULT);
    assert_string_equal(s[1]->username, "guild");
    assert_string_equal(s[1]->credential, "a pass word");
    assert_string_equal(s[1]->secret, "");
    assert_int_equal(s[2]->ttl_seconds, 1);
    assert_string_equal(s[3]->credential, "");
    assert_null(s[4]);
    loading_end(&l);
}

static void test_none(void **state)
{
    (void)state;
    struct loading l;
    loading_run(&l, "[ice]\n", NULL, NULL);
    assert_string_equal(l.faults, "");
    assert_null(l.settings.ice.servers);
    loading_end(&l);
    loading_run(&l, "[ice]\nserver = []\n", NULL, NULL);
    assert_string_equal(l.faults, "");
    assert_int_equal(l.settings.ice.n_servers, 0);
    loading_end(&l);
}

static void test_what_is_printed_has_no_secret(void **state)
{
    (void)state;
    struct loading l;
    char *text = NULL;
    size_t size = 0;
    loading_run(&l, both_kinds, NULL, NULL);
    FILE *out = open_memstream(&text, &size);
    assert_non_null(out);
    config_print(out, &l.settings);
    assert_int_equal(fclose(out), 0);
    assert_null(strstr(text, "north"));
    assert_null(strstr(text, "pass word"));
    loading_end(&l);
    /* The rest can be read back. */
    loading_run(&l, text, NULL, NULL);
    assert_string_equal(l.faults, "");
    assert_int_equal(l.settings.ice.n_servers, 4);
    assert_string_equal(l.settings.ice.servers[0]->secret, "north star");
    assert_string_equal(l.settings.ice.servers[1]->username, "guild");
    loading_end(&l);
    free(text);
}

static void test_faults_name_their_line(void **state)
{
    (void)state;
    loading_expect_faults(
        "[[ice.server]]\n[[ice.server]]\nurl = []\n[[ice.server]]\n"
        "urls = [\"turn:a\", \"http://a\", \"stun:\"]\nttl_seconds = 0\nusername = 7\n"
        "credential = \"sch\\u00f6n\"\nnoise = 1\n[[ice.server]]\nurls = \"stun:a\"\n"
        "ttl_seconds = \"1\"\nsecret_file = []\n[[ice.server]]\nurls = []\nttl_seconds = 604801\n",
        NULL, NULL,
        "relay.toml:3: unknown key \"ice.server.url\"; did you mean \"ice.server.urls\"?\n"
        "relay.toml:5: ice.server.urls: \"http://a\" is not like \"turn:turn.example:3478\"\n"
        "relay.toml:5: ice.server.urls: \"stun:\" is not like \"turn:turn.example:3478\"\n"
        "relay.toml:6: ice.server.ttl_seconds: 0 is not between 1 and 604800\n"
        "relay.toml:7: ice.server.username: must be a string\n"
        "relay.toml:8: ice.server.credential: must be 1 to 255 characters of ASCII\n"
        "relay.toml:9: unknown key \"ice.server.noise\"; did you mean \"ice.server.urls\"?\n"
        "relay.toml:11: ice.server.urls: must be an array of strings\n"
        "relay.toml:12: ice.server.ttl_seconds: must be an integer\n"
        "relay.toml:13: ice.server.secret_file: must be a string\n"
        "relay.toml:15: ice.server.urls: names no server\n"
        "relay.toml:16: ice.server.ttl_seconds: 604801 is not between 1 and 604800\n"
        "relay.toml:1: ice.server: urls is missing\n");
}

static void test_what_does_not_go_together(void **state)
{
    (void)state;
    loading_expect_faults(
        "[[ice.server]]\nurls = [\"turn:a\"]\n"
        "[[ice.server]]\nurls = [\"turn:b\"]\nusername = \"u\"\n"
        "[[ice.server]]\nurls = [\"turn:c\"]\nusername = \"u\"\ncredential = \"p\"\nttl_seconds = 9\n"
        "[[ice.server]]\nurls = [\"turn:d\"]\ncredential = \"p\"\nsecret_file = \"turn.secret\"\n",
        NULL, NULL,
        "relay.toml:1: ice.server: a TURN server needs secret_file, or username and credential\n"
        "relay.toml:3: ice.server: username and credential belong together\n"
        "relay.toml:6: ice.server: ttl_seconds goes with secret_file only\n"
        "relay.toml:11: ice.server: username and credential do not go with secret_file, from which "
        "they are made\n");
}

/* What members report of it could belong to either. */
static void test_a_url_stands_once(void **state)
{
    (void)state;
    loading_expect_faults("[[ice.server]]\nurls = [\"stun:a\", \"stun:b\"]\n"
                          "[[ice.server]]\nurls = [\"stun:c\", \"stun:b\"]\n"
                          "[[ice.server]]\nurls = [\"stun:d\", \"stun:d\"]\n",
                          NULL, NULL,
                          "relay.toml:3: ice.server: \"stun:b\" stands twice\n"
                          "relay.toml:5: ice.server: \"stun:d\" stands twice\n");
}

static void test_what_is_no_array_of_tables(void **state)
{
    (void)state;
    loading_expect_faults("ice = 1\n", NULL, NULL,
                          "relay.toml:1: ice: must stand in a table of its own, [[ice.server]]\n");
    loading_expect_faults(
        "[ice.server]\nurls = [\"stun:a\"]\n", NULL, NULL,
        "relay.toml:2: ice.server.urls: must stand in a table of its own, [[ice.server]]\n");
    loading_expect_faults(
        "[ice]\nservers = []\n[[listen]]\nport = 1\n", NULL, NULL,
        "relay.toml:2: unknown key \"ice.servers\"; did you mean [[ice.server]]?\n"
        "relay.toml:3: listen: must be a section, [listen]\n");
}

static void expect_of_many(unsigned n, unsigned n_urls, const char *faults)
{
    struct buf file = BUF_INIT(4096);
    for (unsigned i = 0; i < n; i++) {
        char url[32];
        assert_int_equal(buf_append_str(&file, "[[ice.server]]\nurls = ["), 0);
        for (unsigned u = 0; u < n_urls; u++) {
            snprintf(url, sizeof url, "%s\"stun:s%uu%u\"", u ? ", " : "", i, u);
            assert_int_equal(buf_append_str(&file, url), 0);
        }
        assert_int_equal(buf_append_str(&file, "]\n"), 0);
    }
    assert_int_equal(buf_append(&file, "", 1), 0);
    loading_expect_faults((const char *)file.data, NULL, NULL, faults);
    buf_deinit(&file);
}

static void test_there_may_not_be_too_many(void **state)
{
    (void)state;
    expect_of_many(17, 2, "relay.toml:33: ice.server: there may be 16 of them\n");
    expect_of_many(11, 3, "relay.toml:21: ice.server.urls: more than 32 in all tables\n");
}

static const char by_file[] =
    "\n[[ice.server]]\nurls = [\"turn:a\"]\nsecret_file = \"turn.secret\"\n";

static void expect_secret_fault(const char *fault)
{
    char line[256];
    snprintf(line, sizeof line, "relay.toml:2: ice.server.secret_file: turn.secret: %s\n", fault);
    loading_expect_faults(by_file, NULL, NULL, line);
}

static void test_the_file_with_the_secret(void **state)
{
    (void)state;
    char longest[257];
    memset(longest, 's', sizeof longest);
    write_secret("s", 1, 0644);
    expect_secret_fault("everybody on this machine can reach it: chmod o= it");
    write_secret("s", 1, 0602);
    expect_secret_fault("everybody on this machine can reach it: chmod o= it");
    write_secret("s", 1, 0601);
    expect_secret_fault("everybody on this machine can reach it: chmod o= it");
    write_secret("", 0, 0600);
    expect_secret_fault("it is empty");
    write_secret("\n", 1, 0600);
    expect_secret_fault("it is empty");
    write_secret("a\nb\n", 4, 0600);
    expect_secret_fault("it must be one line of text");
    write_secret("a\0b", 3, 0600);
    expect_secret_fault("it must be one line of text");
    write_secret(longest, 256, 0600);
    expect_secret_fault("it is too long");
    write_secret(longest, 257, 0600);
    expect_secret_fault("it is too long");
    longest[255] = '\n';
    struct loading l;
    write_secret(longest, 256, 0600);
    loading_run(&l, by_file, NULL, NULL);
    assert_string_equal(l.faults, "");
    assert_int_equal(strlen(l.settings.ice.servers[0]->secret), 255);
    loading_end(&l);
    assert_int_equal(unlink("turn.secret"), 0);
    expect_secret_fault("No such file or directory");
    assert_int_equal(mkdir("turn.secret", 0700), 0);
    expect_secret_fault("it is not a file");
    assert_int_equal(rmdir("turn.secret"), 0);
    assert_int_equal(mkfifo("turn.secret", 0600), 0);
    expect_secret_fault("it is not a file");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_every_kind, with_secret, without_secret),
        cmocka_unit_test(test_none),
        cmocka_unit_test_setup_teardown(test_what_is_printed_has_no_secret, with_secret,
                                        without_secret),
        cmocka_unit_test(test_faults_name_their_line),
        cmocka_unit_test(test_what_does_not_go_together),
        cmocka_unit_test(test_a_url_stands_once),
        cmocka_unit_test(test_what_is_no_array_of_tables),
        cmocka_unit_test(test_there_may_not_be_too_many),
        cmocka_unit_test_setup_teardown(test_the_file_with_the_secret, NULL, without_secret),
    };
    return cmocka_run_group_tests(tests, loading_enter_folder, loading_leave_folder);
}
