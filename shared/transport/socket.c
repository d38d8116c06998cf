#include "transport/socket.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libwebsockets.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/timeutil.h"
#include "transport/address_order.h"
#include "transport/poll_loop.h"
#include "transport/resolver.h"
#include "transport/tls.h"

enum {
    DESCRIPTORS_MAX =
        8, /* one connection, one that is being closed, the wake-up, and some to spare */
    RX_BUFFER_BYTES = 16384,
    KEPT_BUFFER_BYTES = 65536, /* larger buffers are given back after use */
    RESOLVER_POLL_US = 5000,
    RETRY_AFTER_MAX_S = 3600,
    HOST_SHOWN_MAX = 64,
    HTTP_STATUS_SWITCHING_PROTOCOLS = 101,
    HTTP_STATUS_TOO_MANY_REQUESTS = 429,
};

enum socket_state {
    SOCKET_STATE_IDLE = 0,
    SOCKET_STATE_RESOLVING,
    SOCKET_STATE_DIALLING,
    SOCKET_STATE_OPEN,
};

struct outgoing {
    struct list_node node;
    struct frame *frame;
};

struct socket {
    struct socket_handler handler;
    struct poll_loop *loop;
    struct lws_context *context; /* the loop's */
    SSL_CTX *tls;
    struct lws_log_cx log; /* nothing is logged */
    struct lws_protocols protocols[2];
    lws_retry_bo_t validity;
    lws_sorted_usec_list_t dial; /* the next step of dialling */
    bool stirred;                /* the handler was called: its owner has something to do */

    enum socket_state state;
    struct lws *wsi; /* NULL while idle or resolving */
    struct relay_url url;
    struct tls_peer peer;
    struct resolver *resolver;
    struct resolver_addresses addresses;
    struct address_order order; /* outlives the connections */
    size_t next_address;        /* the one before it is being dialled, or was */
    struct socket_end end;      /* so far */

    struct list queue; /* of struct outgoing */
    size_t queued_bytes;
    struct buf out; /* the frame being written, behind LWS_PRE bytes */
    struct buf in;  /* the message being assembled */
};

uint64_t socket_now_us(void)
{
    return (uint64_t)lws_now_usecs();
}

/* ---- the end of a connection ---- */

static void queue_clear(struct socket *s)
{
    list_for_each_safe (node, safe, &s->queue) {
        struct outgoing *o = container_of(node, struct outgoing, node);

        list_unlink(&o->node);
        (void)frame_unref(o->frame);
        free(o);
    }
    s->queued_bytes = 0;
}

static void reset(struct socket *s)
{
    s->state = SOCKET_STATE_IDLE;
    s->wsi = NULL;
    s->resolver = resolver_free(s->resolver);
    lws_sul_cancel(&s->dial);
    queue_clear(s);
    buf_deinit(&s->in);
    buf_deinit(&s->out);
}

static enum socket_fault fault_of(const struct socket *s)
{
    if (*s->peer.pin.text && (s->peer.refused || !s->url.tls))
        return SOCKET_FAULT_PIN;
    return s->peer.refused ? SOCKET_FAULT_CERTIFICATE : SOCKET_FAULT_NONE;
}

static void ended(struct socket *s)
{
    struct socket_end end = s->end;

    end.fault = fault_of(s);
    if (s->peer.fault != X509_V_OK)
        (void)snprintf(end.text, sizeof end.text, "the relay's certificate: %s",
                       X509_verify_cert_error_string(s->peer.fault));
    reset(s);
    s->stirred = true;
    s->handler.disconnected(s->handler.userdata, &end);
}

/* Nothing came of the address that was dialled last. */
static void address_failed(struct socket *s)
{
    if (s->next_address > 0)
        address_order_failed(&s->order, s->addresses.text[s->next_address - 1]);
}

void socket_disconnect(struct socket *s)
{
    if (s->state == SOCKET_STATE_IDLE)
        return;
    if (s->state == SOCKET_STATE_DIALLING)
        address_failed(s);
    if (s->wsi) {
        lws_set_opaque_user_data(s->wsi, NULL); /* what it still has to say is no longer heard */
        lws_set_timeout(s->wsi, PENDING_TIMEOUT_CLOSE_SEND, LWS_TO_KILL_ASYNC);
    }
    ended(s);
}

/* ---- dialling: the host's addresses one after the other ---- */

static void schedule_dial(struct socket *s, lws_usec_t in_us);

static void dial_address(struct socket *s, const char *address)
{
    struct lws *wsi;
    struct lws_client_connect_info info = {
        .context = s->context,
        .address = address,
        .port = s->url.port,
        .path = "/",
        .host = s->url.authority,
        .protocol = WIRE_SUBPROTOCOL,
        .local_protocol_name = WIRE_SUBPROTOCOL,
        /* The name is checked all the same: tls_expect(). */
        .ssl_connection =
            LCCSCF_HTTP_NO_FOLLOW_REDIRECT |
            (s->url.tls ? LCCSCF_USE_SSL | LCCSCF_SKIP_SERVER_CERT_HOSTNAME_CHECK : 0),
        .alpn = "http/1.1",
        .retry_and_idle_policy = &s->validity,
        .opaque_user_data = s,
        .pwsi = &s->wsi,
    };

    wsi = lws_client_connect_via_info(&info);
    if (!wsi) {
        s->wsi = NULL;
        address_failed(s);
        schedule_dial(s, 1);
    }
}

static void dial_step(lws_sorted_usec_list_t *sul)
{
    struct socket *s = lws_container_of(sul, struct socket, dial);

    if (s->state == SOCKET_STATE_RESOLVING) {
        int r = resolver_poll(s->resolver, &s->addresses);
        if (r == RESOLVER_E_PENDING) {
            schedule_dial(s, RESOLVER_POLL_US);
            return;
        }
        s->resolver = resolver_free(s->resolver);
        if (r < 0) {
            s->addresses.n = 0;
            (void)snprintf(s->end.text, sizeof s->end.text, "no address was found for %.*s",
                           HOST_SHOWN_MAX, s->url.host);
        }
        address_order_apply(&s->order, &s->addresses);
        s->state = SOCKET_STATE_DIALLING;
        s->next_address = 0;
    }
    if (s->next_address == s->addresses.n ||
        (s->url.tls ? tls_expect(s->tls, s->url.host, &s->peer) < 0 : *s->peer.pin.text != '\0'))
        ended(s);
    else
        dial_address(s, s->addresses.text[s->next_address++]);
}

static void schedule_dial(struct socket *s, lws_usec_t in_us)
{
    lws_sul_schedule(s->context, 0, &s->dial, dial_step, in_us);
}

void socket_connect(struct socket *s, const struct relay_url *url, const struct wire_key *pin)
{
    assert(s->state == SOCKET_STATE_IDLE);
    s->url = *url;
    s->peer = (struct tls_peer){.pin = *pin};
    s->end = (struct socket_end){.close_code = 0};
    s->addresses.n = s->next_address = 0;
    /* A lookup that cannot be started is one without a result. */
    s->state =
        resolver_new(&s->resolver, url->host) == 0 ? SOCKET_STATE_RESOLVING : SOCKET_STATE_DIALLING;
    schedule_dial(s, 1);
}

/* ---- messages ---- */

int socket_send(struct socket *s, struct frame *takes_frame)
{
    struct outgoing *o = NULL;

    if (s->state != SOCKET_STATE_OPEN || !(o = calloc(1, sizeof *o))) {
        (void)frame_unref(takes_frame);
        return s->state == SOCKET_STATE_OPEN ? -ENOMEM : 0;
    }
    o->frame = takes_frame;
    list_append(&s->queue, &o->node);
    s->queued_bytes += takes_frame->size;
    lws_callback_on_writable(s->wsi);
    return 0;
}

size_t socket_queued_bytes(const struct socket *s)
{
    return s->queued_bytes;
}

static void trim(struct buf *b)
{
    if (b->capacity > KEPT_BUFFER_BYTES)
        buf_deinit(b);
    else
        buf_clear(b);
}

/* lws wants room before the data, for the frame's head, and masks it in place. */
static int write_frame(struct socket *s, const struct frame *f)
{
    enum lws_write_protocol kind = f->binary ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;

    trim(&s->out);
    if (buf_reserve(&s->out, LWS_PRE + f->size) != 0)
        return -1;
    memcpy(s->out.data + LWS_PRE, f->data, f->size);
    return lws_write(s->wsi, s->out.data + LWS_PRE, f->size, kind) < 0 ? -1 : 0;
}

static int writable(struct socket *s)
{
    struct list_node *node = list_first(&s->queue);
    struct outgoing *o;
    int r;

    if (!node)
        return 0;
    o = container_of(node, struct outgoing, node);
    list_unlink(&o->node);
    s->queued_bytes -= o->frame->size;
    r = write_frame(s, o->frame);
    (void)frame_unref(o->frame);
    free(o);
    if (r == 0 && !list_empty(&s->queue))
        lws_callback_on_writable(s->wsi);
    return r;
}

static int received(struct socket *s, const void *data, size_t size)
{
    struct lws *wsi = s->wsi;

    lws_validity_confirmed(wsi);
    if (lws_is_first_fragment(wsi))
        trim(&s->in);
    /* No close code: to send one lws would keep the connection for the answer, and go on parsing into the buffer that this
     * leaves full, past its end (4.3.5). Whatever is returned here as -1 must end the connection at once. */
    if (buf_append(&s->in, data, size) != 0)
        return -1;
    if (!lws_is_final_fragment(wsi) || lws_remaining_packet_payload(wsi) > 0)
        return 0;
    s->stirred = true;
    s->handler.received(s->handler.userdata, lws_frame_is_binary(wsi) != 0, s->in.data, s->in.size);
    return 0;
}

static void take_close_code(struct socket *s, const uint8_t *payload, size_t size)
{
    if (size >= 2)
        s->end.close_code = (uint16_t)(payload[0] << 8 | payload[1]);
}

/* Seconds; a date, the other form, is too rare to be worth a clock. */
static uint32_t retry_after_ms(struct lws *wsi)
{
    char text[16] = "", *end;
    unsigned long seconds;

    if (lws_hdr_copy(wsi, text, sizeof text, WSI_TOKEN_HTTP_RETRY_AFTER) <= 0 || *text < '0' ||
        *text > '9')
        return 0;
    seconds = strtoul(text, &end, 10);
    if (*end)
        return 0;
    return (uint32_t)(seconds < RETRY_AFTER_MAX_S ? seconds : RETRY_AFTER_MAX_S) * 1000;
}

/* Somebody answered in words of HTTP: a relay that is full, or a proxy, or what a network has its guests sign in at. */
static void take_answer(struct socket *s, struct lws *wsi)
{
    unsigned status = lws_http_client_http_response(wsi);

    if (status == 0 || status == HTTP_STATUS_SWITCHING_PROTOCOLS)
        return;
    s->end.retry_after_ms = retry_after_ms(wsi);
    (void)snprintf(s->end.text, sizeof s->end.text, "%.*s answered HTTP %u: %s", HOST_SHOWN_MAX,
                   s->url.host, status,
                   status < HTTP_STATUS_BAD_REQUEST ? "no relay, perhaps the network's sign-in page"
                   : status == HTTP_STATUS_TOO_MANY_REQUESTS ||
                           status == HTTP_STATUS_SERVICE_UNAVAILABLE
                       ? "it has no room for this client at the moment"
                       : "it is no relay, or a proxy that does not reach one");
}

static int callback(struct lws *wsi, enum lws_callback_reasons reason, void *user, void *in,
                    size_t size)
{
    /* Callbacks about no connection come with a made-up wsi. */
    struct socket *s = wsi ? lws_get_opaque_user_data(wsi) : NULL;

    (void)user;
    switch ((int)reason) {
    case LWS_CALLBACK_CLIENT_ESTABLISHED:
        if (!s)
            return -1;
        s->state = SOCKET_STATE_OPEN;
        s->end =
            (struct socket_end){.close_code = 0}; /* of other addresses nothing matters any more */
        s->stirred = true;
        address_order_worked(&s->order, s->addresses.text[s->next_address - 1]);
        s->handler.connected(s->handler.userdata, s->url.tls ? &s->peer.key : NULL);
        return 0;
    case LWS_CALLBACK_CLIENT_RECEIVE:
        return s ? received(s, in, size) : -1;
    case LWS_CALLBACK_CLIENT_WRITEABLE:
        return s ? writable(s) : -1;
    case LWS_CALLBACK_WS_PEER_INITIATED_CLOSE:
        if (s)
            take_close_code(s, in, size);
        return 0;
    case LWS_CALLBACK_CLIENT_CONNECTION_ERROR:
        if (s) {
            take_answer(s, wsi);
            s->wsi = NULL;
            address_failed(s);
            schedule_dial(s, 1);
        }
        return 0;
    case LWS_CALLBACK_CLIENT_CLOSED:
        if (s)
            ended(s);
        return 0;
    default:
        return 0;
    }
}

/* ---- life ---- */

static int make_context(struct socket *s)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        /* A session that is taken up again is not verified again. */
        .options =
            LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT | LWS_SERVER_OPTION_DISABLE_TLS_SESSION_CACHE,
        .protocols = s->protocols,
        .provided_client_ssl_ctx = s->tls,
        .log_cx = &s->log,
        .fd_limit_per_thread = DESCRIPTORS_MAX,
        .pt_serv_buf_size = RX_BUFFER_BYTES + 1024,
        .connect_timeout_secs = SOCKET_CONNECT_TIMEOUT_S,
        .timeout_secs = SOCKET_HANDSHAKE_TIMEOUT_S,
        .http_proxy_address = "", /* or the environment would decide where we connect to */
#if defined(LWS_WITH_SOCKS5)      /* not in ours, but a system's may have it */
        .socks_proxy_address = "",
#endif
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
    };
    int r;

    s->protocols[0] = (struct lws_protocols){
        .name = WIRE_SUBPROTOCOL,
        .callback = callback,
        .rx_buffer_size = RX_BUFFER_BYTES,
        .tx_packet_size = SOCKET_MESSAGE_MAX,
    };
    s->validity = (lws_retry_bo_t){
        .secs_since_valid_ping = SOCKET_PING_AFTER_S,
        .secs_since_valid_hangup = SOCKET_SILENCE_S,
    };
    if ((r = poll_loop_new(&s->loop)) || (r = poll_loop_make_context(s->loop, &info)))
        return r;
    s->context = poll_loop_context(s->loop);
    return 0;
}

int socket_new(struct socket **ret_socket, const char *ca_file,
               const struct socket_handler *handler)
{
    struct socket *s = calloc(1, sizeof *s);
    int r;

    if (!s)
        return -ENOMEM;
    s->handler = *handler;
    list_init(&s->queue);
    buf_init(&s->in, SOCKET_MESSAGE_MAX);
    buf_init(&s->out, LWS_PRE + SOCKET_MESSAGE_MAX);
    if ((r = tls_new(&s->tls, ca_file)) < 0 || (r = make_context(s)) < 0) {
        (void)socket_free(s);
        return r;
    }
    *ret_socket = s;
    return 0;
}

struct socket *socket_free(struct socket *s)
{
    if (!s)
        return NULL;
    if (s->wsi)
        lws_set_opaque_user_data(s->wsi, NULL);
    if (s->context)
        reset(s);
    (void)poll_loop_free(s->loop);
    (void)tls_free(s->tls);
    free(s);
    return NULL;
}

int socket_service(struct socket *s, uint64_t deadline_us)
{
    int wait_ms;

    s->stirred = false;
    wait_ms = poll_loop_run_timers(s->loop, time_until_ms(socket_now_us(), deadline_us));
    return poll_loop_wait(s->loop, s->stirred ? 0 : wait_ms);
}

void socket_wake(struct socket *s)
{
    poll_loop_wake(s->loop);
}
