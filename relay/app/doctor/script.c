#include "app/doctor/script.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "adapters/store_sqlite/story.h"
#include "app/doctor/interruption.h"
#include "base/str.h"

enum {
    TIME_MAX_MS = 20000,
    CLEANUP_MAX_MS = 5000,
    FILE_BYTES = 1000,
    ERROR_SIZE = MEMBER_MESSAGE_SIZE
};

static const char OFFER[] = "the doctor's offer";
static const char ANSWER[] = "the doctor's answer";
static const char CANDIDATE[] = "the doctor's candidate";
static const char HASH[] = "0000000000000000000000000000000000000000000000000000000000000000";
static const char ARRIVED[] = "arrived", MISSING[] = "missing";

struct play {
    struct script *script;
    struct member provider, joiner;
    char session_id[SYNCSHELL_ID_SIZE];
    char provider_id[SYNCSHELL_PEER_ID_SIZE];
    uint64_t generation;
    int64_t deadline_ms;
    bool asked; /* to create the syncshell: it may be there without our knowing */
};

static void take_reason(struct script *s, const struct member *m)
{
    (void)snprintf(s->code, sizeof s->code, "%s", m->code);
    (void)snprintf(s->message, sizeof s->message, "%s", m->message);
}

/* Waits for it; NULL fails the play. */
static syncshell_event *expect(struct play *p, struct member *m, int32_t type)
{
    syncshell_event *event = member_wait(m, type, p->deadline_ms);
    p->script->reached = p->script->reached || m->connected;
    if (!event)
        take_reason(p->script, m);
    return event;
}

static bool came(struct play *p, struct member *m, int32_t type)
{
    syncshell_event *event = expect(p, m, type);
    syncshell_event_free(event);
    return event != NULL;
}

/* It came, and its field is that text. */
static bool came_with(struct play *p, struct member *m, int32_t type, int32_t field,
                      const char *wanted)
{
    syncshell_event *event = expect(p, m, type);
    const char *text = event ? syncshell_event_text(event, field, NULL) : NULL;
    bool same = text && str_equal(text, wanted);
    if (event && !same) {
        (void)str_copy(p->script->code, sizeof p->script->code, "changed");
        (void)str_copy(p->script->message, sizeof p->script->message, "it arrived as another text");
    }
    syncshell_event_free(event);
    return same;
}

static bool copy_field(const syncshell_event *event, int32_t field, char *ret_text, size_t size)
{
    const char *text = event ? syncshell_event_text(event, field, NULL) : NULL;
    return text && str_copy(ret_text, size, text) == 0;
}

static bool step(struct play *p, const char *name)
{
    p->script->step = name;
    return true;
}

static int32_t start(struct play *p, struct member *m, const char *name)
{
    int n = snprintf(m->state_dir, sizeof m->state_dir, "%s/%s", p->script->folder, name);
    if (n < 0 || (size_t)n >= sizeof m->state_dir)
        return SYNCSHELL_E_STATE_DIR;
    int32_t r = member_start(m, &p->script->options);
    if (r < 0)
        (void)snprintf(p->script->code, sizeof p->script->code, "%s", syncshell_error_name(r));
    return r;
}

static bool take_syncshell(struct play *p, const syncshell_event *created)
{
    p->script->left_behind = copy_field(created, SYNCSHELL_FIELD_SYNCSHELL_ID,
                                        p->script->syncshell_id, sizeof p->script->syncshell_id);
    return p->script->left_behind;
}

static bool create_syncshell(struct play *p)
{
    char invite[SYNCSHELL_INVITE_SIZE] = "";
    step(p, "creating a syncshell");
    if (start(p, &p->provider, "provider") < 0 ||
        syncshell_client_peer_id(p->provider.client, p->provider_id, sizeof p->provider_id) < 0 ||
        syncshell_client_create_syncshell(p->provider.client, NULL) < 0)
        return false;
    p->asked = true;
    syncshell_event *event = expect(p, &p->provider, SYNCSHELL_EVENT_SYNCSHELL_CREATED);
    bool well = take_syncshell(p, event) &&
                copy_field(event, SYNCSHELL_FIELD_INVITE, invite, sizeof invite);
    syncshell_event_free(event);
    return well && step(p, "joining it") && start(p, &p->joiner, "joiner") == 0 &&
           syncshell_client_join(p->joiner.client, invite, SYNCSHELL_ZERO_TERMINATED, NULL) == 0 &&
           came(p, &p->joiner, SYNCSHELL_EVENT_SYNCSHELL_JOINED);
}

static void count_session(void *userdata, const struct story_session *session)
{
    (void)userdata;
    (void)session;
}

static void pass_attempt(void *userdata, const struct story_attempt *attempt)
{
    (void)userdata;
    (void)attempt;
}

/* What the relay behind the URL has stored is in our database, or it is another relay. */
static bool check_store(struct play *p)
{
    const struct story_reader reader = {.session = count_session, .attempt = pass_attempt};
    char error[ERROR_SIZE];
    step(p, "looking for what was stored");
    int n = story_read(p->script->store_path, p->session_id, &reader, error, sizeof error);
    if (n > 0)
        return true;
    (void)snprintf(p->script->code, sizeof p->script->code, "%s",
                   n == 0 ? "unknown_session" : "unreadable");
    (void)snprintf(p->script->message, sizeof p->script->message, "%s",
                   n == 0 ? "it is not in store.path" : error);
    return false;
}

static bool open_session(struct play *p)
{
    step(p, "opening a recovery session");
    if (syncshell_session_open(p->joiner.client, p->script->syncshell_id, p->provider_id,
                               SYNCSHELL_ROLE_JOINER, NULL, NULL, NULL) < 0)
        return false;
    syncshell_event *event = expect(p, &p->joiner, SYNCSHELL_EVENT_SESSION_OPENED);
    bool well = copy_field(event, SYNCSHELL_FIELD_SESSION_ID, p->session_id, sizeof p->session_id);
    syncshell_event_free(event);
    return well && came(p, &p->provider, SYNCSHELL_EVENT_SESSION_OPENED) && check_store(p);
}

static bool route_offer(struct play *p)
{
    step(p, "routing an offer");
    syncshell_event *event = expect(p, &p->joiner, SYNCSHELL_EVENT_OFFER_NEEDED);
    if (!event)
        return false;
    (void)syncshell_event_integer(event, SYNCSHELL_FIELD_GENERATION, &p->generation);
    syncshell_event_free(event);
    return syncshell_session_offer(p->joiner.client, p->session_id, p->generation, OFFER,
                                   SYNCSHELL_ZERO_TERMINATED, NULL) == 0 &&
           came_with(p, &p->provider, SYNCSHELL_EVENT_OFFER, SYNCSHELL_FIELD_SDP, OFFER);
}

static bool route_rest(struct play *p)
{
    return step(p, "routing an answer") &&
           syncshell_session_answer(p->provider.client, p->session_id, p->generation, ANSWER,
                                    SYNCSHELL_ZERO_TERMINATED, NULL) == 0 &&
           came_with(p, &p->joiner, SYNCSHELL_EVENT_ANSWER, SYNCSHELL_FIELD_SDP, ANSWER) &&
           step(p, "routing a candidate") &&
           syncshell_session_candidate(p->provider.client, p->session_id, p->generation, CANDIDATE,
                                       SYNCSHELL_ZERO_TERMINATED, "0", 0, NULL) == 0 &&
           came_with(p, &p->joiner, SYNCSHELL_EVENT_CANDIDATE, SYNCSHELL_FIELD_SDP, CANDIDATE);
}

/* Both say that the link is up; there is none, and nobody else knows. */
static bool connect_pair(struct play *p)
{
    return route_offer(p) && route_rest(p) && step(p, "reporting the link") &&
           syncshell_session_link(p->joiner.client, p->session_id, p->generation, SYNCSHELL_LINK_UP,
                                  NULL) == 0 &&
           syncshell_session_link(p->provider.client, p->session_id, p->generation,
                                  SYNCSHELL_LINK_UP, NULL) == 0 &&
           came(p, &p->joiner, SYNCSHELL_EVENT_RECOVERED) &&
           came(p, &p->provider, SYNCSHELL_EVENT_RECOVERED);
}

static syncshell_file file(const char *path)
{
    return (syncshell_file){.size = sizeof(syncshell_file),
                            .path = path,
                            .hash = HASH,
                            .algorithm = "sha256",
                            .size_bytes = FILE_BYTES};
}

/* One of two files arrives. */
static bool transfer_half(struct play *p)
{
    const syncshell_file both[] = {file(ARRIVED), file(MISSING)};
    syncshell_file arrived = file(ARRIVED);
    arrived.flags = SYNCSHELL_FILE_DONE;
    return step(p, "storing progress") &&
           syncshell_session_set_manifest(p->provider.client, p->session_id, both, 2, NULL) == 0 &&
           syncshell_session_report(p->joiner.client, p->session_id, &arrived, 1, NULL) == 0 &&
           came(p, &p->provider, SYNCSHELL_EVENT_MANIFEST_SAVED) &&
           came(p, &p->joiner, SYNCSHELL_EVENT_PROGRESS_STORED);
}

static bool needs_the_missing_only(const syncshell_event *request)
{
    syncshell_file needed = {.size = sizeof needed};
    return syncshell_event_file_count(request, SYNCSHELL_FILES_NEEDED) == 1 &&
           syncshell_event_file(request, SYNCSHELL_FILES_NEEDED, 0, &needed) == 0 &&
           str_equal(needed.path, MISSING);
}

/* The provider hears that one file is missing, and nothing else; the request of the first connection still missed both. */
static bool ask_for_rest(struct play *p)
{
    bool right = false;
    step(p, "storing a recovery request");
    if (!came(p, &p->joiner, SYNCSHELL_EVENT_RECOVERY_REQUESTED))
        return false;
    step(p, "delivering it");
    while (!right) {
        syncshell_event *event = expect(p, &p->provider, SYNCSHELL_EVENT_RECOVERY_REQUEST);
        if (!event)
            return false;
        right = needs_the_missing_only(event);
        syncshell_event_free(event);
    }
    return came(p, &p->joiner, SYNCSHELL_EVENT_RECOVERY_RESPONSE);
}

static bool recover(struct play *p)
{
    step(p, "starting the lost member again");
    member_stop(&p->joiner);
    if (syncshell_session_link(p->provider.client, p->session_id, p->generation,
                               SYNCSHELL_LINK_LOST, NULL) < 0)
        return false;
    int64_t began_ms = member_now_ms();
    if (start(p, &p->joiner, "joiner") < 0 ||
        !came(p, &p->joiner, SYNCSHELL_EVENT_SESSION_RESUMED) || !ask_for_rest(p) ||
        !connect_pair(p))
        return false;
    p->script->recovered_ms = member_now_ms() - began_ms;
    return true;
}

/* An interruption came between the request and its answer. */
static void await_syncshell(struct play *p)
{
    if (*p->script->syncshell_id || !p->asked)
        return;
    syncshell_event *event =
        member_wait(&p->provider, SYNCSHELL_EVENT_SYNCSHELL_CREATED, p->deadline_ms);
    (void)take_syncshell(p, event);
    syncshell_event_free(event);
}

/* Also after a failure, and when the signal is there that will end this process. */
static bool clean_up(struct play *p)
{
    p->deadline_ms = member_now_ms() + CLEANUP_MAX_MS;
    p->provider.tidies = true;
    if (interruption_came())
        await_syncshell(p);
    if (!*p->script->syncshell_id || !p->provider.client ||
        syncshell_client_delete_syncshell(p->provider.client, p->script->syncshell_id, NULL) < 0)
        return false;
    syncshell_event *event =
        member_wait(&p->provider, SYNCSHELL_EVENT_SYNCSHELL_DELETED, p->deadline_ms);
    p->script->left_behind = !event;
    syncshell_event_free(event);
    return event != NULL;
}

static bool finish(struct play *p)
{
    return step(p, "closing the session") &&
           syncshell_session_close(p->joiner.client, p->session_id, SYNCSHELL_OUTCOME_COMPLETED,
                                   NULL) == 0 &&
           came(p, &p->joiner, SYNCSHELL_EVENT_SESSION_CLOSED) &&
           came(p, &p->provider, SYNCSHELL_EVENT_SESSION_CLOSED) &&
           step(p, "deleting the syncshell");
}

bool script_run(struct script *s)
{
    struct play p = {.script = s, .deadline_ms = member_now_ms() + TIME_MAX_MS};
    bool well = create_syncshell(&p) && open_session(&p) && connect_pair(&p) && transfer_half(&p) &&
                recover(&p) && finish(&p);
    bool clean = clean_up(&p);
    member_stop(&p.joiner);
    member_stop(&p.provider);
    return well && clean;
}
