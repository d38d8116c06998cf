/* The client's socket, without TLS. */
#include "socket_scene.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/timeutil.h"
#include "transport/poll_loop.h"

enum { BIG_BYTES = 1048576, FLOOD_BYTES = 32 * 1048576 };

/* ---- scripts ---- */

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

static void send_too_much(struct fake_relay *r)
{
    uint8_t *data = calloc(1, SOCKET_MESSAGE_MAX + 1);

    if (data)
        fake_relay_send(r, true, OP_BINARY, data, SOCKET_MESSAGE_MAX + 1);
    free(data);
    wait_for_end(r);
}

/* And does not stop when it is no longer wanted. */
static void send_far_too_much(struct fake_relay *r)
{
    uint8_t *data = calloc(1, FLOOD_BYTES);

    if (data)
        fake_relay_send(r, true, OP_BINARY, data, FLOOD_BYTES);
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
    assert_int_equal(f->end.close_code, 4001);
    assert_int_equal(f->n_connected, 1);
    assert_int_equal(f->n_disconnected, 1);
}

static void a_relay_that_vanishes_is_noticed(void **state)
{
    struct fixture *f = *state;

    connect_to(f, vanish);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->end.close_code, 0);
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

/* libwebsockets would go on parsing while it waits for the answer to a close frame, with a buffer that is full, and write
 * behind its end. */
static void what_follows_a_larger_one_is_not_read(void **state)
{
    struct fixture *f = *state;

    connect_to(f, send_far_too_much);
    serve(f, &f->n_disconnected, 1);
    assert_int_equal(f->n_received, 0);
}

/* Nobody else can listen on it while it is open, and it does not. */
static int take_port(uint16_t *ret_port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    *ret_port = ntohs(address.sin_port);
    return fd;
}

static void nobody_listening_is_told_by_itself(void **state)
{
    struct fixture *f = *state;
    uint16_t port;
    int fd = take_port(&port);

    make_socket(f, NULL);
    for (int i = 1; i <= 20; i++) {
        dial(f, "ws", "127.0.0.1", port);
        serve(f, &f->n_disconnected, i);
    }
    assert_int_equal(f->n_connected, 0);
    (void)close(fd);
}

/* libwebsockets closes what could not be connected without a word to the loop but that it is not to be watched any more. Watched on,
 * it would end each wait at once, and in the end there would be no room for another. Here the application opens files meanwhile,
 * so that each dial has another descriptor. */
static void what_could_not_be_connected_is_forgotten(void **state)
{
    enum { DIALS = 2 * POLL_LOOP_DESCRIPTORS_MAX, TURNS_MAX = 20 };
    struct fixture *f = *state;
    int opened[DIALS];
    uint64_t later_us;
    int n_turns = 0;
    uint16_t port;
    int fd = take_port(&port);

    make_socket(f, NULL);
    for (int i = 0; i < DIALS; i++) {
        dial(f, "ws", "127.0.0.1", port);
        serve(f, &f->n_disconnected, i + 1);
        opened[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
        assert_true(opened[i] >= 0);
    }
    later_us = time_add_ms(socket_now_us(), 100);
    for (; socket_now_us() < later_us; n_turns++)
        assert_int_equal(socket_service(f->socket, later_us), 0);
    assert_in_range(n_turns, 0, TURNS_MAX);
    fake_relay_start(&f->relay, NULL, NULL, echo);
    dial(f, "ws", "127.0.0.1", f->relay.port);
    serve(f, &f->n_connected, 1);
    for (int i = 0; i < DIALS; i++)
        (void)close(opened[i]);
    (void)close(fd);
}

static void a_name_is_looked_up(void **state)
{
    struct fixture *f = *state;

    make_socket(f, NULL);
    fake_relay_start(&f->relay, NULL, NULL, echo);
    dial(f, "ws", "localhost", f->relay.port);
    serve(f, &f->n_connected, 1);
}

/* A proxy would see, and could change, where a client goes that was not told of one. */
static void the_environment_names_no_proxy(void **state)
{
    struct fixture *f = *state;

    /* Nobody listens there. */
    assert_int_equal(setenv("http_proxy", "127.0.0.1:1", 1), 0);
    assert_int_equal(setenv("socks_proxy", "127.0.0.1:1", 1), 0);
    connect_to(f, echo);
    serve(f, &f->n_connected, 1);
    assert_int_equal(unsetenv("http_proxy"), 0);
    assert_int_equal(unsetenv("socks_proxy"), 0);
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

struct answer_case {
    const char *answer;
    const char *said; /* of the sentence */
    uint32_t retry_after_ms;
};

static const struct answer_case answer_cases[] = {
    {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
     "127.0.0.1 answered HTTP 503: it has no room", 7000},
    {"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 99999999999999\r\nContent-Length: 0\r\n\r\n",
     "HTTP 429: it has no room", 3600000},
    {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: Fri, 27 Nov 2026 05:00:00 GMT\r\n"
     "Content-Length: 0\r\n\r\n",
     "HTTP 503", 0},
    {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: -1\r\nContent-Length: 0\r\n\r\n", "HTTP 503",
     0},
    {"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n",
     "HTTP 502: it is no relay, or a proxy", 0},
    {"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 13\r\n\r\n<p>Welcome</p>",
     "HTTP 200: no relay, perhaps the network's sign-in page", 0},
    {"HTTP/1.1 302 Found\r\nLocation: http://portal.example/\r\nContent-Length: 0\r\n\r\n",
     "HTTP 302: no relay, perhaps", 0},
    {"no HTTP at all\r\n\r\n", "", 0},
};

/* To the user all of these are a relay that cannot be reached: what to do about it is not the same. */
static void an_answer_that_is_no_relays_is_told(void **state)
{
    struct fixture *f = *state;

    make_socket(f, NULL);
    for (int i = 0; i < (int)(sizeof answer_cases / sizeof *answer_cases); i++) {
        const struct answer_case *c = &answer_cases[i];

        fake_relay_start(&f->relay, NULL, c->answer, vanish);
        dial(f, "ws", "127.0.0.1", f->relay.port);
        serve(f, &f->n_disconnected, i + 1);
        if (!strstr(f->end.text, c->said) || (!*c->said && *f->end.text))
            fail_msg("%s: %s", c->answer, f->end.text);
        assert_int_equal(f->end.retry_after_ms, c->retry_after_ms);
        fake_relay_stop(&f->relay);
        f->relay.listen_fd = -1;
    }
}

static void a_name_without_an_address_is_told(void **state)
{
    struct fixture *f = *state;

    make_socket(f, NULL);
    dial(f, "ws", "no-such-name.invalid", 80);
    serve(f, &f->n_disconnected, 1);
    assert_string_equal(f->end.text, "no address was found for no-such-name.invalid");
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

#define WITH_FIXTURE(name) cmocka_unit_test_setup_teardown(name, socket_setup, socket_teardown)

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
        WITH_FIXTURE(what_follows_a_larger_one_is_not_read),
        WITH_FIXTURE(nobody_listening_is_told_by_itself),
        WITH_FIXTURE(what_could_not_be_connected_is_forgotten),
        WITH_FIXTURE(a_name_is_looked_up),
        WITH_FIXTURE(the_environment_names_no_proxy),
        WITH_FIXTURE(other_answers_are_no_relay),
        WITH_FIXTURE(an_answer_that_is_no_relays_is_told),
        WITH_FIXTURE(a_name_without_an_address_is_told),
        WITH_FIXTURE(a_redirection_is_not_followed),
        WITH_FIXTURE(hanging_up_is_told_at_once),
        WITH_FIXTURE(frames_without_a_connection_are_dropped),
        WITH_FIXTURE(a_deadline_ends_the_wait),
        WITH_FIXTURE(another_thread_can_wake_it),
        WITH_FIXTURE(freeing_never_waits),
    };

    return cmocka_run_group_tests_name("transport_socket", tests, NULL, NULL);
}
