/* Memory runs out at every allocation of every call into either engine, once or for the rest of that call. The worst that may
 * happen is that the engine says STOPPED: the process is started anew, and nothing that was told is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "failmalloc.h"
#include "pair.h"

enum { N_FILES = 3 };

static struct {
    unsigned call; /* the one in which it happens */
    size_t n_good;
    bool for_good;
    unsigned n_calls;
    bool hit;
} fault;

static void arm(struct station *s)
{
    (void)s;
    if (fault.n_calls++ == fault.call)
        failmalloc_arm(fault.n_good, fault.for_good);
}

static void disarm(struct station *s)
{
    (void)s;
    if (fault.n_calls == fault.call + 1)
        fault.hit = failmalloc_disarm();
}

static void transfer(struct pair *p)
{
    pair_meet(p);
    for (unsigned i = 0; i < 3 && !station_record(&p->joiner.station, "session", pair_session); i++)
        pair_open(p, N_FILES);
    pair_run_ms(p, 5000);
    for (unsigned i = 0; i < 3 && !station_record(&p->provider.station, "manifest", pair_session);
         i++) {
        pair_set_manifest(p);
        pair_run_ms(p, 5000);
    }
    pair_report(p, 0);
    pair_link_lost(p);
    pair_report(p, 1);
    pair_run_ms(p, 1000);
}

static void check(struct pair *p)
{
    struct station *st = &p->joiner.station;
    char key[32];
    pair_run_ms(p, 60000);
    p->n_requests = 0;
    STATION_CALL(st, engine_session_request_recovery(st->engine, p->now_us, station_ticket(st),
                                                     pair_session));
    pair_run_ms(p, 1000);
    assert_int_equal(p->n_requests, 1);
    for (unsigned i = 0; i < N_FILES; i++) {
        snprintf(key, sizeof key, "%s/f%02u", pair_session, i);
        bool journaled = station_record(st, "file", key) != NULL;
        assert_true(journaled || !p->saved[i]);
        assert_int_equal(p->needed[i], !journaled);
    }
    assert_true(p->joiner.up && p->provider.up);
}

/* Returns whether memory ran out at all. */
static bool run(bool joiner)
{
    struct pair p;
    pair_init(&p);
    struct station *st = joiner ? &p.joiner.station : &p.provider.station;
    p.may_stop = true;
    fault.n_calls = 0;
    fault.hit = false;
    st->before_call = arm;
    st->after_call = disarm;
    transfer(&p);
    st->before_call = st->after_call = NULL;
    check(&p);
    assert_int_equal(p.n_stops, fault.hit ? 1 : 0);
    pair_deinit(&p);
    return fault.hit;
}

static void sweep(bool joiner, bool for_good)
{
    unsigned n_hits = 0;
    fault.for_good = for_good;
    for (fault.call = 0; fault.call == 0 || fault.call < fault.n_calls; fault.call++) {
        for (fault.n_good = 0; run(joiner); fault.n_good++)
            n_hits++;
    }
    print_message("# %u allocations failed\n", n_hits);
    assert_true(n_hits > 300);
}

static void test_joiner_once(void **state)
{
    (void)state;
    sweep(true, false);
}

static void test_joiner_for_good(void **state)
{
    (void)state;
    sweep(true, true);
}

static void test_provider_once(void **state)
{
    (void)state;
    sweep(false, false);
}

static void test_provider_for_good(void **state)
{
    (void)state;
    sweep(false, true);
}

static int load_all(struct station *s, struct engine *e)
{
    int r = 0;
    for (const char *const *kind = engine_record_kinds; r == 0 && *kind; kind++) {
        for (struct list_node *n = s->disk.head.next; r == 0 && n != &s->disk.head; n = n->next) {
            const struct disk_record *record = container_of(n, struct disk_record, node);
            if (strcmp(record->kind, *kind) == 0)
                r = engine_load_record(e, record->kind, record->key, record->value, record->size);
        }
    }
    return r;
}

/* Starting from a journal: an error, and nothing is left behind. */
static bool start_fails(struct station *s, size_t n_good, bool for_good)
{
    struct engine *e = NULL;
    const struct engine_crypto services = stub_crypto_services(&s->crypto);
    failmalloc_arm(n_good, for_good);
    int r = engine_new(&e, &s->config, &services);
    if (r == 0)
        r = load_all(s, e);
    if (r == 0)
        r = engine_start(e, 1000000, NULL);
    bool hit = failmalloc_disarm();
    assert_int_equal(r < 0, hit);
    engine_free(e);
    return hit;
}

static void test_starting(void **state)
{
    struct pair p;
    (void)state;
    pair_init(&p);
    transfer(&p);
    station_kill(&p.joiner.station);
    station_kill(&p.provider.station);
    p.joiner.station.config.access_key = "key";
    for (unsigned i = 0; i < 4; i++) {
        struct station *st = i % 2 == 0 ? &p.joiner.station : &p.provider.station;
        size_t n_good = 0;
        while (start_fails(st, n_good, i / 2 == 0))
            n_good++;
        assert_true(n_good > 20);
    }
    p.joiner.station.config.access_key = NULL;
    pair_settle(&p);
    pair_deinit(&p);
}

static int setup(void **state)
{
    (void)state;
    failmalloc_watch_jansson();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_starting),          cmocka_unit_test(test_joiner_once),
        cmocka_unit_test(test_joiner_for_good),   cmocka_unit_test(test_provider_once),
        cmocka_unit_test(test_provider_for_good),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
