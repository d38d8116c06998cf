#include "client/engine.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/attempt.h"
#include "client/ending.h"
#include "client/engine_state.h"
#include "client/link.h"
#include "client/notify.h"
#include "client/pin.h"
#include "client/progress.h"
#include "client/receive.h"
#include "client/record.h"
#include "client/recovery.h"
#include "client/request.h"
#include "client/session.h"
#include "client/syncshell.h"

enum { ID_BYTES_MAX = 32 };

void engine_config_defaults(struct engine_config *ret_config)
{
    *ret_config = (struct engine_config){
        .retry_base_ms = 2000,
        .attempt_timeout_ms = 15000,
        .reconnect_first_min_ms = 100,
        .reconnect_first_max_ms = 1000,
        .reconnect_base_ms = 250,
        .reconnect_max_ms = 30000,
        .request_timeout_ms = 15000,
        .sessions_max = 256,
        .files_per_session_max = BODY_FILES_MAX,
        .checkpoint_entries = 128,
    };
}

/* ---- helpers that all parts use ---- */

static int last_word_new(struct syncshell_event **ret_event, const char *code, const char *text)
{
    struct syncshell_event *event;
    int r = event_new(&event, SYNCSHELL_EVENT_STOPPED, 0);
    if (r < 0)
        return r;
    event_add_text(event, SYNCSHELL_FIELD_CODE, code);
    event_add_text(event, SYNCSHELL_FIELD_MESSAGE, text);
    if (event_broken(event)) {
        event_free(event);
        return -ENOMEM;
    }
    *ret_event = event;
    return 0;
}

/* Where there is no memory left for the reason, memory is the reason. */
void engine_fail(struct engine *e, const char *code, const char *text)
{
    if (e->stopped)
        return;
    e->stopped = true;
    struct syncshell_event *event = e->last_word;
    struct syncshell_event *better;
    e->last_word = NULL;
    if (last_word_new(&better, code, text) == 0) {
        event_free(event);
        event = better;
    }
    effects_stop(&e->effects, event);
}

void engine_check(struct engine *e, int result)
{
    if (result < 0)
        engine_fail(e, CODE_NO_MEMORY, "memory ran out");
    else
        assert(result == 0);
}

int engine_random_id(struct engine *e, size_t n_bytes, struct wire_id *ret_id)
{
    uint8_t bytes[ID_BYTES_MAX];
    assert(n_bytes <= sizeof bytes);
    int r = e->crypto.random(e->crypto.userdata, bytes, n_bytes);
    if (r < 0) {
        engine_fail(e, CODE_NO_MEMORY, "no randomness");
        return r;
    }
    str_hex(ret_id->text, bytes, n_bytes);
    return 0;
}

uint64_t engine_random_below(struct engine *e, uint64_t n)
{
    uint64_t value = 0;
    assert(n > 0);
    if (e->crypto.random(e->crypto.userdata, &value, sizeof value) < 0)
        engine_fail(e, CODE_NO_MEMORY, "no randomness");
    return value % n;
}

uint64_t engine_jitter_ms(struct engine *e, uint64_t delay_ms)
{
    return delay_ms - delay_ms / 4 + engine_random_below(e, delay_ms / 2 + 1);
}

struct syncshell *engine_find_syncshell(const struct engine *e, const char *id)
{
    struct map_node *n = map_find(&e->syncshells, id);
    return n ? container_of(n, struct syncshell, node) : NULL;
}

struct session *engine_find_session(const struct engine *e, const char *id)
{
    struct map_node *n = map_find(&e->sessions, id);
    return n ? container_of(n, struct session, node) : NULL;
}

void engine_enter(struct engine *e, uint64_t now_us)
{
    if (now_us > e->now_us)
        e->now_us = now_us;
}

static void pump_syncshells(struct engine *e)
{
    for (struct map_node *n = map_next(&e->syncshells, NULL); n && !e->stopped;
         n = map_next(&e->syncshells, n))
        syncshell_pump(container_of(n, struct syncshell, node));
}

static void pump_sessions(struct engine *e)
{
    for (struct map_node *n = map_next(&e->sessions, NULL); n && !e->stopped;
         n = map_next(&e->sessions, n))
        session_pump(container_of(n, struct session, node));
}

void engine_settle(struct engine *e)
{
    if (e->started && !e->stopped) {
        link_pump(e);
        pump_syncshells(e);
        pump_sessions(e);
    }
    if (!e->stopped)
        engine_check(e, effects_seal(&e->effects));
}

/* ---- life ---- */

static int make_maps(struct engine *e)
{
    uint64_t seed[2];
    int r = e->crypto.random(e->crypto.userdata, seed, sizeof seed);
    if (r < 0)
        return r;
    map_init(&e->syncshells, ENGINE_SYNCSHELLS_MAX, seed);
    map_init(&e->sessions, e->config.sessions_max, seed);
    map_init(&e->requests, ENGINE_REQUESTS_MAX, seed);
    return 0;
}

int engine_new(struct engine **ret_engine, const struct engine_config *config,
               const struct engine_crypto *crypto)
{
    struct engine *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->config = *config;
    e->config.access_key = NULL;
    e->crypto = *crypto;
    effects_init(&e->effects);
    list_init(&e->untold);
    int r = make_maps(e);
    if (r == 0)
        r = last_word_new(&e->last_word, CODE_NO_MEMORY, "memory ran out");
    if (r == 0 && config->access_key) {
        e->access_key = strdup(config->access_key);
        r = e->access_key ? 0 : -ENOMEM;
    }
    if (r < 0) {
        engine_free(e);
        return r;
    }
    *ret_engine = e;
    return 0;
}

struct engine *engine_free(struct engine *e)
{
    if (!e)
        return NULL;
    struct map_node *n;
    request_forget_all(e);
    while ((n = map_next(&e->sessions, NULL)))
        session_free(container_of(n, struct session, node));
    while ((n = map_next(&e->syncshells, NULL)))
        syncshell_free(container_of(n, struct syncshell, node));
    list_for_each_safe (untold, next, &e->untold) {
        list_unlink(untold);
        event_free(event_from_node(untold));
    }
    map_deinit(&e->requests);
    map_deinit(&e->sessions);
    map_deinit(&e->syncshells);
    effects_deinit(&e->effects);
    event_free(e->last_word);
    free(e->access_key);
    free(e);
    return NULL;
}

int engine_load_record(struct engine *e, const char *kind, const char *key, const void *value,
                       size_t size)
{
    return record_load(e, kind, key, value, size);
}

int engine_start(struct engine *e, uint64_t now_us, const char *relay_url)
{
    char origin[WIRE_ORIGIN_MAX + 1];
    engine_enter(e, now_us);
    if (relay_url) {
        if (link_origin(relay_url, origin, sizeof origin) != 0 ||
            str_copy(e->relay_url, sizeof e->relay_url, relay_url) != 0)
            return ENGINE_E_ARGUMENT;
        record_put_client(e);
    }
    ending_tell_loaded(e);
    session_loaded_all(e);
    e->started = true;
    engine_settle(e);
    return e->stopped ? -ENOMEM : 0;
}

/* ---- inputs ---- */

void engine_connected_to(struct engine *e, uint64_t now_us, const struct wire_key *key)
{
    const struct wire_key none = {.text = ""};
    engine_enter(e, now_us);
    if (!e->stopped) {
        pin_relay_key(e, key ? key : &none);
        link_connected(e);
    }
    engine_settle(e);
}

void engine_connected(struct engine *e, uint64_t now_us)
{
    engine_connected_to(e, now_us, NULL);
}

void engine_connection_fault(struct engine *e, const struct engine_fault *fault)
{
    link_fault(e, fault);
}

void engine_disconnected(struct engine *e, uint64_t now_us, uint16_t close_code)
{
    engine_enter(e, now_us);
    if (!e->stopped)
        link_disconnected(e, close_code);
    engine_settle(e);
}

void engine_receive(struct engine *e, uint64_t now_us, bool binary, const uint8_t *data,
                    size_t size)
{
    engine_enter(e, now_us);
    if (!e->stopped && e->link.state != LINK_CLOSING)
        receive_frame(e, binary, data, size);
    engine_settle(e);
}

void engine_tick(struct engine *e, uint64_t now_us)
{
    engine_enter(e, now_us);
    if (!e->stopped && e->started) {
        link_tick(e);
        for (struct map_node *n = map_next(&e->sessions, NULL); n; n = map_next(&e->sessions, n))
            session_tick(container_of(n, struct session, node));
    }
    engine_settle(e);
}

uint64_t engine_deadline_us(const struct engine *e)
{
    if (e->stopped || !e->started)
        return TIME_NEVER_US;
    uint64_t due_us = link_deadline_us(e);
    for (struct map_node *n = map_next(&e->syncshells, NULL); n; n = map_next(&e->syncshells, n))
        due_us = time_min(due_us, syncshell_deadline_us(container_of(n, struct syncshell, node)));
    for (struct map_node *n = map_next(&e->sessions, NULL); n; n = map_next(&e->sessions, n))
        due_us = time_min(due_us, session_deadline_us(container_of(n, struct session, node)));
    return due_us;
}

void engine_event_taken(struct engine *e, uint64_t now_us, uint64_t receipt)
{
    bool known = false;
    engine_enter(e, now_us);
    for (struct map_node *n = map_next(&e->sessions, NULL); n && !known;
         n = map_next(&e->sessions, n))
        known = recovery_request_taken(container_of(n, struct session, node), receipt);
    if (!known && !e->stopped)
        record_delete_ended(e, receipt);
    engine_settle(e);
}

void engine_journal_done(struct engine *e, uint64_t now_us, uint64_t batch, bool ok)
{
    engine_enter(e, now_us);
    if (ok)
        effects_committed(&e->effects, batch);
    else
        engine_fail(
            e, CODE_JOURNAL_FAILED,
            "the state directory could not be written: its disk is full or fails, or it was removed or replaced");
}

bool engine_next_effect(struct engine *e, struct engine_effect *ret_effect)
{
    return effects_next(&e->effects, ret_effect);
}

bool engine_stopped(const struct engine *e)
{
    return e->stopped;
}

const char *engine_relay_url(const struct engine *e)
{
    return e->relay_url;
}

int engine_invite(const struct engine *e, const char *syncshell_id, struct invite *ret_invite)
{
    const struct syncshell *y = engine_find_syncshell(e, syncshell_id);
    if (!y || !*y->owner.text) /* joined by a passphrase, and not told yet */
        return ENGINE_E_UNKNOWN;
    struct invite i = {.syncshell_id = y->id, .secret = y->key->secret, .owner_peer_id = y->owner};
    i.certificate_pin = e->certificate_pin;
    invite_set_key_epoch(&i, y->key->epoch);
    if (str_copy(i.relay_url, sizeof i.relay_url, e->relay_url) != 0)
        return ENGINE_E_UNKNOWN;
    *ret_invite = i;
    return 0;
}

void engine_stats(const struct engine *e, struct engine_stats *ret_stats)
{
    *ret_stats = (struct engine_stats){.sessions_open = e->sessions.n_entries,
                                       .requests_in_flight = e->requests.n_entries,
                                       .frames_sent = e->frames_sent,
                                       .frames_received = e->frames_received};
}
