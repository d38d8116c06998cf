#include "app/doctor_command.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

#include "adapters/crypto_openssl/crypto.h"
#include "adapters/crypto_openssl/tls_probe.h"
#include "app/admin_client.h"
#include "app/setting.h"
#include "app/turn_probe.h"
#include "app/usage.h"
#include "base/str.h"

enum {
    ERROR_SIZE = 512,
    TEXT_SIZE = 1024,
    ANSWER_MAX = 65536,
    S_PER_DAY = 24 * 3600,
    DAYS_LEFT_MIN = 7,
    FREE_BYTES_MIN = 500 * 1024 * 1024,
    CREDENTIALS_TTL_S = 600,
};

struct examination {
    const struct settings *settings;
    const char *ca_file;
    unsigned faults;
};

__attribute__((format(printf, 1, 2))) static void say_well(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("ok     ", stdout);
    vprintf(format, arguments);
    putchar('\n');
    va_end(arguments);
}

/* `advice` is what to do; `format` makes the sentence before it. */
__attribute__((format(printf, 3, 4))) static void
say_fault(struct examination *x, const char *advice, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("FAULT  ", stdout);
    vprintf(format, arguments);
    printf("\n       %s\n", advice);
    va_end(arguments);
    x->faults++;
}

static void look_at_relay(struct examination *x)
{
    struct buf body = BUF_INIT(ANSWER_MAX);
    int status = admin_ask(x->settings->store_path, "GET", "/readyz", &body);
    if (status == 200)
        say_well("The relay runs on %s and is ready.", x->settings->store_path);
    else if (status > 0)
        say_fault(x, "Its log says more.", "The relay is not ready: %.*s",
                  (int)strcspn((const char *)body.data, "\n"), (const char *)body.data);
    else
        say_fault(x, "Start it with the same settings that doctor has.", "No relay answers on %s.",
                  x->settings->store_path);
    buf_deinit(&body);
}

/* ---- the public URLs ---- */

/* Of "wss://relay.example:8787": host and port, to be printed and dialled. */
static void split_url(const char *url, char ret_host[TEXT_SIZE], char ret_port[TEXT_SIZE])
{
    const char *at = strstr(url, "://") + strlen("://");
    bool v6 = *at == '[';
    size_t host = v6 ? strcspn(++at, "]") : strcspn(at, ":");
    const char *rest = at + host + v6;
    (void)snprintf(ret_host, TEXT_SIZE, "%.*s", (int)host, at);
    (void)snprintf(ret_port, TEXT_SIZE, "%s",
                   *rest == ':' ? rest + 1 : (strncmp(url, "wss:", 4) == 0 ? "443" : "80"));
}

static void look_at_certificate(struct examination *x, const char *url, int64_t expires_unix_s)
{
    int64_t days = (expires_unix_s - (int64_t)time(NULL)) / S_PER_DAY;
    if (expires_unix_s == 0)
        return;
    if (days < DAYS_LEFT_MIN)
        say_fault(x, "Renew it, then: syncshell-relay reload",
                  "The certificate of %s is good for %" PRId64 " more days only.", url, days);
    else
        say_well("The certificate of %s is good for %" PRId64 " more days.", url, days);
}

static void look_at_url(struct examination *x, const char *url)
{
    char host[TEXT_SIZE], port[TEXT_SIZE], request[3 * TEXT_SIZE], error[ERROR_SIZE];
    split_url(url, host, port);
    (void)snprintf(request, sizeof request,
                   "GET / HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                   "Sec-WebSocket-Key: c3luY3NoZWxsLWRvY3Rvcg==\r\nSec-WebSocket-Version: 13\r\n"
                   "Sec-WebSocket-Protocol: syncshell.v1\r\n\r\n",
                   host);
    struct tls_probe probe = {.host = host,
                              .port = port,
                              .tls = strncmp(url, "wss:", 4) == 0,
                              .ca_file = x->ca_file,
                              .request = request,
                              .until = "\"Hello\""};
    if (tls_probe_run(&probe, error, sizeof error) < 0)
        say_fault(
            x,
            "Check the name in the DNS, the firewall's ports, and the proxy in front: it must "
            "pass WebSocket on.",
            "%s %s.", url, error);
    else
        say_well("%s leads to a relay.", url);
    look_at_certificate(x, url, probe.expires_unix_s);
}

/* ---- STUN and TURN ---- */

static void look_at_ice_url(struct examination *x, const struct ice_server *server, const char *url)
{
    char username[TEXT_SIZE], error[ERROR_SIZE];
    char credential[CRYPTO_HMAC_SHA1_SIZE] = "";
    const char *password = server->credential;
    (void)snprintf(username, sizeof username, "%s", server->username);
    if (*server->secret) {
        (void)snprintf(username, sizeof username, "%" PRId64 ":doctor",
                       (int64_t)time(NULL) + CREDENTIALS_TTL_S);
        if (crypto_hmac_sha1(server->secret, strlen(server->secret), username, strlen(username),
                             credential) < 0)
            return;
        password = credential;
    }
    int r = turn_probe_run(url, username, password, error, sizeof error);
    if (r == TURN_PROBE_E_SKIPPED)
        printf("note   %s was not tried: doctor speaks UDP only.\n", url);
    else if (r == -EACCES)
        say_fault(x, "Compare the secret and the clock of the relay and of the TURN server.",
                  "%s %s.", url, error);
    else if (r < 0)
        say_fault(x, "Check that it runs, and that its ports are open.", "%s %s.", url, error);
    else
        say_well("%s %s.", url, strncmp(url, "stun:", 5) == 0 ? "answers" : "gives an allocation");
}

static void look_at_ice(struct examination *x)
{
    const struct ice_settings *ice = &x->settings->ice;
    if (ice->n_servers == 0)
        puts(
            "note   No STUN or TURN server is configured: pairs behind strict routers will not meet.");
    for (size_t i = 0; i < ice->n_servers; i++)
        for (char *const *url = ice->servers[i]->urls; *url; url++)
            look_at_ice_url(x, ice->servers[i], *url);
}

/* ---- the machine ---- */

static void look_at_machine(struct examination *x)
{
    struct timex clock = {0};
    struct usage u;
    if (adjtimex(&clock) == TIME_ERROR)
        puts("note   Nothing keeps this machine's clock right (timedatectl): TURN credentials and "
             "certificates depend on it.");
    else
        say_well("The clock is kept right.");
    usage_read(&u, x->settings->store_path);
    if (u.free_bytes < FREE_BYTES_MIN)
        say_fault(x, "Make room; old backups beside the database are a usual reason.",
                  "The database's disk has %" PRIu64 " MB left.", u.free_bytes / 1000000);
    else
        say_well("The database's disk has %" PRIu64 " MB left.", u.free_bytes / 1000000);
}

int doctor_command(const struct settings *s, const char *ca_file)
{
    struct examination x = {.settings = s, .ca_file = ca_file};
    look_at_relay(&x);
    for (char *const *url = s->public_urls; *url; url++)
        look_at_url(&x, *url);
    if (!*s->public_urls)
        puts("note   public.urls is empty: this relay is for this machine alone.");
    look_at_ice(&x);
    look_at_machine(&x);
    if (x.faults == 0)
        puts("All is well.");
    return x.faults == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
