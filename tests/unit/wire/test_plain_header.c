/* The short cut for plain headers: it is taken where it should be, and comes to nothing that the parser would not come to. */
#include "wire/plain_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "samples.h"
#include "wire/message_header.h"

enum { FRAME_BYTES_MAX = 65536 };

static const char routed_header[] =
    "{\"type\":\"IceCandidate\",\"messageId\":\"m-01\",\"syncshellId\":\"9f86d081884c7d65\","
    "\"sourcePeerId\":\"" SAMPLE_PEER "\",\"targetPeerId\":\"" SAMPLE_PEER_2 "\","
    "\"recoverySessionId\":\"r_1\",\"generation\":3,\"bodyFormat\":\"sealed\"}";

static const char entry_header[] =
    "{\"type\":\"SessionProgress\",\"messageId\":\"m-01\",\"syncshellId\":\"9f86d081884c7d65\","
    "\"recoverySessionId\":\"r_1\",\"baseVersion\":9007199254740991,\"bodyFormat\":\"json\"}";

/* Both decoders on one frame: the same verdict, the same message. Whether it was accepted. */
static bool same(const char *frame, size_t size)
{
    const struct message_limits *limits = &message_limits_to_relay;
    struct message_refusal refusal = {0}, parsed_refusal = {0};
    struct message m, parsed;
    int r = message_decode(&m, &refusal, true, true, (const uint8_t *)frame, size, limits);
    int parsed_r = message_decode_parsed(&parsed, &parsed_refusal, true, true,
                                         (const uint8_t *)frame, size, limits);

    if (r != parsed_r || refusal.code != parsed_refusal.code)
        fail_msg("%d %d against %d %d: %.*s", r, refusal.code, parsed_r, parsed_refusal.code,
                 (int)size, frame);
    if (r == 0) {
        assert_memory_equal(&m, &parsed, sizeof m);
        message_deinit(&m);
        message_deinit(&parsed);
    }
    return r == 0;
}

static size_t frame_of(char *ret_frame, const char *header)
{
    int n = snprintf(ret_frame, FRAME_BYTES_MAX, "%s\nbody", header);
    return (size_t)n;
}

static bool is_plain(const char *header)
{
    struct message m = {0};
    return plain_header_read(&m, (const uint8_t *)header, strlen(header));
}

static void test_takes_plain_headers(void **state)
{
    (void)state;
    char frame[FRAME_BYTES_MAX];
    assert_true(is_plain(routed_header));
    assert_true(is_plain(entry_header));
    assert_true(same(frame, frame_of(frame, routed_header)));
    assert_true(same(frame, frame_of(frame, entry_header)));
}

static void test_takes_what_the_encoder_writes(void **state)
{
    (void)state;
    struct message m = {
        .type = MESSAGE_RECONNECT_OFFER, .body = (const uint8_t *)"b", .body_size = 1};
    struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
    m.routed = (struct message_routed){.message_id = {"m"},
                                       .syncshell_id = {"s"},
                                       .source_peer_id = {SAMPLE_PEER},
                                       .target_peer_id = {SAMPLE_PEER_2},
                                       .recovery_session_id = {"r"},
                                       .generation = 1,
                                       .body_format = BODY_FORMAT_SEALED};
    struct message again = {0};
    assert_int_equal(message_encode(&m, &frame), 0);
    assert_true(plain_header_read(&again, frame.data, frame.size - 2));
    assert_memory_equal(&again.routed, &m.routed, sizeof m.routed);
    buf_deinit(&frame);
}

/* Every byte replaced by, preceded by and left out for what means something to JSON or to these headers. */
static void check_mutants(const char *header)
{
    static const char bytes[] = "\"\\{}[],: \t\r\n09-+.eEaZ/u\x7f\x80\xff";
    char frame[FRAME_BYTES_MAX], mutant[FRAME_BYTES_MAX];
    size_t size = frame_of(frame, header);

    for (size_t at = 0; at < strlen(header); at++) {
        memcpy(mutant, frame, at);
        memcpy(mutant + at, frame + at + 1, size - at - 1);
        same(mutant, size - 1);
        for (size_t i = 0; i < sizeof bytes; i++) { /* and NUL */
            memcpy(mutant, frame, size);
            mutant[at] = bytes[i];
            same(mutant, size);
            mutant[at] = bytes[i];
            memcpy(mutant + at + 1, frame + at, size - at);
            same(mutant, size + 1);
        }
    }
}

static void test_mutants_meet_the_same_verdict(void **state)
{
    (void)state;
    check_mutants(routed_header);
    check_mutants(entry_header);
}

#define SESSION "\"messageId\":\"m\",\"syncshellId\":\"s\",\"recoverySessionId\":\"r\""
#define ENTRY   "{\"type\":\"SessionProgress\"," SESSION

static void test_odd_headers_meet_the_same_verdict(void **state)
{
    static const char *const headers[] = {
        ENTRY ",\"baseVersion\":1,\"bodyFormat\":\"sealed\",\"baseVersion\":1}",
        ENTRY ",\"baseVersion\":1,\"bodyFormat\":\"sealed\",\"type\":\"SessionProgress\"}",
        ENTRY ",\"bodyFormat\":\"sealed\"}",
        ENTRY ",\"baseVersion\":1}",
        ENTRY ",\"baseVersion\":0,\"bodyFormat\":\"sealed\"}",
        ENTRY ",\"baseVersion\":01,\"bodyFormat\":\"sealed\"}",
        ENTRY ",\"baseVersion\":9007199254740992,\"bodyFormat\":\"sealed\"}",
        ENTRY ",\"baseVersion\":99999999999999999999,\"bodyFormat\":\"sealed\"}",
        ENTRY ",\"baseVersion\":\"1\",\"bodyFormat\":\"sealed\"}",
        ENTRY ",\"baseVersion\":1,\"bodyFormat\":\"Sealed\"}",
        ENTRY ",\"bodyFormat\":\"sealed\",\"baseVersion\":1}",
        ENTRY ",\"baseVersion\":1,\"bodyFormat\":\"sealed\",\"more\":[{}]}",
        ENTRY ",\"baseVersion\":1,\"bodyFormat\":\"sealed\",\"more\":1,\"more\":1}",
        ENTRY ",\"baseVersion\":1,\"bodyFormat\":\"sealed\"}}",
        ENTRY ",\"baseVersion\":1,\"bodyFormat\":\"sealed\",}",
        ENTRY " , \"baseVersion\" : 1 , \"bodyFormat\" : \"sealed\" }",
        "{" SESSION ",\"type\":\"SessionProgress\",\"baseVersion\":1,\"bodyFormat\":\"sealed\"}",
        "{\"type\":\"Stored\",\"inReplyTo\":\"m\",\"version\":1,\"duplicate\":false}",
        "{\"type\":\"LeaveSyncshell\",\"messageId\":\"m\",\"syncshellId\":\"s\"}",
        "{\"type\":\"IceCandidate\",\"messageId\":\"m\",\"syncshellId\":\"s\",\"sourcePeerId\":\"" SAMPLE_PEER
        "\",\"targetPeerId\":\"" SAMPLE_PEER
        "\",\"recoverySessionId\":\"r\",\"generation\":3,\"bodyFormat\":\"sealed\"}",
        "{\"type\":\"\"}",
        "{\"type\":\"SessionProgress\"",
        "{\"type\":\"SessionProgress",
        "{\"type\":",
        "{\"type\":\"SessionProgress\",\"",
    };
    char frame[FRAME_BYTES_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++)
        same(frame, frame_of(frame, headers[i]));
}

/* Both encoders on one message; whether the short cut was taken. */
static bool written_alike(const struct message *m)
{
    struct buf plain = BUF_INIT(FRAME_BYTES_MAX), printed = BUF_INIT(FRAME_BYTES_MAX);
    bool taken = plain_header_write(m, &plain) == 0;

    assert_int_equal(message_encode_printed(m, &printed), 0);
    if (taken) {
        assert_int_equal(plain.size, printed.size);
        assert_memory_equal(plain.data, printed.data, plain.size);
    } else {
        assert_int_equal(plain.size, 0);
    }
    buf_deinit(&plain);
    buf_deinit(&printed);
    return taken;
}

static void test_writes_what_the_printer_writes(void **state)
{
    static const uint64_t numbers[] = {1, 9, 10, 4294967296, 9007199254740991};
    struct message m = {.type = MESSAGE_STORED};
    (void)state;
    m.stored.in_reply_to = (struct wire_id){"m_-9Z"};
    assert_true(written_alike(&m));
    m.stored.duplicate = true;
    m.stored.has_version = true;
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        m.stored.version = numbers[i];
        assert_true(written_alike(&m));
    }
    m.stored.has_inbox_seq = true;
    m.stored.inbox_seq = 7;
    m.stored.recovery_session_id = (struct wire_id){"r"};
    m.stored.has_valid_for_ms = true;
    m.stored.valid_for_ms = 0;
    assert_true(written_alike(&m));
}

static void test_leaves_other_fields_to_the_printer(void **state)
{
    struct message m = {.type = MESSAGE_ERROR};
    (void)state;
    m.error.in_reply_to = (struct wire_id){"m"};
    m.error.code = WIRE_CODE_BAD_FRAME;
    (void)snprintf(m.error.text, sizeof m.error.text, "a \"quoted\" text");
    assert_false(written_alike(&m));
}

static void test_writes_nothing_without_room(void **state)
{
    struct message m = {.type = MESSAGE_STORED};
    (void)state;
    m.stored.in_reply_to = (struct wire_id){"m"};
    for (size_t room = 0; room < 50; room++) {
        struct buf out = BUF_INIT(room);
        int r = plain_header_write(&m, &out);
        assert_int_equal(r, out.size > 0 ? 0 : BUF_E_FULL);
        buf_deinit(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_takes_plain_headers),
        cmocka_unit_test(test_takes_what_the_encoder_writes),
        cmocka_unit_test(test_mutants_meet_the_same_verdict),
        cmocka_unit_test(test_odd_headers_meet_the_same_verdict),
        cmocka_unit_test(test_writes_what_the_printer_writes),
        cmocka_unit_test(test_leaves_other_fields_to_the_printer),
        cmocka_unit_test(test_writes_nothing_without_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
