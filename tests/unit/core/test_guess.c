/* Who guesses is slowed down, who floods is closed, and nobody else notices (P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

static const char *say_wrong_authenticate(struct client *c)
{
    struct message m;
    make_authenticate(c, &m);
    m.authenticate.signature.text[0] = m.authenticate.signature.text[0] == 'A' ? 'B' : 'A';
    return say(c, &m);
}

static const char *say_wrong_join(struct client *c, const char *syncshell)
{
    struct message m;
    make_join(c, syncshell, &m);
    m.join_syncshell.proof.text[0] = m.join_syncshell.proof.text[0] == 'A' ? 'B' : 'A';
    return say(c, &m);
}

static struct client *owner_of_shell(struct world *w)
{
    struct client *c = client_online(w, 0);
    say_create(c, "shell");
    say_join(c, "shell");
    forget(c);
    return c;
}

static void fail_to_authenticate(struct client *c, enum wire_code code)
{
    client_connect(c);
    expect_error(c, say_wrong_authenticate(c), code);
    expect_closed(c, wire_code_close(code));
}

static void p6_wrong_signatures_slow_their_address_down(void **state)
{
    struct world *w = *state;
    struct client *c = client_at(w, 5);
    const struct message *m;
    for (unsigned i = 0; i <= w->config.accounts.throttle.free_failures; i++)
        fail_to_authenticate(c, WIRE_CODE_BAD_SIGNATURE);
    /* Now not even the right one is looked at, and the answer says for how long. */
    client_connect(c);
    say_authenticate(c);
    m = expect(c, MESSAGE_ERROR);
    assert_int_equal(m->error.code, WIRE_CODE_TOO_MANY_FAILURES);
    assert_true(m->error.retryable);
    assert_int_equal(m->error.retry_after_ms, w->config.accounts.throttle.delay_ms);
    expect_closed(c, wire_code_close(WIRE_CODE_TOO_MANY_FAILURES));
    assert_int_equal(w->last_event[CORE_EVENT_REFUSED].account, ACCOUNT_ADDRESS);
    /* Not so elsewhere, and after the time here neither. */
    client_online(w, 6);
    world_advance_ms(w, w->config.accounts.throttle.delay_ms);
    client_online(w, 5);
    client_disconnect(c);
    /* One more, and it is twice as long. */
    fail_to_authenticate(c, WIRE_CODE_BAD_SIGNATURE);
    world_advance_ms(w, w->config.accounts.throttle.delay_ms);
    fail_to_authenticate(c, WIRE_CODE_TOO_MANY_FAILURES);
    assert_int_equal(core_refusals(w->core, WIRE_CODE_TOO_MANY_FAILURES), 2);
}

static void p6_wrong_proofs_count_as_well(void **state)
{
    struct world *w = *state;
    owner_of_shell(w);
    struct client *c = client_online(w, 5);
    for (unsigned i = 0; i <= w->config.accounts.throttle.free_failures; i++)
        expect_error(c, say_wrong_join(c, "shell"), WIRE_CODE_BAD_PROOF);
    expect_error(c, say_join(c, "shell"), WIRE_CODE_TOO_MANY_FAILURES);
    expect_error(c, say_create(c, "another"), WIRE_CODE_TOO_MANY_FAILURES);
    /* The connection stays, and so do others of the address; who had joined goes on. */
    struct client *neighbour = client_at(w, 6);
    neighbour->address = c->address;
    fail_to_authenticate(neighbour, WIRE_CODE_TOO_MANY_FAILURES);
    say_join(client_at(w, 0), "shell");
    expect(client_at(w, 0), MESSAGE_SYNCSHELL_JOINED);
    world_advance_ms(w, w->config.accounts.throttle.delay_ms);
    say_join(c, "shell");
    expect(c, MESSAGE_SYNCSHELL_JOINED);
    forget(client_at(w, 0));
}

/* While a syncshell is read from the store many proofs may wait for it: all sent before the first was found to be wrong. */
static void p6_proofs_that_wait_together_are_guesses_one_by_one(void **state)
{
    struct world *w = *state;
    unsigned n = w->config.accounts.throttle.free_failures + 1;
    client_disconnect(owner_of_shell(w));
    world_advance_ms(w, 60000);
    struct client *c = client_online(w, 5), *late = client_at(w, 6);
    late->address = c->address;
    client_online(w, 6);
    const char *wrong[32];
    w->store_held = true;
    for (unsigned i = 0; i < n; i++)
        wrong[i] = say_wrong_join(c, "shell");
    const char *right = say_join(late, "shell");
    world_store_run(w);
    for (unsigned i = 0; i < n; i++)
        expect_error(c, wrong[i], WIRE_CODE_BAD_PROOF);
    expect_error(late, right, WIRE_CODE_TOO_MANY_FAILURES);
    assert_int_equal(late->current.error.retry_after_ms, w->config.accounts.throttle.delay_ms);
}

static void p6_what_is_out_of_date_is_no_guess(void **state)
{
    struct world *w = *state;
    struct client *c = owner_of_shell(w);
    for (unsigned i = 0; i < 30; i++) {
        struct message m;
        expect_error(c, say_join(c, "gone"), WIRE_CODE_UNKNOWN_SYNCSHELL);
        make_join(c, "shell", &m);
        m.join_syncshell.key_epoch = 7;
        expect_error(c, say(c, &m), WIRE_CODE_WRONG_KEY_EPOCH);
        /* A nonce that ran out: the connection is closed, and that is all. */
        struct client *late = client_at(w, 5);
        client_connect(late);
        world_advance_ms(w, w->config.handshake_timeout_ms);
        expect_closed(late, wire_code_close(WIRE_CODE_HANDSHAKE_TIMEOUT));
    }
    client_online(w, 5);
    say_join(c, "shell");
    expect(c, MESSAGE_SYNCSHELL_JOINED);
}

static void p6_who_goes_on_being_refused_is_closed(void **state)
{
    struct world *w = *state;
    w->config.accounts.per_minute[RATE_REFUSALS] = 10;
    world_start(w);
    struct client *c = owner_of_shell(w);
    for (int i = 0; i < 10; i++)
        expect_error(c, say_leave(c, "elsewhere"), WIRE_CODE_NOT_JOINED);
    expect_error(c, say_leave(c, "elsewhere"), WIRE_CODE_NOT_JOINED);
    expect_closed(c, wire_code_close(WIRE_CODE_FLOODING));
    assert_int_equal(core_closings(w->core, WIRE_CODE_FLOODING), 1);
    /* It is remembered when it comes back at once, and forgotten in time. */
    client_online(w, 0);
    expect_error(c, say_leave(c, "elsewhere"), WIRE_CODE_NOT_JOINED);
    expect_closed(c, wire_code_close(WIRE_CODE_FLOODING));
    world_advance_ms(w, 60000);
    client_online(w, 0);
    expect_error(c, say_leave(c, "elsewhere"), WIRE_CODE_NOT_JOINED);
    expect_nothing(c);
}

struct kind {
    enum rate rate;
    enum wire_code code;
    const char *(*say)(struct client *c, struct client *other);
};

static const char *say_a_join(struct client *c, struct client *other)
{
    (void)other;
    return say_join(c, "shell");
}

static const char *say_a_signal(struct client *c, struct client *other)
{
    return say_routed(c, other, MESSAGE_ICE_CANDIDATE, "session", 1);
}

static const char *say_a_write(struct client *c, struct client *other)
{
    return say_routed(c, other, MESSAGE_RECOVERY_REQUEST, "session", 1);
}

static const char *say_a_query(struct client *c, struct client *other)
{
    (void)other;
    return say_snapshot(c, "session", 0);
}

static const struct kind kinds[] = {
    {RATE_JOINS, WIRE_CODE_TOO_MANY_JOINS, say_a_join},
    {RATE_SIGNALS, WIRE_CODE_TOO_MANY_SIGNALS, say_a_signal},
    {RATE_WRITES, WIRE_CODE_TOO_MANY_WRITES, say_a_write},
    {RATE_QUERIES, WIRE_CODE_TOO_MANY_QUERIES, say_a_query},
};

/* Until it is refused; how often it was not. */
static unsigned use_up(struct client *c, struct client *other, const struct kind *kind)
{
    for (unsigned n = 0; n < 100; n++) {
        struct world *w = c->world;
        uint64_t before = core_refusals(w->core, kind->code);
        kind->say(c, other);
        forget(other);
        if (core_refusals(w->core, kind->code) > before) {
            const struct message *m = hear(c);
            while (m->type != MESSAGE_ERROR || m->error.code != kind->code)
                m = hear(c);
            assert_in_range(m->error.retry_after_ms, 1, 2000);
            forget(c);
            return n;
        }
        forget(c);
    }
    return 100;
}

static void p6_each_kind_has_its_own_rate(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < RATE_COUNT; i++)
        w->config.accounts.per_minute[i] = i == RATE_REFUSALS ? 1000 : 30;
    world_start(w);
    struct pair p = world_pair(w);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        unsigned n = use_up(p.joiner, p.provider, &kinds[i]);
        assert_in_range(n, 20, 30); /* the scene itself has taken some */
        assert_int_equal(w->last_event[CORE_EVENT_REFUSED].account, ACCOUNT_PEER);
        /* The other side has its own, and so has this one after a while. */
        kinds[i].say(p.provider, p.joiner);
        assert_int_equal(core_refusals(w->core, kinds[i].code), 1);
        world_advance_ms(w, 2000);
        kinds[i].say(p.joiner, p.provider);
        assert_int_equal(core_refusals(w->core, kinds[i].code), 1);
        forget(p.joiner);
        forget(p.provider);
    }
}

static void p6_large_messages_count_more(void **state)
{
    static char body[64 * 1024];
    struct world *w = *state;
    w->config.accounts.per_minute[RATE_WRITES] = 30;
    world_start(w);
    struct pair p = world_pair(w);
    memset(body, 'x', sizeof body - 1);
    unsigned n = 0;
    while (core_refusals(w->core, WIRE_CODE_TOO_MANY_WRITES) == 0) {
        say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 1 + n, body);
        n++;
        forget(p.joiner);
    }
    assert_int_equal(n, 6); /* 29 are left after opening the session, and each costs 5 */
}

static void p6_connecting_too_often(void **state)
{
    struct world *w = *state;
    w->config.accounts.per_minute[RATE_CONNECTS] = 5;
    world_start(w);
    struct client *c = client_at(w, 0);
    for (int i = 0; i < 5; i++) {
        client_connect(c);
        client_disconnect(c);
    }
    assert_int_equal(client_try_connect(c), CORE_E_FULL);
    assert_int_equal(w->last_event[CORE_EVENT_TURNED_AWAY].code, WIRE_CODE_TOO_MANY_CONNECTS);
    assert_true(w->last_event[CORE_EVENT_TURNED_AWAY].has_address);
    client_online(w, 1);
    world_advance_ms(w, 12000);
    client_online(w, 0);
}

static void p6_connections_of_one_address(void **state)
{
    struct world *w = *state;
    w->config.accounts.max[ACCOUNT_ADDRESS][RESOURCE_CONNECTIONS] = 2;
    world_start(w);
    for (unsigned i = 0; i < 3; i++)
        client_at(w, i)->address = address_v4(203, 0, 113, 5);
    client_online(w, 0);
    client_online(w, 1);
    assert_int_equal(client_try_connect(client_at(w, 2)), CORE_E_FULL);
    assert_int_equal(w->last_event[CORE_EVENT_TURNED_AWAY].code, WIRE_CODE_TOO_MANY_FROM_ADDRESS);
    client_online(w, 3);
    client_disconnect(client_at(w, 0));
    client_online(w, 2);
    assert_int_equal(core_refusals(w->core, WIRE_CODE_TOO_MANY_FROM_ADDRESS), 1);
}

static void p6_handshakes_of_one_address(void **state)
{
    struct world *w = *state;
    struct admission *a[3] = {0};
    struct address from = address_v4(203, 0, 113, 5);
    struct address other = address_v4(203, 0, 113, 6);
    struct core_stats stats;
    w->config.accounts.max[ACCOUNT_ADDRESS][RESOURCE_HANDSHAKES] = 1;
    world_start(w);
    assert_int_equal(core_admit(w->core, w->now_us, &from, &a[0]), 0);
    assert_int_equal(core_admit(w->core, w->now_us, &from, &a[1]), CORE_E_FULL);
    assert_null(a[1]);
    /* From a trusted proxy: who it is, is known later. */
    assert_int_equal(core_admit(w->core, w->now_us, NULL, &a[1]), 0);
    assert_int_equal(core_admit(w->core, w->now_us, NULL, &a[2]), 0);
    assert_int_equal(core_admission_forwarded(a[1], w->now_us, &from), CORE_E_FULL);
    assert_int_equal(core_admission_forwarded(a[2], w->now_us, &other), 0);
    assert_int_equal(core_admission_upgrade(a[0], w->now_us), 0);
    assert_int_equal(core_admission_forwarded(a[1], w->now_us, &from), 0);
    core_stats(w->core, &stats);
    assert_int_equal(stats.handshakes, 2);
    for (size_t i = 0; i < 3; i++)
        a[i] = core_admission_free(a[i]);
    core_stats(w->core, &stats);
    assert_int_equal(stats.handshakes, 0);
    world_settle(w);
}

static struct address address_v6(uint8_t network, uint8_t host)
{
    return (struct address){.bytes = {0x20, 0x01, 0x0d, 0xb8, [7] = network, [15] = host}};
}

static void p6_forwarded_clients_have_limits_of_their_own(void **state)
{
    struct world *w = *state;
    struct core_stats stats;
    w->config.accounts.max[ACCOUNT_ADDRESS][RESOURCE_CONNECTIONS] = 2;
    w->config.accounts.max[ACCOUNT_ADDRESS][RESOURCE_HANDSHAKES] = 1;
    w->config.accounts.per_minute[RATE_CONNECTS] = 4;
    world_start(w);
    for (unsigned i = 0; i < 8; i++) {
        client_at(w, i)->forwarded = true;
        client_at(w, i)->address = address_v6(i < 4 ? 1 : 2, (uint8_t)i);
    }
    client_online(w, 0);
    client_online(w, 1);
    assert_int_equal(client_try_connect(client_at(w, 2)), CORE_E_FULL);
    assert_int_equal(w->last_event[CORE_EVENT_TURNED_AWAY].code, WIRE_CODE_TOO_MANY_FROM_ADDRESS);
    client_online(w, 4);
    client_online(w, 5);
    client_disconnect(client_at(w, 0));
    client_online(w, 2);
    client_disconnect(client_at(w, 1));
    assert_int_equal(client_try_connect(client_at(w, 3)), CORE_E_FULL);
    assert_int_equal(w->last_event[CORE_EVENT_TURNED_AWAY].code, WIRE_CODE_TOO_MANY_CONNECTS);
    client_disconnect(client_at(w, 4));
    client_online(w, 6);
    core_stats(w->core, &stats);
    assert_int_equal(stats.connections, 3);
    assert_int_equal(stats.handshakes, 0);
}

static void p6_a_forwarded_guesser_slows_its_own_network_down(void **state)
{
    struct world *w = *state;
    for (unsigned i = 5; i < 8; i++) {
        client_at(w, i)->forwarded = true;
        client_at(w, i)->address = address_v6(i < 7 ? 1 : 2, (uint8_t)i);
    }
    for (unsigned i = 0; i <= w->config.accounts.throttle.free_failures; i++)
        fail_to_authenticate(client_at(w, 5), WIRE_CODE_BAD_SIGNATURE);
    fail_to_authenticate(client_at(w, 6), WIRE_CODE_TOO_MANY_FAILURES);
    client_online(w, 7);
}

static void p6_an_address_is_awaited_until_it_is_said(void **state)
{
    struct world *w = *state;
    struct address from = address_v4(203, 0, 113, 5);
    struct admission *a = NULL;
    assert_int_equal(core_admit(w->core, w->now_us, NULL, &a), 0);
    assert_true(core_admission_awaits_address(a));
    assert_int_equal(core_admission_forwarded(a, w->now_us, &from), 0);
    assert_false(core_admission_awaits_address(a));
    a = core_admission_free(a);
    assert_int_equal(core_admit(w->core, w->now_us, &from, &a), 0);
    assert_false(core_admission_awaits_address(a));
    core_admission_free(a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p6_wrong_signatures_slow_their_address_down),
        WORLD_TEST(p6_wrong_proofs_count_as_well),
        WORLD_TEST(p6_proofs_that_wait_together_are_guesses_one_by_one),
        WORLD_TEST(p6_what_is_out_of_date_is_no_guess),
        CONFIGURED_TEST(p6_who_goes_on_being_refused_is_closed),
        CONFIGURED_TEST(p6_each_kind_has_its_own_rate),
        CONFIGURED_TEST(p6_large_messages_count_more),
        CONFIGURED_TEST(p6_connecting_too_often),
        CONFIGURED_TEST(p6_connections_of_one_address),
        CONFIGURED_TEST(p6_handshakes_of_one_address),
        CONFIGURED_TEST(p6_forwarded_clients_have_limits_of_their_own),
        WORLD_TEST(p6_a_forwarded_guesser_slows_its_own_network_down),
        WORLD_TEST(p6_an_address_is_awaited_until_it_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
