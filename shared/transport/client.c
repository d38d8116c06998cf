#define _GNU_SOURCE /* asprintf */

#include "transport/client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/str.h"
#include "client/engine.h"
#include "transport/crypto.h"
#include "transport/event_queue.h"
#include "transport/identity.h"
#include "transport/invite_text.h"
#include "transport/io_thread.h"
#include "transport/journal.h"
#include "transport/process.h"
#include "transport/relay_url.h"
#include "wire/limits.h"

enum {
    PATH_MAX_BYTES = 4096,
    DEFAULT_RETRY_BASE_MS = 2000,
    DEFAULT_ATTEMPT_TIMEOUT_MS = 15000,
    DEFAULT_STOP_TIMEOUT_MS = 3000,
    DEFAULT_EVENTS_MAX = 4096,
    TIMES_MAX_MS = 24 * 3600 * 1000,
    EVENTS_MAX_MAX = 1 << 20,
};

static const char identity_file[] = "identity.pem";
static const char journal_file[] = "journal.sqlite3";

void SYNCSHELL_CALL syncshell_options_init(syncshell_options *options, uint32_t size)
{
    const syncshell_options defaults = {
        .size = size,
        .retry_base_ms = DEFAULT_RETRY_BASE_MS,
        .attempt_timeout_ms = DEFAULT_ATTEMPT_TIMEOUT_MS,
        .stop_timeout_ms = DEFAULT_STOP_TIMEOUT_MS,
        .events_max = DEFAULT_EVENTS_MAX,
    };

    if (!options)
        return;
    memset(options, 0, size);
    memcpy(options, &defaults, size < sizeof defaults ? size : sizeof defaults);
}

/* ---- the options ---- */

static bool text_ok(const char *text, size_t max)
{
    size_t length = text ? strnlen(text, max + 1) : 0;

    return text && length >= 1 && length <= max;
}

/* An access key becomes a JSON string of printable characters. */
static bool access_key_ok(const char *text)
{
    if (!text_ok(text, WIRE_ACCESS_KEY_MAX))
        return false;
    for (; *text; text++) {
        if (*text < '!' || *text > '~')
            return false;
    }
    return true;
}

/* What a program of the first version knows. */
#define OPTIONS_SIZE_MIN offsetof(syncshell_options, certificate_pin)

/* Fields of a later version of the struct may stand behind ours: what they ask for is unknown, so they must be empty. */
static bool rest_is_zero(const syncshell_options *o)
{
    const unsigned char *bytes = (const unsigned char *)o;

    for (size_t i = sizeof *o; i < o->size; i++) {
        if (bytes[i])
            return false;
    }
    return true;
}

/* The caller's struct, of whatever version, as ours. */
static bool options_read(const syncshell_options *o, syncshell_options *ret_options)
{
    if (!o || o->size < OPTIONS_SIZE_MIN || o->size > PATH_MAX_BYTES || !rest_is_zero(o))
        return false;
    memset(ret_options, 0, sizeof *ret_options);
    memcpy(ret_options, o, o->size < sizeof *o ? o->size : sizeof *o);
    return true;
}

static bool pin_ok(const char *pin)
{
    return !*pin || strcmp(pin, SYNCSHELL_PIN_CONNECTED) == 0 ||
           (text_ok(pin, WIRE_KEY_LENGTH) && wire_key_valid(pin, strlen(pin)));
}

static bool options_ok(const syncshell_options *o, struct relay_url *ret_url)
{
    if (o->reserved != 0 || (o->certificate_pin && !pin_ok(o->certificate_pin)))
        return false;
    if (!text_ok(o->state_dir, PATH_MAX_BYTES - sizeof journal_file - 1))
        return false;
    if (o->relay_url &&
        (!text_ok(o->relay_url, INVITE_URL_MAX) || relay_url_parse(ret_url, o->relay_url) < 0))
        return false;
    if (o->ca_file && !text_ok(o->ca_file, PATH_MAX_BYTES))
        return false;
    if (o->access_key && !access_key_ok(o->access_key))
        return false;
    return o->retry_base_ms >= 1 && o->retry_base_ms <= TIMES_MAX_MS &&
           o->attempt_timeout_ms >= 1 && o->attempt_timeout_ms <= TIMES_MAX_MS &&
           o->stop_timeout_ms >= 1 && o->stop_timeout_ms <= TIMES_MAX_MS && o->events_max >= 1 &&
           o->events_max <= EVENTS_MAX_MAX;
}

/* ---- opening the state directory ---- */

static int32_t state_error(int r)
{
    switch (r) {
    case -ENOMEM:
        return SYNCSHELL_E_NO_MEMORY;
    case -EBUSY:
        return SYNCSHELL_E_STATE_IN_USE;
    case -EMFILE:
    case -ENFILE:
        return SYNCSHELL_E_SYSTEM;
    default:
        return SYNCSHELL_E_STATE_DIR;
    }
}

static int32_t journal_error(int r)
{
    if (r == JOURNAL_E_CORRUPT)
        return SYNCSHELL_E_STATE_CORRUPT;
    return r == JOURNAL_E_NEWER ? SYNCSHELL_E_STATE_NEWER : state_error(r);
}

static int32_t open_journal(struct journal **ret_journal, const char *state_dir)
{
    char *path;
    int r;

    if (asprintf(&path, "%s/%s", state_dir, journal_file) < 0)
        return SYNCSHELL_E_NO_MEMORY;
    r = journal_open(ret_journal, path);
    free(path);
    return r ? journal_error(r) : SYNCSHELL_OK;
}

/* A new key is made only where nothing was signed with an old one: a journal without its key is damage. */
static int32_t open_identity(struct syncshell_client *c, struct journal *j)
{
    bool empty;
    int r = identity_load(&c->identity, c->state_dir.fd, identity_file);

    if (r == -ENOENT) {
        r = journal_is_empty(j, &empty);
        if (r)
            return journal_error(r);
        if (!empty)
            return SYNCSHELL_E_STATE_CORRUPT;
        r = identity_create(&c->identity, c->state_dir.fd, identity_file);
    }
    if (r == IDENTITY_E_CORRUPT)
        return SYNCSHELL_E_STATE_CORRUPT;
    if (r)
        return r == IDENTITY_E_EXPOSED ? SYNCSHELL_E_STATE_DIR : state_error(r);
    c->peer_id = *identity_peer_id(c->identity);
    return SYNCSHELL_OK;
}

/* Results that are not the journal's own are kept apart from its numbers. */
enum { LOAD_E_DAMAGED = 100, LOAD_E_NEWER };

static int load_record(void *userdata, const char *kind, const char *key, const void *value,
                       size_t size)
{
    int r = engine_load_record(userdata, kind, key, value, size);

    if (r == ENGINE_E_RECORD_NEWER)
        return LOAD_E_NEWER;
    return r > 0 ? LOAD_E_DAMAGED : r;
}

static void pin(struct engine *e, const char *text)
{
    struct wire_key key = {.text = ""};

    if (!text)
        return;
    if (strcmp(text, SYNCSHELL_PIN_CONNECTED) == 0) {
        engine_pin(e, NULL);
        return;
    }
    (void)str_copy(key.text, sizeof key.text, text); /* pin_ok() */
    engine_pin(e, &key);
}

static int32_t load_engine(struct syncshell_client *c, const syncshell_options *o,
                           struct journal *j)
{
    const struct engine_crypto crypto = crypto_services(c->identity);
    struct engine_config config;
    int r;

    engine_config_defaults(&config);
    config.peer_id = c->peer_id;
    config.access_key = o->access_key;
    config.retry_base_ms = o->retry_base_ms;
    config.attempt_timeout_ms = o->attempt_timeout_ms;
    r = engine_new(&c->engine, &config, &crypto);
    if (r)
        return SYNCSHELL_E_NO_MEMORY;
    r = journal_each(j, engine_record_kinds, load_record, c->engine);
    if (r == LOAD_E_DAMAGED)
        return SYNCSHELL_E_STATE_CORRUPT;
    if (r == LOAD_E_NEWER)
        return SYNCSHELL_E_STATE_NEWER;
    if (r)
        return journal_error(r);
    pin(c->engine, o->certificate_pin);
    return SYNCSHELL_OK;
}

/* ---- life ---- */

static int32_t start(struct syncshell_client *c, const syncshell_options *o, const char *relay_url,
                     struct journal *j)
{
    struct io_thread_parts parts = {
        .engine = c->engine,
        .journal = j,
        .ca_file = o->ca_file,
        .relay_url = relay_url,
    };
    int r = event_queue_new(&c->events, o->events_max, o->wake, o->wake_userdata);

    if (r == 0) {
        parts.events = c->events;
        r = io_thread_new(&c->io, &parts);
    }
    if (r == IO_THREAD_E_RECORD)
        return SYNCSHELL_E_STATE_CORRUPT;
    if (r)
        return r == -ENOMEM ? SYNCSHELL_E_NO_MEMORY : SYNCSHELL_E_SYSTEM;
    return SYNCSHELL_OK;
}

static int32_t build(struct syncshell_client *c, const syncshell_options *o, const char *relay_url)
{
    struct journal *j = NULL;
    int32_t r;
    int locked = state_dir_take(&c->state_dir, o->state_dir);

    if (locked < 0)
        return state_error(locked);
    r = open_journal(&j, o->state_dir);
    if (r == SYNCSHELL_OK)
        r = open_identity(c, j);
    if (r == SYNCSHELL_OK)
        r = load_engine(c, o, j);
    if (r == SYNCSHELL_OK)
        r = start(c, o, relay_url, j);
    if (r != SYNCSHELL_OK)
        (void)journal_free(j);
    return r;
}

/* The thread has ended, or was never started. */
static void release(void *userdata)
{
    struct syncshell_client *c = userdata;

    (void)io_thread_free(c->io);
    (void)engine_free(c->engine);
    (void)event_queue_free(c->events);
    (void)identity_free(c->identity);
    state_dir_release(&c->state_dir);
    free(c);
}

int32_t SYNCSHELL_CALL syncshell_client_new(const syncshell_options *options,
                                            syncshell_client **ret_client)
{
    struct syncshell_client *c;
    syncshell_options known;
    struct relay_url url;
    int32_t r;

    if (!ret_client || !options_read(options, &known) || !options_ok(&known, &url))
        return SYNCSHELL_E_ARGUMENT;
    process_prepare();
    c = calloc(1, sizeof *c);
    if (!c)
        return SYNCSHELL_E_NO_MEMORY;
    c->state_dir = STATE_DIR_NONE;
    c->stop_timeout_ms = known.stop_timeout_ms;
    r = build(c, &known, known.relay_url ? url.origin : NULL);
    if (r != SYNCSHELL_OK) {
        release(c);
        return r;
    }
    *ret_client = c;
    return SYNCSHELL_OK;
}

void SYNCSHELL_CALL syncshell_client_free(syncshell_client *client)
{
    if (!client)
        return;
    if (io_thread_stop(client->io, client->stop_timeout_ms, release, client) == 0)
        release(client);
}

/* ---- what can be asked ---- */

int32_t SYNCSHELL_CALL syncshell_client_peer_id(const syncshell_client *client, char *ret_id,
                                                size_t size)
{
    if (!client || !ret_id)
        return SYNCSHELL_E_ARGUMENT;
    if (size < sizeof client->peer_id.text)
        return SYNCSHELL_E_BUFFER;
    memcpy(ret_id, client->peer_id.text, sizeof client->peer_id.text);
    return SYNCSHELL_OK;
}

int32_t SYNCSHELL_CALL syncshell_client_invite(syncshell_client *client, const char *syncshell_id,
                                               char *ret_invite, size_t size, size_t *ret_size)
{
    struct invite invite;
    struct wire_id id;
    size_t needed = 0;
    int r;

    if (!client || !syncshell_id || (!ret_invite && size > 0) || wire_id_set(&id, syncshell_id) < 0)
        return SYNCSHELL_E_ARGUMENT;
    r = engine_invite(io_thread_lock_engine(client->io), id.text, &invite);
    io_thread_unlock_engine(client->io);
    if (r)
        return SYNCSHELL_E_UNKNOWN;
    r = invite_text_encode(ret_invite, size, &needed, &invite);
    OPENSSL_cleanse(&invite, sizeof invite);
    if (r < 0)
        return SYNCSHELL_E_NO_MEMORY;
    if (ret_size)
        *ret_size = needed;
    return r ? SYNCSHELL_E_BUFFER : SYNCSHELL_OK;
}

int32_t SYNCSHELL_CALL syncshell_client_wake_fd(const syncshell_client *client)
{
    return client ? event_queue_fd(client->events) : -1;
}
