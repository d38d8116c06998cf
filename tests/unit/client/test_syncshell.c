/* Becoming a member, and staying one through restarts of either side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "scene.h"
#include "wire/challenge.h"

static const char relay[] = "wss://relay.example";

static void boot_online(struct scene *s)
{
    station_boot(&s->station, relay);
    scene_settle(s);
}

/* A syncshell of our own, created; up to JoinSyncshell. Returns its id. */
static struct wire_id create(struct scene *s)
{
    struct station *st = &s->station;
    boot_online(s);
    STATION_CALL(st, engine_create_syncshell(st->engine, s->now_us, station_ticket(st)));
    scene_settle(s);
    scene_hello(s);
    scene_welcome(s);
    struct wire_id id = scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell.syncshell_id;
    scene_stored(s, &s->current.create_syncshell.message_id);
    return id;
}

/* SyncshellJoined for a syncshell of our own. */
static void joined_own(struct scene *s, const struct wire_id *id)
{
    struct message_member member = {.peer_id = s->self, .presence = PRESENCE_ONLINE};
    struct message m = {.type = MESSAGE_SYNCSHELL_JOINED};
    m.syncshell_joined.in_reply_to =
        scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id;
    m.syncshell_joined.syncshell_id = *id;
    m.syncshell_joined.store_epoch = s->store_epoch;
    m.syncshell_joined.owner_peer_id = s->self;
    m.syncshell_joined.key_epoch = 1;
    m.syncshell_joined.recovered = true;
    m.syncshell_joined.members = &member;
    m.syncshell_joined.n_members = 1;
    scene_say(s, &m);
}

static void test_create(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct invite invite;
    struct wire_key key;
    struct wire_signature proof;
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    boot_online(s);
    STATION_CALL(st, engine_create_syncshell(st->engine, s->now_us, 9));
    scene_settle(s);
    assert_int_equal(station_records(st, "syncshell"), 1); /* before the relay hears of it */
    scene_hello(s);
    scene_welcome(s);
    const struct message_create_syncshell *c =
        &scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell;
    assert_int_equal(strlen(c->syncshell_id.text), 16);
    assert_int_equal(strspn(c->syncshell_id.text, "0123456789abcdef"), 16);
    assert_int_equal(engine_invite(st->engine, c->syncshell_id.text, &invite), 0);
    stub_group_public_key(invite.secret.text, c->syncshell_id.text, &key);
    assert_string_equal(c->group_public_key.text, key.text);
    assert_int_equal(challenge_create(&text, "relay0", s->nonce.text, c->syncshell_id.text,
                                      s->self.text, key.text),
                     0);
    stub_sign(key.text, text.data, text.size, &proof);
    assert_string_equal(c->proof.text, proof.text);
    buf_deinit(&text);
    struct wire_id id = c->syncshell_id;
    scene_stored(s, &c->message_id);
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_CREATED);
    assert_int_equal(event_ticket(e), 9);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_SYNCSHELL_ID), id.text);
    joined_own(s, &id);
    e = station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_JOINED);
    assert_int_equal(event_ticket(e), 9);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OWNER_PEER_ID), s->self.text);
    station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_READY);
    station_expect_none(st);
    assert_string_equal(invite.relay_url, relay);
    assert_string_equal(invite.owner_peer_id.text, s->self.text);
    assert_int_equal(engine_invite(st->engine, "another", &invite), ENGINE_E_UNKNOWN);
}

static void test_create_survives_a_kill(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    boot_online(s);
    STATION_CALL(st, engine_create_syncshell(st->engine, s->now_us, 1));
    scene_settle(s);
    scene_hello(s);
    scene_welcome(s);
    struct message_create_syncshell first =
        scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell;
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    const struct message_create_syncshell *again =
        &scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell;
    assert_string_equal(again->syncshell_id.text, first.syncshell_id.text);
    assert_string_equal(again->group_public_key.text, first.group_public_key.text);
    scene_stored(s, &again->message_id);
    station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_CREATED);
    scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
}

static void test_create_refused(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    boot_online(s);
    STATION_CALL(st, engine_create_syncshell(st->engine, s->now_us, 3));
    scene_settle(s);
    scene_hello(s);
    scene_welcome(s);
    scene_error(s, &scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell.message_id,
                WIRE_CODE_CREATE_REFUSED);
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), 3);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "create_refused");
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_RETRYABLE), 0);
    assert_int_equal(station_records(st, "syncshell"), 0);
    scene_silence(s);
}

static void test_create_without_a_relay(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    station_boot(st, NULL);
    STATION_CALL(st, engine_create_syncshell(st->engine, s->now_us, 3));
    scene_settle(s);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_NO_RELAY);
    assert_int_equal(s->n_dials, 0);
}

static void test_busy_relay_is_asked_again(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    boot_online(s);
    STATION_CALL(st, engine_create_syncshell(st->engine, s->now_us, 3));
    scene_settle(s);
    scene_hello(s);
    scene_welcome(s);
    struct message m =
        scene_error_message(&scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell.message_id,
                            WIRE_CODE_STORE_UNAVAILABLE);
    m.error.has_retry_after = true;
    m.error.retry_after_ms = 5000;
    scene_say(s, &m);
    scene_advance_ms(s, 3000);
    scene_silence(s);
    scene_advance_ms(s, 4000);
    scene_hear(s, MESSAGE_CREATE_SYNCSHELL);
}

static void test_join(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    struct wire_key key;
    struct wire_signature proof;
    scene_boot(s);
    const struct message_join_syncshell *j = &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell;
    stub_group_public_key(s->secret.text, SCENE_SHELL, &key);
    assert_int_equal(challenge_join(&text, "relay0", s->nonce.text, SCENE_SHELL, s->self.text, 1),
                     0);
    stub_sign(key.text, text.data, text.size, &proof);
    buf_deinit(&text);
    assert_string_equal(j->proof.text, proof.text);
    assert_int_equal(j->key_epoch, 1);
    assert_false(j->has_inbox_cursor);
    assert_string_equal(j->store_epoch.text, "");
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_AWAY});
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_JOINED);
    assert_int_equal(event_ticket(e), 1);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_OWNER_PEER_ID), s->other.text);
    bool away = false; /* of the other side, before READY */
    while ((e = station_next(st)) && event_type(e) == SYNCSHELL_EVENT_PEER_PRESENCE)
        away = away || (str_equal(event_string(e, SYNCSHELL_FIELD_PEER_ID), s->other.text) &&
                        str_equal(event_string(e, SYNCSHELL_FIELD_PRESENCE), "away"));
    assert_true(away);
    assert_non_null(e);
    assert_int_equal(event_type(e), SYNCSHELL_EVENT_SYNCSHELL_READY);
    station_expect_none(st);
}

static void test_rejoins_by_itself(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    for (unsigned i = 0; i < 2; i++) {
        if (i == 0)
            scene_restart(s);
        else
            scene_drop(s, 1006);
        scene_advance_ms(s, 1000);
        scene_hello(s);
        scene_welcome(s);
        station_forget(st);
        const struct message_join_syncshell *j;
        j = &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell;
        assert_true(j->has_inbox_cursor);
        assert_string_equal(j->store_epoch.text, s->store_epoch.text);
        const struct message m = scene_error_message(&j->message_id, WIRE_CODE_STORE_UNAVAILABLE);
        scene_say(s, &m);
        scene_advance_ms(s, 2000);
        scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
        struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_JOINED);
        assert_int_equal(event_ticket(e), 0);
        assert_int_equal(event_number(e, SYNCSHELL_FIELD_RECOVERED), 1);
    }
}

static void test_join_refused(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_BAD_PROOF);
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), 1);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "bad_proof");
    assert_int_equal(station_records(st, "syncshell"), 0);
}

static void test_member_refused_keeps_asking(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_UNKNOWN_SYNCSHELL); /* the owner has to make it again */
    station_skip_to(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(station_records(st, "syncshell"), 1);
    scene_advance_ms(s, 20000);
    scene_silence(s);
    scene_advance_ms(s, 20000);
    scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
}

static void test_owner_creates_again(void **state)
{
    struct scene *s = *state;
    struct wire_id id = create(s);
    joined_own(s, &id);
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_hello(s);
    scene_welcome(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_UNKNOWN_SYNCSHELL);
    const struct message_create_syncshell *c =
        &scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell;
    assert_string_equal(c->syncshell_id.text, id.text);
    scene_stored(s, &c->message_id);
    scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
}

static void join_by(struct scene *s, uint64_t ticket, const char *url, const char *id,
                    const struct wire_key *secret)
{
    struct station *st = &s->station;
    struct invite invite = {.secret = *secret, .owner_peer_id = s->other};
    str_copy(invite.relay_url, sizeof invite.relay_url, url);
    wire_id_set(&invite.syncshell_id, id);
    STATION_CALL(st, engine_join(st->engine, s->now_us, ticket, &invite));
    scene_settle(s);
}

static const char *failure(struct scene *s, uint64_t ticket)
{
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), ticket);
    return event_string(e, SYNCSHELL_FIELD_CODE);
}

static void test_invites_that_do_not_fit(void **state)
{
    struct scene *s = *state;
    struct wire_key other_secret = s->secret;
    other_secret.text[0] = 'X';
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    scene_forget(s);
    join_by(s, 50, "wss://elsewhere.example", "shell1", &s->secret);
    assert_string_equal(failure(s, 50), "other_relay");
    join_by(s, 51, "http://relay.example", "shell1", &s->secret);
    assert_string_equal(failure(s, 51), CODE_BAD_ARGUMENT);
    join_by(s, 52, "wss://relay.example:8443", SCENE_SHELL, &other_secret);
    assert_string_equal(failure(s, 52), CODE_BAD_ARGUMENT);
    scene_silence(s);
    /* known already */
    join_by(s, 53, "wss://RELAY.example:8443/else", SCENE_SHELL, &s->secret);
    assert_int_equal(event_ticket(station_expect(&s->station, SYNCSHELL_EVENT_SYNCSHELL_JOINED)),
                     53);
    scene_silence(s);
    /* one more at the same relay */
    join_by(s, 54, "wss://relay.example:8443", "shell1", &s->secret);
    assert_string_equal(scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.syncshell_id.text,
                        "shell1");
}

static void test_too_many(void **state)
{
    struct scene *s = *state;
    char id[8] = "many00";
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    for (unsigned i = 1; i < 64; i++) {
        id[4] = (char)('0' + i / 10);
        id[5] = (char)('0' + i % 10);
        join_by(s, 100 + i, "wss://relay.example:8443", id, &s->secret);
        scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
    }
    scene_forget(s);
    join_by(s, 200, "wss://relay.example:8443", "onemore", &s->secret);
    assert_string_equal(failure(s, 200), CODE_LIBRARY_FULL);
    assert_int_equal(station_records(&s->station, "syncshell"), 64);
}

static void test_presence(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    static const struct {
        enum presence presence;
        const char *told; /* NULL: nothing */
    } rows[] = {{PRESENCE_ONLINE, NULL}, {PRESENCE_AWAY, "away"},    {PRESENCE_AWAY, NULL},
                {PRESENCE_LEFT, "left"}, {PRESENCE_LEFT, NULL},      {PRESENCE_AWAY, "away"},
                {PRESENCE_LEFT, "left"}, {PRESENCE_ONLINE, "online"}};
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    station_forget(st);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene_presence(s, rows[i].presence);
        if (rows[i].told) {
            struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_PEER_PRESENCE);
            assert_string_equal(event_string(e, SYNCSHELL_FIELD_PRESENCE), rows[i].told);
        }
        station_expect_none(st);
    }
}

/* Two commands about one syncshell: each has its own answer. */
static void test_joined_twice_before_the_answer(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    struct invite invite;
    unsigned n_answers[2] = {0};
    scene_boot(s);
    uint64_t first = st->ticket;
    assert_int_equal(engine_invite(st->engine, SCENE_SHELL, &invite), 0);
    STATION_CALL(st, engine_join(st->engine, s->now_us, 80, &invite));
    scene_settle(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    for (struct syncshell_event *e; (e = station_next(st));) {
        n_answers[0] += event_ticket(e) == first;
        n_answers[1] += event_ticket(e) == 80;
    }
    assert_int_equal(n_answers[0], 1);
    assert_int_equal(n_answers[1], 1);
}

/* By command 3; what the relay is asked for. */
static struct message_create_syncshell being_created(struct scene *s)
{
    boot_online(s);
    STATION_CALL(&s->station, engine_create_syncshell(s->station.engine, s->now_us, 3));
    scene_settle(s);
    scene_hello(s);
    scene_welcome(s);
    return scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell;
}

static void test_left_before_it_was_created(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    const struct message_create_syncshell create = being_created(s);
    station_forget(st);
    STATION_CALL(st, engine_leave(st->engine, s->now_us, 4, create.syncshell_id.text));
    scene_settle(s);
    assert_string_equal(failure(s, 3), "superseded");
    STATION_CALL(st,
                 engine_leave(st->engine, s->now_us, 5, create.syncshell_id.text)); /* once more */
    scene_settle(s);
    assert_string_equal(failure(s, 4), "superseded");
    scene_stored(s, &create.message_id);
    joined_own(s, &create.syncshell_id);
    scene_stored(s, &scene_hear(s, MESSAGE_LEAVE_SYNCSHELL)->leave_syncshell.message_id);
    assert_int_equal(event_ticket(station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_LEFT)), 5);
    station_expect_none(st);
}

/* Its id is known before it is joined. */
static void test_what_waits_for_the_join_fails_with_it(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    const struct message_create_syncshell create = being_created(s);
    scene_stored(s, &create.message_id);
    station_forget(st);
    STATION_CALL(st, engine_owner_operation(st->engine, s->now_us, 4, create.syncshell_id.text,
                                            MESSAGE_ROTATE_GROUP_KEY, NULL));
    scene_settle(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_SYNCSHELL_DELETED);
    assert_string_equal(failure(s, 3), "syncshell_deleted");
    assert_string_equal(failure(s, 4), "syncshell_deleted");
    assert_int_equal(station_records(st, "syncshell"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_create),
        SCENE_TEST(test_create_survives_a_kill),
        SCENE_TEST(test_create_refused),
        SCENE_TEST(test_what_waits_for_the_join_fails_with_it),
        SCENE_TEST(test_create_without_a_relay),
        SCENE_TEST(test_busy_relay_is_asked_again),
        SCENE_TEST(test_join),
        SCENE_TEST(test_rejoins_by_itself),
        SCENE_TEST(test_join_refused),
        SCENE_TEST(test_member_refused_keeps_asking),
        SCENE_TEST(test_owner_creates_again),
        SCENE_TEST(test_invites_that_do_not_fit),
        SCENE_TEST(test_too_many),
        SCENE_TEST(test_presence),
        SCENE_TEST(test_joined_twice_before_the_answer),
        SCENE_TEST(test_left_before_it_was_created),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
