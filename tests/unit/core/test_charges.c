/* Whatever a peer makes the relay hold is paid for, by whom, and until when: so that limits.memory_bytes_max bounds it all (P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/member.h"
#include "core/queue.h"
#include "core/syncshell.h"
#include "world.h"

enum { PEER_BYTES = 40000, TRIES_MAX = 100 };

static uint64_t charged(const struct world *w)
{
    struct core_stats stats;
    core_stats(w->core, &stats);
    return stats.charged_bytes;
}

static struct pair pair_of(struct world *w)
{
    w->config.accounts.max[ACCOUNT_PEER][RESOURCE_BYTES] = PEER_BYTES;
    world_start(w);
    return world_pair(w);
}

static const char *say_sized(struct pair p, enum message_type type, size_t body_size)
{
    static uint8_t body[3000];
    struct message m;
    make_routed(p.joiner, p.provider, type, "session", 1, &m);
    m.body = body;
    m.body_size = body_size;
    return say(p.joiner, &m);
}

static const char *say_candidate(struct pair p, enum message_type type)
{
    return say_sized(p, type, 3000);
}

static void p6_what_is_held_is_charged_to_its_sender(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    uint64_t before = charged(w);
    const char *id = say_candidate(p, MESSAGE_RECONNECT_OFFER);
    expect_held(p.joiner, id, w->config.offer_ttl_ms);
    assert_true(charged(w) > before + 3000);
    int n = 0;
    for (; n < TRIES_MAX; n++) {
        (void)say_candidate(p, MESSAGE_ICE_CANDIDATE);
        const struct message *m = hear(p.joiner);
        if (m && m->type == MESSAGE_ERROR) {
            assert_int_equal(m->error.code, WIRE_CODE_PEER_QUOTA);
            break;
        }
    }
    assert_in_range(n, 5, PEER_BYTES / 3000);
    assert_true(charged(w) - before <= PEER_BYTES);
    world_advance_ms(w, 3 * (uint64_t)w->config.offer_ttl_ms);
    forget(p.joiner);
    assert_true(charged(w) <= before);
}

/* To the last byte, so that nothing is left for the words that say so: who reads is answered all the same. */
static void p6_whose_account_is_full_hears_so(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    expect_held(p.joiner, say_candidate(p, MESSAGE_RECONNECT_OFFER), w->config.offer_ttl_ms);
    unsigned n_refused = 0;
    for (size_t size = 3000; size > 0 && n_refused < 2 * TRIES_MAX;) {
        const char *id = say_sized(p, MESSAGE_ICE_CANDIDATE, size);
        const struct message *m = hear(p.joiner);
        assert_non_null(m);
        if (m->type == MESSAGE_HELD)
            continue;
        assert_int_equal(m->type, MESSAGE_ERROR);
        assert_string_equal(m->error.in_reply_to.text, id);
        assert_int_equal(m->error.code, WIRE_CODE_PEER_QUOTA);
        n_refused++;
        size = size * 3 / 4;
    }
    assert_in_range(n_refused, 20, 40);
    assert_non_null(p.joiner->connection);
}

/* Many addresses have taken whatever there was: who reads still gets its frames, and is told what there is no room for. */
static void p6_a_full_relay_serves_who_reads(void **state)
{
    struct world *w = *state;
    enum { MAX = 200000 };
    w->config.accounts.max[ACCOUNT_RELAY][RESOURCE_BYTES] = MAX;
    world_start(w);
    struct pair p = world_pair(w);
    const char *id = say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_routed(p.provider, MESSAGE_RECONNECT_OFFER, id);
    unsigned n = 2;
    for (uint64_t left; (left = MAX - charged(w)) > 1; n++) {
        assert_in_range(n, 2, 30);
        struct client *c = client_online(w, n);
        assert_true(core_connection_buffers(c->connection, w->now_us, left / 2));
    }
    id = say_routed(p.joiner, p.provider, MESSAGE_ICE_CANDIDATE, "session", 1);
    expect_error(p.joiner, id, WIRE_CODE_RELAY_BUSY);
    (void)client_online(w, n);
    client_disconnect(p.joiner);
    expect_presence(p.provider, p.joiner, PRESENCE_AWAY);
    assert_non_null(p.provider->connection);
}

/* What waits for a reader is charged beyond what every queue may have, and given back frame by frame. */
static void p6_what_waits_for_a_reader_is_charged(void **state)
{
    struct world *w = *state;
    world_start(w);
    struct client *c = client_online(w, 0);
    uint64_t before = charged(w);
    c->stalled = true;
    size_t n = 0;
    for (; charged(w) == before; n++) {
        assert_in_range(n, 0, TRIES_MAX);
        say_leave(c, "nowhere");
    }
    for (size_t i = 0; i < n; i++)
        say_leave(c, "nowhere");
    assert_in_range(charged(w) - before, QUEUE_FREE_BYTES * 3 / 4, QUEUE_FREE_BYTES * 3 / 2);
    client_pull(c, n);
    assert_true((charged(w) - before) * n <= QUEUE_FREE_BYTES);
    client_pull(c, n);
    assert_int_equal(charged(w), before);
}

/* It comes later, and the operator can see why. */
static void p6_an_inbox_waits_for_its_readers_account(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w);
    forget(p.joiner);
    client_disconnect(p.provider);
    const char *id = say_sized(p, MESSAGE_RECOVERY_REQUEST, 3000);
    expect(p.joiner, MESSAGE_PEER_PRESENCE);
    expect_stored(p.joiner, id);
    size_t before = w->n_events[CORE_EVENT_REFUSED];
    client_joined(w, 0, "shell");
    assert_true(w->n_events[CORE_EVENT_REFUSED] > before);
    assert_int_equal(w->last_event[CORE_EVENT_REFUSED].code, WIRE_CODE_PEER_QUOTA);
    assert_int_equal(w->last_event[CORE_EVENT_REFUSED].type, MESSAGE_INBOX_DELIVERY);
}

static void p6_what_waits_for_the_store_is_charged(void **state)
{
    struct world *w = *state;
    struct pair p = pair_of(w);
    uint64_t before = charged(w);
    w->store_held = true;
    int n = 0;
    for (; n < TRIES_MAX; n++) {
        say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 1 + (uint64_t)n, "x");
        const struct message *m = hear(p.joiner);
        if (!m)
            continue;
        assert_int_equal(m->type, MESSAGE_ERROR);
        assert_int_equal(m->error.code, WIRE_CODE_PEER_QUOTA);
        break;
    }
    assert_in_range(n, 5, PEER_BYTES / 4096);
    world_store_run(w);
    for (int i = 0; i < n; i++)
        expect(p.joiner, MESSAGE_STORED);
    assert_int_equal(charged(w), before);
}

static void p6_loaded_syncshells_are_charged_to_an_address(void **state)
{
    struct world *w = *state;
    w->config.accounts.max[ACCOUNT_ADDRESS][RESOURCE_BYTES] = 60000;
    world_start(w);
    struct client *c = client_online(w, 0);
    uint64_t before = charged(w);
    char name[8];
    int n = 0;
    for (; n < TRIES_MAX; n++) {
        snprintf(name, sizeof name, "s%d", n);
        expect_stored(c, say_create(c, name));
        say_join(c, name);
        const struct message *m = hear(c);
        assert_non_null(m);
        if (m->type == MESSAGE_SYNCSHELL_JOINED)
            continue;
        assert_int_equal(m->type, MESSAGE_ERROR);
        assert_int_equal(m->error.code, WIRE_CODE_ADDRESS_QUOTA);
        break;
    }
    assert_in_range(n, 2, 12);
    /* Others are not refused for it, and everything is given back with the last who needed it. */
    struct client *other = client_online(w, 1);
    say_join(other, "s0");
    expect(other, MESSAGE_SYNCSHELL_JOINED);
    client_disconnect(c);
    client_disconnect(other);
    world_advance_ms(w, MEMBER_AWAY_GRACE_MS);
    assert_true(charged(w) <= before);
}

static void p6_an_unfinished_message_is_charged(void **state)
{
    struct world *w = *state;
    w->config.accounts.max[ACCOUNT_ADDRESS][RESOURCE_BYTES] = PEER_BYTES;
    struct pair p = pair_of(w);
    uint64_t before = charged(w);
    assert_true(core_connection_buffers(p.joiner->connection, w->now_us, 30000));
    assert_int_equal(charged(w), before + 30000);
    assert_true(core_connection_buffers(p.joiner->connection, w->now_us, 10));
    assert_int_equal(charged(w), before + 10);
    assert_true(core_connection_buffers(p.joiner->connection, w->now_us, 0));
    assert_int_equal(charged(w), before);
    world_enter(w);
    assert_false(core_connection_buffers(p.joiner->connection, w->now_us, PEER_BYTES + 1));
    world_leave(w);
    world_settle(w);
    expect_closed(p.joiner, 4010);
    assert_true(charged(w) <= before);
}

enum { MANY_JOINS = SYNCSHELL_LOADS_MAX + 20 };

/* A client that has asked to join more syncshells than are read at once, and a store that does not answer yet. */
static struct client *joins_many(struct world *w)
{
    char name[8];
    w->config.joined_max = w->config.pending_ops_max = MANY_JOINS;
    world_start(w);
    struct client *c = client_online(w, 0);
    w->store_held = true;
    for (int i = 0; i < MANY_JOINS; i++) {
        snprintf(name, sizeof name, "s%d", i);
        say_join(c, name);
    }
    return c;
}

/* What the store brings of a syncshell is charged when it is here, so there are never many on the way. */
static void p6_few_syncshells_are_read_at_once(void **state)
{
    struct world *w = *state;
    struct client *c = joins_many(w);
    struct core_stats stats;
    core_stats(w->core, &stats);
    assert_int_equal(stats.ops_in_flight, SYNCSHELL_LOADS_MAX);
    expect_nothing(c);
    w->store_held = false;
    world_store_run(w);
    for (int i = 0; i < MANY_JOINS; i++)
        assert_int_equal(expect(c, MESSAGE_ERROR)->error.code, WIRE_CODE_UNKNOWN_SYNCSHELL);
    core_stats(w->core, &stats);
    assert_int_equal(stats.syncshells_loaded, 0);
}

/* Nobody waits any more for what is not being read yet. */
static void p6_who_leaves_before_the_store_reads(void **state)
{
    struct world *w = *state;
    struct client *c = joins_many(w);
    struct core_stats stats;
    client_disconnect(c);
    core_stats(w->core, &stats);
    assert_int_equal(stats.syncshells_loaded, SYNCSHELL_LOADS_MAX);
    w->store_held = false;
    world_store_run(w);
    core_stats(w->core, &stats);
    assert_int_equal(stats.syncshells_loaded, 0);
    assert_int_equal(charged(w), 0);
}

/* Who joins and is gone again, over and over while the disk hangs. */
static void p6_a_join_is_charged_until_it_is_back(void **state)
{
    struct world *w = *state;
    (void)pair_of(w);
    w->store_held = true;
    uint64_t before = charged(w);
    size_t n_before = w->n_ops[STORE_ADD_MEMBER];
    for (unsigned n = 2; n < 12; n++) {
        struct client *c = client_online(w, n);
        say_join(c, "shell");
        client_disconnect(c);
    }
    assert_int_equal(w->n_ops[STORE_ADD_MEMBER] - n_before, 10);
    assert_true(charged(w) >= before + 10 * sizeof(struct store_op));
    w->store_held = false;
    world_store_run(w);
    assert_true(charged(w) <= before + 10 * sizeof(struct member));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIGURED_TEST(p6_a_join_is_charged_until_it_is_back),
        CONFIGURED_TEST(p6_what_is_held_is_charged_to_its_sender),
        CONFIGURED_TEST(p6_whose_account_is_full_hears_so),
        CONFIGURED_TEST(p6_a_full_relay_serves_who_reads),
        CONFIGURED_TEST(p6_what_waits_for_a_reader_is_charged),
        CONFIGURED_TEST(p6_an_inbox_waits_for_its_readers_account),
        CONFIGURED_TEST(p6_what_waits_for_the_store_is_charged),
        CONFIGURED_TEST(p6_loaded_syncshells_are_charged_to_an_address),
        CONFIGURED_TEST(p6_an_unfinished_message_is_charged),
        CONFIGURED_TEST(p6_few_syncshells_are_read_at_once),
        CONFIGURED_TEST(p6_who_leaves_before_the_store_reads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
