#include "wire/message_header.h"

#include <stdio.h>
#include <string.h>

#include "wire/strict_json.h"

int message_refuse(struct message_refusal *ret_refusal, enum wire_code code, const char *detail)
{
    ret_refusal->code = code;
    (void)snprintf(ret_refusal->detail, sizeof(ret_refusal->detail), "%s", detail);
    return MESSAGE_E_REFUSED;
}

static int split_text(struct message_parts *ret_parts, struct message_refusal *ret_refusal,
                      const uint8_t *frame, size_t frame_size, const struct message_limits *limits)
{
    if (frame_size > limits->header_bytes)
        return message_refuse(ret_refusal, WIRE_CODE_HEADER_TOO_LARGE, "the header is too large");
    if (frame_size > 0 && memchr(frame, '\n', frame_size))
        return message_refuse(ret_refusal, WIRE_CODE_BAD_FRAME,
                              "a text frame contains a line feed");
    *ret_parts = (struct message_parts){.header = frame, .header_size = frame_size};
    return 0;
}

static int split_binary(struct message_parts *ret_parts, struct message_refusal *ret_refusal,
                        const uint8_t *frame, size_t frame_size,
                        const struct message_limits *limits)
{
    bool may_be_long = frame_size > limits->header_bytes;
    size_t searched = may_be_long ? (size_t)limits->header_bytes + 1 : frame_size;
    const uint8_t *line_feed = searched > 0 ? memchr(frame, '\n', searched) : NULL;

    if (!line_feed && may_be_long)
        return message_refuse(ret_refusal, WIRE_CODE_HEADER_TOO_LARGE, "the header is too large");
    if (!line_feed)
        return message_refuse(ret_refusal, WIRE_CODE_BAD_FRAME,
                              "a binary frame has no line feed after its header");

    size_t header_size = (size_t)(line_feed - frame);
    size_t body_size = frame_size - header_size - 1;
    if (body_size == 0)
        return message_refuse(ret_refusal, WIRE_CODE_BAD_FRAME, "a binary frame has no body");
    if (body_size > limits->body_bytes)
        return message_refuse(ret_refusal, WIRE_CODE_BODY_TOO_LARGE, "the body is too large");
    *ret_parts = (struct message_parts){
        .header = frame,
        .header_size = header_size,
        .body = line_feed + 1,
        .body_size = body_size,
    };
    return 0;
}

int message_parts_split(struct message_parts *ret_parts, struct message_refusal *ret_refusal,
                        bool binary, const uint8_t *frame, size_t frame_size,
                        const struct message_limits *limits)
{
    if (binary)
        return split_binary(ret_parts, ret_refusal, frame, frame_size, limits);
    return split_text(ret_parts, ret_refusal, frame, frame_size, limits);
}

int message_header_parse(json_t **ret_object, struct message_refusal *ret_refusal,
                         const struct message_parts *parts)
{
    int r = strict_json_load(ret_object, parts->header, parts->header_size, WIRE_DEPTH_MAX);

    if (r == STRICT_JSON_E_INVALID)
        return message_refuse(ret_refusal, WIRE_CODE_BAD_HEADER,
                              "the header is not one strict JSON object");
    if (r == STRICT_JSON_E_DUPLICATE_KEY)
        return message_refuse(ret_refusal, WIRE_CODE_DUPLICATE_KEY, "the header names a key twice");
    if (r == STRICT_JSON_E_TOO_DEEP)
        return message_refuse(ret_refusal, WIRE_CODE_BAD_HEADER, "the header is nested too deeply");
    return r;
}
