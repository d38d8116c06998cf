/* Creating, joining, draining (P1, P2, P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

/* --- create -------------------------------------------------------------------------------------------------------- */

static void p2_create_answered_after_commit(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    w->store_held = true;
    const char *id = say_create(c, "shell");
    expect_nothing(c);
    world_store_step(w, STORE_CREATE_SYNCSHELL);
    const struct message_stored *stored = &expect(c, MESSAGE_STORED)->stored;
    assert_string_equal(stored->in_reply_to.text, id);
    assert_false(stored->duplicate);
    assert_false(stored->has_version);
    assert_false(stored->has_inbox_seq);
}

static void p2_create_again_is_duplicate(void **state)
{
    struct client *c = client_online(*state, 0);
    say_create(c, "shell");
    say_create(c, "shell");
    assert_false(expect(c, MESSAGE_STORED)->stored.duplicate);
    assert_true(expect(c, MESSAGE_STORED)->stored.duplicate);
}

static void p1_create_anothers_syncshell(void **state)
{
    struct client *a = client_online(*state, 0);
    struct client *b = client_online(*state, 1);
    say_create(a, "shell");
    const char *id = say_create(b, "shell");
    expect_error(b, id, WIRE_CODE_SYNCSHELL_EXISTS);
}

static void p1_create_with_bad_proof(void **state)
{
    struct world *w = *state;
    struct client *a = client_online(w, 0);
    struct client *b = client_online(w, 1);
    a->nonce = b->nonce; /* a proof made on another connection */
    const char *id = say_create(a, "shell");
    expect_error(a, id, WIRE_CODE_BAD_PROOF);
    assert_int_equal(w->n_ops[STORE_CREATE_SYNCSHELL], 0);
}

static void p6_create_policy(void **state)
{
    struct world *w = *state;
    w->config.create_policy = CORE_CREATE_NOBODY;
    world_start(w);
    struct client *c = client_at(w, 0);
    client_connect(c);
    say_authenticate(c);
    assert_false(expect(c, MESSAGE_WELCOME)->welcome.may_create);
    const char *id = say_create(c, "shell");
    expect_error(c, id, WIRE_CODE_CREATE_REFUSED);
}

static const char *create_with_key(struct client *c, const char *key, const char *syncshell)
{
    struct message m;
    client_disconnect(c);
    forget(c);
    client_connect(c);
    make_authenticate(c, &m);
    str_copy(m.authenticate.access_key, sizeof m.authenticate.access_key, key);
    say(c, &m);
    assert_int_equal(expect(c, MESSAGE_WELCOME)->welcome.may_create, *key != '\0');
    return say_create(c, syncshell);
}

static void p6_create_with_an_access_key(void **state)
{
    struct world *w = *state;
    w->config.create_policy = CORE_CREATE_ACCESS_KEY;
    world_start(w);
    struct client *c = client_at(w, 0);
    expect_error(c, create_with_key(c, "", "shell"), WIRE_CODE_ACCESS_KEY_REQUIRED);
    expect_closed(c, 0);
    /* The fake store takes the key with this id and no other. */
    const char *id = create_with_key(c, "syncshell-key.wrong.secret", "shell");
    expect_error(c, id, WIRE_CODE_BAD_ACCESS_KEY);
    id = create_with_key(c, "syncshell-key.good", "shell");
    expect_error(c, id, WIRE_CODE_BAD_ACCESS_KEY);
    id = create_with_key(c, "syncshell-key.good.secret", "shell");
    expect_stored(c, id);
    /* What exists needs no key: neither to be created again nor to be joined. */
    struct client *other = client_online(w, 1);
    say_join(other, "shell");
    expect(other, MESSAGE_SYNCSHELL_JOINED);
    client_disconnect(c);
    client_online(w, 0);
    expect_error(c, say_create(c, "another"), WIRE_CODE_ACCESS_KEY_REQUIRED);
}

static void p6_guessing_access_keys_slows_their_address_down(void **state)
{
    struct world *w = *state;
    w->config.create_policy = CORE_CREATE_ACCESS_KEY;
    world_start(w);
    struct client *c = client_at(w, 0);
    expect_error(c, create_with_key(c, "syncshell-key.wrong.0", "shell"), WIRE_CODE_BAD_ACCESS_KEY);
    for (unsigned i = 0; i < w->config.accounts.throttle.free_failures; i++)
        expect_error(c, say_create(c, "shell"), WIRE_CODE_BAD_ACCESS_KEY);
    expect_error(c, say_create(c, "shell"), WIRE_CODE_TOO_MANY_FAILURES);
    world_advance_ms(w, w->config.accounts.throttle.delay_ms);
    expect_stored(c, create_with_key(c, "syncshell-key.good.secret", "shell"));
}

static void p2_create_failing_store(void **state)
{
    static const enum wire_code codes[] = {WIRE_CODE_STORE_FULL, WIRE_CODE_STORE_UNAVAILABLE,
                                           WIRE_CODE_INTERNAL};
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    for (size_t i = 0; i < 3; i++) {
        w->fail = codes[i];
        const char *id = say_create(c, "shell");
        expect_error(c, id, codes[i]);
        assert_int_equal(w->n_events[CORE_EVENT_STORE_FAILED], i + 1);
        assert_int_equal(w->last_event[CORE_EVENT_STORE_FAILED].code, codes[i]);
    }
    expect_closed(c, 0);
}

/* --- join ---------------------------------------------------------------------------------------------------------- */

static const struct message_member *listed(const struct message_syncshell_joined *j,
                                           const struct client *c)
{
    for (size_t i = 0; i < j->n_members; i++)
        if (strcmp(j->members[i].peer_id.text, c->peer_id.text) == 0)
            return &j->members[i];
    return NULL;
}

static void p1_join_lists_members(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    struct client *member = client_online(w, 1);
    say_create(owner, "shell");
    const char *id = say_join(member, "shell");
    const struct message_syncshell_joined *j =
        &expect(member, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined;
    assert_string_equal(j->in_reply_to.text, id);
    assert_string_equal(j->syncshell_id.text, "shell");
    assert_string_equal(j->store_epoch.text, "epoch");
    assert_string_equal(j->owner_peer_id.text, owner->peer_id.text);
    assert_int_equal(j->key_epoch, 1);
    assert_int_equal(j->inbox_head, 0);
    assert_true(j->recovered);
    assert_int_equal(j->n_members, 2);
    assert_int_equal(j->n_sessions, 0);
    assert_int_equal(listed(j, owner)->presence, PRESENCE_AWAY);
    assert_int_equal(listed(j, member)->presence, PRESENCE_ONLINE);
    assert_int_equal(w->n_events[CORE_EVENT_JOINED], 1);
}

static void p2_join_answered_after_membership_is_stored(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    struct client *member = client_online(w, 1);
    say_create(owner, "shell");
    w->store_held = true;
    say_join(member, "shell");
    world_store_step(w, STORE_LOAD_SYNCSHELL);
    expect_nothing(member);
    const char *early = say_leave(member, "shell");
    expect_error(member, early, WIRE_CODE_NOT_JOINED);
    world_store_step(w, STORE_ADD_MEMBER);
    expect(member, MESSAGE_SYNCSHELL_JOINED);
    assert_true(fake_store_is_member(w->store, "shell", member->peer_id.text));
}

static void p2_join_failing_store(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    struct client *member = client_online(w, 1);
    say_create(owner, "shell");
    forget(owner);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    const char *id = say_join(member, "shell");
    expect_error(member, id, WIRE_CODE_STORE_UNAVAILABLE);
    assert_int_equal(world_loaded(w), 0);
    w->fail = WIRE_CODE_STORE_FULL;
    w->fail_kind = STORE_ADD_MEMBER;
    id = say_join(member, "shell");
    expect_error(member, id, WIRE_CODE_STORE_FULL);
    assert_int_equal(world_loaded(w), 0);
    say_join(member, "shell");
    expect(member, MESSAGE_SYNCSHELL_JOINED);
}

static void p1_join_unknown(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    const char *id = say_join(c, "nowhere");
    expect_error(c, id, WIRE_CODE_UNKNOWN_SYNCSHELL);
    assert_int_equal(world_loaded(w), 0);
    /* It may be created a moment later. */
    say_create(c, "nowhere");
    expect(c, MESSAGE_STORED);
    say_join(c, "nowhere");
    expect(c, MESSAGE_SYNCSHELL_JOINED);
}

static void p2_create_while_loading(void **state)
{
    struct world *w = *state;
    struct client *a = client_online(w, 0);
    struct client *b = client_online(w, 1);
    w->store_held = true;
    const char *too_early = say_join(b, "shell");
    say_create(a, "shell");
    const char *joined_late =
        say_join(a, "shell"); /* waits for the load that came before the creation */
    world_store_run(w);
    expect_error(b, too_early, WIRE_CODE_UNKNOWN_SYNCSHELL);
    expect_error(a, joined_late, WIRE_CODE_UNKNOWN_SYNCSHELL);
    expect(a, MESSAGE_STORED);
    w->store_held = false;
    say_join(a, "shell");
    expect(a, MESSAGE_SYNCSHELL_JOINED);
}

static void p1_join_bad_proof(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    struct client *stranger = client_online(w, 1);
    struct message m;
    say_create(owner, "shell");
    make_join(stranger, "shell", &m);
    m.join_syncshell.proof.text[3] = m.join_syncshell.proof.text[3] == 'A' ? 'B' : 'A';
    const char *id = say(stranger, &m);
    expect_error(stranger, id, WIRE_CODE_BAD_PROOF);
    assert_false(fake_store_is_member(w->store, "shell", stranger->peer_id.text));
    assert_int_equal(world_loaded(w), 0);
}

static void p1_join_of_old_connection_replayed(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    struct client *member = client_online(w, 1);
    struct message m;
    say_create(owner, "shell");
    make_join(member, "shell", &m);
    client_disconnect(member);
    client_online(w, 1);
    const char *id = say(member, &m);
    expect_error(member, id, WIRE_CODE_BAD_PROOF);
}

static void p1_join_wrong_key_epoch(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    say_create(c, "shell");
    expect(c, MESSAGE_STORED);
    fake_store_set_key_epoch(w->store, "shell", 2);
    const char *id = say_join(c, "shell");
    expect_error(c, id, WIRE_CODE_WRONG_KEY_EPOCH);
}

static void p1_join_twice(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const char *id = say_join(p.joiner, "shell");
    assert_string_equal(
        expect(p.joiner, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.in_reply_to.text, id);
    expect_nothing(p.provider);
    assert_int_equal(w->n_events[CORE_EVENT_JOINED], 2);
}

static void p1_two_joins_in_flight(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    struct client *member = client_online(w, 1);
    say_create(owner, "shell");
    w->store_held = true;
    const char *first = say_join(member, "shell");
    const char *second = say_join(member, "shell");
    world_store_run(w);
    assert_string_equal(expect(member, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.in_reply_to.text,
                        first);
    assert_string_equal(expect(member, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.in_reply_to.text,
                        second);
    expect_nothing(member);
}

static void p2_disconnect_while_joining(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    struct client *member = client_online(w, 1);
    say_create(owner, "shell");
    say_join(owner, "shell");
    forget(owner);
    w->store_held = true;
    say_join(member, "shell");
    client_disconnect(member);
    world_store_run(w);
    /* The membership is on disk, so the others learn of it. */
    expect_presence(owner, member, PRESENCE_AWAY);
    client_disconnect(owner);
    assert_int_equal(world_loaded(w), 0);
}

static void p1_disconnect_while_loading(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    say_create(c, "shell");
    w->store_held = true;
    say_join(c, "shell");
    client_disconnect(c);
    assert_int_equal(world_loaded(w), 1);
    world_store_run(w);
    assert_int_equal(world_loaded(w), 0);
}

static void p6_members_max(void **state)
{
    struct world *w = *state;
    w->config.members_max = 2;
    world_start(w);
    struct client *owner = client_online(w, 0);
    struct client *second = client_online(w, 1);
    struct client *third = client_online(w, 2);
    struct client *fourth = client_online(w, 3);
    say_create(owner, "shell");
    w->store_held = true;
    say_join(second, "shell");
    const char *raced = say_join(third, "shell"); /* the store decides between the two */
    world_store_run(w);
    expect(second, MESSAGE_SYNCSHELL_JOINED);
    expect_error(third, raced, WIRE_CODE_SYNCSHELL_FULL);
    const char *late = say_join(fourth, "shell");
    expect_error(fourth, late, WIRE_CODE_SYNCSHELL_FULL);
    assert_int_equal(w->n_ops[STORE_ADD_MEMBER], 2);
}

static void p6_members_fill_the_reply(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    say_create(owner, "shell");
    for (unsigned i = 1; i < WIRE_MEMBERS_MAX; i++) {
        client_joined(w, i, "shell");
        client_disconnect(client_at(w, i));
    }
    const char *id = say_join(client_online(w, WIRE_MEMBERS_MAX), "shell");
    expect_error(client_at(w, WIRE_MEMBERS_MAX), id, WIRE_CODE_SYNCSHELL_FULL);
    struct client *c = client_joined(w, 1, "shell");
    assert_int_equal(c->current.syncshell_joined.n_members, WIRE_MEMBERS_MAX);
}

static void p6_joined_max(void **state)
{
    struct world *w = *state;
    w->config.joined_max = 1;
    world_start(w);
    struct client *c = client_online(w, 0);
    say_create(c, "one");
    say_create(c, "two");
    forget(c);
    say_join(c, "one");
    expect(c, MESSAGE_SYNCSHELL_JOINED);
    const char *id = say_join(c, "two");
    expect_error(c, id, WIRE_CODE_TOO_MANY_JOINED);
    say_join(c, "one");
    expect(c, MESSAGE_SYNCSHELL_JOINED);
}

static void p6_joins_count_as_pending(void **state)
{
    struct world *w = *state;
    w->config.pending_ops_max = 2;
    world_start(w);
    struct client *c = client_online(w, 0);
    w->store_held = true;
    say_join(c, "a");
    say_join(c, "b");
    const char *id = say_join(c, "c");
    expect_error(c, id, WIRE_CODE_TOO_MANY_REQUESTS);
    world_store_run(w);
    expect(c, MESSAGE_ERROR);
    expect(c, MESSAGE_ERROR);
    w->store_held = false;
    id = say_join(c, "c");
    expect_error(c, id, WIRE_CODE_UNKNOWN_SYNCSHELL);
}

/* --- drain and reconfigure ----------------------------------------------------------------------------------------- */

static void p3_drain(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_online(w, 2);
    struct client *fourth = client_online(w, 3);
    core_drain(w->core, w->now_us, 1000);
    world_settle(w);
    uint32_t delays[4];
    for (unsigned i = 0; i < 4; i++)
        delays[i] = expect(client_at(w, i), MESSAGE_GO_AWAY)->go_away.reconnect_after_ms;
    assert_int_equal(delays[0] + delays[1] + delays[2] + delays[3], 0 + 250 + 500 + 750);
    const char *id = say_join(third, "shell");
    expect_error(third, id, WIRE_CODE_SHUTTING_DOWN);
    expect_closed(third, 0);
    /* What is joined goes on until the connection ends. */
    id = say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_routed(p.provider, MESSAGE_RECONNECT_OFFER, id);
    client_disconnect(fourth);
    world_advance_ms(w, 400);
    assert_int_equal(client_try_connect(fourth), 0);
    expect(fourth, MESSAGE_HELLO);
    assert_int_equal(expect(fourth, MESSAGE_GO_AWAY)->go_away.reconnect_after_ms, 600);
}

static void p6_reconfigure(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    w->config.create_policy = CORE_CREATE_NOBODY;
    core_reconfigure(w->core, &w->config);
    const char *id = say_create(c, "shell");
    expect_error(c, id, WIRE_CODE_CREATE_REFUSED);
}

static void p6_created_max(void **state)
{
    struct world *w = *state;
    w->config.created_max = 2;
    world_start(w);
    struct client *c = client_online(w, 0);
    expect_stored(c, say_create(c, "one"));
    expect_stored(c, say_create(c, "two"));
    expect_error(c, say_create(c, "three"), WIRE_CODE_TOO_MANY_SYNCSHELLS);
    assert_int_equal(core_refusals(w->core, WIRE_CODE_TOO_MANY_SYNCSHELLS), 1);
    expect_stored(c, say_create(c, "one")); /* again */
    struct client *other = client_online(w, 1);
    expect_stored(other, say_create(other, "three"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p2_create_answered_after_commit),
        WORLD_TEST(p2_create_again_is_duplicate),
        WORLD_TEST(p1_create_anothers_syncshell),
        WORLD_TEST(p1_create_with_bad_proof),
        CONFIGURED_TEST(p6_create_policy),
        CONFIGURED_TEST(p6_create_with_an_access_key),
        CONFIGURED_TEST(p6_guessing_access_keys_slows_their_address_down),
        WORLD_TEST(p2_create_failing_store),
        WORLD_TEST(p1_join_lists_members),
        WORLD_TEST(p2_join_answered_after_membership_is_stored),
        WORLD_TEST(p2_join_failing_store),
        WORLD_TEST(p1_join_unknown),
        WORLD_TEST(p2_create_while_loading),
        WORLD_TEST(p1_join_bad_proof),
        WORLD_TEST(p1_join_of_old_connection_replayed),
        WORLD_TEST(p1_join_wrong_key_epoch),
        WORLD_TEST(p1_join_twice),
        WORLD_TEST(p1_two_joins_in_flight),
        WORLD_TEST(p2_disconnect_while_joining),
        WORLD_TEST(p1_disconnect_while_loading),
        CONFIGURED_TEST(p6_members_max),
        WORLD_TEST(p6_members_fill_the_reply),
        CONFIGURED_TEST(p6_joined_max),
        CONFIGURED_TEST(p6_created_max),
        CONFIGURED_TEST(p6_joins_count_as_pending),
        WORLD_TEST(p3_drain),
        WORLD_TEST(p6_reconfigure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
