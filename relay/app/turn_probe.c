#define _GNU_SOURCE /* SOCK_CLOEXEC */
#include "app/turn_probe.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "app/stun.h"
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
};

/* "turn:[2001:db8::1]:3478?transport=udp"; the configuration has checked its form. */
static int place_of(const char *url, struct place *ret_place)
{
    const char *at = strchr(url, ':') + 1;
    const char *query = strchr(at, '?');
    size_t size = query ? (size_t)(query - at) : strlen(at);
    if (strncmp(url, "stuns:", 6) == 0 || strncmp(url, "turns:", 6) == 0 ||
        (query && !str_equal(query, "?transport=udp")))
        return TURN_PROBE_E_SKIPPED;
    bool v6 = *at == '[';
    size_t host = v6 ? strcspn(++at, "]") : strcspn(at, ":?");
    const char *rest = at + host + v6;
    size_t port = *rest == ':' ? size - (size_t)(rest + 1 - (strchr(url, ':') + 1)) : 0;
    if (host >= HOST_SIZE || port >= PORT_SIZE)
        return -EINVAL;
    memcpy(ret_place->host, at, host);
    ret_place->host[host] = '\0';
    memcpy(ret_place->port, port ? rest + 1 : "3478", port ? port : 4);
    ret_place->port[port ? port : 4] = '\0';
    return 0;
}

static int connect_to(const struct place *place, int *ret_fd, char *ret_error, size_t size)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_DGRAM};
    const struct timeval timeout = {.tv_sec = TRY_TIMEOUT_S};
    struct addrinfo *found = NULL;
    int r = getaddrinfo(place->host, place->port, &hints, &found);
    if (r != 0) {
        (void)snprintf(ret_error, size, "has a name that leads nowhere: %s", gai_strerror(r));
        return -ENOENT;
    }
    int fd = socket(found->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    r = fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0 ||
                connect(fd, found->ai_addr, found->ai_addrlen) < 0
            ? -errno
            : 0;
    freeaddrinfo(found);
    if (r == 0) {
        *ret_fd = fd;
        return 0;
    }
    (void)snprintf(ret_error, size, "cannot be reached from here: %s", strerror(-r));
    if (fd >= 0)
        close(fd);
    return r;
}

/* One request, repeated as long as nothing comes. 0 or negative. */
static int ask(int fd, uint16_t type, const struct stun_credentials *credentials,
               struct stun_response *ret_response)
{
    uint8_t request[STUN_MESSAGE_MAX], answer[STUN_MESSAGE_MAX];
    uint8_t transaction[STUN_TRANSACTION_SIZE];
    if (getrandom(transaction, sizeof transaction, 0) != (ssize_t)sizeof transaction)
        return -EIO;
    int size = stun_request(request, type, transaction, credentials);
    if (size < 0)
        return size;
    for (int i = 0; i < TRIES; i++) {
        if (send(fd, request, (size_t)size, 0) < 0) /* a datagram goes whole or not at all */
            return -errno;
        ssize_t n = recv(fd, answer, sizeof answer, 0);
        if (n > 0 && stun_response_parse(ret_response, answer, (size_t)n, transaction))
            return 0;
        if (n < 0 && errno != EAGAIN)
            return -errno;
    }
    return -ETIMEDOUT;
}

static int fail(int error, char *ret_error, size_t size)
{
    if (error == -ETIMEDOUT)
        (void)snprintf(ret_error, size, "does not answer");
    else
        (void)snprintf(ret_error, size, "cannot be asked: %s", strerror(-error));
    return error;
}

static int allocate(int fd, struct stun_credentials *c, char *ret_error, size_t size)
{
    struct stun_response response = {0};
    int r = ask(fd, STUN_ALLOCATE, NULL, &response);
    if (r == 0 && response.error_code == UNAUTHORIZED) {
        (void)str_copy(c->realm, sizeof c->realm, response.realm);
        (void)str_copy(c->nonce, sizeof c->nonce, response.nonce);
        r = ask(fd, STUN_ALLOCATE, c, &response);
    }
    if (r < 0)
        return fail(r, ret_error, size);
    if (response.type == (STUN_ALLOCATE | STUN_SUCCESS)) {
        (void)ask(fd, STUN_REFRESH, c, &response); /* or it ends by itself in ten minutes */
        return 0;
    }
    if (response.error_code == UNAUTHORIZED)
        (void)snprintf(ret_error, size, "refuses the credentials (401)");
    else
        (void)snprintf(ret_error, size, "refuses an allocation (%d)", response.error_code);
    return -EACCES;
}

int turn_probe_run(const char *url, const char *username, const char *password, char *ret_error,
                   size_t error_size)
{
    struct stun_credentials c = {.username = username, .password = password};
    struct stun_response response;
    struct place place;
    int fd = -1;
    int r = place_of(url, &place);
    if (r != 0)
        return r;
    r = connect_to(&place, &fd, ret_error, error_size);
    if (r < 0)
        return r;
    if (strncmp(url, "stun:", 5) == 0) {
        r = ask(fd, STUN_BINDING, NULL, &response);
        if (r < 0)
            (void)fail(r, ret_error, error_size);
    } else {
        r = allocate(fd, &c, ret_error, error_size);
    }
    close(fd);
    return r;
}
