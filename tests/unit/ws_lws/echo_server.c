/* A real server made of the loop and the WebSocket adapter, for the tests beside it to talk to. It sends every message back;
 * a text that begins with '!' is a command:
 *
 *   !close CODE REASON    close this connection, after a last message "bye"
 *   !close-others CODE    close all the others
 *   !flood N BYTES        queue N binary messages of BYTES each for this connection
 *   !burst N              queue N texts "0", "1", ...
 *   !stats                answer with the counters below, as JSON
 *   !address              answer with this connection's address
 *   !stop-listening
 *
 * usage: echo_server [certificate=FILE key=FILE] [address=A or all] [port=N] [message_max=N] [heartbeat_ms=N] [connections_max=N]
 *                    [close_timeout_ms=N] [refuse=1] [keep_oversized=1] [buffers_max=N]
 *
 * Prints "port N" once it listens. Ends on SIGTERM: prints the counters and exits with 1 unless everything that was opened
 * is closed and no descriptor is left. */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/loop_libevent/loop.h"
#include "adapters/ws_lws/ws.h"
#include "base/frame.h"
#include "base/list.h"
#include "base/timeutil.h"

struct queued {
    struct queued *next;
    struct frame *frame;
};

struct echo_connection {
    struct list_node link;
    struct ws_connection *ws;
    struct queued *first, *last;
    unsigned flood_left;
    size_t flood_bytes;
    unsigned burst_next, burst_end;
    size_t buffered;
};

struct echo {
    struct loop *loop;
    struct ws_server *server;
    struct loop_timer *sweep;
    struct list connections;
    unsigned n_opened, n_closed, n_open, n_received, n_pulled, n_oversized, n_missed, n_logged;
    size_t bytes_received;
    size_t buffered, buffers_max; /* of all connections; of one */
    bool refuse, keep_oversized;
};

static unsigned count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    unsigned n = 0;

    assert(dir);
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void queue(struct echo_connection *c, bool binary, const void *data, size_t size)
{
    struct queued *q = calloc(1, sizeof(*q));
    int r = frame_new(&q->frame, binary, data, size);

    assert(r == 0);
    (void)r;
    *(c->last ? &c->last->next : &c->first) = q;
    c->last = q;
    ws_connection_want_write(c->ws);
}

static int opened(void *userdata, struct ws_connection *ws, void **ret_user)
{
    struct echo *e = userdata;
    struct echo_connection *c;

    if (e->refuse)
        return -EAGAIN;
    c = calloc(1, sizeof(*c));
    c->ws = ws;
    list_append(&e->connections, &c->link);
    e->n_opened++;
    e->n_open++;
    *ret_user = c;
    return 0;
}

static void closed(void *userdata, void *user)
{
    struct echo *e = userdata;
    struct echo_connection *c = user;

    e->n_closed++;
    e->n_open--;
    e->buffered -= c->buffered;
    list_unlink(&c->link);
    while (c->first) {
        struct queued *q = c->first;

        c->first = q->next;
        frame_unref(q->frame);
        free(q);
    }
    free(c);
}

static bool buffers(void *userdata, void *user, size_t bytes)
{
    struct echo *e = userdata;
    struct echo_connection *c = user;

    if (bytes > e->buffers_max) {
        ws_connection_close(c->ws, 1013, "kept too much");
        return false;
    }
    e->buffered += bytes - c->buffered;
    c->buffered = bytes;
    return true;
}

static void answer_stats(struct echo *e, struct echo_connection *c)
{
    char text[512];
    int n = snprintf(
        text, sizeof(text),
        "{\"opened\": %u, \"closed\": %u, \"received\": %u, \"bytesReceived\": %zu, \"pulled\": %u, "
        "\"oversized\": %u, \"missed\": %u, \"logged\": %u, \"buffered\": %zu, \"tls\": %s}",
        e->n_opened, e->n_closed, e->n_received, e->bytes_received, e->n_pulled, e->n_oversized,
        e->n_missed, e->n_logged, e->buffered, ws_connection_is_tls(c->ws) ? "true" : "false");

    queue(c, false, text, (size_t)n);
}

/* When `command` begins with `name`, the numbers that follow it, and where they end. */
static bool command_is(const char *command, const char *name, unsigned *ret_numbers,
                       size_t n_numbers, const char **ret_rest)
{
    size_t size = strlen(name);

    if (strncmp(command, name, size) != 0 || (command[size] != ' ' && command[size] != '\0'))
        return false;
    command += size;
    for (size_t i = 0; i < n_numbers; i++) {
        char *end;

        ret_numbers[i] = (unsigned)strtoul(command, &end, 10);
        command = end;
    }
    *ret_rest = command + strspn(command, " ");
    return true;
}

static void close_others(struct echo *e, const struct echo_connection *c, unsigned code)
{
    list_for_each_safe (node, safe, &e->connections) {
        struct echo_connection *other = container_of(node, struct echo_connection, link);

        if (other != c)
            ws_connection_close(other->ws, (uint16_t)code, "by another");
    }
}

static void obey(struct echo *e, struct echo_connection *c, const char *command)
{
    unsigned n[2] = {0};
    const char *rest = "";

    if (command_is(command, "!close", n, 1, &rest)) {
        queue(c, false, "bye", 3);
        ws_connection_close(c->ws, (uint16_t)n[0], rest);
    } else if (command_is(command, "!close-others", n, 1, &rest)) {
        close_others(e, c, n[0]);
    } else if (command_is(command, "!flood", n, 2, &rest)) {
        c->flood_left = n[0];
        c->flood_bytes = n[1];
        ws_connection_want_write(c->ws);
    } else if (command_is(command, "!burst", n, 1, &rest)) {
        c->burst_next = 0;
        c->burst_end = n[0];
        ws_connection_want_write(c->ws);
    } else if (command_is(command, "!stats", n, 0, &rest)) {
        answer_stats(e, c);
    } else if (command_is(command, "!address", n, 0, &rest)) {
        queue(c, false, ws_connection_address(c->ws), strlen(ws_connection_address(c->ws)));
    } else if (command_is(command, "!stop-listening", n, 0, &rest)) {
        ws_server_stop_listening(e->server);
        queue(c, false, "stopped", 7);
    }
}

static void received(void *userdata, void *user, bool binary, const uint8_t *data, size_t size)
{
    struct echo *e = userdata;
    struct echo_connection *c = user;
    char command[300];

    e->n_received++;
    e->bytes_received += size;
    if (binary || size == 0 || data[0] != '!' || size >= sizeof(command)) {
        queue(c, binary, data, size);
        return;
    }
    memcpy(command, data, size);
    command[size] = '\0';
    obey(e, c, command);
}

static void oversized(void *userdata, void *user)
{
    struct echo *e = userdata;
    struct echo_connection *c = user;

    e->n_oversized++;
    if (!e->keep_oversized)
        ws_connection_close(c->ws, 1009, "too long");
}

static void heartbeat_missed(void *userdata, void *user)
{
    struct echo *e = userdata;
    struct echo_connection *c = user;

    e->n_missed++;
    ws_connection_close(c->ws, 4003, "no heartbeat");
}

static struct frame *pull(void *userdata, void *user)
{
    struct echo *e = userdata;
    struct echo_connection *c = user;
    struct frame *f = NULL;

    if (c->first) {
        struct queued *q = c->first;

        f = q->frame;
        c->first = q->next;
        if (!c->first)
            c->last = NULL;
        free(q);
    } else if (c->flood_left > 0) {
        char *bytes = calloc(1, c->flood_bytes);

        c->flood_left--;
        if (frame_new(&f, true, bytes, c->flood_bytes) < 0)
            f = NULL;
        free(bytes);
    } else if (c->burst_next < c->burst_end) {
        char text[16];
        int n = snprintf(text, sizeof(text), "%u", c->burst_next++);

        if (frame_new(&f, false, text, (size_t)n) < 0)
            f = NULL;
    }
    e->n_pulled += f != NULL;
    return f;
}

static void write_log(void *userdata, int level, const char *line)
{
    ((struct echo *)userdata)->n_logged++;
    fprintf(stderr, "log %d %s\n", level, line);
}

static void end_of_turn(void *userdata)
{
    ws_server_end_of_turn(((struct echo *)userdata)->server);
}

static void sweep(void *userdata)
{
    struct echo *e = userdata;
    int r = loop_timer_arm(e->sweep, ws_server_sweep(e->server, loop_now_us(e->loop)));

    assert(r == 0);
    (void)r;
}

static void terminate(void *userdata)
{
    loop_stop(userdata);
}

static const char *argument(int argc, char **argv, const char *name, const char *otherwise)
{
    for (int i = 1; i < argc; i++)
        if (strncmp(argv[i], name, strlen(name)) == 0 && argv[i][strlen(name)] == '=')
            return argv[i] + strlen(name) + 1;
    return otherwise;
}

static unsigned number(int argc, char **argv, const char *name, const char *otherwise)
{
    return (unsigned)strtoul(argument(argc, argv, name, otherwise), NULL, 10);
}

static int run(struct echo *e, const struct ws_listen *listen, const struct ws_options *options)
{
    const struct ws_handler handler = {.userdata = e,
                                       .opened = opened,
                                       .closed = closed,
                                       .received = received,
                                       .oversized = oversized,
                                       .buffers = buffers,
                                       .heartbeat_missed = heartbeat_missed,
                                       .pull = pull,
                                       .log = write_log};
    struct loop_signal *stop = NULL;
    char error[256] = "";
    int r = ws_server_new(&e->server, loop_event_base(e->loop), listen, options, &handler, error,
                          sizeof(error));

    if (r < 0) {
        printf("error %d %s\n", r, error);
        return 2;
    }
    r = loop_timer_new(e->loop, sweep, e, &e->sweep);
    assert(r == 0);
    r = loop_signal_new(e->loop, SIGTERM, terminate, e->loop, &stop);
    assert(r == 0);
    loop_set_end_of_turn(e->loop, end_of_turn, e);
    sweep(e);
    printf("port %u\n", ws_server_port(e->server));
    fflush(stdout);

    r = loop_run(e->loop);
    assert(r == 0);
    ws_server_free(e->server);
    loop_timer_free(e->sweep);
    loop_signal_free(stop);
    return 0;
}

int main(int argc, char **argv)
{
    const char *address = argument(argc, argv, "address", "127.0.0.1");
    const struct ws_listen listen = {
        .address = strcmp(address, "all") == 0 ? NULL : address,
        .port = (uint16_t)number(argc, argv, "port", "0"),
        .tls_certificate_file = argument(argc, argv, "certificate", NULL),
        .tls_key_file = argument(argc, argv, "key", NULL),
    };
    const struct ws_options options = {
        .message_bytes_max = number(argc, argv, "message_max", "1100000"),
        .heartbeat_ms = number(argc, argv, "heartbeat_ms", "30000"),
        .connections_max = number(argc, argv, "connections_max", "1000"),
        .close_timeout_ms = number(argc, argv, "close_timeout_ms", "2000"),
    };
    struct echo e = {.buffers_max = number(argc, argv, "buffers_max", "100000000"),
                     .refuse = number(argc, argv, "refuse", "0"),
                     .keep_oversized = number(argc, argv, "keep_oversized", "0")};
    unsigned n_descriptors = count_descriptors();
    int r;

    list_init(&e.connections);
    if (loop_new(&e.loop) < 0)
        return 1;
    r = run(&e, &listen, &options);
    loop_free(e.loop);
    if (r != 0)
        return r;
    printf("opened %u closed %u descriptors %u\n", e.n_opened, e.n_closed,
           count_descriptors() - n_descriptors);
    return e.n_opened == e.n_closed && e.n_open == 0 && count_descriptors() == n_descriptors ? 0
                                                                                             : 1;
}
