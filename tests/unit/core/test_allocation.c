/* Memory runs out once, at every allocation of every call of a long conversation: the worst that may happen is a refusal
 * or the end of a connection. What was answered `stored` is stored, nothing leaks, and when memory is back
 * everybody finds each other again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "failmalloc.h"
#include "shortage.h"
#include "world.h"

/* --- a conversation in which everything may fail ------------------------------------------------------------------- */

static void come(struct client *c)
{
    if (!c->connection && client_try_connect(c) != 0)
        return;
    const struct message *m = hear(c);
    if (m && m->type == MESSAGE_HELLO) {
        c->nonce = m->hello.nonce;
        say_authenticate(c);
    }
    if (c->connection)
        say_join(c, "shell");
}

static void come_again(struct client *c)
{
    client_disconnect(c);
    forget(c);
    come(c);
}

static void tell(struct client *c, struct client *to, enum message_type type, uint64_t generation)
{
    if (c->connection)
        say_routed(c, to, type, "session", generation);
}

static void append(struct client *c, enum message_type type, uint64_t base_version)
{
    if (c->connection)
        say_entry(c, type, "session", base_version, "entry");
}

static void signal_back_and_forth(struct client *a, struct client *b)
{
    tell(a, b, MESSAGE_RECONNECT_OFFER, 1);
    tell(b, a, MESSAGE_RECONNECT_OFFER, 1);
    tell(b, a, MESSAGE_RECONNECT_ANSWER, 1);
    tell(a, b, MESSAGE_ICE_CANDIDATE, 1);
    client_disconnect(b);
    tell(a, b, MESSAGE_RECONNECT_OFFER, 2);
    tell(a, b, MESSAGE_ICE_CANDIDATE, 2);
    come_again(b);
    client_disconnect(b);
    tell(a, b, MESSAGE_RECONNECT_OFFER, 3);
    world_advance_ms(a->world, 70000);
    come_again(b);
}

static void keep_a_session(struct client *a, struct client *b)
{
    if (a->connection)
        say_open(a, b, "session");
    append(a, MESSAGE_SESSION_PROGRESS, 1);
    append(a, MESSAGE_SESSION_PROGRESS, 1);
    append(a, MESSAGE_SESSION_CHECKPOINT, 2);
    if (a->connection)
        say_snapshot(a, "session", 0);
    tell(a, b, MESSAGE_RECOVERY_REQUEST, 1);
    client_disconnect(b);
    tell(a, b, MESSAGE_RECOVERY_REQUEST, 1);
    come_again(b);
    if (b->connection)
        say_ack(b, 1);
    tell(b, a, MESSAGE_RECOVERY_RESPONSE, 1);
}

static void converse(struct world *w)
{
    struct client *a = client_at(w, 0);
    struct client *b = client_at(w, 1);
    struct client *c = client_at(w, 2);
    struct client *a2 = client_at(w, 9);
    come(a);
    if (a->connection)
        say_create(a, "shell");
    come_again(a);
    come(b);
    come(c);
    keep_a_session(a, b);
    signal_back_and_forth(a, b);
    a2->peer_id = a->peer_id;
    come(a2); /* takes over from a */
    come_again(a);
    if (a->connection)
        say_open(a, c, "second");
    if (a->connection)
        say_close(a, "session", SESSION_OUTCOME_COMPLETED);
    if (c->connection)
        say_leave(c, "shell");
    for (unsigned i = 0; i < 10; i++)
        client_disconnect(client_at(w, i));
    come_again(b); /* the syncshell is loaded again, with sessions */
    if (b->connection)
        core_drain(w->core, w->now_us, 100);
    world_settle(w);
}

/* What every client was told while memory was short has to be true. */
static unsigned n_stored_requests(struct world *w)
{
    unsigned n = 0;
    for (unsigned i = 0; i < 3; i++)
        for (const struct message *m = hear(client_at(w, i)); m; m = hear(client_at(w, i)))
            n += m->type == MESSAGE_STORED && m->stored.has_inbox_seq && !m->stored.duplicate;
    return n;
}

/* --- and one in which nothing may ---------------------------------------------------------------------------------- */

static void expect_all_well(struct world *w)
{
    struct client *a = client_at(w, 0);
    struct client *b = client_at(w, 1);
    for (unsigned i = 0; i < 10; i++) {
        client_disconnect(client_at(w, i));
        forget(client_at(w, i));
    }
    client_connect(a);
    say_authenticate(a);
    expect(a, MESSAGE_WELCOME);
    say_create(a, "shell");
    expect(a, MESSAGE_STORED);
    say_join(a, "shell");
    expect(a, MESSAGE_SYNCSHELL_JOINED);
    client_joined(w, 1, "shell");
    forget(a);
    forget(b);
    say_open(a, b, "after");
    forget(b);
    expect(a, MESSAGE_STORED);
    say_entry(a, MESSAGE_SESSION_PROGRESS, "after", 1, "x");
    assert_int_equal(expect(a, MESSAGE_STORED)->stored.version, 2);
    const char *id = say_routed(a, b, MESSAGE_RECONNECT_OFFER, "after", 1);
    expect_routed(b, MESSAGE_RECONNECT_OFFER, id);
    id = say_routed(a, b, MESSAGE_RECOVERY_REQUEST, "after", 1);
    expect_stored(a, id);
    expect_delivery(b, a->current.stored.inbox_seq, id);
}

static bool run(unsigned call, size_t n_good, bool for_good)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    world_init(w);
    world_start(w);
    shortage_begin(w, call, n_good, for_good);
    converse(w);
    bool hit = shortage.hit;
    shortage_end(w);
    world_restart(w); /* the drained one would refuse to join */
    expect_all_well(w);
    world_end(w);
    free(w);
    return hit;
}

static void p6_one_allocation_fails(void **state)
{
    (void)state;
    unsigned n_faults = 0;
    run(UINT32_MAX, 0, false);
    unsigned n_calls = shortage.n_calls;
    assert_true(n_calls > 100);
    for (unsigned call = 0; call < n_calls; call++)
        for (size_t n_good = 0; run(call, n_good, false); n_good++)
            n_faults++;
    /* The sweep is worth something only when it meets allocations. */
    assert_true(n_faults > 1000);
}

static void p6_memory_is_out_for_a_call(void **state)
{
    (void)state;
    run(UINT32_MAX, 0, false);
    unsigned n_calls = shortage.n_calls;
    for (unsigned call = 0; call < n_calls; call++)
        run(call, 0, true);
}

/* --- the same relay goes on ---------------------------------------------------------------------------------------- */

/* Like run(), but without a restart between the shortage and the rest; and what was told is checked. */
static bool run_on(unsigned call, size_t n_good)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    world_init(w);
    world_start(w);
    struct client *a = client_at(w, 0);
    struct client *b = client_at(w, 1);
    world_pair(w);
    client_disconnect(b);
    forget(a);
    shortage_begin(w, call, n_good, false);
    come(b);
    if (a->connection)
        say_open(a, b, "session");
    tell(a, b, MESSAGE_RECONNECT_OFFER, 1);
    tell(a, b, MESSAGE_RECOVERY_REQUEST, 1);
    come(client_at(w, 2));
    shortage_end(w);
    bool hit = shortage.hit;
    size_t n_told = n_stored_requests(w);
    assert_true(fake_store_unacked(w->store, "shell", b->peer_id.text) >= n_told);
    for (unsigned i = 0; i < 3; i++) {
        client_disconnect(client_at(w, i));
        forget(client_at(w, i));
    }
    client_joined(w, 0, "shell");
    client_joined(w, 1, "shell");
    size_t n_unacked = fake_store_unacked(w->store, "shell", b->peer_id.text);
    for (const struct message *m = hear(b); m; m = hear(b))
        n_unacked -= m->type == MESSAGE_INBOX_DELIVERY;
    assert_int_equal(n_unacked, 0);
    forget(a);
    const char *id = say_routed(a, b, MESSAGE_RECONNECT_OFFER, "session", 5);
    expect_routed(b, MESSAGE_RECONNECT_OFFER, id);
    client_joined(w, 2, "shell");
    world_end(w);
    free(w);
    return hit;
}

static void p2_the_same_relay_goes_on(void **state)
{
    (void)state;
    run_on(UINT32_MAX, 0);
    unsigned n_calls = shortage.n_calls;
    for (unsigned call = 0; call < n_calls; call++)
        for (size_t n_good = 0; run_on(call, n_good); n_good++)
            ;
}

/* Memory runs out just when a committed change is taken over. */
static void p2_spoiled_syncshell_is_loaded_afresh(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *c = client_online(w, 2);
    struct client *d = client_online(w, 3);
    w->store_held = true;
    const char *first = say_join(c, "shell");
    const char *second = say_join(d, "shell");
    shortage_begin(w, 0, 0, false);
    world_store_step(w, STORE_ADD_MEMBER);
    assert_true(shortage.hit);
    shortage_end(w);
    expect_error(c, first, WIRE_CODE_INTERNAL);
    expect_closed(p.joiner, 1011);
    expect_closed(p.provider, 1011);
    assert_string_equal(p.joiner->close_reason, "internal");
    /* Nobody gets in between. */
    const char *early = say_join(c, "shell");
    expect_error(c, early, WIRE_CODE_INTERNAL);
    world_store_step(w, STORE_ADD_MEMBER);
    expect_error(d, second, WIRE_CODE_INTERNAL);
    w->store_held = false;
    say_join(c, "shell");
    assert_int_equal(expect(c, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.n_members, 4);
    assert_int_equal(w->n_ops[STORE_ADD_MEMBER], 3); /* joiner, c, d: nobody twice */
    say_join(d, "shell");
    expect(d, MESSAGE_SYNCSHELL_JOINED);
}

static void p6_core_new(void **state)
{
    (void)state;
    struct world *w = malloc(sizeof *w);
    struct core *core;
    assert_non_null(w);
    world_init(w);
    failmalloc_arm(0, false);
    int r = core_new(&core, &w->config, &w->host, 0);
    assert_true(failmalloc_disarm());
    assert_true(r < 0);
    fake_store_free(w->store);
    free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p6_core_new),
        WORLD_TEST(p2_spoiled_syncshell_is_loaded_afresh),
        cmocka_unit_test(p6_one_allocation_fails),
        cmocka_unit_test(p6_memory_is_out_for_a_call),
        cmocka_unit_test(p2_the_same_relay_goes_on),
    };
    failmalloc_watch_jansson();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
