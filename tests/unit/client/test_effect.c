/* Journal first: nothing is shown before what it rests on is committed. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>
#include <syncshell/syncshell.h>

#include "client/effect.h"

static int setup(void **state)
{
    static struct effects effects;
    effects_init(&effects);
    *state = &effects;
    return 0;
}

static int teardown(void **state)
{
    effects_deinit(*state);
    return 0;
}

static void send_text(struct effects *e, const char *text)
{
    struct frame *frame;
    assert_int_equal(frame_new(&frame, false, text, strlen(text)), 0);
    assert_int_equal(effects_send(e, frame), 0);
}

static struct engine_effect next(struct effects *e, enum engine_effect_kind kind)
{
    struct engine_effect effect;
    assert_true(effects_next(e, &effect));
    assert_int_equal(effect.kind, kind);
    return effect;
}

static void expect_nothing(struct effects *e)
{
    struct engine_effect effect;
    assert_false(effects_next(e, &effect));
}

static void expect_sent(struct effects *e, const char *text)
{
    struct engine_effect effect = next(e, ENGINE_SEND);
    assert_int_equal(effect.frame->size, strlen(text));
    assert_memory_equal(effect.frame->data, text, strlen(text));
    frame_unref(effect.frame);
}

static void test_outputs_wait_for_their_batch(void **state)
{
    struct effects *e = *state;
    send_text(e, "after");
    assert_int_equal(effects_put(e, "session", "key", "{}", 2), 0);
    assert_int_equal(effects_delete(e, "file", "other"), 0);
    assert_int_equal(effects_seal(e), 0);
    struct engine_effect put = next(e, ENGINE_JOURNAL_PUT);
    assert_string_equal(put.record_kind, "session");
    assert_string_equal(put.record_key, "key");
    assert_int_equal(put.record_value_size, 2);
    assert_string_equal(put.record_value, "{}");
    struct engine_effect deletion = next(e, ENGINE_JOURNAL_DELETE);
    assert_string_equal(deletion.record_key, "other");
    assert_null(deletion.record_value);
    uint64_t batch = next(e, ENGINE_JOURNAL_COMMIT).batch;
    expect_nothing(e);
    effects_committed(e, batch);
    expect_sent(e, "after");
    expect_nothing(e);
}

static void test_later_outputs_wait_too(void **state)
{
    struct effects *e = *state;
    assert_int_equal(effects_put(e, "session", "key", "{}", 2), 0);
    assert_int_equal(effects_seal(e), 0);
    send_text(e, "next call");
    assert_int_equal(effects_seal(e), 0);
    next(e, ENGINE_JOURNAL_PUT);
    uint64_t batch = next(e, ENGINE_JOURNAL_COMMIT).batch;
    expect_nothing(e);
    effects_committed(e, batch);
    expect_sent(e, "next call");
}

static void test_without_records_nothing_waits(void **state)
{
    struct effects *e = *state;
    send_text(e, "one");
    send_text(e, "two");
    assert_int_equal(effects_seal(e), 0);
    expect_sent(e, "one");
    expect_sent(e, "two");
    expect_nothing(e);
}

static void test_unsealed_is_not_given(void **state)
{
    struct effects *e = *state;
    send_text(e, "one");
    expect_nothing(e);
    assert_int_equal(effects_seal(e), 0);
    expect_sent(e, "one");
}

static void test_frames_end_with_their_connection(void **state)
{
    struct effects *e = *state;
    send_text(e, "old");
    assert_int_equal(effects_connect(e, "ws://relay"), 0);
    assert_int_equal(effects_seal(e), 0);
    e->connection++;
    send_text(e, "new");
    assert_int_equal(effects_disconnect(e), 0);
    assert_int_equal(effects_seal(e), 0);
    assert_string_equal(next(e, ENGINE_CONNECT).url, "ws://relay");
    expect_sent(e, "new");
    next(e, ENGINE_DISCONNECT);
}

static void test_batches_are_numbered_and_cumulative(void **state)
{
    struct effects *e = *state;
    uint64_t batches[2];
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(effects_put(e, "file", "key", "1", 1), 0);
        send_text(e, i == 0 ? "first" : "second");
        assert_int_equal(effects_seal(e), 0);
    }
    next(e, ENGINE_JOURNAL_PUT);
    batches[0] = next(e, ENGINE_JOURNAL_COMMIT).batch;
    effects_committed(e, batches[0]);
    expect_sent(e, "first");
    next(e, ENGINE_JOURNAL_PUT);
    batches[1] = next(e, ENGINE_JOURNAL_COMMIT).batch;
    assert_true(batches[1] > batches[0]);
    effects_committed(e, batches[0]); /* told twice: nothing of the second */
    expect_nothing(e);
    effects_committed(e, batches[1]);
    expect_sent(e, "second");
}

static void test_stop_leaves_only_the_last_word(void **state)
{
    struct effects *e = *state;
    struct syncshell_event *event;
    assert_int_equal(effects_put(e, "file", "key", "1", 1), 0);
    send_text(e, "lost");
    assert_int_equal(effects_seal(e), 0);
    assert_int_equal(effects_put(e, "file", "key", "2", 1), 0);
    assert_int_equal(event_new(&event, SYNCSHELL_EVENT_STOPPED, 0), 0);
    effects_stop(e, event);
    event = next(e, ENGINE_EVENT).event;
    assert_int_equal(event_type(event), SYNCSHELL_EVENT_STOPPED);
    event_free(event);
    expect_nothing(e);
}

static void test_what_is_not_taken_is_freed(void **state)
{
    struct effects *e = *state;
    struct syncshell_event *event;
    assert_int_equal(event_new(&event, SYNCSHELL_EVENT_STOPPED, 0), 0);
    assert_int_equal(effects_event(e, event), 0);
    assert_int_equal(effects_put(e, "file", "key", "1", 1), 0);
    assert_int_equal(effects_seal(e), 0);
    send_text(e, "never");
    /* the teardown frees them; the sanitizer counts */
}

#define EFFECT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EFFECT_TEST(test_outputs_wait_for_their_batch),
        EFFECT_TEST(test_later_outputs_wait_too),
        EFFECT_TEST(test_without_records_nothing_waits),
        EFFECT_TEST(test_unsealed_is_not_given),
        EFFECT_TEST(test_frames_end_with_their_connection),
        EFFECT_TEST(test_batches_are_numbered_and_cumulative),
        EFFECT_TEST(test_stop_leaves_only_the_last_word),
        EFFECT_TEST(test_what_is_not_taken_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
