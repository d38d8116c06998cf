/* A frame cut into header and body, and the header parsed. Knows frames and JSON, no message types. */
#ifndef SHARED_WIRE_MESSAGE_HEADER_H
#define SHARED_WIRE_MESSAGE_HEADER_H

#include "wire/message.h"

#include <jansson.h>

struct message_parts {
    const uint8_t *header;
    size_t header_size;
    const uint8_t *body; /* NULL in a text frame */
    size_t body_size;
};

/* 0, or MESSAGE_E_REFUSED with the refusal's code and detail set. */
int message_parts_split(struct message_parts *ret_parts, struct message_refusal *ret_refusal,
                        bool binary, const uint8_t *frame, size_t frame_size,
                        const struct message_limits *limits);

/* 0 (json_decref() the object), MESSAGE_E_REFUSED with code and detail set, or -ENOMEM. */
int message_header_parse(json_t **ret_object, struct message_refusal *ret_refusal,
                         const struct message_parts *parts);

/* message_decode() without the short cut of plain_header.h, for tests that compare the two. */
int message_decode_parsed(struct message *ret_message, struct message_refusal *ret_refusal,
                          bool to_relay, bool binary, const uint8_t *frame, size_t frame_size,
                          const struct message_limits *limits);

/* The same of message_encode(). */
int message_encode_printed(const struct message *m, struct buf *out);

/* Fills in code and detail; always MESSAGE_E_REFUSED. */
int message_refuse(struct message_refusal *ret_refusal, enum wire_code code, const char *detail);

#endif
