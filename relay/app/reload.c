#include "app/reload.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "adapters/loop_libevent/loop.h"
#include "app/admin.h"
#include "app/certificate_watch.h"
#include "app/config.h"
#include "app/server_options.h"
#include "app/server_state.h"

enum { LINE_SIZE = 1024 };

static void restart_needed(struct server *s, const char *key, struct buf *report)
{
    log_write(s->log, LOG_LEVEL_WARNING, "restart_needed", LOG_FIELDS(LOG_TEXT("key", key)));
    (void)(buf_append_str(report, key) || buf_append_str(report, ": needs a restart\n"));
}

static int keep(struct server *s, struct settings *settings, const char *key)
{
    return setting_copy(settings, s->settings, setting_find(key));
}

/* The files of a certificate may change at any time, whether there is one only at a start. */
static int keep_whether_tls(struct server *s, struct settings *settings, struct buf *report)
{
    if (!*s->settings->listen_tls_certificate == !*settings->listen_tls_certificate)
        return 0;
    restart_needed(s, "listen.tls_certificate", report);
    int r = keep(s, settings, "listen.tls_certificate");
    return r == 0 ? keep(s, settings, "listen.tls_key") : r;
}

/* Keys that only a start applies keep their running value, so that they stay noticed until then. */
static int keep_what_needs_a_restart(struct server *s, struct settings *settings,
                                     struct buf *report)
{
    int r = 0;
    for (size_t i = 0; i < setting_count && r == 0; i++) {
        const struct setting *row = &setting_table[i];
        if (row->reloadable || setting_equal(s->settings, settings, row))
            continue;
        restart_needed(s, row->key, report);
        r = setting_copy(settings, s->settings, row);
    }
    return r == 0 ? keep_whether_tls(s, settings, report) : r;
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

/* Takes the settings and the proxies. */
static void apply(struct server *s, struct settings *settings, const struct proxies *proxies)
{
    struct core_config config;
    server_options_core(&config, settings, store_identity(s->store));
    core_reconfigure(s->core, &config); /* has its origins from the new settings: the old may go */
    proxies_deinit(&s->proxies);
    s->proxies = *proxies;
    s->log->level = (enum log_level)settings->log_level;
    s->log->format = (enum log_format)settings->log_format;
    settings_deinit(&s->reloaded);
    s->reloaded = *settings;
    s->settings = &s->reloaded;
    log_write(s->log, LOG_LEVEL_INFO, "reloaded", LOG_FIELDS(LOG_TEXT("url", s->url)));
    certificate_watch(s);
}

/* What can fail comes first, so that nothing changes then; the certificate is last of it. */
static int try(struct server *s, struct settings *settings, struct buf *report)
{
    struct proxies proxies;
    struct ws_listen listen;
    struct ws_options unused;
    char error[LINE_SIZE];
    int r = keep_what_needs_a_restart(s, settings, report);
    if (r == 0)
        r = proxies_init(&proxies, (const char *const *)settings->proxy_trusted);
    if (r < 0)
        return r;
    server_options_listen(&listen, &unused, settings);
    r = ws_server_renew_certificate(s->ws, &listen, error, sizeof error);
    if (r == 0)
        r = admin_renew_token(s, settings, error, sizeof error);
    if (r < 0) {
        proxies_deinit(&proxies);
        buf_clear(report);
        return buf_append_str(report, error) == 0 ? CONFIG_E_FAULTS : r;
    }
    apply(s, settings, &proxies);
    return 0;
}

int reload_now(struct server *s, struct buf *report)
{
    struct settings settings;
    notify_send(&s->notify, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, loop_now_us(s->loop));
    int r = s->reload(s->reload_userdata, &settings, report);
    if (r == 0) {
        r = try(s, &settings, report);
        if (r != 0)
            settings_deinit(&settings);
    }
    if (r != 0)
        log_refused_reload(s, report, r);
    notify_send(&s->notify, "READY=1");
    return r;
}

void reload_on_signal(void *userdata)
{
    struct buf report = BUF_INIT(RELOAD_REPORT_MAX);
    (void)reload_now(userdata, &report);
    buf_deinit(&report);
}
