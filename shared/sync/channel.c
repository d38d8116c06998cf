#include "sync/channel.h"

#include <errno.h>
#include <string.h>

#include "sync/dtls.h"
#include "sync/ice.h"
#include "sync/sctp.h"
#include "sync/sdp.h"

enum {
    TICK_MS = 10,
    CLOSE_US = 1000000, /* for TURN servers to take back their addresses */
    PPID_CONTROL = 50,
    PPID_TEXT = 51,
    PPID_BINARY = 53,
    SCTP_PORT = 5000,
    OPEN_MESSAGE = 0x03,
    OPEN_ACK = 0x02,
    OPEN_HEADER_BYTES = 12,
};

static const char LABEL[] = "syncshell-sync";

struct channel_stack {
    GMainContext *context;
    const struct ice_options *ice_options;
    struct dtls_identity *identity;
    GPtrArray *channels;
    GSource *timer; /* NULL: no channels */
    gint64 ticked_us;
    unsigned int closing;
};

struct channel {
    struct channel_stack *stack;
    struct channel_handler handler;
    struct ice_server_list servers;
    struct ice *ice;
    struct dtls *dtls;
    struct sctp *sctp;
    struct sdp remote;
    bool has_remote;
    bool offerer;
    bool client;         /* of DTLS */
    bool described;      /* to the other side */
    bool gathered;       /* there will be no more candidates */
    bool ended;          /* the other side knows that */
    bool path;           /* ICE has found one */
    size_t n_candidates; /* given to the other side */
    bool open;
    bool failed;
    bool freed;
    uint16_t stream;
    char mid[SDP_MID_SIZE];
};

/* ---- the stack ---- */

static void fail(struct channel *channel, const char *cause)
{
    if (channel->failed || channel->freed)
        return;
    channel->failed = true;
    channel->open = false;
    channel->handler.failed(channel->handler.userdata, cause);
}

/* A TURN server that would have helped is a better reason than any other. */
static void fail_without_path(struct channel *channel, const char *cause)
{
    const char *relay_cause = ice_relay_cause(channel->ice);

    fail(channel, relay_cause ? relay_cause : cause);
}

static void describe(struct channel *channel)
{
    struct sdp sdp;
    char *text;

    sdp_init(&sdp);
    if (ice_describe(channel->ice, &sdp)) {
        fail(channel, "ice_failed");
    } else {
        g_strlcpy(sdp.fingerprint, dtls_identity_fingerprint(channel->stack->identity),
                  sizeof(sdp.fingerprint));
        sdp.setup = SDP_SETUP_ACTPASS;
        if (!channel->offerer) {
            sdp.setup = channel->client ? SDP_SETUP_ACTIVE : SDP_SETUP_PASSIVE;
            g_strlcpy(sdp.mid, channel->remote.mid, sizeof(sdp.mid));
        }
        g_strlcpy(channel->mid, sdp.mid, sizeof(channel->mid));
        sdp.complete = channel->gathered;
        channel->described = true;
        channel->ended = channel->gathered;
        channel->n_candidates = sdp.candidates->len;
        text = sdp_write(&sdp, (uint64_t)g_get_real_time());
        channel->handler.described(channel->handler.userdata, text);
        g_free(text);
    }
    sdp_deinit(&sdp);
}

static void tell_candidate(struct channel *channel, const char *candidate)
{
    channel->n_candidates += *candidate != '\0';
    channel->handler.candidate(channel->handler.userdata, candidate, channel->mid);
}

/* Until the other side has our description and all candidates. */
static void signal_own(struct channel *channel)
{
    if (!channel->described)
        describe(channel);
    if (!channel->gathered || channel->failed || channel->freed)
        return;
    if (channel->n_candidates == 0) {
        fail_without_path(channel,
                          channel->stack->ice_options->relay_only ? "no_relay" : "no_candidates");
    } else if (!channel->ended) {
        channel->ended = true;
        tell_candidate(channel, "");
    }
}

static void channel_destroy(struct channel *channel)
{
    sctp_free(channel->sctp);
    dtls_free(channel->dtls);
    ice_free(channel->ice);
    sdp_deinit(&channel->remote);
    g_free(channel);
}

static void stack_reap(struct channel_stack *stack)
{
    for (guint i = stack->channels->len; i > 0; i--) {
        struct channel *channel = stack->channels->pdata[i - 1];

        if (!channel->freed)
            continue;
        g_ptr_array_remove_index_fast(stack->channels, i - 1);
        channel_destroy(channel);
    }
    if (stack->channels->len == 0 && stack->timer) {
        g_source_destroy(stack->timer);
        g_source_unref(stack->timer);
        stack->timer = NULL;
    }
}

static gboolean on_timer(gpointer userdata)
{
    struct channel_stack *stack = userdata;
    gint64 now_us = g_get_monotonic_time();
    gint64 elapsed_ms = (now_us - stack->ticked_us) / 1000;

    stack->ticked_us += elapsed_ms * 1000;
    sctp_stack_tick((uint32_t)elapsed_ms);
    for (guint i = 0; i < stack->channels->len; i++) {
        struct channel *channel = stack->channels->pdata[i];

        if (!channel->ended && !channel->freed && !channel->failed)
            signal_own(channel);
        if (channel->dtls && !channel->freed)
            dtls_tick(channel->dtls);
        if (channel->open && !channel->freed)
            channel->handler.tick(channel->handler.userdata);
    }
    stack_reap(stack);
    return G_SOURCE_CONTINUE;
}

static void stack_add(struct channel_stack *stack, struct channel *channel)
{
    g_ptr_array_add(stack->channels, channel);
    if (stack->timer)
        return;
    stack->ticked_us = g_get_monotonic_time();
    stack->timer = g_timeout_source_new(TICK_MS);
    g_source_set_callback(stack->timer, on_timer, stack, NULL);
    g_source_attach(stack->timer, stack->context);
}

int channel_stack_new(struct channel_stack **ret_stack, GMainContext *context,
                      const struct ice_options *options)
{
    struct channel_stack *stack = g_new0(struct channel_stack, 1);

    sctp_stack_init();
    stack->context = context;
    stack->ice_options = options;
    stack->channels = g_ptr_array_new();
    if (dtls_identity_new(&stack->identity)) {
        channel_stack_free(stack);
        return -EIO;
    }
    *ret_stack = stack;
    return 0;
}

const struct ice_options *channel_stack_options(const struct channel_stack *stack)
{
    return stack->ice_options;
}

void channel_stack_free(struct channel_stack *stack)
{
    gint64 end_us;

    if (!stack)
        return;
    for (guint i = 0; i < stack->channels->len; i++)
        channel_free(stack->channels->pdata[i]);
    stack_reap(stack);
    end_us = g_get_monotonic_time() + CLOSE_US;
    while (stack->closing > 0 && g_get_monotonic_time() < end_us)
        if (!g_main_context_iteration(stack->context, FALSE))
            g_usleep(1000);
    g_ptr_array_unref(stack->channels);
    dtls_identity_free(stack->identity);
    sctp_stack_deinit();
    g_free(stack);
}

/* ---- from the layers ---- */

static void set_open(struct channel *channel)
{
    if (channel->open || channel->failed || channel->freed)
        return;
    channel->open = true;
    channel->handler.opened(channel->handler.userdata);
}

static void on_sctp_send(void *userdata, const uint8_t *packet, size_t size)
{
    struct channel *channel = userdata;

    if (channel->dtls)
        dtls_send(channel->dtls, packet, size); /* lost with the path: SCTP sends it again */
}

/* The side that offered opens the channel; the DTLS client's streams are even (RFC 8832). */
static void on_sctp_opened(void *userdata)
{
    struct channel *channel = userdata;
    uint8_t message[OPEN_HEADER_BYTES + sizeof(LABEL) - 1] = {OPEN_MESSAGE};

    if (!channel->offerer || channel->freed)
        return;
    channel->stream = channel->client ? 0 : 1;
    message[9] = sizeof(LABEL) - 1;
    memcpy(message + OPEN_HEADER_BYTES, LABEL, sizeof(LABEL) - 1);
    if (sctp_send(channel->sctp, channel->stream, PPID_CONTROL, message, sizeof(message)))
        fail(channel, "channel_refused");
}

static void take_control(struct channel *channel, uint16_t stream, const uint8_t *data, size_t size)
{
    static const uint8_t ack = OPEN_ACK;

    if (size >= 1 && data[0] == OPEN_ACK && channel->offerer && stream == channel->stream) {
        set_open(channel);
    } else if (size >= OPEN_HEADER_BYTES && data[0] == OPEN_MESSAGE && !channel->offerer &&
               !channel->open) {
        channel->stream = stream;
        if (sctp_send(channel->sctp, stream, PPID_CONTROL, &ack, sizeof(ack)))
            fail(channel, "channel_refused");
        else
            set_open(channel);
    }
}

static void on_sctp_received(void *userdata, uint16_t stream, uint32_t ppid, const uint8_t *data,
                             size_t size)
{
    struct channel *channel = userdata;

    if (channel->freed || channel->failed)
        return;
    if (ppid == PPID_CONTROL) {
        take_control(channel, stream, data, size);
        return;
    }
    if (stream != channel->stream)
        return;
    set_open(channel); /* data may overtake nothing on its stream: the other side is open */
    if (channel->freed)
        return;
    if (ppid == PPID_TEXT)
        channel->handler.text(channel->handler.userdata, (const char *)data, size);
    else if (ppid == PPID_BINARY)
        channel->handler.binary(channel->handler.userdata, data, size);
}

static void on_sctp_closed(void *userdata)
{
    fail(userdata, "channel_closed");
}

static void on_dtls_send(void *userdata, const uint8_t *data, size_t size)
{
    const struct channel *channel = userdata;

    ice_send(channel->ice, data, size);
}

static void on_dtls_connected(void *userdata)
{
    struct channel *channel = userdata;
    const struct sctp_handler handler = {.userdata = channel,
                                         .send = on_sctp_send,
                                         .opened = on_sctp_opened,
                                         .received = on_sctp_received,
                                         .closed = on_sctp_closed};

    if (channel->freed)
        return;
    if (sctp_new(&channel->sctp, SCTP_PORT, channel->remote.sctp_port, &handler))
        fail(channel, "sctp_failed");
}

static void on_dtls_received(void *userdata, const uint8_t *data, size_t size)
{
    struct channel *channel = userdata;

    if (channel->sctp && !channel->freed)
        sctp_input(channel->sctp, data, size);
}

static void on_dtls_failed(void *userdata)
{
    struct channel *channel = userdata;

    fail(channel, channel->sctp ? "channel_closed" : "dtls_failed");
}

static void on_ice_connected(void *userdata)
{
    struct channel *channel = userdata;

    channel->path = true;
    if (channel->dtls && !channel->freed)
        dtls_start(channel->dtls);
}

static void on_ice_failed(void *userdata)
{
    struct channel *channel = userdata;

    if (channel->path)
        fail(channel, "path_lost");
    else
        fail_without_path(channel, "no_path");
}

static void on_ice_received(void *userdata, const uint8_t *data, size_t size)
{
    struct channel *channel = userdata;

    if (!channel->dtls || channel->freed)
        return;
    dtls_input(channel->dtls, data, size);
    if (channel->open && !channel->freed)
        channel->handler.tick(channel->handler.userdata);
}

static void on_ice_candidate(void *userdata, const char *candidate)
{
    struct channel *channel = userdata;

    if (!channel->failed && !channel->freed)
        tell_candidate(channel, candidate);
}

/* It may come while the channel is still being made: told at the next turn. */
static void on_ice_gathered(void *userdata)
{
    struct channel *channel = userdata;

    channel->gathered = true;
}

/* ---- from the owner ---- */

/* Once the other side's description is known: takes it. */
static int take_remote(struct channel *channel, struct sdp *takes_remote)
{
    const struct dtls_handler handler = {.userdata = channel,
                                         .send = on_dtls_send,
                                         .connected = on_dtls_connected,
                                         .received = on_dtls_received,
                                         .failed = on_dtls_failed};
    int r;

    channel->remote = *takes_remote;
    channel->has_remote = true;
    channel->client = channel->remote.setup != SDP_SETUP_ACTIVE;
    r = dtls_new(&channel->dtls, channel->stack->identity, channel->client,
                 channel->remote.fingerprint, &handler);
    return r ? r : ice_set_remote(channel->ice, &channel->remote);
}

int channel_new(struct channel **ret_channel, struct channel_stack *stack, const char *offer,
                size_t offer_size, const struct ice_server_list *servers,
                const struct channel_handler *handler)
{
    struct channel *channel = g_new0(struct channel, 1);
    const struct ice_handler ice_handler = {.userdata = channel,
                                            .candidate = on_ice_candidate,
                                            .gathered = on_ice_gathered,
                                            .connected = on_ice_connected,
                                            .failed = on_ice_failed,
                                            .received = on_ice_received};
    struct sdp remote = {0};
    int r = 0;

    channel->stack = stack;
    channel->handler = *handler;
    channel->offerer = !offer;
    channel->servers = *servers;
    if (offer)
        r = sdp_parse(&remote, offer, offer_size);
    if (!r)
        r = ice_new(&channel->ice, stack->context, channel->offerer, stack->ice_options,
                    &channel->servers, &stack->closing, &ice_handler);
    if (r) {
        sdp_deinit(&remote);
        channel_destroy(channel);
        return r;
    }
    stack_add(stack, channel);
    if (offer && (r = take_remote(channel, &remote))) {
        channel_free(channel);
        return r;
    }
    *ret_channel = channel;
    return 0;
}

void channel_free(struct channel *channel)
{
    if (!channel)
        return;
    channel->freed = true;
    channel->open = false;
}

int channel_take_answer(struct channel *channel, const char *sdp, size_t size)
{
    struct sdp remote;
    int r;

    if (channel->has_remote)
        return -EINVAL;
    if ((r = sdp_parse(&remote, sdp, size)))
        return r;
    if (remote.setup == SDP_SETUP_ACTPASS) {
        sdp_deinit(&remote);
        return -EINVAL;
    }
    return take_remote(channel, &remote);
}

void channel_take_candidate(struct channel *channel, const char *candidate)
{
    if (channel->has_remote)
        ice_add_candidate(channel->ice, candidate); /* one that cannot be used is not missed */
}

const char *channel_server_url(const struct channel *channel)
{
    return ice_server_url(channel->ice);
}

bool channel_is_relayed(const struct channel *channel)
{
    return ice_is_relayed(channel->ice);
}

int channel_send_text(struct channel *channel, const char *text, size_t size)
{
    return channel->open ? sctp_send(channel->sctp, channel->stream, PPID_TEXT, text, size) : -EIO;
}

int channel_send_binary(struct channel *channel, const void *data, size_t size)
{
    return channel->open ? sctp_send(channel->sctp, channel->stream, PPID_BINARY, data, size)
                         : -EIO;
}
