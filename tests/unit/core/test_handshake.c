/* Who may speak: the handshake, its refusals, the newest connection of a peer (P1: nobody sends in another's name; P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "wire/challenge.h"
#include "world.h"

static void p1_hello_welcome(void **state)
{
    struct world *w = *state;
    struct client *c = client_at(w, 1);
    assert_int_equal(client_try_connect(c), 0);
    const struct message_hello *hello = &expect(c, MESSAGE_HELLO)->hello;
    assert_int_equal(hello->protocol_version, WIRE_PROTOCOL_VERSION);
    assert_string_equal(hello->relay_id.text, "relay");
    assert_int_equal(hello->server_time_ms, w->wall_ms);
    assert_int_equal(hello->heartbeat_ms, w->config.heartbeat_ms);
    assert_int_equal(hello->limits.offer_ttl_ms, w->config.offer_ttl_ms);
    c->nonce = hello->nonce;
    const char *id = say_authenticate(c);
    const struct message_welcome *welcome = &expect(c, MESSAGE_WELCOME)->welcome;
    assert_string_equal(welcome->in_reply_to.text, id);
    assert_string_equal(welcome->peer_id.text, c->peer_id.text);
    assert_string_equal(welcome->store_epoch.text, "epoch");
    assert_true(welcome->may_create);
    assert_int_equal(w->n_events[CORE_EVENT_AUTHENTICATED], 1);
}

static void p1_nonces_differ(void **state)
{
    struct client *a = client_at(*state, 1);
    struct client *b = client_at(*state, 2);
    client_connect(a);
    client_connect(b);
    assert_string_not_equal(a->nonce.text, b->nonce.text);
    assert_true(core_connection_id(a->connection) < core_connection_id(b->connection));
    assert_true(wire_base64url_valid(a->nonce.text, strlen(a->nonce.text)));
}

static void p1_replayed_authenticate(void **state)
{
    struct client *a = client_at(*state, 1);
    struct client *b = client_at(*state, 2);
    client_connect(a);
    client_connect(b);
    struct message m;
    make_authenticate(a, &m);
    wire_id_set(&m.authenticate.message_id, "replayed");
    say(b, &m);
    expect_error(b, "replayed", WIRE_CODE_BAD_SIGNATURE);
    expect_closed(b, 4401);
    /* The one whom it belongs to is not disturbed. */
    say(a, &m);
    expect(a, MESSAGE_WELCOME);
}

static void p1_bad_signature(void **state)
{
    struct client *c = client_at(*state, 1);
    struct message m;
    client_connect(c);
    make_authenticate(c, &m);
    m.authenticate.signature.text[5] = m.authenticate.signature.text[5] == 'A' ? 'B' : 'A';
    const char *id = say(c, &m);
    expect_error(c, id, WIRE_CODE_BAD_SIGNATURE);
    expect_closed(c, 4401);
}

static void p1_bad_origin(void **state)
{
    struct client *c = client_at(*state, 1);
    struct message m;
    client_connect(c);
    make_authenticate(c, &m);
    str_copy(m.authenticate.origin, sizeof m.authenticate.origin, "wss://relay.example:8443");
    const char *id = say(c, &m);
    expect_error(c, id, WIRE_CODE_BAD_ORIGIN);
    expect_closed(c, 4401);
}

static void p1_loopback_origins(void **state)
{
    static const struct {
        const char *origin;
        bool allowed;
    } cases[] = {
        {"ws://127.0.0.1", true},
        {"ws://127.0.0.1:8787", true},
        {"wss://[::1]:1", true},
        {"ws://localhost:9", true},
        {"ws://localhost.evil.org", false},
        {"ws://127.0.0.10", false},
        {"wss://relay.example", false},
    };
    static const char *const none[] = {NULL};
    struct world *w = *state;
    w->config.origins = none;
    world_start(w);
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *c = client_at(w, i);
        struct message m;
        struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
        client_connect(c);
        make_authenticate(c, &m);
        str_copy(m.authenticate.origin, sizeof m.authenticate.origin, cases[i].origin);
        challenge_authenticate(&text, cases[i].origin, "relay", c->nonce.text, c->peer_id.text);
        sign(c->peer_id.text + 8, text.data, text.size, &m.authenticate.signature);
        buf_deinit(&text);
        const char *id = say(c, &m);
        if (cases[i].allowed)
            expect(c, MESSAGE_WELCOME);
        else
            expect_error(c, id, WIRE_CODE_BAD_ORIGIN);
    }
}

static void p1_unsupported_version(void **state)
{
    struct client *c = client_at(*state, 1);
    struct message m;
    client_connect(c);
    make_authenticate(c, &m);
    m.authenticate.protocol_version = 2;
    const char *id = say(c, &m);
    expect_error(c, id, WIRE_CODE_UNSUPPORTED_VERSION);
    expect_closed(c, 4402);
}

static void p1_second_authenticate(void **state)
{
    struct client *c = client_online(*state, 1);
    const char *id = say_authenticate(c);
    expect_error(c, id, WIRE_CODE_ALREADY_AUTHENTICATED);
    expect_closed(c, 0);
}

static void p6_frame_before_authenticate(void **state)
{
    struct client *c = client_at(*state, 1);
    client_connect(c);
    const char *id = say_join(c, "shell");
    expect_error(c, id, WIRE_CODE_NOT_AUTHENTICATED);
    expect_closed(c, 4401);
}

static void p6_unknown_type_before_authenticate(void **state)
{
    static const char frame[] = "{\"type\":\"Surprise\",\"messageId\":\"s\"}";
    struct client *c = client_at(*state, 1);
    client_connect(c);
    say_raw(c, false, frame, strlen(frame));
    expect_error(c, "s", WIRE_CODE_NOT_AUTHENTICATED);
    expect_closed(c, 4401);
}

static void p6_silence(void **state)
{
    struct world *w = *state;
    struct client *c = client_at(w, 1);
    client_connect(c);
    world_advance_ms(w, w->config.handshake_timeout_ms - 1);
    assert_non_null(c->connection);
    world_advance_ms(w, 1);
    assert_null(c->connection);
    expect_closed(c, 4003);
    assert_string_equal(c->close_reason, "handshake_timeout");
}

static void p6_no_timeout_once_authenticated(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 1);
    world_advance_ms(w, w->config.handshake_timeout_ms * 2);
    assert_non_null(c->connection);
}

static void p6_malformed_frames(void **state)
{
    static const struct {
        const char *frame;
        enum wire_code code;
        uint16_t close_code;
        bool binary;
    } cases[] = {
        {"{\"type\":\"AckInbox\"}", WIRE_CODE_BAD_FRAME, 4400, true},
        {"[]", WIRE_CODE_BAD_HEADER, 4400, false},
        {"{\"type\":\"AckInbox\",\"type\":\"AckInbox\"}", WIRE_CODE_DUPLICATE_KEY, 4400, false},
        {"{\"type\":\"Surprise\"}", WIRE_CODE_UNKNOWN_TYPE, 0, false},
        {"{\"type\":\"Hello\"}", WIRE_CODE_UNEXPECTED_TYPE, 0, false},
        {"{\"type\":\"AckInbox\"}", WIRE_CODE_BAD_FIELD, 0, false},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct client *c = client_online(*state, i);
        say_raw(c, cases[i].binary, cases[i].frame, strlen(cases[i].frame));
        expect_error(c, "", cases[i].code);
        expect_closed(c, cases[i].close_code);
        assert_int_equal(c->connection == NULL, cases[i].close_code != 0);
    }
}

static void p6_oversized(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 1);
    c->lingers = true;
    core_receive_oversized(c->connection, w->now_us);
    world_settle(w);
    expect_error(c, "", WIRE_CODE_BODY_TOO_LARGE);
    expect_closed(c, 1009);
    /* Once is enough. */
    core_receive_oversized(c->connection, w->now_us);
    world_settle(w);
    expect_nothing(c);
}

static void p6_frames_after_close_are_ignored(void **state)
{
    struct world *w = *state;
    struct client *c = client_at(w, 1);
    client_connect(c);
    c->lingers = true;
    say_join(c, "shell");
    expect(c, MESSAGE_ERROR);
    say_authenticate(c);
    expect_nothing(c);
    assert_int_equal(w->n_events[CORE_EVENT_AUTHENTICATED], 0);
}

static void p6_connections_max(void **state)
{
    struct world *w = *state;
    w->config.accounts.max[ACCOUNT_RELAY][RESOURCE_CONNECTIONS] = 2;
    world_start(w);
    assert_int_equal(client_try_connect(client_at(w, 0)), 0);
    assert_int_equal(client_try_connect(client_at(w, 1)), 0);
    assert_int_equal(client_try_connect(client_at(w, 2)), CORE_E_FULL);
    client_disconnect(client_at(w, 0));
    assert_int_equal(client_try_connect(client_at(w, 2)), 0);
}

static void p6_no_randomness_no_connection(void **state)
{
    struct world *w = *state;
    struct core *core;
    w->random_fails = true;
    assert_int_equal(client_try_connect(client_at(w, 0)), -1);
    assert_int_equal(core_new(&core, &w->config, &w->host, w->now_us), -1);
    w->random_fails = false;
}

static void p6_idle(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 1);
    core_heartbeat_missed(c->connection, w->now_us);
    world_settle(w);
    expect_closed(c, 4004);
}

static void p1_newest_connection_wins(void **state)
{
    struct world *w = *state;
    struct client *old = client_online(w, 1);
    struct client *fresh = client_at(w, 2);
    fresh->peer_id = old->peer_id;
    client_connect(fresh);
    say_authenticate(fresh);
    expect(fresh, MESSAGE_WELCOME);
    expect_closed(old, 4001);
    assert_string_equal(old->close_reason, "replaced");
    expect_nothing(old);
    struct core_stats stats;
    core_stats(w->core, &stats);
    assert_int_equal(stats.authenticated, 1);
}

static void p1_replaced_connection_is_deaf(void **state)
{
    struct world *w = *state;
    struct client *old = client_online(w, 1);
    old->stalled = true;
    say_ack(old, 1); /* its Error waits in the queue */
    old->lingers = true;
    struct client *fresh = client_at(w, 2);
    fresh->peer_id = old->peer_id;
    client_connect(fresh);
    say_authenticate(fresh);
    assert_false(core_connection_pending(old->connection));
    assert_null(core_connection_pull(old->connection, w->now_us));
    say_ack(old, 1);
    assert_false(core_connection_pending(old->connection));
    client_disconnect(old);
    /* The late disconnect of the old one leaves the new one alone. */
    expect(fresh, MESSAGE_WELCOME);
    say_ack(fresh, 1);
    expect(fresh, MESSAGE_ERROR);
}

static void p1_failed_login_replaces_nobody(void **state)
{
    struct world *w = *state;
    struct client *real = client_online(w, 1);
    struct client *thief = client_at(w, 2);
    struct message m;
    client_connect(thief);
    make_authenticate(thief, &m);
    m.authenticate.peer_id = real->peer_id;
    const char *id = say(thief, &m);
    expect_error(thief, id, WIRE_CODE_BAD_SIGNATURE);
    assert_non_null(real->connection);
    expect_closed(real, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p1_hello_welcome),
        WORLD_TEST(p1_nonces_differ),
        WORLD_TEST(p1_replayed_authenticate),
        WORLD_TEST(p1_bad_signature),
        WORLD_TEST(p1_bad_origin),
        CONFIGURED_TEST(p1_loopback_origins),
        WORLD_TEST(p1_unsupported_version),
        WORLD_TEST(p1_second_authenticate),
        WORLD_TEST(p6_frame_before_authenticate),
        WORLD_TEST(p6_unknown_type_before_authenticate),
        WORLD_TEST(p6_silence),
        WORLD_TEST(p6_no_timeout_once_authenticated),
        WORLD_TEST(p6_malformed_frames),
        WORLD_TEST(p6_oversized),
        WORLD_TEST(p6_frames_after_close_are_ignored),
        CONFIGURED_TEST(p6_connections_max),
        WORLD_TEST(p6_no_randomness_no_connection),
        WORLD_TEST(p6_idle),
        WORLD_TEST(p1_newest_connection_wins),
        WORLD_TEST(p1_replaced_connection_is_deaf),
        WORLD_TEST(p1_failed_login_replaces_nobody),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
