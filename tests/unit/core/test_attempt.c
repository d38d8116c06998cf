/* Ephemeral signaling: to the target and nobody else (P1), one live attempt (P4). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "core/session.h"
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
    world_advance_ms(w, SESSION_RAISE_INTERVAL_MS);
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
    /* And so has each type. */
    say_as(p.joiner, p.provider, OFFER, 2, "same");
    expect_routed(p.provider, OFFER, "same");
    say_as(p.joiner, p.provider, CANDIDATE, 2, "same");
    expect_routed(p.provider, CANDIDATE, "same");
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

static void p6_generation_is_written_once_in_an_interval(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    for (uint64_t g = 1; g <= 10; g++)
        say_routed(p.joiner, p.provider, OFFER, "session", g);
    assert_int_equal(w->n_ops[STORE_RAISE_GENERATION], 1);
    world_store_run(w);
    assert_int_equal(w->n_ops[STORE_RAISE_GENERATION], 1);
    world_advance_ms(w, SESSION_RAISE_INTERVAL_MS);
    world_store_run(w);
    assert_int_equal(w->n_ops[STORE_RAISE_GENERATION], 2);
    assert_int_equal(fake_store_generation(w->store, "shell", "session"), 10);
}

static void offer_twice(const struct pair *p)
{
    say_routed(p->joiner, p->provider, OFFER, "session", 1);
    say_routed(p->joiner, p->provider, OFFER, "session", 2);
}

static void p4_generation_is_written_before_the_relay_goes(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    offer_twice(&p);
    assert_int_equal(fake_store_generation(w->store, "shell", "session"), 1);
    core_drain(w->core, w->now_us, 1000);
    world_settle(w);
    assert_int_equal(fake_store_generation(w->store, "shell", "session"), 2);
}

static void p4_generation_is_written_before_the_syncshell_is_unloaded(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct core_stats stats;
    w->config.offer_ttl_ms = 100; /* so that the attempt is over before the generation is due */
    core_reconfigure(w->core, &w->config);
    offer_twice(&p);
    client_disconnect(p.joiner);
    client_disconnect(p.provider);
    world_advance_ms(w, 200);
    core_stats(w->core, &stats);
    assert_int_equal(stats.syncshells_loaded, 0);
    assert_int_equal(fake_store_generation(w->store, "shell", "session"), 2);
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
        WORLD_TEST(p6_generation_is_written_once_in_an_interval),
        WORLD_TEST(p4_generation_is_written_before_the_relay_goes),
        WORLD_TEST(p4_generation_is_written_before_the_syncshell_is_unloaded),
        WORLD_TEST(p4_failed_raise_is_made_up_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
