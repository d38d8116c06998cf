#include "app/doctor/address.h"

#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "adapters/crypto_openssl/stream.h"
#include "base/str.h"

enum {
    S_PER_DAY = 24 * 3600,
    DAYS_LEFT_MIN = 7,
    NAME_SIZE = 512,
    ADDRESSES_SIZE = 512,
};

struct place {
    char host[NAME_SIZE];
    char port[NAME_SIZE];
    bool tls;
};

/* Of "wss://relay.example:8787", whose form the configuration has checked. */
static void split_url(const char *url, struct place *ret_place)
{
    const char *at = strstr(url, "://") + strlen("://");
    bool v6 = *at == '[';
    size_t host = v6 ? strcspn(++at, "]") : strcspn(at, ":");
    const char *rest = at + host + v6;
    ret_place->tls = strncmp(url, "wss:", 4) == 0;
    (void)snprintf(ret_place->host, NAME_SIZE, "%.*s", (int)host, at);
    (void)snprintf(ret_place->port, NAME_SIZE, "%s",
                   *rest == ':' ? rest + 1 : (ret_place->tls ? "443" : "80"));
}

/* ---- the name ---- */

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || str_equal(address, "::1");
}

/* The addresses as a text; whether all of them are this machine's own alone. */
static bool list_addresses(const struct addrinfo *found, char ret_text[ADDRESSES_SIZE])
{
    bool local = true;
    size_t length = 0;
    ret_text[0] = '\0';
    for (const struct addrinfo *a = found; a; a = a->ai_next) {
        char text[NI_MAXHOST];
        if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0)
            continue;
        local = local && is_loopback(text);
        int n =
            snprintf(ret_text + length, ADDRESSES_SIZE - length, "%s%s", length ? ", " : "", text);
        length += n > 0 && (size_t)n < ADDRESSES_SIZE - length ? (size_t)n : 0;
    }
    return local;
}

static bool look_at_name(struct examination *x, const char *host)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    char addresses[ADDRESSES_SIZE];
    int r = getaddrinfo(host, NULL, &hints, &found);
    if (r != 0) {
        examination_fault(
            x,
            "In your domain's DNS, give it an A record (and AAAA, if you have IPv6) with "
            "this machine's address.",
            "The name %s leads nowhere: %s.", host, gai_strerror(r));
        return false;
    }
    bool local = list_addresses(found, addresses);
    freeaddrinfo(found);
    if (str_equal(host, addresses)) /* it is no name */
        return true;
    if (local && !str_equal(host, "localhost"))
        examination_note(
            "On this machine, %s is %s (/etc/hosts): whether others find it is not known here.",
            host, addresses);
    else
        examination_well("The name %s leads to %s.", host, addresses);
    return true;
}

/* ---- the port and the certificate ---- */

static const char *advice(int error)
{
    switch (error) {
    case STREAM_E_UNREACHABLE:
        return "Start what listens there (the relay, or the proxy before it), and open the port in the "
               "firewall and at the provider.";
    case STREAM_E_NO_TLS:
        return "wss:// needs TLS there: a proxy with a certificate, or listen.tls_certificate and "
               "listen.tls_key.";
    case STREAM_E_CERTIFICATE_EXPIRED:
        return "Renew it, then: syncshell-relay reload. If it is new, look at the clock.";
    case STREAM_E_CERTIFICATE_NAME:
        return "Get a certificate for the name in public.urls, or write the certificate's name there.";
    case STREAM_E_CERTIFICATE:
        return "Install the whole chain (fullchain.pem, not cert.pem); an authority of your own is "
               "named with --ca, by members, too.";
    default:
        return "Look at what this machine is short of.";
    }
}

static void look_at_lifetime(struct examination *x, const char *url, int64_t expires_unix_s)
{
    int64_t days = (expires_unix_s - (int64_t)time(NULL)) / S_PER_DAY;
    if (days < DAYS_LEFT_MIN)
        examination_fault(x, "Renew it, then: syncshell-relay reload",
                          "The certificate of %s is good for %" PRId64 " more days only.", url,
                          days);
    else
        examination_well("The certificate of %s is good for %" PRId64 " more days.", url, days);
}

bool address_examine(struct examination *x, const char *url)
{
    struct place place;
    char error[EXAMINATION_ERROR_SIZE];
    struct stream *stream = NULL;
    int64_t expires_unix_s;
    split_url(url, &place);
    if (!look_at_name(x, place.host))
        return false;
    const struct stream_target target = {
        .host = place.host, .port = place.port, .tls = place.tls, .ca_file = x->ca_file};
    int r = stream_open(&stream, &target, &expires_unix_s, error, sizeof error);
    (void)stream_close(stream);
    if (r != 0) {
        examination_fault(x, advice(r), "%s %s.", url, error);
        return false;
    }
    if (place.tls)
        look_at_lifetime(x, url, expires_unix_s);
    return true;
}
