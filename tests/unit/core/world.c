#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "wire/challenge.h"

const char group_key[] = "GroupGroupGroupGroupGroupGroupGroupGroupGrA";

const char next_group_key[] = "NextNextNextNextNextNextNextNextNextNextNeA";

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static const char origin[] = "wss://relay.example";

/* --- the host ------------------------------------------------------------------------------------------------------ */

void sign(const char *key, const void *text, size_t size, struct wire_signature *ret_signature)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (const char *k = key; *k; k++)
        hash = (hash ^ (uint8_t)*k) * UINT64_C(1099511628211);
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ ((const uint8_t *)text)[i]) * UINT64_C(1099511628211);
    for (size_t i = 0; i < WIRE_SIGNATURE_LENGTH; i++) {
        ret_signature->text[i] = alphabet[(hash >> (i % 58)) & 63];
    }
    /* 64 bytes end in the middle of a character: canonical is the one with zero low bits. */
    ret_signature->text[WIRE_SIGNATURE_LENGTH - 1] = 'A';
    ret_signature->text[WIRE_SIGNATURE_LENGTH] = '\0';
}

static bool host_verify(void *userdata, const char *public_key, const char *signature,
                        const void *text, size_t text_size)
{
    (void)userdata;
    struct wire_signature expected;
    sign(public_key, text, text_size, &expected);
    return strcmp(expected.text, signature) == 0;
}

/* Enough to tell keys apart. */
static int host_sha256(void *userdata, const void *data, size_t size,
                       char ret_hex[CORE_SHA256_SIZE])
{
    struct wire_signature hash;
    (void)userdata;
    sign("sha256", data, size, &hash);
    for (size_t i = 0; i < CORE_SHA256_SIZE - 1; i++)
        ret_hex[i] = "0123456789abcdef"[hash.text[i] & 15];
    ret_hex[CORE_SHA256_SIZE - 1] = '\0';
    return 0;
}

static int host_hmac_sha1(void *userdata, const char *key, const char *text,
                          char ret_base64[CORE_HMAC_SHA1_SIZE])
{
    struct wire_signature hash;
    (void)userdata;
    sign(key, text, strlen(text), &hash);
    memcpy(ret_base64, hash.text, CORE_HMAC_SHA1_SIZE - 1);
    ret_base64[CORE_HMAC_SHA1_SIZE - 1] = '\0';
    return 0;
}

static int host_random(void *userdata, void *ret_bytes, size_t size)
{
    struct world *w = userdata;
    if (w->random_fails)
        return -1;
    for (size_t i = 0; i < size; i++) {
        w->random_state = w->random_state * UINT64_C(6364136223846793005) + 1442695040888963407;
        ((uint8_t *)ret_bytes)[i] = (uint8_t)(w->random_state >> 56);
    }
    return 0;
}

static struct wall_time host_wall_now(void *userdata)
{
    const struct world *w = userdata;
    return (struct wall_time){.unix_ms = w->wall_ms};
}

/* --- life and time ------------------------------------------------------------------------------------------------- */

struct address address_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
    return (struct address){.bytes = {[10] = 0xff, [11] = 0xff, a, b, c, d}};
}

void world_init(struct world *w)
{
    static const char *const origins[] = {"wss://other.example", origin, NULL};
    memset(w, 0, sizeof *w);
    list_init(&w->ops);
    w->now_us = 1000000;
    w->wall_ms = 1700000000000;
    w->random_state = 42;
    w->key = group_key;
    w->key_epoch = 1;
    w->host = (struct core_host){.userdata = w,
                                 .verify = host_verify,
                                 .sha256 = host_sha256,
                                 .hmac_sha1 = host_hmac_sha1,
                                 .random = host_random,
                                 .wall_now = host_wall_now};
    core_config_defaults(&w->config);
    w->config.origins = origins;
    wire_id_set(&w->config.relay_id, "relay");
    wire_id_set(&w->config.store_epoch, "epoch");
    for (unsigned i = 0; i < WORLD_CLIENTS_MAX; i++) {
        w->clients[i].world = w;
        list_init(&w->clients[i].heard);
        peer_id_of(i, &w->clients[i].peer_id);
        w->clients[i].address = address_v4(192, 0, 2, (uint8_t)i);
    }
    w->store = fake_store_new();
}

void world_start(struct world *w)
{
    assert_int_equal(core_new(&w->core, &w->config, &w->host, w->now_us), 0);
}

static void break_connections(struct world *w)
{
    for (unsigned i = 0; i < WORLD_CLIENTS_MAX; i++) {
        struct client *c = &w->clients[i];
        c->lingers = false;
        client_disconnect(c);
        forget(c);
    }
    w->store_held = false;
    world_store_run(w);
}

static void expect_empty(const struct core *core)
{
    struct core_stats stats;
    core_stats(core, &stats);
    assert_int_equal(stats.connections, 0);
    assert_int_equal(stats.authenticated, 0);
    assert_int_equal(stats.queued_bytes, 0);
    assert_int_equal(stats.ops_in_flight, 0);
}

void world_end(struct world *w)
{
    break_connections(w);
    expect_empty(w->core);
    /* Nobody is there: once the attempts are over and the grace of those who were replaced, nothing is kept. */
    struct core_stats stats;
    world_advance_ms(w, (uint64_t)w->config.offer_ttl_ms * 3 + 60000);
    core_stats(w->core, &stats);
    assert_int_equal(stats.syncshells_loaded, 0);
    assert_int_equal(stats.held_bytes, 0);
    assert_int_equal(stats.attempts_live, 0);
    core_free(w->core);
    fake_store_free(w->store);
}

void world_restart(struct world *w)
{
    break_connections(w);
    core_free(w->core);
    world_start(w);
}

void world_advance_ms(struct world *w, uint64_t ms)
{
    uint64_t end_us = w->now_us + ms * 1000;
    world_settle(w);
    for (uint64_t due_us = core_deadline_us(w->core); due_us <= end_us;
         due_us = core_deadline_us(w->core)) {
        if (due_us > w->now_us) {
            w->wall_ms += (int64_t)((due_us - w->now_us) / 1000);
            w->now_us = due_us;
        }
        world_enter(w);
        core_tick(w->core, w->now_us);
        world_leave(w);
        world_settle(w);
    }
    w->wall_ms += (int64_t)((end_us - w->now_us) / 1000);
    w->now_us = end_us;
}

void world_enter(struct world *w)
{
    if (w->before_call)
        w->before_call(w);
}

void world_leave(struct world *w)
{
    if (w->after_call)
        w->after_call(w);
}

/* --- effects ------------------------------------------------------------------------------------------------------- */

static void pull_one(struct client *c, struct frame *frame)
{
    struct heard *h = calloc(1, sizeof *h);
    assert_non_null(h);
    h->frame = frame;
    list_append(&c->heard, &h->node);
}

static void pull_all(struct client *c)
{
    while (core_connection_pending(c->connection)) {
        world_enter(c->world);
        struct frame *frame = core_connection_pull(c->connection, c->world->now_us);
        world_leave(c->world);
        assert_non_null(frame);
        pull_one(c, frame);
    }
}

static void close_connection(struct client *c, const struct core_effect *e)
{
    struct world *w = c->world;
    if (!c->stalled)
        pull_all(c);
    c->close_code = e->close_code;
    str_copy(c->close_reason, sizeof c->close_reason, e->close_reason);
    if (c->lingers)
        return;
    world_enter(w);
    core_disconnect(c->connection, w->now_us);
    world_leave(w);
    c->connection = NULL;
}

static void carry_out(struct world *w, const struct core_effect *e)
{
    struct client *c;
    switch (e->kind) {
    case EFFECT_SEND:
        w->n_sends++;
        c = core_connection_userdata(e->connection);
        if (!c->stalled)
            pull_all(c);
        break;
    case EFFECT_CLOSE:
        close_connection(core_connection_userdata(e->connection), e);
        break;
    case EFFECT_STORE:
        w->n_ops[e->op->kind]++;
        list_append(&w->ops, &e->op->node);
        break;
    case EFFECT_EVENT:
        w->n_events[e->event.kind]++;
        w->last_event[e->event.kind] = e->event;
        assert_string_not_equal(core_event_name(e->event.kind), "unknown");
        break;
    }
}

static void drain_effects(struct world *w)
{
    for (struct core_effect e; core_next_effect(w->core, &e);)
        carry_out(w, &e);
}

static void execute_first(struct world *w)
{
    struct store_op *op = container_of(list_first(&w->ops), struct store_op, node);
    list_unlink(&op->node);
    if (w->fail != WIRE_CODE_NONE && (w->fail_kind == 0 || w->fail_kind == op->kind)) {
        op->code = w->fail;
        w->fail = WIRE_CODE_NONE;
    } else {
        fake_store_execute(w->store, op);
    }
    world_enter(w);
    core_store_done(w->core, w->now_us, op);
    world_leave(w);
}

static void join_next(struct world *w)
{
    world_enter(w);
    core_join_next(w->core, w->now_us);
    world_leave(w);
}

void world_settle(struct world *w)
{
    drain_effects(w);
    for (;;) {
        if (!w->joins_held && core_joins_wait(w->core))
            join_next(w);
        else if (!w->store_held && !list_empty(&w->ops))
            execute_first(w);
        else
            return;
        drain_effects(w);
    }
}

uint64_t world_loaded(const struct world *w)
{
    struct core_stats stats;
    core_stats(w->core, &stats);
    return stats.syncshells_loaded;
}

void world_join_step(struct world *w)
{
    assert_true(core_joins_wait(w->core));
    join_next(w);
    world_settle(w);
}

void world_store_step(struct world *w, enum store_op_kind kind)
{
    assert_false(list_empty(&w->ops));
    assert_int_equal(container_of(list_first(&w->ops), struct store_op, node)->kind, kind);
    execute_first(w);
    world_settle(w);
}

void world_store_run(struct world *w)
{
    bool held = w->store_held;
    w->store_held = false;
    world_settle(w);
    w->store_held = held;
}

/* --- connecting ---------------------------------------------------------------------------------------------------- */

void peer_id_of(unsigned n, struct wire_peer_id *ret_id)
{
    char text[WIRE_PEER_ID_LENGTH + 1];
    snprintf(text, sizeof text, "ed25519:%040u%c%cA", 0U, alphabet[n / 64 % 64], alphabet[n % 64]);
    assert_int_equal(wire_peer_id_set(ret_id, text), 0);
}

struct client *client_at(struct world *w, unsigned n)
{
    assert_true(n < WORLD_CLIENTS_MAX);
    return &w->clients[n];
}

int client_try_connect(struct client *c)
{
    assert_null(c->connection);
    c->close_code = 0;
    world_enter(c->world);
    struct admission *admission = NULL;
    int r =
        core_admit(c->world->core, c->world->now_us, c->forwarded ? NULL : &c->address, &admission);
    if (r == 0 && c->forwarded)
        r = core_admission_forwarded(admission, c->world->now_us, &c->address);
    if (r == 0)
        r = core_connect(c->world->core, c->world->now_us, c, admission, &c->connection);
    if (r != 0)
        core_admission_free(admission);
    world_leave(c->world);
    if (r != 0)
        c->connection = NULL;
    world_settle(c->world);
    return r;
}

void client_connect(struct client *c)
{
    assert_int_equal(client_try_connect(c), 0);
    if (c->stalled)
        client_pull(c, 1);
    c->nonce = expect(c, MESSAGE_HELLO)->hello.nonce;
}

void client_disconnect(struct client *c)
{
    if (!c->connection)
        return;
    world_enter(c->world);
    core_disconnect(c->connection, c->world->now_us);
    world_leave(c->world);
    c->connection = NULL;
    world_settle(c->world);
}

void client_pull(struct client *c, size_t n_frames)
{
    for (size_t i = 0; i < n_frames && core_connection_pending(c->connection); i++) {
        pull_one(c, core_connection_pull(c->connection, c->world->now_us));
        world_settle(c->world);
    }
}

struct client *client_online(struct world *w, unsigned n)
{
    struct client *c = client_at(w, n);
    client_connect(c);
    say_authenticate(c);
    expect(c, MESSAGE_WELCOME);
    return c;
}

struct client *client_joined(struct world *w, unsigned n, const char *syncshell)
{
    struct client *c = client_online(w, n);
    say_join(c, syncshell);
    expect(c, MESSAGE_SYNCSHELL_JOINED);
    return c;
}

void client_reconnect(struct client *c, const char *syncshell)
{
    client_disconnect(c);
    forget(c);
    client_connect(c);
    say_authenticate(c);
    expect(c, MESSAGE_WELCOME);
    say_join(c, syncshell);
    expect(c, MESSAGE_SYNCSHELL_JOINED);
}

/* --- the usual scene ----------------------------------------------------------------------------------------------- */

struct pair world_pair(struct world *w)
{
    struct client *provider = client_online(w, 0);
    say_create(provider, "shell");
    say_join(provider, "shell");
    struct client *joiner = client_joined(w, 1, "shell");
    say_open(joiner, provider, "session");
    forget(provider);
    forget(joiner);
    return (struct pair){.joiner = joiner, .provider = provider};
}

int setup_configured(void **state)
{
    struct world *w = malloc(sizeof *w);
    assert_non_null(w);
    world_init(w);
    *state = w;
    return 0;
}

int setup_world(void **state)
{
    setup_configured(state);
    world_start(*state);
    return 0;
}

int teardown_world(void **state)
{
    world_end(*state);
    free(*state);
    return 0;
}
