/* When a syncshell is in memory, and how those who wait for it get in (P1, P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "world.h"

static void p6_unloaded_when_nobody_is_there(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    assert_int_equal(world_loaded(w), 1);
    client_disconnect(p.joiner);
    assert_int_equal(world_loaded(w), 1);
    client_disconnect(p.provider);
    assert_int_equal(world_loaded(w), 0);
    client_reconnect(p.joiner, "shell");
    const struct message_syncshell_joined *j = &p.joiner->current.syncshell_joined;
    assert_int_equal(j->n_members, 2);
    assert_int_equal(j->n_sessions, 1);
    assert_int_equal(w->n_ops[STORE_LOAD_SYNCSHELL], 2);
}

static void p6_not_unloaded_before_its_operations_are_back(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 1, "x");
    client_disconnect(p.joiner);
    client_disconnect(p.provider);
    assert_int_equal(world_loaded(w), 1);
    world_store_run(w);
    assert_int_equal(world_loaded(w), 0);
}

static void p6_loaded_once_for_many(void **state)
{
    struct world *w = *state;
    say_create(client_online(w, 0), "shell");
    w->store_held = true;
    for (unsigned i = 1; i < 5; i++)
        say_join(client_online(w, i), "shell");
    assert_int_equal(w->n_ops[STORE_LOAD_SYNCSHELL], 1);
    world_store_run(w);
    for (unsigned i = 1; i < 5; i++)
        expect(client_at(w, i), MESSAGE_SYNCSHELL_JOINED);
}

/* Checking a signature takes as long as routing a hundred messages: not all in one step. */
static void p6_who_waited_is_let_in_one_by_one(void **state)
{
    struct world *w = *state;
    say_create(client_online(w, 0), "shell");
    say_create(client_at(w, 0), "other");
    w->joins_held = true;
    w->store_held = true;
    for (unsigned i = 1; i < 4; i++)
        say_join(client_online(w, i), "shell");
    say_join(client_online(w, 4), "other");
    world_store_run(w);
    for (unsigned i = 1; i < 5; i++)
        expect_nothing(client_at(w, i));
    /* By turns with another syncshell. */
    static const unsigned order[] = {1, 4, 2, 3};
    for (size_t i = 0; i < 4; i++) {
        world_join_step(w);
        world_store_run(w);
        expect(client_at(w, order[i]), MESSAGE_SYNCSHELL_JOINED);
        for (size_t later = i + 1; later < 4; later++)
            expect_nothing(client_at(w, order[later]));
        forget(client_at(w, 1));
        forget(client_at(w, 2));
    }
    assert_false(core_joins_wait(w->core));
}

static void p6_whoever_goes_before_being_let_in_is_forgotten(void **state)
{
    struct world *w = *state;
    say_create(client_online(w, 0), "shell");
    w->joins_held = true;
    w->store_held = true;
    for (unsigned i = 1; i < 4; i++)
        say_join(client_online(w, i), "shell");
    world_store_run(w);
    w->store_held = false;
    client_disconnect(client_at(w, 1));
    client_disconnect(client_at(w, 3));
    world_join_step(w);
    expect(client_at(w, 2), MESSAGE_SYNCSHELL_JOINED);
    assert_int_equal(w->n_ops[STORE_ADD_MEMBER], 1);
    client_disconnect(client_at(w, 2));
    say_join(client_online(w, 1), "shell");
    client_disconnect(client_at(w, 1)); /* the only one */
    assert_int_equal(world_loaded(w), 0);
    assert_false(core_joins_wait(w->core));
}

static void p1_nobody_is_let_into_what_was_deleted_meanwhile(void **state)
{
    struct world *w = *state;
    struct client *owner = client_online(w, 0);
    say_create(owner, "shell");
    client_joined(w, 1, "shell");
    client_disconnect(client_at(w, 1));
    struct client *late = client_online(w, 1); /* a member */
    w->joins_held = true;
    w->store_held = true;
    say_join(owner, "shell");
    const char *id = say_join(late, "shell");
    world_store_run(w);
    w->store_held = false;
    world_join_step(w);
    say_delete(owner, 1);
    world_join_step(w);
    expect_error(late, id, WIRE_CODE_SYNCSHELL_DELETED);
    w->joins_held = false;
    id = say_join(late, "shell");
    expect_error(late, id, WIRE_CODE_SYNCSHELL_DELETED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p6_unloaded_when_nobody_is_there),
        WORLD_TEST(p6_not_unloaded_before_its_operations_are_back),
        WORLD_TEST(p6_loaded_once_for_many),
        WORLD_TEST(p6_who_waited_is_let_in_one_by_one),
        WORLD_TEST(p6_whoever_goes_before_being_let_in_is_forgotten),
        WORLD_TEST(p1_nobody_is_let_into_what_was_deleted_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
