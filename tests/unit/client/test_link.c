/* The connection: who we say we are, and when we come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "client/code.h"
#include "client/link.h"
#include "scene.h"
#include "wire/challenge.h"

static void test_origins(void **state)
{
    (void)state;
    static const struct {
        const char *url;
        const char *origin; /* NULL: refused */
    } rows[] = {
        {"ws://127.0.0.1:8787", "ws://127.0.0.1:8787"},
        {"wss://Relay.Example/path?x#y", "wss://relay.example"},
        {"wss://relay.example:443/", "wss://relay.example"},
        {"ws://relay.example:80", "ws://relay.example"},
        {"wss://relay.example:80", "wss://relay.example:80"},
        {"ws://relay.example:443", "ws://relay.example:443"},
        {"ws://[::1]:8787/", "ws://[::1]:8787"},
        {"wss://relay.example:8443?a", "wss://relay.example:8443"},
        {"http://relay.example", NULL},
        {"ws://", NULL},
        {"ws://somebody@relay.example", NULL},
        {"ws://r\303\251lay.example", NULL},
        {"ws://a b", NULL},
        {"wss:///path", NULL},
        {"", NULL},
    };
    char origin[WIRE_ORIGIN_MAX + 1];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int r = link_origin(rows[i].url, origin, sizeof origin);
        if (rows[i].origin) {
            assert_int_equal(r, 0);
            assert_string_equal(origin, rows[i].origin);
        } else {
            assert_int_equal(r, ENGINE_E_ARGUMENT);
        }
    }
    char longest[400];
    memset(longest, 'a', sizeof longest - 1);
    longest[sizeof longest - 1] = '\0';
    memcpy(longest, "ws://", 5);
    assert_int_equal(link_origin(longest, origin, sizeof origin), ENGINE_E_ARGUMENT);
}

static void test_says_who_it_is(void **state)
{
    struct scene *s = *state;
    struct buf text = BUF_INIT(CHALLENGE_TEXT_MAX);
    struct wire_signature signature;
    struct invite invite = {.secret = s->secret, .owner_peer_id = s->other};
    s->station.config.access_key = "operators-key";
    str_copy(invite.relay_url, sizeof invite.relay_url, "wss://Relay.example:443/way");
    wire_id_set(&invite.syncshell_id, SCENE_SHELL);
    station_boot(&s->station, NULL);
    scene_settle(s);
    assert_int_equal(s->n_dials, 0); /* there is nothing to connect for */
    STATION_CALL(&s->station, engine_join(s->station.engine, s->now_us, 1, &invite));
    scene_settle(s);
    assert_string_equal(s->url, "wss://Relay.example:443/way");
    scene_silence(s); /* the relay speaks first */
    scene_hello(s);
    const struct message_authenticate *a = &scene_hear(s, MESSAGE_AUTHENTICATE)->authenticate;
    assert_int_equal(a->protocol_version, WIRE_PROTOCOL_VERSION);
    assert_string_equal(a->peer_id.text, s->self.text);
    assert_string_equal(a->origin, "wss://relay.example");
    assert_string_equal(a->access_key, "operators-key");
    assert_int_equal(
        challenge_authenticate(&text, a->origin, "relay0", s->nonce.text, s->self.text), 0);
    stub_sign(s->self.text + 8, text.data, text.size, &signature);
    assert_string_equal(a->signature.text, signature.text);
    buf_deinit(&text);
    station_expect_none(&s->station); /* not connected before Welcome */
}

static void test_connected_after_welcome(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    station_expect(&s->station, SYNCSHELL_EVENT_RELAY_CONNECTED);
    scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
    scene_silence(s);
}

static uint64_t disconnected(struct scene *s, const char *code)
{
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_RELAY_DISCONNECTED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), code);
    return event_number(e, SYNCSHELL_FIELD_RETRY_MS);
}

static void expect_dial_after(struct scene *s, uint64_t retry_ms)
{
    unsigned n_dials = s->n_dials;
    scene_advance_ms(s, retry_ms - 1);
    assert_int_equal(s->n_dials, n_dials);
    scene_advance_ms(s, 1);
    assert_int_equal(s->n_dials, n_dials + 1);
}

static void test_pauses_double(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    s->station.config.reconnect_base_ms = 1000;
    s->station.config.reconnect_max_ms = 8000;
    s->refuses = true;
    struct invite invite = {.secret = s->secret, .owner_peer_id = s->other};
    str_copy(invite.relay_url, sizeof invite.relay_url, "ws://relay.example");
    wire_id_set(&invite.syncshell_id, SCENE_SHELL);
    station_boot(st, NULL);
    STATION_CALL(st, engine_join(st->engine, s->now_us, 1, &invite));
    scene_settle(s);
    unsigned n_far = 0;
    for (unsigned i = 0; i < 8; i++) {
        uint64_t base_ms = 2000u << i < 8000 ? 2000u << i : 8000;
        uint64_t retry_ms = disconnected(s, CODE_RELAY_UNREACHABLE);
        assert_in_range(retry_ms, base_ms / 2, base_ms * 3 / 2);
        n_far += retry_ms < base_ms * 3 / 4 || retry_ms > base_ms * 5 / 4;
        expect_dial_after(s, retry_ms);
    }
    assert_in_range(n_far, 2, 6); /* ten thousand clients must not come in step */
}

static void test_comes_back_soon_after_a_good_connection(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_drop(s, 1006);
    uint64_t retry_ms = disconnected(s, "");
    assert_in_range(retry_ms, 100, 1000);
    expect_dial_after(s, retry_ms);
}

/* Those of a killed relay lose it in the same instant: its next process must not meet them in another one. */
static void test_first_returns_are_spread(void **state)
{
    enum { RETURNS = 200, TENTHS = 9 };
    struct scene *s = *state;
    unsigned n_in[TENTHS] = {0};
    scene_boot(s);
    for (unsigned i = 0; i < RETURNS; i++) {
        scene_joined(s, &(struct scene_joined){.other = PRESENCE_AWAY});
        scene_advance_ms(s, 10000); /* a good connection */
        scene_drop(s, 1006);
        uint64_t retry_ms = disconnected(s, "");
        assert_in_range(retry_ms, 100, 1000);
        n_in[retry_ms == 1000 ? TENTHS - 1 : retry_ms / 100 - 1]++;
        scene_advance_ms(s, retry_ms);
        scene_hello(s);
        scene_welcome(s);
    }
    for (unsigned i = 0; i < TENTHS; i++)
        assert_in_range(n_in[i], RETURNS / TENTHS / 3, RETURNS / TENTHS * 2);
}

static void test_does_not_fight_for_its_connection(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    for (unsigned i = 0; i < 20; i++) {
        scene_hear(s, MESSAGE_JOIN_SYNCSHELL);
        scene_drop(s, 4001);
        uint64_t retry_ms = disconnected(s, "replaced");
        assert_in_range(retry_ms, 30000, 60000);
        expect_dial_after(s, retry_ms);
        scene_hello(s);
        scene_welcome(s);
    }
}

static void test_stays_away_when_told(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_drop(s, 4402);
    assert_int_equal(disconnected(s, "unsupported_version"), 0);
    assert_int_equal(engine_deadline_us(s->station.engine), TIME_NEVER_US);
    scene_advance_ms(s, 24 * 3600 * 1000);
    assert_int_equal(s->n_dials, 1);
    STATION_CALL(&s->station, engine_network_changed(s->station.engine, s->now_us));
    scene_settle(s);
    assert_int_equal(s->n_dials, 2);
}

static void test_a_new_process_tries_again(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_drop(s, 4400);
    scene_restart(s);
    assert_int_equal(s->n_dials, 2);
}

static void test_refused_authentication(void **state)
{
    struct scene *s = *state;
    struct invite invite = {.secret = s->secret, .owner_peer_id = s->other};
    str_copy(invite.relay_url, sizeof invite.relay_url, "ws://relay.example");
    wire_id_set(&invite.syncshell_id, SCENE_SHELL);
    station_boot(&s->station, NULL);
    STATION_CALL(&s->station, engine_join(s->station.engine, s->now_us, 1, &invite));
    scene_settle(s);
    scene_hello(s);
    scene_error(s, &scene_hear(s, MESSAGE_AUTHENTICATE)->authenticate.message_id,
                WIRE_CODE_BAD_ACCESS_KEY);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_REQUEST_FAILED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "bad_access_key");
    /* The relay closes, and says by its code that it is no use to come back. */
    assert_true(s->connected);
    scene_drop(s, 4401);
    e = station_expect(&s->station, SYNCSHELL_EVENT_RELAY_DISCONNECTED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "bad_access_key");
    assert_int_equal(event_number(e, SYNCSHELL_FIELD_RETRY_MS), 0);
    scene_advance_ms(s, 3600 * 1000);
    assert_int_equal(s->n_dials, 1);
}

static void test_network_changed_ends_the_pause(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_drop(s, 4001);
    STATION_CALL(&s->station, engine_network_changed(s->station.engine, s->now_us));
    scene_settle(s);
    assert_int_equal(s->n_dials, 2);
}

static void test_go_away(void **state)
{
    struct scene *s = *state;
    const struct message m = {.type = MESSAGE_GO_AWAY, .go_away = {.reconnect_after_ms = 70000}};
    scene_boot(s);
    scene_say(s, &m);
    assert_false(s->connected);
    uint64_t retry_ms = disconnected(s, "shutting_down");
    assert_int_equal(retry_ms, 70000);
    expect_dial_after(s, retry_ms);
}

/* A relay that is full, or a proxy before it, turned the client away in HTTP. */
static void test_retry_after(void **state)
{
    static const struct {
        uint32_t asked_ms, least_ms, most_ms;
    } cases[] = {{5000, 5000, 7500}, {UINT32_MAX, 60000, 90000}, {1, 125, 1500}};
    struct scene *s = *state;
    scene_boot(s);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        engine_connection_fault(s->station.engine,
                                &(struct engine_fault){.text = "answered HTTP 503",
                                                       .retry_after_ms = cases[i].asked_ms});
        scene_drop(s, 0);
        struct syncshell_event *e =
            station_skip_to(&s->station, SYNCSHELL_EVENT_RELAY_DISCONNECTED);
        assert_string_equal(event_string(e, SYNCSHELL_FIELD_MESSAGE), "answered HTTP 503");
        uint64_t retry_ms = event_number(e, SYNCSHELL_FIELD_RETRY_MS);
        assert_in_range(retry_ms, cases[i].least_ms, cases[i].most_ms);
        expect_dial_after(s, retry_ms);
    }
    scene_drop(s, 0); /* what was asked for then is over */
    struct syncshell_event *e = station_skip_to(&s->station, SYNCSHELL_EVENT_RELAY_DISCONNECTED);
    assert_null(event_text(e, SYNCSHELL_FIELD_MESSAGE, NULL));
}

static void test_silence_of_the_relay(void **state)
{
    struct scene *s = *state;
    uint32_t timeout_ms = s->station.config.request_timeout_ms;
    scene_boot(s); /* JoinSyncshell is sent and never answered */
    scene_advance_ms(s, timeout_ms - 1);
    assert_true(s->connected);
    scene_advance_ms(s, 1);
    assert_false(s->connected);
    station_skip_to(&s->station, SYNCSHELL_EVENT_RELAY_DISCONNECTED);
    scene_advance_ms(s, 1000);
    assert_int_equal(s->n_dials, 2);
    scene_forget(s);
    /* connected, and no Hello */
    s->refuses = false;
    scene_advance_ms(s, timeout_ms + 1000);
    assert_int_equal(s->n_dials, 3);
    /* Hello, and no Welcome */
    scene_hello(s);
    scene_hear(s, MESSAGE_AUTHENTICATE);
    scene_advance_ms(s, timeout_ms + 2000);
    assert_int_equal(s->n_dials, 4);
}

static void test_another_language(void **state)
{
    struct scene *s = *state;
    static const struct {
        const char *text;
        bool ends;
    } rows[] = {
        {"{\"type\":\"FromTheFuture\",\"x\":1}", false},
        {"not json", true},
        {"{\"type\":\"Stored\",\"type\":\"Stored\"}", true},
        {"{\"type\":\"Stored\"}", true},
        {"{\"type\":\"Authenticate\"}", true},
    };
    scene_boot(s);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        scene_say_raw(s, false, rows[i].text, strlen(rows[i].text));
        assert_int_equal(s->connected, !rows[i].ends);
        if (!rows[i].ends)
            continue;
        scene_forget(s);
        scene_advance_ms(s, 1000);
        assert_true(s->connected);
        scene_hello(s);
        scene_welcome(s);
    }
}

static void test_another_protocol_version(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_drop(s, 1006);
    scene_advance_ms(s, 1000);
    scene_forget(s);
    struct message m = {.type = MESSAGE_HELLO};
    m.hello.protocol_version = WIRE_PROTOCOL_VERSION + 1;
    m.hello.nonce = s->nonce;
    wire_id_set(&m.hello.relay_id, "relay0");
    m.hello.heartbeat_ms = 15000;
    m.hello.limits.request_header_bytes = WIRE_REQUEST_HEADER_MAX;
    m.hello.limits.signal_body_bytes = WIRE_SIGNAL_BODY_MAX;
    m.hello.limits.body_bytes = WIRE_BODY_MAX;
    m.hello.limits.offer_ttl_ms = 10000;
    station_forget(&s->station);
    scene_say(s, &m);
    scene_silence(s);
    assert_false(s->connected);
    struct syncshell_event *e = station_expect(&s->station, SYNCSHELL_EVENT_RELAY_DISCONNECTED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), "unsupported_version");
}

static void test_speaking_out_of_turn(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_hello(s); /* a second time */
    assert_false(s->connected);
    scene_advance_ms(s, 1000);
    scene_forget(s);
    scene_presence(s, PRESENCE_ONLINE); /* before Hello */
    assert_false(s->connected);
}

/* Nothing to connect for any more, while a return was planned: that must not keep the loop busy. */
static void test_no_return_without_a_syncshell(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_error(s, &scene_hear(s, MESSAGE_JOIN_SYNCSHELL)->join_syncshell.message_id,
                WIRE_CODE_BAD_PROOF);
    scene_drop(s, 1006);
    scene_advance_ms(s, 60000);
    assert_int_equal(s->n_dials, 1);
    assert_int_equal(engine_deadline_us(s->station.engine), TIME_NEVER_US);
}

static void test_relay_url(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    const struct engine_crypto services = stub_crypto_services(&st->crypto);
    station_boot(st, "wss://first.example");
    scene_settle(s);
    assert_string_equal(engine_relay_url(st->engine), "wss://first.example");
    station_kill(st);
    station_boot(st, NULL);
    assert_string_equal(engine_relay_url(st->engine), "wss://first.example");
    station_kill(st);
    station_boot(st, "ws://second.example");
    scene_settle(s);
    station_kill(st);
    station_boot(st, NULL);
    assert_string_equal(engine_relay_url(st->engine), "ws://second.example");
    station_kill(st);
    assert_int_equal(engine_new(&st->engine, &st->config, &services), 0);
    assert_int_equal(engine_start(st->engine, s->now_us, "http://x"), ENGINE_E_ARGUMENT);
}

static void test_no_randomness(void **state)
{
    struct scene *s = *state;
    struct engine *e = NULL;
    const struct engine_crypto services = stub_crypto_services(&s->station.crypto);
    s->station.crypto.random_fails = true;
    assert_true(engine_new(&e, &s->station.config, &services) < 0);
    assert_null(e);
    s->station.crypto.random_fails = false;
    scene_boot(s);
    scene_forget(s);
    s->station.crypto.random_fails = true;
    scene_drop(s, 1006); /* the jitter needs it */
    station_expect(&s->station, SYNCSHELL_EVENT_STOPPED);
    station_expect_none(&s->station);
    assert_true(engine_stopped(s->station.engine));
    assert_int_equal(engine_deadline_us(s->station.engine), TIME_NEVER_US);
}

static void test_journal_failure_stops(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    scene_boot(s);
    scene_forget(s);
    st->disk_fails = true;
    STATION_CALL(st, engine_session_open(st->engine, s->now_us, 5, SCENE_SHELL, s->other.text, true,
                                         SCENE_SESSION, NULL));
    scene_settle(s);
    struct syncshell_event *e = station_expect(st, SYNCSHELL_EVENT_STOPPED);
    assert_string_equal(event_string(e, SYNCSHELL_FIELD_CODE), CODE_JOURNAL_FAILED);
    scene_silence(s);
    /* Whatever comes now: nothing. */
    scene_presence(s, PRESENCE_ONLINE);
    scene_advance_ms(s, 100000);
    STATION_CALL(st, engine_network_changed(st->engine, s->now_us));
    STATION_CALL(st, engine_session_close(st->engine, s->now_us, 6, SCENE_SESSION, 1));
    scene_drop(s, 1006);
    scene_silence(s);
    station_expect_none(st);
}

static void test_stats(void **state)
{
    struct scene *s = *state;
    struct engine_stats stats;
    scene_session(s, true);
    engine_stats(s->station.engine, &stats);
    assert_int_equal(stats.sessions_open, 1);
    assert_int_equal(stats.requests_in_flight, 0);
    /* Authenticate, Join, Open, RecoveryRequest, IceServersRequest */
    assert_int_equal(stats.frames_sent, 5);
    assert_int_equal(stats.frames_received, 6);
}

/* A relay that welcomes and closes at once is not asked ever faster. */
static void test_a_relay_that_cannot_keep_connections(void **state)
{
    struct scene *s = *state;
    scene_boot(s);
    scene_drop(s, 1011);
    for (int i = 0; i < 8; i++) {
        scene_forget(s);
        while (!s->connected)
            scene_advance_ms(s, 10);
        scene_hello(s);
        scene_welcome(s);
        scene_drop(s, 1011);
    }
    unsigned n_dials = s->n_dials;
    scene_advance_ms(s, 5000);
    assert_int_equal(s->n_dials, n_dials);
}

/* Word of a connection that there is none of, or not any more, changes nothing. */
static void test_word_of_no_connection(void **state)
{
    struct scene *s = *state;
    struct station *st = &s->station;
    station_boot(st, NULL);
    scene_drop(s, 1006);
    station_expect_none(st);
    station_kill(st);
    scene_boot(s);
    STATION_CALL(st, engine_connected(st->engine, s->now_us));
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE}); /* it is up as before */
    scene_forget(s);
    scene_drop(s, 1006);
    uint64_t retry_ms = disconnected(s, "");
    scene_drop(s, 1006);
    station_expect_none(st);
    expect_dial_after(s, retry_ms);
    scene_drop(s, 4401);
    disconnected(s, "not_authenticated");
    scene_drop(s, 1006);
    station_expect_none(st);
    assert_int_equal(engine_deadline_us(st->engine), TIME_NEVER_US);
}

/* Only 44xx says to stay away. */
static void test_other_close_codes_are_come_back_to(void **state)
{
    static const uint16_t codes[] = {4399, 4500};
    struct scene *s = *state;
    scene_boot(s);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        unsigned n_dials = s->n_dials;
        scene_drop(s, codes[i]);
        scene_advance_ms(s, 1000);
        assert_int_equal(s->n_dials, n_dials + 1);
    }
}

/* A journal that somebody has edited: it is an error, or there is nowhere to dial. */
static void test_a_journal_without_a_way(void **state)
{
    static const char edited[] = "{\"v\":1,\"relayUrl\":\"http://relay.example\"}";
    struct scene *s = *state;
    struct station *st = &s->station;
    const struct engine_crypto services = stub_crypto_services(&st->crypto);
    scene_boot(s);
    scene_joined(s, &(struct scene_joined){.other = PRESENCE_ONLINE});
    station_kill(st);
    scene_forget(s);
    unsigned n_dials = s->n_dials;
    const struct disk_record *r = station_record(st, "syncshell", SCENE_SHELL);
    assert_int_equal(engine_new(&st->engine, &st->config, &services), 0);
    assert_int_equal(engine_load_record(st->engine, "client", "", edited, strlen(edited)), 0);
    assert_int_equal(engine_load_record(st->engine, r->kind, r->key, r->value, r->size), 0);
    assert_true(engine_start(st->engine, s->now_us, NULL) < 0);
    station_kill(st);
    station_set_record(st, "client", "", "{\"v\":1,\"relayUrl\":\"\"}");
    station_boot(st, NULL);
    scene_advance_ms(s, 60000);
    assert_int_equal(s->n_dials, n_dials);
    assert_int_equal(engine_deadline_us(st->engine), TIME_NEVER_US);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_origins),
        SCENE_TEST(test_says_who_it_is),
        SCENE_TEST(test_connected_after_welcome),
        SCENE_TEST(test_pauses_double),
        SCENE_TEST(test_comes_back_soon_after_a_good_connection),
        SCENE_TEST(test_first_returns_are_spread),
        SCENE_TEST(test_does_not_fight_for_its_connection),
        SCENE_TEST(test_stays_away_when_told),
        SCENE_TEST(test_a_new_process_tries_again),
        SCENE_TEST(test_refused_authentication),
        SCENE_TEST(test_network_changed_ends_the_pause),
        SCENE_TEST(test_go_away),
        SCENE_TEST(test_retry_after),
        SCENE_TEST(test_silence_of_the_relay),
        SCENE_TEST(test_another_language),
        SCENE_TEST(test_another_protocol_version),
        SCENE_TEST(test_a_relay_that_cannot_keep_connections),
        SCENE_TEST(test_speaking_out_of_turn),
        SCENE_TEST(test_no_return_without_a_syncshell),
        SCENE_TEST(test_word_of_no_connection),
        SCENE_TEST(test_other_close_codes_are_come_back_to),
        SCENE_TEST(test_a_journal_without_a_way),
        SCENE_TEST(test_relay_url),
        SCENE_TEST(test_no_randomness),
        SCENE_TEST(test_journal_failure_stops),
        SCENE_TEST(test_stats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
