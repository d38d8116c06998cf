#include "sync/ice.h"

#include <errno.h>
#include <gio/gio.h>
#include <nice/agent.h>
#include <string.h>

enum {
    COMPONENT = 1,
    NAMES_WAIT_MS = 2000, /* then without the servers whose names are not resolved yet */
    /* A request is given up after some eight seconds: before the library gives up the attempt. */
    STUN_FIRST_MS = 250,
    STUN_REPEATS = 6,
    SILENT_MS = 5000, /* clearly less than that */
};

struct ice {
    NiceAgent *agent;
    GMainContext *context;
    guint stream;
    bool relay_only;
    const struct ice_server_list *servers;
    char *addresses[ICE_SERVERS_MAX]; /* of these, once they are known; owned */
    unsigned int *closing;
    unsigned int n_turn;     /* TURN servers: all, */
    unsigned int n_turn_tcp; /* those over TCP */
    bool unresolved;         /* a name has no address */
    bool relayed;            /* a TURN server has given an address */
    bool gathering;          /* has begun */
    gint64 gathering_us;     /* since then; once all is gathered, how long it took */
    bool described;
    bool connected;
    GPtrArray *lookups; /* of struct lookup: names that are being resolved */
    GCancellable *cancellable;
    GSource *names_timer; /* NULL: none */
    struct ice_handler handler;
};

/* "candidate:..."; g_free() it. */
static char *candidate_text(struct ice *ice, NiceCandidate *candidate)
{
    char *line = nice_agent_generate_local_candidate_sdp(ice->agent, candidate);
    char *text = g_strdup(line + strlen("a="));

    g_free(line);
    return text;
}

static bool is_for_others(const struct ice *ice, const NiceCandidate *candidate)
{
    return !ice->relay_only || candidate->type == NICE_CANDIDATE_TYPE_RELAYED;
}

static void on_candidate(NiceAgent *agent, NiceCandidate *candidate, gpointer userdata)
{
    struct ice *ice = userdata;
    char *text;

    (void)agent;
    ice->relayed = ice->relayed || candidate->type == NICE_CANDIDATE_TYPE_RELAYED;
    if (!ice->described || !is_for_others(ice, candidate))
        return;
    text = candidate_text(ice, candidate);
    ice->handler.candidate(ice->handler.userdata, text);
    g_free(text);
}

static void on_gathered(NiceAgent *agent, guint stream, gpointer userdata)
{
    struct ice *ice = userdata;

    (void)agent;
    (void)stream;
    ice->gathering_us = g_get_monotonic_time() - ice->gathering_us;
    ice->handler.gathered(ice->handler.userdata);
}

static void on_state(NiceAgent *agent, guint stream, guint component, guint state,
                     gpointer userdata)
{
    struct ice *ice = userdata;
    bool usable = state == NICE_COMPONENT_STATE_CONNECTED || state == NICE_COMPONENT_STATE_READY;

    (void)agent;
    (void)stream;
    (void)component;
    if (usable && !ice->connected) {
        ice->connected = true;
        ice->handler.connected(ice->handler.userdata);
    } else if (state == NICE_COMPONENT_STATE_FAILED) {
        ice->handler.failed(ice->handler.userdata);
    }
}

static void on_received(NiceAgent *agent, guint stream, guint component, guint size, gchar *data,
                        gpointer userdata)
{
    struct ice *ice = userdata;

    (void)agent;
    (void)stream;
    (void)component;
    ice->handler.received(ice->handler.userdata, (const uint8_t *)data, size);
}

static int bind_to(struct ice *ice, const char *text)
{
    NiceAddress *address = nice_address_new();
    int r = nice_address_set_from_string(address, text) ? 0 : -EINVAL;

    if (!r && !nice_agent_add_local_address(ice->agent, address))
        r = -EIO;
    nice_address_free(address);
    return r;
}

/* ---- STUN and TURN servers: names are resolved first, then gathering begins ---- */

static int gather(struct ice *ice)
{
    ice->gathering = true;
    ice->gathering_us = g_get_monotonic_time();
    return nice_agent_gather_candidates(ice->agent, ice->stream) ? 0 : -EIO;
}

static void use_server(struct ice *ice, const struct ice_server *server, const char *address)
{
    NiceRelayType type =
        server->kind == ICE_SERVER_TURN_TCP ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP;

    ice->addresses[server - ice->servers->servers] = g_strdup(address);
    if (server->kind == ICE_SERVER_STUN) /* libnice knows one: the last that is given */
        g_object_set(ice->agent, "stun-server", address, "stun-server-port", (guint)server->port,
                     NULL);
    else
        nice_agent_set_relay_info(ice->agent, ice->stream, COMPONENT, address, server->port,
                                  server->username, server->password, type);
}

static void gather_late(struct ice *ice)
{
    if (!ice->gathering && gather(ice))
        ice->handler.failed(ice->handler.userdata);
}

/* One name: freed by its own answer, which always comes. */
struct lookup {
    struct ice *ice; /* NULL: gone meanwhile */
    const struct ice_server *server;
};

static void on_resolved(GObject *resolver, GAsyncResult *result, gpointer userdata)
{
    struct lookup *lookup = userdata;
    struct ice *ice = lookup->ice;
    GList *addresses =
        g_resolver_lookup_by_name_finish(G_RESOLVER(resolver), result, NULL); /* NULL: none */

    if (ice) {
        g_ptr_array_remove_fast(ice->lookups, lookup);
        ice->unresolved = ice->unresolved || !addresses;
        if (addresses && !ice->gathering) {
            char *text = g_inet_address_to_string(addresses->data);

            use_server(ice, lookup->server, text);
            g_free(text);
        }
        if (ice->lookups->len == 0)
            gather_late(ice);
    }
    g_resolver_free_addresses(addresses);
    g_free(lookup);
}

static void resolve(struct ice *ice, const struct ice_server *server)
{
    struct lookup *lookup = g_new0(struct lookup, 1);
    GResolver *resolver = g_resolver_get_default();

    lookup->ice = ice;
    lookup->server = server;
    g_ptr_array_add(ice->lookups, lookup);
    g_resolver_lookup_by_name_async(resolver, server->host, ice->cancellable, on_resolved, lookup);
    g_object_unref(resolver);
}

static gboolean on_names_late(gpointer userdata)
{
    struct ice *ice = userdata;

    g_source_unref(ice->names_timer);
    ice->names_timer = NULL;
    ice->unresolved = ice->lookups->len > 0;
    gather_late(ice);
    return G_SOURCE_REMOVE;
}

static int use_servers(struct ice *ice)
{
    for (size_t i = 0; i < ice->servers->n_servers; i++) {
        const struct ice_server *server = &ice->servers->servers[i];
        GInetAddress *address = g_inet_address_new_from_string(server->host);

        ice->n_turn += server->kind != ICE_SERVER_STUN;
        ice->n_turn_tcp += server->kind == ICE_SERVER_TURN_TCP;
        if (address)
            use_server(ice, server, server->host);
        else
            resolve(ice, server);
        g_clear_object(&address);
    }
    if (ice->lookups->len == 0)
        return gather(ice);
    ice->names_timer = g_timeout_source_new(NAMES_WAIT_MS);
    g_source_set_callback(ice->names_timer, on_names_late, ice, NULL);
    g_source_attach(ice->names_timer, ice->context);
    return 0;
}

/* libnice does not say why a TURN server gave no address. By UDP a silent one holds gathering up until all repeats are through: when
 * it took less, the servers have answered. By TCP a server that is not there ends it at once, too. */
const char *ice_relay_cause(const struct ice *ice)
{
    if (ice->relayed || ice->n_turn == 0)
        return NULL;
    if (ice->unresolved || ice->gathering_us >= (gint64)SILENT_MS * 1000)
        return "turn_unreachable";
    return ice->n_turn_tcp == 0 ? "turn_refused" : NULL;
}

/* ---- life ---- */

static int start(struct ice *ice)
{
    ice->stream = nice_agent_add_stream(ice->agent, 1);
    if (!ice->stream)
        return -EIO;
    if (!nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->context, on_received, ice))
        return -EIO;
    return use_servers(ice);
}

int ice_new(struct ice **ret_ice, GMainContext *context, bool controlling,
            const struct ice_options *options, const struct ice_server_list *servers,
            unsigned int *closing, const struct ice_handler *handler)
{
    struct ice *ice = g_new0(struct ice, 1);
    int r = 0;

    ice->handler = *handler;
    ice->context = context;
    ice->relay_only = options->relay_only;
    ice->servers = servers;
    ice->closing = closing;
    ice->lookups = g_ptr_array_new();
    ice->cancellable = g_cancellable_new();
    ice->agent =
        nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245,
                            NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_CONSENT_FRESHNESS);
    g_object_set(ice->agent, "controlling-mode", (gboolean)controlling, "ice-tcp", FALSE, "upnp",
                 FALSE, "force-relay", (gboolean)options->relay_only, "stun-initial-timeout",
                 STUN_FIRST_MS, "stun-max-retransmissions", STUN_REPEATS, NULL);
    g_signal_connect(ice->agent, "new-candidate-full", G_CALLBACK(on_candidate), ice);
    g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), ice);
    g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
    if (options->bind_address)
        r = bind_to(ice, options->bind_address);
    if (!r)
        r = start(ice);
    if (r) {
        ice_free(ice);
        return r;
    }
    *ret_ice = ice;
    return 0;
}

static void forget_lookups(struct ice *ice)
{
    for (guint i = 0; i < ice->lookups->len; i++)
        ((struct lookup *)ice->lookups->pdata[i])->ice = NULL;
    g_ptr_array_unref(ice->lookups);
    g_cancellable_cancel(ice->cancellable);
    g_object_unref(ice->cancellable);
    if (!ice->names_timer)
        return;
    g_source_destroy(ice->names_timer);
    g_source_unref(ice->names_timer);
}

static void on_closed(GObject *agent, GAsyncResult *result, gpointer userdata)
{
    unsigned int *closing = userdata;

    (void)agent;
    (void)result;
    --*closing;
}

void ice_free(struct ice *ice)
{
    if (!ice)
        return;
    forget_lookups(ice);
    g_signal_handlers_disconnect_by_data(ice->agent, ice);
    if (ice->stream) {
        nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->context, NULL, NULL);
        nice_agent_remove_stream(ice->agent, ice->stream);
    }
    if (ice->relayed) {
        ++*ice->closing;
        nice_agent_close_async(ice->agent, on_closed, ice->closing);
    }
    g_object_unref(ice->agent);
    for (size_t i = 0; i < ICE_SERVERS_MAX; i++)
        g_free(ice->addresses[i]);
    g_free(ice);
}

int ice_describe(struct ice *ice, struct sdp *sdp)
{
    gchar *ufrag = NULL, *pwd = NULL;
    GSList *candidates;
    bool fits;

    if (!nice_agent_get_local_credentials(ice->agent, ice->stream, &ufrag, &pwd))
        return -EIO;
    fits = g_strlcpy(sdp->ufrag, ufrag, sizeof(sdp->ufrag)) < sizeof(sdp->ufrag) &&
           g_strlcpy(sdp->pwd, pwd, sizeof(sdp->pwd)) < sizeof(sdp->pwd);
    g_free(ufrag);
    g_free(pwd);
    candidates = nice_agent_get_local_candidates(ice->agent, ice->stream, COMPONENT);
    for (GSList *item = candidates; item; item = item->next)
        if (is_for_others(ice, item->data))
            g_ptr_array_add(sdp->candidates, candidate_text(ice, item->data));
    ice->described = true;
    g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
    return fits ? 0 : -EIO;
}

int ice_add_candidate(struct ice *ice, const char *text)
{
    NiceCandidate *candidate;
    GSList *list;
    char *line;
    int r;

    if (!*text)
        return nice_agent_peer_candidate_gathering_done(ice->agent, ice->stream) ? 0 : -EINVAL;
    line = g_strconcat("a=", text, NULL);
    candidate = nice_agent_parse_remote_candidate_sdp(ice->agent, ice->stream, line);
    g_free(line);
    if (!candidate)
        return -EINVAL;
    list = g_slist_append(NULL, candidate);
    r = nice_agent_set_remote_candidates(ice->agent, ice->stream, COMPONENT, list) < 1 ? -EINVAL
                                                                                       : 0;
    g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
    return r;
}

int ice_set_remote(struct ice *ice, const struct sdp *remote)
{
    if (!nice_agent_set_remote_credentials(ice->agent, ice->stream, remote->ufrag, remote->pwd))
        return -EIO;
    for (guint i = 0; i < remote->candidates->len; i++)
        ice_add_candidate(ice, remote->candidates->pdata[i]);
    if (remote->complete)
        ice_add_candidate(ice, "");
    return 0;
}

bool ice_is_relayed(const struct ice *ice)
{
    NiceCandidate *local = NULL, *remote = NULL;

    return nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote) &&
           (local->type == NICE_CANDIDATE_TYPE_RELAYED ||
            remote->type == NICE_CANDIDATE_TYPE_RELAYED);
}

static const char *url_at(const struct ice *ice, size_t i)
{
    const char *url = ice->servers->servers[i].url;

    return *url ? url : NULL;
}

/* The TURN server with the address and port of that one. */
static const char *url_of_relay(const struct ice *ice, const NiceCandidate *candidate)
{
    gchar text[NICE_ADDRESS_STRING_LEN];
    NiceAddress *address = nice_address_new();
    const char *url = NULL;

    nice_candidate_relay_address(candidate, address);
    nice_address_to_string(address, text);
    for (size_t i = 0; !url && i < ice->servers->n_servers; i++) {
        const struct ice_server *server = &ice->servers->servers[i];

        if (server->kind != ICE_SERVER_STUN && g_strcmp0(ice->addresses[i], text) == 0 &&
            server->port == nice_address_get_port(address))
            url = url_at(ice, i);
    }
    nice_address_free(address);
    return url;
}

const char *ice_server_url(const struct ice *ice)
{
    NiceCandidate *local = NULL, *remote = NULL;

    if (nice_agent_get_selected_pair(ice->agent, ice->stream, COMPONENT, &local, &remote))
        return local->type == NICE_CANDIDATE_TYPE_RELAYED ? url_of_relay(ice, local) : NULL;
    if (!ice_relay_cause(ice))
        return NULL;
    for (size_t i = 0; i < ice->servers->n_servers; i++)
        if (ice->servers->servers[i].kind != ICE_SERVER_STUN)
            return url_at(ice, i);
    return NULL;
}

void ice_send(struct ice *ice, const uint8_t *data, size_t size)
{
    nice_agent_send(ice->agent, ice->stream, COMPONENT, (guint)size, (const gchar *)data);
}
