/* Members who do anything in any order, a store that answers when it likes or fails, sockets that stall: from one seed each.
 * Whatever happens, inboxes arrive in order without gaps (P2), limits hold (P6), and nothing is left at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

enum {
    PEERS = 4,
    STEPS = 1500,
    SEEDS = 20,
};

struct player {
    bool joined;
    uint64_t last_seq; /* heard on this connection; 0: none yet */
};

struct game {
    struct world *w;
    uint64_t random;
    unsigned n_steps;
    struct player players[PEERS];
};

static unsigned draw(struct game *g, unsigned below)
{
    g->random = g->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(g->random >> 33) % below;
}

static const char *draw_session(struct game *g)
{
    static const char *const names[] = {"session", "s2", "s3"};
    return names[draw(g, 3)];
}

static void listen(struct game *g, unsigned i)
{
    struct client *c = client_at(g->w, i);
    struct player *p = &g->players[i];
    for (const struct message *m = hear(c); m; m = hear(c)) {
        if (m->type == MESSAGE_HELLO) {
            c->nonce = m->hello.nonce;
            *p = (struct player){0};
        } else if (m->type == MESSAGE_SYNCSHELL_JOINED) {
            p->joined = true;
        } else if (m->type == MESSAGE_INBOX_DELIVERY) {
            uint64_t seq = m->inbox_delivery.inbox_seq;
            assert_true(p->last_seq == 0 || seq == p->last_seq + 1);
            p->last_seq = seq;
        } else if (m->type == MESSAGE_PEER_PRESENCE &&
                   strcmp(m->peer_presence.peer_id.text, c->peer_id.text) == 0) {
            p->joined = false; /* it has left on an earlier connection */
        }
    }
}

static void connect_or_not(struct game *g, unsigned i)
{
    struct client *c = client_at(g->w, i);
    if (c->connection && draw(g, 4) == 0)
        client_disconnect(c);
    if (c->connection || client_try_connect(c) != 0)
        return;
    c->stalled = false;
    listen(g, i);
    say_authenticate(c);
    if (c->connection)
        say_join(c, "shell");
}

/* Generations creep upwards, so that attempts live long enough to fill. */
static void signal_something(struct game *g, struct client *c, struct client *to)
{
    static const enum message_type types[] = {
        MESSAGE_RECONNECT_OFFER,   MESSAGE_RECONNECT_ANSWER, MESSAGE_ICE_CANDIDATE,
        MESSAGE_ICE_CANDIDATE,     MESSAGE_RECOVERY_REQUEST, MESSAGE_RECOVERY_REQUEST,
        MESSAGE_RECOVERY_RESPONSE,
    };
    if (c != to)
        say_routed(c, to, types[draw(g, 7)], draw_session(g), 1 + g->n_steps / 100 + draw(g, 2));
}

static void keep_sessions(struct game *g, struct client *c, struct client *to)
{
    const char *session = draw_session(g);
    unsigned what = draw(g, 12);
    if (what < 3 && c != to)
        say_open(c, to, session);
    else if (what < 6)
        say_entry(c, MESSAGE_SESSION_PROGRESS, session, 1 + draw(g, 5), "entry");
    else if (what < 8)
        say_entry(c, MESSAGE_SESSION_CHECKPOINT, session, 1 + draw(g, 5), "entry");
    else if (what < 11)
        say_snapshot(c, session, draw(g, 5));
    else if (draw(g, 5) == 0)
        say_close(c, session, SESSION_OUTCOME_FAILED);
}

static void disturb(struct game *g, struct client *c)
{
    struct world *w = g->w;
    switch (draw(g, 8)) {
    case 0:
        w->store_held = true;
        break;
    case 1:
        w->store_held = false;
        world_settle(w);
        break;
    case 2:
        w->fail = WIRE_CODE_STORE_UNAVAILABLE;
        break;
    case 3:
        c->stalled = true;
        break;
    case 4:
        c->stalled = false;
        if (c->connection)
            client_pull(c, 1000);
        break;
    case 5:
    case 6:
        if (c->connection)
            client_pull(c, 1 + draw(g, 5));
        break;
    default:
        world_advance_ms(w, draw(g, 10) == 0 ? 70000 : draw(g, 3000));
        break;
    }
}

static void step(struct game *g)
{
    unsigned i = draw(g, PEERS);
    struct client *c = client_at(g->w, i);
    struct client *to = client_at(g->w, draw(g, PEERS));
    unsigned what = draw(g, 20);
    g->n_steps++;
    if (what < 3)
        connect_or_not(g, i);
    else if (what < 7)
        disturb(g, c);
    else if (!c->connection)
        return;
    else if (what < 14)
        signal_something(g, c, to);
    else if (what < 18)
        keep_sessions(g, c, to);
    else if (what < 19 && g->players[i].last_seq > 0)
        say_ack(c, 1 + draw(g, (unsigned)g->players[i].last_seq));
    else if (draw(g, 20) == 0)
        say_leave(c, "shell");
    for (unsigned k = 0; k < PEERS; k++)
        listen(g, k);
    struct core_stats stats;
    core_stats(g->w->core, &stats);
    assert_true(stats.connections <= PEERS);
    assert_true(stats.queued_bytes <= (uint64_t)PEERS * 2 * g->w->config.queue_bytes_max);
    assert_true(stats.attempts_live <= 3);
    assert_true(stats.held_bytes <= 3ULL * g->w->config.attempt_bytes_max);
}

/* Everybody is well again: what is not acknowledged reaches its owner. */
static void settle_up(struct game *g)
{
    struct world *w = g->w;
    w->fail = WIRE_CODE_NONE;
    w->store_held = false;
    world_settle(w);
    for (unsigned i = 0; i < PEERS; i++) {
        struct client *c = client_at(w, i);
        size_t n_waiting = fake_store_unacked(w->store, "shell", c->peer_id.text);
        size_t n_heard = 0;
        c->stalled = false;
        client_disconnect(c);
        forget(c);
        client_joined(w, i, "shell");
        for (const struct message *m = hear(c); m; m = hear(c))
            n_heard += m->type == MESSAGE_INBOX_DELIVERY;
        assert_int_equal(n_heard, n_waiting);
    }
}

static void play(uint64_t seed)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    struct game g = {.w = w, .random = seed};
    world_init(w);
    w->config.queue_bytes_max = 4000;
    w->config.queue_frames_max = 40;
    w->config.pending_ops_max = 8;
    w->config.attempt_bytes_max = 3000;
    world_start(w);
    say_create(client_online(w, 0), "shell");
    forget(client_at(w, 0));
    client_disconnect(client_at(w, 0));
    for (int i = 0; i < STEPS; i++)
        step(&g);
    settle_up(&g);
    world_end(w);
    free(w);
}

static void p2_p6_anything_in_any_order(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        print_message("# seed %u\n", (unsigned)seed);
        play(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p2_p6_anything_in_any_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
