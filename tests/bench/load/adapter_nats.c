/* The NATS client protocol over WebSocket. WebSocket messages are pieces of a stream here: lines, and payloads between them. */
#define _GNU_SOURCE /* memrchr */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/load/die.h"
#include "bench/load/load.h"
#include "bench/load/text.h"

enum { LINE_MAX_BYTES = 4096 };

struct nats {
    char line[LINE_MAX_BYTES]; /* the beginning of one, while its end has not come */
    size_t line_size;
    size_t skip; /* bytes of a payload that are still to come */
};

static void write_text(struct endpoint *e, const char *text)
{
    ws_write(&e->link, WS_BINARY, text, strlen(text), NULL, 0);
    link_flush(&e->link);
}

/* A line without its end. Returns the bytes of payload that follow. */
static size_t take_line(struct endpoint *e, const char *line, size_t size)
{
    char text[256];
    if (text_starts(line, size, "MSG ")) {
        const char *count = memrchr(line, ' ', size);
        return strtoul(count, NULL, 10) + 2; /* ends at the line's CR */
    }
    if (text_starts(line, size, "INFO ")) {
        snprintf(
            text, sizeof text,
            "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"version\":\"1\",\"protocol\":1}\r\n"
            "SUB p.%08zu 1\r\nPING\r\n",
            e->index);
        write_text(e, text);
    } else if (text_starts(line, size, "PING")) {
        write_text(e, "PONG\r\n");
    } else if (text_starts(line, size, "PONG")) {
        endpoint_ready(e);
    } else {
        text_unexpected(line, size);
    }
    return 0;
}

static size_t skip(struct endpoint *e, size_t size)
{
    struct nats *s = e->state;
    size_t n = s->skip < size ? s->skip : size;
    s->skip -= n;
    if (n > 0 && s->skip == 0)
        endpoint_routed(e);
    return n;
}

static void received(struct endpoint *e, enum ws_opcode opcode, const char *data, size_t size)
{
    struct nats *s = e->state;
    for (size_t done = 0; done < size;) {
        if (s->skip > 0) {
            done += skip(e, size - done);
            continue;
        }
        const char *end = memchr(data + done, '\n', size - done);
        size_t n = end ? (size_t)(end - data) + 1 - done : size - done;
        if (end && s->line_size == 0) {
            s->skip = take_line(e, data + done, n - 2);
        } else {
            if (s->line_size + n > sizeof s->line)
                die("the server sends a line that is too long");
            memcpy(s->line + s->line_size, data + done, n);
            s->line_size += n;
            if (end) {
                s->skip = take_line(e, s->line, s->line_size - 2);
                s->line_size = 0;
            }
        }
        done += n;
    }
}

static void send(struct endpoint *e, size_t lane)
{
    struct buf text = BUF_INIT(e->load->options.size + 128);
    char head[64];
    snprintf(head, sizeof head, "PUB p.%08zu %zu\r\n", endpoint_partner(e)->index,
             e->load->options.size);
    buf_append_str(&text, head);
    buf_append(&text, e->load->payload, e->load->options.size);
    buf_append_str(&text, "\r\n");
    ws_write(&e->link, WS_BINARY, text.data, text.size, NULL, 0);
    buf_deinit(&text);
}

const struct adapter adapter_nats = {
    .name = "nats", .state_size = sizeof(struct nats), .received = received, .send = send};
