/* Syncshells that nobody uses, and messages that nobody reads, in virtual time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/store_op.h"
#include "world.h"

enum { SWEEP_MS = 60000 };

static struct pair pair_of(struct world *w, uint32_t ttl_days)
{
    w->config.syncshell_ttl_days = ttl_days;
    world_start(w);
    return world_pair(w);
}

static void leave_alone(struct pair *p, unsigned days)
{
    struct world *w = p->joiner->world;
    client_disconnect(p->joiner);
    client_disconnect(p->provider);
    for (unsigned i = 0; i < days; i++)
        world_advance_ms(w, STORE_DAY_MS);
    forget(p->joiner);
    forget(p->provider);
}

static const char *come_back(struct client *c)
{
    client_connect(c);
    say_authenticate(c);
    expect(c, MESSAGE_WELCOME);
    return say_join(c, "shell");
}

static void p6_what_nobody_uses_expires(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w, 3);
    leave_alone(&p, 3);
    client_reconnect(p.joiner, "shell"); /* counts from here again */
    leave_alone(&p, 3);
    assert_int_equal(w->n_events[CORE_EVENT_SYNCSHELL_EXPIRED], 0);
    client_reconnect(p.joiner, "shell");
    leave_alone(&p, 4);
    world_advance_ms(w, SWEEP_MS);
    assert_int_equal(w->n_events[CORE_EVENT_SYNCSHELL_EXPIRED], 1);
    assert_string_equal(w->last_event[CORE_EVENT_SYNCSHELL_EXPIRED].syncshell_id.text, "shell");
    expect_error(p.joiner, come_back(p.joiner), WIRE_CODE_SYNCSHELL_EXPIRED);
}

static void p6_what_is_joined_never_expires(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w, 1);
    client_disconnect(p.joiner);
    for (unsigned i = 0; i < 10; i++)
        world_advance_ms(w, STORE_DAY_MS);
    assert_int_equal(w->n_events[CORE_EVENT_SYNCSHELL_EXPIRED], 0);
    assert_int_equal(w->n_ops[STORE_NOTE_USE], 10);
    assert_non_null(p.provider->connection);
    client_reconnect(p.joiner, "shell");
    world_restart(w); /* and the store knows it */
    world_advance_ms(w, STORE_DAY_MS);
    client_reconnect(p.joiner, "shell");
}

static void p6_using_costs_a_write_a_day(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w, 3);
    client_reconnect(p.joiner, "shell");
    assert_int_equal(w->n_ops[STORE_NOTE_USE], 0);
    leave_alone(&p, 1);
    for (unsigned i = 0; i < 3; i++)
        client_reconnect(p.joiner, "shell");
    client_reconnect(p.provider, "shell");
    assert_int_equal(w->n_ops[STORE_NOTE_USE], 1);
}

static void p6_nothing_expires_before_its_use_is_on_disk(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w, 3);
    w->fail_kind = STORE_NOTE_USE;
    for (int i = 0; i < 10; i++) {
        w->wall_ms += STORE_DAY_MS;
        w->fail = WIRE_CODE_STORE_FULL;
        world_advance_ms(w, SWEEP_MS);
    }
    assert_int_equal(w->n_ops[STORE_NOTE_USE], 10);
    assert_int_equal(w->n_events[CORE_EVENT_SYNCSHELL_EXPIRED], 0);
    world_advance_ms(w, SWEEP_MS);
    world_advance_ms(w, SWEEP_MS);
    assert_int_equal(w->n_events[CORE_EVENT_SYNCSHELL_EXPIRED], 0);
    assert_non_null(p.joiner->connection);
}

static void p7_who_joins_while_it_expires_hears_so(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w, 3);
    leave_alone(&p, 3);
    w->wall_ms += STORE_DAY_MS;
    client_connect(p.joiner);
    say_authenticate(p.joiner);
    expect(p.joiner, MESSAGE_WELCOME);
    w->store_held = true;
    say_join(p.joiner, "shell");
    world_advance_ms(w, SWEEP_MS);
    world_store_step(w, STORE_LOAD_SYNCSHELL);
    expect(p.joiner, MESSAGE_SYNCSHELL_JOINED);
    world_store_step(w, STORE_SWEEP);
    expect_ended(p.joiner, WIRE_CODE_SYNCSHELL_EXPIRED);
    w->store_held = false;
    world_store_run(w);
    expect_error(p.joiner, say_join(p.joiner, "shell"), WIRE_CODE_SYNCSHELL_EXPIRED);
}

/* A relay that was switched off for long: who comes back finds everything, and the sweep waits as many days as it would have. */
static void p6_days_without_a_relay_do_not_count(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w, 3);
    leave_alone(&p, 2);
    w->wall_ms += INT64_C(100) * STORE_DAY_MS;
    world_restart(w);
    world_advance_ms(w, SWEEP_MS);
    client_reconnect(p.joiner, "shell");
    client_disconnect(p.joiner);
    w->wall_ms += INT64_C(100) * STORE_DAY_MS;
    world_restart(w);
    leave_alone(&p, 2);
    assert_int_equal(w->n_events[CORE_EVENT_SYNCSHELL_EXPIRED], 0);
    leave_alone(&p, 2);
    assert_int_equal(w->n_events[CORE_EVENT_SYNCSHELL_EXPIRED], 1);
}

/* Its reader was away for so long; others kept the syncshell in memory. */
static void p2_who_missed_a_message_hears_so(void **state)
{
    struct world *w = *state;
    w->config.session_ttl_ms = 2 * w->config.inbox_ttl_ms;
    struct pair p = pair_of(w, 0);
    struct message m;
    client_disconnect(p.provider);
    say_routed(p.joiner, p.provider, MESSAGE_RECOVERY_REQUEST, "session", 1);
    world_advance_ms(w, w->config.inbox_ttl_ms + SWEEP_MS);
    assert_int_equal(w->n_ops[STORE_LOAD_SYNCSHELL], 1);
    client_connect(p.provider);
    say_authenticate(p.provider);
    expect(p.provider, MESSAGE_WELCOME);
    make_join(p.provider, "shell", &m);
    m.join_syncshell.has_inbox_cursor = true;
    m.join_syncshell.inbox_cursor = 0;
    m.join_syncshell.store_epoch = w->config.store_epoch;
    say(p.provider, &m);
    assert_false(expect(p.provider, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.recovered);
    expect_nothing(p.provider);
}

static void p6_zero_days_are_for_ever(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w, 0);
    leave_alone(&p, 5);
    client_reconnect(p.joiner, "shell");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIGURED_TEST(p6_what_nobody_uses_expires),
        CONFIGURED_TEST(p6_what_is_joined_never_expires),
        CONFIGURED_TEST(p6_using_costs_a_write_a_day),
        CONFIGURED_TEST(p6_nothing_expires_before_its_use_is_on_disk),
        CONFIGURED_TEST(p7_who_joins_while_it_expires_hears_so),
        CONFIGURED_TEST(p6_days_without_a_relay_do_not_count),
        CONFIGURED_TEST(p2_who_missed_a_message_hears_so),
        CONFIGURED_TEST(p6_zero_days_are_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
