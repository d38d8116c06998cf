#include "transport/relay_url.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { PORT_WS = 80, PORT_WSS = 443, PORT_DIGITS_MAX = 5 };

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
}

static bool is_ipv6_char(char c)
{
    return (c >= 'a' && c <= 'f') || (c >= '0' && c <= '9') || c == '.' || c == ':';
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Copies the host in lower case; returns where it ends in the text, NULL when it is none. */
static const char *parse_host(char *ret_host, const char *text, bool bracketed)
{
    size_t n = 0;

    for (; bracketed ? is_ipv6_char(lower(*text)) : is_host_char(lower(*text)); text++) {
        if (n == WIRE_ORIGIN_MAX)
            return NULL;
        ret_host[n++] = lower(*text);
    }
    ret_host[n] = '\0';
    if (bracketed && *text++ != ']')
        return NULL;
    return n > 0 ? text : NULL;
}

static const char *parse_port(uint16_t *ret_port, const char *text)
{
    const char *start = text;
    unsigned long port = 0;

    for (; *text >= '0' && *text <= '9' && text - start < PORT_DIGITS_MAX; text++)
        port = port * 10 + (unsigned long)(*text - '0');
    if (text == start || port == 0 || port > UINT16_MAX)
        return NULL;
    *ret_port = (uint16_t)port;
    return text;
}

static bool skip(const char **text, const char *prefix)
{
    size_t length = strlen(prefix);

    if (strncmp(*text, prefix, length) != 0)
        return false;
    *text += length;
    return true;
}

int relay_url_parse(struct relay_url *ret_url, const char *text)
{
    struct relay_url url = {.tls = false};
    char port[PORT_DIGITS_MAX + 2] = "";
    bool bracketed;
    int n;

    url.tls = skip(&text, "wss://");
    if (!url.tls && !skip(&text, "ws://"))
        return -EINVAL;
    bracketed = skip(&text, "[");
    text = parse_host(url.host, text, bracketed);
    if (!text)
        return -EINVAL;
    url.port = url.tls ? PORT_WSS : PORT_WS;
    if (skip(&text, ":") && !(text = parse_port(&url.port, text)))
        return -EINVAL;
    if (strcmp(text, "") != 0 && strcmp(text, "/") != 0)
        return -EINVAL;

    if (url.port != (url.tls ? PORT_WSS : PORT_WS))
        (void)snprintf(port, sizeof port, ":%u", (unsigned)url.port);
    n = snprintf(url.authority, sizeof url.authority, bracketed ? "[%s]%s" : "%s%s", url.host,
                 port);
    if (n < 0 || (size_t)n >= sizeof url.authority)
        return -EINVAL;
    n = snprintf(url.origin, sizeof url.origin, "%s://%s", url.tls ? "wss" : "ws", url.authority);
    if (n < 0 || (size_t)n >= sizeof url.origin)
        return -EINVAL;
    *ret_url = url;
    return 0;
}
