/* A relay that was put back to an older backup: it has the key of before a rotation, or knows nothing of the syncshell. The owner
 * makes good what is lost, the others wait for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "scene.h"

enum { TICKET = 90 };

static void join(struct scene *s, bool owned, uint64_t ticket)
{
    struct station *st = &s->station;
    struct invite invite = {.secret = s->secret, .owner_peer_id = owned ? s->self : s->other};
    str_copy(invite.relay_url, sizeof invite.relay_url, "wss://relay.example");
    wire_id_set(&invite.syncshell_id, SCENE_SHELL);
    invite_set_key_epoch(&invite, 2);
    STATION_CALL(st, engine_join(st->engine, s->now_us, ticket, &invite));
    scene_settle(s);
}

/* Joined under the second key; then the connection breaks, and all is up to JoinSyncshell again. */
static void come_back(struct scene *s, bool owned)
{
    struct station *st = &s->station;
    station_boot(st, NULL);
    join(s, owned, TICKET);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s,
                 &(struct scene_joined){.other = PRESENCE_ONLINE, .owned = owned, .key_epoch = 2});
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_forget(s);
    scene_hello(s);
    scene_welcome(s);
    station_forget(st);
}

static void refuse(struct scene *s, uint64_t version)
{
    const struct message_join_syncshell *j = &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell;
    assert_int_equal(j->key_epoch, 2);
    struct message m = scene_error_message(&j->message_id, WIRE_CODE_WRONG_KEY_EPOCH);
    m.error.has_version = true;
    m.error.version = version;
    scene_say(s, &m);
}

static void test_a_member_waits_for_the_owner(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    come_back(s, false);
    for (unsigned i = 0; i < 3; i++) {
        refuse(s, 1);
        if (i == 0) { /* said once */
            struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_REQUEST_FAILED);
            assert_int_equal(event_ticket(e), 0);
            assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "wrong_key_epoch");
        }
        station_expect_none(st);
        scene_silence(s);
        scene_advance_ms(s, 12500);
    }
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE, .key_epoch = 2});
    station_skip_to(st, SYNCSHELL_EVENT_SYNCSHELL_JOINED);
}

/* A later key than ours: the relay is not behind, we are. */
static void test_a_member_without_the_latest_key(void **state)
{
    struct scene *s = *state;
    come_back(s, false);
    refuse(s, 3);
    station_skip_to(&s->station, SYNCSHELL_EVENT_MEMBERSHIP_ENDED);
    scene_advance_ms(s, 60000);
    scene_silence(s);
}

static void test_the_owner_makes_it_again(void **state)
{
    struct scene *s = *state;
    come_back(s, true);
    refuse(s, 1);
    const struct message_create_syncshell *c =
        &scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell;
    assert_int_equal(c->key_epoch, 2);
    scene_stored(s, &c->message_id);
    assert_int_equal(scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.key_epoch, 2);
    station_expect(&s->station, SYNCSHELL_EVENT_SYNCSHELL_CREATED);
}

static void test_the_owner_is_not_believed(void **state)
{
    struct scene *s = *state;
    come_back(s, true);
    refuse(s, 1);
    scene_error(s, &scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell.message_id,
                WIRE_CODE_SYNCSHELL_EXISTS);
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_MEMBERSHIP_ENDED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "wrong_key_epoch");
    scene_advance_ms(s, 60000);
    scene_silence(s);
}

/* After a refusal's pause, and before the relay is given up for its silence. */
static const struct message *hear_later(struct scene *s, enum message_type type)
{
    const struct message *m = NULL;
    for (unsigned i = 0; !m && i < 40; i++) {
        scene_advance_ms(s, 1000);
        m = scene_hear_any(s);
    }
    assert_true(m && m->type == type);
    return m;
}

/* A program may join at each start. What it has had for long is not what its command has made, and stays when that fails. */
static void test_what_is_made_again_stays_where_the_relay_will_not(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    come_back(s, true);
    join(s, true, TICKET + 1);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_UNKNOWN_SYNCSHELL);
    scene_error(s, &scene_hear(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell.message_id,
                WIRE_CODE_ACCESS_KEY_EXPIRED);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), TICKET + 1);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "access_key_expired");
    assert_int_equal(station_records(st, "syncshell"), 1);
    scene_stored(s, &hear_later(s, MESSAGE_CREATE_SYNCSHELL)->create_syncshell.message_id);
    station_expect(st, SYNCSHELL_EVENT_SYNCSHELL_CREATED);
    join(s, true, TICKET + 2);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_SYNCSHELL_FULL);
    e = station_expect(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_int_equal(event_ticket(e), TICKET + 2);
    assert_int_equal(station_records(st, "syncshell"), 1);
    scene_error(s, &hear_later(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_SYNCSHELL_FULL);
    assert_int_equal(event_ticket(station_expect(st, SYNCSHELL_EVENT_REQUEST_FAILED)), 0);
    assert_int_equal(station_records(st, "syncshell"), 1);
}

/* Whose removal the relay has forgotten, or never heard of, may be no member and come back: nobody is told that it is kept out. */
static void test_a_removal_that_the_relay_does_not_know(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE, .owned = true});
    scene_forget(s);
    STATION_CALL(st, engine_owner_operation(st->engine, s->now_us, TICKET, SCENE_SHELL,
                                            MESSAGE_REMOVE_MEMBER, s->other.text));
    scene_settle(s);
    scene_hear(s, MESSAGE_REMOVE_MEMBER);
    scene_restart(s);
    scene_hello(s);
    scene_welcome(s);
    scene_joined(s, &(struct scene_joined){.owned = true, .alone = true, .owner_sequence = 0});
    const struct message_owner_operation *o =
        &scene_hear(s, MESSAGE_REMOVE_MEMBER)->owner_operation;
    assert_int_equal(o->owner_sequence, 1);
    scene_error(s, &o->message_id, WIRE_CODE_UNKNOWN_TARGET);
    struct syncshell_event *e = station_skip_to(st, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "unknown_target");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_a_member_waits_for_the_owner),
        SCENE_TEST(test_a_member_without_the_latest_key),
        SCENE_TEST(test_the_owner_makes_it_again),
        SCENE_TEST(test_the_owner_is_not_believed),
        SCENE_TEST(test_what_is_made_again_stays_where_the_relay_will_not),
        SCENE_TEST(test_a_removal_that_the_relay_does_not_know),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
