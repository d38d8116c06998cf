/* The client's socket against the other end of fake_relay.c. A time limit of a test is a deadline after which it fails,
 * never a time that it waits. */
#include "fake_relay.h"
#include "scratch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/timeutil.h"
#include "transport/base64url.h"
#include "transport/socket.h"

enum { LIMIT_MS = 10000, BIG_BYTES = 1048576 };

struct fixture {
    struct scratch *scratch;
    struct socket *socket;
    struct fake_relay relay;
    int n_connected, n_disconnected, n_received;
    uint16_t close_code;
    enum socket_fault fault;
    struct wire_key key, pin;
    bool binary; /* the last message */
    struct buf data;
};

static void on_connected(void *userdata, const struct wire_key *key)
{
    struct fixture *f = userdata;

    f->n_connected++;
    f->key = key ? *key : (struct wire_key){.text = ""};
}

static void on_disconnected(void *userdata, uint16_t close_code, enum socket_fault fault)
{
    struct fixture *f = userdata;

    f->n_disconnected++;
    f->fault = fault;
    f->close_code = close_code;
}

static void on_received(void *userdata, bool binary, const uint8_t *data, size_t size)
{
    struct fixture *f = userdata;

    f->n_received++;
    f->binary = binary;
    buf_clear(&f->data);
    if (buf_append(&f->data, data, size) != 0) /* an assert would jump out of libwebsockets */
        f->n_received = INT32_MIN;
}

static void make_socket(struct fixture *f, const char *ca_file)
{
    const struct socket_handler handler = {f, on_connected, on_disconnected, on_received};

    assert_int_equal(socket_new(&f->socket, ca_file, &handler), 0);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    void *scratch;

    assert_non_null(f);
    assert_int_equal(scratch_setup(&scratch), 0);
    f->scratch = scratch;
    f->relay.listen_fd = -1;
    buf_init(&f->data, SOCKET_MESSAGE_MAX);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *scratch = f->scratch;

    (void)socket_free(f->socket);
    if (f->relay.listen_fd >= 0)
        fake_relay_stop(&f->relay);
    buf_deinit(&f->data);
    free(f);
    return scratch_teardown(&scratch);
}

static void dial(struct fixture *f, const char *scheme, const char *host, uint16_t port)
{
    struct relay_url url;
    char text[128];

    (void)snprintf(text, sizeof text, "%s://%s:%u", scheme, host, (unsigned)port);
    assert_int_equal(relay_url_parse(&url, text), 0);
    socket_connect(f->socket, &url, &f->pin);
}

/* Serves until *counter is `wanted`. Nothing but what happens on the socket may be needed for that, so the deadline given to
 * the socket is the limit of the test. */
static void serve(struct fixture *f, const int *counter, int wanted)
{
    uint64_t limit_us = time_add_ms(socket_now_us(), LIMIT_MS);

    while (*counter < wanted) {
        assert_int_equal(socket_service(f->socket, limit_us), 0);
        if (socket_now_us() >= limit_us)
            fail_msg("nothing came: %d connected, %d disconnected, %d received", f->n_connected,
                     f->n_disconnected, f->n_received);
    }
}

static void connect_to(struct fixture *f, void (*script)(struct fake_relay *r))
{
    make_socket(f, NULL);
    fake_relay_start(&f->relay, NULL, NULL, script);
    dial(f, "ws", "127.0.0.1", f->relay.port);
}

static void send_message(struct fixture *f, bool binary, const void *data, size_t size)
{
    struct frame *frame;

    assert_int_equal(frame_new(&frame, binary, data, size), 0);
    assert_int_equal(socket_send(f->socket, frame), 0);
}

/* ---- scripts ---- */

static void echo(struct fake_relay *r)
{
    uint8_t *data = malloc(SOCKET_MESSAGE_MAX);
    size_t size;
    int op;

    while (data && (op = fake_relay_receive(r, data, SOCKET_MESSAGE_MAX, &size)) >= 0) {
        if (op == OP_TEXT || op == OP_BINARY)
            fake_relay_send(r, true, op, data, size);
        else if (op == OP_CLOSE)
            break;
    }
    free(data);
}

static void wait_for_end(struct fake_relay *r)
{
    uint8_t data[256];
    size_t size;
    int op;

    do
        op = fake_relay_receive(r, data, sizeof data, &size);
    while (op >= 0 && op != OP_CLOSE);
}

static void in_pieces(struct fake_relay *r)
{
    fake_relay_send(r, false, OP_BINARY, "one ", 4);
    fake_relay_send(r, true, OP_PING, "are you there", 13);
    fake_relay_send(r, false, OP_CONTINUATION, "", 0);
    fake_relay_send(r, false, OP_CONTINUATION, "two ", 4);
    fake_relay_send(r, true, OP_CONTINUATION, "three", 5);
    wait_for_end(r);
}

static void close_replaced(struct fake_relay *r)
{
    fake_relay_send(r, true, OP_CLOSE, "\x0f\xa1replaced", 10); /* 4001 */
    wait_for_end(r);
}

static void vanish(struct fake_relay *r)
{
    (void)r;
}

static void send_too_much(struct fake_relay *r)
{
    uint8_t *data = calloc(1, SOCKET_MESSAGE_MAX + 1);

    if (data)
        fake_relay_send(r, true, OP_BINARY, data, SOCKET_MESSAGE_MAX + 1);
    free(data);
    wait_for_end(r);
}

static void send_as_much_as_allowed(struct fake_relay *r)
{
    uint8_t *data = calloc(1, SOCKET_MESSAGE_MAX);

    if (data)
        fake_relay_send(r, true, OP_BINARY, data, SOCKET_MESSAGE_MAX);
    free(data);
    wait_for_end(r);
}

static void send_two_at_once(struct fake_relay *r)
{
    fake_relay_send(r, true, OP_TEXT, "a", 1);
    fake_relay_send(r, true, OP_TEXT, "b", 1);
    wait_for_end(r);
}

/* ---- tests ---- */

static void messages_go_both_ways(void **state)
{
    struct fixture *f = *state;
    uint8_t *big = malloc(BIG_BYTES);

    assert_non_null(big);
    for (size_t i = 0; i < BIG_BYTES; i++)
        big[i] = (uint8_t)(i * 2654435761U >> 13);
    connect_to(f, echo);
    serve(f, &f->n_connected, 1);
    send_message(f, false, "{}", 2);
    serve(f, &f->n_received, 1);
    assert_false(f->binary);
    assert_int_equal(f->data.size, 2);
    assert_memory_equal(f->data.data, "{}", 2);
    send_message(f, true, big, BIG_BYTES);
    assert_int_equal(socket_queued_bytes(f->socket), BIG_BYTES);
    serve(f, &f->n_received, 2);
    assert_true(f->binary);
    assert_int_equal(f->data.size, BIG_BYTES);
    assert_memory_equal(f->data.data, big, BIG_BYTES);
    assert_int_equal(socket_queued_bytes(f->socket), 0);
    free(big);
}

static void many_messages_keep_their_order(void **state)
{
    enum { N = 500 };
    struct fixture *f = *state;

    connect_to(f, echo);
    serve(f, &f->n_connected, 1);
    for (int i = 0; i < N; i++) {
        char text[16];
        send_message(f, false, text, (size_t)snprintf(text, sizeof text, "%d", i));
    }
    for (int i = 0; i < N; i++) {
        char text[16];
        int length = snprintf(text, sizeof text, "%d", i);
        serve(f, &f->n_received, i + 1);
        if (f->n_received == i + 1) { /* else several came in one turn, and the last one counts */
            assert_int_equal(f->data.size, length);
            assert_memory_equal(f->data.data, text, f->data.size);
        }
    }
    assert_int_equal(f->n_received, N);
}

static void a_message_in_pieces_is_one(void **state)
{
    struct fixture *f = *state;

    connect_to(f, in_pieces);
    serve(f, &f->n_received, 1);
    assert_true(f->binary);
    assert_int_equal(f->data.size, 13);
    assert_memory_equal(f->data.data, "one two three", 13);
}

static void two_messages_stay_two(void **state)
{
    struct fixture *f = *state;

    connect_to(f, send_two_at_once);
    serve(f, &f->n_received, 2);
    assert_int_equal(f->data.size, 1);
    assert_int_equal(f->data.data[0], 'b');
}

static void the_close_code_is_told_once(void **state)
{
    struct fixture *f = *state;

    connect_to(f, close_replaced);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->close_code, 4001);
    assert_int_equal(f->n_connected, 1);
    assert_int_equal(f->n_disconnected, 1);
}

static void a_relay_that_vanishes_is_noticed(void **state)
{
    struct fixture *f = *state;

    connect_to(f, vanish);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->close_code, 0);
}

static void the_largest_message_passes(void **state)
{
    struct fixture *f = *state;

    connect_to(f, send_as_much_as_allowed);
    serve(f, &f->n_received, 1);
    assert_int_equal(f->data.size, SOCKET_MESSAGE_MAX);
}

static void a_larger_one_ends_the_connection(void **state)
{
    struct fixture *f = *state;

    connect_to(f, send_too_much);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->n_received, 0);
}

static void nobody_listening_is_told_by_itself(void **state)
{
    struct fixture *f = *state;
    uint16_t port;

    /* A port that was free a moment ago. */
    fake_relay_start(&f->relay, NULL, NULL, NULL);
    port = f->relay.port;
    fake_relay_stop(&f->relay);
    f->relay.listen_fd = -1;
    make_socket(f, NULL);
    for (int i = 1; i <= 20; i++) {
        dial(f, "ws", "127.0.0.1", port);
        serve(f, &f->n_disconnected, i);
    }
    assert_int_equal(f->n_connected, 0);
}

static void a_name_is_looked_up(void **state)
{
    struct fixture *f = *state;

    make_socket(f, NULL);
    fake_relay_start(&f->relay, NULL, NULL, echo);
    dial(f, "ws", "localhost", f->relay.port);
    serve(f, &f->n_connected, 1);
}

static void other_answers_are_no_relay(void **state)
{
    static const char wrong_accept_key[] =
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Accept: AAAAAAAAAAAAAAAAAAAAAAAAAAA=\r\n"
        "Sec-WebSocket-Protocol: syncshell.v1\r\n\r\n";
    static const char *const answers[] = {
        "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
        wrong_accept_key,
        "no HTTP at all\r\n\r\n",
        "",
    };
    struct fixture *f = *state;

    make_socket(f, NULL);
    for (int i = 0; i < (int)(sizeof answers / sizeof *answers); i++) {
        fake_relay_start(&f->relay, NULL, answers[i], vanish);
        dial(f, "ws", "127.0.0.1", f->relay.port);
        serve(f, &f->n_disconnected, i + 1);
        fake_relay_stop(&f->relay);
        f->relay.listen_fd = -1;
    }
    assert_int_equal(f->n_connected, 0);
}

/* The origin that was dialled is what the client signs: it does not go elsewhere because somebody says so. */
static void a_redirection_is_not_followed(void **state)
{
    struct fixture *f = *state;
    struct fake_relay elsewhere;
    char answer[FAKE_RELAY_ANSWER_MAX];

    make_socket(f, NULL);
    fake_relay_start(&elsewhere, NULL, NULL, echo);
    (void)snprintf(answer, sizeof answer,
                   "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:%u/\r\n"
                   "Content-Length: 0\r\n\r\n",
                   (unsigned)elsewhere.port);
    fake_relay_start(&f->relay, NULL, answer, vanish);
    dial(f, "ws", "127.0.0.1", f->relay.port);
    serve(f, &f->n_disconnected, 1);
    fake_relay_stop(&elsewhere);
    assert_int_equal(f->n_connected, 0);
}

static void hanging_up_is_told_at_once(void **state)
{
    struct fixture *f = *state;

    connect_to(f, echo);
    serve(f, &f->n_connected, 1);
    socket_disconnect(f->socket);
    assert_int_equal(f->n_disconnected, 1);
    socket_disconnect(f->socket);
    assert_int_equal(f->n_disconnected, 1);
    for (int i = 2; i <= 5; i++) { /* the next connection does not hear of the last one */
        dial(f, "ws", "127.0.0.1", f->relay.port);
        serve(f, &f->n_connected, i);
        assert_int_equal(f->n_disconnected, i - 1);
        send_message(f, false, "x", 1);
        serve(f, &f->n_received, i - 1);
        socket_disconnect(f->socket);
        assert_int_equal(f->n_disconnected, i);
    }
}

static void frames_without_a_connection_are_dropped(void **state)
{
    struct fixture *f = *state;

    make_socket(f, NULL);
    send_message(f, false, "x", 1);
    assert_int_equal(socket_queued_bytes(f->socket), 0);
}

static void a_deadline_ends_the_wait(void **state)
{
    struct fixture *f = *state;
    uint64_t start_us;

    make_socket(f, NULL);
    start_us = socket_now_us();
    /* Deadlines around the present are the ones that a loop can sleep past. */
    for (unsigned i = 0; i < 500; i++)
        assert_int_equal(socket_service(f->socket, socket_now_us() + i % 200), 0);
    assert_int_equal(socket_service(f->socket, 0), 0);
    assert_true(socket_now_us() - start_us < LIMIT_MS * UINT64_C(1000));
}

static void *wake(void *userdata)
{
    socket_wake(userdata);
    return NULL;
}

static void another_thread_can_wake_it(void **state)
{
    struct fixture *f = *state;
    pthread_t thread;

    make_socket(f, NULL);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(pthread_create(&thread, NULL, wake, f->socket), 0);
        assert_int_equal(socket_service(f->socket, TIME_NEVER_US), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
}

static void freeing_never_waits(void **state)
{
    struct fixture *f = *state;
    uint64_t start_us, freeing_us;

    connect_to(f, echo);
    serve(f, &f->n_connected, 1);
    send_message(f, false, "x", 1);
    start_us = socket_now_us();
    f->socket = socket_free(f->socket);
    freeing_us = socket_now_us() - start_us;
    make_socket(f, NULL);
    dial(f, "ws", "127.0.0.1", f->relay.port); /* half-way */
    (void)socket_service(f->socket, socket_now_us());
    start_us = socket_now_us();
    f->socket = socket_free(f->socket);
    freeing_us += socket_now_us() - start_us;
    assert_true(freeing_us < UINT64_C(1000000));
    assert_int_equal(f->n_disconnected, 0);
}

/* ---- TLS ---- */

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
        f->fault = SOCKET_FAULT_NONE;
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
            assert_int_equal(f->fault, SOCKET_FAULT_PIN);
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
    assert_int_equal(f->fault, SOCKET_FAULT_NONE);
    fake_relay_stop(&f->relay);
    fake_relay_start(&f->relay, fake_relay_tls("IP:127.0.0.1", path), NULL, vanish);
    dial(f, "wss", "127.0.0.1", f->relay.port);
    serve(f, &f->n_disconnected, 2);
    assert_int_equal(f->n_connected, 1);
    assert_int_equal(f->fault, SOCKET_FAULT_PIN);
}

static void a_pin_wants_tls(void **state)
{
    struct fixture *f = *state;

    (void)strcpy(f->pin.text, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8");
    connect_to(f, echo);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->n_connected, 0);
    assert_int_equal(f->fault, SOCKET_FAULT_PIN);
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
    assert_int_equal(f->fault, SOCKET_FAULT_CERTIFICATE);
}

static void a_file_without_authorities_is_refused(void **state)
{
    struct fixture *f = *state;
    const struct socket_handler handler = {f, on_connected, on_disconnected, on_received};
    char path[SCRATCH_PATH_MAX];

    scratch_path(f->scratch, "missing.pem", path);
    assert_int_equal(socket_new(&f->socket, path, &handler), -EINVAL);
    scratch_write(f->scratch, "empty.pem", "no certificate\n", 15);
    scratch_path(f->scratch, "empty.pem", path);
    assert_int_equal(socket_new(&f->socket, path, &handler), -EINVAL);
    assert_null(f->socket);
}

#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_FIXTURE(messages_go_both_ways),
        WITH_FIXTURE(many_messages_keep_their_order),
        WITH_FIXTURE(a_message_in_pieces_is_one),
        WITH_FIXTURE(two_messages_stay_two),
        WITH_FIXTURE(the_close_code_is_told_once),
        WITH_FIXTURE(a_relay_that_vanishes_is_noticed),
        WITH_FIXTURE(the_largest_message_passes),
        WITH_FIXTURE(a_larger_one_ends_the_connection),
        WITH_FIXTURE(nobody_listening_is_told_by_itself),
        WITH_FIXTURE(a_name_is_looked_up),
        WITH_FIXTURE(other_answers_are_no_relay),
        WITH_FIXTURE(a_redirection_is_not_followed),
        WITH_FIXTURE(hanging_up_is_told_at_once),
        WITH_FIXTURE(frames_without_a_connection_are_dropped),
        WITH_FIXTURE(a_deadline_ends_the_wait),
        WITH_FIXTURE(another_thread_can_wake_it),
        WITH_FIXTURE(freeing_never_waits),
        WITH_FIXTURE(only_the_right_certificate_counts),
        WITH_FIXTURE(a_pinned_key_counts_and_nothing_else),
        WITH_FIXTURE(a_key_that_changes_is_noticed_by_the_next_connection),
        WITH_FIXTURE(a_pin_wants_tls),
        WITH_FIXTURE(the_systems_authorities_do_not_know_a_test),
        WITH_FIXTURE(a_file_without_authorities_is_refused),
    };

    return cmocka_run_group_tests_name("transport_socket", tests, NULL, NULL);
}
