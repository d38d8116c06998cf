/* A connection's two directions.
 *
 * In: lws delivers pieces. A message that came in one piece is handed on where it lies; others are put together in a buffer
 * that lives only until the message is complete. A message that is or will be too long is not collected at all.
 *
 * Out: frames are pulled while the socket takes them and built one behind the other into the server's buffer, as server
 * frames carry no mask; one lws_write(LWS_WRITE_RAW) sends them all. That is sound because every such write ends where a
 * WebSocket frame ends, and lws sends its own control frames only when nothing of a write is left over. A message longer
 * than the buffer goes out in fragments, so what lws must keep for a slow reader never exceeds one buffer, and pings get
 * their turn in between.
 *
 * Invariants: `in` is NULL between messages; the handler hears nothing after closed(), no received() after oversized() or
 * ws_connection_close(), no pull() once lws has the close. */
#include "adapters/ws_lws/connection.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/ws_lws/evlib.h"
#include "adapters/ws_lws/server.h"
#include "base/frame.h"

enum {
    IN_CAPACITY_MIN = 512,
    IN_AHEAD_MAX = 32768, /* nobody gets more for merely having said that it will come */
    WRITES_PER_TURN = 4,  /* full buffers; then others get their turn */
    PINGS_MAX = 2,
    HEADER_MAX = 10, /* of a frame sent by a server */

    OPCODE_CONTINUATION = 0,
    OPCODE_TEXT = 1,
    OPCODE_BINARY = 2,
    FLAG_FINAL = 0x80,
    LENGTH_IS_16_BIT = 126,
    LENGTH_IS_64_BIT = 127,

    CLOSE_PROTOCOL_ERROR = 1002,
    CLOSE_INTERNAL_ERROR = 1011,
    CLOSE_TRY_AGAIN_LATER = 1013,
    CLOSE_REASON_MAX = 123,
};

struct ws_connection *ws_connection_new(struct ws_server *s, const char *address)
{
    struct ws_connection *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->server = s;
    c->state = CONNECTION_STATE_HANDSHAKE;
    ws_connection_set_address(c, address);
    list_append(&s->connections, &c->link);
    s->n_connections++;
    return c;
}

struct ws_connection *ws_connection_free(struct ws_connection *c)
{
    if (!c)
        return NULL;
    connection_closed(c);
    if (c->admission)
        c->server->handler.abandoned(c->server->handler.userdata, ws_connection_admission(c));
    if (c->state != CONNECTION_STATE_HANDSHAKE)
        c->server->n_open--;
    c->server->n_connections--;
    list_unlink(&c->link);
    list_unlink(&c->closing_link);
    frame_unref(c->out);
    free(c->in);
    free(c);
    return NULL;
}

static void connection_enter(struct ws_connection *c, enum connection_state next)
{
    static const bool legal[][CONNECTION_STATE_ENDING + 1] = {
        [CONNECTION_STATE_HANDSHAKE] =
            {[CONNECTION_STATE_OPEN] = true, [CONNECTION_STATE_ENDING] = true},
        [CONNECTION_STATE_OPEN] =
            {[CONNECTION_STATE_DRAINING] = true, [CONNECTION_STATE_ENDING] = true},
        [CONNECTION_STATE_DRAINING] = {[CONNECTION_STATE_ENDING] = true},
        [CONNECTION_STATE_ENDING] = {[CONNECTION_STATE_ENDING] = true},
    };

    assert(legal[c->state][next]);
    if (c->state == CONNECTION_STATE_HANDSHAKE)
        c->server->n_open++;
    c->state = next;
    if (next != CONNECTION_STATE_OPEN)
        server_watch_closing(c->server, c);
}

void connection_opened(struct ws_connection *c, struct lws *wsi)
{
    const struct ws_handler *handler = &c->server->handler;
    void *user = NULL;

    c->wsi = wsi;
    c->heard = true;
    connection_enter(c, CONNECTION_STATE_OPEN);
    if (handler->opened(handler->userdata, c, &user) < 0) {
        ws_connection_close(c, CLOSE_TRY_AGAIN_LATER, "");
        return;
    }
    c->user = user;
    c->user_open = true;
}

void connection_ending(struct ws_connection *c)
{
    /* In the handshake the end is a matter between lws and the peer. */
    if (c->state != CONNECTION_STATE_HANDSHAKE)
        connection_enter(c, CONNECTION_STATE_ENDING);
}

void connection_closed(struct ws_connection *c)
{
    const struct ws_handler *handler = &c->server->handler;

    c->wsi = NULL;
    if (!c->user_open)
        return;
    c->user_open = false;
    handler->closed(handler->userdata, c->user);
}

void connection_heard(struct ws_connection *c)
{
    c->heard = true;
}

/* Says how much there will be before it is there. */
static bool connection_buffers(struct ws_connection *c, size_t in_bytes, size_t stuck_bytes)
{
    const struct ws_handler *handler = &c->server->handler;

    return !handler->buffers || !c->user_open ||
           handler->buffers(handler->userdata, c->user, in_bytes + stuck_bytes);
}

static void in_forget(struct ws_connection *c)
{
    free(c->in);
    c->in = NULL;
    if (c->in_capacity)
        (void)connection_buffers(c, 0, c->stuck_bytes);
    c->in_size = c->in_capacity = 0;
}

static bool in_fail(struct ws_connection *c)
{
    c->deaf = true;
    in_forget(c);
    return false;
}

/* The next capacity: most messages are one fragment, whose length is known, and get what they need at once. */
static size_t in_grow(const struct ws_connection *c, size_t needed, size_t remaining)
{
    size_t capacity = c->in_capacity;
    size_t wanted = needed + remaining;

    if (wanted > IN_AHEAD_MAX)
        wanted = needed > IN_AHEAD_MAX ? needed : IN_AHEAD_MAX;
    if (capacity == 0)
        return wanted > IN_CAPACITY_MIN ? wanted : IN_CAPACITY_MIN;
    while (capacity < wanted)
        capacity *= 2;
    return capacity;
}

static bool in_append(struct ws_connection *c, const uint8_t *data, size_t size, size_t remaining)
{
    size_t needed = c->in_size + size;

    if (needed > c->in_capacity || !c->in) {
        size_t capacity = in_grow(c, needed, remaining);
        uint8_t *grown;

        if (!connection_buffers(c, capacity, c->stuck_bytes))
            return in_fail(c);
        grown = realloc(c->in, capacity);
        if (!grown) {
            ws_connection_close(c, CLOSE_INTERNAL_ERROR, "out of memory");
            return in_fail(c);
        }
        c->in = grown;
        c->in_capacity = capacity;
    }
    if (size)
        memcpy(c->in + c->in_size, data, size);
    c->in_size = needed;
    return true;
}

static void connection_deliver(struct ws_connection *c, const uint8_t *data, size_t size)
{
    const struct ws_handler *handler = &c->server->handler;

    handler->received(handler->userdata, c->user, lws_frame_is_binary(c->wsi), data, size);
}

void connection_received(struct ws_connection *c, const uint8_t *data, size_t size,
                         size_t remaining)
{
    const struct ws_handler *handler = &c->server->handler;
    size_t room = c->server->options.message_bytes_max - c->in_size;

    c->heard = true;
    if (c->state != CONNECTION_STATE_OPEN || c->deaf)
        return;
    /* No extension was agreed on. Built without any, lws still lets the first of these bits pass. */
    if (lws_get_reserved_bits(c->wsi)) {
        ws_connection_close(c, CLOSE_PROTOCOL_ERROR, "reserved bits");
        return;
    }
    if (size > room || remaining > room - size) {
        c->deaf = true;
        in_forget(c);
        handler->oversized(handler->userdata, c->user);
        return;
    }
    if (!c->in && lws_is_final_fragment(c->wsi)) {
        connection_deliver(c, data, size);
        return;
    }
    if (!in_append(c, data, size, remaining))
        return;
    if (lws_is_final_fragment(c->wsi)) {
        uint8_t *message = c->in;
        size_t message_size = c->in_size;

        c->in = NULL;
        in_forget(c);
        connection_deliver(c, message, message_size);
        free(message);
    }
}

static size_t put_header(uint8_t *at, uint8_t first, size_t size)
{
    size_t n_length_bytes = size < LENGTH_IS_16_BIT ? 0 : size <= UINT16_MAX ? 2 : 8;

    at[0] = first;
    if (n_length_bytes == 0)
        at[1] = (uint8_t)size;
    else
        at[1] = n_length_bytes == 2 ? LENGTH_IS_16_BIT : LENGTH_IS_64_BIT;
    for (size_t i = 0; i < n_length_bytes; i++)
        at[2 + i] = (uint8_t)((uint64_t)size >> (8 * (n_length_bytes - 1 - i)));
    return 2 + n_length_bytes;
}

/* Builds pulled frames into `out`; returns the bytes used, 0 when there is nothing to send. */
static size_t connection_fill(struct ws_connection *c, uint8_t *out, size_t capacity)
{
    const struct ws_handler *handler = &c->server->handler;
    size_t used = 0;

    for (;;) {
        size_t left, n;
        uint8_t first;

        if (!c->out && c->user_open)
            c->out = handler->pull(handler->userdata, c->user);
        if (!c->out)
            return used;
        left = c->out->size - c->out_offset;
        n = left <= capacity - HEADER_MAX ? left : capacity - HEADER_MAX;
        if (used + HEADER_MAX + n > capacity)
            return used; /* begins the next write, in one piece if it can */
        first = c->out_offset > 0 ? OPCODE_CONTINUATION
                : c->out->binary  ? OPCODE_BINARY
                                  : OPCODE_TEXT;
        if (n == left)
            first |= FLAG_FINAL;
        used += put_header(out + used, first, n);
        memcpy(out + used, c->out->data + c->out_offset, n);
        used += n;
        c->out_offset += n;
        if (n == left) {
            c->out = frame_unref(c->out);
            c->out_offset = 0;
        }
    }
}

static int connection_ping(struct ws_connection *c)
{
    uint8_t *at = c->server->out + LWS_PRE;

    c->ping_due = false;
    /* lws does not tell of a pong without payload. */
    memcpy(at, "ping", 4);
    return lws_write(c->wsi, at, 4, LWS_WRITE_PING) < 0 ? -1 : 0;
}

enum flow {
    FLOW_DRY,    /* everything that there was is written */
    FLOW_WAIT,   /* lws keeps a rest and calls again when that is out */
    FLOW_MORE,   /* enough for one turn */
    FLOW_BROKEN, /* the socket */
};

/* The socket takes no more: what lws keeps of a write, and the frame that is not yet all written, are the connection's. */
static enum flow connection_stuck(struct ws_connection *c)
{
    size_t bytes = SERVER_OUT_BYTES + (c->out ? c->out->size : 0);

    if (c->stuck_bytes == bytes)
        return FLOW_WAIT;
    c->stuck_bytes = bytes;
    return connection_buffers(c, c->in_capacity, bytes) ? FLOW_WAIT : FLOW_BROKEN;
}

static void connection_unstuck(struct ws_connection *c)
{
    if (c->stuck_bytes == 0)
        return;
    c->stuck_bytes = 0;
    (void)connection_buffers(c, c->in_capacity, 0);
}

static enum flow connection_flow(struct ws_connection *c)
{
    uint8_t *out = c->server->out + LWS_PRE;

    if (c->ping_due && connection_ping(c) < 0)
        return FLOW_BROKEN;
    for (int i = 0; i < WRITES_PER_TURN; i++) {
        size_t size;

        if (lws_partial_buffered(c->wsi))
            return connection_stuck(c);
        connection_unstuck(c);
        size = connection_fill(c, out, SERVER_OUT_BYTES);
        if (size == 0)
            return FLOW_DRY;
        if (lws_write(c->wsi, out, size, LWS_WRITE_RAW) < (int)size)
            return FLOW_BROKEN;
    }
    return lws_partial_buffered(c->wsi) ? connection_stuck(c) : FLOW_MORE;
}

int connection_writable(struct ws_connection *c)
{
    if (c->state != CONNECTION_STATE_OPEN && c->state != CONNECTION_STATE_DRAINING)
        return 0;
    switch (connection_flow(c)) {
    case FLOW_DRY:
        return c->state == CONNECTION_STATE_DRAINING ? -1 : 0;
    case FLOW_WAIT:
        return 0;
    case FLOW_MORE:
        lws_callback_on_writable(c->wsi);
        return 0;
    case FLOW_BROKEN:
        break;
    }
    return -1;
}

void connection_sweep(struct ws_connection *c, uint64_t now_us)
{
    const struct ws_handler *handler = &c->server->handler;
    uint64_t patience_us = (uint64_t)c->server->options.heartbeat_ms * 1000 * (c->n_pings + 1U);

    if (c->state != CONNECTION_STATE_OPEN || c->missed)
        return;
    if (c->heard) {
        c->heard = false;
        c->quiet_since_us = now_us;
        c->n_pings = 0;
        return;
    }
    if (now_us - c->quiet_since_us < patience_us)
        return;
    if (c->n_pings == PINGS_MAX) {
        c->missed = true;
        handler->heartbeat_missed(handler->userdata, c->user);
        return;
    }
    c->n_pings++;
    c->ping_due = true;
    lws_callback_on_writable(c->wsi);
}

void ws_connection_want_write(struct ws_connection *c)
{
    if ((c->state == CONNECTION_STATE_OPEN || c->state == CONNECTION_STATE_DRAINING) && c->wsi &&
        !c->server->freeing)
        lws_callback_on_writable(c->wsi);
}

void ws_connection_serve_first(struct ws_connection *c)
{
    if (c->state == CONNECTION_STATE_OPEN && c->wsi)
        evlib_serve_first(c->wsi);
}

void ws_connection_close(struct ws_connection *c, uint16_t code, const char *reason)
{
    unsigned char text[CLOSE_REASON_MAX]; /* lws wants it writable */
    size_t size = strnlen(reason, sizeof(text));

    if (c->state != CONNECTION_STATE_OPEN || !c->wsi || c->server->freeing)
        return;
    memcpy(text, reason, size);
    lws_close_reason(c->wsi, (enum lws_close_status)code, text, size);
    connection_enter(c, CONNECTION_STATE_DRAINING);
    in_forget(c);
    lws_callback_on_writable(c->wsi);
}

void *ws_connection_admission(struct ws_connection *c)
{
    void *admission = c->admission;

    c->admission = NULL;
    return admission;
}

const char *ws_connection_address(const struct ws_connection *c)
{
    return c->address;
}

void ws_connection_set_address(struct ws_connection *c, const char *address)
{
    snprintf(c->address, sizeof(c->address), "%s", address);
}

bool ws_connection_is_tls(const struct ws_connection *c)
{
    return c->server->identity != NULL;
}
