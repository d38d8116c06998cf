/* The owner's operations, each once whoever dies in between, and what a rotated key is to the other members. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"
#include "wire/challenge.h"

enum { TICKET = 90 };

static const struct scene_joined owned = {.other = PRESENCE_ONLINE, .owned = true};

/* Joined to a syncshell that we own; nothing left to hear. */
static void own(struct scene *s)
{
    scene_boot(s);
    scene_joined(s, &owned);
    scene_forget(s);
}

static void order(struct scene *s, enum message_type type, const char *peer_id)
{
    struct station *st = &s->station;
    STATION_CALL(st,
                 engine_owner_operation(st->engine, s->now_us, TICKET, SCENE_SHELL, type, peer_id));
    scene_settle(s);
}

static struct message_owner_operation hear(struct scene *s, enum message_type type)
{
    return scene_hear(s, type)->owner_operation;
}

/* The process dies; up to the next JoinSyncshell. */
static void restart(struct scene *s)
{
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    station_forget(&s->station);
}

static struct invite invite_of(const struct scene *s)
{
    struct invite invite;
    assert_int_equal(engine_invite(s->station.engine, SCENE_SHELL, &invite), 0);
    return invite;
}

static void expect_event(struct scene *s, int32_t type, uint64_t ticket)
{
    struct syncshell_event *e = station_skip_to(&s->station, type);
    assert_int_equal(event_ticket(e), ticket);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SYNCSHELL_ID), SCENE_SHELL);
}

static void expect_failure(struct scene *s, const char *code)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), TICKET);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
}

static void test_remove(void **state)
{
    struct scene *s = *state;
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    struct wire_signature signature;
    own(s);
    order(s, MESSAGE_REMOVE_MEMBER, s->other.text);
    struct message_owner_operation o = hear(s, MESSAGE_REMOVE_MEMBER);
    assert_string_equal(o.peer_id.text, s->other.text);
    assert_int_equal(o.owner_sequence, 1);
    assert_int_equal(
        challenge_owner_operation(&text, MESSAGE_REMOVE_MEMBER, "relay0", s->nonce.text, &o), 0);
    stub_sign(s->self.text + strlen("ed25519:"), text.data, text.size, &signature);
    assert_string_equal(o.signature.text, signature.text);
    buf_deinit(&text);
    scene_stored(s, &o.message_id);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_MEMBER_REMOVED);
    assert_int_equal(event_ticket(e), TICKET);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), s->other.text);
    order(s, MESSAGE_REMOVE_MEMBER, s->other.text);
    o = hear(s, MESSAGE_REMOVE_MEMBER);
    assert_int_equal(o.owner_sequence, 2);
    scene_error(s, &o.message_id, WIRE_CODE_UNKNOWN_TARGET);
    expect_failure(s, "unknown_target");
    restart(s);
    scene_joined(s, &(struct scene_joined){.owned = true, .alone = true, .owner_sequence = 1});
    scene_silence(s);
}

/* Before it was sent, and after: the next process does it, under the same number. */
static void test_remove_survives_kills(void **state)
{
    struct scene *s = *state;
    own(s);
    scene_drop(s, 1006);
    order(s, MESSAGE_REMOVE_MEMBER, s->other.text);
    restart(s);
    scene_joined(s, &owned);
    assert_int_equal(hear(s, MESSAGE_REMOVE_MEMBER).owner_sequence, 1);
    restart(s);
    scene_joined(s, &owned);
    struct message_owner_operation o = hear(s, MESSAGE_REMOVE_MEMBER);
    assert_int_equal(o.owner_sequence, 1);
    scene_stored(s, &o.message_id);
    expect_event(s, SYNCSHELL_EVENT_MEMBER_REMOVED, 0);
    restart(s);
    scene_joined(s, &(struct scene_joined){.owned = true, .alone = true, .owner_sequence = 1});
    scene_silence(s);
}

/* The answer was lost, and is read off the members. */
static void test_remove_without_the_answer(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_REMOVE_MEMBER, s->other.text);
    hear(s, MESSAGE_REMOVE_MEMBER);
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.owned = true, .alone = true, .owner_sequence = 1});
    expect_event(s, SYNCSHELL_EVENT_MEMBER_REMOVED, TICKET);
    scene_silence(s);
}

/* Another number counts: of another store, or the ownership went away and came back. */
static void test_numbered_anew(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_REMOVE_MEMBER, s->other.text);
    struct message_owner_operation o = hear(s, MESSAGE_REMOVE_MEMBER);
    struct message m = scene_error_message(&o.message_id, WIRE_CODE_STALE_OWNER_SEQUENCE);
    m.error.has_version = true;
    m.error.version = 7;
    scene_say(s, &m);
    assert_int_equal(hear(s, MESSAGE_REMOVE_MEMBER).owner_sequence, 8);
    restart(s);
    scene_joined(
        s, &(struct scene_joined){.other = PRESENCE_ONLINE, .owned = true, .owner_sequence = 20});
    o = hear(s, MESSAGE_REMOVE_MEMBER);
    assert_int_equal(o.owner_sequence, 21);
    m = scene_error_message(&o.message_id, WIRE_CODE_STALE_OWNER_SEQUENCE);
    m.error.has_version = true;
    m.error.version = 20; /* a relay that contradicts itself is not asked for ever */
    scene_say(s, &m);
    station_skip_to(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    scene_silence(s);
}

/* A relay that does not say which number counts, gets no other one. */
static void test_stale_without_a_number(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_REMOVE_MEMBER, s->other.text);
    scene_error(s, &scene_hear(s, MESSAGE_REMOVE_MEMBER)->owner_operation.message_id,
                WIRE_CODE_STALE_OWNER_SEQUENCE);
    expect_failure(s, "stale_owner_sequence");
    scene_silence(s);
}

/* The syncshell is gone, but not by our order: that had not been sent, or it ended in another way. */
static void test_ended_before_it_was_deleted(void **state)
{
    static const enum wire_code codes[] = {WIRE_CODE_SYNCSHELL_DELETED, WIRE_CODE_MEMBER_REMOVED};
    (void)state;
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        void *fresh = NULL;
        struct message m = {.type = MESSAGE_MEMBERSHIP_ENDED};
        assert_int_equal(scene_setup(&fresh), 0);
        struct scene *s = fresh;
        own(s);
        if (i == 0) { /* in another's turn: it waits for the answer before it */
            order(s, MESSAGE_ROTATE_GROUP_KEY, NULL);
            hear(s, MESSAGE_ROTATE_GROUP_KEY);
        }
        order(s, MESSAGE_DELETE_SYNCSHELL, NULL);
        if (i == 1)
            hear(s, MESSAGE_DELETE_SYNCSHELL);
        assert_int_equal(wire_id_set(&m.membership_ended.syncshell_id, SCENE_SHELL), 0);
        m.membership_ended.code = codes[i];
        scene_say(s, &m);
        if (i == 0)
            expect_failure(s, wire_code_name(codes[i])); /* the rotation */
        expect_failure(s, wire_code_name(codes[i]));
        assert_null(station_find(&s->station, SYNCSHELL_EVENT_SYNCSHELL_DELETED));
        assert_int_equal(scene_teardown(&fresh), 0);
    }
}

/* Somebody else's operation under our number: ours is not done by it. */
static void test_another_became_the_owner(void **state)
{
    struct scene *s = *state;
    struct message changed = {.type = MESSAGE_OWNER_CHANGED};
    own(s);
    order(s, MESSAGE_TRANSFER_OWNERSHIP, s->other.text);
    hear(s, MESSAGE_TRANSFER_OWNERSHIP);
    assert_int_equal(wire_id_set(&changed.owner_changed.syncshell_id, SCENE_SHELL), 0);
    stub_peer_id(2, &changed.owner_changed.owner_peer_id);
    changed.owner_changed.owner_sequence = 1;
    scene_say(s, &changed);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_OWNER_CHANGED);
    assert_int_equal(event_ticket(e), 0);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OWNER_PEER_ID),
                        changed.owner_changed.owner_peer_id.text);
}

static void test_in_order(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_REMOVE_MEMBER, s->other.text);
    order(s, MESSAGE_ROTATE_GROUP_KEY, NULL);
    const struct wire_id first = hear(s, MESSAGE_REMOVE_MEMBER).message_id;
    scene_silence(s); /* one at a time */
    scene_stored(s, &first);
    assert_int_equal(hear(s, MESSAGE_ROTATE_GROUP_KEY).owner_sequence, 2);
}

static void test_rotate(void **state)
{
    struct scene *s = *state;
    struct wire_key key;
    own(s);
    const struct invite before = invite_of(s);
    order(s, MESSAGE_ROTATE_GROUP_KEY, NULL);
    struct message_owner_operation o = hear(s, MESSAGE_ROTATE_GROUP_KEY);
    assert_int_equal(o.key_epoch, 2);
    assert_string_equal(invite_of(s).secret.text, before.secret.text); /* it is not in force yet */
    scene_stored(s, &o.message_id);
    expect_event(s, SYNCSHELL_EVENT_KEY_ROTATED, TICKET);
    const struct invite after = invite_of(s);
    assert_int_equal(invite_key_epoch(&after), 2);
    stub_group_public_key(after.secret.text, SCENE_SHELL, &key);
    assert_string_equal(o.group_public_key.text, key.text);
    restart(s);
    assert_int_equal(scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.key_epoch, 2);
}

/* Nobody but this journal knows the new secret: it is there before the relay hears of its key. */
static void test_rotated_without_the_answer(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_ROTATE_GROUP_KEY, NULL);
    const struct message_owner_operation o = hear(s, MESSAGE_ROTATE_GROUP_KEY);
    restart(s);
    const struct message_join_syncshell *j = &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell;
    assert_int_equal(j->key_epoch, 1);
    scene_error(s, &j->message_id, WIRE_CODE_WRONG_KEY_EPOCH);
    scene_joined(s,
                 &(struct scene_joined){
                     .other = PRESENCE_AWAY, .owned = true, .key_epoch = 2, .owner_sequence = 1});
    expect_event(s, SYNCSHELL_EVENT_KEY_ROTATED, 0);
    scene_silence(s);
    const struct invite after = invite_of(s);
    struct wire_key key;
    stub_group_public_key(after.secret.text, SCENE_SHELL, &key);
    assert_string_equal(key.text, o.group_public_key.text);
}

static void test_rotation_that_did_not_arrive(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_ROTATE_GROUP_KEY, NULL);
    const struct message_owner_operation first = hear(s, MESSAGE_ROTATE_GROUP_KEY);
    restart(s);
    scene_joined(s, &owned);
    const struct message_owner_operation again = hear(s, MESSAGE_ROTATE_GROUP_KEY);
    assert_int_equal(again.owner_sequence, first.owner_sequence);
    assert_string_equal(again.group_public_key.text, first.group_public_key.text);
    assert_string_not_equal(again.message_id.text, first.message_id.text);
}

/* Both keys are refused: by then another rotation was made, by an owner that we handed it to. */
static void test_no_key_fits(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_ROTATE_GROUP_KEY, NULL);
    hear(s, MESSAGE_ROTATE_GROUP_KEY);
    restart(s);
    for (uint64_t epoch = 1; epoch <= 2; epoch++) {
        const struct message_join_syncshell *j =
            &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell;
        assert_int_equal(j->key_epoch, epoch);
        scene_error(s, &j->message_id, WIRE_CODE_WRONG_KEY_EPOCH);
    }
    station_skip_to(&s->station, SYNCSHELL_EVENT_MEMBERSHIP_ENDED);
    scene_advance_ms(s, 60000);
    scene_silence(s);
}

static void test_hand_over(void **state)
{
    struct scene *s = *state;
    struct message changed = {.type = MESSAGE_OWNER_CHANGED};
    own(s);
    order(s, MESSAGE_TRANSFER_OWNERSHIP, s->other.text);
    order(s, MESSAGE_DELETE_SYNCSHELL, NULL);
    const struct message_owner_operation o = hear(s, MESSAGE_TRANSFER_OWNERSHIP);
    assert_int_equal(wire_id_set(&changed.owner_changed.syncshell_id, SCENE_SHELL), 0);
    changed.owner_changed.owner_peer_id = s->other;
    changed.owner_changed.owner_sequence = 1;
    scene_say(s, &changed);
    scene_stored(s, &o.message_id);
    expect_event(s, SYNCSHELL_EVENT_OWNER_CHANGED, TICKET);
    expect_failure(s, "not_owner"); /* what was to follow */
    station_expect_none(&s->station);
    assert_string_equal(invite_of(s).owner_peer_id.text, s->other.text);
    order(s, MESSAGE_ROTATE_GROUP_KEY, NULL);
    expect_failure(s, "not_owner");
    scene_silence(s);
}

static void test_handed_over_without_the_answer(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_TRANSFER_OWNERSHIP, s->other.text);
    hear(s, MESSAGE_TRANSFER_OWNERSHIP);
    restart(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE, .owner_sequence = 1});
    expect_event(s, SYNCSHELL_EVENT_OWNER_CHANGED, 0);
    scene_silence(s);
}

static void test_delete(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    const struct message_session_summary summary = scene_summary(s, true, 0, 1);
    struct scene_joined how = owned;
    how.sessions = &summary;
    how.n_sessions = 1;
    scene_joined(s, &how);
    scene_forget(s);
    order(s, MESSAGE_DELETE_SYNCSHELL, NULL);
    const struct message_owner_operation o = hear(s, MESSAGE_DELETE_SYNCSHELL);
    scene_stored(s, &o.message_id);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CAUSE), "syncshell_deleted");
    expect_event(s, SYNCSHELL_EVENT_SYNCSHELL_DELETED, TICKET);
    station_expect_none(st);
    assert_int_equal(station_records(st, "syncshell"), 0);
    assert_int_equal(station_records(st, "session"), 0);
}

static void test_deleted_without_the_answer(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    own(s);
    order(s, MESSAGE_DELETE_SYNCSHELL, NULL);
    hear(s, MESSAGE_DELETE_SYNCSHELL);
    restart(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_SYNCSHELL_DELETED);
    expect_event(s, SYNCSHELL_EVENT_SYNCSHELL_DELETED, 0);
    station_expect_none(st);
    assert_int_equal(station_records(st, "syncshell"), 0);
}

static void test_refused_here(void **state)
{
    struct scene *s = *state;
    own(s);
    order(s, MESSAGE_REMOVE_MEMBER, s->self.text);
    expect_failure(s, "owner_cannot_leave");
    order(s, MESSAGE_TRANSFER_OWNERSHIP, s->self.text);
    expect_failure(s, CODE_BAD_ARGUMENT);
    order(s, MESSAGE_REMOVE_MEMBER, "nobody");
    expect_failure(s, CODE_BAD_ARGUMENT);
    scene_drop(s, 1006);
    for (unsigned i = 0; i < 65; i++)
        order(s, MESSAGE_REMOVE_MEMBER, s->other.text);
    expect_failure(s, CODE_LIBRARY_FULL);
    station_expect_none(&s->station);
    STATION_CALL(&s->station, engine_owner_operation(s->station.engine, s->now_us, TICKET, "other",
                                                     MESSAGE_ROTATE_GROUP_KEY, NULL));
    scene_settle(s);
    expect_failure(s, "unknown_syncshell");
}

/* ---- the others ---- */

static struct invite new_invite(struct scene *s)
{
    struct invite invite = invite_of(s);
    memset(invite.secret.text, 'T', 20);
    invite_set_key_epoch(&invite, 2);
    return invite;
}

static void shut_out(struct scene *s)
{
    struct message m = {.type = MESSAGE_MEMBERSHIP_ENDED};
    assert_int_equal(wire_id_set(&m.membership_ended.syncshell_id, SCENE_SHELL), 0);
    m.membership_ended.code = WIRE_CODE_WRONG_KEY_EPOCH;
    scene_say(s, &m);
    station_expect(&s->station, SYNCSHELL_EVENT_MEMBERSHIP_ENDED);
    scene_silence(s);
}

static void join(struct scene *s, const struct invite *invite)
{
    struct station *st = &s->station;
    STATION_CALL(st, engine_join(st->engine, s->now_us, TICKET, invite));
    scene_settle(s);
}

/* Back with the new invite: the session goes on, its log is written anew. */
static void test_back_with_the_new_invite(void **state)
{
    struct scene *s = *state;
    struct wire_key key;
    struct wire_signature proof;
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    scene_session(s, true);
    const struct message_session_summary summary = scene_summary(s, true, 1, 1);
    const struct invite invite = new_invite(s);
    shut_out(s);
    join(s, &invite);
    const struct message_join_syncshell *j = &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell;
    assert_int_equal(j->key_epoch, 2);
    stub_group_public_key(invite.secret.text, SCENE_SHELL, &key);
    assert_int_equal(challenge_join(&text, "relay0", s->nonce.text, SCENE_SHELL, s->self.text, 2),
                     0);
    stub_sign(key.text, text.data, text.size, &proof);
    assert_string_equal(j->proof.text, proof.text);
    buf_deinit(&text);
    scene_restart(
        s); /* nothing has admitted us with it yet: the command is gone, the old key not */
    scene_hello(s);
    scene_welcome(s);
    assert_int_equal(scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.key_epoch, 1);
    scene_error(s, &s->current.join_syncshell.message_id, WIRE_CODE_WRONG_KEY_EPOCH);
    join(s, &invite);
    s->secret = invite.secret;
    scene_joined(
        s, &(struct scene_joined){
               .other = PRESENCE_ONLINE, .key_epoch = 2, .sessions = &summary, .n_sessions = 1});
    expect_event(s, SYNCSHELL_EVENT_SYNCSHELL_JOINED, TICKET);
    station_skip_to(&s->station, SYNCSHELL_EVENT_OFFER_NEEDED);
    struct body_session_entry entry;
    scene_entry(s, scene_hear(s, MESSAGE_SESSION_CHECKPOINT), &entry); /* opens with the new key */
    body_session_entry_deinit(&entry);
    restart(s);
    assert_int_equal(scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.key_epoch, 2);
}

/* What waited in the inbox was sealed under the old key, what is new is not. */
static void test_old_letters_and_old_signals(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct body_recovery_request request = {.part = 1, .parts = 1};
    scene_session(s, false);
    const struct message_session_summary summary = scene_summary(s, false, 1, 1);
    const struct wire_key old = s->secret;
    const struct invite invite = new_invite(s);
    shut_out(s);
    join(s, &invite);
    scene_joined(
        s, &(struct scene_joined){
               .other = PRESENCE_ONLINE, .key_epoch = 2, .sessions = &summary, .n_sessions = 1});
    restart(s);
    s->secret = invite.secret;
    scene_joined(
        s, &(struct scene_joined){
               .other = PRESENCE_ONLINE, .key_epoch = 2, .sessions = &summary, .n_sessions = 1});
    station_forget(st);
    s->secret = old;
    wire_id_set(&request.request_id, "r1");
    scene_deliver_request(s, 1, &request);
    station_expect_none(st); /* taken: it waits for the manifest */
    assert_int_equal(station_records(st, "request"), 1);
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 2, "v=0");
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_BAD_SEAL);
    s->secret = invite.secret;
    scene_signal(s, MESSAGE_RECONNECT_OFFER, 2, "v=0");
    station_skip_to(st, SYNCSHELL_EVENT_OFFER);
}

/* The old one, once more: one answer, and the new one is not kept waiting. */
static void test_old_invite_before_the_new_one(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_session(s, true);
    const struct invite old = invite_of(s);
    const struct invite invite = new_invite(s);
    shut_out(s);
    STATION_CALL(st, engine_join(st->engine, s->now_us, TICKET - 1, &old));
    scene_settle(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_WRONG_KEY_EPOCH);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), TICKET - 1);
    scene_advance_ms(s, 60000);
    scene_silence(s);
    join(s, &invite);
    station_expect_none(st);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE, .key_epoch = 2});
    expect_event(s, SYNCSHELL_EVENT_SYNCSHELL_JOINED, TICKET);
}

static void test_invite_that_does_not_fit(void **state)
{
    struct scene *s = *state;
    scene_session(s, true);
    const struct invite first = invite_of(s);
    struct invite invite = new_invite(s);
    join(s, &invite); /* nothing was rotated */
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_WRONG_KEY_EPOCH);
    expect_failure(s, "wrong_key_epoch");
    assert_int_equal(invite_of(s).has_key_epoch, 0);
    scene_silence(s);
    shut_out(s);
    join(s, &invite);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_BAD_PROOF);
    expect_failure(s, "bad_proof");
    scene_advance_ms(s, 60000);
    scene_silence(s);
    join(s, &invite);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE, .key_epoch = 2});
    expect_event(s, SYNCSHELL_EVENT_SYNCSHELL_JOINED, TICKET);
    join(s, &first);
    expect_failure(s, "wrong_key_epoch");
    invite_set_key_epoch(&invite, 2);
    memset(invite.secret.text, 'U', 20);
    join(s, &invite);
    expect_failure(s, CODE_BAD_ARGUMENT);
}

/* A first invite may be of a later key. */
static void test_first_invite_after_a_rotation(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    struct invite invite = new_invite(s);
    assert_int_equal(wire_id_set(&invite.syncshell_id, "another"), 0);
    scene_forget(s);
    join(s, &invite);
    assert_int_equal(scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.key_epoch, 2);
    assert_int_equal(engine_invite(st->engine, "another", &invite), 0);
    assert_int_equal(invite_key_epoch(&invite), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_remove),
        SCENE_TEST(test_remove_survives_kills),
        SCENE_TEST(test_remove_without_the_answer),
        SCENE_TEST(test_numbered_anew),
        SCENE_TEST(test_stale_without_a_number),
        SCENE_TEST(test_ended_before_it_was_deleted),
        SCENE_TEST(test_another_became_the_owner),
        SCENE_TEST(test_in_order),
        SCENE_TEST(test_rotate),
        SCENE_TEST(test_rotated_without_the_answer),
        SCENE_TEST(test_rotation_that_did_not_arrive),
        SCENE_TEST(test_no_key_fits),
        SCENE_TEST(test_hand_over),
        SCENE_TEST(test_handed_over_without_the_answer),
        SCENE_TEST(test_delete),
        SCENE_TEST(test_deleted_without_the_answer),
        SCENE_TEST(test_refused_here),
        SCENE_TEST(test_back_with_the_new_invite),
        SCENE_TEST(test_old_letters_and_old_signals),
        SCENE_TEST(test_old_invite_before_the_new_one),
        SCENE_TEST(test_invite_that_does_not_fit),
        SCENE_TEST(test_first_invite_after_a_rotation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
