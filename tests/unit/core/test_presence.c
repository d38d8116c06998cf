/* Presence, and leaving for good (P1, P2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

static const struct message_member *listed(const struct message_syncshell_joined *j,
                                           const struct client *c)
{
    for (size_t i = 0; i < j->n_members; i++)
        if (strcmp(j->members[i].peer_id.text, c->peer_id.text) == 0)
            return &j->members[i];
    return NULL;
}

/* --- presence ------------------------------------------------------------------------------------------------------ */

static void p1_presence(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    expect_presence(p.joiner, third, PRESENCE_ONLINE);
    expect_presence(p.provider, third, PRESENCE_ONLINE);
    expect_nothing(third);
    client_disconnect(third);
    expect_presence(p.joiner, third, PRESENCE_AWAY);
    client_joined(w, 2, "shell");
    expect_presence(p.joiner, third, PRESENCE_ONLINE);
    const char *id = say_leave(third, "shell");
    expect_stored(third, id);
    expect_presence(p.joiner, third, PRESENCE_LEFT);
}

static void p1_presence_stays_inside_the_syncshell(void **state)
{
    struct world *w = *state;
    world_pair(w);
    struct client *other = client_online(w, 3);
    say_create(other, "elsewhere");
    say_join(other, "elsewhere");
    forget(other);
    struct client *third = client_joined(w, 2, "shell");
    client_disconnect(third);
    expect_nothing(other);
}

static struct client *second_connection(struct world *w, const struct client *of)
{
    struct client *fresh = client_at(w, 9);
    fresh->peer_id = of->peer_id;
    client_connect(fresh);
    say_authenticate(fresh);
    expect(fresh, MESSAGE_WELCOME);
    return fresh;
}

/* It never was away, but what went to its last connection may be lost: whoever has given up must begin again. */
static void p3_a_new_connection_is_told(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *fresh = second_connection(w, p.joiner);
    expect_closed(p.joiner, 4001);
    expect_nothing(p.provider);
    /* Meanwhile it is shown as the others see it. */
    struct client *third = client_joined(w, 2, "shell");
    expect_presence(p.provider, third, PRESENCE_ONLINE);
    assert_int_equal(listed(&third->current.syncshell_joined, p.joiner)->presence, PRESENCE_ONLINE);
    world_advance_ms(w, 4999);
    say_join(fresh, "shell");
    expect(fresh, MESSAGE_SYNCSHELL_JOINED);
    expect_presence(p.provider, p.joiner, PRESENCE_ONLINE);
    say_join(fresh, "shell"); /* no new connection */
    world_advance_ms(w, 60000);
    expect_nothing(p.provider);
}

static void p1_presence_after_the_grace(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *fresh = second_connection(w, p.joiner);
    world_advance_ms(w, 4999);
    expect_nothing(p.provider);
    world_advance_ms(w, 1);
    expect_presence(p.provider, p.joiner, PRESENCE_AWAY);
    say_join(fresh, "shell");
    expect_presence(p.provider, p.joiner, PRESENCE_ONLINE);
}

/* --- leave --------------------------------------------------------------------------------------------------------- */

static void p2_leave_answered_after_commit(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    const char *id = say_leave(p.joiner, "shell");
    expect_nothing(p.joiner);
    expect_nothing(p.provider);
    world_store_step(w, STORE_REMOVE_MEMBER);
    expect_stored(p.joiner, id);
    const struct message_session_changed *changed =
        &expect(p.provider, MESSAGE_SESSION_CHANGED)->session_changed;
    assert_int_equal(changed->session.state, SESSION_STATE_CLOSED);
    assert_int_equal(changed->session.outcome, SESSION_OUTCOME_CANCELLED);
    expect_presence(p.provider, p.joiner, PRESENCE_LEFT);
    id = say_leave(p.joiner, "shell");
    expect_error(p.joiner, id, WIRE_CODE_NOT_JOINED);
}

static void p2_leave_failing_store(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    const char *id = say_leave(p.joiner, "shell");
    expect_error(p.joiner, id, WIRE_CODE_STORE_UNAVAILABLE);
    expect_nothing(p.provider);
    id = say_leave(p.joiner, "shell");
    expect_stored(p.joiner, id);
}

static void p1_owner_cannot_leave(void **state)
{
    struct pair p = world_pair(*state);
    const char *id = say_leave(p.provider, "shell");
    expect_error(p.provider, id, WIRE_CODE_OWNER_CANNOT_LEAVE);
}

static void p1_left_is_no_target(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_leave(p.joiner, "shell");
    forget(p.provider);
    const char *id = say_routed(p.provider, p.joiner, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_error(p.provider, id, WIRE_CODE_UNKNOWN_TARGET);
}

static void p1_leave_and_join_again(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_leave(p.joiner, "shell");
    forget(p.joiner);
    say_join(p.joiner, "shell");
    const struct message_syncshell_joined *j =
        &expect(p.joiner, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined;
    assert_int_equal(j->n_sessions, 1);
    assert_int_equal(j->sessions[0].state, SESSION_STATE_CLOSED);
}

static void p2_inbox_numbers_are_not_used_again(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const char *id = say_routed(p.provider, p.joiner, MESSAGE_RECOVERY_REQUEST, "session", 1);
    expect_delivery(p.joiner, 1, id);
    say_leave(p.joiner, "shell");
    forget(p.joiner);
    forget(p.provider);
    struct message m;
    make_join(p.joiner, "shell", &m);
    m.join_syncshell.has_inbox_cursor = true;
    m.join_syncshell.inbox_cursor = 1;
    wire_id_set(&m.join_syncshell.store_epoch, "epoch");
    say(p.joiner, &m);
    const struct message_syncshell_joined *j =
        &expect(p.joiner, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined;
    assert_int_equal(j->inbox_head, 1);
    assert_true(j->recovered);
    say_open(p.joiner, p.provider, "s2");
    expect(p.joiner, MESSAGE_STORED);
    id = say_routed(p.provider, p.joiner, MESSAGE_RECOVERY_REQUEST, "s2", 1);
    expect_delivery(p.joiner, 2, id);
    forget(p.provider);
}

/* Whoever leaves and joins, without waiting in between, has joined. */
static void p2_a_join_does_not_overtake_a_leave(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    const char *leave = say_leave(p.joiner, "shell");
    const char *join = say_join(p.joiner, "shell");
    expect_nothing(p.joiner);
    world_store_run(w);
    expect_stored(p.joiner, leave);
    assert_string_equal(
        expect(p.joiner, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.in_reply_to.text, join);
    expect_nothing(p.joiner);
    expect(p.provider, MESSAGE_SESSION_CHANGED);
    expect_presence(p.provider, p.joiner, PRESENCE_LEFT);
    expect_presence(p.provider, p.joiner, PRESENCE_ONLINE);
    w->store_held = false;
    expect_stored(p.joiner, say_open(p.joiner, p.provider, "s2"));
    forget(p.provider);
}

static void p2_a_join_on_a_newer_connection_does_not_overtake_a_leave(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    say_leave(p.joiner, "shell");
    struct client *fresh = second_connection(w, p.joiner);
    say_join(fresh, "shell");
    expect_nothing(fresh);
    world_store_run(w);
    assert_int_equal(expect(fresh, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.sessions[0].state,
                     SESSION_STATE_CLOSED);
    expect_nothing(fresh);
    w->store_held = false;
    expect_stored(fresh, say_open(fresh, p.provider, "s2"));
    forget(p.provider);
}

/* The disk did not take it: it is a member still, and joins as one. */
static void p2_a_join_behind_a_leave_that_fails(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->fail = WIRE_CODE_STORE_FULL;
    w->fail_kind = STORE_REMOVE_MEMBER;
    w->store_held = true;
    const char *leave = say_leave(p.joiner, "shell");
    say_join(p.joiner, "shell");
    world_store_run(w);
    expect_error(p.joiner, leave, WIRE_CODE_STORE_FULL);
    assert_int_equal(expect(p.joiner, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.sessions[0].state,
                     SESSION_STATE_OPEN);
    w->store_held = false;
    say_join(p.joiner, "shell");
    expect(p.joiner, MESSAGE_SYNCSHELL_JOINED);
    assert_int_equal(w->n_ops[STORE_ADD_MEMBER], 2); /* the provider's first, and that one */
    expect_nothing(p.provider);
}

static void p2_leave_twice_in_flight(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    say_leave(p.joiner, "shell");
    say_leave(p.joiner, "shell");
    world_store_run(w);
    assert_false(expect(p.joiner, MESSAGE_STORED)->stored.duplicate);
    assert_true(expect(p.joiner, MESSAGE_STORED)->stored.duplicate);
    expect(p.provider, MESSAGE_SESSION_CHANGED);
    expect_presence(p.provider, p.joiner, PRESENCE_LEFT);
    expect_nothing(p.provider);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p1_presence),
        WORLD_TEST(p1_presence_stays_inside_the_syncshell),
        WORLD_TEST(p3_a_new_connection_is_told),
        WORLD_TEST(p1_presence_after_the_grace),
        WORLD_TEST(p2_leave_answered_after_commit),
        WORLD_TEST(p2_leave_failing_store),
        WORLD_TEST(p1_owner_cannot_leave),
        WORLD_TEST(p1_left_is_no_target),
        WORLD_TEST(p1_leave_and_join_again),
        WORLD_TEST(p2_inbox_numbers_are_not_used_again),
        WORLD_TEST(p2_a_join_does_not_overtake_a_leave),
        WORLD_TEST(p2_a_join_on_a_newer_connection_does_not_overtake_a_leave),
        WORLD_TEST(p2_a_join_behind_a_leave_that_fails),
        WORLD_TEST(p2_leave_twice_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
