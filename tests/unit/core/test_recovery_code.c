/* Recovery codes: whoever shows one is the session's joiner, and everybody concerned hears it (P1, P2, P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "wire/recovery_code.h"
#include "world.h"

#define CODE  "7YXW4KQ01N8DPZ3MB"
#define WRONG "7YXW4KQ01N8DPZ3MC"

struct scene {
    struct world *world;
    struct client *joiner;
    struct client *provider;
    struct client *device; /* another one of the joiner's user */
};

static struct scene scene(struct world *w)
{
    struct pair p = world_pair(w);
    struct scene s = {w, p.joiner, p.provider, client_joined(w, 2, "shell")};
    forget(s.joiner);
    forget(s.provider);
    forget(s.device);
    return s;
}

static const char *issue(const struct scene *s, struct client *c, const char *code)
{
    struct message m = {.type = MESSAGE_ISSUE_RECOVERY_CODE};
    struct buf text = BUF_INIT(RECOVERY_CODE_HASHED_MAX);
    const struct core_host *host = &s->world->host;
    assert_int_equal(recovery_code_hashed(&text, "shell", code), 0);
    assert_int_equal(
        host->sha256(host->userdata, text.data, text.size, m.issue_recovery_code.code_sha256.text),
        0);
    buf_deinit(&text);
    wire_id_set(&m.issue_recovery_code.syncshell_id, "shell");
    wire_id_set(&m.issue_recovery_code.recovery_session_id, "session");
    return say(c, &m);
}

static const char *redeem(struct client *c, const char *code)
{
    struct message m = {.type = MESSAGE_REDEEM_RECOVERY_CODE};
    wire_id_set(&m.redeem_recovery_code.syncshell_id, "shell");
    assert_int_equal(
        str_copy(m.redeem_recovery_code.code.text, sizeof m.redeem_recovery_code.code.text, code),
        0);
    return say(c, &m);
}

static void expect_redeemed(struct client *c, const char *id, bool duplicate)
{
    const struct message_stored *m = &expect(c, MESSAGE_STORED)->stored;
    assert_string_equal(m->in_reply_to.text, id);
    assert_string_equal(m->recovery_session_id.text, "session");
    assert_int_equal(m->duplicate, duplicate);
}

static const char *say_failed(struct client *c, uint64_t generation)
{
    struct message m = {.type = MESSAGE_CONNECTION_REPORT};
    wire_id_set(&m.connection_report.syncshell_id, "shell");
    wire_id_set(&m.connection_report.recovery_session_id, "session");
    m.connection_report.generation = generation;
    m.connection_report.attempt = 1;
    m.connection_report.result = REPORT_RESULT_FAILED;
    m.connection_report.cause = (struct cause_text){"ice_failed"};
    return say(c, &m);
}

/* SessionChanged: the device is the joiner now. */
static void expect_moved(const struct scene *s, struct client *c)
{
    const struct message_session_summary *m =
        &expect(c, MESSAGE_SESSION_CHANGED)->session_changed.session;
    assert_string_equal(m->joiner_peer_id.text, s->device->peer_id.text);
    assert_string_equal(m->provider_peer_id.text, s->provider->peer_id.text);
    assert_int_equal(m->state, SESSION_STATE_OPEN);
}

static void hand_over(const struct scene *s)
{
    expect_stored(s->joiner, issue(s, s->joiner, CODE));
    const char *id = redeem(s->device, CODE);
    expect_moved(s, s->device);
    expect_redeemed(s->device, id, false);
}

static void p2_answered_after_its_commit(void **state)
{
    struct scene s = scene(*state);
    s.world->store_held = true;
    const char *id = issue(&s, s.joiner, CODE);
    expect_nothing(s.joiner);
    world_store_step(s.world, STORE_ISSUE_CODE);
    const struct message_stored *m = &expect(s.joiner, MESSAGE_STORED)->stored;
    assert_string_equal(m->in_reply_to.text, id);
    assert_int_equal(m->valid_for_ms, s.world->config.recovery_code_ttl_ms);
    id = redeem(s.device, CODE);
    expect_nothing(s.device);
    expect_nothing(s.provider);
    world_store_step(s.world, STORE_REDEEM_CODE);
    expect_moved(&s, s.device);
    expect_redeemed(s.device, id, false);
    expect_moved(&s, s.provider);
    expect_moved(&s, s.joiner); /* for whom it is over */
    assert_int_equal(s.world->n_events[CORE_EVENT_CODE_ISSUED], 1);
    assert_int_equal(s.world->n_events[CORE_EVENT_SESSION_MOVED], 1);
    s.world->store_held = false;
}

/* Nobody comes so far in weeks, but what no message can hold must not be the end of the relay, nor of its next start. */
static void p1_a_generation_stays_within_what_messages_hold(void **state)
{
    struct world *w = *state;
    struct scene s = scene(w);
    struct store_op *op = store_op_new(STORE_RAISE_GENERATION);
    assert_non_null(op);
    wire_id_set(&op->syncshell_id, "shell");
    wire_id_set(&op->recovery_session_id, "session");
    op->generation = WIRE_INTEGER_MAX - 1;
    fake_store_execute(w->store, op);
    store_op_free(op);
    world_restart(w);
    client_reconnect(s.joiner, "shell");
    client_reconnect(s.provider, "shell");
    client_reconnect(s.device, "shell");
    forget(s.joiner);
    forget(s.provider);
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    redeem(s.device, CODE);
    assert_int_equal(
        expect(s.provider, MESSAGE_SESSION_CHANGED)->session_changed.session.generation,
        WIRE_INTEGER_MAX);
    world_restart(w);
    client_reconnect(s.provider, "shell");
    assert_int_equal(s.provider->current.syncshell_joined.sessions[0].generation, WIRE_INTEGER_MAX);
}

static void p1_the_new_joiner_goes_on_and_the_former_is_out(void **state)
{
    struct scene s = scene(*state);
    const char *offer = say_routed(s.joiner, s.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_routed(s.provider, MESSAGE_RECONNECT_OFFER, offer);
    hand_over(&s);
    expect_moved(&s, s.provider);
    expect_moved(&s, s.joiner);
    const char *id = say_routed(s.joiner, s.provider, MESSAGE_RECONNECT_OFFER, "session", 2);
    expect_error(s.joiner, id, WIRE_CODE_NOT_PARTICIPANT);
    id = say_entry(s.joiner, MESSAGE_SESSION_PROGRESS, "session", 1, "x");
    expect_error(s.joiner, id, WIRE_CODE_NOT_PARTICIPANT);
    id = say_routed(s.provider, s.joiner, MESSAGE_RECONNECT_ANSWER, "session", 1);
    expect_error(s.provider, id, WIRE_CODE_NOT_PARTICIPANT);
    id = say_routed(s.device, s.provider, MESSAGE_RECONNECT_OFFER, "session", 2);
    expect_error(s.device, id, WIRE_CODE_STALE_GENERATION);
    id = say_routed(s.device, s.provider, MESSAGE_RECONNECT_OFFER, "session",
                    1 + STORE_HANDOVER_GENERATIONS + 1);
    expect_routed(s.provider, MESSAGE_RECONNECT_OFFER, id);
    expect_stored(s.device, say_entry(s.device, MESSAGE_SESSION_CHECKPOINT, "session", 1, "x"));
}

static void p4_what_the_former_joiner_left_is_not_delivered(void **state)
{
    struct scene s = scene(*state);
    client_disconnect(s.provider);
    forget(s.joiner);
    forget(s.device);
    const char *offer = say_routed(s.joiner, s.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_held(s.joiner, offer, s.world->config.offer_ttl_ms);
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    (void)redeem(s.device, CODE);
    expect_undeliverable(s.joiner, offer, WIRE_CODE_SUPERSEDED);
    client_reconnect(s.provider, "shell");
    expect_nothing(s.provider);
    forget(s.joiner);
    forget(s.device);
}

static void p4_what_the_former_joiner_was_let_in_with_changes_nothing(void **state)
{
    struct scene s = scene(*state);
    const char *id[5];
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    s.world->store_held = true;
    const char *redeemed = redeem(s.device, CODE);
    id[0] = say_entry(s.joiner, MESSAGE_SESSION_PROGRESS, "session", 1, "x");
    id[1] = say_entry(s.joiner, MESSAGE_SESSION_CHECKPOINT, "session", 1, "x");
    id[2] = say_failed(s.joiner, 1);
    id[3] = say_snapshot(s.joiner, "session", 0);
    id[4] = say_close(s.joiner, "session", SESSION_OUTCOME_CANCELLED);
    s.world->store_held = false;
    world_store_run(s.world);
    expect_moved(&s, s.device);
    expect_redeemed(s.device, redeemed, false);
    expect_moved(&s, s.joiner);
    for (size_t i = 0; i < 5; i++)
        expect_error(s.joiner, id[i], WIRE_CODE_NOT_PARTICIPANT);
    expect_moved(&s, s.provider);
    assert_string_equal(s.provider->current.session_changed.session.cause.text, "");
    expect_nothing(s.provider);
    expect_nothing(s.device);
    assert_int_equal(s.world->n_events[CORE_EVENT_ATTEMPT_FAILED], 0);
    assert_int_equal(s.world->n_events[CORE_EVENT_SESSION_CLOSED], 0);
    expect_stored(s.device, say_entry(s.device, MESSAGE_SESSION_CHECKPOINT, "session", 1, "y"));
    expect_stored(s.provider, say_close(s.provider, "session", SESSION_OUTCOME_COMPLETED));
    forget(s.device);
}

static void p1_whoever_was_away_reads_it_on_joining(void **state)
{
    struct scene s = scene(*state);
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    client_disconnect(s.joiner);
    world_restart(s.world); /* the code survives */
    client_reconnect(s.device, "shell");
    const char *id = redeem(s.device, CODE);
    expect_moved(&s, s.device);
    expect_redeemed(s.device, id, false);
    world_restart(s.world); /* and who the former joiner was */
    struct client *all[] = {s.joiner, s.provider, s.device};
    for (size_t i = 0; i < 3; i++) {
        client_connect(all[i]);
        say_authenticate(all[i]);
        expect(all[i], MESSAGE_WELCOME);
        say_join(all[i], "shell");
        const struct message_syncshell_joined *j =
            &expect(all[i], MESSAGE_SYNCSHELL_JOINED)->syncshell_joined;
        assert_int_equal(j->n_sessions, 1);
        assert_string_equal(j->sessions[0].joiner_peer_id.text, s.device->peer_id.text);
        assert_int_equal(j->sessions[0].generation, STORE_HANDOVER_GENERATIONS);
        forget(all[i]);
    }
}

static void p1_once(void **state)
{
    struct scene s = scene(*state);
    hand_over(&s);
    forget(s.joiner);
    forget(s.provider);
    expect_redeemed(s.device, redeem(s.device, CODE), true);
    expect_nothing(s.provider);
    expect_error(s.joiner, redeem(s.joiner, CODE), WIRE_CODE_RECOVERY_CODE_USED);
    struct client *fourth = client_joined(s.world, 3, "shell");
    expect_error(fourth, redeem(fourth, CODE), WIRE_CODE_RECOVERY_CODE_USED);
    forget(s.joiner);
    forget(s.provider);
    forget(s.device);
}

static void p1_who_may(void **state)
{
    struct scene s = scene(*state);
    expect_error(s.provider, issue(&s, s.provider, CODE), WIRE_CODE_NOT_PARTICIPANT);
    expect_error(s.device, issue(&s, s.device, CODE), WIRE_CODE_NOT_PARTICIPANT);
    assert_int_equal(s.world->n_ops[STORE_ISSUE_CODE], 0); /* the disk was not asked */
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    expect_error(s.provider, redeem(s.provider, CODE), WIRE_CODE_NOT_PARTICIPANT);
    struct client *stranger = client_online(s.world, 5);
    expect_error(stranger, redeem(stranger, CODE), WIRE_CODE_NOT_JOINED);
    forget(stranger);
}

static void p6_guesses_are_slowed_down(void **state)
{
    struct scene s = scene(*state);
    unsigned free_failures = s.world->config.accounts.throttle.free_failures;
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    for (unsigned i = 0; i <= free_failures; i++)
        expect_error(s.device, redeem(s.device, WRONG), WIRE_CODE_WRONG_RECOVERY_CODE);
    expect_error(s.device, redeem(s.device, CODE), WIRE_CODE_TOO_MANY_FAILURES);
    world_advance_ms(s.world, s.world->config.accounts.throttle.delay_ms);
    const char *id = redeem(s.device, CODE);
    expect_moved(&s, s.device);
    expect_redeemed(s.device, id, false);
    forget(s.joiner);
    forget(s.provider);
}

/* All sent before the first was found to be wrong. */
static void p6_no_more_guesses_are_under_way_than_may_be_wrong(void **state)
{
    struct scene s = scene(*state);
    unsigned free_failures = s.world->config.accounts.throttle.free_failures;
    const char *wrong[32];
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    s.world->store_held = true;
    for (unsigned i = 0; i <= free_failures; i++)
        wrong[i] = redeem(s.device, WRONG);
    expect_error(s.device, redeem(s.device, CODE), WIRE_CODE_TOO_MANY_FAILURES);
    s.world->store_held = false;
    world_store_run(s.world);
    for (unsigned i = 0; i <= free_failures; i++)
        expect_error(s.device, wrong[i], WIRE_CODE_WRONG_RECOVERY_CODE);
    /* Then one at a time. */
    world_advance_ms(s.world, s.world->config.accounts.throttle.delay_ms);
    s.world->store_held = true;
    const char *id = redeem(s.device, CODE);
    expect_error(s.device, redeem(s.device, WRONG), WIRE_CODE_TOO_MANY_FAILURES);
    s.world->store_held = false;
    world_store_run(s.world);
    expect_moved(&s, s.device);
    expect_redeemed(s.device, id, false);
    forget(s.joiner);
    forget(s.provider);
}

/* Nobody gets guesses for nothing by not waiting for the answer: a right one would have taken effect. */
static void p6_guesses_of_who_is_gone_count(void **state)
{
    struct scene s = scene(*state);
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    for (unsigned i = 0; i <= s.world->config.accounts.throttle.free_failures; i++) {
        s.world->store_held = true;
        redeem(s.device, WRONG);
        client_disconnect(s.device);
        s.world->store_held = false;
        world_store_run(s.world);
        if (i < s.world->config.accounts.throttle.free_failures)
            client_reconnect(s.device, "shell");
    }
    client_connect(s.device);
    expect_error(s.device, say_authenticate(s.device), WIRE_CODE_TOO_MANY_FAILURES);
    forget(s.joiner);
    forget(s.provider);
}

static void p6_a_right_code_is_no_guess(void **state)
{
    struct scene s = scene(*state);
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    world_advance_ms(s.world, s.world->config.recovery_code_ttl_ms);
    for (unsigned i = 0; i < 30; i++) {
        expect_error(s.device, redeem(s.device, CODE), WIRE_CODE_RECOVERY_CODE_EXPIRED);
        world_advance_ms(s.world, 10000); /* joining's own pace */
    }
    expect_stored(s.joiner, say_close(s.joiner, "session", SESSION_OUTCOME_CANCELLED));
    expect_error(s.device, redeem(s.device, CODE), WIRE_CODE_SESSION_CLOSED);
    expect_error(s.joiner, issue(&s, s.joiner, WRONG), WIRE_CODE_SESSION_CLOSED);
    forget(s.provider);
}

static void p2_the_store_fails(void **state)
{
    struct scene s = scene(*state);
    s.world->fail = WIRE_CODE_STORE_UNAVAILABLE;
    s.world->fail_kind = STORE_ISSUE_CODE;
    expect_error(s.joiner, issue(&s, s.joiner, CODE), WIRE_CODE_STORE_UNAVAILABLE);
    expect_stored(s.joiner, issue(&s, s.joiner, CODE));
    s.world->fail = WIRE_CODE_STORE_UNAVAILABLE;
    s.world->fail_kind = STORE_REDEEM_CODE;
    expect_error(s.device, redeem(s.device, CODE), WIRE_CODE_STORE_UNAVAILABLE);
    expect_nothing(s.provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p2_answered_after_its_commit),
        WORLD_TEST(p1_a_generation_stays_within_what_messages_hold),
        WORLD_TEST(p1_the_new_joiner_goes_on_and_the_former_is_out),
        WORLD_TEST(p4_what_the_former_joiner_left_is_not_delivered),
        WORLD_TEST(p4_what_the_former_joiner_was_let_in_with_changes_nothing),
        WORLD_TEST(p1_whoever_was_away_reads_it_on_joining),
        WORLD_TEST(p1_once),
        WORLD_TEST(p1_who_may),
        WORLD_TEST(p6_guesses_are_slowed_down),
        WORLD_TEST(p6_no_more_guesses_are_under_way_than_may_be_wrong),
        WORLD_TEST(p6_guesses_of_who_is_gone_count),
        WORLD_TEST(p6_a_right_code_is_no_guess),
        WORLD_TEST(p2_the_store_fails),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
