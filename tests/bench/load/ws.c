#define _GNU_SOURCE
#include "bench/load/ws.h"

#include <stdio.h>
#include <string.h>

#include "bench/load/link.h"

enum { FRAME_HEAD_MAX = 14, MASK_BYTES = 4 };

/* Masks are to be unpredictable for the sake of proxies; a measurement needs them only not to be zero. */
static const uint8_t MASK[MASK_BYTES] = {0x5a, 0xc3, 0x17, 0x9e};

void ws_write_request(struct link *l, const char *path, const char *subprotocol)
{
    char request[1024];
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
                     "Connection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     "Sec-WebSocket-Version: 13\r\n%s%s%s\r\n",
                     path, subprotocol ? "Sec-WebSocket-Protocol: " : "",
                     subprotocol ? subprotocol : "", subprotocol ? "\r\n" : "");
    link_write(l, request, (size_t)n);
}

ptrdiff_t ws_read_answer(const uint8_t *data, size_t size)
{
    const uint8_t *end = memmem(data, size, "\r\n\r\n", 4);
    if (!end)
        return 0;
    if (size < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0)
        return -1;
    return end - data + 4;
}

static void mask(struct link *l, const uint8_t *data, size_t size, size_t phase)
{
    uint8_t piece[4096];
    for (size_t done = 0; done < size;) {
        size_t n = size - done < sizeof piece ? size - done : sizeof piece;
        for (size_t i = 0; i < n; i++)
            piece[i] = data[done + i] ^ MASK[(phase + done + i) % MASK_BYTES];
        link_write(l, piece, n);
        done += n;
    }
}

static void write_start(struct link *l, enum ws_opcode opcode, size_t size)
{
    uint8_t start[FRAME_HEAD_MAX];
    size_t n = 0;
    start[n++] = (uint8_t)(0x80U | (unsigned)opcode);
    if (size < 126) {
        start[n++] = (uint8_t)(0x80U | size);
    } else {
        size_t bytes = size < 65536 ? 2 : 8;
        start[n++] = (uint8_t)(0x80U | (bytes == 2 ? 126U : 127U));
        for (size_t i = bytes; i-- > 0;)
            start[n++] = (uint8_t)(size >> (8 * i));
    }
    memcpy(start + n, MASK, MASK_BYTES);
    link_write(l, start, n + MASK_BYTES);
}

void ws_write(struct link *l, enum ws_opcode opcode, const void *head, size_t head_size,
              const void *body, size_t body_size)
{
    write_start(l, opcode, head_size + body_size);
    mask(l, head, head_size, 0);
    mask(l, body, body_size, head_size);
}

void ws_write_text(struct link *l, const char *head, size_t head_size, const uint8_t *payload,
                   size_t payload_size, const char *tail)
{
    size_t tail_size = strlen(tail);
    write_start(l, WS_TEXT, head_size + payload_size + tail_size);
    mask(l, (const uint8_t *)head, head_size, 0);
    mask(l, payload, payload_size, head_size);
    mask(l, (const uint8_t *)tail, tail_size, head_size + payload_size);
}

size_t ws_read(uint8_t *data, size_t size, struct ws_frame *ret_frame)
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
    if (payload > size - head)
        return 0;
    ret_frame->opcode = (enum ws_opcode)(data[0] & 0x0fU);
    ret_frame->final = (data[0] & 0x80U) != 0;
    ret_frame->payload = data + head;
    ret_frame->size = (size_t)payload;
    return head + (size_t)payload;
}
