/* Signaling for a target that is away: held, delivered when it comes back, or undeliverable, within bounds (P1, P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

#define OFFER     MESSAGE_RECONNECT_OFFER
#define ANSWER    MESSAGE_RECONNECT_ANSWER
#define CANDIDATE MESSAGE_ICE_CANDIDATE

static uint64_t attempts_live(const struct world *w)
{
    struct core_stats stats;
    core_stats(w->core, &stats);
    return stats.attempts_live;
}

static uint64_t held_frames(const struct world *w)
{
    struct core_stats stats;
    core_stats(w->core, &stats);
    return stats.held_frames;
}

static const char *say_as(struct client *c, struct client *to, enum message_type type,
                          uint64_t generation, const char *message_id)
{
    struct message m;
    make_routed(c, to, type, "session", generation, &m);
    wire_id_set(&m.routed.message_id, message_id);
    return say(c, &m);
}

/* --- P1: held, delivered, undeliverable ---------------------------------------------------------------------------- */

static void p1_held_and_delivered(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    uint32_t ttl_ms = w->config.offer_ttl_ms;
    client_disconnect(p.provider);
    forget(p.joiner);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    expect_held(p.joiner, "offer", ttl_ms);
    world_advance_ms(w, 1000);
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c1");
    expect_held(p.joiner, "c1", ttl_ms);
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c2");
    expect_held(p.joiner, "c2", ttl_ms);
    world_advance_ms(w, ttl_ms - 1001);
    client_reconnect(p.provider, "shell");
    expect_routed(p.provider, OFFER, "offer");
    expect_routed(p.provider, CANDIDATE, "c1");
    expect_routed(p.provider, CANDIDATE, "c2");
    expect_nothing(p.provider);
    expect_presence(p.joiner, p.provider, PRESENCE_ONLINE);
    /* It was delivered: nothing more is said about it. */
    world_advance_ms(w, ttl_ms * 3);
    expect_nothing(p.joiner);
    assert_int_equal(w->n_events[CORE_EVENT_HELD], 3);
}

static void p1_held_and_expired(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    uint32_t ttl_ms = w->config.offer_ttl_ms;
    client_disconnect(p.provider);
    forget(p.joiner);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    expect_held(p.joiner, "offer", ttl_ms);
    world_advance_ms(w, 500);
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c1");
    expect_held(p.joiner, "c1", ttl_ms);
    world_advance_ms(w, ttl_ms - 501);
    expect_nothing(p.joiner);
    world_advance_ms(w, 1);
    expect_undeliverable(p.joiner, "offer", WIRE_CODE_EXPIRED);
    expect_nothing(p.joiner);
    world_advance_ms(w, 500);
    expect_undeliverable(p.joiner, "c1", WIRE_CODE_EXPIRED);
    assert_int_equal(held_frames(w), 0);
    /* Never replayed stale. */
    client_reconnect(p.provider, "shell");
    expect_nothing(p.provider);
    assert_int_equal(w->n_events[CORE_EVENT_UNDELIVERABLE], 2);
}

static void p1_not_delivered_at_the_very_end(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    forget(p.joiner);
    /* The time is over, but the tick has not come yet. */
    w->now_us += (uint64_t)w->config.offer_ttl_ms * 1000;
    client_reconnect(p.provider, "shell");
    expect_nothing(p.provider);
    world_advance_ms(w, 0);
    expect_presence(p.joiner, p.provider, PRESENCE_ONLINE);
    expect_undeliverable(p.joiner, "offer", WIRE_CODE_EXPIRED);
}

static void p1_redelivered_after_a_lost_connection(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c");
    expect_routed(p.provider, OFFER, "offer");
    expect_routed(p.provider, CANDIDATE, "c");
    client_reconnect(p.provider, "shell");
    expect_routed(p.provider, OFFER, "offer");
    expect_routed(p.provider, CANDIDATE, "c");
    expect_nothing(p.provider);
}

static void p1_redelivered_to_the_newer_connection(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    struct client *fresh = client_at(w, 9);
    fresh->peer_id = p.provider->peer_id;
    client_connect(fresh);
    say_authenticate(fresh);
    expect(fresh, MESSAGE_WELCOME);
    expect_nothing(fresh);
    say_join(fresh, "shell");
    expect(fresh, MESSAGE_SYNCSHELL_JOINED);
    expect_routed(fresh, OFFER, "offer");
}

static void p1_answered_offer_is_not_redelivered(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    say_as(p.provider, p.joiner, ANSWER, 1, "answer");
    client_reconnect(p.provider, "shell");
    expect_nothing(p.provider);
    /* But the answer is, to the side that may not have had it. */
    client_reconnect(p.joiner, "shell");
    expect_routed(p.joiner, ANSWER, "answer");
}

static void p1_told_when_handed_over_and_never_back(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    client_disconnect(p.provider);
    expect_presence(p.joiner, p.provider, PRESENCE_AWAY);
    world_advance_ms(w, w->config.offer_ttl_ms);
    expect_undeliverable(p.joiner, "offer", WIRE_CODE_EXPIRED);
}

static void p1_held_for_a_target_that_reads_too_slowly(void **state)
{
    struct world *w = *state;
    w->config.queue_frames_max = 2;
    world_start(w);
    struct pair p = world_pair(w);
    p.provider->stalled = true;
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c0");
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c");
    expect_held(p.joiner, "c", w->config.offer_ttl_ms);
    expect_presence(p.joiner, p.provider, PRESENCE_AWAY);
    expect_closed(p.provider, 4002);
    p.provider->stalled = false;
    w->config.queue_frames_max = 100;
    core_reconfigure(w->core, &w->config);
    client_reconnect(p.provider, "shell");
    expect_routed(p.provider, OFFER, "offer");
    expect_routed(p.provider, CANDIDATE, "c0");
    expect_routed(p.provider, CANDIDATE, "c");
}

static void p6_many_held_frames_wait_for_room(void **state)
{
    struct world *w = *state;
    w->config.queue_frames_max = 10;
    world_start(w);
    struct pair p = world_pair(w);
    char name[16];
    client_disconnect(p.provider);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "c%d", i);
        say_as(p.joiner, p.provider, CANDIDATE, 1, name);
    }
    forget(p.joiner);
    client_connect(p.provider);
    say_authenticate(p.provider);
    expect(p.provider, MESSAGE_WELCOME);
    p.provider->stalled = true;
    say_join(p.provider, "shell");
    expect_presence(p.joiner, p.provider, PRESENCE_ONLINE);
    /* What comes now does not overtake, and is not held: the target is there. */
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c20");
    expect_nothing(p.joiner);
    client_pull(p.provider, 1000);
    expect(p.provider, MESSAGE_SYNCSHELL_JOINED);
    expect_routed(p.provider, OFFER, "offer");
    for (int i = 0; i <= 20; i++) {
        snprintf(name, sizeof name, "c%d", i);
        expect_routed(p.provider, CANDIDATE, name);
    }
    p.provider->stalled = false;
    say_as(p.joiner, p.provider, CANDIDATE, 1, "direct");
    expect_routed(p.provider, CANDIDATE, "direct");
}

static void p6_waiting_for_room_ends_with_the_connection(void **state)
{
    struct world *w = *state;
    w->config.queue_frames_max = 4;
    world_start(w);
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    for (int i = 0; i < 8; i++)
        say_routed(p.joiner, p.provider, i ? CANDIDATE : OFFER, "session", 1);
    client_connect(p.provider);
    say_authenticate(p.provider);
    p.provider->stalled = true;
    say_join(p.provider, "shell");
    client_disconnect(p.provider);
    w->config.queue_frames_max = 100;
    core_reconfigure(w->core, &w->config);
    forget(p.joiner);
    world_advance_ms(w, w->config.offer_ttl_ms);
    for (int i = 0; i < 8; i++)
        expect(p.joiner, MESSAGE_UNDELIVERABLE);
}

static void p1_superseded(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    say_as(p.joiner, p.provider, OFFER, 1, "first");
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c");
    expect_held(p.joiner, "first", w->config.offer_ttl_ms);
    expect_held(p.joiner, "c", w->config.offer_ttl_ms);
    say_as(p.joiner, p.provider, OFFER, 2, "second");
    expect_undeliverable(p.joiner, "first", WIRE_CODE_SUPERSEDED);
    expect_undeliverable(p.joiner, "c", WIRE_CODE_SUPERSEDED);
    expect_held(p.joiner, "second", w->config.offer_ttl_ms);
    client_reconnect(p.provider, "shell");
    expect_routed(p.provider, OFFER, "second");
    expect_nothing(p.provider);
}

static void p1_superseded_after_delivery_is_silent(void **state)
{
    struct pair p = world_pair(*state);
    say_as(p.joiner, p.provider, OFFER, 1, "first");
    say_as(p.joiner, p.provider, OFFER, 2, "second");
    expect_nothing(p.joiner);
}

static void p1_session_closed_while_held(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    expect_held(p.joiner, "offer", w->config.offer_ttl_ms);
    const char *id = say_close(p.joiner, "session", SESSION_OUTCOME_CANCELLED);
    expect_undeliverable(p.joiner, "offer", WIRE_CODE_SESSION_CLOSED);
    expect_stored(p.joiner, id);
    assert_int_equal(attempts_live(w), 0);
}

static void p1_target_left_while_held(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    say_leave(p.joiner, "shell");
    client_disconnect(p.joiner);
    forget(p.provider);
    say_as(p.provider, p.joiner, OFFER, 1, "offer");
    expect_held(p.provider, "offer", w->config.offer_ttl_ms);
    world_store_run(w);
    expect_undeliverable(p.provider, "offer", WIRE_CODE_TARGET_LEFT);
    expect(p.provider, MESSAGE_SESSION_CHANGED);
    expect_presence(p.provider, p.joiner, PRESENCE_LEFT);
}

static void p1_sender_gone(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    client_disconnect(p.joiner);
    /* Held all the same: the syncshell stays loaded for it. */
    struct core_stats stats;
    core_stats(w->core, &stats);
    assert_int_equal(stats.syncshells_loaded, 1);
    client_reconnect(p.provider, "shell");
    expect_routed(p.provider, OFFER, "offer");
    client_disconnect(p.provider);
    world_advance_ms(w, w->config.offer_ttl_ms * 2);
    core_stats(w->core, &stats);
    assert_int_equal(stats.syncshells_loaded, 0);
}

/* --- P6: bounded holding ------------------------------------------------------------------------------------------- */

static void p6_candidates_max(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_routed(p.joiner, p.provider, OFFER, "session", 1);
    for (int i = 0; i < 64; i++)
        say_routed(p.joiner, p.provider, CANDIDATE, "session", 1);
    expect_nothing(p.joiner);
    const char *id = say_routed(p.joiner, p.provider, CANDIDATE, "session", 1);
    expect_error(p.joiner, id, WIRE_CODE_HELD_FULL);
    /* The other side's account is its own. */
    for (int i = 0; i < 64; i++) {
        id = say_routed(p.provider, p.joiner, CANDIDATE, "session", 1);
        expect_routed(p.joiner, CANDIDATE, id);
    }
    forget(p.provider);
    id = say_routed(p.provider, p.joiner, CANDIDATE, "session", 1);
    expect_error(p.provider, id, WIRE_CODE_HELD_FULL);
}

static void p6_attempt_bytes_max(void **state)
{
    static uint8_t body[3000];
    struct world *w = *state;
    w->config.attempt_bytes_max = 8000;
    world_start(w);
    struct pair p = world_pair(w);
    struct message m;
    client_disconnect(p.provider);
    forget(p.joiner);
    make_routed(p.joiner, p.provider, OFFER, "session", 1, &m);
    m.body = body;
    m.body_size = sizeof body;
    const char *id = say(p.joiner, &m);
    expect_held(p.joiner, id, w->config.offer_ttl_ms);
    m.type = CANDIDATE;
    m.routed.message_id.text[0] = '\0';
    id = say(p.joiner, &m);
    expect_held(p.joiner, id, w->config.offer_ttl_ms);
    m.routed.message_id.text[0] = '\0';
    id = say(p.joiner, &m);
    expect_error(p.joiner, id, WIRE_CODE_HELD_FULL);
    /* An answer acknowledges the offer, which makes room for it. */
    client_reconnect(p.provider, "shell");
    make_routed(p.provider, p.joiner, ANSWER, "session", 1, &m);
    m.body = body;
    m.body_size = sizeof body;
    forget(p.joiner);
    id = say(p.provider, &m);
    expect_routed(p.joiner, ANSWER, id);
    make_routed(p.joiner, p.provider, OFFER, "session", 2, &m);
    m.body = body;
    m.body_size = sizeof body;
    w->config.attempt_bytes_max = 2000;
    core_reconfigure(w->core, &w->config);
    id = say(p.joiner, &m);
    expect_error(p.joiner, id, WIRE_CODE_HELD_FULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p1_held_and_delivered),
        WORLD_TEST(p1_held_and_expired),
        WORLD_TEST(p1_not_delivered_at_the_very_end),
        WORLD_TEST(p1_redelivered_after_a_lost_connection),
        WORLD_TEST(p1_redelivered_to_the_newer_connection),
        WORLD_TEST(p1_answered_offer_is_not_redelivered),
        WORLD_TEST(p1_told_when_handed_over_and_never_back),
        CONFIGURED_TEST(p1_held_for_a_target_that_reads_too_slowly),
        CONFIGURED_TEST(p6_many_held_frames_wait_for_room),
        CONFIGURED_TEST(p6_waiting_for_room_ends_with_the_connection),
        WORLD_TEST(p1_superseded),
        WORLD_TEST(p1_superseded_after_delivery_is_silent),
        WORLD_TEST(p1_session_closed_while_held),
        WORLD_TEST(p1_target_left_while_held),
        WORLD_TEST(p1_sender_gone),
        WORLD_TEST(p6_candidates_max),
        CONFIGURED_TEST(p6_attempt_bytes_max),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
