/* Buckets, throttles and charges by themselves, and against a dumb recount (P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/account.h"

static const uint64_t seed[2] = {1, 2};

struct fixture {
    struct account_config config;
    uint64_t now_us;
    struct accounts accounts;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->config.max[ACCOUNT_RELAY][RESOURCE_BYTES] = 1000;
    f->config.max[ACCOUNT_ADDRESS][RESOURCE_BYTES] = 600;
    f->config.max[ACCOUNT_PEER][RESOURCE_BYTES] = 200;
    f->config.max[ACCOUNT_SYNCSHELL][RESOURCE_BYTES] = 400;
    for (size_t i = 0; i < RATE_COUNT; i++)
        f->config.per_minute[i] = 60;
    f->config.address_peers = 2;
    f->config.throttle = (struct throttle_config){
        .free_failures = 3, .delay_ms = 1000, .delay_ms_max = 60000, .half_life_ms = 600000};
    f->config.remembered_max = 4;
    f->now_us = 5000000;
    accounts_init(&f->accounts, &f->config, &f->now_us, 1000, seed);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    accounts_deinit(&f->accounts);
    free(f);
    return 0;
}

static struct address v4(uint8_t last)
{
    return (struct address){.bytes = {[10] = 0xff, [11] = 0xff, 192, 0, 2, last}};
}

static struct account *account_of(struct fixture *f, uint8_t last)
{
    const struct address a = v4(last);
    struct account *account = accounts_address(&f->accounts, &a);
    assert_non_null(account);
    return account;
}

/* --- buckets ------------------------------------------------------------------------------------------------------- */

static unsigned take_all(struct bucket *b, uint64_t now_us, uint64_t per_window, uint64_t cost)
{
    uint64_t wait_us;
    unsigned n = 0;
    for (; bucket_has(b, now_us, per_window, cost, &wait_us); n++)
        bucket_take(b, now_us, per_window, cost);
    return n;
}

static void p6_bucket_gives_a_window_at_once_and_then_its_rate(void **state)
{
    (void)state;
    struct bucket b = {0};
    uint64_t now_us = 1, wait_us = 0;
    assert_int_equal(take_all(&b, now_us, 60, 1), 60);
    assert_false(bucket_has(&b, now_us, 60, 1, &wait_us));
    assert_int_equal(wait_us, 1000000);
    assert_false(bucket_has(&b, now_us + wait_us - 1, 60, 1, &wait_us));
    assert_int_equal(wait_us, 1);
    assert_int_equal(take_all(&b, now_us + 10 * 1000000, 60, 1), 10);
    assert_false(bucket_is_full(&b, now_us));
    assert_true(bucket_is_full(&b, now_us + 70 * 1000000));
    /* Rest does not add up to more than a window. */
    assert_int_equal(take_all(&b, now_us + UINT64_C(999) * 1000000, 60, 1), 60);
}

static void p6_bucket_of_costly_things(void **state)
{
    (void)state;
    struct bucket b = {0};
    assert_int_equal(take_all(&b, 1, 60, 20), 3);
    b = (struct bucket){0};
    /* Dearer than everything: all of it. */
    assert_int_equal(take_all(&b, 1, 60, 1000), 1);
    b = (struct bucket){0};
    assert_int_equal(take_all(&b, 1, 60000000, 1000000), 60);
}

/* --- throttles ----------------------------------------------------------------------------------------------------- */

static void p6_throttle_doubles_and_forgets(void **state)
{
    const struct fixture *f = *state;
    const struct throttle_config *config = &f->config.throttle;
    struct throttle t = {0};
    uint64_t now_us = 1000000;
    for (int i = 0; i < 3; i++)
        throttle_failed(&t, config, now_us);
    assert_int_equal(throttle_wait_ms(&t, now_us), 0);
    static const uint32_t waits[] = {1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000};
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        throttle_failed(&t, config, now_us);
        assert_int_equal(throttle_wait_ms(&t, now_us), waits[i]);
        now_us += (uint64_t)waits[i] * 1000;
        assert_int_equal(throttle_wait_ms(&t, now_us), 0);
    }
    /* 11 failures: 5 after one half-life, 2 after the second. The sixth wait would be 1 s again after that. */
    assert_false(throttle_is_clear(&t, config, now_us));
    now_us += UINT64_C(2) * 600 * 1000000;
    throttle_failed(&t, config, now_us);
    assert_int_equal(throttle_wait_ms(&t, now_us), 0);
    throttle_failed(&t, config, now_us);
    assert_int_equal(throttle_wait_ms(&t, now_us), 1000);
    assert_true(throttle_is_clear(&t, config, now_us + UINT64_C(9000) * 1000000));
}

static void p6_throttle_never_overflows(void **state)
{
    const struct fixture *f = *state;
    struct throttle t = {.n_failures = UINT32_MAX, .last_us = 7};
    throttle_failed(&t, &f->config.throttle, 8);
    assert_int_equal(t.n_failures, UINT32_MAX);
    assert_int_equal(throttle_wait_ms(&t, 8), 60000);
}

/* --- accounts ------------------------------------------------------------------------------------------------------ */

static void p6_addresses_of_one_64_share_an_account(void **state)
{
    struct fixture *f = *state;
    struct address a = {.bytes = {0x20, 1, 0xd, 0xb8, 0, 0, 0, 1, 0xaa}};
    struct address same = a;
    struct address other = a;
    same.bytes[15] = 9;
    other.bytes[7] = 2;
    struct account *one = accounts_address(&f->accounts, &a);
    struct account *two = accounts_address(&f->accounts, &same);
    struct account *three = accounts_address(&f->accounts, &other);
    struct account *four = account_of(f, 1);
    struct account *five = account_of(f, 2);
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, three);
    assert_ptr_not_equal(four, five);
    struct account *all[] = {one, two, three, four, five};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        account_unref(all[i]);
    assert_int_equal(f->accounts.addresses.n_entries, 0);
}

static void p6_what_was_done_is_remembered_and_bounded(void **state)
{
    struct fixture *f = *state;
    struct refusal refusal;
    /* One that failed, then more than are remembered that only did something. */
    struct account *a = account_of(f, 99);
    throttle_failed(&a->throttle, &f->config.throttle, f->now_us);
    account_unref(a);
    for (uint8_t i = 0; i < 20; i++) {
        a = account_of(f, i);
        assert_true(rate_take(a, NULL, RATE_JOINS, 1, &refusal));
        account_unref(a);
    }
    assert_int_equal(f->accounts.addresses.n_entries, 4);
    a = account_of(f, 99);
    assert_int_equal(a->throttle.n_failures, 1);
    account_unref(a);
    /* The one that was idle longest has gone. */
    a = account_of(f, 19);
    assert_false(bucket_is_full(&a->buckets[RATE_JOINS], f->now_us));
    account_unref(a);
    f->now_us += UINT64_C(3) * BUCKET_WINDOW_US;
    accounts_sweep(&f->accounts);
    assert_int_equal(f->accounts.addresses.n_entries, 1);
    f->now_us += UINT64_C(100) * 600 * 1000000;
    accounts_sweep(&f->accounts);
    assert_int_equal(f->accounts.addresses.n_entries, 0);
    /* Nothing but the failed ones: the oldest of them goes. */
    for (uint8_t i = 0; i < 6; i++) {
        a = account_of(f, i);
        throttle_failed(&a->throttle, &f->config.throttle, f->now_us);
        account_unref(a);
    }
    assert_int_equal(f->accounts.addresses.n_entries, 4);
}

static void p6_rates_count_for_both(void **state)
{
    struct fixture *f = *state;
    struct refusal refusal = {0};
    struct account *address = account_of(f, 1);
    struct account *peers[3];
    unsigned n = 0;
    for (size_t i = 0; i < 3; i++) {
        char id[16];
        snprintf(id, sizeof id, "peer%zu", i);
        peers[i] = accounts_peer(&f->accounts, id);
        for (; rate_take(address, peers[i], RATE_SIGNALS, 1, &refusal); n++)
            ;
        assert_int_equal(refusal.code, WIRE_CODE_TOO_MANY_SIGNALS);
        assert_int_equal(refusal.account, i < 2 ? ACCOUNT_PEER : ACCOUNT_ADDRESS);
        assert_in_range(refusal.retry_after_ms, 1, 1000);
    }
    assert_int_equal(
        n,
        120); /* the third found its address's bucket empty, and nothing was drawn from its own */
    assert_true(bucket_is_full(&peers[2]->buckets[RATE_SIGNALS], f->now_us));
    assert_true(rate_take(address, peers[2], RATE_WRITES, 1, &refusal));
    for (size_t i = 0; i < 3; i++)
        account_unref(peers[i]);
    account_unref(address);
}

static void p6_nobody_has_more_than_is_left(void **state)
{
    struct fixture *f = *state;
    static const uint64_t got[] = {500, 250, 125, 62, 31, 16, 8, 4, 2};
    struct charge charges[9] = {0};
    struct refusal refusal;
    f->config.max[ACCOUNT_ADDRESS][RESOURCE_BYTES] = 0;
    for (uint8_t i = 0; i < 9; i++) {
        struct account *address = account_of(f, i);
        const struct payers payers = {.address = address};
        assert_true(charge_take(&charges[i], &f->accounts, &payers, RESOURCE_BYTES, 0, &refusal));
        while (charge_resize(&charges[i], charges[i].amount + 1, &refusal))
            ;
        assert_int_equal(charges[i].amount, got[i]);
        assert_int_equal(refusal.code, WIRE_CODE_RELAY_BUSY);
        account_unref(address);
    }
    /* What one gives back, others may have. */
    charge_drop(&charges[0]);
    assert_true(charge_resize(&charges[8], 250, &refusal));
    for (size_t i = 0; i < 9; i++)
        charge_drop(&charges[i]);
}

static void p6_all_pay_or_none(void **state)
{
    struct fixture *f = *state;
    struct account syncshell;
    struct charge c = {0}, filler = {0};
    struct refusal refusal;
    account_init(&syncshell, &f->accounts, ACCOUNT_SYNCSHELL);
    const struct payers payers = {.address = account_of(f, 1),
                                  .peer = accounts_peer(&f->accounts, "peer"),
                                  .syncshell = &syncshell};
    assert_false(charge_take(&c, &f->accounts, &payers, RESOURCE_BYTES, 201, &refusal));
    assert_int_equal(refusal.code, WIRE_CODE_PEER_QUOTA);
    assert_int_equal(f->accounts.relay.used[RESOURCE_BYTES], 0);
    assert_true(charge_take(&c, &f->accounts, &payers, RESOURCE_BYTES, 150, &refusal));
    assert_int_equal(syncshell.used[RESOURCE_BYTES], 150);
    assert_int_equal(payers.peer->used[RESOURCE_BYTES], 150);
    assert_int_equal(f->accounts.relay.used[RESOURCE_BYTES], 150);
    /* The syncshell has 250 left, of which others take 100: the peer has its share. */
    const struct payers others = {.syncshell = &syncshell};
    assert_true(charge_take(&filler, &f->accounts, &others, RESOURCE_BYTES, 100, &refusal));
    assert_false(charge_resize(&c, 151, &refusal));
    assert_int_equal(refusal.code, WIRE_CODE_SYNCSHELL_QUOTA);
    assert_true(charge_resize(&c, 20, &refusal));
    charge_drop(&filler);
    charge_drop(&c);
    charge_drop(&c);
    account_unref(payers.address);
    account_unref(payers.peer);
    account_deinit(&syncshell);
}

static void p6_a_peer_joins_a_charge(void **state)
{
    struct fixture *f = *state;
    struct charge c = {0};
    struct refusal refusal;
    const struct payers payers = {.address = account_of(f, 1)};
    struct account *peer = accounts_peer(&f->accounts, "peer");
    assert_true(charge_take(&c, &f->accounts, &payers, RESOURCE_BYTES, 300, &refusal));
    charge_join(&c, peer);
    assert_int_equal(peer->used[RESOURCE_BYTES], 300);
    assert_false(charge_resize(&c, 301, &refusal));
    assert_true(charge_resize(&c, 100, &refusal));
    assert_true(charge_resize(&c, 200, &refusal));
    charge_drop(&c);
    assert_int_equal(peer->used[RESOURCE_BYTES], 0);
    account_unref(peer);
    account_unref(payers.address);
}

/* --- anything in any order ----------------------------------------------------------------------------------------- */

enum {
    OBJECTS = 40,
    ADDRESSES = 5,
    PEERS = 7,
    SYNCSHELLS = 3,
    STEPS = 20000,
};

struct game {
    struct fixture *f;
    uint64_t random;
    struct account *addresses[ADDRESSES];
    struct account *peers[PEERS];
    struct account syncshells[SYNCSHELLS];
    struct charge charges[OBJECTS];
};

static unsigned draw(struct game *g, unsigned below)
{
    g->random = g->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(g->random >> 33) % below;
}

static uint64_t recount(const struct game *g, const struct account *a, enum resource r)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < OBJECTS; i++) {
        const struct charge *c = &g->charges[i];
        if (c->accounts && c->resource == r &&
            (a->kind == ACCOUNT_RELAY || c->payers.address == a || c->payers.peer == a ||
             c->payers.syncshell == a))
            sum += c->amount;
    }
    return sum;
}

static void check_account(const struct game *g, const struct account *a)
{
    for (int r = 0; r < RESOURCE_COUNT; r++) {
        uint64_t max = g->f->config.max[a->kind][r];
        assert_int_equal(a->used[r], recount(g, a, (enum resource)r));
        assert_true(max == 0 || a->used[r] <= max);
    }
}

static void play_step(struct game *g)
{
    struct charge *c = &g->charges[draw(g, OBJECTS)];
    struct refusal refusal = {0};
    unsigned what = draw(g, 10);
    bool done = true;
    if (what < 3) {
        charge_drop(c);
    } else if (c->accounts) {
        done = charge_resize(c, draw(g, 150), &refusal);
    } else {
        const struct payers payers = {
            .address = draw(g, 4) ? g->addresses[draw(g, ADDRESSES)] : NULL,
            .peer = draw(g, 4) ? g->peers[draw(g, PEERS)] : NULL,
            .syncshell = draw(g, 3) ? NULL : &g->syncshells[draw(g, SYNCSHELLS)],
        };
        done = charge_take(c, &g->f->accounts, &payers, (enum resource)draw(g, RESOURCE_COUNT),
                           draw(g, 150), &refusal);
    }
    assert_true(done == (refusal.code == WIRE_CODE_NONE));
}

static void play(struct fixture *f, uint64_t random)
{
    struct game g = {.f = f, .random = random};
    for (unsigned i = 0; i < ADDRESSES; i++)
        g.addresses[i] = account_of(f, (uint8_t)i);
    for (unsigned i = 0; i < PEERS; i++) {
        char id[16];
        snprintf(id, sizeof id, "peer%u", i);
        g.peers[i] = accounts_peer(&f->accounts, id);
    }
    for (size_t i = 0; i < SYNCSHELLS; i++)
        account_init(&g.syncshells[i], &f->accounts, ACCOUNT_SYNCSHELL);
    for (int step = 0; step < STEPS; step++) {
        play_step(&g);
        check_account(&g, &f->accounts.relay);
        for (size_t i = 0; i < ADDRESSES; i++)
            check_account(&g, g.addresses[i]);
        for (size_t i = 0; i < PEERS; i++)
            check_account(&g, g.peers[i]);
        for (size_t i = 0; i < SYNCSHELLS; i++)
            check_account(&g, &g.syncshells[i]);
    }
    for (size_t i = 0; i < OBJECTS; i++)
        charge_drop(&g.charges[i]);
    for (size_t i = 0; i < ADDRESSES; i++)
        account_unref(g.addresses[i]);
    for (size_t i = 0; i < PEERS; i++)
        account_unref(g.peers[i]);
    for (size_t i = 0; i < SYNCSHELLS; i++)
        account_deinit(&g.syncshells[i]);
    assert_int_equal(f->accounts.addresses.n_entries + f->accounts.peers.n_entries, 0);
}

static void p6_accounts_equal_a_recount(void **state)
{
    for (uint64_t random = 1; random <= 3; random++)
        play(*state, random);
}

#define ACCOUNT_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p6_bucket_gives_a_window_at_once_and_then_its_rate),
        cmocka_unit_test(p6_bucket_of_costly_things),
        ACCOUNT_TEST(p6_throttle_doubles_and_forgets),
        ACCOUNT_TEST(p6_throttle_never_overflows),
        ACCOUNT_TEST(p6_addresses_of_one_64_share_an_account),
        ACCOUNT_TEST(p6_what_was_done_is_remembered_and_bounded),
        ACCOUNT_TEST(p6_rates_count_for_both),
        ACCOUNT_TEST(p6_nobody_has_more_than_is_left),
        ACCOUNT_TEST(p6_all_pay_or_none),
        ACCOUNT_TEST(p6_a_peer_joins_a_charge),
        ACCOUNT_TEST(p6_accounts_equal_a_recount),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
