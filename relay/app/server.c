#define _GNU_SOURCE /* asprintf */
#include "app/server.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/admin_http/admin_http.h"
#include "adapters/admin_http/control_socket.h"
#include "adapters/crypto_openssl/crypto.h"
#include "adapters/loop_libevent/loop.h"
#include "app/admin.h"
#include "app/certificate_watch.h"
#include "app/reload.h"
#include "app/server_options.h"
#include "app/server_state.h"
#include "app/state_log.h"
#include "app/wiring.h"
#include "base/timeutil.h"

enum {
    US_PER_MS = 1000,
    CLOSE_GRACE_MS = 1000, /* beyond the time that a closing handshake may take */
    STORE_STOP_MS = 5000,  /* for what is queued, on a disk that is slow */
};

/* ---- the end: clients are told to leave, then closed, then waited for ---- */

static void wait_for(struct server *s, uint64_t ms)
{
    if (loop_timer_arm(s->drain, time_add_ms(loop_now_us(s->loop), ms)) < 0)
        loop_stop(s->loop);
}

static void on_drain_over(void *userdata)
{
    struct server *s = userdata;
    if (s->closing) {
        loop_stop(s->loop);
        return;
    }
    s->closing = true;
    wiring_close_all(s, wire_code_close(WIRE_CODE_SHUTTING_DOWN),
                     wire_code_name(WIRE_CODE_SHUTTING_DOWN));
    wait_for(s, s->settings->close_timeout_ms + CLOSE_GRACE_MS);
}

static void on_terminate(void *userdata)
{
    struct server *s = userdata;
    if (s->draining) {
        loop_stop(s->loop);
        return;
    }
    s->draining = true;
    /* The drain may be set longer than the time that a service manager gives a service to end. */
    notify_send(&s->notify, "STOPPING=1\nEXTEND_TIMEOUT_USEC=%" PRIu64,
                (s->settings->drain_ms + s->settings->close_timeout_ms + 2 * CLOSE_GRACE_MS +
                 STORE_STOP_MS) *
                    US_PER_MS);
    log_write(s->log, LOG_LEVEL_INFO, "draining",
              LOG_FIELDS(LOG_NUMBER("window_ms", s->settings->drain_ms)));
    ws_server_stop_listening(s->ws);
    core_drain(s->core, loop_now_us(s->loop), (uint32_t)s->settings->drain_ms);
    wiring_carry_out(s);
    wait_for(s, s->settings->drain_ms);
}

/* ---- the service manager ---- */

/* It is the loop that must be alive: a disk that hangs is no better after a restart, and /readyz tells of it. */
static void on_watchdog(void *userdata)
{
    struct server *s = userdata;
    notify_send(&s->notify, "WATCHDOG=1");
    if (loop_timer_arm(s->watchdog, loop_now_us(s->loop) + s->notify.watchdog_us / 2) < 0)
        log_write(s->log, LOG_LEVEL_ERROR, "timer_failed",
                  LOG_FIELDS(LOG_TEXT("timer", "watchdog")));
}

static void tell_ready(struct server *s)
{
    notify_send(&s->notify, "READY=1\nSTATUS=Listening on %s", s->url);
    if (s->notify.watchdog_us)
        on_watchdog(s);
}

static void on_end_of_turn(void *userdata)
{
    struct server *s = userdata;
    struct core_stats stats;
    wiring_end_of_turn(s);
    core_stats(s->core, &stats);
    if (s->draining && stats.connections == 0 && stats.ops_in_flight == 0)
        loop_stop(s->loop);
}

/* ---- putting it together ---- */

static int start_loop(struct server *s)
{
    int r = loop_new(&s->loop);
    if (r == 0)
        r = loop_waker_new(s->loop, wiring_store_ready, s, &s->waker);
    if (r == 0)
        r = loop_timer_new(s->loop, wiring_tick, s, &s->tick);
    if (r == 0)
        r = loop_timer_new(s->loop, wiring_heartbeat, s, &s->sweep);
    if (r == 0)
        r = loop_timer_new(s->loop, on_drain_over, s, &s->drain);
    if (r == 0)
        r = loop_timer_new(s->loop, on_watchdog, s, &s->watchdog);
    if (r == 0)
        r = loop_timer_new(s->loop, certificate_watch, s, &s->certificate);
    if (r == 0)
        r = loop_signal_new(s->loop, SIGTERM, on_terminate, s, &s->signals[0]);
    if (r == 0)
        r = loop_signal_new(s->loop, SIGINT, on_terminate, s, &s->signals[1]);
    if (r == 0)
        r = loop_signal_new(s->loop, SIGHUP, reload_on_signal, s, &s->signals[2]);
    if (r == 0)
        r = loop_signal_new(s->loop, SIGUSR1, state_log_on_signal, s, &s->signals[3]);
    return r;
}

static int start_core(struct server *s, char *ret_error, size_t error_size)
{
    struct store_options options;
    struct core_config config;
    struct core_host host;
    server_options_store(&options, s->settings);
    options.wake = wiring_wake_for_store;
    options.userdata = s;
    int r = store_new(&s->store, &options, ret_error, error_size);
    if (r < 0)
        return r;
    s->store_healthy = true;
    server_options_core(&config, s->settings, store_identity(s->store));
    wiring_host(s, &host);
    s->started = wiring_wall_now();
    return core_new(&s->core, &config, &host, loop_now_us(s->loop));
}

static int make_url(struct server *s)
{
    const char *address = s->settings->listen_address;
    bool tls = *s->settings->listen_tls_certificate != '\0';
    bool v6 = strchr(address, ':') != NULL;
    int n = asprintf(&s->url, "%s://%s%s%s:%u", tls ? "wss" : "ws", v6 ? "[" : "", address,
                     v6 ? "]" : "", ws_server_port(s->ws));
    if (n >= 0)
        return 0;
    s->url = NULL;
    return -ENOMEM;
}

static int start_listener(struct server *s, char *ret_error, size_t error_size)
{
    struct ws_listen listen;
    struct ws_options options;
    struct ws_handler handler;
    server_options_listen(&listen, &options, s->settings);
    wiring_handler(s, &handler);
    int r = ws_server_new(&s->ws, loop_event_base(s->loop), &listen, &options, &handler, ret_error,
                          error_size);
    return r < 0 ? r : make_url(s);
}

static int start(struct server *s, char *ret_error, size_t error_size)
{
    int r = crypto_new(&s->crypto);
    if (r == 0)
        r = start_loop(s);
    if (r == 0)
        r = proxies_init(&s->proxies, (const char *const *)s->settings->proxy_trusted);
    if (r == 0)
        r = start_core(s, ret_error, error_size);
    if (r == 0)
        r = start_listener(s, ret_error, error_size);
    if (r == 0)
        r = admin_start(s, ret_error, error_size);
    return r;
}

int server_new(struct server **ret_server, const struct settings *settings, struct log *log,
               server_reload_fn reload, void *reload_userdata, char *ret_error, size_t error_size)
{
    int r = -ENOMEM;
    struct server *s = calloc(1, sizeof *s);
    *ret_error = '\0';
    if (s) {
        s->settings = settings;
        s->log = log;
        s->reload = reload;
        s->reload_userdata = reload_userdata;
        list_init(&s->links);
        tally_init(&s->tally);
        if (notify_init(&s->notify) < 0)
            log_write(log, LOG_LEVEL_WARNING, "notify_failed",
                      LOG_FIELDS(LOG_TEXT("variable", "NOTIFY_SOCKET")));
        r = start(s, ret_error, error_size);
    }
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
    wiring_heartbeat(s);
    certificate_watch(s);
    tell_ready(s);
    return loop_run(s->loop);
}

/* What it still commits is given back to a core whose connections can hear of it no more. */
static bool stop_store(struct server *s)
{
    wiring_carry_out(s);
    if (!store_stop(s->store, STORE_STOP_MS))
        return false;
    s->store_stopped = true;
    wiring_store_ready(s);
    return true;
}

bool server_stop(struct server *s)
{
    s->admin = admin_http_free(s->admin);
    s->control = control_socket_free(s->control);
    s->ws = ws_server_free(s->ws);
    if (!s->core || s->store_stopped || stop_store(s))
        return true;
    log_write(
        s->log, LOG_LEVEL_ERROR, "store_abandoned",
        LOG_FIELDS(LOG_TEXT("reason", "the disk does not answer: what was not acknowledged may "
                                      "be lost"),
                   LOG_TEXT("data", s->settings->store_path),
                   LOG_NUMBER("waited_ms", STORE_STOP_MS)));
    return false;
}

struct server *server_free(struct server *s)
{
    if (!s)
        return NULL;
    (void)server_stop(s);
    s->core = core_free(s->core);
    s->store = store_free(s->store);
    notify_deinit(&s->notify);
    s->certificate = loop_timer_free(s->certificate);
    s->watchdog = loop_timer_free(s->watchdog);
    s->drain = loop_timer_free(s->drain);
    s->sweep = loop_timer_free(s->sweep);
    s->tick = loop_timer_free(s->tick);
    for (size_t i = 0; i < sizeof s->signals / sizeof s->signals[0]; i++)
        s->signals[i] = loop_signal_free(s->signals[i]);
    s->waker = loop_waker_free(s->waker);
    s->loop = loop_free(s->loop);
    s->crypto = crypto_free(s->crypto);
    proxies_deinit(&s->proxies);
    settings_deinit(&s->reloaded);
    free(s->url);
    free(s);
    return NULL;
}
