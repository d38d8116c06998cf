#include "sync/link.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { PENDING_MAX = 256, MILLISECOND_US = 1000, BUSY_PAUSE_US = 1000, STALL_US = 500000 };

struct link {
    syncshell_client *client;
    struct channel_stack *stack;
    struct output *output;
    char *session_id;
    struct link_handler handler;
    struct channel *channel; /* NULL: no attempt */
    uint64_t generation;     /* of the channel */
    bool offering;
    bool up;
    bool overflow;           /* of `pending`: the next tick gives up */
    GHashTable *passed_over; /* URLs of ICE servers that we said we cannot use */
    GQueue pending;          /* control messages as text that found no room */
    gint64 heard_us;
    gint64 sent_us;
    gint64 ticked_us;
};

bool link_busy_pause(int32_t error)
{
    if (error != SYNCSHELL_E_BUSY)
        return false;
    g_usleep(BUSY_PAUSE_US);
    return true;
}

/* Those of our causes that everybody has a sentence for; NULL: only we know what it means. */
static const char *common_cause(const char *cause)
{
    static const char *const COMMON[] = {"turn_refused", "turn_unreachable", "dtls_failed"};

    for (size_t i = 0; cause && i < G_N_ELEMENTS(COMMON); i++)
        if (strcmp(cause, COMMON[i]) == 0)
            return cause;
    return NULL;
}

/* `cause` (NULL: none) goes with a link that is not up; `server` is the ICE server's URL, NULL when nobody knows. */
static void tell(const struct link *link, int32_t state, const char *cause, const char *server)
{
    const syncshell_link_report report = {
        .size = sizeof(report), .link = state, .cause = common_cause(cause), .ice_server = server};
    int32_t error;

    do
        error = syncshell_session_link_report(link->client, link->session_id, link->generation,
                                              &report, NULL);
    while (link_busy_pause(error));
    if (error)
        output_failure("The state of a link cannot be told (%s).", syncshell_error_name(error));
}

static void drop_channel(struct link *link)
{
    channel_free(link->channel);
    link->channel = NULL;
    link->overflow = false;
    g_queue_clear_full(&link->pending, g_free);
    if (!link->up)
        return;
    link->up = false;
    link->handler.down(link->handler.userdata);
}

static void show_end(const struct link *link, bool was_up, const char *cause, bool explained)
{
    char *reason = explained ? g_strdup_printf("%s %s", syncshell_cause_sentence(cause),
                                               syncshell_cause_advice(cause))
                             : NULL;

    output_event(link->output,
                 json_pack("{s:s, s:s, s:s, s:I, s:s, s:s*}", "event", "link", "state",
                           was_up ? "lost" : "failed", "sessionId", link->session_id, "generation",
                           (json_int_t)link->generation, "cause", cause, "explanation", reason),
                 "%s (%s).%s%s", was_up ? "The link is lost" : "No link came about", cause,
                 reason ? " " : "", reason ? reason : "");
    g_free(reason);
}

static void give_up(struct link *link, const char *cause)
{
    bool was_up = link->up;
    bool blamed = g_str_has_prefix(cause, "turn_"); /* for anything else no server can be */
    char *server = blamed && link->channel ? g_strdup(channel_server_url(link->channel)) : NULL;

    drop_channel(link);
    show_end(link, was_up, cause, common_cause(cause) != NULL);
    tell(link, was_up ? SYNCSHELL_LINK_LOST : SYNCSHELL_LINK_FAILED, cause, server);
    g_free(server);
}

void link_reject(struct link *link, const char *cause)
{
    if (link->channel)
        give_up(link, cause);
}

/* ---- sending ---- */

static int send_text(struct link *link, const char *text)
{
    int r = channel_send_text(link->channel, text, strlen(text));

    if (!r)
        link->sent_us = g_get_monotonic_time();
    return r;
}

static void flush_pending(struct link *link)
{
    char *text;

    while (link->up && (text = g_queue_peek_head(&link->pending))) {
        if (send_text(link, text))
            return;
        g_free(g_queue_pop_head(&link->pending));
    }
}

void link_send(struct link *link, json_t *takes_fields)
{
    char *text = json_dumps(takes_fields, JSON_COMPACT);

    json_decref(takes_fields);
    if (link->up && text) {
        if (!g_queue_is_empty(&link->pending) || send_text(link, text))
            g_queue_push_tail(&link->pending, g_strdup(text));
        link->overflow = g_queue_get_length(&link->pending) > PENDING_MAX;
    }
    free(text);
}

int link_send_binary(struct link *link, const void *data, size_t size)
{
    int r;

    if (!link->up)
        return -EIO;
    if (!g_queue_is_empty(&link->pending))
        return -EAGAIN;
    r = channel_send_binary(link->channel, data, size);
    if (!r)
        link->sent_us = g_get_monotonic_time();
    return r;
}

/* ---- from the channel ---- */

static void show_signal(const struct link *link, const char *type, bool sent)
{
    output_event(link->output,
                 json_pack("{s:s, s:s, s:s, s:s, s:I}", "event", "signal", "type", type,
                           "direction", sent ? "sent" : "received", "sessionId", link->session_id,
                           "generation", (json_int_t)link->generation),
                 "An %s is %s (attempt %llu).", type, sent ? "sent" : "here",
                 (unsigned long long)link->generation);
}

static void on_described(void *userdata, const char *sdp)
{
    struct link *link = userdata;
    int32_t error;

    do {
        if (link->offering)
            error = syncshell_session_offer(link->client, link->session_id, link->generation, sdp,
                                            SYNCSHELL_ZERO_TERMINATED, NULL);
        else
            error = syncshell_session_answer(link->client, link->session_id, link->generation, sdp,
                                             SYNCSHELL_ZERO_TERMINATED, NULL);
    } while (link_busy_pause(error));
    if (error)
        give_up(link, syncshell_error_name(error));
    else
        show_signal(link, link->offering ? "offer" : "answer", true);
}

static void on_candidate(void *userdata, const char *candidate, const char *mid)
{
    const struct link *link = userdata;
    int32_t error;

    do
        error = syncshell_session_candidate(link->client, link->session_id, link->generation,
                                            candidate, SYNCSHELL_ZERO_TERMINATED, mid, 0, NULL);
    while (link_busy_pause(error));
    if (error)
        output_failure("A candidate cannot be told (%s).", syncshell_error_name(error));
}

static void on_opened(void *userdata)
{
    struct link *link = userdata;
    bool relayed = channel_is_relayed(link->channel);
    const char *server = channel_server_url(link->channel);

    link->up = true;
    link->heard_us = link->sent_us = link->ticked_us = g_get_monotonic_time();
    output_event(link->output,
                 json_pack("{s:s, s:s, s:s, s:I, s:b, s:s*}", "event", "link", "state", "up",
                           "sessionId", link->session_id, "generation",
                           (json_int_t)link->generation, "relayed", relayed, "iceServer", server),
                 "Linked with the other side%s (attempt %llu).",
                 relayed ? " through a TURN server" : "", (unsigned long long)link->generation);
    tell(link, SYNCSHELL_LINK_UP, NULL, server);
    link->handler.up(link->handler.userdata);
}

static void on_text(void *userdata, const char *text, size_t size)
{
    struct link *link = userdata;
    json_t *fields = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *type = json_string_value(json_object_get(fields, "type"));

    link->heard_us = g_get_monotonic_time();
    if (!type)
        give_up(link, "bad_message");
    else if (strcmp(type, "ping") == 0)
        link_send(link, json_pack("{s:s}", "type", "pong"));
    else if (strcmp(type, "pong") != 0)
        link->handler.message(link->handler.userdata, type, fields);
    json_decref(fields);
}

static void on_binary(void *userdata, const uint8_t *data, size_t size)
{
    struct link *link = userdata;

    link->heard_us = g_get_monotonic_time();
    link->handler.binary(link->handler.userdata, data, size);
}

static void on_tick(void *userdata)
{
    struct link *link = userdata;
    gint64 now_us = g_get_monotonic_time();

    /* Time in which this program did not look proves nothing about the other side. */
    if (now_us - link->ticked_us > STALL_US)
        link->heard_us += now_us - link->ticked_us;
    link->ticked_us = now_us;
    if (link->overflow || now_us - link->heard_us > (gint64)LINK_SILENCE_MS * MILLISECOND_US) {
        give_up(link, link->overflow ? "overflow" : "silence");
        return;
    }
    if (now_us - link->sent_us > (gint64)LINK_PING_MS * MILLISECOND_US &&
        g_queue_is_empty(&link->pending))
        link_send(link, json_pack("{s:s}", "type", "ping"));
    flush_pending(link);
    if (link->up)
        link->handler.room(link->handler.userdata);
}

static void on_failed(void *userdata, const char *cause)
{
    give_up(userdata, cause);
}

/* ---- from the library ---- */

/* Whoever has opened no other way than TLS must learn why there is no link. Once: the next attempt has the same ones. */
static void show_passed_over(struct link *link, const char *url)
{
    if (g_hash_table_contains(link->passed_over, url))
        return;
    g_hash_table_add(link->passed_over, g_strdup(url));
    output_event(link->output,
                 json_pack("{s:s, s:s, s:s, s:s}", "event", "ice_server_passed_over", "sessionId",
                           link->session_id, "iceServer", url, "explanation",
                           "This program cannot speak TLS to STUN and TURN servers."),
                 "The relay names %s, but this program cannot speak TLS to STUN and TURN servers.",
                 url);
}

/* Those of the command line, or those that the relay names for this attempt. */
static void choose_servers(struct link *link, const syncshell_event *event,
                           struct ice_server_list *ret_servers)
{
    const struct ice_server_list *own = channel_stack_options(link->stack)->own;
    size_t n = syncshell_event_ice_server_count(event);

    *ret_servers = *own;
    for (size_t i = 0; own->n_servers == 0 && i < n; i++) {
        syncshell_ice_server server = {.size = sizeof(server)};

        if (syncshell_event_ice_server(event, i, &server) != SYNCSHELL_OK)
            continue;
        if (ice_server_is_tls(server.url))
            show_passed_over(link, server.url);
        else
            ice_server_list_add(ret_servers, server.url, server.username, server.credential);
    }
}

/* `event` names the ICE servers. */
static void begin(struct link *link, uint64_t generation, const syncshell_event *event,
                  const char *offer, size_t size)
{
    struct ice_server_list servers;

    const struct channel_handler handler = {.userdata = link,
                                            .described = on_described,
                                            .candidate = on_candidate,
                                            .opened = on_opened,
                                            .text = on_text,
                                            .binary = on_binary,
                                            .tick = on_tick,
                                            .failed = on_failed};
    int r;

    drop_channel(link);
    link->generation = generation;
    link->offering = !offer;
    if (offer)
        show_signal(link, "offer", false);
    choose_servers(link, event, &servers);
    r = channel_new(&link->channel, link->stack, offer, size, &servers, &handler);
    if (r)
        give_up(link, r == -EINVAL ? "bad_offer" : "webrtc_failed");
}

static void suspect(struct link *link)
{
    gint64 enough =
        g_get_monotonic_time() - (gint64)(LINK_SILENCE_MS - LINK_SUSPICION_MS) * MILLISECOND_US;

    if (!link->up)
        return;
    if (link->heard_us > enough)
        link->heard_us = enough;
    link_send(link, json_pack("{s:s}", "type", "ping"));
}

static void take_answer(struct link *link, const char *sdp, size_t size)
{
    show_signal(link, "answer", false);
    if (channel_take_answer(link->channel, sdp, size))
        give_up(link, "bad_answer");
}

static void take_signal(struct link *link, const syncshell_event *event, uint64_t generation)
{
    size_t size = 0;
    const char *sdp = syncshell_event_text(event, SYNCSHELL_FIELD_SDP, &size);
    bool current = link->channel && generation == link->generation;

    if (!sdp || !*sdp) /* no more candidates: nothing waits for that */
        return;
    if (syncshell_event_get_type(event) == SYNCSHELL_EVENT_OFFER)
        begin(link, generation, event, sdp, size);
    else if (!current)
        return;
    else if (syncshell_event_get_type(event) == SYNCSHELL_EVENT_CANDIDATE)
        channel_take_candidate(link->channel, sdp);
    else if (link->offering)
        take_answer(link, sdp, size);
}

/* The other side, or the library, holds the attempt for failed. */
static void take_failure(struct link *link, const syncshell_event *event, uint64_t generation)
{
    const char *cause = syncshell_event_text(event, SYNCSHELL_FIELD_CAUSE, NULL);

    if (link->up || !link->channel || generation != link->generation)
        return;
    drop_channel(link);
    show_end(link, false, cause && *cause ? cause : "link_failed", true);
}

void link_event(struct link *link, const syncshell_event *event)
{
    const char *presence = syncshell_event_text(event, SYNCSHELL_FIELD_PRESENCE, NULL);
    int32_t type = syncshell_event_get_type(event);
    uint64_t generation = 0;

    if (type == SYNCSHELL_EVENT_PEER_PRESENCE) {
        if (presence && strcmp(presence, "online") != 0)
            suspect(link);
        return;
    }
    if (syncshell_event_integer(event, SYNCSHELL_FIELD_GENERATION, &generation))
        return;
    if (type == SYNCSHELL_EVENT_OFFER_NEEDED)
        begin(link, generation, event, NULL, 0);
    else if (type == SYNCSHELL_EVENT_OFFER || type == SYNCSHELL_EVENT_ANSWER ||
             type == SYNCSHELL_EVENT_CANDIDATE)
        take_signal(link, event, generation);
    else if (type == SYNCSHELL_EVENT_ATTEMPT_FAILED)
        take_failure(link, event, generation);
}

struct link *link_new(syncshell_client *client, struct channel_stack *stack, struct output *output,
                      const char *session_id, const struct link_handler *handler)
{
    struct link *link = g_new0(struct link, 1);

    link->client = client;
    link->stack = stack;
    link->output = output;
    link->session_id = g_strdup(session_id);
    link->handler = *handler;
    link->passed_over = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_queue_init(&link->pending);
    return link;
}

void link_free(struct link *link)
{
    if (!link)
        return;
    channel_free(link->channel);
    g_queue_clear_full(&link->pending, g_free);
    g_hash_table_unref(link->passed_over);
    g_free(link->session_id);
    g_free(link);
}

bool link_is_up(const struct link *link)
{
    return link->up;
}

bool link_has_room(const struct link *link)
{
    return link->up && g_queue_is_empty((GQueue *)(uintptr_t)&link->pending);
}
