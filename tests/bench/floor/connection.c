#include "bench/floor/connection.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "bench/floor/handshake.h"
#include "bench/floor/stream.h"

enum { OUT_BYTES_MAX = 64 * 1024 * 1024, IN_BYTES_MAX = 2 * 1024 * 1024, MASK_BYTES = 4 };
enum { OPCODE_CLOSE = 8, OPCODE_PING = 9, OPCODE_PONG = 10 };

struct connection *connection_new(struct floor *floor, int fd)
{
    struct connection *c = calloc(1, sizeof *c);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
    if (!c || epoll_ctl(floor->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
        free(c);
        close(fd);
        return NULL;
    }
    if (floor->tls) {
        c->tls = SSL_new(floor->tls);
        if (!c->tls || SSL_set_fd(c->tls, fd) != 1)
            abort();
        SSL_set_accept_state(c->tls);
    }
    c->floor = floor;
    c->fd = fd;
    buf_init(&c->in, IN_BYTES_MAX);
    buf_init(&c->out, OUT_BYTES_MAX);
    return c;
}

void connection_free(struct connection *c)
{
    if (c->slot && *c->slot == c)
        *c->slot = NULL;
    if (list_node_linked(&c->dirty))
        list_unlink(&c->dirty);
    SSL_free(c->tls);
    close(c->fd);
    buf_deinit(&c->in);
    buf_deinit(&c->out);
    free(c);
}

void connection_append(struct connection *c, const void *data, size_t size)
{
    if (buf_append(&c->out, data, size))
        abort(); /* a floor has no manners */
    if (!list_node_linked(&c->dirty))
        list_append(&c->floor->dirty, &c->dirty);
}

static void unmask(uint8_t *data, size_t size, const uint8_t mask[MASK_BYTES])
{
    uint64_t wide = 0;
    memcpy(&wide, mask, MASK_BYTES);
    wide |= wide << 32;
    size_t i = 0;
    for (; i + sizeof wide <= size; i += sizeof wide) {
        uint64_t word;
        memcpy(&word, data + i, sizeof word);
        word ^= wide;
        memcpy(data + i, &word, sizeof word);
    }
    for (; i < size; i++)
        data[i] ^= mask[i % MASK_BYTES];
}

static void append_frame(struct connection *c, uint8_t first, const uint8_t *payload, size_t size)
{
    uint8_t head[10] = {first};
    size_t n = 2;
    if (size < 126) {
        head[1] = (uint8_t)size;
    } else {
        size_t bytes = size < 65536 ? 2 : 8;
        head[1] = bytes == 2 ? 126 : 127;
        for (size_t i = bytes; i-- > 0;)
            head[n++] = (uint8_t)(size >> (8 * i));
    }
    connection_append(c, head, n);
    connection_append(c, payload, size);
}

static struct connection *target_of(const struct floor *floor, const uint8_t *payload, size_t size)
{
    size_t id = 0;
    if (size < ID_DIGITS)
        return NULL;
    for (size_t i = 0; i < ID_DIGITS; i++)
        id = id * 10 + (size_t)(payload[i] - '0') % 10;
    return id < CONNECTIONS_MAX ? floor->by_id[id] : NULL;
}

/* Bytes of the first frame, 0 while it is not complete, -1 when the connection is over. */
static ptrdiff_t take_frame(struct connection *c, uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t head = 2;
    uint64_t payload = data[1] & 0x7fU;
    if (payload >= 126) {
        size_t bytes = payload == 126 ? 2 : 8;
        if (size < head + bytes)
            return 0;
        payload = 0;
        for (size_t i = 0; i < bytes; i++)
            payload = payload << 8 | data[head + i];
        head += bytes;
    }
    if (size < head + MASK_BYTES || payload > size - head - MASK_BYTES)
        return 0;
    uint8_t *text = data + head + MASK_BYTES;
    unmask(text, (size_t)payload, data + head);
    unsigned opcode = data[0] & 0x0fU;
    if (opcode == OPCODE_CLOSE)
        return -1;
    if (opcode == OPCODE_PING) {
        append_frame(c, 0x80U | OPCODE_PONG, text, (size_t)payload);
    } else {
        struct connection *target = target_of(c->floor, text, (size_t)payload);
        if (target)
            append_frame(target, data[0], text, (size_t)payload);
    }
    return (ptrdiff_t)(head + MASK_BYTES + payload);
}

static ptrdiff_t take_all(struct connection *c, uint8_t *data, size_t size)
{
    size_t done = 0;
    if (!c->upgraded) {
        ptrdiff_t n = handshake_take(c, (const char *)data, size);
        if (n <= 0)
            return n;
        c->upgraded = true;
        done = (size_t)n;
    }
    for (;;) {
        ptrdiff_t n = take_frame(c, data + done, size - done);
        if (n <= 0)
            return n < 0 ? n : (ptrdiff_t)done;
        done += (size_t)n;
    }
}

bool connection_read(struct connection *c)
{
    uint8_t *data = c->floor->incoming;
    ptrdiff_t n = stream_read(c->fd, c->tls, data, READ_BYTES_MAX);
    if (n <= 0)
        return n == 0;
    size_t size = (size_t)n;
    bool continues = c->in.size > 0;
    if (continues) {
        if (buf_append(&c->in, data, size))
            return false;
        data = c->in.data;
        size = c->in.size;
    }
    ptrdiff_t done = take_all(c, data, size);
    if (done < 0)
        return false;
    size_t rest = size - (size_t)done;
    if (!continues)
        return rest == 0 || buf_append(&c->in, data + done, rest) == 0;
    memmove(data, data + done, rest);
    c->in.size = rest;
    return true;
}

bool connection_write(struct connection *c)
{
    bool waits = false;
    while (!waits && c->out_done < c->out.size) {
        ptrdiff_t n =
            stream_write(c->fd, c->tls, c->out.data + c->out_done, c->out.size - c->out_done);
        if (n < 0)
            return false;
        c->out_done += (size_t)n;
        waits = c->tls ? n == 0 : c->out_done < c->out.size; /* TLS takes a record at a time */
    }
    if (!waits) {
        buf_clear(&c->out);
        c->out_done = 0;
    }
    if (waits != c->waits_for_room) {
        struct epoll_event event = {.events = EPOLLIN | (waits ? (uint32_t)EPOLLOUT : 0U),
                                    .data.ptr = c};
        epoll_ctl(c->floor->epoll, EPOLL_CTL_MOD, c->fd, &event);
        c->waits_for_room = waits;
    }
    return true;
}
