/* Every example file of the messages, and every raw frame, meets the verdict that its name says. A refused example must be
 * refused because of the field that its name says. */
#define _GNU_SOURCE /* memmem */

#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <jansson.h>

#include "examples.h"
#include "wire/message_fields.h"

enum { FRAME_BYTES_MAX = 4 * 1024 * 1024 };

static bool type_goes_to_relay(enum message_type type)
{
    return message_spec(type)->direction != MESSAGE_DIRECTION_TO_CLIENT;
}

static int decode(struct message *ret_message, struct message_refusal *ret_refusal, bool to_relay,
                  bool binary, const struct buf *frame)
{
    return message_decode(ret_message, ret_refusal, to_relay, binary, frame->data, frame->size,
                          to_relay ? &message_limits_to_relay : &message_limits_to_client);
}

/* Encoding what was decoded and decoding that again must settle at once. */
static void check_round_trip(const struct message *m, bool to_relay)
{
    struct buf first = BUF_INIT(FRAME_BYTES_MAX);
    struct buf second = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal;
    struct message again;

    assert_int_equal(message_encode(m, &first), 0);
    assert_memory_equal(first.data, "{\"type\":\"", 9);
    assert_int_equal(decode(&again, &refusal, to_relay, message_has_body(m), &first), 0);
    assert_int_equal(again.type, m->type);
    assert_int_equal(message_encode(&again, &second), 0);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    message_deinit(&again);
    buf_deinit(&first);
    buf_deinit(&second);
}

/* A code of a later version has no number here, so it cannot be written again. */
static bool can_be_encoded(const struct message *m)
{
    if (m->type == MESSAGE_ERROR)
        return m->error.code != WIRE_CODE_NONE;
    return m->type != MESSAGE_UNDELIVERABLE || m->undeliverable.code != WIRE_CODE_NONE;
}

static void visit_valid(const char *folder, const char *name, void *userdata)
{
    enum message_type type = *(const enum message_type *)userdata;
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal = {.code = WIRE_CODE_NONE};
    bool to_relay = type_goes_to_relay(type);
    struct message m;
    bool binary;

    example_frame(&frame, folder, name, &binary);
    if (decode(&m, &refusal, to_relay, binary, &frame))
        fail_msg("%s/%s is refused: %s: %s", folder, name, wire_code_name(refusal.code),
                 refusal.detail);
    assert_int_equal(m.type, type);
    if (can_be_encoded(&m))
        check_round_trip(&m, to_relay);
    message_deinit(&m);
    buf_deinit(&frame);
}

/* "invalid-<field>-<what>.json" */
static void field_of(char *ret_field, size_t size, const char *name)
{
    const char *begin = name + strlen("invalid-");
    size_t length = strcspn(begin, "-");

    assert_true(length > 0 && length < size);
    memcpy(ret_field, begin, length);
    ret_field[length] = '\0';
}

static bool header_has_message_id(const struct buf *frame, const char *name)
{
    return strstr(name, "invalid-messageId") == NULL &&
           memmem(frame->data, frame->size, "\"messageId\"", 11) != NULL;
}

static void visit_invalid(const char *folder, const char *name, void *userdata)
{
    enum message_type type = *(const enum message_type *)userdata;
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal = {.code = WIRE_CODE_NONE};
    struct message m = {.type = MESSAGE_NONE};
    char field[64];
    bool binary;

    example_frame(&frame, folder, name, &binary);
    field_of(field, sizeof(field), name);
    if (decode(&m, &refusal, type_goes_to_relay(type), binary, &frame) != MESSAGE_E_REFUSED)
        fail_msg("%s/%s is accepted", folder, name);
    if (refusal.code != WIRE_CODE_BAD_FIELD || !strstr(refusal.detail, field))
        fail_msg("%s/%s is refused for another reason: %s: %s", folder, name,
                 wire_code_name(refusal.code), refusal.detail);
    if (header_has_message_id(&frame, name))
        assert_string_equal(refusal.message_id.text, "m-01");
    assert_int_equal(m.type, MESSAGE_NONE);
    buf_deinit(&frame);
}

static void test_examples_of_every_type(void **state)
{
    (void)state;
    for (unsigned i = MESSAGE_NONE + 1; i < MESSAGE_COUNT; i++) {
        enum message_type type = (enum message_type)i;
        char folder[128];

        (void)snprintf(folder, sizeof(folder), "examples/%s", message_type_name(type));
        assert_true(examples_visit(folder, "valid-", ".json", visit_valid, &type) >= 1);
        assert_true(examples_visit(folder, "invalid-", ".json", visit_invalid, &type) >= 3);
    }
}

/* "<code or valid>-<what>.<to-relay or to-client>.<text or binary>" */
static void visit_frame(const char *folder, const char *name, void *userdata)
{
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal = {.code = WIRE_CODE_NONE};
    bool to_relay = strstr(name, ".to-relay.") != NULL;
    bool binary = strstr(name, ".binary") != NULL;
    char expected[64];
    struct message m;
    int r;

    (void)userdata;
    (void)snprintf(expected, sizeof(expected), "%.*s", (int)strcspn(name, "-"), name);
    example_read(&frame, folder, name);
    r = decode(&m, &refusal, to_relay, binary, &frame);
    if (strcmp(expected, "valid") == 0) {
        if (r)
            fail_msg("%s is refused: %s", name, refusal.detail);
        check_round_trip(&m, to_relay);
        message_deinit(&m);
    } else {
        if (r != MESSAGE_E_REFUSED || strcmp(expected, wire_code_name(refusal.code)) != 0)
            fail_msg("%s: %d %s %s", name, r, wire_code_name(refusal.code), refusal.detail);
        assert_true(refusal.detail[0] != '\0');
    }
    buf_deinit(&frame);
}

static void test_raw_frames(void **state)
{
    (void)state;
    assert_true(examples_visit("examples/frames", "", "", visit_frame, NULL) > 40);
}

/* --- fields of the wrong type -------------------------------------------------------------------------------------- */

struct altered {
    enum message_type type;
    json_t *header;
    const void *body;
    size_t body_size;
};

/* The field is refused, by its name. */
static void expect_refused(const struct altered *a, const struct field *f, const char *value)
{
    bool to_relay = type_goes_to_relay(a->type);
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal = {.code = WIRE_CODE_NONE};
    struct message m;
    char *header = json_dumps(a->header, JSON_COMPACT);

    assert_non_null(header);
    assert_int_equal(buf_append(&frame, header, strlen(header)), 0);
    if (a->body_size > 0)
        assert_int_equal(buf_append(&frame, a->body, a->body_size), 0);
    if (decode(&m, &refusal, to_relay, a->body_size > 0, &frame) == 0)
        fail_msg("%s: %s may be %s", message_type_name(a->type), f->name, value);
    assert_string_equal(wire_code_name(refusal.code), wire_code_name(WIRE_CODE_BAD_FIELD));
    if (!strstr(refusal.detail, f->name))
        fail_msg("%s: %s is %s, refused: %s", message_type_name(a->type), f->name, value,
                 refusal.detail);
    free(header);
    buf_deinit(&frame);
}

static const char *kind_of(enum field_kind kind)
{
    switch (kind) {
    case FIELD_U32:
    case FIELD_U64:
        return "7";
    case FIELD_BOOL:
        return "true";
    case FIELD_STRUCT:
        return "{}";
    case FIELD_ARRAY:
        return "[]";
    case FIELD_STRING:
    case FIELD_ENUM:
    case FIELD_CODE:
        break;
    }
    return "no text";
}

static unsigned alter_group(const struct altered *a, const struct field_group *group,
                            json_t *object);

/* Values of every other type, and a text that no name of a code or value may be. */
static unsigned alter_field(const struct altered *a, const struct field *f, json_t *object)
{
    static const char *const values[] = {"null",  "true", "7",  "1.5", "-1",
                                         "\"{\"", "[]",   "{}", "[7]"};
    json_t *own = json_incref(json_object_get(object, f->name));
    unsigned n = 0;

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        if (strcmp(values[i], kind_of(f->kind)) == 0 ||
            (f->kind == FIELD_STRING && values[i][0] == '"'))
            continue;
        json_t *value = json_loads(values[i], JSON_DECODE_ANY, NULL);
        assert_int_equal(json_object_set_new(object, f->name, value), 0);
        expect_refused(a, f, values[i]);
        n++;
    }
    assert_int_equal(json_object_set(object, f->name, own), 0);
    if (f->kind == FIELD_STRUCT)
        n += alter_group(a, f->group, own);
    else if (f->kind == FIELD_ARRAY && json_array_size(own) > 0)
        n += alter_group(a, f->group, json_array_get(own, 0));
    json_decref(own);
    return n;
}

static unsigned alter_group(const struct altered *a, const struct field_group *group,
                            json_t *object)
{
    unsigned n = 0;
    for (size_t i = 0; i < group->n_fields; i++)
        if (json_object_get(object, group->fields[i].name))
            n += alter_field(a, &group->fields[i], object);
    return n;
}

static void visit_altered(const char *folder, const char *name, void *userdata)
{
    struct altered a = {.type = *(const enum message_type *)userdata};
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    json_error_t error;
    bool binary;

    example_frame(&frame, folder, name, &binary);
    a.header = json_loadb((const char *)frame.data, frame.size, JSON_DISABLE_EOF_CHECK, &error);
    assert_non_null(a.header);
    a.body = frame.data + error.position;
    a.body_size = binary ? frame.size - (size_t)error.position : 0;
    assert_true(alter_group(&a, message_spec(a.type)->group, a.header) >= 8);
    json_decref(a.header);
    buf_deinit(&frame);
}

static void test_every_field_has_its_type(void **state)
{
    (void)state;
    for (enum message_type type = MESSAGE_NONE + 1; type < MESSAGE_COUNT; type++) {
        char folder[128];
        (void)snprintf(folder, sizeof(folder), "examples/%s", message_type_name(type));
        assert_true(examples_visit(folder, "valid-plain", ".json", visit_altered, &type) >= 1);
    }
    assert_null(message_spec(MESSAGE_NONE));
    assert_null(message_spec(MESSAGE_COUNT));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_has_its_type),
        cmocka_unit_test(test_examples_of_every_type),
        cmocka_unit_test(test_raw_frames),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
