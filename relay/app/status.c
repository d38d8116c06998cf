#include "app/status.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "adapters/loop_libevent/loop.h"
#include "adapters/store_sqlite/store.h"
#include "app/limit_key.h"
#include "app/readiness.h"
#include "app/server_state.h"
#include "app/usage.h"
#include "app/wiring.h"
#include "core/inspect.h"
#include "wire/cause.h"

enum {
    SYNCSHELLS_SHOWN = 100,
    LINE_SIZE = 512,
    US_PER_MS = 1000,
    MS_PER_MINUTE = 60000,
};

/* A missing value makes the whole document fail, which is told once, at its end: jansson's own functions refuse NULL. */
static json_t *number(uint64_t value)
{
    return json_integer((json_int_t)value);
}

static json_t *peer(const struct wire_peer_id *id)
{
    char text[LOG_PEER_SIZE];
    return json_string(log_peer(id->text, text));
}

static json_t *describe_relay(const struct server *s)
{
    char text[LINE_SIZE];
    bool ready = readiness(s, text, sizeof text);
    return json_pack("{s:s, s:s, s:s, s:b, s:s, s:o, s:o}", "version", SYNCSHELL_VERSION, "id",
                     store_identity(s->store)->relay_id.text, "url", s->url, "ready", ready,
                     "state", text, "startedUnixMs", number((uint64_t)s->started.unix_ms),
                     "nowUnixMs", number((uint64_t)wiring_wall_now().unix_ms));
}

static json_t *describe_load(const struct server *s)
{
    struct core_stats c;
    core_stats(s->core, &c);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "connections",
                     number(c.connections), "authenticated", number(c.authenticated), "syncshells",
                     number(c.syncshells_loaded), "attempts", number(c.attempts_live), "heldBytes",
                     number(c.held_bytes), "queuedBytes", number(c.queued_bytes), "received",
                     number(c.frames_received), "routed", number(c.frames_routed));
}

static json_t *describe_machine(const struct server *s)
{
    struct usage u;
    struct store_stats st;
    usage_read(&u, s->settings->store_path);
    store_stats(s->store, &st);
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "residentBytes",
                     number(u.resident_bytes), "cpuMs", number(u.cpu_us / US_PER_MS),
                     "databaseBytes", number(u.database_bytes), "logBytes", number(u.log_bytes),
                     "freeBytes", number(u.free_bytes), "commits", number(st.commits),
                     "commitsFailed", number(st.failed_commits));
}

/* ---- syncshells and what recovers in them ---- */

struct lists {
    json_t *syncshells;
    json_t *recoveries;
    json_t *peers; /* of the last syncshell; borrowed */
    int error;
};

static void add(struct lists *l, json_t *list, json_t *value)
{
    if (json_array_append_new(list, value) < 0)
        l->error = -ENOMEM;
}

static void take_syncshell(void *userdata, const struct core_syncshell_view *v)
{
    struct lists *l = userdata;
    l->peers = json_array();
    add(l, l->syncshells,
        json_pack("{s:s, s:o, s:o, s:o, s:o}", "id", v->id->text, "members", number(v->n_members),
                  "online", number(v->n_online), "sessions", number(v->n_open_sessions), "peers",
                  l->peers));
}

static void take_member(void *userdata, const struct wire_peer_id *peer_id, bool online)
{
    struct lists *l = userdata;
    if (l->error == 0)
        add(l, l->peers, json_pack("{s:o, s:b}", "id", peer(peer_id), "online", online));
}

static void take_recovery(void *userdata, const struct core_recovery_view *v)
{
    struct lists *l = userdata;
    add(l, l->recoveries,
        json_pack("{s:s, s:s, s:o, s:o, s:b, s:b, s:o, s:s, s:o, s:s, s:s}", "session",
                  v->session->recovery_session_id.text, "syncshell", v->syncshell_id->text,
                  "joiner", peer(&v->session->joiner_peer_id), "provider",
                  peer(&v->session->provider_peer_id), "joinerOnline", v->joiner_online,
                  "providerOnline", v->provider_online, "generation",
                  number(v->session->generation), "step", v->step, "sinceMs",
                  number(v->since_us / US_PER_MS), "cause", v->session->cause.text, "sentence",
                  *v->session->cause.text ? cause_sentence(v->session->cause.text) : ""));
}

static int describe_syncshells(const struct server *s, json_t *root)
{
    struct lists l = {.syncshells = json_array(), .recoveries = json_array()};
    const struct core_inspector inspector = {.userdata = &l,
                                             .syncshell = take_syncshell,
                                             .member = take_member,
                                             .recovery = take_recovery};
    core_inspect(s->core, loop_now_us(s->loop), SYNCSHELLS_SHOWN, &inspector);
    if (json_object_set_new(root, "syncshells", l.syncshells) < 0)
        l.error = -ENOMEM;
    if (json_object_set_new(root, "recovering", l.recoveries) < 0)
        l.error = -ENOMEM;
    return l.error;
}

/* ---- outcomes ---- */

static json_t *describe_causes(const struct tally *t)
{
    json_t *causes = json_array();
    for (int cause = CAUSE_NONE; cause < CAUSE_COUNT; cause++) {
        if (t->causes[cause] == 0)
            continue;
        const char *name = cause == CAUSE_NONE ? "other" : cause_name((enum cause)cause);
        (void)json_array_append_new(causes, json_pack("{s:s, s:s, s:o}", "cause", name, "sentence",
                                                      cause_sentence(name), "count",
                                                      number(t->causes[cause])));
    }
    return causes;
}

static json_t *describe_minutes(const struct server *s)
{
    json_t *minutes = json_array();
    int64_t now = wiring_wall_now().unix_ms / MS_PER_MINUTE;
    for (int64_t minute = now - RECENT_MINUTES + 1; minute <= now; minute++) {
        const struct recent_minute m = recent_minute_at(&s->recent, minute);
        (void)json_array_append_new(
            minutes, json_pack("{s:o, s:o, s:o, s:o, s:o}", "atUnixMs",
                               number((uint64_t)minute * MS_PER_MINUTE), "connected",
                               number(m.connected), "failed", number(m.failed), "recoveries",
                               number(m.recoveries), "recoveryMs", number(m.recovery_ms)));
    }
    return minutes;
}

static json_t *describe_events(const struct recent *r)
{
    json_t *events = json_array();
    const struct recent_event *e;
    for (size_t i = 0; (e = recent_event_at(r, i)); i++)
        (void)json_array_append_new(
            events, json_pack("{s:o, s:s, s:s, s:o, s:o, s:o, s:s}", "atUnixMs",
                              number((uint64_t)e->at_unix_ms), "event", core_event_name(e->kind),
                              "session", e->recovery_session_id.text, "peer", peer(&e->peer_id),
                              "generation", number(e->generation), "recoveryMs",
                              number(e->recovery_ms), "cause", e->cause.text));
    return events;
}

static json_t *describe_limits(const struct server *s)
{
    json_t *limits = json_array();
    for (int c = WIRE_CODE_NONE + 1; c < WIRE_CODE_COUNT; c++) {
        enum wire_code code = (enum wire_code)c;
        uint64_t n = core_refusals(s->core, code) + core_closings(s->core, code);
        if (n == 0 || !*limit_key(code, ACCOUNT_NONE))
            continue;
        (void)json_array_append_new(
            limits, json_pack("{s:s, s:s, s:o}", "code", wire_code_name(code), "setting",
                              limit_key(code, ACCOUNT_NONE), "count", number(n)));
    }
    return limits;
}

static json_t *describe_ice(const struct server *s)
{
    json_t *servers = json_array();
    for (size_t i = 0; s->settings->ice.servers && i < s->settings->ice.n_servers; i++) {
        uint64_t worked = 0, failed = 0;
        core_ice_outcomes(s->core, i, &worked, &failed);
        (void)json_array_append_new(
            servers, json_pack("{s:s, s:o, s:o}", "server", s->settings->ice.servers[i]->urls[0],
                               "connected", number(worked), "failed", number(failed)));
    }
    return servers;
}

static json_t *describe(const struct server *s)
{
    const struct tally *t = &s->tally;
    json_t *root = json_pack(
        "{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "relay", describe_relay(s),
        "load", describe_load(s), "machine", describe_machine(s), "connected",
        number(t->events[CORE_EVENT_CONNECTED]), "failed",
        number(t->events[CORE_EVENT_ATTEMPT_FAILED]), "keptBytes",
        number(t->kept_bytes < INT64_MAX ? t->kept_bytes : INT64_MAX), "causes", describe_causes(t),
        "minutes", describe_minutes(s), "events", describe_events(&s->recent), "limits",
        describe_limits(s), "ice", describe_ice(s));
    if (root && describe_syncshells(s, root) == 0)
        return root;
    json_decref(root);
    return NULL;
}

int status_print(const struct server *s, struct buf *out)
{
    json_t *root = describe(s);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    int r = text ? buf_append_str(out, text) : -ENOMEM;
    free(text);
    json_decref(root);
    return r;
}
