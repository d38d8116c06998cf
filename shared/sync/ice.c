#include "sync/ice.h"

#include <errno.h>
#include <nice/agent.h>
#include <string.h>

enum { COMPONENT = 1 };

struct ice {
    NiceAgent *agent;
    GMainContext *context;
    guint stream;
    bool connected;
    struct ice_handler handler;
};

static void on_gathered(NiceAgent *agent, guint stream, gpointer userdata)
{
    struct ice *ice = userdata;

    (void)agent;
    (void)stream;
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

static int start(struct ice *ice)
{
    ice->stream = nice_agent_add_stream(ice->agent, 1);
    if (!ice->stream)
        return -EIO;
    if (!nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->context, on_received, ice))
        return -EIO;
    return nice_agent_gather_candidates(ice->agent, ice->stream) ? 0 : -EIO;
}

int ice_new(struct ice **ret_ice, GMainContext *context, bool controlling, const char *bind_address,
            const struct ice_handler *handler)
{
    struct ice *ice = g_new0(struct ice, 1);
    int r = 0;

    ice->handler = *handler;
    ice->context = context;
    ice->agent =
        nice_agent_new_full(context, NICE_COMPATIBILITY_RFC5245,
                            NICE_AGENT_OPTION_ICE_TRICKLE | NICE_AGENT_OPTION_CONSENT_FRESHNESS);
    g_object_set(ice->agent, "controlling-mode", (gboolean)controlling, "ice-tcp", FALSE, "upnp",
                 FALSE, NULL);
    g_signal_connect(ice->agent, "candidate-gathering-done", G_CALLBACK(on_gathered), ice);
    g_signal_connect(ice->agent, "component-state-changed", G_CALLBACK(on_state), ice);
    if (bind_address)
        r = bind_to(ice, bind_address);
    if (!r)
        r = start(ice);
    if (r) {
        ice_free(ice);
        return r;
    }
    *ret_ice = ice;
    return 0;
}

void ice_free(struct ice *ice)
{
    if (!ice)
        return;
    g_signal_handlers_disconnect_by_data(ice->agent, ice);
    if (ice->stream) {
        nice_agent_attach_recv(ice->agent, ice->stream, COMPONENT, ice->context, NULL, NULL);
        nice_agent_remove_stream(ice->agent, ice->stream);
    }
    g_object_unref(ice->agent);
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
    for (GSList *item = candidates; item; item = item->next) {
        char *line = nice_agent_generate_local_candidate_sdp(ice->agent, item->data);

        g_ptr_array_add(sdp->candidates, g_strdup(line + 2)); /* behind "a=" */
        g_free(line);
    }
    g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
    return fits ? 0 : -EIO;
}

int ice_add_candidate(struct ice *ice, const char *text)
{
    char *line = g_strconcat("a=", text, NULL);
    NiceCandidate *candidate = nice_agent_parse_remote_candidate_sdp(ice->agent, ice->stream, line);
    GSList *list;
    int r;

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
    return 0;
}

void ice_send(struct ice *ice, const uint8_t *data, size_t size)
{
    nice_agent_send(ice->agent, ice->stream, COMPONENT, (guint)size, (const gchar *)data);
}
