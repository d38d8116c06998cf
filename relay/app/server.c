#include "app/server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "adapters/crypto_openssl/crypto.h"
#include "adapters/loop_libevent/loop.h"
#include "adapters/store_sqlite/store.h"
#include "adapters/ws_lws/ws.h"
#include "app/config.h"
#include "app/event_log.h"
#include "base/timeutil.h"
#include "core/core.h"

enum {
    URL_SIZE = 300,
    FRAME_OVERHEAD_BYTES = 1, /* the line feed between header and body */
    DRAIN_GRACE_MS = 2000,    /* after the drain window, for closing handshakes */
};

struct server {
    struct log *log;
    struct settings reloaded; /* owned; replaces the caller's after a reload */
    const struct settings *settings;
    server_reload_fn reload;
    void *reload_userdata;
    struct crypto *crypto;
    struct loop *loop;
    struct store *store;
    struct core *core;
    struct ws_server *ws;
    struct loop_waker *waker;
    struct loop_timer *tick;
    struct loop_timer *sweep;
    struct loop_timer *drain;
    struct loop_signal *signals[3];
    char url[URL_SIZE];
    bool draining;
    bool store_healthy;
};

/* ---- the core's services ---- */

static bool host_verify(void *userdata, const char *public_key, const char *signature,
                        const void *text, size_t size)
{
    struct server *s = userdata;
    return crypto_verify(s->crypto, public_key, signature, text, size);
}

static int host_random(void *userdata, void *ret_bytes, size_t size)
{
    struct server *s = userdata;
    return crypto_random(s->crypto, ret_bytes, size);
}

static struct wall_time host_wall_now(void *userdata)
{
    (void)userdata;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (struct wall_time){.unix_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000};
}

/* ---- effects ---- */

static void carry_out(struct server *s)
{
    struct core_effect effect;
    while (core_next_effect(s->core, &effect)) {
        switch (effect.kind) {
        case EFFECT_SEND:
            ws_connection_want_write(core_connection_userdata(effect.connection));
            break;
        case EFFECT_CLOSE:
            ws_connection_close(core_connection_userdata(effect.connection), effect.close_code,
                                effect.close_reason);
            break;
        case EFFECT_STORE:
            store_submit(s->store, effect.op);
            break;
        case EFFECT_EVENT:
            event_log_write(s->log, &effect.event);
            break;
        }
    }
}

static void note_store_health(struct server *s)
{
    struct store_stats stats;
    store_stats(s->store, &stats);
    if (stats.healthy == s->store_healthy)
        return;
    s->store_healthy = stats.healthy;
    if (stats.healthy)
        log_write(s->log, LOG_LEVEL_WARNING, "store_recovered",
                  LOG_FIELDS(LOG_NUMBER("commits", stats.commits)));
    else
        log_write(s->log, LOG_LEVEL_ERROR, "store_failed",
                  LOG_FIELDS(LOG_TEXT("reason", stats.last_error)));
}

static void collect(struct server *s)
{
    for (struct store_op *op = store_collect(s->store); op; op = store_collect(s->store)) {
        core_store_done(s->core, loop_now_us(s->loop), op);
        carry_out(s);
    }
    note_store_health(s);
}

static void on_store_ready(void *userdata)
{
    collect(userdata);
}

static void wake_for_store(void *userdata)
{
    struct server *s = userdata;
    loop_waker_wake(s->waker);
}

static void on_tick(void *userdata)
{
    struct server *s = userdata;
    core_tick(s->core, loop_now_us(s->loop));
    carry_out(s);
}

static void on_sweep(void *userdata)
{
    struct server *s = userdata;
    uint64_t next_us = ws_server_sweep(s->ws, loop_now_us(s->loop));
    if (loop_timer_arm(s->sweep, next_us) < 0)
        log_write(s->log, LOG_LEVEL_ERROR, "timer_failed", LOG_FIELDS(LOG_TEXT("timer", "sweep")));
}

static void finish_drain_if_empty(struct server *s)
{
    struct core_stats stats;
    core_stats(s->core, &stats);
    if (s->draining && stats.connections == 0 && stats.ops_in_flight == 0)
        loop_stop(s->loop);
}

static void on_end_of_turn(void *userdata)
{
    struct server *s = userdata;
    carry_out(s);
    store_flush(s->store);
    ws_server_end_of_turn(s->ws);
    carry_out(s); /* what writing made possible */
    store_flush(s->store);
    if (loop_timer_arm(s->tick, core_deadline_us(s->core)) < 0)
        log_write(s->log, LOG_LEVEL_ERROR, "timer_failed", LOG_FIELDS(LOG_TEXT("timer", "tick")));
    finish_drain_if_empty(s);
}

/* ---- the listener's events ---- */

static int on_opened(void *userdata, struct ws_connection *c, void **ret_user)
{
    struct server *s = userdata;
    struct connection *connection;
    int r = core_connect(s->core, loop_now_us(s->loop), c, &connection);
    if (r != 0)
        return r < 0 ? r : -EBUSY;
    *ret_user = connection;
    log_write(s->log, LOG_LEVEL_DEBUG, "connected",
              LOG_FIELDS(LOG_NUMBER("connection", core_connection_id(connection)),
                         LOG_TEXT("address", ws_connection_address(c))));
    carry_out(s);
    return 0;
}

static void on_closed(void *userdata, void *user)
{
    struct server *s = userdata;
    log_write(s->log, LOG_LEVEL_DEBUG, "disconnected",
              LOG_FIELDS(LOG_NUMBER("connection", core_connection_id(user))));
    core_disconnect(user, loop_now_us(s->loop));
    carry_out(s);
}

static void on_received(void *userdata, void *user, bool binary, const uint8_t *data, size_t size)
{
    struct server *s = userdata;
    core_receive(user, loop_now_us(s->loop), binary, data, size);
    carry_out(s);
}

static void on_oversized(void *userdata, void *user)
{
    struct server *s = userdata;
    core_receive_oversized(user, loop_now_us(s->loop));
    carry_out(s);
}

static void on_heartbeat_missed(void *userdata, void *user)
{
    struct server *s = userdata;
    core_heartbeat_missed(user, loop_now_us(s->loop));
    carry_out(s);
}

static struct frame *on_pull(void *userdata, void *user)
{
    struct server *s = userdata;
    struct frame *frame = core_connection_pull(user, loop_now_us(s->loop));
    carry_out(s);
    return frame;
}

static void on_ws_log(void *userdata, int level, const char *line)
{
    struct server *s = userdata;
    enum { SYSLOG_ERROR = 3 };
    log_write_limited(s->log, level <= SYSLOG_ERROR ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
                      "websocket", LOG_FIELDS(LOG_TEXT("line", line)));
}

/* ---- signals ---- */

static void on_drain_over(void *userdata)
{
    struct server *s = userdata;
    loop_stop(s->loop);
}

static void on_terminate(void *userdata)
{
    struct server *s = userdata;
    if (s->draining) {
        loop_stop(s->loop);
        return;
    }
    s->draining = true;
    log_write(s->log, LOG_LEVEL_INFO, "draining",
              LOG_FIELDS(LOG_NUMBER("window_ms", s->settings->drain_ms)));
    ws_server_stop_listening(s->ws);
    uint64_t now_us = loop_now_us(s->loop);
    core_drain(s->core, now_us, (uint32_t)s->settings->drain_ms);
    carry_out(s);
    if (loop_timer_arm(s->drain, time_add_ms(now_us, s->settings->drain_ms + DRAIN_GRACE_MS)) < 0)
        loop_stop(s->loop);
}

static void core_config_from(struct core_config *ret_config, const struct settings *settings,
                             const struct store_identity *identity);

static void log_restart_needed(struct server *s, const struct settings *settings)
{
    for (size_t i = 0; i < setting_count; i++) {
        const struct setting *row = &setting_table[i];
        if (!row->reloadable && !setting_equal(s->settings, settings, row))
            log_write(s->log, LOG_LEVEL_WARNING, "restart_needed",
                      LOG_FIELDS(LOG_TEXT("key", row->key)));
    }
}

static void on_reload(void *userdata)
{
    struct server *s = userdata;
    struct settings settings;
    if (!s->reload || s->reload(s->reload_userdata, &settings) != 0)
        return;
    log_restart_needed(s, &settings);
    struct core_config config;
    core_config_from(&config, &settings, store_identity(s->store));
    core_reconfigure(s->core, &config);
    s->log->level = (enum log_level)settings.log_level;
    s->log->json = settings.log_format == LOG_FORMAT_JSON;
    settings_deinit(&s->reloaded);
    s->reloaded = settings;
    s->settings = &s->reloaded;
    log_write(s->log, LOG_LEVEL_INFO, "reloaded", LOG_FIELDS(LOG_TEXT("url", s->url)));
}

/* ---- putting it together ---- */

static void core_config_from(struct core_config *ret_config, const struct settings *settings,
                             const struct store_identity *identity)
{
    enum { MS_PER_HOUR = 3600 * 1000 };
    core_config_defaults(ret_config);
    ret_config->relay_id = identity->relay_id;
    ret_config->store_epoch = identity->epoch;
    ret_config->origins = (const char *const *)settings->public_urls;
    ret_config->create_policy = config_create_policy(settings) == CREATE_POLICY_OPEN
                                    ? CORE_CREATE_OPEN
                                    : CORE_CREATE_NOBODY;
    ret_config->heartbeat_ms = (uint32_t)settings->heartbeat_ms;
    ret_config->handshake_timeout_ms = (uint32_t)settings->handshake_timeout_ms;
    ret_config->offer_ttl_ms = (uint32_t)settings->offer_ttl_ms;
    ret_config->session_ttl_ms = (uint32_t)(settings->session_ttl_hours * MS_PER_HOUR);
    ret_config->tombstone_ttl_ms = (uint32_t)(settings->tombstone_ttl_hours * MS_PER_HOUR);
    ret_config->inbox_ttl_ms = (uint32_t)(settings->inbox_ttl_hours * MS_PER_HOUR);
    ret_config->connections_max = (uint32_t)settings->connections_max;
    ret_config->members_max = (uint32_t)settings->members_max;
    ret_config->sessions_max = (uint32_t)settings->sessions_max;
    ret_config->joined_max = (uint32_t)settings->joined_max;
    ret_config->pending_ops_max = (uint32_t)settings->pending_requests_max;
    ret_config->session_log_bytes_max = settings->session_log_bytes_max;
    ret_config->inbox_bytes_max = settings->inbox_bytes_max;
    ret_config->inbox_messages_max = (uint32_t)settings->inbox_messages_max;
    ret_config->attempt_bytes_max = (uint32_t)settings->attempt_bytes_max;
    ret_config->queue_bytes_max = (uint32_t)settings->queue_bytes_max;
    ret_config->queue_frames_max = (uint32_t)settings->queue_frames_max;
}

static int start_loop(struct server *s)
{
    int r = loop_new(&s->loop);
    if (r == 0)
        r = loop_waker_new(s->loop, on_store_ready, s, &s->waker);
    if (r == 0)
        r = loop_timer_new(s->loop, on_tick, s, &s->tick);
    if (r == 0)
        r = loop_timer_new(s->loop, on_sweep, s, &s->sweep);
    if (r == 0)
        r = loop_timer_new(s->loop, on_drain_over, s, &s->drain);
    if (r == 0)
        r = loop_signal_new(s->loop, SIGTERM, on_terminate, s, &s->signals[0]);
    if (r == 0)
        r = loop_signal_new(s->loop, SIGINT, on_terminate, s, &s->signals[1]);
    if (r == 0)
        r = loop_signal_new(s->loop, SIGHUP, on_reload, s, &s->signals[2]);
    return r;
}

static int start_core(struct server *s, char *ret_error, size_t error_size)
{
    const struct store_options options = {.path = s->settings->store_path,
                                          .batch_max = (size_t)s->settings->store_batch_max,
                                          .wake = wake_for_store,
                                          .userdata = s};
    int r = store_new(&s->store, &options, ret_error, error_size);
    if (r < 0)
        return r;
    s->store_healthy = true;
    struct core_config config;
    core_config_from(&config, s->settings, store_identity(s->store));
    const struct core_host host = {
        .userdata = s, .verify = host_verify, .random = host_random, .wall_now = host_wall_now};
    r = core_new(&s->core, &config, &host, loop_now_us(s->loop));
    if (r < 0)
        snprintf(ret_error, error_size, "the relay's core cannot start: %s", strerror(-r));
    return r;
}

static const char *text_or_null(const char *text)
{
    return *text ? text : NULL;
}

static int start_listener(struct server *s, char *ret_error, size_t error_size)
{
    const struct settings *settings = s->settings;
    const struct ws_listen listen = {.address = settings->listen_address,
                                     .port = (uint16_t)settings->listen_port,
                                     .tls_certificate_file =
                                         text_or_null(settings->listen_tls_certificate),
                                     .tls_key_file = text_or_null(settings->listen_tls_key)};
    const struct ws_options options = {.message_bytes_max = WIRE_REQUEST_HEADER_MAX +
                                                            FRAME_OVERHEAD_BYTES + WIRE_BODY_MAX,
                                       .heartbeat_ms = (uint32_t)settings->heartbeat_ms,
                                       .connections_max = (uint32_t)settings->connections_max,
                                       .close_timeout_ms = (uint32_t)settings->close_timeout_ms};
    const struct ws_handler handler = {.userdata = s,
                                       .opened = on_opened,
                                       .closed = on_closed,
                                       .received = on_received,
                                       .oversized = on_oversized,
                                       .heartbeat_missed = on_heartbeat_missed,
                                       .pull = on_pull,
                                       .log = on_ws_log};
    int r = ws_server_new(&s->ws, loop_event_base(s->loop), &listen, &options, &handler, ret_error,
                          error_size);
    if (r < 0)
        return r;
    bool v6 = strchr(settings->listen_address, ':') != NULL;
    snprintf(s->url, sizeof s->url, "%s://%s%s%s:%u", listen.tls_certificate_file ? "wss" : "ws",
             v6 ? "[" : "", settings->listen_address, v6 ? "]" : "", ws_server_port(s->ws));
    return 0;
}

int server_new(struct server **ret_server, const struct settings *settings, struct log *log,
               char *ret_error, size_t error_size)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s)
        return -ENOMEM;
    s->settings = settings;
    s->log = log;
    *ret_error = '\0';
    int r = crypto_new(&s->crypto);
    if (r == 0)
        r = start_loop(s);
    if (r == 0)
        r = start_core(s, ret_error, error_size);
    if (r == 0)
        r = start_listener(s, ret_error, error_size);
    if (r != 0) {
        if (!*ret_error)
            snprintf(ret_error, error_size, "the relay cannot start: %s", strerror(-r));
        server_free(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

void server_set_reload(struct server *s, server_reload_fn reload, void *userdata)
{
    s->reload = reload;
    s->reload_userdata = userdata;
}

const char *server_url(const struct server *s)
{
    return s->url;
}

int server_run(struct server *s)
{
    log_write(s->log, LOG_LEVEL_INFO, "listening",
              LOG_FIELDS(LOG_TEXT("url", s->url), LOG_TEXT("data", s->settings->store_path),
                         LOG_TEXT("relay", store_identity(s->store)->relay_id.text)));
    loop_set_end_of_turn(s->loop, on_end_of_turn, s);
    on_sweep(s);
    return loop_run(s->loop);
}

/* The store first: what it still commits is given back to a core whose connections can hear of it no more. */
static void stop_store(struct server *s)
{
    carry_out(s);
    store_flush(s->store);
    store_stop(s->store);
    collect(s);
}

struct server *server_free(struct server *s)
{
    if (!s)
        return NULL;
    s->ws = ws_server_free(s->ws);
    if (s->core && s->store)
        stop_store(s);
    s->core = core_free(s->core);
    s->store = store_free(s->store);
    s->drain = loop_timer_free(s->drain);
    s->sweep = loop_timer_free(s->sweep);
    s->tick = loop_timer_free(s->tick);
    for (size_t i = 0; i < sizeof s->signals / sizeof s->signals[0]; i++)
        s->signals[i] = loop_signal_free(s->signals[i]);
    s->waker = loop_waker_free(s->waker);
    s->loop = loop_free(s->loop);
    s->crypto = crypto_free(s->crypto);
    settings_deinit(&s->reloaded);
    free(s);
    return NULL;
}
