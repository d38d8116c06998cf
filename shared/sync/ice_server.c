#include "sync/ice_server.h"

#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <string.h>

enum { PORT_DEFAULT = 3478 };

static const char HOST_CHARACTERS[] =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
static const char ADDRESS_CHARACTERS[] = "0123456789abcdefABCDEF:.";

bool ice_server_is_tls(const char *url)
{
    return g_str_has_prefix(url, "stuns:") || g_str_has_prefix(url, "turns:");
}

static const char *take_scheme(struct ice_server *server, const char **url)
{
    if (g_str_has_prefix(*url, "stun:"))
        server->kind = ICE_SERVER_STUN;
    else if (g_str_has_prefix(*url, "turn:"))
        server->kind = ICE_SERVER_TURN_UDP;
    else if (ice_server_is_tls(*url))
        return "ICE servers over TLS are not supported: use stun: or turn:.";
    else
        return "An ICE server's URL begins with stun: or turn:.";
    *url += strlen("stun:");
    return NULL;
}

static const char *take_host(struct ice_server *server, const char **url)
{
    bool bracketed = **url == '[';
    const char *begin = *url + bracketed;
    size_t length = strspn(begin, bracketed ? ADDRESS_CHARACTERS : HOST_CHARACTERS);

    if (length == 0 || length >= sizeof(server->host) || (bracketed && begin[length] != ']'))
        return "An ICE server's URL lacks a host name or address.";
    memcpy(server->host, begin, length);
    server->host[length] = '\0';
    *url = begin + length + bracketed;
    return NULL;
}

static const char *take_port(struct ice_server *server, const char **url)
{
    size_t length;
    char *digits;
    guint64 port;
    bool valid;

    server->port = PORT_DEFAULT;
    if (**url != ':')
        return NULL;
    length = strspn(*url + 1, "0123456789");
    digits = g_strndup(*url + 1, length);
    valid = g_ascii_string_to_unsigned(digits, 10, 1, UINT16_MAX, &port, NULL);
    g_free(digits);
    if (!valid)
        return "The port in an ICE server's URL is not a number from 1 to 65535.";
    server->port = (uint16_t)port;
    *url += 1 + length;
    return NULL;
}

/* What follows the port. */
static const char *take_transport(struct ice_server *server, const char *rest)
{
    if (*rest == '\0')
        return NULL;
    if (server->kind != ICE_SERVER_STUN && strcmp(rest, "?transport=udp") == 0)
        return NULL;
    if (server->kind != ICE_SERVER_STUN && strcmp(rest, "?transport=tcp") == 0) {
        server->kind = ICE_SERVER_TURN_TCP;
        return NULL;
    }
    return "An ICE server's URL is stun:HOST[:PORT] or turn:HOST[:PORT][?transport=udp|tcp].";
}

static const char *take_url(struct ice_server *server, const char *url)
{
    const char *problem;

    if (g_strlcpy(server->url, url, sizeof(server->url)) >= sizeof(server->url))
        server->url[0] = '\0';
    problem = take_scheme(server, &url);
    if (!problem)
        problem = take_host(server, &url);
    if (!problem)
        problem = take_port(server, &url);
    return problem ? problem : take_transport(server, url);
}

static bool take_credential(char ret_text[static ICE_SERVER_CREDENTIAL_SIZE], const char *encoded)
{
    char *text = g_uri_unescape_string(encoded, NULL); /* NULL: %00, or no hex digits */
    bool fits = text && *text &&
                g_strlcpy(ret_text, text, ICE_SERVER_CREDENTIAL_SIZE) < ICE_SERVER_CREDENTIAL_SIZE;

    g_free(text);
    return fits;
}

static const char *take_credentials(struct ice_server *server, char **parts)
{
    guint count = g_strv_length(parts);

    if (server->kind == ICE_SERVER_STUN)
        return count == 1 ? NULL : "A STUN server takes no user name and password.";
    if (count != 3)
        return "A TURN server is given as URL,USERNAME,PASSWORD.";
    if (!take_credential(server->username, parts[1]) ||
        !take_credential(server->password, parts[2]))
        return "A TURN server's user name and password are 1 to 508 bytes, percent-encoded.";
    return NULL;
}

int ice_server_parse(struct ice_server *ret_server, const char *text, const char **ret_problem)
{
    struct ice_server server = {.kind = ICE_SERVER_STUN};
    char **parts = g_strsplit(text, ",", -1);
    const char *problem = *parts ? take_url(&server, *parts) : "An ICE server lacks its URL.";

    if (!problem)
        problem = take_credentials(&server, parts);
    g_strfreev(parts);
    if (problem) {
        *ret_problem = problem;
        return -EINVAL;
    }
    *ret_server = server;
    return 0;
}

static bool copy_credential(char ret_text[static ICE_SERVER_CREDENTIAL_SIZE], const char *text)
{
    return text && *text &&
           g_strlcpy(ret_text, text, ICE_SERVER_CREDENTIAL_SIZE) < ICE_SERVER_CREDENTIAL_SIZE;
}

/* NULL: none so far. */
static const struct ice_server *last_turn(const struct ice_server_list *l)
{
    for (size_t i = l->n_servers; i > 0; i--)
        if (l->servers[i - 1].kind != ICE_SERVER_STUN)
            return &l->servers[i - 1];
    return NULL;
}

static bool is_other_provider(const struct ice_server_list *l, const struct ice_server *server)
{
    const struct ice_server *last = last_turn(l);

    return !last || strcmp(last->username, server->username) != 0 ||
           strcmp(last->password, server->password) != 0;
}

bool ice_server_list_add(struct ice_server_list *l, const char *url, const char *username,
                         const char *password)
{
    struct ice_server server = {.kind = ICE_SERVER_STUN};
    bool turn, other;

    if (l->n_servers == ICE_SERVERS_MAX || take_url(&server, url))
        return false;
    turn = server.kind != ICE_SERVER_STUN;
    if (turn && (!copy_credential(server.username, username) ||
                 !copy_credential(server.password, password)))
        return false;
    other = turn && is_other_provider(l, &server);
    if (other && l->n_providers == ICE_PROVIDERS_USED_MAX)
        return false;
    l->n_providers += other;
    l->servers[l->n_servers++] = server;
    return true;
}
