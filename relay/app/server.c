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
#include "app/event_log.h"
#include "app/server_options.h"
#include "base/timeutil.h"
#include "core/core.h"

enum {
    URL_SIZE = 300,
    LINE_SIZE = 1024,
    FAULTS_BYTES_MAX = 65536,
    DRAIN_GRACE_MS = 2000, /* after the drain window, for closing handshakes */
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
    struct event_log events;
    struct log_limit ws_lines;
    bool draining;
    bool store_healthy;
    bool store_stopped;
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

/* A store that has stopped takes nothing more; nobody waits for what the core begins then (the next step of a sweep). */
static void submit(struct server *s, struct store_op *op)
{
    if (!s->store_stopped) {
        store_submit(s->store, op);
        return;
    }
    op->code = WIRE_CODE_STORE_UNAVAILABLE;
    core_store_done(s->core, loop_now_us(s->loop), op);
}

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
            submit(s, effect.op);
            break;
        case EFFECT_EVENT:
            event_log_write(&s->events, s->log, &effect.event);
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
    log_write_limited(s->log, &s->ws_lines,
                      level <= SYSLOG_ERROR ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "websocket",
                      LOG_FIELDS(LOG_TEXT("line", line)));
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

/* ---- reloading ---- */

/* Keys that only a start applies keep their running value, so that they stay noticed until then. */
static int keep_what_needs_a_restart(struct server *s, struct settings *settings)
{
    int r = 0;
    for (size_t i = 0; i < setting_count && r == 0; i++) {
        const struct setting *row = &setting_table[i];
        if (row->reloadable || setting_equal(s->settings, settings, row))
            continue;
        log_write(s->log, LOG_LEVEL_WARNING, "restart_needed",
                  LOG_FIELDS(LOG_TEXT("key", row->key)));
        r = setting_copy(settings, s->settings, row);
    }
    return r;
}

static void log_refused_reload(struct server *s, const struct buf *faults, int result)
{
    if (result < 0)
        log_write(s->log, LOG_LEVEL_ERROR, "reload_refused",
                  LOG_FIELDS(LOG_TEXT("fault", strerror(-result))));
    for (size_t at = 0; at < faults->size;) {
        const char *line = (const char *)faults->data + at;
        const char *feed = memchr(line, '\n', faults->size - at);
        size_t length = feed ? (size_t)(feed - line) : faults->size - at;
        char fault[LINE_SIZE];
        snprintf(fault, sizeof fault, "%.*s", (int)length, line);
        log_write(s->log, LOG_LEVEL_ERROR, "reload_refused", LOG_FIELDS(LOG_TEXT("fault", fault)));
        at += length + 1;
    }
}

/* Takes the settings. */
static void apply(struct server *s, struct settings *settings)
{
    struct core_config config;
    server_options_core(&config, settings, store_identity(s->store));
    core_reconfigure(s->core, &config); /* has its origins from the new settings: the old may go */
    s->log->level = (enum log_level)settings->log_level;
    s->log->format = (enum log_format)settings->log_format;
    settings_deinit(&s->reloaded);
    s->reloaded = *settings;
    s->settings = &s->reloaded;
    log_write(s->log, LOG_LEVEL_INFO, "reloaded", LOG_FIELDS(LOG_TEXT("url", s->url)));
}

static void on_reload(void *userdata)
{
    struct server *s = userdata;
    struct settings settings;
    struct buf faults = BUF_INIT(FAULTS_BYTES_MAX);
    int r = s->reload(s->reload_userdata, &settings, &faults);
    if (r == 0) {
        r = keep_what_needs_a_restart(s, &settings);
        if (r == 0)
            apply(s, &settings);
        else
            settings_deinit(&settings);
    }
    if (r != 0)
        log_refused_reload(s, &faults, r);
    buf_deinit(&faults);
}

/* ---- putting it together ---- */

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
    struct store_options options;
    server_options_store(&options, s->settings);
    options.wake = wake_for_store;
    options.userdata = s;
    int r = store_new(&s->store, &options, ret_error, error_size);
    if (r < 0)
        return r;
    s->store_healthy = true;
    struct core_config config;
    server_options_core(&config, s->settings, store_identity(s->store));
    const struct core_host host = {
        .userdata = s, .verify = host_verify, .random = host_random, .wall_now = host_wall_now};
    r = core_new(&s->core, &config, &host, loop_now_us(s->loop));
    if (r < 0)
        snprintf(ret_error, error_size, "the relay's core cannot start: %s", strerror(-r));
    return r;
}

static int start_listener(struct server *s, char *ret_error, size_t error_size)
{
    struct ws_listen listen;
    struct ws_options options;
    server_options_listen(&listen, &options, s->settings);
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
    bool v6 = strchr(listen.address, ':') != NULL;
    snprintf(s->url, sizeof s->url, "%s://%s%s%s:%u", listen.tls_certificate_file ? "wss" : "ws",
             v6 ? "[" : "", listen.address, v6 ? "]" : "", ws_server_port(s->ws));
    return 0;
}

int server_new(struct server **ret_server, const struct settings *settings, struct log *log,
               server_reload_fn reload, void *reload_userdata, char *ret_error, size_t error_size)
{
    struct server *s = calloc(1, sizeof *s);
    if (!s) {
        snprintf(ret_error, error_size, "out of memory");
        return -ENOMEM;
    }
    s->settings = settings;
    s->log = log;
    s->reload = reload;
    s->reload_userdata = reload_userdata;
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
    s->store_stopped = true;
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
