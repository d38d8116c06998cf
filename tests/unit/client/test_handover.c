/* Recovery codes at both devices, and what the provider makes of another joiner. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"
#include "wire/recovery_code.h"

enum { TICKET = 90, VALID_MS = 600000 };

/* The third device. */
static struct wire_peer_id device(void)
{
    struct wire_peer_id id;
    stub_peer_id(2, &id);
    return id;
}

static void stored(struct scene *s, const struct wire_id *in_reply_to)
{
    const struct message m = {.type = MESSAGE_STORED,
                              .stored = {.in_reply_to = *in_reply_to,
                                         .has_valid_for_ms = true,
                                         .valid_for_ms = VALID_MS}};
    scene_say(s, &m);
}

static void issue(struct scene *s)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_session_issue_code(st->engine, s->now_us, TICKET, SCENE_SESSION));
    scene_settle(s);
}

static void redeem(struct scene *s, const char *text)
{
    struct station *st = &s->station;
    struct recovery_code code;
    assert_int_equal(recovery_code_read(&code, text, strlen(text)), 0);
    STATION_CALL(st, engine_redeem_code(st->engine, s->now_us, TICKET, SCENE_SHELL, &code));
    scene_settle(s);
}

static void expect_failure(struct scene *s, const char *code)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), TICKET);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

/* The event's code is the one whose hash the relay was given. */
static void expect_code(struct scene *s, struct syncshell_event *e,
                        const struct wire_sha256 *sha256)
{
    struct recovery_code code;
    struct wire_sha256 hash;
    struct buf text = BUF_INIT(RECOVERY_CODE_HASHED_MAX);
    const char *shown = event_string(e, SYNCSHELL_FIELD_RECOVERY_CODE);
    struct stub_crypto crypto;
    struct engine_crypto services;
    stub_crypto_init(&crypto, &s->self, 1);
    services = stub_crypto_services(&crypto);
    assert_int_equal(strlen(shown), RECOVERY_CODE_SHOWN_SIZE - 1);
    assert_int_equal(recovery_code_read(&code, shown, strlen(shown)), 0);
    assert_int_equal(recovery_code_hashed(&text, SCENE_SHELL, code.text), 0);
    assert_int_equal(services.sha256(&crypto, text.data, text.size, &hash), 0);
    assert_string_equal(hash.text, sha256->text);
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_VALID_MS), VALID_MS);
    buf_deinit(&text);
}

static void test_a_code_on_demand(void **state)
{
    struct scene *s = *state;
    s->hears_codes = true;
    scene_session(s, true);
    issue(s);
    struct message_issue_recovery_code first =
        scene_hear(s, MESSAGE_ISSUE_RECOVERY_CODE)->issue_recovery_code;
    assert_string_equal(first.recovery_session_id.text, SCENE_SESSION);
    issue(s);
    expect_failure(s, CODE_BUSY);
    scene_drop(s, 1006); /* the answer is lost: the same code goes once more */
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_AWAY, .sessions = &summary, .n_sessions = 1});
    station_forget(&s->station);
    const struct message_issue_recovery_code again =
        scene_hear(s, MESSAGE_ISSUE_RECOVERY_CODE)->issue_recovery_code;
    assert_string_equal(again.code_sha256.text, first.code_sha256.text);
    stored(s, &again.message_id);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_CODE);
    assert_int_equal(event_ticket(e), TICKET);
    expect_code(s, e, &again.code_sha256);
    issue(s); /* another one is another one */
    first = scene_hear(s, MESSAGE_ISSUE_RECOVERY_CODE)->issue_recovery_code;
    assert_string_not_equal(first.code_sha256.text, again.code_sha256.text);
    scene_error(s, &first.message_id, WIRE_CODE_STORE_UNAVAILABLE);
    expect_failure(s, "store_unavailable");
    scene_silence(s);
}

static void test_a_code_that_is_too_old_when_it_is_answered(void **state)
{
    struct scene *s = *state;
    s->hears_codes = true;
    scene_session(s, true);
    issue(s);
    const struct message_issue_recovery_code first =
        scene_hear(s, MESSAGE_ISSUE_RECOVERY_CODE)->issue_recovery_code;
    scene_error(s, &first.message_id, WIRE_CODE_RECOVERY_CODE_EXPIRED);
    station_expect_none(&s->station);
    const struct message_issue_recovery_code again =
        scene_hear(s, MESSAGE_ISSUE_RECOVERY_CODE)->issue_recovery_code;
    assert_string_not_equal(again.code_sha256.text, first.code_sha256.text);
    stored(s, &again.message_id);
    expect_code(s, station_expect(&s->station, SYNCSHELL_EVENT_RECOVERY_CODE), &again.code_sha256);
    issue(s);
    for (int i = 0; i < 2; i++) { /* a relay that always says so is not asked for ever */
        const struct message_issue_recovery_code m =
            scene_hear(s, MESSAGE_ISSUE_RECOVERY_CODE)->issue_recovery_code;
        scene_error(s, &m.message_id, WIRE_CODE_RECOVERY_CODE_EXPIRED);
    }
    expect_failure(s, "recovery_code_expired");
    scene_silence(s);
}

static void test_not_by_the_provider(void **state)
{
    struct scene *s = *state;
    scene_session(s, false);
    issue(s);
    expect_failure(s, CODE_WRONG_ROLE);
    scene_silence(s);
}

static void test_a_code_that_the_session_does_not_live_to_see(void **state)
{
    static const enum wire_code codes[] = {WIRE_CODE_SESSION_CLOSED, WIRE_CODE_SESSION_EXPIRED,
                                           WIRE_CODE_UNKNOWN_SESSION};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        void *fresh = NULL;
        assert_int_equal(scene_setup(&fresh), 0);
        struct scene *s = fresh;
        s->hears_codes = true;
        scene_session(s, true);
        issue(s);
        scene_error(s, &scene_hear(s, MESSAGE_ISSUE_RECOVERY_CODE)->issue_recovery_code.message_id,
                    codes[i]);
        expect_failure(s, wire_code_name(codes[i]));
        station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
        station_expect_none(&s->station);
        assert_int_equal(scene_teardown(&fresh), 0);
    }
}

/* ---- another device took over ---- */

static void changed(struct scene *s, const struct message_session_summary *summary)
{
    struct message m = {.type = MESSAGE_SESSION_CHANGED};
    wire_id_set(&m.session_changed.syncshell_id, SCENE_SHELL);
    m.session_changed.session = *summary;
    scene_say(s, &m);
}

static void expect_over(struct scene *s)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), "session_moved");
    assert_int_equal(station_records(&s->station, "session"), 0);
}

static void test_the_former_joiner_hears_it(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    struct message_session_summary summary = scene_summary(s, true, 1, 1);
    summary.joiner_peer_id = device();
    changed(s, &summary);
    expect_over(s);
    scene_silence(s);
    changed(s, &summary); /* what others do with it is no business of ours */
    station_expect_none(&s->station);
}

/* It was away; by now the other device may even be done. */
static void test_the_former_joiner_reads_it(void **state)
{
    for (unsigned done = 0; done < 2; done++) {
        void *fresh = NULL;
        assert_int_equal(scene_setup(&fresh), 0);
        struct scene *s = fresh;
        scene_session(s, true);
        struct message_session_summary summary = scene_summary(s, true, 1, 1);
        summary.joiner_peer_id = device();
        if (done) {
            summary.state = SESSION_STATE_CLOSED;
            summary.outcome = SESSION_OUTCOME_COMPLETED;
        }
        scene_restart(s);
        scene_hello(s);
        scene_welcome(s);
        scene_joined(s, &(struct scene_joined){
                            .other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
        expect_over(s);
        assert_int_equal(scene_teardown(&fresh), 0);
    }
    (void)state;
}

static void test_the_provider_goes_on_with_the_new_joiner(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct body_recovery_request request = {.part = 1, .parts = 1};
    struct body_file_list manifest = {0};
    scene_session(s, false);
    wire_id_set(&request.request_id, "r1");
    scene_deliver_request(s, 1, &request); /* of the former joiner, not told yet */
    struct message_session_summary summary = scene_summary(s, false, 1, 4);
    summary.joiner_peer_id = device();
    scene_forget(s);
    changed(s, &summary);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_SESSION_MOVED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), device().text);
    assert_int_equal(station_records(st, "request"), 0);
    files_add(&manifest, file_done("a", "ab", 10));
    STATION_CALL(
        st, engine_session_set_manifest(st->engine, s->now_us, TICKET, SCENE_SESSION, &manifest));
    scene_settle(s);
    station_expect(st, SYNCSHELL_EVENT_MANIFEST_SAVED);
    station_expect_none(st); /* what the former one asked for is not computed */
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 2, "v=0 of the former"); /* not any more */
    station_expect_none(st);
    s->other = device();
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 2, "v=0 of the new");
    e = station_skip_to(st, SYNCSHELL_EVENT_OFFER);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SDP), "v=0 of the new");
    changed(s, &summary); /* said again, it is no news */
    station_expect_none(st);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .sessions = &summary, .n_sessions = 1});
    e = station_skip_to(st, SYNCSHELL_EVENT_SESSION_RESUMED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), device().text);
}

/* ---- redeeming ---- */

static void test_redeem(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_forget(s);
    redeem(s, "7yxw 4kqo ln8d pz3mb");
    struct message_redeem_recovery_code m =
        scene_hear(s, MESSAGE_REDEEM_RECOVERY_CODE)->redeem_recovery_code;
    assert_string_equal(m.code.text, "7YXW4KQ01N8DPZ3MB");
    redeem(s, "7YXW4KQ01N8DPZ3MB");
    expect_failure(s, CODE_BUSY);
    const struct message_session_summary summary = scene_summary(s, true, 3, 1);
    changed(s, &summary);
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_SESSION_OPENED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_ROLE), "joiner");
    struct message answer = {.type = MESSAGE_STORED, .stored = {.in_reply_to = m.message_id}};
    wire_id_set(&answer.stored.recovery_session_id, SCENE_SESSION);
    scene_say(s, &answer);
    e = station_skip_to(st, SYNCSHELL_EVENT_CODE_REDEEMED);
    assert_int_equal(event_ticket(e), TICKET);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SESSION_ID), SCENE_SESSION);
    assert_int_equal(station_records(st, "session"), 1);
}

static void test_redeem_refused(void **state)
{
    static const enum wire_code codes[] = {WIRE_CODE_WRONG_RECOVERY_CODE,
                                           WIRE_CODE_RECOVERY_CODE_EXPIRED,
                                           WIRE_CODE_TOO_MANY_FAILURES};
    struct scene *s = *state;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_forget(s);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        redeem(s, "7YXW4KQ01N8DPZ3MB");
        scene_error(s,
                    &scene_hear(s, MESSAGE_REDEEM_RECOVERY_CODE)->redeem_recovery_code.message_id,
                    codes[i]);
        expect_failure(s, wire_code_name(codes[i]));
        scene_silence(s); /* guessing on is the user's business */
    }
    redeem(s, "7YXW4KQ01N8DPZ3MB");
    struct wire_id first =
        scene_hear(s, MESSAGE_REDEEM_RECOVERY_CODE)->redeem_recovery_code.message_id;
    (void)first;
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_hear(s, MESSAGE_REDEEM_RECOVERY_CODE); /* asking again is safe */
    struct message m = {.type = MESSAGE_MEMBERSHIP_ENDED};
    wire_id_set(&m.membership_ended.syncshell_id, SCENE_SHELL);
    m.membership_ended.code = WIRE_CODE_MEMBER_REMOVED;
    scene_say(s, &m);
    expect_failure(s, "member_removed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_code_on_demand),
        SCENE_TEST(test_a_code_that_is_too_old_when_it_is_answered),
        SCENE_TEST(test_not_by_the_provider),
        SCENE_TEST(test_a_code_that_the_session_does_not_live_to_see),
        SCENE_TEST(test_the_former_joiner_hears_it),
        SCENE_TEST(test_the_former_joiner_reads_it),
        SCENE_TEST(test_the_provider_goes_on_with_the_new_joiner),
        SCENE_TEST(test_redeem),
        SCENE_TEST(test_redeem_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
