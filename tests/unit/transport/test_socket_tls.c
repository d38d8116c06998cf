/* Whom the client's socket believes: authorities, names, pins. */
#include "socket_scene.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "transport/base64url.h"

struct tls_case {
    const char *names; /* of the relay's certificate */
    const char *host;  /* that is dialled */
    bool trusted;
    bool connects;
};

static const struct tls_case tls_cases[] = {
    {"IP:127.0.0.1", "127.0.0.1", true, true},
    {"DNS:localhost", "localhost", true, true},
    {"IP:127.0.0.1", "127.0.0.1", false, false},
    {"IP:127.0.0.2", "127.0.0.1", true, false},
    {"DNS:127.0.0.1", "127.0.0.1", true, false}, /* an address is not a name */
    {"DNS:elsewhere.example", "localhost", true, false},
    {"DNS:*", "localhost", true, false},
    {"DNS:localhost.elsewhere.example", "localhost", true, false},
};

static void only_the_right_certificate_counts(void **state)
{
    struct fixture *f = *state;
    char mine[SCRATCH_PATH_MAX], other[SCRATCH_PATH_MAX];

    scratch_path(f->scratch, "mine.pem", mine);
    scratch_path(f->scratch, "other.pem", other);
    SSL_CTX_free(fake_relay_tls("DNS:localhost", other));
    for (size_t i = 0; i < sizeof tls_cases / sizeof *tls_cases; i++) {
        const struct tls_case *c = &tls_cases[i];

        f->n_connected = f->n_disconnected = f->n_received = 0;
        fake_relay_start(&f->relay, fake_relay_tls(c->names, mine), NULL, echo);
        make_socket(f, c->trusted ? mine : other);
        dial(f, "wss", c->host, f->relay.port);
        serve(f, c->connects ? &f->n_connected : &f->n_disconnected, 1);
        if (f->n_connected != c->connects)
            fail_msg("%s as %s", c->names, c->host);
        if (c->connects) {
            send_message(f, true, "sealed", 6);
            serve(f, &f->n_received, 1);
        }
        f->socket = socket_free(f->socket);
        fake_relay_stop(&f->relay);
        f->relay.listen_fd = -1;
    }
}

/* A clock that is wrong, a name that is wrong and an authority that is unknown are mended in different places. */
static void what_is_wrong_with_a_certificate_is_told(void **state)
{
    static const struct {
        const char *names;
        long good_for_s;
        bool trusted;
        const char *said;
    } cases[] = {
        {"DNS:localhost", 3600, false, "self-signed certificate"},
        {"DNS:localhost", -60, true, "certificate has expired"},
        {"DNS:elsewhere.example", 3600, true, "hostname mismatch"},
    };
    struct fixture *f = *state;
    char mine[SCRATCH_PATH_MAX], other[SCRATCH_PATH_MAX];

    scratch_path(f->scratch, "mine.pem", mine);
    scratch_path(f->scratch, "other.pem", other);
    SSL_CTX_free(fake_relay_tls("DNS:localhost", other));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        f->n_disconnected = 0;
        fake_relay_start(&f->relay, fake_relay_tls_for(cases[i].names, cases[i].good_for_s, mine),
                         NULL, echo);
        make_socket(f, cases[i].trusted ? mine : other);
        dial(f, "wss", "localhost", f->relay.port);
        serve(f, &f->n_disconnected, 1);
        assert_int_equal(f->end.fault, SOCKET_FAULT_CERTIFICATE);
        if (!strstr(f->end.text, cases[i].said))
            fail_msg("%s: %s", cases[i].said, f->end.text);
        f->socket = socket_free(f->socket);
        fake_relay_stop(&f->relay);
        f->relay.listen_fd = -1;
    }
}

struct pin_case {
    const char *names; /* of the relay's certificate; 127.0.0.1 is dialled */
    bool pinned;       /* that key, or else another one */
    bool trusted;      /* by an authority */
    bool connects;
};

static const struct pin_case pin_cases[] = {
    {"IP:127.0.0.1", true, true, true},
    {"IP:127.0.0.1", true, false, true}, /* signed by itself */
    {"DNS:elsewhere.example", true, false, true},
    {"IP:127.0.0.1", false, true, false},
    {"IP:127.0.0.1", false, false, false},
};

/* A context's key as a pin names it, by OpenSSL alone. */
static struct wire_key pin_of(const SSL_CTX *tls)
{
    unsigned char *info = NULL, hash[EVP_MAX_MD_SIZE];
    int length = i2d_PUBKEY(SSL_CTX_get0_privatekey(tls), &info);
    struct wire_key pin;

    assert_true(length > 0);
    assert_int_equal(EVP_Digest(info, (size_t)length, hash, NULL, EVP_sha256(), NULL), 1);
    OPENSSL_free(info);
    base64url_encode(pin.text, sizeof pin.text, hash, 32);
    return pin;
}

static void a_pinned_key_counts_and_nothing_else(void **state)
{
    struct fixture *f = *state;
    char mine[SCRATCH_PATH_MAX], other[SCRATCH_PATH_MAX];
    SSL_CTX *tls;

    scratch_path(f->scratch, "mine.pem", mine);
    scratch_path(f->scratch, "other.pem", other);
    tls = fake_relay_tls("DNS:localhost", other);
    for (size_t i = 0; i < sizeof pin_cases / sizeof *pin_cases; i++) {
        const struct pin_case *c = &pin_cases[i];
        SSL_CTX *relays = fake_relay_tls(c->names, mine);

        f->n_connected = f->n_disconnected = 0;
        f->end.fault = SOCKET_FAULT_NONE;
        f->pin = pin_of(c->pinned ? relays : tls);
        fake_relay_start(&f->relay, relays, NULL, echo);
        make_socket(f, c->trusted ? mine : other);
        dial(f, "wss", "127.0.0.1", f->relay.port);
        serve(f, c->connects ? &f->n_connected : &f->n_disconnected, 1);
        if (f->n_connected != c->connects)
            fail_msg("case %zu", i);
        if (c->connects)
            assert_string_equal(f->key.text, f->pin.text);
        else
            assert_int_equal(f->end.fault, SOCKET_FAULT_PIN);
        f->socket = socket_free(f->socket);
        fake_relay_stop(&f->relay);
        f->relay.listen_fd = -1;
    }
    SSL_CTX_free(tls);
}

static void a_key_that_changes_is_noticed_by_the_next_connection(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH_MAX];
    SSL_CTX *tls = fake_relay_tls("IP:127.0.0.1", (scratch_path(f->scratch, "1.pem", path), path));

    f->pin = pin_of(tls);
    make_socket(f, NULL);
    fake_relay_start(&f->relay, tls, NULL, vanish);
    dial(f, "wss", "127.0.0.1", f->relay.port);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->n_connected, 1);
    assert_int_equal(f->end.fault, SOCKET_FAULT_NONE);
    fake_relay_stop(&f->relay);
    fake_relay_start(&f->relay, fake_relay_tls("IP:127.0.0.1", path), NULL, vanish);
    dial(f, "wss", "127.0.0.1", f->relay.port);
    serve(f, &f->n_disconnected, 2);
    assert_int_equal(f->n_connected, 1);
    assert_int_equal(f->end.fault, SOCKET_FAULT_PIN);
}

static void a_pin_wants_tls(void **state)
{
    struct fixture *f = *state;

    (void)strcpy(f->pin.text, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    connect_to(f, echo);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->n_connected, 0);
    assert_int_equal(f->end.fault, SOCKET_FAULT_PIN);
}

static void the_systems_authorities_do_not_know_a_test(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH_MAX];

    scratch_path(f->scratch, "mine.pem", path);
    fake_relay_start(&f->relay, fake_relay_tls("IP:127.0.0.1", path), NULL, echo);
    make_socket(f, NULL);
    dial(f, "wss", "127.0.0.1", f->relay.port);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->n_connected, 0);
    assert_int_equal(f->end.fault, SOCKET_FAULT_CERTIFICATE);
}

/* The user's own place for authorities, which OpenSSL looks at: the manual says so. */
static void the_environment_names_the_systems_authorities(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH_MAX];

    scratch_path(f->scratch, "mine.pem", path);
    fake_relay_start(&f->relay, fake_relay_tls("IP:127.0.0.1", path), NULL, echo);
    assert_int_equal(setenv("SSL_CERT_FILE", path, 1), 0);
    make_socket(f, NULL);
    assert_int_equal(unsetenv("SSL_CERT_FILE"), 0);
    dial(f, "wss", "127.0.0.1", f->relay.port);
    serve(f, &f->n_connected, 1);
}

static void a_file_without_authorities_is_refused(void **state)
{
    struct fixture *f = *state;
    char path[SCRATCH_PATH_MAX];

    scratch_path(f->scratch, "missing.pem", path);
    assert_int_equal(try_socket(f, path), -EINVAL);
    scratch_write(f->scratch, "empty.pem", "no certificate\n", 15);
    scratch_path(f->scratch, "empty.pem", path);
    assert_int_equal(try_socket(f, path), -EINVAL);
    assert_null(f->socket);
}

#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, socket_setup, socket_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(only_the_right_certificate_counts),
        WITH_FIXTURE(what_is_wrong_with_a_certificate_is_told),
        WITH_FIXTURE(a_pinned_key_counts_and_nothing_else),
        WITH_FIXTURE(a_key_that_changes_is_noticed_by_the_next_connection),
        WITH_FIXTURE(a_pin_wants_tls),
        WITH_FIXTURE(the_systems_authorities_do_not_know_a_test),
        WITH_FIXTURE(the_environment_names_the_systems_authorities),
        WITH_FIXTURE(a_file_without_authorities_is_refused),
    };

    return cmocka_run_group_tests_name("transport_socket_tls", tests, NULL, NULL);
}
