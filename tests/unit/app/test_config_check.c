/* What only the settings together can tell. */
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "loading.h"

#define DECIDE                                                                                    \
    "--set: this relay can be reached from elsewhere (listen.address, public.urls): decide with " \
    "create.policy who may create syncshells\n"

static void expect_valid(const char *const *assignments)
{
    struct loading l;
    loading_run(&l, NULL, NULL, assignments);
    assert_string_equal(l.faults, "");
    assert_int_equal(l.result, 0);
    loading_end(&l);
}

static void test_certificate_and_key_belong_together(void **state)
{
    (void)state;
    static const char sentence[] =
        "--set: listen.tls_certificate and listen.tls_key belong together: set both or neither\n";
    loading_expect_faults(NULL, NULL, TEXTS("listen.tls_certificate=/dev/null"), sentence);
    loading_expect_faults(NULL, NULL, TEXTS("listen.tls_key=/dev/null"), sentence);
    expect_valid(TEXTS("listen.tls_certificate=/dev/null", "listen.tls_key=/dev/null"));
}

static void test_certificate_files_can_be_read(void **state)
{
    (void)state;
    loading_expect_faults(
        NULL, NULL, TEXTS("listen.tls_certificate=no.pem", "listen.tls_key=no.key"),
        "--set: listen.tls_certificate: cannot read no.pem: No such file or directory\n"
        "--set: listen.tls_key: cannot read no.key: No such file or directory\n");
}

static void test_the_key_is_not_for_everybody(void **state)
{
    (void)state;
    static const char *const settings[] = {"listen.tls_certificate=/dev/null",
                                           "listen.tls_key=relay.key", NULL};
    int fd = open("relay.key", O_CREAT | O_WRONLY, 0600);
    assert_true(fd >= 0);
    for (mode_t mode = 0600; mode <= 0640; mode += 040) {
        assert_int_equal(fchmod(fd, mode), 0);
        expect_valid(settings);
    }
    assert_int_equal(fchmod(fd, 0644), 0);
    loading_expect_faults(
        NULL, NULL, settings,
        "--set: listen.tls_key: everybody on this machine can reach relay.key: chmod o= it\n");
    close(fd);
    assert_int_equal(unlink("relay.key"), 0);
}

static void test_the_operator_s_http_is_local_and_guarded(void **state)
{
    (void)state;
    loading_write_secret("token", "0123456789abcdef\n");
    loading_expect_faults(NULL, NULL, TEXTS("admin.address=127.0.0.1"),
                          "--set: admin.address needs admin.token_file\n");
    loading_expect_faults(
        NULL, NULL, TEXTS("admin.address=0.0.0.0", "admin.token_file=token"),
        "--set: admin.address must be a loopback address: to reach it from elsewhere, use an SSH "
        "tunnel or a TLS proxy; in a container, admin.reach = \"network\"\n");
    loading_expect_faults(NULL, NULL, TEXTS("admin.address=0.0.0.0", "admin.reach=network"),
                          "--set: admin.address needs admin.token_file\n");
    expect_valid(TEXTS("admin.address=0.0.0.0", "admin.reach=network", "admin.token_file=token"));
    loading_expect_faults(
        NULL, NULL, TEXTS("admin.address=::1", "admin.token_file=absent"),
        "--set: admin.token_file: cannot read absent: No such file or directory\n");
    expect_valid(TEXTS("admin.address=::1", "admin.token_file=token"));
    assert_int_equal(unlink("token"), 0);
}

/* Whatever would stop a start is a fault: also where only --check-config reads the file. */
static void test_the_token_can_be_used(void **state)
{
    (void)state;
    loading_write_secret("token", "0123456789abcde\n");
    loading_expect_faults(NULL, NULL, TEXTS("admin.token_file=token"),
                          "--set: admin.token_file: token: it is too short\n");
    assert_int_equal(chmod("token", 0604), 0);
    loading_expect_faults(
        NULL, NULL, TEXTS("admin.token_file=token"),
        "--set: admin.token_file: token: everybody on this machine can reach it: chmod o= it\n");
    assert_int_equal(unlink("token"), 0);
    loading_expect_faults(NULL, NULL, TEXTS("admin.token_file=/dev/null"),
                          "--set: admin.token_file: /dev/null: it is not a file\n");
}

static void test_the_database_is_no_folder(void **state)
{
    (void)state;
    loading_expect_faults(NULL, NULL, TEXTS("store.path=/tmp"),
                          "--set: store.path: /tmp is a folder: name a file in it\n");
}

/* The database's lock and its other files stand beside it: two links to it must not make two of them. */
static void test_a_link_to_the_database_is_followed(void **state)
{
    (void)state;
    char *here = realpath(".", NULL);
    char file[PATH_MAX + sizeof "/relay.db"];
    struct loading l;
    assert_non_null(here);
    loading_write_secret("relay.db", "");
    assert_int_equal(symlink("relay.db", "link.db"), 0);
    snprintf(file, sizeof file, "%s/relay.db", here);
    loading_run(&l, NULL, NULL, TEXTS("store.path=link.db"));
    assert_string_equal(l.faults, "");
    assert_string_equal(l.settings.store_path, file);
    loading_end(&l);
    assert_int_equal(unlink("relay.db"), 0);
    loading_expect_faults(
        NULL, NULL, TEXTS("store.path=link.db"),
        "--set: store.path: link.db is a link, and what it names cannot be reached: No such file "
        "or directory. Make an empty file there, or name it itself\n");
    assert_int_equal(unlink("link.db"), 0);
    free(here);
}

/* That of the value that is wrong, or of the one because of which another is needed. */
static void test_faults_of_the_whole_have_their_place(void **state)
{
    (void)state;
    loading_expect_faults("[listen]\naddress = \"0.0.0.0\"\n", NULL, NULL,
                          "relay.toml:2: listen.address is not loopback: public.urls must name the "
                          "URLs by which clients reach this relay\n"
                          "relay.toml:2: this relay can be reached from elsewhere (listen.address, "
                          "public.urls): decide with create.policy who may create syncshells\n");
    loading_expect_faults(
        "[public]\nurls = [\"wss://relay.example/\"]\n", NULL, NULL,
        "relay.toml:2: public.urls: \"wss://relay.example/\" is not like "
        "\"wss://relay.example\": ws or wss, a name in lower case, perhaps a port, no path\n");
    loading_expect_faults(
        "[listen]\ntls_certificate = \"absent\"\n", TEXTS("SYNCSHELL_RELAY_LISTEN_ADDRESS="), NULL,
        "relay.toml:2: listen.tls_certificate and listen.tls_key belong together: set both or "
        "neither\n"
        "relay.toml:2: listen.tls_certificate: cannot read absent: No such file or directory\n"
        "SYNCSHELL_RELAY_LISTEN_ADDRESS: listen.address must name an address; \"::\" means all, "
        "\"0.0.0.0\" all of IPv4\n");
}

static void test_urls_are_origins(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "relay.example",       "http://relay.example", "wss://",         "wss://relay.example/",
        "wss://Relay.example", "wss://relay.example:", "wss://relay:0",  "wss://relay:65536",
        "wss://relay:000001",  "wss://:8787",          "wss://a:1:2",    "wss://[]",
        "wss://[::1",          "wss://[::1]x",         "wss://[::1]:-1", "wss://a@b",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        char assignment[64];
        char fault[256];
        snprintf(assignment, sizeof assignment, "public.urls=%s", wrong[i]);
        snprintf(
            fault, sizeof fault,
            "--set: public.urls: \"%s\" is not like \"wss://relay.example\": ws or wss, a name in lower "
            "case, perhaps a port, no path\n",
            wrong[i]);
        loading_expect_faults(NULL, NULL, TEXTS(assignment), fault);
    }
    expect_valid(
        TEXTS("public.urls=wss://relay.example wss://my_relay-1:65535 wss://[2001:db8::1]:1",
              "create.policy=open"));
}

static void test_urls_fit_the_listener(void **state)
{
    (void)state;
    loading_expect_faults(
        NULL, NULL,
        TEXTS("listen.tls_certificate=/dev/null", "listen.tls_key=/dev/null", "create.policy=open",
              "public.urls=ws://relay.example"),
        "--set: public.urls: \"ws://relay.example\" must begin with wss://: listen.tls_certificate is set\n");
    loading_expect_faults(
        NULL, NULL, TEXTS("public.urls=wss://good.example,ws://bad.example", "create.policy=open"),
        "--set: public.urls: \"ws://bad.example\" would be used without TLS: set listen.tls_certificate, or "
        "put a TLS proxy in front and name its wss:// URL\n");
}

static void test_beyond_loopback_nothing_is_guessed(void **state)
{
    (void)state;
    static const char *const plain =
        "--set: listen.address is not loopback, and there is no TLS: set listen.tls_certificate, or name "
        "the TLS proxy's address in proxy.trusted\n";
    loading_expect_faults(
        NULL, NULL, TEXTS("listen.address=0.0.0.0"),
        "--set: listen.address is not loopback: public.urls must name the URLs by which "
        "clients reach this relay\n" DECIDE);
    loading_expect_faults(
        NULL, NULL,
        TEXTS("listen.address=::", "public.urls=wss://relay.example", "proxy.trusted=10.0.0.0/8"),
        DECIDE);
    loading_expect_faults(
        NULL, NULL,
        TEXTS("listen.address=::", "public.urls=wss://relay.example", "create.policy=nobody"),
        plain);
    expect_valid(TEXTS("listen.address=::", "public.urls=wss://relay.example",
                       "create.policy=nobody", "proxy.trusted=10.0.0.0/8"));
    expect_valid(TEXTS("listen.address=::", "public.urls=wss://relay.example",
                       "create.policy=nobody", "listen.tls_certificate=/dev/null",
                       "listen.tls_key=/dev/null"));
    /* A container's relay, published on this machine's loopback. */
    expect_valid(
        TEXTS("listen.address=0.0.0.0", "public.urls=ws://localhost:8787", "create.policy=open"));
    loading_expect_faults(
        NULL, NULL, TEXTS("listen.address="),
        "--set: listen.address must name an address; \"::\" means all, \"0.0.0.0\" all of IPv4\n");
    loading_expect_faults(NULL, NULL, TEXTS("store.path="), "--set: store.path must name a file\n");
}

/* A proxy on this machine makes a loopback listener public. */
static void test_a_published_loopback_listener_is_not_open_by_itself(void **state)
{
    (void)state;
    loading_expect_faults(NULL, NULL, TEXTS("public.urls=wss://relay.example"), DECIDE);
    expect_valid(TEXTS("public.urls=ws://localhost:1 ws://127.0.0.1:1 ws://[::1]:1"));
}

static void test_who_may_create(void **state)
{
    (void)state;
    static const struct {
        const char *assignment;
        enum create_policy policy;
    } cases[] = {{"create.policy=auto", CREATE_POLICY_OPEN},
                 {"create.policy=open", CREATE_POLICY_OPEN},
                 {"create.policy=access-key", CREATE_POLICY_ACCESS_KEY},
                 {"create.policy=nobody", CREATE_POLICY_NOBODY}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct loading l;
        loading_run(&l, NULL, NULL, TEXTS(cases[i].assignment));
        assert_int_equal(l.result, 0);
        assert_int_equal(config_create_policy(&l.settings), cases[i].policy);
        loading_end(&l);
    }
}

/* Not reachable by loading, but by a reload that meets settings which only a restart changes. */
static void test_auto_is_closed_once_others_reach_the_relay(void **state)
{
    (void)state;
    struct loading l;
    loading_run(&l, NULL, NULL,
                TEXTS("listen.address=::", "public.urls=wss://a", "create.policy=open",
                      "proxy.trusted=10.0.0.1"));
    assert_int_equal(l.result, 0);
    l.settings.create_policy = CREATE_POLICY_AUTO;
    assert_int_equal(config_create_policy(&l.settings), CREATE_POLICY_NOBODY);
    loading_end(&l);
}

static void test_loopback_addresses(void **state)
{
    (void)state;
    static const char *const loopback[] = {"127.0.0.1", "127.9.9.9", "::1", "localhost"};
    static const char *const others[] = {"0.0.0.0",       "::", "10.0.0.1",
                                         "relay.example", "",   "128.0.0.1"};
    for (size_t i = 0; i < sizeof loopback / sizeof loopback[0]; i++)
        assert_true(config_is_loopback(loopback[i]));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        assert_false(config_is_loopback(others[i]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_certificate_and_key_belong_together),
        cmocka_unit_test(test_certificate_files_can_be_read),
        cmocka_unit_test(test_the_key_is_not_for_everybody),
        cmocka_unit_test(test_the_operator_s_http_is_local_and_guarded),
        cmocka_unit_test(test_the_token_can_be_used),
        cmocka_unit_test(test_the_database_is_no_folder),
        cmocka_unit_test(test_a_link_to_the_database_is_followed),
        cmocka_unit_test(test_faults_of_the_whole_have_their_place),
        cmocka_unit_test(test_urls_are_origins),
        cmocka_unit_test(test_urls_fit_the_listener),
        cmocka_unit_test(test_beyond_loopback_nothing_is_guessed),
        cmocka_unit_test(test_a_published_loopback_listener_is_not_open_by_itself),
        cmocka_unit_test(test_who_may_create),
        cmocka_unit_test(test_auto_is_closed_once_others_reach_the_relay),
        cmocka_unit_test(test_loopback_addresses),
    };
    return cmocka_run_group_tests(tests, loading_enter_folder, loading_leave_folder);
}
