#define _DEFAULT_SOURCE /* explicit_bzero */
#include "app/admin.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "adapters/admin_http/admin_http.h"
#include "adapters/admin_http/control_socket.h"
#include "adapters/crypto_openssl/crypto.h"
#include "adapters/loop_libevent/loop.h"
#include "app/config_check.h"
#include "app/metrics.h"
#include "app/page.h"
#include "app/readiness.h"
#include "app/reload.h"
#include "app/secret_file.h"
#include "app/server_state.h"
#include "app/status.h"
#include "base/str.h"

enum {
    LINE_SIZE = 512,
};

enum access {
    ACCESS_ANYBODY = 1,
    ACCESS_TOKEN,
    ACCESS_CONTROL, /* over the control socket only */
};

static void say(struct admin_response *r, int status, const char *text)
{
    r->status = status;
    if (buf_append_str(&r->body, text) != 0)
        r->status = 500;
}

/* ---- health ---- */

/* The loop turns: it answers. */
static void answer_healthz(struct server *s, struct admin_response *r)
{
    (void)s;
    say(r, 200, "ok\n");
}

static void answer_readyz(struct server *s, struct admin_response *r)
{
    char text[LINE_SIZE];
    bool ready = readiness(s, text, sizeof text);
    say(r, ready ? 200 : 503, text);
    say(r, r->status, "\n");
}

/* ---- reload ---- */

static void answer_reload(struct server *s, struct admin_response *r)
{
    if (reload_now(s, &r->body) != 0)
        r->status = 409;
}

/* ---- metrics ---- */

static void answer_metrics(struct server *s, struct admin_response *r)
{
    r->content_type = "text/plain; version=0.0.4; charset=utf-8";
    if (metrics_print(s, &r->body) != 0)
        r->status = 500;
}

/* ---- the status page ---- */

static void answer_status(struct server *s, struct admin_response *r)
{
    r->content_type = "application/json";
    if (status_print(s, &r->body) != 0)
        r->status = 500;
}

/* What the page is made of is the same for everybody; its data needs the token. */
static void answer_page(const struct page_file *file, struct admin_response *r)
{
    r->content_type = file->content_type;
    r->status = buf_append(&r->body, file->data, file->size) == 0 ? 200 : 500;
}

/* ---- who may ask for what ---- */

static const struct route {
    const char *path;
    enum admin_method method;
    enum access access;
    void (*answer)(struct server *s, struct admin_response *r);
} routes[] = {
    {"/healthz", ADMIN_GET, ACCESS_ANYBODY, answer_healthz},
    {"/readyz", ADMIN_GET, ACCESS_ANYBODY, answer_readyz},
    {"/metrics", ADMIN_GET, ACCESS_TOKEN, answer_metrics},
    {"/status.json", ADMIN_GET, ACCESS_TOKEN, answer_status},
    {"/reload", ADMIN_POST, ACCESS_CONTROL, answer_reload},
};

/* Hashes are compared, so that the time it takes tells nothing of the token. */
static bool token_fits(const struct server *s, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    char sha256[CORE_SHA256_SIZE];
    if (!*s->admin_token_sha256 || strncmp(authorization, scheme, strlen(scheme)) != 0)
        return false;
    const char *token = authorization + strlen(scheme);
    return crypto_sha256(token, strlen(token), sha256) == 0 &&
           str_equal(sha256, s->admin_token_sha256);
}

static int status_for(const struct server *s, const struct route *route,
                      const struct admin_request *request)
{
    if (route->access == ACCESS_CONTROL && !request->trusted)
        return 403;
    if (route->method != request->method)
        return 405;
    if (request->trusted || route->access == ACCESS_ANYBODY)
        return 200;
    return token_fits(s, request->authorization) ? 200 : 401;
}

static void on_request(void *userdata, const struct admin_request *request,
                       struct admin_response *response)
{
    struct server *s = userdata;
    response->status = 404;
    for (size_t i = 0; i < page_file_count; i++)
        if (str_equal(page_files[i].path, request->path) && request->method != ADMIN_POST)
            answer_page(&page_files[i], response);
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++) {
        if (!str_equal(routes[i].path, request->path))
            continue;
        response->status = status_for(s, &routes[i], request);
        if (response->status == 200)
            routes[i].answer(s, response);
        return;
    }
}

/* ---- start ---- */

int admin_renew_token(struct server *s, const struct settings *settings, char *ret_error,
                      size_t error_size)
{
    const char *file = settings->admin_token_file;
    char token[SECRET_FILE_MAX + 1] = "";
    if (!*file) {
        s->admin_token_sha256[0] = '\0';
        return 0;
    }
    const char *fault = secret_file_read(file, ADMIN_TOKEN_MIN, SECRET_FILE_MAX, token);
    if (fault) {
        snprintf(ret_error, error_size, "admin.token_file: %s: %s", file, fault);
        return -EINVAL;
    }
    int r = crypto_sha256(token, strlen(token), s->admin_token_sha256);
    explicit_bzero(token, sizeof token);
    return r;
}

static void log_address(const struct server *s)
{
    char url[LINE_SIZE];
    bool v6 = strchr(s->settings->admin_address, ':') != NULL;
    snprintf(url, sizeof url, "http://%s%s%s:%u/", v6 ? "[" : "", s->settings->admin_address,
             v6 ? "]" : "", admin_http_port(s->admin));
    log_write(s->log, LOG_LEVEL_INFO, "admin_listening", LOG_FIELDS(LOG_TEXT("url", url)));
}

int admin_start(struct server *s, char *ret_error, size_t error_size)
{
    const struct settings *settings = s->settings;
    int r = admin_renew_token(s, settings, ret_error, error_size);
    if (r < 0)
        return r;
    r = control_socket_new(&s->control, loop_event_base(s->loop), settings->store_path, on_request,
                           s);
    if (r < 0) {
        snprintf(ret_error, error_size, "cannot listen on %s.admin: %s", settings->store_path,
                 strerror(-r));
        return r;
    }
    if (!*settings->admin_address)
        return 0;
    r = admin_http_new(&s->admin, loop_event_base(s->loop), settings->admin_address,
                       (uint16_t)settings->admin_port, on_request, s, ret_error, error_size);
    if (r == 0)
        log_address(s);
    return r;
}
