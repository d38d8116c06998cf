/* The server: one libwebsockets context with one vhost, which owns the connections; the sockets it listens on are ours
 * (listener.h), and so is the loop (evlib.h). This file binds them together and receives lws's callbacks.
 *
 * What bounds a peer: until the upgrade is complete lws's own timeout (HANDSHAKE_TIMEOUT_S, from accepting, through TLS, to
 * the last header); after that the heartbeat; from a close on, this file's closing timer, which kills the connection when
 * the peer does not take part. Descriptors are limited by connections_max plus HANDSHAKES_MAX. lws sizes its tables by the
 * process's limit of descriptors when the server is made, so raise that limit before.
 *
 * lws logs through a context of this server's. Only what it logs without any context at all is lost: that channel is global
 * to the process and is switched off. */
#include "adapters/ws_lws/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include <event2/event.h>

#include "adapters/ws_lws/connection.h"
#include "adapters/ws_lws/evlib.h"
#include "adapters/ws_lws/handshake.h"
#include "adapters/ws_lws/listener.h"
#include "adapters/ws_lws/tls.h"
#include "base/timeutil.h"
#include "wire/limits.h"

enum {
    RX_BUFFER_BYTES =
        3072, /* each connection has one for good; the largest offers of real life come in one piece */
    RX_BUFFER_TLS_BYTES =
        1024, /* OpenSSL has the rest of a record: to read on takes no system call */
    SERVICE_BUFFER_BYTES = 17408,
    HANDSHAKE_TIMEOUT_S = 10,
    HANDSHAKES_MAX = 128, /* beyond connections_max */
    HEARTBEAT_PARTS = 4,  /* sweeps in one heartbeat_ms */
    LINE_MAX_BYTES = 512,
};

static void server_say(const struct ws_server *s, int level, const char *line)
{
    s->handler.log(s->handler.userdata, level, line);
}

static void server_log(struct lws_log_cx *cx, int level, const char *line, size_t size)
{
    const struct ws_server *s = cx->opaque;
    const char *stamp_end = line[0] == '[' ? strchr(line, ']') : NULL;
    char text[LINE_MAX_BYTES];

    /* "[date time] W: ..." and a line feed: the time and level of a line are the logger's. */
    (void)size;
    if (stamp_end && strlen(stamp_end) > 5)
        line = stamp_end + 5;
    snprintf(text, sizeof(text), "%s", line);
    text[strcspn(text, "\r\n")] = '\0';
    server_say(s, level & LLL_ERR ? LOG_ERR : LOG_WARNING, text);
}

static void server_close_tick(evutil_socket_t fd, short what, void *userdata)
{
    struct ws_server *s = userdata;

    (void)fd;
    (void)what;
    list_for_each_safe (node, safe, &s->closing) {
        struct ws_connection *c = container_of(node, struct ws_connection, closing_link);

        if (c->close_ticks > 0)
            c->close_ticks--;
        /* Again at every tick: lws's closing handshake sets timeouts of its own over it. */
        if (c->close_ticks == 0 && c->wsi)
            lws_set_timeout(c->wsi, PENDING_TIMEOUT_CLOSE_ACK, LWS_TO_KILL_ASYNC);
    }
    if (list_empty(&s->closing))
        event_del(&s->close_tick);
}

void server_watch_closing(struct ws_server *s, struct ws_connection *c)
{
    uint32_t tick_ms = s->options.close_timeout_ms / SERVER_CLOSE_TICKS + 1;
    const struct timeval tick = {.tv_sec = tick_ms / 1000,
                                 .tv_usec = (suseconds_t)(tick_ms % 1000) * 1000};

    if (list_node_linked(&c->closing_link))
        return;
    c->close_ticks = SERVER_CLOSE_TICKS + 1; /* the first may be about to come */
    list_append(&s->closing, &c->closing_link);
    if (!event_pending(&s->close_tick, EV_TIMEOUT, NULL) && event_add(&s->close_tick, &tick) < 0)
        server_say(s, LOG_ERR,
                   "out of memory: a closing connection is left to libwebsockets' own timeouts");
}

static int server_configure_tls(struct lws *wsi, SSL_CTX *ctx)
{
    struct ws_server *s = lws_context_user(lws_get_context(wsi));

    return tls_configure(ctx, &s->identity) < 0 ? -1 : 0;
}

static bool server_is_full(const struct ws_server *s)
{
    return s->n_open >= s->options.connections_max;
}

static int server_check_upgrade(struct ws_connection *c, struct lws *wsi)
{
    const struct ws_handler *handler = &c->server->handler;
    char buffer[HANDSHAKE_FORWARDED_FOR_SIZE];
    int r = handshake_check(wsi, server_is_full(c->server));

    if (r < 0 || !c->admission || !handler->upgrading)
        return r;
    r = handler->upgrading(handler->userdata, c, c->admission,
                           handshake_forwarded_for(wsi, buffer));
    return r < 0 ? handshake_refuse_address(wsi) : 0;
}

/* Callbacks about one connection. Those about no connection, which may come with a made-up wsi, end in 0. */
static int connection_callback(struct ws_connection *c, struct lws *wsi,
                               enum lws_callback_reasons reason, const void *in, size_t size)
{
    switch ((int)reason) {
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
        return server_check_upgrade(c, wsi);
    case LWS_CALLBACK_ESTABLISHED:
        evlib_write_early(wsi);
        connection_opened(c, wsi);
        return 0;
    case LWS_CALLBACK_RECEIVE:
        evlib_received(c->server->evlib, size);
        connection_received(c, in, size, lws_remaining_packet_payload(wsi));
        return 0;
    case LWS_CALLBACK_RECEIVE_PONG:
        connection_heard(c);
        return 0;
    case LWS_CALLBACK_SERVER_WRITEABLE:
        return connection_writable(c);
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL: /* lws found fault with the peer, or we return -1 */
        connection_ending(c);
        return 0;
    case LWS_CALLBACK_CLOSED:
        connection_closed(c);
        return 0;
    case LWS_CALLBACK_WSI_DESTROY:
        lws_set_opaque_user_data(wsi, NULL);
        ws_connection_free(c);
        return 0;
    default:
        return 0;
    }
}

static int server_callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                           size_t size)
{
    struct ws_connection *c;

    switch ((int)reason) {
    case LWS_CALLBACK_OPENSSL_LOAD_EXTRA_SERVER_VERIFY_CERTS:
        return server_configure_tls(wsi, user);
    case LWS_CALLBACK_HTTP:
        return handshake_refuse_plain(wsi);
    case LWS_CALLBACK_HTTP_BODY:
    case LWS_CALLBACK_HTTP_BODY_COMPLETION:
    case LWS_CALLBACK_HTTP_WRITEABLE:
    case LWS_CALLBACK_RAW_ADOPT: /* after the method CONNECT lws would go on without any protocol */
    case LWS_CALLBACK_RAW_RX:
    case LWS_CALLBACK_RAW_WRITEABLE:
        return -1;
    case LWS_CALLBACK_HTTP_CONFIRM_UPGRADE:
    case LWS_CALLBACK_ESTABLISHED:
    case LWS_CALLBACK_RECEIVE:
    case LWS_CALLBACK_RECEIVE_PONG:
    case LWS_CALLBACK_SERVER_WRITEABLE:
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
    case LWS_CALLBACK_WS_SERVER_DROP_PROTOCOL:
    case LWS_CALLBACK_CLOSED:
    case LWS_CALLBACK_WSI_DESTROY:
        c = lws_get_opaque_user_data(wsi);
        return c ? connection_callback(c, wsi, reason, in, size) : 0;
    default:
        return 0;
    }
}

/* .per_session_data_size is unused; without any, lws leaves out WS_SERVER_DROP_PROTOCOL. */
#define SERVER_PROTOCOLS(rx_bytes)            \
    {                                         \
        {.name = WIRE_SUBPROTOCOL,            \
         .callback = server_callback,         \
         .per_session_data_size = 1,          \
         .rx_buffer_size = (rx_bytes),        \
         .tx_packet_size = SERVER_OUT_BYTES}, \
            LWS_PROTOCOL_LIST_TERM,           \
    }

static const struct lws_protocols plain_protocols[] = SERVER_PROTOCOLS(RX_BUFFER_BYTES);
static const struct lws_protocols tls_protocols[] = SERVER_PROTOCOLS(RX_BUFFER_TLS_BYTES);

/* No validity checks: lws would keep a timer for each connection in a sorted list. The heartbeat is one sweep. */
static const lws_retry_bo_t server_idle_policy = {.secs_since_valid_ping = 0,
                                                  .secs_since_valid_hangup = 0};

static void server_adopt(struct ws_server *s, int fd, const char *address)
{
    size_t n_before = s->n_connections;
    const struct ws_handler *handler = &s->handler;
    void *admission = NULL;
    struct ws_connection *c;
    lws_adopt_desc_t adoption;

    if (s->n_connections >= (size_t)s->options.connections_max + HANDSHAKES_MAX ||
        (handler->accepted && !(admission = handler->accepted(handler->userdata, address)))) {
        close(fd);
        return;
    }
    if (evlib_reserve(s->evlib, fd) < 0 || !(c = ws_connection_new(s, address))) {
        if (admission)
            handler->abandoned(handler->userdata, admission);
        close(fd);
        return;
    }
    c->admission = admission;
    memset(&adoption, 0, sizeof(adoption));
    adoption.vh = s->vhost;
    adoption.type = LWS_ADOPT_SOCKET | LWS_ADOPT_HTTP | LWS_ADOPT_ALLOW_SSL;
    adoption.fd.sockfd = fd;
    adoption.opaque = c;
    /* On failure lws has closed the socket. It has destroyed `c` with its wsi, unless it failed before there was one. */
    if (!lws_adopt_descriptor_vhost_via_info(&adoption) && s->n_connections > n_before)
        ws_connection_free(c);
}

/* Who waits to be accepted waits with the kernel, where no clock runs against him: all at once would all be late. */
static bool server_accepted(void *userdata, int fd, const char *address)
{
    struct ws_server *s = userdata;

    server_adopt(s, fd, address);
    return !evlib_is_busy(s->evlib);
}

static void server_paused(void *userdata, int error)
{
    struct ws_server *s = userdata;
    char line[LINE_MAX_BYTES];

    snprintf(line, sizeof(line), "cannot accept connections for the moment: %s", strerror(error));
    server_say(s, LOG_ERR, line);
}

static int server_make_context(struct ws_server *s)
{
    struct lws_context_creation_info info;
    int r = 0;

    memset(&info, 0, sizeof(info));
    info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS | LWS_SERVER_OPTION_SKIP_SERVER_CANONICAL_NAME;
    if (s->identity)
        info.options |= LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT;
    info.port = CONTEXT_PORT_NO_LISTEN_SERVER;
    info.user = s;
    info.log_cx = &s->log;
    info.protocols = s->identity ? tls_protocols : plain_protocols;
    info.pt_serv_buf_size = SERVICE_BUFFER_BYTES;
    info.timeout_secs = HANDSHAKE_TIMEOUT_S;
    info.timeout_secs_ah_idle = HANDSHAKE_TIMEOUT_S;
    info.retry_and_idle_policy = &server_idle_policy;
    info.alpn = "http/1.1";
    evlib_describe(s->evlib, &info);

    s->context = lws_create_context(&info);
    if (s->context)
        /* OpenSSL gives no more than a record, of whatever size: what is behind it is found out by reading. */
        r = evlib_set_context(s->evlib, s->context, s->identity ? 1 : RX_BUFFER_BYTES);
    if (!s->context || r < 0) {
        snprintf(s->error, s->error_size,
                 "libwebsockets cannot start: out of memory or descriptors");
        return -ENOMEM;
    }
    if (s->identity)
        info.options |= LWS_SERVER_OPTION_CREATE_VHOST_SSL_CTX;
    s->vhost = lws_create_vhost(s->context, &info);
    if (!s->vhost) {
        snprintf(s->error, s->error_size, "libwebsockets cannot make its virtual host");
        return -ENOMEM;
    }
    if (lws_protocol_init(s->context) != 0) {
        snprintf(s->error, s->error_size, "libwebsockets cannot start its protocols");
        return -ENOMEM;
    }
    return 0;
}

static int server_load_identity(struct ws_server *s, const struct ws_listen *listen)
{
    if (!listen->tls_certificate_file && !listen->tls_key_file)
        return 0;
    if (!listen->tls_certificate_file || !listen->tls_key_file) {
        snprintf(s->error, s->error_size, "TLS needs both a certificate and a key");
        return -EINVAL;
    }
    return tls_load(&s->identity, listen->tls_certificate_file, listen->tls_key_file, s->error,
                    s->error_size);
}

static int server_start(struct ws_server *s, struct event_base *base,
                        const struct ws_listen *listen)
{
    int r;

    if ((r = server_load_identity(s, listen)) < 0 || (r = evlib_new(&s->evlib, base)) < 0)
        return r;
    r = server_make_context(s);
    if (r < 0)
        return r;
    r = listener_new(&s->listener, base, listen->address, listen->port, server_accepted,
                     server_paused, s, s->error, s->error_size);
    if (r < 0)
        return r;
    s->port = listener_port(s->listener);
    return 0;
}

int ws_server_new(struct ws_server **ret_server, struct event_base *base,
                  const struct ws_listen *listen, const struct ws_options *options,
                  const struct ws_handler *handler, char *ret_error, size_t error_size)
{
    char unread[1];
    struct ws_server *s = calloc(1, sizeof(*s));
    int r;

    if (!s || event_assign(&s->close_tick, base, -1, EV_PERSIST, server_close_tick, s) < 0) {
        free(s);
        if (ret_error)
            snprintf(ret_error, error_size, "out of memory");
        return -ENOMEM;
    }
    s->handler = *handler;
    s->options = *options;
    s->error = ret_error ? ret_error : unread;
    s->error_size = ret_error ? error_size : sizeof(unread);
    list_init(&s->connections);
    list_init(&s->closing);
    s->log.u.emit_cx = server_log;
    s->log.opaque = s;
    s->log.lll_flags = LLLF_LOG_CONTEXT_AWARE | LLL_ERR | LLL_WARN;
    lws_set_log_level(0, NULL);

    r = server_start(s, base, listen);
    s->error = NULL;
    if (r < 0) {
        ws_server_free(s);
        return r;
    }
    *ret_server = s;
    return 0;
}

int ws_certificate_check(const struct ws_listen *listen, char *ret_error, size_t error_size)
{
    struct ssl_ctx_st *identity = NULL;
    int r;

    if (!listen->tls_certificate_file)
        return 0;
    r = tls_load(&identity, listen->tls_certificate_file, listen->tls_key_file, ret_error,
                 error_size);
    tls_unload(identity);
    return r;
}

int ws_server_renew_certificate(struct ws_server *s, const struct ws_listen *listen,
                                char *ret_error, size_t error_size)
{
    struct ssl_ctx_st *renewed = NULL;
    int r;

    if (!s->identity)
        return 0;
    r = tls_load(&renewed, listen->tls_certificate_file, listen->tls_key_file, ret_error,
                 error_size);
    if (r < 0)
        return r;
    tls_unload(s->identity);
    s->identity = renewed;
    return 0;
}

int64_t ws_server_certificate_expires_unix_s(const struct ws_server *s)
{
    return tls_expires_unix_s(s->identity);
}

uint16_t ws_server_port(const struct ws_server *s)
{
    return s->port;
}

void ws_server_end_of_turn(struct ws_server *s)
{
    evlib_end_of_turn(s->evlib);
}

uint64_t ws_server_sweep(struct ws_server *s, uint64_t now_us)
{
    if (s->options.heartbeat_ms == 0)
        return TIME_NEVER_US;
    list_for_each_safe (node, safe, &s->connections)
        connection_sweep(container_of(node, struct ws_connection, link), now_us);
    return time_add_ms(now_us, s->options.heartbeat_ms / HEARTBEAT_PARTS + 1);
}

void ws_server_stop_listening(struct ws_server *s)
{
    s->listener = listener_free(s->listener);
}

struct ws_server *ws_server_free(struct ws_server *s)
{
    if (!s)
        return NULL;
    s->freeing = true;
    s->listener = listener_free(s->listener);
    if (s->context)
        lws_context_destroy(s->context);
    assert(s->n_connections == 0 && s->n_open == 0);
    s->evlib = evlib_free(s->evlib);
    tls_unload(s->identity);
    event_del(&s->close_tick);
    free(s);
    return NULL;
}
