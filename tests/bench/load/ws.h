/* The client's half of a WebSocket (RFC 6455): the upgrade's request, masked frames out, frames in. */
#ifndef TESTS_BENCH_LOAD_WS_H
#define TESTS_BENCH_LOAD_WS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct link;

enum ws_opcode {
    WS_CONTINUATION = 0,
    WS_TEXT = 1,
    WS_BINARY = 2,
    WS_CLOSE = 8,
    WS_PING = 9,
    WS_PONG = 10
};

struct ws_frame {
    enum ws_opcode opcode;
    bool final;
    uint8_t *payload;
    size_t size;
};

void ws_write_request(struct link *l, const char *path, const char *subprotocol);

/* Bytes of the answer's head, 0 while it is not complete, -1 when it is anything but 101. */
ptrdiff_t ws_read_answer(const uint8_t *data, size_t size);

/* A frame in two parts; the second may be empty. */
void ws_write(struct link *l, enum ws_opcode opcode, const void *head, size_t head_size,
              const void *body, size_t body_size);

/* A text frame in three parts. */
void ws_write_text(struct link *l, const char *head, size_t head_size, const uint8_t *payload,
                   size_t payload_size, const char *tail);

/* Bytes of the first frame, 0 while it is not complete. */
size_t ws_read(uint8_t *data, size_t size, struct ws_frame *ret_frame);

#endif
