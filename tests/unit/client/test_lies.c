/* A relay that makes numbers up: it may keep its clients from recovering, for as long as it does, but neither end them nor leave them
 * with what no honest relay takes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "attempt_steps.h"
#include "client/code.h"

enum { TICKET = 90 };

static uint64_t offered(struct scene *s)
{
    const struct message *m = scene_hear_any(s);
    while (m && m->type != MESSAGE_RECONNECT_OFFER)
        m = scene_hear_any(s);
    return m ? m->routed.generation : 0;
}

/* Whatever a relay says, there are numbers left above it, and what it said does not stay. */
static void test_generations(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    offer(s, 10, 1);
    struct message m =
        scene_error_message(&(struct wire_id){.text = ""}, WIRE_CODE_STALE_GENERATION);
    m.error.in_reply_to = hear(s, MESSAGE_RECONNECT_OFFER, 1);
    m.error.has_generation = true;
    m.error.generation = WIRE_INTEGER_MAX;
    scene_say(s, &m);
    scene_forget(s);
    offer(s, 11, 0);
    assert_int_equal(offered(s), 2);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, WIRE_INTEGER_MAX, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    scene_forget(s);
    offer(s, 12, 0);
    assert_int_equal(offered(s), 3);
}

/* The same of a session that only the relay knows: there is nothing to compare with. */
static void test_a_session_without_a_generation_left(void **state)
{
    struct scene *s = *state;
    const struct message_session_summary summary = scene_summary(s, true, WIRE_INTEGER_MAX, 1);
    scene_boot(s);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    scene_forget(s);
    offer(s, 10, 0);
    expect_refused(s, 10, WIRE_INTEGER_MAX + 1, "generation_jump");
    scene_advance_ms(s, 3600 * 1000);
    assert_false(engine_stopped(s->station.engine));
}

/* ---- versions ---- */

static void report(struct scene *s, const char *path)
{
    struct body_file_list files = {0};
    files_add(&files, file_done(path, NULL, 1));
    station_report(&s->station, SCENE_SESSION, &files);
    scene_settle(s);
}

static void test_versions(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    report(s, "a");
    struct message m =
        scene_error_message(&scene_hear(s, MESSAGE_SESSION_PROGRESS)->session_entry.message_id,
                            WIRE_CODE_VERSION_CONFLICT);
    m.error.has_version = true;
    m.error.version = WIRE_INTEGER_MAX;
    scene_say(s, &m);
    const struct message *entry = scene_hear(s, MESSAGE_SESSION_CHECKPOINT);
    assert_int_equal(entry->session_entry.base_version, WIRE_INTEGER_MAX);
    scene_stored(s, &entry->session_entry.message_id); /* without a version */
    report(s, "b");
    entry = scene_hear(s, MESSAGE_SESSION_PROGRESS);
    assert_int_equal(entry->session_entry.base_version, WIRE_INTEGER_MAX);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    entry = scene_hear(s, MESSAGE_SESSION_CHECKPOINT);
    assert_int_equal(entry->session_entry.base_version, 1);
}

/* ---- the owner's operations ---- */

static void order_removal(struct scene *s)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_owner_operation(st->engine, s->now_us, TICKET, SCENE_SHELL,
                                            MESSAGE_REMOVE_MEMBER, s->other.text));
    scene_settle(s);
}

static void test_owner_sequences(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE,
                                           .owned = true,
                                           .owner_sequence = WIRE_INTEGER_MAX});
    scene_forget(s);
    order_removal(s);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), TICKET);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "stale_owner_sequence");
    scene_silence(s);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE, .owned = true});
    scene_forget(s);
    order_removal(s);
    assert_int_equal(scene_hear(s, MESSAGE_REMOVE_MEMBER)->owner_operation.owner_sequence, 1);
}

/* ---- members ---- */

static void test_members_without_end(void **state)
{
    struct scene *s = *state;
    struct message m = {.type = MESSAGE_PEER_PRESENCE};
    size_t n_told = 0;
    scene_session(s, true);
    wire_id_set(&m.peer_presence.syncshell_id, SCENE_SHELL);
    m.peer_presence.presence = PRESENCE_ONLINE;
    m.peer_presence.peer_id = s->other;
    for (unsigned i = 0; i < 1000; i++) {
        char digits[5];
        snprintf(digits, sizeof digits, "%04u", i);
        memcpy(m.peer_presence.peer_id.text + 20, digits, 4);
        scene_say(s, &m);
        struct syncshell_event *e = station_next(&s->station);
        n_told += e && event_type(e) == SYNCSHELL_EVENT_PEER_PRESENCE;
    }
    assert_in_range(n_told, WIRE_MEMBERS_MAX - 2, WIRE_MEMBERS_MAX);
    scene_presence(s, PRESENCE_AWAY); /* who was there before is */
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_PEER_PRESENCE);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PRESENCE), "away");
}

/* ---- times ---- */

static void test_going_away_for_good(void **state)
{
    struct scene *s = *state;
    const struct message m = {.type = MESSAGE_GO_AWAY,
                              .go_away = {.reconnect_after_ms = UINT32_MAX, .text = "bye"}};
    scene_session(s, true);
    unsigned n_dials = s->n_dials;
    scene_say(s, &m);
    assert_false(s->connected);
    scene_advance_ms(s, 2 * 3600 * 1000);
    assert_true(s->n_dials > n_dials);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_generations),
        SCENE_TEST(test_a_session_without_a_generation_left),
        SCENE_TEST(test_versions),
        SCENE_TEST(test_owner_sequences),
        SCENE_TEST(test_members_without_end),
        SCENE_TEST(test_going_away_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
