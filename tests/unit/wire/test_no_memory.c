/* Every allocation made to fail in turn, once and for good, in every codec: no crash, no leak, nothing half done. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bodies.h"
#include "examples.h"
#include "failmalloc.h"
#include "samples.h"
#include "wire/invite.h"
#include "wire/message_fields.h"

enum {
    FRAME_BYTES_MAX = 4 * 1024 * 1024,
    ALLOCATIONS_MAX = 10000,
};

struct codec {
    int (*run)(const void *userdata);
    const void *userdata;
};

/* Runs with the first, second, ... allocation failing until none does. */
static void sweep(struct codec c, bool for_good)
{
    size_t n = 0;
    bool failed = true;

    for (; failed && n < ALLOCATIONS_MAX; n++) {
        int r;

        failmalloc_arm(n, for_good);
        r = c.run(c.userdata);
        failed = failmalloc_disarm();
        if (failed != (r == -ENOMEM))
            fail_msg("allocation %zu%s: %d", n, for_good ? " and on" : "", r);
        if (!failed)
            assert_int_equal(r, 0);
    }
    assert_true(n > 1 && n < ALLOCATIONS_MAX);
}

struct frame_case {
    const struct buf *frame;
    bool to_relay;
    bool binary;
};

static int run_decode(const void *userdata)
{
    const struct frame_case *c = userdata;
    struct message_refusal refusal;
    struct message m;
    int r = message_decode(&m, &refusal, c->to_relay, c->binary, c->frame->data, c->frame->size,
                           c->to_relay ? &message_limits_to_relay : &message_limits_to_client);

    if (r == 0)
        message_deinit(&m);
    return r;
}

static int run_encode(const void *userdata)
{
    struct buf out = BUF_INIT(FRAME_BYTES_MAX);
    int r = message_encode(userdata, &out);

    if (r)
        assert_int_equal(out.size, 0);
    buf_deinit(&out);
    return r;
}

static void test_messages(void **state)
{
    (void)state;
    for (unsigned i = MESSAGE_NONE + 1; i < MESSAGE_COUNT; i++) {
        enum message_type type = (enum message_type)i;
        struct buf frame = BUF_INIT(FRAME_BYTES_MAX);
        struct frame_case c = {.frame = &frame};
        struct message_refusal refusal;
        struct message m;
        char folder[128];

        (void)snprintf(folder, sizeof(folder), "examples/%s", message_type_name(type));
        example_frame(&frame, folder, "valid-plain.json", &c.binary);
        c.to_relay = message_spec(type)->direction != MESSAGE_DIRECTION_TO_CLIENT;
        for (int for_good = 0; for_good < 2; for_good++)
            sweep((struct codec){run_decode, &c}, for_good);

        assert_int_equal(message_decode(&m, &refusal, c.to_relay, c.binary, frame.data, frame.size,
                                        &message_limits_to_client),
                         0);
        for (int for_good = 0; for_good < 2; for_good++)
            sweep((struct codec){run_encode, &m}, for_good);
        message_deinit(&m);
        buf_deinit(&frame);
    }
}

struct body_case {
    const struct body_codec *codec;
    const struct buf *json;
    const union body_any *body;
};

static int run_body_decode(const void *userdata)
{
    const struct body_case *c = userdata;
    union body_any body;
    int r = c->codec->decode(&body, c->json->data, c->json->size);

    if (r == 0)
        c->codec->deinit(&body);
    return r;
}

static int run_body_encode(const void *userdata)
{
    const struct body_case *c = userdata;
    struct buf out = BUF_INIT(FRAME_BYTES_MAX);
    int r = c->codec->encode(&out, c->body);

    if (r)
        assert_int_equal(out.size, 0);
    buf_deinit(&out);
    return r;
}

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < BODY_CODECS; i++) {
        struct buf json = BUF_INIT(FRAME_BYTES_MAX);
        struct body_case c = {.codec = &body_codecs[i], .json = &json};
        bool has_plain;
        union body_any body;
        char folder[128];

        (void)snprintf(folder, sizeof(folder), "body/examples/%s", c.codec->name);
        has_plain = example_exists(folder, "valid-plain.json");
        example_read(&json, folder, has_plain ? "valid-plain.json" : "valid-progress.json");
        for (int for_good = 0; for_good < 2; for_good++)
            sweep((struct codec){run_body_decode, &c}, for_good);
        assert_int_equal(c.codec->decode(&body, json.data, json.size), 0);
        c.body = &body;
        for (int for_good = 0; for_good < 2; for_good++)
            sweep((struct codec){run_body_encode, &c}, for_good);
        c.codec->deinit(&body);
        buf_deinit(&json);
    }
}

static const struct invite invite = {
    .relay_url = "wss://relay.example",
    .syncshell_id = {"s"},
    .secret = {SAMPLE_KEY},
    .owner_peer_id = {SAMPLE_PEER},
    .certificate_pin = {SAMPLE_KEY_2},
};

static int run_invite_decode(const void *userdata)
{
    const struct buf *json = userdata;
    struct invite i;

    return invite_decode_json(&i, json->data, json->size);
}

static int run_invite_encode(const void *userdata)
{
    struct buf out = BUF_INIT(INVITE_TEXT_MAX);
    int r = invite_encode_json(&out, userdata);

    buf_deinit(&out);
    return r;
}

static void test_invites(void **state)
{
    struct buf json = BUF_INIT(INVITE_TEXT_MAX);

    (void)state;
    assert_int_equal(invite_encode_json(&json, &invite), 0);
    for (int for_good = 0; for_good < 2; for_good++) {
        sweep((struct codec){run_invite_decode, &json}, for_good);
        sweep((struct codec){run_invite_encode, &invite}, for_good);
    }
    buf_deinit(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_messages),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_invites),
    };

    failmalloc_watch_jansson();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
