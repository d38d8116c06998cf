/* Ephemeral signaling: one live attempt (P4), routed or told (P1), bounded holding (P6). */
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

static void expect_generation_error(struct client *c, const char *in_reply_to, enum wire_code code,
                                    uint64_t generation)
{
    expect_error(c, in_reply_to, code);
    assert_true(c->current.error.has_generation);
    assert_int_equal(c->current.error.generation, generation);
}

static const char *say_as(struct client *c, struct client *to, enum message_type type,
                          uint64_t generation, const char *message_id)
{
    struct message m;
    make_routed(c, to, type, "session", generation, &m);
    wire_id_set(&m.routed.message_id, message_id);
    return say(c, &m);
}

/* --- P1: to the target, unchanged, and to nobody else -------------------------------------------------------------- */

static void p1_routed_unchanged(void **state)
{
    /* A field that the relay does not know, spaces, an odd order: the sender's bytes reach the target as they are. */
    static const char format[] =
        "{ \"future\":[1,{}], \"type\":\"ReconnectOffer\",\"generation\":1,\"messageId\":\"m\","
        "\"bodyFormat\":\"sealed\",\"syncshellId\":\"shell\",\"recoverySessionId\":\"session\","
        "\"sourcePeerId\":\"%s\",\"targetPeerId\":\"%s\"}\nbody\n\x01\xff body";
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    char frame[1024];
    int size =
        snprintf(frame, sizeof frame, format, p.joiner->peer_id.text, p.provider->peer_id.text);
    forget(p.provider);
    say_raw(p.joiner, true, frame, (size_t)size);
    expect(p.provider, OFFER);
    assert_int_equal(p.provider->current_frame->size, size);
    assert_memory_equal(p.provider->current_frame->data, frame, (size_t)size);
    assert_true(p.provider->current_frame->binary);
    expect_nothing(third);
    forget(p.joiner);
}

static void p1_whole_exchange(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const char *id = say_routed(p.joiner, p.provider, OFFER, "session", 1);
    expect_routed(p.provider, OFFER, id);
    id = say_routed(p.joiner, p.provider, CANDIDATE, "session", 1);
    expect_routed(p.provider, CANDIDATE, id);
    id = say_routed(p.provider, p.joiner, CANDIDATE, "session", 1);
    expect_routed(p.joiner, CANDIDATE, id);
    id = say_routed(p.provider, p.joiner, ANSWER, "session", 1);
    expect_routed(p.joiner, ANSWER, id);
    expect_nothing(p.joiner);
    expect_nothing(p.provider);
    assert_int_equal(w->n_events[CORE_EVENT_ATTEMPT_STARTED], 1);
    assert_int_equal(w->n_events[CORE_EVENT_ATTEMPT_ANSWERED], 1);
    assert_int_equal(w->last_event[CORE_EVENT_ATTEMPT_ANSWERED].generation, 1);
}

static void p1_forged_source(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    struct message m;
    forget(p.joiner);
    forget(p.provider);
    make_routed(p.joiner, p.provider, OFFER, "session", 1, &m);
    const char *id = say(third, &m);
    expect_error(third, id, WIRE_CODE_FORGED_SOURCE);
    expect_nothing(p.provider);
    assert_int_equal(attempts_live(w), 0);
}

static void p1_not_joined(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *stranger = client_online(w, 5);
    const char *id = say_routed(stranger, p.provider, OFFER, "session", 1);
    expect_error(stranger, id, WIRE_CODE_NOT_JOINED);
    expect_nothing(p.provider);
}

static void p1_unknown_target(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *stranger = client_online(w, 5);
    const char *id = say_routed(p.joiner, stranger, OFFER, "session", 1);
    expect_error(p.joiner, id, WIRE_CODE_UNKNOWN_TARGET);
    expect_nothing(stranger);
}

static void p1_unknown_session(void **state)
{
    struct pair p = world_pair(*state);
    const char *id = say_routed(p.joiner, p.provider, OFFER, "other", 1);
    expect_error(p.joiner, id, WIRE_CODE_UNKNOWN_SESSION);
}

static void p1_not_participant(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    forget(p.provider);
    forget(p.joiner);
    const char *id = say_routed(third, p.provider, OFFER, "session", 1);
    expect_error(third, id, WIRE_CODE_NOT_PARTICIPANT);
    id = say_routed(p.joiner, third, OFFER, "session", 1);
    expect_error(p.joiner, id, WIRE_CODE_NOT_PARTICIPANT);
    expect_nothing(third);
}

static void p1_session_closed(void **state)
{
    struct pair p = world_pair(*state);
    say_close(p.provider, "session", SESSION_OUTCOME_COMPLETED);
    forget(p.joiner);
    for (int type = OFFER; type <= MESSAGE_RECOVERY_RESPONSE; type++) {
        const char *id = say_routed(p.joiner, p.provider, (enum message_type)type, "session", 1);
        expect_error(p.joiner, id, WIRE_CODE_SESSION_CLOSED);
    }
}

/* --- P4: one live attempt ------------------------------------------------------------------------------------------ */

static void p4_offers_rise(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const char *id = say_routed(p.joiner, p.provider, OFFER, "session", 1);
    expect_routed(p.provider, OFFER, id);
    id = say_routed(p.joiner, p.provider, OFFER, "session", 5);
    expect_routed(p.provider, OFFER, id);
    id = say_routed(p.provider, p.joiner, OFFER, "session", 6);
    expect_routed(p.joiner, OFFER, id);
    assert_int_equal(attempts_live(w), 1);
    assert_int_equal(fake_store_generation(w->store, "shell", "session"), 6);
}

static void p4_lower_offer_is_stale(void **state)
{
    struct pair p = world_pair(*state);
    say_routed(p.joiner, p.provider, OFFER, "session", 5);
    forget(p.provider);
    const char *id = say_routed(p.provider, p.joiner, OFFER, "session", 4);
    expect_generation_error(p.provider, id, WIRE_CODE_STALE_GENERATION, 5);
    expect_nothing(p.joiner);
}

static void glare(struct client *first, struct client *second)
{
    const char *won = say_routed(first, second, OFFER, "session", 3);
    const char *lost = say_routed(second, first, OFFER, "session", 3);
    expect_routed(second, OFFER, won);
    expect_generation_error(second, lost, WIRE_CODE_GLARE_LOST, 3);
    expect_nothing(first);
    /* The winner's attempt is the one that goes on. */
    const char *id = say_routed(second, first, ANSWER, "session", 3);
    expect_routed(first, ANSWER, id);
    id = say_routed(second, first, OFFER, "session", 3);
    expect_generation_error(second, id, WIRE_CODE_GLARE_LOST, 3);
}

static void p4_glare_joiner_first(void **state)
{
    struct pair p = world_pair(*state);
    glare(p.joiner, p.provider);
}

static void p4_glare_provider_first(void **state)
{
    struct pair p = world_pair(*state);
    glare(p.provider, p.joiner);
}

static void p4_generation_jump(void **state)
{
    struct pair p = world_pair(*state);
    const char *id =
        say_routed(p.joiner, p.provider, OFFER, "session", WIRE_GENERATION_JUMP_MAX + 1);
    expect_generation_error(p.joiner, id, WIRE_CODE_GENERATION_JUMP, 0);
    id = say_routed(p.joiner, p.provider, OFFER, "session", WIRE_GENERATION_JUMP_MAX);
    expect_routed(p.provider, OFFER, id);
    expect_nothing(p.joiner);
}

static void p4_repeated_offer_is_ignored(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    expect_routed(p.provider, OFFER, "offer");
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    expect_nothing(p.provider);
    expect_nothing(p.joiner);
    /* Another offer of the same generation is not a repetition. */
    say_as(p.joiner, p.provider, OFFER, 1, "another");
    expect_generation_error(p.joiner, "another", WIRE_CODE_STALE_GENERATION, 1);
    /* The same id with another generation is not one either. */
    say_as(p.joiner, p.provider, OFFER, 2, "offer");
    expect_routed(p.provider, OFFER, "offer");
}

static void p4_answers(void **state)
{
    struct pair p = world_pair(*state);
    say_as(p.provider, p.joiner, ANSWER, 1, "early");
    expect_generation_error(p.provider, "early", WIRE_CODE_STALE_GENERATION, 0);
    say_routed(p.joiner, p.provider, OFFER, "session", 2);
    forget(p.provider);
    say_as(p.provider, p.joiner, ANSWER, 1, "stale");
    expect_generation_error(p.provider, "stale", WIRE_CODE_STALE_GENERATION, 2);
    say_as(p.provider, p.joiner, ANSWER, 3, "ahead");
    expect_generation_error(p.provider, "ahead", WIRE_CODE_STALE_GENERATION, 2);
    say_as(p.joiner, p.provider, ANSWER, 2, "own");
    expect_generation_error(p.joiner, "own", WIRE_CODE_STALE_GENERATION, 2);
    say_as(p.provider, p.joiner, ANSWER, 2, "answer");
    expect_routed(p.joiner, ANSWER, "answer");
    say_as(p.provider, p.joiner, ANSWER, 2, "answer");
    expect_nothing(p.joiner);
    expect_nothing(p.provider);
    say_as(p.provider, p.joiner, ANSWER, 2, "second");
    expect_error(p.provider, "second", WIRE_CODE_ALREADY_ANSWERED);
    expect_nothing(p.joiner);
}

static void p4_late_answer_of_superseded_attempt(void **state)
{
    struct pair p = world_pair(*state);
    say_routed(p.joiner, p.provider, OFFER, "session", 1);
    say_routed(p.joiner, p.provider, OFFER, "session", 2);
    forget(p.provider);
    const char *id = say_routed(p.provider, p.joiner, ANSWER, "session", 1);
    expect_generation_error(p.provider, id, WIRE_CODE_STALE_GENERATION, 2);
    id = say_routed(p.provider, p.joiner, CANDIDATE, "session", 1);
    expect_generation_error(p.provider, id, WIRE_CODE_STALE_GENERATION, 2);
    expect_nothing(p.joiner);
}

static void p4_candidates(void **state)
{
    struct pair p = world_pair(*state);
    say_as(p.joiner, p.provider, CANDIDATE, 1, "early");
    expect_generation_error(p.joiner, "early", WIRE_CODE_STALE_GENERATION, 0);
    say_routed(p.joiner, p.provider, OFFER, "session", 1);
    forget(p.provider);
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c");
    expect_routed(p.provider, CANDIDATE, "c");
    say_as(p.joiner, p.provider, CANDIDATE, 1, "c");
    expect_nothing(p.provider);
    /* The other side has its own ids. */
    say_as(p.provider, p.joiner, CANDIDATE, 1, "c");
    expect_routed(p.joiner, CANDIDATE, "c");
}

static void p4_attempt_ends_after_silence(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    uint32_t ttl_ms = w->config.offer_ttl_ms;
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    world_advance_ms(w, ttl_ms * 2 - 1);
    say_as(p.provider, p.joiner, ANSWER, 1,
           "answer"); /* late, but nothing has replaced the offer */
    expect_routed(p.joiner, ANSWER, "answer");
    world_advance_ms(w, ttl_ms * 2 - 1);
    assert_int_equal(attempts_live(w), 1);
    /* Repetitions are known to the end. */
    say_as(p.provider, p.joiner, ANSWER, 1, "answer");
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    world_advance_ms(w, 1);
    assert_int_equal(attempts_live(w), 0);
    assert_int_equal(w->n_events[CORE_EVENT_ATTEMPT_EXPIRED], 1);
    forget(p.provider);
    expect_nothing(p.joiner);
    const char *id = say_routed(p.provider, p.joiner, CANDIDATE, "session", 1);
    expect_generation_error(p.provider, id, WIRE_CODE_STALE_GENERATION, 1);
    say_as(p.joiner, p.provider, OFFER, 1, "offer");
    expect_generation_error(p.joiner, "offer", WIRE_CODE_STALE_GENERATION, 1);
}

static void p4_generation_survives_the_relay(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_routed(p.joiner, p.provider, OFFER, "session", 7);
    world_restart(w);
    client_reconnect(p.provider, "shell");
    client_reconnect(p.joiner, "shell");
    assert_int_equal(p.joiner->current.syncshell_joined.sessions[0].generation, 7);
    forget(p.provider);
    const char *id = say_routed(p.provider, p.joiner, ANSWER, "session", 7);
    expect_generation_error(p.provider, id, WIRE_CODE_STALE_GENERATION, 7);
    id = say_routed(p.joiner, p.provider, OFFER, "session", 7);
    expect_generation_error(p.joiner, id, WIRE_CODE_STALE_GENERATION, 7);
    id = say_routed(p.joiner, p.provider, OFFER, "session", 8);
    expect_routed(p.provider, OFFER, id);
}

static void p6_generation_is_written_one_at_a_time(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    for (uint64_t g = 1; g <= 10; g++)
        say_routed(p.joiner, p.provider, OFFER, "session", g);
    assert_int_equal(w->n_ops[STORE_RAISE_GENERATION], 1);
    world_store_run(w);
    assert_int_equal(w->n_ops[STORE_RAISE_GENERATION], 2);
    assert_int_equal(fake_store_generation(w->store, "shell", "session"), 10);
}

static void p4_failed_raise_is_made_up_for(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    const char *id = say_routed(p.joiner, p.provider, OFFER, "session", 4);
    expect_routed(p.provider, OFFER, id);
    expect_nothing(p.joiner); /* the relay keeps routing */
    assert_int_equal(w->n_events[CORE_EVENT_STORE_FAILED], 1);
    assert_int_equal(fake_store_generation(w->store, "shell", "session"), 0);
    say_routed(p.joiner, p.provider, OFFER, "session", 5);
    assert_int_equal(fake_store_generation(w->store, "shell", "session"), 5);
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
    id = say_routed(p.provider, p.joiner, CANDIDATE, "session", 1);
    expect_routed(p.joiner, CANDIDATE, id);
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
        WORLD_TEST(p1_routed_unchanged),
        WORLD_TEST(p1_whole_exchange),
        WORLD_TEST(p1_forged_source),
        WORLD_TEST(p1_not_joined),
        WORLD_TEST(p1_unknown_target),
        WORLD_TEST(p1_unknown_session),
        WORLD_TEST(p1_not_participant),
        WORLD_TEST(p1_session_closed),
        WORLD_TEST(p4_offers_rise),
        WORLD_TEST(p4_lower_offer_is_stale),
        WORLD_TEST(p4_glare_joiner_first),
        WORLD_TEST(p4_glare_provider_first),
        WORLD_TEST(p4_generation_jump),
        WORLD_TEST(p4_repeated_offer_is_ignored),
        WORLD_TEST(p4_answers),
        WORLD_TEST(p4_late_answer_of_superseded_attempt),
        WORLD_TEST(p4_candidates),
        WORLD_TEST(p4_attempt_ends_after_silence),
        WORLD_TEST(p4_generation_survives_the_relay),
        WORLD_TEST(p6_generation_is_written_one_at_a_time),
        WORLD_TEST(p4_failed_raise_is_made_up_for),
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
