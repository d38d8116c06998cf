/* The whole: two engines and the relay's core, each of the three killed at every single step of a transfer's life.
 *
 * Whatever dies when: what the joiner's application was told is saved, is there; the provider hears exactly the rest; the
 * relay's log is what the joiner's journal says; both come back by themselves, and their link is of one generation. Who is up
 * as provider knows what to send; and in the end both have heard that it is over. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "pair.h"

enum { N_FILES = 12, N_REPORTED = 9 };

static bool journaled(const struct pair *p, unsigned file)
{
    char key[32];
    snprintf(key, sizeof key, "%s/f%02u", pair_session, file);
    return station_record(&p->joiner.station, "file", key) != NULL;
}

static void transfer(struct pair *p)
{
    pair_meet(p);
    for (unsigned i = 0; i < 2 && !station_record(&p->joiner.station, "session", pair_session); i++)
        pair_open(p, N_FILES);
    pair_run_ms(p, 5000);
    for (unsigned i = 0; i < 2 && !station_record(&p->provider.station, "manifest", pair_session);
         i++) {
        pair_set_manifest(p);
        pair_run_ms(p, 5000);
    }
    for (unsigned i = 0; i < N_REPORTED / 2; i++)
        pair_report(p, i);
    pair_link_lost(p);
    for (unsigned i = N_REPORTED / 2; i < N_REPORTED; i++)
        pair_report(p, i);
    pair_run_ms(p, 1000);
}

static void recover(struct pair *p)
{
    struct station *st = &p->joiner.station;
    p->n_requests = 0;
    STATION_CALL(st, engine_session_request_recovery(st->engine, p->now_us, station_ticket(st),
                                                     pair_session));
    pair_run_ms(p, 1000);
}

/* The journal is lost, and all that the relay has comes back from it. */
static void check_log(struct pair *p)
{
    bool before[N_FILES];
    struct station *st = &p->joiner.station;
    for (unsigned i = 0; i < N_FILES; i++)
        before[i] = journaled(p, i);
    list_for_each_safe (n, next, &st->disk) {
        struct disk_record *r = container_of(n, struct disk_record, node);
        if (str_equal(r->kind, "client") || str_equal(r->kind, "syncshell"))
            continue;
        list_unlink(n);
        free(r->kind);
        free(r->key);
        free(r->value);
        free(r);
    }
    pair_kill(&p->joiner);
    pair_run_ms(p, 60000);
    for (unsigned i = 0; i < N_FILES; i++)
        assert_int_equal(journaled(p, i), before[i]);
}

/* Both live now: whatever happened before, each hears of the end. */
static void check_end(struct pair *p)
{
    pair_run_ms(p, 60000);
    assert_true(p->joiner.closed && p->provider.closed);
    assert_int_equal(station_records(&p->joiner.station, "session"), 0);
    assert_int_equal(station_records(&p->provider.station, "session"), 0);
    assert_int_equal(station_records(&p->joiner.station, "ended"), 0);
    assert_int_equal(station_records(&p->provider.station, "ended"), 0);
}

static void check(struct pair *p)
{
    pair_run_ms(p, 120000);
    assert_true(p->provider.told);
    recover(p);
    assert_int_equal(p->n_requests, 1);
    for (unsigned i = 0; i < N_FILES; i++) {
        if (p->saved[i])
            assert_true(journaled(p, i));
        if (p->stored[i])
            assert_true(p->saved[i]);
        assert_int_equal(p->needed[i], !journaled(p, i));
    }
    assert_true(p->joiner.has_session && p->provider.has_session);
    assert_false(p->joiner.closed || p->provider.closed);
    assert_true(p->joiner.up && p->provider.up);
    assert_int_equal(p->joiner.generation, p->provider.generation);
    assert_int_equal(
        fake_store_unacked(p->store, pair_shell(p), p->joiner.station.config.peer_id.text), 0);
    assert_int_equal(
        fake_store_unacked(p->store, pair_shell(p), p->provider.station.config.peer_id.text), 0);
    check_log(p);
    pair_close(&p->provider);
    check_end(p);
}

static void test_undisturbed(void **state)
{
    struct pair p;
    (void)state;
    pair_init(&p);
    transfer(&p);
    check(&p);
    for (unsigned i = 0; i < N_REPORTED; i++)
        assert_true(p.saved[i] && p.stored[i]);
    assert_int_equal(p.n_recovered, 3); /* opened, lost; and the kill of check_log() */
    pair_deinit(&p);
}

/* How many steps an undisturbed transfer takes. */
static void count_steps(uint64_t *ret_joiner, uint64_t *ret_provider, uint64_t *ret_relay)
{
    struct pair p;
    pair_init(&p);
    transfer(&p);
    *ret_joiner = p.joiner.station.n_steps;
    *ret_provider = p.provider.station.n_steps;
    *ret_relay = p.n_relay_steps;
    pair_deinit(&p);
}

static void run_killed(uint64_t joiner_at, uint64_t provider_at, uint64_t relay_at)
{
    struct pair p;
    pair_init(&p);
    p.joiner.station.kill_at_step = joiner_at;
    p.provider.station.kill_at_step = provider_at;
    p.kill_relay_at = relay_at;
    transfer(&p);
    /* Who was not killed by now, because the others' deaths made its life shorter, may live. */
    p.joiner.station.kill_at_step = p.provider.station.kill_at_step = p.kill_relay_at = 0;
    check(&p);
    pair_deinit(&p);
}

static void test_joiner_killed_at_every_step(void **state)
{
    uint64_t joiner, provider, relay;
    (void)state;
    count_steps(&joiner, &provider, &relay);
    assert_true(joiner > 50);
    for (uint64_t at = 1; at <= joiner; at++)
        run_killed(at, 0, 0);
}

static void test_provider_killed_at_every_step(void **state)
{
    uint64_t joiner, provider, relay;
    (void)state;
    count_steps(&joiner, &provider, &relay);
    assert_true(provider > 30);
    for (uint64_t at = 1; at <= provider; at++)
        run_killed(0, at, 0);
}

static void test_relay_killed_at_every_step(void **state)
{
    uint64_t joiner, provider, relay;
    (void)state;
    count_steps(&joiner, &provider, &relay);
    assert_true(relay > 50);
    for (uint64_t at = 1; at <= relay; at++)
        run_killed(0, 0, at);
}

/* All three, at steps that wander against each other. */
static void test_all_killed(void **state)
{
    uint64_t joiner, provider, relay;
    (void)state;
    count_steps(&joiner, &provider, &relay);
    for (uint64_t i = 1; i <= 400; i++)
        run_killed(i * 7 % joiner + 1, i * 11 % provider + 1, i * 13 % relay + 1);
}

/* ---- the end ---- */

static void finish(struct pair *p, struct side *closer)
{
    /* A close that no journal saw is asked for again, by who has the session still. */
    for (unsigned i = 0; i < 3 && !(p->joiner.closed && p->provider.closed); i++) {
        if (station_record(&closer->station, "session", pair_session))
            pair_close(closer);
        pair_run_ms(p, 5000);
    }
}

/* From an open session on: kills both sides and the relay at those of their steps, 0 for never. True if somebody died. */
static bool run_end(bool joiner_closes, uint64_t joiner_at, uint64_t provider_at, uint64_t relay_at)
{
    struct pair p;
    pair_init(&p);
    transfer(&p);
    pair_run_ms(&p, 60000);
    p.joiner.station.kill_at_step = joiner_at ? p.joiner.station.n_steps + joiner_at : 0;
    p.provider.station.kill_at_step = provider_at ? p.provider.station.n_steps + provider_at : 0;
    p.kill_relay_at = relay_at ? p.n_relay_steps + relay_at : 0;
    finish(&p, joiner_closes ? &p.joiner : &p.provider);
    bool died = (joiner_at && p.joiner.station.n_steps >= p.joiner.station.kill_at_step) ||
                (provider_at && p.provider.station.n_steps >= p.provider.station.kill_at_step) ||
                (relay_at && p.n_relay_steps >= p.kill_relay_at);
    p.joiner.station.kill_at_step = p.provider.station.kill_at_step = p.kill_relay_at = 0;
    check_end(&p);
    pair_deinit(&p);
    return died;
}

static void test_end_killed_at_every_step(void **state)
{
    (void)state;
    for (int joiner_closes = 0; joiner_closes < 2; joiner_closes++) {
        unsigned n_died = 0;
        for (uint64_t at = 1; run_end(joiner_closes, at, 0, 0); at++)
            n_died++;
        assert_true(n_died > 5);
        for (uint64_t at = 1; run_end(joiner_closes, 0, at, 0); at++)
            n_died++;
        assert_true(n_died > 10);
        for (uint64_t at = 1; run_end(joiner_closes, 0, 0, at); at++)
            n_died++;
        assert_true(n_died > 15);
        for (uint64_t at = 1; at <= 12; at++)
            run_end(joiner_closes, at, 13 - at, at * 5 % 12 + 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_undisturbed),
        cmocka_unit_test(test_joiner_killed_at_every_step),
        cmocka_unit_test(test_provider_killed_at_every_step),
        cmocka_unit_test(test_relay_killed_at_every_step),
        cmocka_unit_test(test_all_killed),
        cmocka_unit_test(test_end_killed_at_every_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
