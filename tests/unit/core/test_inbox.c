/* Durable messages: stored before answered, in order, until acknowledged, at the reader's pace (P1, P2, P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

#define REQUEST  MESSAGE_RECOVERY_REQUEST
#define RESPONSE MESSAGE_RECOVERY_RESPONSE

static const char *say_as(struct client *c, struct client *to, enum message_type type,
                          const char *message_id, size_t body_size)
{
    static uint8_t body[WIRE_BODY_MAX];
    struct message m;
    make_routed(c, to, type, "session", 1, &m);
    wire_id_set(&m.routed.message_id, message_id);
    m.body = body;
    m.body_size = body_size;
    return say(c, &m);
}

static void say_many(struct client *c, struct client *to, unsigned first, unsigned last,
                     size_t body_size)
{
    char name[16];
    for (unsigned i = first; i <= last; i++) {
        snprintf(name, sizeof name, "r%u", i);
        say_as(c, to, REQUEST, name, body_size);
        expect_stored(c, name);
    }
}

static void expect_many(struct client *c, unsigned first, unsigned last)
{
    char name[16];
    for (unsigned i = first; i <= last; i++) {
        snprintf(name, sizeof name, "r%u", i);
        expect_delivery(c, i, name);
    }
}

static void expect_seq(struct client *c, const char *in_reply_to, uint64_t seq, bool duplicate)
{
    expect_stored(c, in_reply_to);
    assert_true(c->current.stored.has_inbox_seq);
    assert_false(c->current.stored.has_version);
    assert_int_equal(c->current.stored.inbox_seq, seq);
    assert_int_equal(c->current.stored.duplicate, duplicate);
}

/* Joins again with a cursor; returns what SyncshellJoined says about it. */
static bool rejoin(struct client *c, uint64_t cursor, const char *epoch)
{
    struct message m;
    client_disconnect(c);
    forget(c);
    client_connect(c);
    say_authenticate(c);
    expect(c, MESSAGE_WELCOME);
    make_join(c, "shell", &m);
    m.join_syncshell.has_inbox_cursor = true;
    m.join_syncshell.inbox_cursor = cursor;
    wire_id_set(&m.join_syncshell.store_epoch, epoch);
    say(c, &m);
    return expect(c, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.recovered;
}

/* --- P2 ------------------------------------------------------------------------------------------------------------ */

static void p2_stored_before_answered_and_delivered(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    say_as(p.joiner, p.provider, REQUEST, "r1", 10);
    expect_nothing(p.joiner);
    expect_nothing(p.provider);
    world_store_step(w, STORE_ADD_INBOX);
    expect_seq(p.joiner, "r1", 1, false);
    expect_delivery(p.provider, 1, "r1");
    assert_string_equal(p.provider->current.inbox_delivery.syncshell_id.text, "shell");
    assert_int_equal(w->n_ops[STORE_READ_INBOX], 0); /* straight through */
}

static void p2_failed_store_delivers_nothing(void **state)
{
    static const enum wire_code codes[] = {WIRE_CODE_STORE_FULL, WIRE_CODE_STORE_UNAVAILABLE,
                                           WIRE_CODE_INTERNAL};
    struct world *w = *state;
    struct pair p = world_pair(w);
    for (size_t i = 0; i < 3; i++) {
        w->fail = codes[i];
        say_as(p.joiner, p.provider, REQUEST, "r1", 10);
        expect_error(p.joiner, "r1", codes[i]);
        expect_nothing(p.provider);
    }
    say_as(p.joiner, p.provider, REQUEST, "r1", 10);
    expect_seq(p.joiner, "r1", 1, false);
    expect_delivery(p.provider, 1, "r1");
}

static void p2_duplicate(void **state)
{
    struct pair p = world_pair(*state);
    say_as(p.joiner, p.provider, REQUEST, "r1", 10);
    say_as(p.joiner, p.provider, REQUEST, "r2", 10);
    expect_seq(p.joiner, "r1", 1, false);
    expect_seq(p.joiner, "r2", 2, false);
    say_as(p.joiner, p.provider, REQUEST, "r1", 10);
    expect_seq(p.joiner, "r1", 1, true);
    expect_many(p.provider, 1, 2);
    expect_nothing(p.provider);
    /* The inbox is as long as it was. */
    const char *id = say_ack(p.provider, 2);
    expect_seq(p.provider, id, 2, false);
}

static void p2_both_directions(void **state)
{
    struct pair p = world_pair(*state);
    say_as(p.joiner, p.provider, REQUEST, "q", 10);
    say_as(p.provider, p.joiner, RESPONSE, "a", 10);
    expect_delivery(p.provider, 1, "q");
    expect_seq(p.joiner, "q", 1, false);
    expect_delivery(p.joiner, 1, "a"); /* inboxes count separately */
}

static void p2_delivered_until_acknowledged(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    say_many(p.joiner, p.provider, 1, 3, 10);
    expect_nothing(p.joiner); /* no Held: it is stored */
    client_reconnect(p.provider, "shell");
    assert_int_equal(p.provider->current.syncshell_joined.inbox_head, 3);
    expect_many(p.provider, 1, 3);
    client_reconnect(p.provider, "shell");
    expect_many(p.provider, 1, 3);
    const char *id = say_ack(p.provider, 2);
    expect_seq(p.provider, id, 2, false);
    assert_int_equal(fake_store_unacked(w->store, "shell", p.provider->peer_id.text), 1);
    client_reconnect(p.provider, "shell");
    expect_many(p.provider, 3, 3);
    expect_nothing(p.provider);
}

static void p2_survives_the_relay(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 2, 10);
    say_ack(p.provider, 1);
    world_restart(w);
    client_reconnect(p.provider, "shell");
    assert_int_equal(p.provider->current.syncshell_joined.inbox_head, 2);
    expect_many(p.provider, 2, 2);
    client_reconnect(p.joiner, "shell");
    say_many(p.joiner, p.provider, 3, 3, 10);
    expect_presence(p.provider, p.joiner, PRESENCE_ONLINE);
    expect_many(p.provider, 3, 3);
}

static void p2_ack_answered_after_commit(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 1, 10);
    expect_many(p.provider, 1, 1);
    w->store_held = true;
    const char *id = say_ack(p.provider, 1);
    expect_nothing(p.provider);
    world_store_step(w, STORE_ACK_INBOX);
    expect_seq(p.provider, id, 1, false);
    w->store_held = false;
    id = say_ack(p.provider, 1);
    expect_seq(p.provider, id, 1, true);
}

static void p1_ack_ahead_of_the_inbox(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 1, 10);
    expect_many(p.provider, 1, 1);
    const char *id = say_ack(p.provider, 2);
    expect_error(p.provider, id, WIRE_CODE_BAD_CURSOR);
    assert_int_equal(w->n_ops[STORE_ACK_INBOX], 0);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    id = say_ack(p.provider, 1);
    expect_error(p.provider, id, WIRE_CODE_STORE_UNAVAILABLE);
    client_reconnect(p.provider, "shell");
    expect_many(p.provider, 1, 1);
}

/* --- cursors ------------------------------------------------------------------------------------------------------- */

static void p2_cursor(void **state)
{
    struct pair p = world_pair(*state);
    say_many(p.joiner, p.provider, 1, 5, 10);
    forget(p.provider);
    say_ack(p.provider, 2);
    /* Understood: everything after it. */
    assert_true(rejoin(p.provider, 4, "epoch"));
    expect_many(p.provider, 5, 5);
    assert_true(rejoin(p.provider, 5, "epoch"));
    expect_nothing(p.provider);
    assert_true(rejoin(p.provider, 2, "epoch"));
    expect_many(p.provider, 3, 5);
    /* Ahead of the head, of another store, or of a time before what was acknowledged. */
    assert_false(rejoin(p.provider, 6, "epoch"));
    expect_many(p.provider, 3, 5);
    assert_false(rejoin(p.provider, 4, "another"));
    expect_many(p.provider, 3, 5);
    assert_false(rejoin(p.provider, 1, "epoch"));
    expect_many(p.provider, 3, 5);
    /* Without one, nothing is missing that it could know of. */
    client_reconnect(p.provider, "shell");
    assert_true(p.provider->current.syncshell_joined.recovered);
    expect_many(p.provider, 3, 5);
}

static void p2_acknowledged_ahead_of_delivery(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 3, 10);
    client_disconnect(p.provider);
    forget(p.provider);
    client_connect(p.provider);
    say_authenticate(p.provider);
    expect(p.provider, MESSAGE_WELCOME);
    w->store_held = true;
    say_join(p.provider, "shell");
    const char *id = say_ack(p.provider, 2); /* from before; the page with 1 to 3 is under way */
    world_store_step(w, STORE_READ_INBOX);
    expect(p.provider, MESSAGE_SYNCSHELL_JOINED);
    expect_many(p.provider, 1, 3);
    world_store_step(w, STORE_ACK_INBOX);
    expect_seq(p.provider, id, 2, false);
    expect_nothing(p.provider);
}

static void p2_ack_overtakes_a_delayed_read(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 3, 10);
    client_disconnect(p.provider);
    forget(p.provider);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    w->fail_kind = STORE_READ_INBOX;
    client_reconnect(p.provider, "shell");
    expect_nothing(p.provider);
    const char *id = say_ack(p.provider, 2);
    expect_seq(p.provider, id, 2, false);
    world_advance_ms(w, 1000);
    expect_many(p.provider, 3, 3);
    expect_nothing(p.provider);
}

static void p2_read_is_retried(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 2, 10);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    w->fail_kind = STORE_READ_INBOX;
    client_reconnect(p.provider, "shell");
    world_advance_ms(w, 999);
    expect_nothing(p.provider);
    assert_int_equal(w->n_events[CORE_EVENT_STORE_FAILED], 1);
    world_advance_ms(w, 1);
    expect_many(p.provider, 1, 2);
}

static void p2_new_ones_do_not_overtake_a_delayed_read(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 2, 10);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    w->fail_kind = STORE_READ_INBOX;
    client_reconnect(p.provider, "shell");
    forget(p.joiner);
    say_many(p.joiner, p.provider, 3, 3, 10);
    expect_nothing(p.provider);
    world_advance_ms(w, 1000);
    expect_many(p.provider, 1, 3);
    expect_nothing(p.provider);
}

/* Acknowledgement, new message and read, in this order at the store: nothing comes twice. */
static void p2_ack_add_and_read_cross(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 1, 10);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    w->fail_kind = STORE_READ_INBOX;
    client_reconnect(p.provider, "shell");
    forget(p.joiner);
    w->store_held = true;
    const char *id = say_ack(p.provider, 1);
    say_as(p.joiner, p.provider, REQUEST, "r2", 10);
    world_advance_ms(w, 1000);
    world_store_step(w, STORE_ACK_INBOX);
    world_store_step(w, STORE_ADD_INBOX);
    world_store_step(w, STORE_READ_INBOX);
    world_store_run(w);
    expect_seq(p.provider, id, 1, false);
    expect_many(p.provider, 2, 2);
    expect_nothing(p.provider);
}

static void p2_an_empty_page_does_not_hold_up_the_rest(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 1, 10);
    client_disconnect(p.provider);
    fake_store_drop_message(w->store, "shell", p.provider->peer_id.text, 1);
    forget(p.provider);
    client_connect(p.provider);
    say_authenticate(p.provider);
    expect(p.provider, MESSAGE_WELCOME);
    w->store_held = true;
    say_join(p.provider, "shell");
    expect(p.provider, MESSAGE_SYNCSHELL_JOINED);
    say_snapshot(p.provider, "session", 0);
    world_store_step(w, STORE_READ_INBOX);
    world_store_run(w);
    expect(p.provider, MESSAGE_SESSION_SNAPSHOT);
}

static void p2_expired_messages_are_passed_over(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 4, 10);
    client_disconnect(p.provider);
    fake_store_drop_message(w->store, "shell", p.provider->peer_id.text, 2);
    fake_store_drop_message(w->store, "shell", p.provider->peer_id.text, 4);
    client_reconnect(p.provider, "shell");
    expect_delivery(p.provider, 1, "r1");
    expect_delivery(p.provider, 3, "r3");
    expect_nothing(p.provider);
    /* And the next goes straight through. */
    size_t n_reads = w->n_ops[STORE_READ_INBOX];
    forget(p.joiner);
    say_many(p.joiner, p.provider, 5, 5, 10);
    expect_many(p.provider, 5, 5);
    assert_int_equal(w->n_ops[STORE_READ_INBOX], n_reads);
}

/* --- order and pace ------------------------------------------------------------------------------------------------ */

static void p2_order_over_pages(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    say_many(p.joiner, p.provider, 1, 200, 10);
    client_reconnect(p.provider, "shell");
    expect_many(p.provider, 1, 200);
    expect_nothing(p.provider);
    assert_int_equal(w->n_ops[STORE_READ_INBOX], 4);
}

static void p2_new_ones_wait_behind_the_page(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    say_many(p.joiner, p.provider, 1, 2, 10);
    client_connect(p.provider);
    say_authenticate(p.provider);
    expect(p.provider, MESSAGE_WELCOME);
    w->store_held = true;
    say_join(p.provider, "shell");
    expect(p.provider, MESSAGE_SYNCSHELL_JOINED);
    say_as(p.joiner, p.provider, REQUEST, "r3", 10); /* arrives while 1 and 2 are being read */
    world_store_run(w);
    expect_many(p.provider, 1, 3);
    expect_nothing(p.provider);
}

static void p6_slow_target_only_waits(void **state)
{
    struct world *w = *state;
    w->config.queue_bytes_max = 10000;
    world_start(w);
    struct pair p = world_pair(w);
    p.provider->stalled = true;
    say_many(p.joiner, p.provider, 1, 100, 1000);
    struct core_stats stats;
    core_stats(w->core, &stats);
    assert_true(stats.queued_bytes <= 10000);
    assert_non_null(p.provider->connection);
    client_pull(p.provider, 1000);
    expect_many(p.provider, 1, 100);
    p.provider->stalled = false;
    expect_nothing(p.provider);
}

static void p6_message_larger_than_the_queue(void **state)
{
    struct world *w = *state;
    w->config.queue_bytes_max = 5000;
    world_start(w);
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 2, WIRE_BODY_MAX);
    expect_many(p.provider, 1, 2);
    client_reconnect(p.provider, "shell");
    expect_many(p.provider, 1, 2);
    /* Stalled, it still waits for its turn. */
    client_disconnect(p.provider);
    p.provider->stalled = true;
    client_connect(p.provider);
    say_authenticate(p.provider);
    say_join(p.provider, "shell");
    forget(p.joiner);
    say_many(p.joiner, p.provider, 3, 3, WIRE_BODY_MAX);
    struct core_stats stats;
    core_stats(w->core, &stats);
    assert_true(stats.queued_bytes < 2 * WIRE_BODY_MAX);
    client_pull(p.provider, 100);
    expect(p.provider, MESSAGE_WELCOME);
    expect(p.provider, MESSAGE_SYNCSHELL_JOINED);
    expect_many(p.provider, 1, 3);
    p.provider->stalled = false;
}

static void p6_inboxes_and_snapshots_take_turns(void **state)
{
    struct world *w = *state;
    w->config.queue_bytes_max = 4000;
    world_start(w);
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    say_many(p.joiner, p.provider, 1, 4, 1500);
    client_connect(p.provider);
    say_authenticate(p.provider);
    expect(p.provider, MESSAGE_WELCOME);
    w->store_held = true;
    say_join(p.provider, "shell");
    expect(p.provider, MESSAGE_SYNCSHELL_JOINED);
    say_snapshot(p.provider, "session", 0);
    say_snapshot(p.provider, "session", 0);
    world_store_step(w, STORE_READ_INBOX);
    world_store_step(w, STORE_READ_SNAPSHOT);
    world_store_step(w, STORE_READ_INBOX);
    world_store_step(w, STORE_READ_SNAPSHOT);
    world_store_run(w);
    expect_many(p.provider, 1, 1);
    expect(p.provider, MESSAGE_SESSION_SNAPSHOT);
    expect_many(p.provider, 2, 2);
    expect(p.provider, MESSAGE_SESSION_SNAPSHOT);
    expect_many(p.provider, 3, 4);
}

static void p2_disconnected_while_being_read_to(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 1, 10);
    client_disconnect(p.provider);
    forget(p.provider);
    client_connect(p.provider);
    say_authenticate(p.provider);
    w->store_held = true;
    say_join(p.provider, "shell");
    client_disconnect(p.provider);
    world_store_step(w, STORE_READ_INBOX);
    w->store_held = false;
    client_reconnect(p.provider, "shell");
    expect_many(p.provider, 1, 1);
}

static void p1_target_left_meanwhile(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    say_leave(p.joiner, "shell");
    say_as(p.provider, p.joiner, REQUEST, "r1", 10);
    world_store_run(w);
    expect(p.provider, MESSAGE_SESSION_CHANGED);
    expect_presence(p.provider, p.joiner, PRESENCE_LEFT);
    expect_error(p.provider, "r1", WIRE_CODE_UNKNOWN_TARGET);
}

static void p6_inbox_max(void **state)
{
    struct world *w = *state;
    w->config.inbox_messages_max = 2;
    world_start(w);
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    forget(p.joiner);
    say_open(third, p.provider, "thirds");
    forget(third);
    say_many(p.joiner, p.provider, 1, 1, 10);
    /* Half of it is the others'. */
    say_as(p.joiner, p.provider, REQUEST, "r3", 10);
    expect_error(p.joiner, "r3", WIRE_CODE_INBOX_SHARE);
    assert_int_equal(core_refusals(w->core, WIRE_CODE_INBOX_SHARE), 1);
    const char *id = say_routed(third, p.provider, REQUEST, "thirds", 1);
    expect_seq(third, id, 2, false);
    say_as(p.joiner, p.provider, REQUEST, "r3", 10);
    expect_error(p.joiner, "r3", WIRE_CODE_INBOX_FULL);
    forget(p.provider);
    say_ack(p.provider, 1);
    say_as(p.joiner, p.provider, REQUEST, "r3", 10);
    expect_seq(p.joiner, "r3", 3, false);
}

static void p6_inbox_bytes_max(void **state)
{
    struct world *w = *state;
    w->config.inbox_bytes_max = 2000;
    world_start(w);
    struct pair p = world_pair(w);
    say_many(p.joiner, p.provider, 1, 1, 1000);
    say_as(p.joiner, p.provider, REQUEST, "r2", 1000);
    expect_error(p.joiner, "r2", WIRE_CODE_INBOX_FULL);
}

static void p6_syncshell_inbox_bytes_max(void **state)
{
    struct world *w = *state;
    w->config.syncshell_inbox_bytes_max = 4000; /* a message is 1,000 and its header */
    world_start(w);
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    forget(p.joiner);
    say_open(p.joiner, third, "other");
    say_open(third, p.provider, "thirds");
    forget(p.joiner);
    forget(third);
    say_many(p.joiner, p.provider, 1, 1, 1000);
    /* To whomever it writes: half of it is for the others. */
    const char *id = say_routed(p.joiner, third, REQUEST, "other", 1);
    expect_seq(p.joiner, id, 1, false);
    say_as(p.joiner, p.provider, REQUEST, "r2", 1000);
    expect_error(p.joiner, "r2", WIRE_CODE_INBOXES_SHARE);
    assert_int_equal(core_refusals(w->core, WIRE_CODE_INBOXES_SHARE), 1);
    forget(third);
    w->config.syncshell_inbox_bytes_max = 1000;
    core_reconfigure(w->core, &w->config);
    id = say_routed(third, p.provider, REQUEST, "thirds", 1);
    expect_error(third, id, WIRE_CODE_INBOXES_FULL);
    assert_int_equal(core_refusals(w->core, WIRE_CODE_INBOXES_FULL), 1);
}

static void p2_inbox_expiry_is_given(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    say_as(p.joiner, p.provider, REQUEST, "r1", 10);
    const struct store_op *op = container_of(list_first(&w->ops), struct store_op, node);
    assert_int_equal(op->expires_unix_ms, w->wall_ms + w->config.inbox_ttl_ms);
    assert_int_equal(op->now.unix_ms, w->wall_ms);
    assert_string_equal(op->recovery_session_id.text, "session");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p2_stored_before_answered_and_delivered),
        WORLD_TEST(p2_failed_store_delivers_nothing),
        WORLD_TEST(p2_duplicate),
        WORLD_TEST(p2_both_directions),
        WORLD_TEST(p2_delivered_until_acknowledged),
        WORLD_TEST(p2_survives_the_relay),
        WORLD_TEST(p2_ack_answered_after_commit),
        WORLD_TEST(p1_ack_ahead_of_the_inbox),
        WORLD_TEST(p2_cursor),
        WORLD_TEST(p2_acknowledged_ahead_of_delivery),
        WORLD_TEST(p2_ack_overtakes_a_delayed_read),
        WORLD_TEST(p2_read_is_retried),
        WORLD_TEST(p2_new_ones_do_not_overtake_a_delayed_read),
        WORLD_TEST(p2_ack_add_and_read_cross),
        WORLD_TEST(p2_an_empty_page_does_not_hold_up_the_rest),
        WORLD_TEST(p2_expired_messages_are_passed_over),
        WORLD_TEST(p2_order_over_pages),
        WORLD_TEST(p2_new_ones_wait_behind_the_page),
        CONFIGURED_TEST(p6_slow_target_only_waits),
        CONFIGURED_TEST(p6_message_larger_than_the_queue),
        CONFIGURED_TEST(p6_inboxes_and_snapshots_take_turns),
        WORLD_TEST(p2_disconnected_while_being_read_to),
        WORLD_TEST(p1_target_left_meanwhile),
        CONFIGURED_TEST(p6_inbox_max),
        CONFIGURED_TEST(p6_inbox_bytes_max),
        CONFIGURED_TEST(p6_syncshell_inbox_bytes_max),
        WORLD_TEST(p2_inbox_expiry_is_given),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
