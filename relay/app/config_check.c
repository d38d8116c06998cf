#define _DEFAULT_SOURCE /* explicit_bzero */
#include "app/config_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "app/config.h"
#include "app/secret_file.h"
#include "base/str.h"
#include "wire/limits.h"

enum { PORT_DIGITS_MAX = 5 };

bool config_is_loopback(const char *address)
{
    struct in_addr v4;

    if (inet_pton(AF_INET, address, &v4) == 1)
        return (ntohl(v4.s_addr) >> 24) == 127;
    return str_equal(address, "::1") || str_equal(address, "localhost");
}

/* The host of a checked URL, without a v6 address's brackets. */
static bool url_is_loopback(const char *url)
{
    char host[WIRE_ORIGIN_MAX + 1];
    const char *at = strstr(url, "://") + strlen("://");
    size_t length = *at == '[' ? strcspn(++at, "]") : strcspn(at, ":");

    memcpy(host, at, length);
    host[length] = '\0';
    return config_is_loopback(host);
}

static bool url_is_tls(const char *url)
{
    return strncmp(url, "wss://", 6) == 0;
}

/* "" or ":8787". */
static bool port_valid(const char *text)
{
    size_t digits;
    unsigned long port;

    if (!*text)
        return true;
    if (*text != ':')
        return false;
    digits = strspn(text + 1, "0123456789");
    port = digits > 0 && digits <= PORT_DIGITS_MAX ? strtoul(text + 1, NULL, 10) : 0;
    return text[1 + digits] == '\0' && port > 0 && port <= UINT16_MAX;
}

/* Scheme and host, perhaps a port, in lower case: what a client signs. */
static bool url_valid(const char *url)
{
    const char *host;
    size_t length;

    if (strlen(url) > WIRE_ORIGIN_MAX || (strncmp(url, "ws://", 5) != 0 && !url_is_tls(url)))
        return false;
    host = strstr(url, "://") + strlen("://");
    if (*host != '[') {
        length = strspn(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_");
        return length > 0 && port_valid(host + length);
    }
    length = strspn(host + 1, "abcdef0123456789:.");
    return length > 0 && host[1 + length] == ']' && port_valid(host + length + 2);
}

/* No URL leads anybody here from another machine. */
static bool urls_are_local(const struct settings *s)
{
    for (char *const *url = s->public_urls; *url; url++)
        if (!url_is_loopback(*url))
            return false;
    return true;
}

/* True when nothing says that anybody beyond this machine reaches the relay: it listens on loopback, and no proxy's URL is
 * published. */
static bool config_is_local(const struct settings *s)
{
    return config_is_loopback(s->listen_address) && urls_are_local(s);
}

enum create_policy config_create_policy(const struct settings *s)
{
    if (s->create_policy == CREATE_POLICY_AUTO)
        return config_is_local(s) ? CREATE_POLICY_OPEN : CREATE_POLICY_NOBODY;
    return (enum create_policy)s->create_policy;
}

static bool has_tls(const struct settings *s)
{
    return *s->listen_tls_certificate != '\0';
}

/* What is looked at. Each fault has the place of the key that is to be changed, or of the one that asks for it. */
struct check {
    const struct settings *settings;
    const struct places *places;
    struct faults *faults;
};

static const char *place(const struct check *c, const char *key)
{
    return places_find(c->places, key);
}

/* Of the two keys' values the one that was given, not left to its default. */
static const char *place_of_either(const struct check *c, const char *key, const char *other)
{
    return *place(c, key) ? place(c, key) : place(c, other);
}

static bool check_file(const struct check *c, const char *key, const char *path)
{
    if (!*path)
        return false;
    if (access(path, R_OK) == 0)
        return true;
    fault_add(c->faults, place(c, key), "%s: cannot read %s: %s", key, path, strerror(errno));
    return false;
}

/* Whoever has the key is the relay to its clients. */
static void check_key(const struct check *c)
{
    static const char key[] = "listen.tls_key";
    const char *path = c->settings->listen_tls_key;
    struct stat status;

    if (check_file(c, key, path) && stat(path, &status) == 0 && S_ISREG(status.st_mode) &&
        secret_file_is_open(status.st_mode))
        fault_add(c->faults, place(c, key),
                  "%s: everybody on this machine can reach %s: chmod o= it", key, path);
}

static void check_tls(const struct check *c)
{
    const struct settings *s = c->settings;

    if (has_tls(s) != (*s->listen_tls_key != '\0'))
        fault_add(c->faults, place_of_either(c, "listen.tls_certificate", "listen.tls_key"),
                  "listen.tls_certificate and listen.tls_key belong together: set both or neither");
    check_file(c, "listen.tls_certificate", s->listen_tls_certificate);
    check_key(c);
}

/* False when a URL is none, so that nothing can be said about where it leads. */
static bool check_urls(const struct check *c)
{
    const struct settings *s = c->settings;
    bool valid = true;

    for (char *const *url = s->public_urls; *url; url++) {
        if (!url_valid(*url)) {
            valid = false;
            fault_add(
                c->faults, place(c, "public.urls"),
                "public.urls: \"%s\" is not like \"wss://relay.example\": ws or wss, a name in "
                "lower case, perhaps a port, no path",
                *url);
        } else if (has_tls(s) && !url_is_tls(*url)) {
            fault_add(c->faults, place(c, "public.urls"),
                      "public.urls: \"%s\" must begin with wss://: listen.tls_certificate is set",
                      *url);
        }
    }
    return valid;
}

/* A plain listener that others reach is for a TLS proxy, or for clients of this machine (out of a container). */
static void check_plain_url(const struct check *c, const char *url)
{
    if (!url_is_tls(url) && !url_is_loopback(url))
        fault_add(
            c->faults, place(c, "public.urls"),
            "public.urls: \"%s\" would be used without TLS: set listen.tls_certificate, or put a "
            "TLS proxy in front and name its wss:// URL",
            url);
}

static void check_reach(const struct check *c)
{
    const struct settings *s = c->settings;

    if (!*s->public_urls && !config_is_loopback(s->listen_address))
        fault_add(c->faults, place(c, "listen.address"),
                  "listen.address is not loopback: public.urls must name the URLs by which clients "
                  "reach this relay");
    for (char *const *url = s->public_urls; *url && !has_tls(s); url++)
        check_plain_url(c, *url);
    if (!config_is_loopback(s->listen_address) && !urls_are_local(s) && !has_tls(s) &&
        !*s->proxy_trusted)
        fault_add(
            c->faults, place(c, "listen.address"),
            "listen.address is not loopback, and there is no TLS: set listen.tls_certificate, or "
            "name the TLS proxy's address in proxy.trusted");
    if (s->create_policy == CREATE_POLICY_AUTO && !config_is_local(s))
        fault_add(c->faults,
                  urls_are_local(s) ? place(c, "listen.address") : place(c, "public.urls"),
                  "this relay can be reached from elsewhere (listen.address, public.urls): decide "
                  "with create.policy who may create syncshells");
}

/* As a start reads it. */
static void check_token(const struct check *c)
{
    static const char key[] = "admin.token_file";
    const char *path = c->settings->admin_token_file;
    char token[SECRET_FILE_MAX + 1];

    if (!check_file(c, key, path))
        return;
    const char *fault = secret_file_read(path, ADMIN_TOKEN_MIN, SECRET_FILE_MAX, token);
    if (fault)
        fault_add(c->faults, place(c, key), "%s: %s: %s", key, path, fault);
    else
        explicit_bzero(token, sizeof token);
}

static void check_admin(const struct check *c)
{
    const struct settings *s = c->settings;

    check_token(c);
    if (!*s->admin_address)
        return;
    if (!config_is_loopback(s->admin_address) && s->admin_reach == ADMIN_REACH_MACHINE)
        fault_add(
            c->faults, place(c, "admin.address"),
            "admin.address must be a loopback address: to reach it from elsewhere, use an SSH "
            "tunnel or a TLS proxy; in a container, admin.reach = \"network\"");
    if (!*s->admin_token_file)
        fault_add(c->faults, place(c, "admin.address"), "admin.address needs admin.token_file");
}

static void check_store(const struct check *c)
{
    const char *path = c->settings->store_path;
    struct stat status;

    if (!*path)
        fault_add(c->faults, place(c, "store.path"), "store.path must name a file");
    else if (stat(path, &status) == 0 && S_ISDIR(status.st_mode))
        fault_add(c->faults, place(c, "store.path"),
                  "store.path: %s is a folder: name a file in it", path);
}

void config_check(const struct settings *s, const struct places *places, struct faults *faults)
{
    const struct check c = {.settings = s, .places = places, .faults = faults};

    check_admin(&c);
    check_store(&c);
    check_tls(&c);
    if (!*s->listen_address)
        fault_add(faults, place(&c, "listen.address"),
                  "listen.address must name an address; \"::\" means all, \"0.0.0.0\" all of IPv4");
    else if (check_urls(&c))
        check_reach(&c);
}
