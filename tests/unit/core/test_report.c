/* One cause per session, the same at both sides (P7). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

/* What the library knows beyond the result; -1: it does not. */
struct beyond {
    int64_t lost_ms;
    int64_t kept_bytes;
};

static const char *say_more(struct client *c, uint64_t generation, const char *cause,
                            struct beyond beyond)
{
    struct message m = {.type = MESSAGE_CONNECTION_REPORT};
    struct message_connection_report *r = &m.connection_report;
    wire_id_set(&r->syncshell_id, "shell");
    wire_id_set(&r->recovery_session_id, "session");
    r->generation = generation;
    r->attempt = 1;
    r->result = *cause ? REPORT_RESULT_FAILED : REPORT_RESULT_CONNECTED;
    str_copy(r->cause.text, sizeof r->cause.text, cause);
    r->has_lost_ms = beyond.lost_ms >= 0;
    r->lost_ms = r->has_lost_ms ? (uint32_t)beyond.lost_ms : 0;
    r->has_kept_bytes = beyond.kept_bytes >= 0;
    r->kept_bytes = r->has_kept_bytes ? (uint64_t)beyond.kept_bytes : 0;
    return say(c, &m);
}

static const char *say_report(struct client *c, uint64_t generation, const char *cause)
{
    return say_more(c, generation, cause, (struct beyond){-1, -1});
}

static void expect_cause(struct client *c, const char *cause)
{
    const struct message_session_changed *m = &expect(c, MESSAGE_SESSION_CHANGED)->session_changed;
    assert_string_equal(m->session.cause.text, cause);
}

static void p7_both_sides_hear_the_cause(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    const char *id = say_report(p.provider, 1, "turn_refused");
    expect_nothing(p.joiner);
    expect_nothing(p.provider);
    world_store_step(w, STORE_REPORT_CONNECTION);
    expect_cause(p.joiner, "turn_refused");
    expect_cause(p.provider, "turn_refused");
    expect_stored(p.provider, id);
    assert_string_equal(w->last_event[CORE_EVENT_ATTEMPT_FAILED].cause.text, "turn_refused");
    assert_int_equal(w->last_event[CORE_EVENT_ATTEMPT_FAILED].generation, 1);
}

static void p7_the_first_failure_of_a_generation_stands(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_report(p.provider, 3, "turn_refused");
    forget(p.joiner);
    forget(p.provider);
    const char *id = say_report(p.joiner, 3, "attempt_timeout");
    expect_stored(p.joiner, id);
    expect_nothing(p.joiner);
    expect_nothing(p.provider);
    id = say_report(p.joiner, 2, "link_failed"); /* late */
    expect_stored(p.joiner, id);
    expect_nothing(p.provider);
    id = say_report(p.joiner, 4, "link_failed");
    expect_cause(p.joiner, "link_failed");
    expect_stored(p.joiner, id);
    expect_cause(p.provider, "link_failed");
    say_report(p.joiner, 4, "peer_away"); /* without an offer, after it */
    expect_cause(p.provider, "peer_away");
}

/* Or nothing that comes after it would count. */
static void p7_a_generation_out_of_nowhere_does_not_stand_for_ever(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_report(p.joiner, WIRE_INTEGER_MAX, "given_up");
    expect_cause(p.provider, "given_up");
    say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1000);
    forget(p.joiner);
    forget(p.provider);
    const char *id = say_report(p.joiner, 1000, "turn_refused");
    expect_cause(p.joiner, "turn_refused");
    expect_stored(p.joiner, id);
    expect_cause(p.provider, "turn_refused");
    say_report(p.provider, 1000, "");
    expect_cause(p.joiner, "");
}

/* Whoever waits for an attempt that the other side has given up is told, once for each, also when the cause is the same as before. */
static void p7_the_other_side_need_not_wait(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    for (uint64_t generation = 1; generation <= 2; generation++) {
        const char *offer =
            say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", generation);
        expect_routed(p.provider, MESSAGE_RECONNECT_OFFER, offer);
        const char *id = say_report(p.provider, generation, "turn_refused");
        const struct message_session_changed *m =
            &expect(p.joiner, MESSAGE_SESSION_CHANGED)->session_changed;
        assert_true(m->has_failed_generation && m->failed_generation == generation);
        if (generation == 1) {
            m = &expect(p.provider, MESSAGE_SESSION_CHANGED)->session_changed;
            assert_false(m->has_failed_generation);
        }
        expect_stored(p.provider, id);
        id = say_report(p.joiner, generation, "attempt_timeout"); /* it ends it, too */
        expect_stored(p.joiner, id);
        expect_nothing(p.provider);
    }
    const char *id = say_report(p.provider, 1, "link_failed"); /* late */
    expect_stored(p.provider, id);
    expect_nothing(p.joiner);
}

static void p7_a_link_clears_the_cause(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_report(p.joiner, 3, "link_failed");
    forget(p.joiner);
    forget(p.provider);
    say_report(p.provider, 4, "");
    expect_cause(p.joiner, "");
    expect_cause(p.provider, "");
    assert_int_equal(w->n_events[CORE_EVENT_CONNECTED], 1);
}

/* Where neither side says when it lost the link: from the first attempt of the recovery, once both have said that it is back. */
static void p7_a_recovery_is_timed(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const struct core_event *connected = &w->last_event[CORE_EVENT_CONNECTED];
    for (uint64_t generation = 3; generation <= 4; generation++) {
        say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", generation);
        world_advance_ms(w, 250);
    }
    say_report(p.joiner, 3, "link_failed");
    assert_int_equal(w->last_event[CORE_EVENT_ATTEMPT_FAILED].recovery_ms, 0);
    say_report(p.provider, 4, "");
    assert_int_equal(connected->recovery_ms, 0);
    assert_int_equal(connected->elapsed_ms, 0);
    say_report(p.joiner, 4, "");
    assert_in_range(connected->recovery_ms, 500, 501);
    say_report(p.joiner, 4, "");
    assert_int_equal(w->n_events[CORE_EVENT_CONNECTED], 3);
    assert_int_equal(connected->recovery_ms, 0);
}

/* From the loss of the link, by the word of whoever noticed it; each recovery once, whoever speaks first. */
static void p7_a_recovery_is_timed_from_the_loss(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const struct core_event *connected = &w->last_event[CORE_EVENT_CONNECTED];
    say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 3);
    say_more(p.joiner, 3, "", (struct beyond){-1, 5000}); /* started again: knows what it has */
    assert_int_equal(connected->recovery_ms, 0);
    assert_int_equal(connected->kept_bytes, 5000);
    say_more(p.provider, 3, "", (struct beyond){1300, 77});
    assert_int_equal(connected->recovery_ms, 1301);
    assert_int_equal(connected->kept_bytes, 0); /* it keeps nothing: it sends */
    say_more(p.joiner, 3, "", (struct beyond){1200, 5000});
    assert_int_equal(connected->recovery_ms, 0);
    assert_int_equal(connected->kept_bytes, 0);
    say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 4);
    say_more(p.joiner, 4, "", (struct beyond){0, 6000});
    assert_int_equal(connected->recovery_ms, 1);
    assert_int_equal(connected->kept_bytes, 6000);
}

static void p7_a_first_connection_is_no_recovery(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    say_report(p.joiner, 1, "");
    assert_int_equal(w->last_event[CORE_EVENT_CONNECTED].recovery_ms, 0);
    say_report(p.provider, 1, "");
    assert_int_equal(w->last_event[CORE_EVENT_CONNECTED].recovery_ms, 0);
}

static void p7_whoever_was_away_reads_it_at_the_join(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    say_report(p.joiner, 0, "peer_away");
    world_restart(w);
    client_connect(p.provider);
    say_authenticate(p.provider);
    expect(p.provider, MESSAGE_WELCOME);
    say_join(p.provider, "shell");
    const struct message_syncshell_joined *m =
        &expect(p.provider, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined;
    assert_int_equal(m->n_sessions, 1);
    assert_string_equal(m->sessions[0].cause.text, "peer_away");
}

static void p7_a_close_has_a_cause(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct message m = {.type = MESSAGE_SESSION_CLOSE};
    say_report(p.joiner, 1, "link_failed");
    forget(p.joiner);
    forget(p.provider);
    wire_id_set(&m.session_close.syncshell_id, "shell");
    wire_id_set(&m.session_close.recovery_session_id, "session");
    m.session_close.outcome = SESSION_OUTCOME_CANCELLED;
    str_copy(m.session_close.cause.text, sizeof m.session_close.cause.text, "cancelled");
    say(p.joiner, &m);
    expect_cause(p.provider, "cancelled");
    assert_string_equal(w->last_event[CORE_EVENT_SESSION_CLOSED].cause.text, "cancelled");
}

static void p7_a_close_without_one_keeps_it_unless_completed(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_report(p.joiner, 1, "link_failed");
    say_open(p.joiner, p.provider, "other");
    forget(p.joiner);
    forget(p.provider);
    say_close(p.joiner, "session", SESSION_OUTCOME_FAILED);
    expect_cause(p.provider, "link_failed");
    say_close(p.joiner, "other", SESSION_OUTCOME_COMPLETED);
    expect_cause(p.provider, "");
}

static void p7_leaving_is_a_cause(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *leaves = p.joiner == client_at(w, 0) ? p.provider : p.joiner;
    struct client *stays = leaves == p.joiner ? p.provider : p.joiner;
    say_leave(leaves, "shell");
    expect_cause(stays, "target_left");
}

static void p7_removal_is_a_cause(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *owner = client_at(w, 0);
    say_remove(owner, 1, p.joiner == owner ? p.provider : p.joiner);
    expect_cause(owner, "member_removed");
}

static void p7_expiry_is_a_cause(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    world_advance_ms(w, (uint64_t)w->config.session_ttl_ms + 2 * 60000);
    expect_cause(p.joiner, "session_expired");
    expect_cause(p.provider, "session_expired");
}

static void p1_only_participants_report(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 7, "shell");
    forget(p.joiner);
    const char *id = say_report(third, 1, "link_failed");
    expect_error(third, id, WIRE_CODE_NOT_PARTICIPANT);
    expect_nothing(p.joiner);
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    forget(p.joiner);
    id = say_report(p.joiner, 1, "link_failed");
    expect_error(p.joiner, id, WIRE_CODE_SESSION_CLOSED);
}

static void p2_a_report_counts_once(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const char *id = say_report(p.joiner, 1, "link_failed");
    struct message m = {.type = MESSAGE_CONNECTION_REPORT};
    wire_id_set(&m.connection_report.message_id, id);
    wire_id_set(&m.connection_report.syncshell_id, "shell");
    wire_id_set(&m.connection_report.recovery_session_id, "session");
    m.connection_report.generation = m.connection_report.attempt = 1;
    m.connection_report.result = REPORT_RESULT_FAILED;
    str_copy(m.connection_report.cause.text, sizeof m.connection_report.cause.text, "link_failed");
    forget(p.joiner);
    say(p.joiner, &m);
    expect_stored(p.joiner, id);
    assert_true(p.joiner->current.stored.duplicate);
    assert_int_equal(w->n_events[CORE_EVENT_ATTEMPT_FAILED], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p7_both_sides_hear_the_cause),
        WORLD_TEST(p7_the_first_failure_of_a_generation_stands),
        WORLD_TEST(p7_a_generation_out_of_nowhere_does_not_stand_for_ever),
        WORLD_TEST(p7_the_other_side_need_not_wait),
        WORLD_TEST(p7_a_link_clears_the_cause),
        WORLD_TEST(p7_a_recovery_is_timed),
        WORLD_TEST(p7_a_recovery_is_timed_from_the_loss),
        WORLD_TEST(p7_a_first_connection_is_no_recovery),
        WORLD_TEST(p7_whoever_was_away_reads_it_at_the_join),
        WORLD_TEST(p7_a_close_has_a_cause),
        WORLD_TEST(p7_a_close_without_one_keeps_it_unless_completed),
        WORLD_TEST(p7_leaving_is_a_cause),
        WORLD_TEST(p7_removal_is_a_cause),
        WORLD_TEST(p7_expiry_is_a_cause),
        WORLD_TEST(p1_only_participants_report),
        WORLD_TEST(p2_a_report_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
