#include "sync/sctp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <glib.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <usrsctp.h>

enum {
    PATH_MTU_BYTES = 1150, /* what a DTLS record of at most 1200 bytes has room for */
    STREAMS = 1024,
    BUFFER_BYTES = 1024 * 1024,
};

struct sctp {
    struct socket *socket;
    struct sctp_handler handler;
    GByteArray *message; /* parts of one that is not complete */
    bool closed;
};

static int on_output(void *address, void *packet, size_t size, uint8_t tos, uint8_t set_df)
{
    const struct sctp *sctp = address;

    (void)tos;
    (void)set_df;
    sctp->handler.send(sctp->handler.userdata, packet, size);
    return 0;
}

void sctp_stack_init(void)
{
    usrsctp_init_nothreads(0, on_output, NULL);
    usrsctp_sysctl_set_sctp_ecn_enable(0);
    usrsctp_sysctl_set_sctp_asconf_enable(0);
    usrsctp_sysctl_set_sctp_auth_enable(0);
    usrsctp_sysctl_set_sctp_nr_outgoing_streams_default(STREAMS);
}

void sctp_stack_tick(uint32_t elapsed_ms)
{
    usrsctp_handle_timers(elapsed_ms);
}

void sctp_stack_deinit(void)
{
    usrsctp_finish();
}

static void close_once(struct sctp *sctp)
{
    if (sctp->closed)
        return;
    sctp->closed = true;
    sctp->handler.closed(sctp->handler.userdata);
}

static void take_notification(struct sctp *sctp, const union sctp_notification *notification,
                              size_t size)
{
    if (size < sizeof(notification->sn_header) ||
        notification->sn_header.sn_type != SCTP_ASSOC_CHANGE ||
        size < sizeof(notification->sn_assoc_change))
        return;
    switch (notification->sn_assoc_change.sac_state) {
    case SCTP_COMM_UP:
        sctp->handler.opened(sctp->handler.userdata);
        break;
    case SCTP_COMM_LOST:
    case SCTP_SHUTDOWN_COMP:
    case SCTP_CANT_STR_ASSOC:
        close_once(sctp);
        break;
    default:
        break;
    }
}

/* A long message comes in parts; only streams that one peer uses for itself interleave, and ours uses one. */
static void take_data(struct sctp *sctp, const void *data, size_t size,
                      const struct sctp_rcvinfo *info, bool complete)
{
    uint32_t ppid = ntohl(info->rcv_ppid);

    if (complete && sctp->message->len == 0) {
        sctp->handler.received(sctp->handler.userdata, info->rcv_sid, ppid, data, size);
        return;
    }
    if (size > SCTP_MESSAGE_BYTES_MAX - sctp->message->len) {
        close_once(sctp);
        return;
    }
    g_byte_array_append(sctp->message, data, (guint)size);
    if (!complete)
        return;
    sctp->handler.received(sctp->handler.userdata, info->rcv_sid, ppid, sctp->message->data,
                           sctp->message->len);
    g_byte_array_set_size(sctp->message, 0);
}

static int on_received(struct socket *socket, union sctp_sockstore address, void *data, size_t size,
                       struct sctp_rcvinfo info, int flags, void *userdata)
{
    struct sctp *sctp = userdata;

    (void)socket;
    (void)address;
    if (!data)
        return 1;
    if (!sctp->closed) {
        if (flags & MSG_NOTIFICATION)
            take_notification(sctp, data, size);
        else
            take_data(sctp, data, size, &info, (flags & MSG_EOR) != 0);
    }
    free(data);
    return 1;
}

static int option_set(const struct sctp *sctp, int level, int name, const void *value,
                      socklen_t size)
{
    return usrsctp_setsockopt(sctp->socket, level, name, value, size) ? -EIO : 0;
}

static int options_set(const struct sctp *sctp)
{
    const struct linger abort_at_once = {.l_onoff = 1, .l_linger = 0};
    const struct sctp_event change = {
        .se_assoc_id = SCTP_ALL_ASSOC, .se_type = SCTP_ASSOC_CHANGE, .se_on = 1};
    const struct sctp_initmsg streams = {.sinit_num_ostreams = STREAMS,
                                         .sinit_max_instreams = STREAMS};
    const struct sctp_assoc_value reset = {.assoc_id = SCTP_ALL_ASSOC,
                                           .assoc_value = SCTP_ENABLE_RESET_STREAM_REQ};
    const int on = 1, buffer = BUFFER_BYTES;
    int r;

    if (usrsctp_set_non_blocking(sctp->socket, 1))
        return -EIO;
    if ((r = option_set(sctp, SOL_SOCKET, SO_LINGER, &abort_at_once, sizeof(abort_at_once))) ||
        (r = option_set(sctp, SOL_SOCKET, SO_SNDBUF, &buffer, sizeof(buffer))) ||
        (r = option_set(sctp, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer))) ||
        (r = option_set(sctp, IPPROTO_SCTP, SCTP_NODELAY, &on, sizeof(on))) ||
        (r = option_set(sctp, IPPROTO_SCTP, SCTP_EVENT, &change, sizeof(change))) ||
        (r = option_set(sctp, IPPROTO_SCTP, SCTP_INITMSG, &streams, sizeof(streams))) ||
        (r = option_set(sctp, IPPROTO_SCTP, SCTP_ENABLE_STREAM_RESET, &reset, sizeof(reset))))
        return r;
    return 0;
}

/* Both sides connect at once; SCTP makes one association of it. */
static int associate(struct sctp *sctp, uint16_t local_port, uint16_t remote_port)
{
    struct sockaddr_conn address = {
        .sconn_family = AF_CONN, .sconn_port = htons(local_port), .sconn_addr = sctp};
    struct sctp_paddrparams path = {.spp_flags = SPP_PMTUD_DISABLE, .spp_pathmtu = PATH_MTU_BYTES};

    if (usrsctp_bind(sctp->socket, (struct sockaddr *)&address, sizeof(address)))
        return -EIO;
    address.sconn_port = htons(remote_port);
    if (usrsctp_connect(sctp->socket, (struct sockaddr *)&address, sizeof(address)) &&
        errno != EINPROGRESS)
        return -EIO;
    memcpy(&path.spp_address, &address, sizeof(address));
    return option_set(sctp, IPPROTO_SCTP, SCTP_PEER_ADDR_PARAMS, &path, sizeof(path));
}

int sctp_new(struct sctp **ret_sctp, uint16_t local_port, uint16_t remote_port,
             const struct sctp_handler *handler)
{
    struct sctp *sctp = g_new0(struct sctp, 1);

    sctp->handler = *handler;
    sctp->message = g_byte_array_new();
    usrsctp_register_address(sctp);
    sctp->socket = usrsctp_socket(AF_CONN, SOCK_STREAM, IPPROTO_SCTP, on_received, NULL, 0, sctp);
    if (!sctp->socket || options_set(sctp) || associate(sctp, local_port, remote_port)) {
        sctp_free(sctp);
        return -EIO;
    }
    *ret_sctp = sctp;
    return 0;
}

void sctp_free(struct sctp *sctp)
{
    if (!sctp)
        return;
    sctp->closed = true;
    if (sctp->socket)
        usrsctp_close(sctp->socket);
    usrsctp_deregister_address(sctp);
    g_byte_array_unref(sctp->message);
    g_free(sctp);
}

void sctp_input(struct sctp *sctp, const uint8_t *packet, size_t size)
{
    usrsctp_conninput(sctp, packet, size, 0);
}

int sctp_send(struct sctp *sctp, uint16_t stream, uint32_t ppid, const void *data, size_t size)
{
    struct sctp_sndinfo info = {.snd_sid = stream, .snd_flags = SCTP_EOR, .snd_ppid = htonl(ppid)};
    ssize_t sent;

    if (sctp->closed)
        return -EIO;
    sent = usrsctp_sendv(sctp->socket, data, size, NULL, 0, &info, sizeof(info), SCTP_SENDV_SNDINFO,
                         0);
    if (sent == (ssize_t)size)
        return 0;
    return sent < 0 && errno == EWOULDBLOCK ? -EAGAIN : -EIO;
}
