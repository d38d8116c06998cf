/* What the operator is shown of the core's state. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/inspect.h"
#include "world.h"

struct seen {
    unsigned n_syncshells;
    struct core_syncshell_view shell; /* the last */
    unsigned n_members;
    unsigned n_online;
    unsigned n_recoveries;
    struct core_recovery_view recovery; /* the last */
};

static void on_syncshell(void *userdata, const struct core_syncshell_view *syncshell)
{
    struct seen *seen = userdata;
    seen->n_syncshells++;
    seen->shell = *syncshell;
}

static void on_member(void *userdata, const struct wire_peer_id *peer_id, bool online)
{
    struct seen *seen = userdata;
    assert_true(*peer_id->text);
    seen->n_members++;
    seen->n_online += online;
}

static void on_recovery(void *userdata, const struct core_recovery_view *recovery)
{
    struct seen *seen = userdata;
    seen->n_recoveries++;
    seen->recovery = *recovery;
}

static struct seen look(struct world *w, size_t syncshells_max)
{
    struct seen seen = {0};
    const struct core_inspector inspector = {
        .userdata = &seen, .syncshell = on_syncshell, .member = on_member, .recovery = on_recovery};
    core_inspect(w->core, w->now_us, syncshells_max, &inspector);
    return seen;
}

static void expect_recovery(struct world *w, const char *step, uint64_t since_us)
{
    struct seen seen = look(w, 10);
    assert_int_equal(seen.n_recoveries, 1);
    assert_string_equal(seen.recovery.session->recovery_session_id.text, "session");
    assert_string_equal(seen.recovery.syncshell_id->text, "shell");
    assert_string_equal(seen.recovery.step, step);
    assert_int_equal(seen.recovery.since_us, since_us);
}

static void p7_an_idle_relay_has_nothing_to_show(void **state)
{
    assert_int_equal(look(*state, 10).n_syncshells, 0);
}

static void p7_members_and_who_is_online(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct seen seen = look(w, 10);
    assert_int_equal(seen.n_syncshells, 1);
    assert_string_equal(seen.shell.id->text, "shell");
    assert_int_equal(seen.shell.n_members, 2);
    assert_int_equal(seen.shell.n_online, 2);
    assert_int_equal(seen.shell.n_open_sessions, 1);
    assert_int_equal(seen.n_members, 2);
    assert_int_equal(seen.n_recoveries, 0);
    client_disconnect(p.provider);
    seen = look(w, 10);
    assert_int_equal(seen.n_members, 2);
    assert_int_equal(seen.n_online, 1);
    assert_int_equal(seen.shell.n_online, 1);
}

static void p7_a_recovery_step_by_step(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_recovery(w, "offered", 0);
    world_advance_ms(w, 1000);
    say_routed(p.provider, p.joiner, MESSAGE_RECONNECT_ANSWER, "session", 1);
    expect_recovery(w, "answered", 1000000);
    assert_true(look(w, 10).recovery.joiner_online);
    assert_true(look(w, 10).recovery.provider_online);
    client_disconnect(p.provider);
    assert_false(look(w, 10).recovery.provider_online);
    assert_true(look(w, 10).recovery.joiner_online);
    client_disconnect(p.joiner);
    client_reconnect(p.provider, "shell");
    assert_false(look(w, 10).recovery.joiner_online);
    world_advance_ms(w, 10 * w->config.offer_ttl_ms);
    client_reconnect(p.joiner, "shell");
    struct seen seen = look(w, 10);
    assert_string_equal(seen.recovery.step, "waiting");
    assert_true(seen.recovery.since_us > 1000000);
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    seen = look(w, 10);
    assert_int_equal(seen.n_recoveries, 0);
    assert_int_equal(seen.shell.n_open_sessions, 0);
}

/* The clock that is read for a request may be that of the turn before. */
static void p7_no_age_below_zero(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    w->now_us -= 5;
    expect_recovery(w, "offered", 0);
    w->now_us += 5;
}

static void p6_no_more_than_asked_for(void **state)
{
    struct world *w = *state;
    world_pair(w);
    struct client *a = client_at(w, 0);
    say_create(a, "another");
    say_join(a, "another");
    assert_int_equal(look(w, 10).n_syncshells, 2);
    assert_int_equal(look(w, 1).n_syncshells, 1);
    assert_int_equal(look(w, 0).n_syncshells, 0);
}

static void p7_what_is_being_loaded_is_not_shown(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    world_restart(w);
    w->store_held = true;
    say_join(client_online(w, 0), "shell");
    assert_int_equal(look(w, 10).n_syncshells, 0);
    w->store_held = false;
    world_store_run(w);
    assert_int_equal(look(w, 10).n_syncshells, 1);
    (void)p;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p7_an_idle_relay_has_nothing_to_show),
        WORLD_TEST(p7_members_and_who_is_online),
        WORLD_TEST(p7_a_recovery_step_by_step),
        WORLD_TEST(p7_no_age_below_zero),
        WORLD_TEST(p6_no_more_than_asked_for),
        WORLD_TEST(p7_what_is_being_loaded_is_not_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
