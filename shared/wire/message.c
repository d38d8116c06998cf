#include "wire/message.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "wire/message_fields.h"
#include "wire/message_header.h"
#include "wire/plain_header.h"
#include "wire/strict_json.h"

const struct message_limits message_limits_to_relay = {
    .header_bytes = WIRE_REQUEST_HEADER_MAX,
    .signal_body_bytes = WIRE_SIGNAL_BODY_MAX,
    .body_bytes = WIRE_BODY_MAX,
};

const struct message_limits message_limits_to_client = {
    .header_bytes = WIRE_REPLY_HEADER_MAX,
    .signal_body_bytes = WIRE_SIGNAL_BODY_MAX,
    .body_bytes = WIRE_REQUEST_HEADER_MAX + 1 + WIRE_BODY_MAX,
};

const char *message_type_name(enum message_type type)
{
    const struct message_spec *spec = message_spec(type);

    return spec ? spec->name : "none";
}

enum message_type message_type_from_name(const char *name, size_t length)
{
    static const struct {
        const char *name;
        size_t length;
    } names[MESSAGE_COUNT] = {
#define X(id, type_name, member, body, direction) \
    [MESSAGE_##id] = {type_name, sizeof(type_name) - 1},
        MESSAGE_TABLE(X)
#undef X
    };

    for (unsigned i = MESSAGE_NONE + 1; i < MESSAGE_COUNT; i++) {
        if (names[i].length == length && memcmp(names[i].name, name, length) == 0)
            return (enum message_type)i;
    }
    return MESSAGE_NONE;
}

bool message_has_body(const struct message *m)
{
    return m->body_size > 0;
}

void message_deinit(struct message *m)
{
    const struct message_spec *spec = m ? message_spec(m->type) : NULL;

    if (!spec)
        return;
    field_group_release(spec->group, &m->hello);
    m->type = MESSAGE_NONE;
}

static bool type_is_signal(enum message_type type)
{
    return type == MESSAGE_RECONNECT_OFFER || type == MESSAGE_RECONNECT_ANSWER ||
           type == MESSAGE_ICE_CANDIDATE;
}

/* The sender can only tie an Error to its request by the id, so it is read before anything else may be refused. */
static void read_message_id(struct message_refusal *ret_refusal, const json_t *header)
{
    const json_t *value = json_object_get(header, "messageId");

    if (json_is_string(value) && json_string_length(value) == strlen(json_string_value(value)))
        (void)wire_id_set(&ret_refusal->message_id, json_string_value(value));
}

static int read_type(enum message_type *ret_type, struct message_refusal *ret_refusal,
                     const json_t *header, bool to_relay)
{
    const json_t *value = json_object_get(header, "type");
    const struct message_spec *spec;
    enum message_type type;

    if (!value)
        return message_refuse(ret_refusal, WIRE_CODE_BAD_FIELD, "type is missing");
    if (!json_is_string(value))
        return message_refuse(ret_refusal, WIRE_CODE_BAD_FIELD, "type is not a string");
    type = message_type_from_name(json_string_value(value), json_string_length(value));
    spec = message_spec(type);
    if (!spec)
        return message_refuse(ret_refusal, WIRE_CODE_UNKNOWN_TYPE, "type is not known");
    if (to_relay && spec->direction == MESSAGE_DIRECTION_TO_CLIENT)
        return message_refuse(ret_refusal, WIRE_CODE_UNEXPECTED_TYPE, "only a relay sends this");
    if (!to_relay && spec->direction == MESSAGE_DIRECTION_TO_RELAY)
        return message_refuse(ret_refusal, WIRE_CODE_UNEXPECTED_TYPE, "only a client sends this");
    *ret_type = type;
    return 0;
}

static bool body_fits_type(const struct message *m)
{
    enum message_body rule = message_spec(m->type)->body;

    return rule == MESSAGE_BODY_MAY || message_has_body(m) == (rule == MESSAGE_BODY_MUST);
}

static int check_body(const struct message *m, struct message_refusal *ret_refusal,
                      const struct message_limits *limits)
{
    if (!body_fits_type(m))
        return message_refuse(ret_refusal, WIRE_CODE_BAD_FRAME,
                              message_has_body(m) ? "this type has no body"
                                                  : "this type needs a body");
    if (type_is_signal(m->type) && m->body_size > limits->signal_body_bytes)
        return message_refuse(ret_refusal, WIRE_CODE_BODY_TOO_LARGE, "the body is too large");
    return 0;
}

/* Into a zeroed message; what it has allocated when it fails is the caller's to deinit. */
static int decode_header(struct message *m, struct message_refusal *ret_refusal, bool to_relay,
                         const json_t *header, const struct message_limits *limits)
{
    struct field_refusal field_refusal;
    const char *broken;
    int r;

    read_message_id(ret_refusal, header);
    r = read_type(&m->type, ret_refusal, header, to_relay);
    if (!r)
        r = check_body(m, ret_refusal, limits);
    if (r)
        return r;

    r = field_group_read(message_spec(m->type)->group, &m->hello, header, &field_refusal);
    if (r == FIELD_E_REFUSED)
        return message_refuse(ret_refusal, WIRE_CODE_BAD_FIELD, field_refusal.detail);
    if (r)
        return r;

    broken = message_broken_rule(m);
    return broken ? message_refuse(ret_refusal, WIRE_CODE_BAD_FIELD, broken) : 0;
}

static bool direction_fits(const struct message *m, bool to_relay)
{
    enum message_direction wrong =
        to_relay ? MESSAGE_DIRECTION_TO_CLIENT : MESSAGE_DIRECTION_TO_RELAY;

    return message_spec(m->type)->direction != wrong;
}

/* By the short cut of plain_header.h. False: decode_parsed() must decide. */
static bool decode_plain(struct message *ret_message, bool to_relay,
                         const struct message_parts *parts, const struct message_limits *limits)
{
    struct message_refusal unused;

    memset(ret_message, 0, sizeof(*ret_message));
    ret_message->body = parts->body;
    ret_message->body_size = parts->body_size;
    return plain_header_read(ret_message, parts->header, parts->header_size) &&
           direction_fits(ret_message, to_relay) && check_body(ret_message, &unused, limits) == 0 &&
           !message_broken_rule(ret_message);
}

static int decode_parsed(struct message *ret_message, struct message_refusal *ret_refusal,
                         bool to_relay, const struct message_parts *parts,
                         const struct message_limits *limits)
{
    json_t *header = NULL;
    int r = message_header_parse(&header, ret_refusal, parts);

    memset(ret_message, 0, sizeof(*ret_message));
    if (!r) {
        ret_message->body = parts->body;
        ret_message->body_size = parts->body_size;
        r = decode_header(ret_message, ret_refusal, to_relay, header, limits);
    }
    json_decref(header);
    if (r)
        message_deinit(ret_message);
    return r;
}

static int decode(struct message *ret_message, struct message_refusal *ret_refusal, bool to_relay,
                  bool binary, const uint8_t *frame, size_t frame_size,
                  const struct message_limits *limits, bool short_cut)
{
    struct message_refusal refusal = {.code = WIRE_CODE_NONE};
    struct message_parts parts;
    struct message m;
    int r = message_parts_split(&parts, &refusal, binary, frame, frame_size, limits);

    if (!r && !(short_cut && decode_plain(&m, to_relay, &parts, limits)))
        r = decode_parsed(&m, &refusal, to_relay, &parts, limits);
    if (!r)
        *ret_message = m;
    if (r == MESSAGE_E_REFUSED)
        *ret_refusal = refusal;
    return r;
}

int message_decode(struct message *ret_message, struct message_refusal *ret_refusal, bool to_relay,
                   bool binary, const uint8_t *frame, size_t frame_size,
                   const struct message_limits *limits)
{
    return decode(ret_message, ret_refusal, to_relay, binary, frame, frame_size, limits, true);
}

int message_decode_parsed(struct message *ret_message, struct message_refusal *ret_refusal,
                          bool to_relay, bool binary, const uint8_t *frame, size_t frame_size,
                          const struct message_limits *limits)
{
    return decode(ret_message, ret_refusal, to_relay, binary, frame, frame_size, limits, false);
}

static int encode_header(const struct message *m, struct buf *out)
{
    const struct message_spec *spec = message_spec(m->type);
    json_t *header = json_object();
    int r = -ENOMEM;

    if (header && json_object_set_new(header, "type", json_string(spec->name)) == 0)
        r = field_group_write(spec->group, &m->hello, header);
    if (!r)
        r = strict_json_append(out, header);
    json_decref(header);
    return r;
}

static int encode(const struct message *m, struct buf *out, bool short_cut)
{
    size_t start = out->size;
    int r = PLAIN_HEADER_E_OTHER;

    assert(message_spec(m->type) && body_fits_type(m) && !message_broken_rule(m));

    if (short_cut)
        r = plain_header_write(m, out);
    if (r == PLAIN_HEADER_E_OTHER)
        r = encode_header(m, out);
    if (!r && message_has_body(m)) {
        r = buf_append(out, "\n", 1);
        if (!r)
            r = buf_append(out, m->body, m->body_size);
    }
    if (r)
        out->size = start;
    return r;
}

int message_encode(const struct message *m, struct buf *out)
{
    return encode(m, out, true);
}

int message_encode_printed(const struct message *m, struct buf *out)
{
    return encode(m, out, false);
}
