/* What only the owner may do, and what becomes of those whom it concerns (P1, P2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

struct trio {
    struct client *owner;
    struct client *member;
    struct client *third;
};

/* Peer 0 owns "shell"; member and third have the session "session" with the owner. */
static struct trio trio(struct world *w)
{
    struct pair p = world_pair(w);
    struct trio t = {.owner = client_at(w, 0), .third = client_joined(w, 2, "shell")};
    t.member = p.joiner == t.owner ? p.provider : p.joiner;
    forget(t.owner);
    forget(t.member);
    forget(t.third);
    return t;
}

static void stored(struct client *c, const char *id, bool duplicate)
{
    const struct message_stored *s = &expect(c, MESSAGE_STORED)->stored;
    assert_string_equal(s->in_reply_to.text, id);
    assert_int_equal(s->duplicate, duplicate);
}

static const char *refused_join(struct client *c, enum wire_code code)
{
    const char *id = say_join(c, "shell");
    expect_error(c, id, code);
    return id;
}

/* --- removing ------------------------------------------------------------------------------------------------------ */

static void p2_removal_is_answered_after_its_commit(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    w->store_held = true;
    const char *id = say_remove(t.owner, 1, t.member);
    expect_nothing(t.owner);
    expect_nothing(t.member);
    world_store_step(w, STORE_EXPEL_MEMBER);
    expect_ended(t.member, WIRE_CODE_MEMBER_REMOVED);
    expect(t.owner, MESSAGE_SESSION_CHANGED);
    expect_presence(t.owner, t.member, PRESENCE_LEFT);
    stored(t.owner, id, false);
    expect_presence(t.third, t.member, PRESENCE_LEFT);
    assert_int_equal(w->n_events[CORE_EVENT_MEMBER_REMOVED], 1);
}

static void p1_a_removed_member_is_out_and_stays_out(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    say_remove(t.owner, 1, t.member);
    expect_ended(t.member, WIRE_CODE_MEMBER_REMOVED);
    forget(t.owner);
    const char *id = say_routed(t.member, t.owner, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_error(t.member, id, WIRE_CODE_NOT_JOINED);
    refused_join(t.member, WIRE_CODE_MEMBER_REMOVED);
    world_restart(w);
    say_join(client_online(w, 0), "shell");
    refused_join(client_online(w, 1), WIRE_CODE_MEMBER_REMOVED);
    assert_false(fake_store_is_member(w->store, "shell", t.member->peer_id.text));
}

static void p1_its_sessions_are_closed_and_what_is_held_is_undeliverable(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    client_disconnect(t.member);
    forget(t.owner);
    const char *offer = say_routed(t.owner, t.member, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_held(t.owner, offer, w->config.offer_ttl_ms);
    const char *id = say_remove(t.owner, 1, t.member);
    expect_undeliverable(t.owner, offer, WIRE_CODE_TARGET_LEFT);
    const struct message_session_summary *s =
        &expect(t.owner, MESSAGE_SESSION_CHANGED)->session_changed.session;
    assert_int_equal(s->state, SESSION_STATE_CLOSED);
    assert_int_equal(s->outcome, SESSION_OUTCOME_CANCELLED);
    expect_presence(t.owner, t.member, PRESENCE_LEFT);
    stored(t.owner, id, false);
    id = say_routed(t.owner, t.third, MESSAGE_RECONNECT_OFFER, "session", 2);
    expect_error(t.owner, id, WIRE_CODE_NOT_PARTICIPANT);
}

static void p1_what_it_had_on_the_way_reaches_nobody(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    w->store_held = true;
    say_remove(t.owner, 1, t.member);
    say_routed(t.member, t.owner, MESSAGE_RECOVERY_REQUEST, "session", 1);
    say_entry(t.member, MESSAGE_SESSION_PROGRESS, "session", 1, "x");
    world_store_run(w);
    forget(t.owner);
    assert_int_equal(fake_store_unacked(w->store, "shell", t.owner->peer_id.text), 0);
    expect_ended(t.member, WIRE_CODE_MEMBER_REMOVED);
    assert_int_equal(expect(t.member, MESSAGE_ERROR)->error.code, WIRE_CODE_NOT_JOINED);
    expect(t.member, MESSAGE_ERROR);
}

static void p1_removed_while_it_joins(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    struct client *fourth = client_online(w, 4);
    w->store_held = true;
    const char *id = say_join(fourth, "shell");
    say_remove(t.owner, 1, fourth);
    world_store_run(w);
    assert_string_equal(expect(fourth, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.in_reply_to.text,
                        id);
    expect_ended(fourth, WIRE_CODE_MEMBER_REMOVED);
    w->store_held = false;
    refused_join(fourth, WIRE_CODE_MEMBER_REMOVED);
    forget(t.owner);
}

static void p6_a_log_that_waits_to_be_read_is_refused_when_its_reader_leaves(void **state)
{
    static char body[200000];
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *owner = client_at(w, 0);
    struct client *member = p.joiner == owner ? p.provider : p.joiner;
    memset(body, 'b', sizeof body - 1);
    uint64_t version = 1;
    for (; version < 5; version++)
        say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", version, body);
    forget(p.joiner);
    member->stalled = true;
    const char *ids[6];
    for (int i = 0; i < 6; i++)
        ids[i] = say_snapshot(member, "session", 0);
    forget(owner);
    const char *id = say_remove(owner, 1, member);
    client_disconnect(owner);
    (void)id;
    member->stalled = false;
    client_pull(member, 1000);
    world_settle(w);
    size_t n_answered = 0;
    for (const struct message *m = hear(member); m; m = hear(member))
        n_answered += m->type == MESSAGE_SESSION_SNAPSHOT || m->type == MESSAGE_ERROR;
    assert_int_equal(n_answered, 6);
    (void)ids;
    refused_join(member, WIRE_CODE_MEMBER_REMOVED);
}

/* --- who may, and once ---------------------------------------------------------------------------------------------- */

static void p1_only_the_owner(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    const char *id = say_remove(t.member, 1, t.third);
    expect_error(t.member, id, WIRE_CODE_NOT_OWNER);
    id = say_delete(t.member, 1);
    expect_error(t.member, id, WIRE_CODE_NOT_OWNER);
    assert_int_equal(w->n_ops[STORE_EXPEL_MEMBER] + w->n_ops[STORE_DELETE_SYNCSHELL], 0);
    /* One that has the last operation's number is let through to the store, which knows whose that was. */
    say_transfer(t.owner, 1, t.owner);
    forget(t.owner);
    forget(t.third);
    forget(t.member);
    id = say_rotate(t.member, 1);
    expect_error(t.member, id, WIRE_CODE_NOT_OWNER);
    expect_nothing(t.third);
}

static void p1_the_signature_is_this_connections(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    struct message m;
    make_owner(t.owner, MESSAGE_REMOVE_MEMBER, 1, t.member, &m);
    m.owner_operation.peer_id = t.third->peer_id;
    const char *id = say(t.owner, &m);
    expect_error(t.owner, id, WIRE_CODE_BAD_SIGNATURE);
    expect_closed(t.owner, 4401);
    forget(t.member);
    forget(t.third);
    /* What the owner signed on its old connection is worth nothing on the new one. */
    make_owner(t.owner, MESSAGE_DELETE_SYNCSHELL, 1, NULL, &m);
    client_reconnect(t.owner, "shell");
    id = say(t.owner, &m);
    expect_error(t.owner, id, WIRE_CODE_BAD_SIGNATURE);
}

static void p2_each_once_and_in_order(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    const char *id;
    say_remove(t.owner, 1, t.member);
    forget(t.owner);
    id = say_remove(t.owner, 1, t.member);
    stored(t.owner, id, true);
    id = say_remove(t.owner, 1, t.third);
    const struct message_error *e = &expect(t.owner, MESSAGE_ERROR)->error;
    assert_string_equal(e->in_reply_to.text, id);
    assert_int_equal(e->code, WIRE_CODE_STALE_OWNER_SEQUENCE);
    assert_true(e->has_version);
    assert_int_equal(e->version, 1);
    id = say_remove(t.owner, 3, t.third);
    expect_error(t.owner, id, WIRE_CODE_STALE_OWNER_SEQUENCE);
    id = say_remove(t.owner, 2, t.member);
    expect_error(t.owner, id, WIRE_CODE_UNKNOWN_TARGET);
    id = say_remove(t.owner, 2, t.owner);
    expect_error(t.owner, id, WIRE_CODE_OWNER_CANNOT_LEAVE);
    world_restart(w);
    client_reconnect(t.owner, "shell");
    assert_int_equal(t.owner->current.syncshell_joined.owner_sequence, 1);
    id = say_remove(t.owner, 1, t.member);
    stored(t.owner, id, true);
    id = say_remove(t.owner, 2, t.third);
    expect_presence(t.owner, t.third, PRESENCE_LEFT);
    stored(t.owner, id, false);
}

static void p2_a_failing_store_changes_nothing(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    w->fail = WIRE_CODE_STORE_FULL;
    const char *id = say_remove(t.owner, 1, t.member);
    expect_error(t.owner, id, WIRE_CODE_STORE_FULL);
    expect_nothing(t.member);
    say_remove(t.owner, 1, t.member);
    expect_ended(t.member, WIRE_CODE_MEMBER_REMOVED);
    forget(t.owner);
    forget(t.third);
}

/* --- rotating ------------------------------------------------------------------------------------------------------ */

static void p1_a_rotation_shuts_everybody_out_but_the_owner(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    const char *id = say_rotate(t.owner, 1);
    expect_ended(t.member, WIRE_CODE_WRONG_KEY_EPOCH);
    expect_ended(t.third, WIRE_CODE_WRONG_KEY_EPOCH);
    expect_nothing(t.member);
    expect_nothing(t.third);
    expect_presence(t.owner, t.member, PRESENCE_AWAY);
    expect_presence(t.owner, t.third, PRESENCE_AWAY);
    stored(t.owner, id, false);
    refused_join(t.member, WIRE_CODE_WRONG_KEY_EPOCH);
    id = say_join(t.owner, "shell");
    expect_error(t.owner, id, WIRE_CODE_WRONG_KEY_EPOCH);
    w->key = next_group_key;
    w->key_epoch = 2;
    say_join(t.member, "shell");
    const struct message_syncshell_joined *j =
        &expect(t.member, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined;
    assert_int_equal(j->key_epoch, 2);
    assert_int_equal(j->n_sessions, 1);
    assert_int_equal(j->sessions[0].state, SESSION_STATE_OPEN);
    expect_presence(t.owner, t.member, PRESENCE_ONLINE);
    id = say_rotate(t.owner, 1);
    stored(t.owner, id, true);
    world_restart(w);
    client_joined(w, 2, "shell");
}

/* Who is removed while it is away, and shut out by the new key that a removal takes, must not wait for an invite. */
static void p7_who_was_removed_hears_so_whatever_key_it_has(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    client_disconnect(t.member);
    say_remove(t.owner, 1, t.member);
    say_rotate(t.owner, 2);
    forget(t.owner);
    refused_join(client_online(w, 1), WIRE_CODE_MEMBER_REMOVED);
    refused_join(client_online(w, 4), WIRE_CODE_WRONG_KEY_EPOCH); /* a stranger */
    /* To claim the new epoch proves nothing, also while memory has not heard of it. */
    struct client *fifth = client_online(w, 5);
    w->store_held = true;
    say_rotate(t.owner, 3);
    w->key_epoch = 3;
    const char *id = say_join(fifth, "shell");
    world_store_run(w);
    w->store_held = false;
    expect_error(fifth, id, WIRE_CODE_WRONG_KEY_EPOCH);
    assert_false(fake_store_is_member(w->store, "shell", fifth->peer_id.text));
}

/* The relay knows a key of before, as after an older backup was restored. Who got in with it is out when the owner has been there; the
 * policy for new syncshells has no say. */
static void p1_the_owner_puts_its_later_key_in_place(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    w->config.create_policy = CORE_CREATE_NOBODY;
    world_restart(w);
    client_joined(w, 1, "shell");
    forget(t.member);
    w->key = next_group_key;
    w->key_epoch = 3;
    struct client *third = client_online(w, 2), *owner = client_online(w, 0);
    say_join(owner, "shell");
    const struct message_error *e = &expect(owner, MESSAGE_ERROR)->error;
    assert_int_equal(e->code, WIRE_CODE_WRONG_KEY_EPOCH);
    assert_true(e->has_version && e->version == 1);
    const char *id = say_create(third, "shell");
    expect_error(third, id, WIRE_CODE_SYNCSHELL_EXISTS);
    id = say_create(third, "another");
    expect_error(third, id, WIRE_CODE_CREATE_REFUSED);
    id = say_create(owner, "shell");
    expect_ended(t.member, WIRE_CODE_WRONG_KEY_EPOCH);
    stored(owner, id, false);
    say_join(owner, "shell");
    assert_int_equal(expect(owner, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.key_epoch, 3);
    say_join(t.member, "shell");
    assert_int_equal(expect(t.member, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.n_sessions, 1);
    expect_presence(owner, t.member, PRESENCE_ONLINE);
    w->key_epoch = 2;
    id = say_create(owner, "shell");
    stored(owner, id, true); /* the same key: nothing to do */
}

static void expect_letters(struct client *c, unsigned first, unsigned last)
{
    for (unsigned i = first; i <= last; i++) {
        char name[16];
        snprintf(name, sizeof name, "letter-%u", i);
        expect_delivery(c, i, name);
    }
}

/* The second page was asked for before the member was shut out, and comes when it is back, by the same connection, and begins anew. */
static void p2_a_page_of_before_a_rotation_is_not_taken_for_the_next(void **state)
{
    enum { LETTERS = 100, PAGE = 64 };
    struct world *w = *state;
    struct trio t = trio(w);
    client_disconnect(t.member);
    for (unsigned i = 1; i <= LETTERS; i++) {
        struct message m;
        char name[16];
        make_routed(t.owner, t.member, MESSAGE_RECOVERY_REQUEST, "session", 1, &m);
        snprintf(name, sizeof name, "letter-%u", i);
        wire_id_set(&m.routed.message_id, name);
        say(t.owner, &m);
    }
    client_connect(t.member);
    say_authenticate(t.member);
    w->store_held = true;
    say_join(t.member, "shell");
    say_rotate(t.owner, 1);
    forget(t.member);
    world_store_step(w, STORE_READ_INBOX);
    expect_letters(t.member, 1, PAGE);
    world_store_step(w, STORE_ROTATE_KEY);
    expect_ended(t.member, WIRE_CODE_WRONG_KEY_EPOCH);
    w->key = next_group_key;
    w->key_epoch = 2;
    say_join(t.member, "shell");
    assert_true(expect(t.member, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.recovered);
    world_store_run(w);
    expect_letters(t.member, 1, LETTERS);
    expect_nothing(t.member);
    w->store_held = false;
    forget(t.owner);
    forget(t.third);
}

static void p1_the_old_key_does_not_slip_in_behind_a_rotation(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    struct client *fourth = client_online(w, 4);
    struct client *fifth = client_online(w, 5);
    w->store_held = true;
    const char *before = say_join(fourth, "shell");
    say_rotate(t.owner, 1);
    const char *after = say_join(fifth, "shell");
    world_store_step(w, STORE_ADD_MEMBER);
    expect(fourth, MESSAGE_SYNCSHELL_JOINED);
    (void)before;
    world_store_run(w);
    expect_ended(fourth, WIRE_CODE_WRONG_KEY_EPOCH);
    expect_error(fifth, after, WIRE_CODE_WRONG_KEY_EPOCH);
    assert_false(fake_store_is_member(w->store, "shell", fifth->peer_id.text));
    w->store_held = false;
    forget(t.owner);
    forget(t.member);
    forget(t.third);
}

static void p4_no_attempt_survives_a_rotation(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    client_disconnect(t.member);
    forget(t.owner);
    const char *offer = say_routed(t.owner, t.member, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_held(t.owner, offer, w->config.offer_ttl_ms);
    const char *id = say_rotate(t.owner, 1);
    expect_undeliverable(t.owner, offer, WIRE_CODE_SUPERSEDED);
    expect_presence(t.owner, t.third, PRESENCE_AWAY);
    stored(t.owner, id, false);
    w->key = next_group_key;
    w->key_epoch = 2;
    client_reconnect(t.member, "shell");
    expect_nothing(t.member);
    forget(t.owner);
    forget(t.third);
}

/* --- handing over, deleting ----------------------------------------------------------------------------------------- */

static void p1_the_ownership_is_handed_over(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    const char *id = say_transfer(t.owner, 1, t.member);
    const struct message_owner_changed *o = &expect(t.owner, MESSAGE_OWNER_CHANGED)->owner_changed;
    assert_string_equal(o->owner_peer_id.text, t.member->peer_id.text);
    assert_int_equal(o->owner_sequence, 1);
    stored(t.owner, id, false);
    expect(t.member, MESSAGE_OWNER_CHANGED);
    expect(t.third, MESSAGE_OWNER_CHANGED);
    id = say_transfer(t.owner, 1, t.member); /* for want of an answer */
    stored(t.owner, id, true);
    id = say_remove(t.owner, 2, t.third);
    expect_error(t.owner, id, WIRE_CODE_NOT_OWNER);
    say_remove(t.member, 2, t.owner);
    expect_ended(t.owner, WIRE_CODE_MEMBER_REMOVED);
    forget(t.member);
    forget(t.third);
    world_restart(w);
    client_joined(w, 1, "shell");
    assert_string_equal(client_at(w, 1)->current.syncshell_joined.owner_peer_id.text,
                        t.member->peer_id.text);
}

/* Both were let in before either was carried out. */
static void p1_who_becomes_the_owner_cannot_leave(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    w->store_held = true;
    const char *transfer = say_transfer(t.owner, 1, t.member);
    const char *leave = say_leave(t.member, "shell");
    world_store_run(w);
    w->store_held = false;
    expect(t.owner, MESSAGE_OWNER_CHANGED);
    stored(t.owner, transfer, false);
    expect(t.member, MESSAGE_OWNER_CHANGED);
    expect_error(t.member, leave, WIRE_CODE_OWNER_CANNOT_LEAVE);
    const char *remove = say_remove(t.member, 2, t.third);
    expect_presence(t.member, t.third, PRESENCE_LEFT);
    stored(t.member, remove, false);
}

static void p1_to_a_member_only(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    const char *id = say_transfer(t.owner, 1, client_at(w, 7));
    expect_error(t.owner, id, WIRE_CODE_UNKNOWN_TARGET);
}

static void p1_a_deleted_syncshell_is_gone_for_everybody(void **state)
{
    struct world *w = *state;
    struct trio t = trio(w);
    struct core_stats stats;
    w->store_held = true;
    const char *id = say_delete(t.owner, 1);
    const char *late = say_entry(t.member, MESSAGE_SESSION_PROGRESS, "session", 1, "x");
    world_store_run(w);
    w->store_held = false;
    stored(t.owner, id, false);
    expect_ended(t.member, WIRE_CODE_SYNCSHELL_DELETED);
    expect_error(t.member, late, WIRE_CODE_SYNCSHELL_DELETED);
    expect_ended(t.third, WIRE_CODE_SYNCSHELL_DELETED);
    refused_join(t.member, WIRE_CODE_SYNCSHELL_DELETED);
    refused_join(t.owner, WIRE_CODE_SYNCSHELL_DELETED);
    id = say_create(t.owner, "shell");
    expect_error(t.owner, id, WIRE_CODE_SYNCSHELL_DELETED);
    core_stats(w->core, &stats);
    assert_int_equal(stats.syncshells_loaded, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p2_removal_is_answered_after_its_commit),
        WORLD_TEST(p1_a_removed_member_is_out_and_stays_out),
        WORLD_TEST(p1_its_sessions_are_closed_and_what_is_held_is_undeliverable),
        WORLD_TEST(p1_what_it_had_on_the_way_reaches_nobody),
        WORLD_TEST(p1_removed_while_it_joins),
        WORLD_TEST(p6_a_log_that_waits_to_be_read_is_refused_when_its_reader_leaves),
        WORLD_TEST(p1_only_the_owner),
        WORLD_TEST(p1_the_signature_is_this_connections),
        WORLD_TEST(p2_each_once_and_in_order),
        WORLD_TEST(p2_a_failing_store_changes_nothing),
        WORLD_TEST(p1_a_rotation_shuts_everybody_out_but_the_owner),
        WORLD_TEST(p7_who_was_removed_hears_so_whatever_key_it_has),
        WORLD_TEST(p1_the_owner_puts_its_later_key_in_place),
        WORLD_TEST(p2_a_page_of_before_a_rotation_is_not_taken_for_the_next),
        WORLD_TEST(p1_the_old_key_does_not_slip_in_behind_a_rotation),
        WORLD_TEST(p4_no_attempt_survives_a_rotation),
        WORLD_TEST(p1_the_ownership_is_handed_over),
        WORLD_TEST(p1_who_becomes_the_owner_cannot_leave),
        WORLD_TEST(p1_to_a_member_only),
        WORLD_TEST(p1_a_deleted_syncshell_is_gone_for_everybody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
