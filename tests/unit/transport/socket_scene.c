#include "socket_scene.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/timeutil.h"

static void on_connected(void *userdata, const struct wire_key *key)
{
    struct fixture *f = userdata;

    f->n_connected++;
    f->key = key ? *key : (struct wire_key){.text = ""};
}

static void on_disconnected(void *userdata, const struct socket_end *end)
{
    struct fixture *f = userdata;

    f->n_disconnected++;
    f->end = *end;
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

int try_socket(struct fixture *f, const char *ca_file)
{
    const struct socket_handler handler = {f, on_connected, on_disconnected, on_received};

    return socket_new(&f->socket, ca_file, &handler);
}

void make_socket(struct fixture *f, const char *ca_file)
{
    assert_int_equal(try_socket(f, ca_file), 0);
}

int socket_setup(void **state)
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

int socket_teardown(void **state)
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

void dial(struct fixture *f, const char *scheme, const char *host, uint16_t port)
{
    struct relay_url url;
    char text[128];

    (void)snprintf(text, sizeof text, "%s://%s:%u", scheme, host, (unsigned)port);
    assert_int_equal(relay_url_parse(&url, text), 0);
    socket_connect(f->socket, &url, &f->pin);
}

void serve(struct fixture *f, const int *counter, int wanted)
{
    uint64_t limit_us = time_add_ms(socket_now_us(), LIMIT_MS);

    while (*counter < wanted) {
        assert_int_equal(socket_service(f->socket, limit_us), 0);
        if (socket_now_us() >= limit_us)
            fail_msg("nothing came: %d connected, %d disconnected, %d received", f->n_connected,
                     f->n_disconnected, f->n_received);
    }
}

void connect_to(struct fixture *f, void (*script)(struct fake_relay *r))
{
    make_socket(f, NULL);
    fake_relay_start(&f->relay, NULL, NULL, script);
    dial(f, "ws", "127.0.0.1", f->relay.port);
}

void send_message(struct fixture *f, bool binary, const void *data, size_t size)
{
    struct frame *frame;

    assert_int_equal(frame_new(&frame, binary, data, size), 0);
    assert_int_equal(socket_send(f->socket, frame), 0);
}

void echo(struct fake_relay *r)
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

void wait_for_end(struct fake_relay *r)
{
    uint8_t data[256];
    size_t size;
    int op;

    do
        op = fake_relay_receive(r, data, sizeof data, &size);
    while (op >= 0 && op != OP_CLOSE);
}

void vanish(struct fake_relay *r)
{
    (void)r;
}
