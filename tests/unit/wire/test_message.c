/* What the example files cannot show: limits and their order, refusals' identity, the largest messages, ownership. */
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "samples.h"

enum { FRAME_BYTES_MAX = 4 * 1024 * 1024 };

static const struct message_limits small_limits = {
    .header_bytes = 400,
    .signal_body_bytes = 10,
    .body_bytes = 20,
};

static struct message routed(enum message_type type, const char *body, size_t body_size)
{
    struct message m = {
        .type = type,
        .body = (const uint8_t *)body,
        .body_size = body_size,
        .routed =
            {
                .message_id = {"m1"},
                .syncshell_id = {"shell"},
                .source_peer_id = {SAMPLE_PEER},
                .target_peer_id = {SAMPLE_PEER_2},
                .recovery_session_id = {"session"},
                .generation = 1,
                .body_format = BODY_FORMAT_SEALED,
            },
    };

    return m;
}

/* Decodes toward the relay and returns the code, WIRE_CODE_NONE when the frame is accepted. */
static enum wire_code verdict(const void *frame, size_t size, bool binary,
                              const struct message_limits *limits, struct message_refusal *refusal)
{
    struct message m;
    int r;

    memset(refusal, 0, sizeof(*refusal));
    r = message_decode(&m, refusal, true, binary, frame, size, limits);
    if (r == 0)
        message_deinit(&m);
    else
        assert_int_equal(r, MESSAGE_E_REFUSED);
    return refusal->code;
}

static enum wire_code routed_verdict(enum message_type type, size_t body_size)
{
    static const char bytes[32] = {0};
    struct message m = routed(type, bytes, body_size);
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal;
    enum wire_code code;

    assert_int_equal(message_encode(&m, &frame), 0);
    code = verdict(frame.data, frame.size, true, &small_limits, &refusal);
    buf_deinit(&frame);
    return code;
}

static void test_body_limits_by_type(void **state)
{
    (void)state;
    assert_int_equal(routed_verdict(MESSAGE_RECONNECT_OFFER, 10), WIRE_CODE_NONE);
    assert_int_equal(routed_verdict(MESSAGE_RECONNECT_OFFER, 11), WIRE_CODE_BODY_TOO_LARGE);
    assert_int_equal(routed_verdict(MESSAGE_RECONNECT_ANSWER, 11), WIRE_CODE_BODY_TOO_LARGE);
    assert_int_equal(routed_verdict(MESSAGE_ICE_CANDIDATE, 11), WIRE_CODE_BODY_TOO_LARGE);
    assert_int_equal(routed_verdict(MESSAGE_RECOVERY_REQUEST, 20), WIRE_CODE_NONE);
    assert_int_equal(routed_verdict(MESSAGE_RECOVERY_REQUEST, 21), WIRE_CODE_BODY_TOO_LARGE);
    assert_int_equal(routed_verdict(MESSAGE_RECOVERY_RESPONSE, 21), WIRE_CODE_BODY_TOO_LARGE);
}

static void test_header_limit_to_the_byte(void **state)
{
    static const char header[] =
        "{\"type\":\"LeaveSyncshell\",\"messageId\":\"m1\",\"syncshellId\":\"s\"}";
    char frame[sizeof(header) + 400];
    struct message_refusal refusal;

    (void)state;
    memset(frame, ' ', sizeof(frame));
    memcpy(frame, header, sizeof(header) - 1);
    assert_int_equal(verdict(frame, 400, false, &small_limits, &refusal), WIRE_CODE_NONE);
    assert_int_equal(verdict(frame, 401, false, &small_limits, &refusal),
                     WIRE_CODE_HEADER_TOO_LARGE);

    frame[400] = '\n';
    frame[401] = 'x';
    assert_int_equal(verdict(frame, 402, true, &small_limits, &refusal), WIRE_CODE_BAD_FRAME);
    assert_string_equal(refusal.message_id.text, "m1");
    frame[400] = ' ';
    frame[401] = '\n';
    assert_int_equal(verdict(frame, 403, true, &small_limits, &refusal),
                     WIRE_CODE_HEADER_TOO_LARGE);
}

/* Sizes first: nothing that is too large is parsed, however broken it is. */
static void test_sizes_are_refused_before_contents(void **state)
{
    struct message_refusal refusal;
    char frame[500];

    (void)state;
    memset(frame, '[', sizeof(frame));
    assert_int_equal(verdict(frame, sizeof(frame), false, &small_limits, &refusal),
                     WIRE_CODE_HEADER_TOO_LARGE);
    assert_int_equal(verdict(frame, sizeof(frame), true, &small_limits, &refusal),
                     WIRE_CODE_HEADER_TOO_LARGE);
    frame[3] = '\n';
    assert_int_equal(verdict(frame, sizeof(frame), true, &small_limits, &refusal),
                     WIRE_CODE_BODY_TOO_LARGE);
}

static enum wire_code text_verdict(const char *text, struct message_refusal *refusal)
{
    return verdict(text, strlen(text), false, &message_limits_to_relay, refusal);
}

static void test_refusals_carry_the_message_id(void **state)
{
    struct message_refusal refusal;

    (void)state;
    assert_int_equal(text_verdict("{\"messageId\":\"m7\",\"type\":\"Nonsense\"}", &refusal),
                     WIRE_CODE_UNKNOWN_TYPE);
    assert_string_equal(refusal.message_id.text, "m7");
    assert_int_equal(text_verdict("{\"messageId\":\"m7\",\"type\":\"Welcome\"}", &refusal),
                     WIRE_CODE_UNEXPECTED_TYPE);
    assert_string_equal(refusal.message_id.text, "m7");
    assert_int_equal(text_verdict("{\"messageId\":\"m7\"}", &refusal), WIRE_CODE_BAD_FIELD);
    assert_string_equal(refusal.message_id.text, "m7");
    assert_int_equal(text_verdict("{\"messageId\":\"m 7\",\"type\":\"Nonsense\"}", &refusal),
                     WIRE_CODE_UNKNOWN_TYPE);
    assert_string_equal(refusal.message_id.text, "");
    assert_int_equal(text_verdict("{\"messageId\":7,\"type\":\"AckInbox\"}", &refusal),
                     WIRE_CODE_BAD_FIELD);
    assert_string_equal(refusal.message_id.text, "");
}

static void test_details_name_fields_and_never_values(void **state)
{
    struct message_refusal refusal;

    (void)state;
    assert_int_equal(text_verdict("{\"type\":\"AckInbox\",\"messageId\":\"m\",\"syncshellId\":"
                                  "\"SECRET VALUE\",\"inboxSeq\":1}",
                                  &refusal),
                     WIRE_CODE_BAD_FIELD);
    assert_string_equal(refusal.detail, "syncshellId is malformed");
    assert_int_equal(text_verdict("{\"type\":\"SECRET\"}", &refusal), WIRE_CODE_UNKNOWN_TYPE);
    assert_null(strstr(refusal.detail, "SECRET"));
    assert_int_equal(text_verdict("{\"type\":\"AckInbox\",\"SECRET", &refusal),
                     WIRE_CODE_BAD_HEADER);
    assert_null(strstr(refusal.detail, "SECRET"));
}

static void test_a_refusal_leaves_the_message_alone(void **state)
{
    struct message m = {.type = MESSAGE_HELLO};
    struct message_refusal refusal;

    (void)state;
    assert_int_equal(message_decode(&m, &refusal, true, false, (const uint8_t *)"{}", 2,
                                    &message_limits_to_relay),
                     MESSAGE_E_REFUSED);
    assert_int_equal(m.type, MESSAGE_HELLO);
}

static void test_the_body_is_borrowed(void **state)
{
    struct message m = routed(MESSAGE_RECONNECT_OFFER, "a\n\0b", 4);
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal;
    struct message decoded;

    (void)state;
    assert_int_equal(message_encode(&m, &frame), 0);
    assert_int_equal(message_decode(&decoded, &refusal, true, true, frame.data, frame.size,
                                    &message_limits_to_relay),
                     0);
    assert_ptr_equal(decoded.body, frame.data + frame.size - 4);
    assert_int_equal(decoded.body_size, 4);
    assert_memory_equal(decoded.body, "a\n\0b", 4);
    assert_true(message_has_body(&decoded));
    assert_string_equal(decoded.routed.target_peer_id.text, SAMPLE_PEER_2);
    assert_int_equal(decoded.routed.body_format, BODY_FORMAT_SEALED);
    message_deinit(&decoded);
    assert_int_equal(decoded.type, MESSAGE_NONE);
    message_deinit(&decoded);
    message_deinit(NULL);
    buf_deinit(&frame);
}

static void test_an_inbox_delivery_holds_the_largest_frame(void **state)
{
    struct message m = {.type = MESSAGE_INBOX_DELIVERY, .inbox_delivery = {{"s"}, 1}};
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal;
    struct message decoded;

    (void)state;
    m.body_size = WIRE_REQUEST_HEADER_MAX + 1 + WIRE_BODY_MAX;
    m.body = calloc(1, m.body_size + 1);
    assert_non_null(m.body);
    assert_int_equal(message_encode(&m, &frame), 0);
    assert_int_equal(message_decode(&decoded, &refusal, false, true, frame.data, frame.size,
                                    &message_limits_to_client),
                     0);
    message_deinit(&decoded);
    buf_clear(&frame);
    m.body_size++;
    assert_int_equal(message_encode(&m, &frame), 0);
    assert_int_equal(message_decode(&decoded, &refusal, false, true, frame.data, frame.size,
                                    &message_limits_to_client),
                     MESSAGE_E_REFUSED);
    assert_int_equal(refusal.code, WIRE_CODE_BODY_TOO_LARGE);
    free((void *)(uintptr_t)m.body);
    buf_deinit(&frame);
}

static void fill_id(struct wire_id *ret_id)
{
    memset(ret_id->text, 'x', WIRE_ID_MAX);
    ret_id->text[WIRE_ID_MAX] = '\0';
}

/* The relay's replies at their largest stay within the limit that clients apply. */
static void check_fits_reply(const struct message *m)
{
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal;
    struct message decoded;

    assert_int_equal(message_encode(m, &frame), 0);
    if (message_decode(&decoded, &refusal, false, message_has_body(m), frame.data, frame.size,
                       &message_limits_to_client))
        fail_msg("%s", refusal.detail);
    assert_int_equal(decoded.type, m->type);
    message_deinit(&decoded);
    buf_deinit(&frame);
}

static void test_the_largest_syncshell_joined_fits(void **state)
{
    static struct message_member members[WIRE_MEMBERS_MAX];
    static struct message_session_summary sessions[WIRE_SESSIONS_MAX];
    struct message m = {.type = MESSAGE_SYNCSHELL_JOINED};
    struct message_syncshell_joined *j = &m.syncshell_joined;

    (void)state;
    for (size_t i = 0; i < WIRE_MEMBERS_MAX; i++)
        members[i] = (struct message_member){{SAMPLE_PEER}, PRESENCE_ONLINE};
    for (size_t i = 0; i < WIRE_SESSIONS_MAX; i++) {
        sessions[i] = (struct message_session_summary){
            .joiner_peer_id = {SAMPLE_PEER},
            .provider_peer_id = {SAMPLE_PEER_2},
            .generation = WIRE_INTEGER_MAX,
            .version = WIRE_INTEGER_MAX,
            .state = SESSION_STATE_CLOSED,
            .outcome = SESSION_OUTCOME_COMPLETED,
        };
        fill_id(&sessions[i].recovery_session_id);
    }
    fill_id(&j->in_reply_to);
    fill_id(&j->syncshell_id);
    fill_id(&j->store_epoch);
    j->owner_peer_id = (struct wire_peer_id){SAMPLE_PEER};
    j->key_epoch = WIRE_INTEGER_MAX;
    j->inbox_head = WIRE_INTEGER_MAX;
    j->members = members;
    j->n_members = WIRE_MEMBERS_MAX;
    j->sessions = sessions;
    j->n_sessions = WIRE_SESSIONS_MAX;
    check_fits_reply(&m);
}

static void test_the_largest_session_snapshot_fits(void **state)
{
    static struct message_snapshot_entry entries[WIRE_ENTRIES_MAX];
    static const uint8_t body[WIRE_ENTRIES_MAX] = {0};
    struct message m = {.type = MESSAGE_SESSION_SNAPSHOT, .body = body, .body_size = sizeof(body)};
    struct message_session_snapshot *s = &m.session_snapshot;

    (void)state;
    for (size_t i = 0; i < WIRE_ENTRIES_MAX; i++)
        entries[i] = (struct message_snapshot_entry){
            .version = WIRE_INTEGER_MAX - WIRE_ENTRIES_MAX + i,
            .type = MESSAGE_SESSION_CHECKPOINT,
            .source_peer_id = {SAMPLE_PEER},
            .body_format = BODY_FORMAT_SEALED,
            .size_bytes = 1,
        };
    fill_id(&s->in_reply_to);
    fill_id(&s->syncshell_id);
    fill_id(&s->recovery_session_id);
    s->version = WIRE_INTEGER_MAX;
    s->entries = entries;
    s->n_entries = WIRE_ENTRIES_MAX;
    check_fits_reply(&m);
}

static void test_the_largest_error_fits(void **state)
{
    struct message m = {
        .type = MESSAGE_ERROR,
        .error = {.code = WIRE_CODE_BAD_FIELD, .has_generation = true, .generation = 7},
    };

    (void)state;
    memset(m.error.text, '\x01', WIRE_TEXT_MAX);
    fill_id(&m.error.in_reply_to);
    check_fits_reply(&m);
}

static void test_encoding_fills_the_buffer_or_leaves_it(void **state)
{
    struct message m = routed(MESSAGE_RECONNECT_OFFER, "body", 4);
    struct buf whole = BUF_INIT(FRAME_BYTES_MAX);

    (void)state;
    assert_int_equal(message_encode(&m, &whole), 0);
    for (size_t max = 4; max < whole.size + 4; max++) {
        struct buf out = BUF_INIT(max);

        assert_int_equal(buf_append_str(&out, "kept"), 0);
        assert_int_equal(message_encode(&m, &out), BUF_E_FULL);
        assert_int_equal(out.size, 4);
        buf_deinit(&out);
    }
    buf_deinit(&whole);
}

static void test_type_names_lead_back(void **state)
{
    (void)state;
    for (unsigned i = MESSAGE_NONE + 1; i < MESSAGE_COUNT; i++) {
        const char *name = message_type_name((enum message_type)i);

        assert_int_equal(message_type_from_name(name, strlen(name)), i);
    }
    assert_int_equal(message_type_from_name("Hell", 4), MESSAGE_NONE);
    assert_int_equal(message_type_from_name("Hello\0", 6), MESSAGE_NONE);
    assert_int_equal(message_type_from_name("", 0), MESSAGE_NONE);
    assert_string_equal(message_type_name(MESSAGE_NONE), "none");
}

static void test_other_names(void **state)
{
    (void)state;
    assert_string_equal(presence_name(PRESENCE_ONLINE), "online");
    assert_string_equal(presence_name(PRESENCE_LEFT), "left");
    assert_string_equal(session_outcome_name(SESSION_OUTCOME_NONE), "none");
    assert_string_equal(session_outcome_name(SESSION_OUTCOME_CANCELLED), "cancelled");
    assert_int_equal(session_outcome_from_name("failed"), SESSION_OUTCOME_FAILED);
    assert_int_equal(session_outcome_from_name("none"), SESSION_OUTCOME_NONE);
    assert_int_equal(session_outcome_from_name("lost"), SESSION_OUTCOME_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_body_limits_by_type),
        cmocka_unit_test(test_header_limit_to_the_byte),
        cmocka_unit_test(test_sizes_are_refused_before_contents),
        cmocka_unit_test(test_refusals_carry_the_message_id),
        cmocka_unit_test(test_details_name_fields_and_never_values),
        cmocka_unit_test(test_a_refusal_leaves_the_message_alone),
        cmocka_unit_test(test_the_body_is_borrowed),
        cmocka_unit_test(test_an_inbox_delivery_holds_the_largest_frame),
        cmocka_unit_test(test_the_largest_syncshell_joined_fits),
        cmocka_unit_test(test_the_largest_session_snapshot_fits),
        cmocka_unit_test(test_the_largest_error_fits),
        cmocka_unit_test(test_encoding_fills_the_buffer_or_leaves_it),
        cmocka_unit_test(test_type_names_lead_back),
        cmocka_unit_test(test_other_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
