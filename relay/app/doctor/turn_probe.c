#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "app/doctor/turn_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "adapters/crypto_openssl/stream.h"
#include "app/doctor/stun.h"
#include "base/str.h"

enum {
    TRIES = 3,
    TRY_TIMEOUT_S = 2,
    HOST_SIZE = 256,
    PORT_SIZE = 8,
    UNAUTHORIZED = 401,
};

struct place {
    char host[HOST_SIZE];
    char port[PORT_SIZE];
    bool datagrams;
    bool tls;
};

/* One of the two. */
struct channel {
    int fd;
    struct stream *stream;
};

static int place_of(const char *url, struct place *ret_place)
{
    const char *at = strchr(url, ':') + 1;
    const char *query = strchr(at, '?');
    bool tls = strncmp(url, "stuns:", 6) == 0 || strncmp(url, "turns:", 6) == 0;
    bool datagrams = query ? str_equal(query, "?transport=udp") : !tls;
    if (tls && datagrams)
        return TURN_PROBE_E_SKIPPED;
    bool v6 = *at == '[';
    size_t host = v6 ? strcspn(++at, "]") : strcspn(at, ":?");
    const char *rest = at + host + v6;
    const char *port = *rest == ':' ? rest + 1 : (tls ? "5349" : "3478");
    size_t port_length = strcspn(port, "?");
    if (host >= HOST_SIZE || port_length >= PORT_SIZE)
        return -EINVAL;
    *ret_place = (struct place){.datagrams = datagrams, .tls = tls};
    memcpy(ret_place->host, at, host);
    memcpy(ret_place->port, port, port_length);
    return 0;
}

static int connect_datagrams(const struct place *place, int *ret_fd, char *ret_error, size_t size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    const struct timeval timeout = {.tv_sec = TRY_TIMEOUT_S};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(place->host, place->port, &hints, &found);
    if (r != 0) {
        (void)snprintf(ret_error, size, "has a name that leads nowhere: %s", gai_strerror(r));
        return TURN_PROBE_E_NAME;
    }
    r = -ENOENT;
    /* The first address to which this machine has a route, as a member's agent would take it. */
    for (const struct addrinfo *a = found; a && r < 0; a = a->ai_next) {
        int fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        r = fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0 ||
                    connect(fd, a->ai_addr, a->ai_addrlen) < 0
                ? -errno
                : 0;
        if (r == 0)
            *ret_fd = fd;
        else if (fd >= 0)
            close(fd);
    }
    freeaddrinfo(found);
    if (r == 0)
        return 0;
    (void)snprintf(ret_error, size, "cannot be reached from here: %s", strerror(-r));
    return TURN_PROBE_E_SILENT;
}

static int connect_stream(const struct place *place, const char *ca_file,
                          struct stream **ret_stream, char *ret_error, size_t size)
{
    const struct stream_target target = {
        .host = place->host, .port = place->port, .tls = place->tls, .ca_file = ca_file};
    int64_t expires_unix_s;
    int r = stream_open(ret_stream, &target, &expires_unix_s, ret_error, size);
    switch (r) {
    case STREAM_E_NAME:
        return TURN_PROBE_E_NAME;
    case STREAM_E_UNREACHABLE:
    case STREAM_E_NO_TLS:
        return TURN_PROBE_E_SILENT;
    case STREAM_E_CERTIFICATE:
    case STREAM_E_CERTIFICATE_EXPIRED:
    case STREAM_E_CERTIFICATE_NAME:
        return TURN_PROBE_E_CERTIFICATE;
    default:
        return r;
    }
}

static int ask_by_datagram(int fd, const uint8_t *request, size_t size, const uint8_t *transaction,
                           struct stun_response *ret_response)
{
    uint8_t answer[STUN_MESSAGE_MAX];
    for (int i = 0; i < TRIES; i++) {
        if (send(fd, request, size, 0) < 0) /* a datagram goes whole or not at all */
            return -errno;
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        if (n > 0 && stun_response_parse(ret_response, answer, (size_t)n, transaction))
            return 0;
        if (n < 0 && errno != EAGAIN)
            return -errno;
    }
    return -ETIMEDOUT;
}

/* RFC 8489, 6.2.2: on a stream a message is as long as its header says. */
static int ask_by_stream(struct stream *stream, const uint8_t *request, size_t size,
                         const uint8_t *transaction, struct stun_response *ret_response)
{
    uint8_t answer[STUN_MESSAGE_MAX];
    int r = stream_write(stream, request, size);
    if (r == 0)
        r = stream_read(stream, answer, STUN_HEADER_SIZE);
    if (r < 0)
        return r;
    size_t body = stun_body_size(answer);
    if (body > sizeof answer - STUN_HEADER_SIZE)
        return -EPROTO;
    r = stream_read(stream, answer + STUN_HEADER_SIZE, body);
    if (r < 0)
        return r;
    return stun_response_parse(ret_response, answer, STUN_HEADER_SIZE + body, transaction)
               ? 0
               : -EPROTO;
}

/* One request and its response. 0 or negative. */
static int ask(const struct channel *c, uint16_t type, const struct stun_credentials *credentials,
               struct stun_response *ret_response)
{
    uint8_t request[STUN_MESSAGE_MAX], transaction[STUN_TRANSACTION_SIZE];
    if (getrandom(transaction, sizeof transaction, 0) != (ssize_t)sizeof transaction)
        return -EIO;
    int size = stun_request(request, type, transaction, credentials);
    if (size < 0)
        return size;
    return c->stream ? ask_by_stream(c->stream, request, (size_t)size, transaction, ret_response)
                     : ask_by_datagram(c->fd, request, (size_t)size, transaction, ret_response);
}

static int no_answer(int error, char *ret_error, size_t size)
{
    if (error == -ETIMEDOUT)
        (void)snprintf(ret_error, size, "does not answer");
    else if (error == -EPROTO)
        (void)snprintf(ret_error, size, "does not answer as a STUN or TURN server does");
    else
        (void)snprintf(ret_error, size, "cannot be asked: %s", strerror(-error));
    return TURN_PROBE_E_SILENT;
}

static bool is_any(const struct stun_address *a)
{
    static const uint8_t zeros[STUN_ADDRESS_MAX];
    return memcmp(a->bytes, zeros, a->size) == 0;
}

/* Where the server answers; of datagrams, since what it allocates does not depend on how it was asked. */
static struct stun_address server_of(const struct channel *c)
{
    struct stun_address a = {0};
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof peer;
    if (c->fd < 0 || getpeername(c->fd, (struct sockaddr *)&peer, &size) < 0)
        return a;
    if (peer.ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)&peer;
        a.size = sizeof v4->sin_addr;
        memcpy(a.bytes, &v4->sin_addr, a.size);
    } else if (peer.ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&peer;
        a.size = sizeof v6->sin6_addr;
        memcpy(a.bytes, &v6->sin6_addr, a.size);
    }
    return a;
}

/* A server that is reached at a public address and gives a private one knows nothing of what translates for it. */
static int look_at_relayed(const struct channel *channel, const struct stun_address *relayed,
                           char *ret_error, size_t size)
{
    char text[INET6_ADDRSTRLEN] = "";
    struct stun_address server = server_of(channel);
    bool strange =
        server.size > 0 && !stun_address_is_private(&server) && stun_address_is_private(relayed);
    if (relayed->size == 0 || (!strange && !is_any(relayed)))
        return 0;
    (void)inet_ntop(relayed->size == STUN_ADDRESS_MAX ? AF_INET6 : AF_INET, relayed->bytes, text,
                    sizeof text);
    (void)snprintf(ret_error, size, "gives an allocation at %s, where members do not reach it",
                   text);
    return TURN_PROBE_E_NOWHERE;
}

static int allocate(const struct channel *channel, struct stun_credentials *c, char *ret_error,
                    size_t size)
{
    struct stun_response response = {0};
    int r = ask(channel, STUN_ALLOCATE, NULL, &response);
    if (r == 0 && response.error_code == UNAUTHORIZED) {
        (void)str_copy(c->realm, sizeof c->realm, response.realm);
        (void)str_copy(c->nonce, sizeof c->nonce, response.nonce);
        r = ask(channel, STUN_ALLOCATE, c, &response);
    }
    if (r < 0)
        return no_answer(r, ret_error, size);
    if (response.type == (STUN_ALLOCATE | STUN_SUCCESS)) {
        struct stun_address relayed = response.relayed;
        (void)ask(channel, STUN_REFRESH, c, &response); /* or it ends by itself in ten minutes */
        return look_at_relayed(channel, &relayed, ret_error, size);
    }
    if (response.error_code == UNAUTHORIZED) {
        (void)snprintf(ret_error, size, "refuses the credentials (401)");
        return TURN_PROBE_E_CREDENTIALS;
    }
    (void)snprintf(ret_error, size, "refuses an allocation (%d)", response.error_code);
    return TURN_PROBE_E_REFUSED;
}

static int bind_address(const struct channel *channel, char *ret_error, size_t size)
{
    struct stun_response response;
    int r = ask(channel, STUN_BINDING, NULL, &response);
    return r < 0 ? no_answer(r, ret_error, size) : 0;
}

int turn_probe_run(const struct turn_probe *p, char *ret_error, size_t error_size)
{
    struct stun_credentials c = {.username = p->username, .password = p->password};
    struct channel channel = {.fd = -1};
    struct place place;
    (void)snprintf(ret_error, error_size, "cannot be tried");
    int r = place_of(p->url, &place);
    if (r != 0)
        return r;
    r = place.datagrams
            ? connect_datagrams(&place, &channel.fd, ret_error, error_size)
            : connect_stream(&place, p->ca_file, &channel.stream, ret_error, error_size);
    if (r != 0)
        return r;
    r = strncmp(p->url, "stun", 4) == 0 ? bind_address(&channel, ret_error, error_size)
                                        : allocate(&channel, &c, ret_error, error_size);
    (void)stream_close(channel.stream);
    if (channel.fd >= 0)
        close(channel.fd);
    return r;
}
