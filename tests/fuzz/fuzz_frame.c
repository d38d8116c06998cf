/* A frame from the network. The first byte chooses direction and kind of frame, the rest is the frame. What is accepted
 * must encode, decode again and encode to the same bytes; what is refused must say why. The short cuts for plain headers must
 * come to what the parser comes to, and to what the printer prints. */
#include "fuzz.h"

#include <stdbool.h>
#include <string.h>

#include "wire/message.h"
#include "wire/message_header.h"

enum {
    OPTION_TO_RELAY = 1,
    OPTION_BINARY = 2,
    FRAME_BYTES_MAX = 8 * 1024 * 1024,
};

static int decode(struct message *ret_message, struct message_refusal *ret_refusal, bool to_relay,
                  bool binary, const uint8_t *frame, size_t size)
{
    return message_decode(ret_message, ret_refusal, to_relay, binary, frame, size,
                          to_relay ? &message_limits_to_relay : &message_limits_to_client);
}

/* A code of a later version has no number here, so it cannot be written again. */
static bool can_be_encoded(const struct message *m)
{
    if (m->type == MESSAGE_ERROR)
        return m->error.code != WIRE_CODE_NONE;
    if (m->type == MESSAGE_UNDELIVERABLE)
        return m->undeliverable.code != WIRE_CODE_NONE;
    return m->type != MESSAGE_MEMBERSHIP_ENDED || m->membership_ended.code != WIRE_CODE_NONE;
}

static void check_round_trip(const struct message *m, bool to_relay)
{
    struct buf first = BUF_INIT(FRAME_BYTES_MAX);
    struct buf second = BUF_INIT(FRAME_BYTES_MAX);
    struct message_refusal refusal;
    struct message again;

    fuzz_check(message_encode(m, &first) == 0);
    fuzz_check(decode(&again, &refusal, to_relay, message_has_body(m), first.data, first.size) ==
               0);
    fuzz_check(again.type == m->type && again.body_size == m->body_size);
    fuzz_check(message_encode_printed(&again, &second) == 0);
    fuzz_check(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    message_deinit(&again);
    buf_deinit(&first);
    buf_deinit(&second);
}

static void check_same(const struct message *a, const struct message *b)
{
    struct buf first = BUF_INIT(FRAME_BYTES_MAX);
    struct buf second = BUF_INIT(FRAME_BYTES_MAX);

    fuzz_check(a->type == b->type && a->body == b->body && a->body_size == b->body_size);
    fuzz_check(message_encode(a, &first) == 0 && message_encode(b, &second) == 0);
    fuzz_check(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    buf_deinit(&first);
    buf_deinit(&second);
}

/* What message_decode() made of it, against the parser alone. */
static void check_parsed(int r, const struct message *m, const struct message_refusal *refusal,
                         bool to_relay, bool binary, const uint8_t *frame, size_t size)
{
    struct message_refusal parsed_refusal = {.code = WIRE_CODE_NONE};
    struct message parsed;

    fuzz_check(message_decode_parsed(&parsed, &parsed_refusal, to_relay, binary, frame, size,
                                     to_relay ? &message_limits_to_relay
                                              : &message_limits_to_client) == r);
    if (r == 0) {
        if (can_be_encoded(m))
            check_same(m, &parsed);
        message_deinit(&parsed);
    } else {
        fuzz_check(parsed_refusal.code == refusal->code);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct message_refusal refusal = {.code = WIRE_CODE_NONE};
    bool to_relay;
    struct message m;
    int r;

    if (size == 0)
        return 0;
    to_relay = data[0] & OPTION_TO_RELAY;
    r = decode(&m, &refusal, to_relay, data[0] & OPTION_BINARY, data + 1, size - 1);
    check_parsed(r, &m, &refusal, to_relay, data[0] & OPTION_BINARY, data + 1, size - 1);
    if (r == 0) {
        if (can_be_encoded(&m))
            check_round_trip(&m, to_relay);
        message_deinit(&m);
    } else {
        fuzz_check(r == MESSAGE_E_REFUSED);
        fuzz_check(refusal.code != WIRE_CODE_NONE && refusal.detail[0] != '\0');
    }
    return 0;
}
