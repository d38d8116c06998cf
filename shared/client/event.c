#include "client/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <syncshell/syncshell.h>

enum { FIELDS_MAX = 16, LISTS_MAX = 3 };

struct field {
    int32_t id;
    char *text; /* owned; NULL: the field is `integer` */
    uint64_t integer;
};

struct file_list {
    int32_t id;
    struct body_file_list files;
};

struct syncshell_event {
    struct list_node node;
    int32_t type;
    uint64_t ticket;
    uint64_t receipt;
    void (*freed)(void *userdata); /* NULL: nobody cares */
    void *freed_userdata;
    bool broken;
    size_t n_fields;
    struct field fields[FIELDS_MAX];
    size_t n_lists;
    struct file_list lists[LISTS_MAX];
    struct message_ice_server *ice_servers;
    size_t n_ice_servers;
};

int event_new(struct syncshell_event **ret_event, int32_t type, uint64_t ticket)
{
    struct syncshell_event *e = calloc(1, sizeof *e);
    if (!e)
        return -ENOMEM;
    e->type = type;
    e->ticket = ticket;
    *ret_event = e;
    return 0;
}

struct syncshell_event *event_free(struct syncshell_event *e)
{
    if (!e)
        return NULL;
    if (e->freed)
        e->freed(e->freed_userdata);
    for (size_t i = 0; i < e->n_fields; i++)
        free(e->fields[i].text);
    for (size_t i = 0; i < e->n_lists; i++)
        body_file_list_deinit(&e->lists[i].files);
    free(e->ice_servers);
    free(e);
    return NULL;
}

static struct field *add(struct syncshell_event *e, int32_t id)
{
    if (e->n_fields == FIELDS_MAX) {
        e->broken = true;
        return NULL;
    }
    struct field *f = &e->fields[e->n_fields++];
    f->id = id;
    return f;
}

void event_add_text(struct syncshell_event *e, int32_t field, const char *text)
{
    if (text && *text)
        event_add_line(e, field, text);
}

void event_add_line(struct syncshell_event *e, int32_t field, const char *text)
{
    struct field *f = add(e, field);
    if (!f)
        return;
    f->text = strdup(text);
    if (!f->text) {
        e->n_fields--;
        e->broken = true;
    }
}

void event_add_integer(struct syncshell_event *e, int32_t field, uint64_t value)
{
    struct field *f = add(e, field);
    if (f)
        f->integer = value;
}

void event_take_files(struct syncshell_event *e, int32_t list, struct body_file_list *takes_files)
{
    if (e->n_lists == LISTS_MAX) {
        e->broken = true;
        body_file_list_deinit(takes_files);
        return;
    }
    e->lists[e->n_lists++] = (struct file_list){.id = list, .files = *takes_files};
    *takes_files = (struct body_file_list){0};
}

void event_add_ice_servers(struct syncshell_event *e, const struct message_ice_server *servers,
                           size_t n_servers)
{
    if (n_servers == 0)
        return;
    e->ice_servers = calloc(n_servers, sizeof *servers);
    if (!e->ice_servers) {
        e->broken = true;
        return;
    }
    memcpy(e->ice_servers, servers, n_servers * sizeof *servers);
    e->n_ice_servers = n_servers;
}

bool event_broken(const struct syncshell_event *e)
{
    return e->broken;
}

void event_set_receipt(struct syncshell_event *e, uint64_t receipt)
{
    e->receipt = receipt;
}

uint64_t event_receipt(const struct syncshell_event *e)
{
    return e->receipt;
}

void event_on_free(struct syncshell_event *e, void (*freed)(void *userdata), void *userdata)
{
    e->freed = freed;
    e->freed_userdata = userdata;
}

int32_t event_type(const struct syncshell_event *e)
{
    return e->type;
}

uint64_t event_ticket(const struct syncshell_event *e)
{
    return e->ticket;
}

static const struct field *find(const struct syncshell_event *e, int32_t id)
{
    for (size_t i = 0; i < e->n_fields; i++)
        if (e->fields[i].id == id)
            return &e->fields[i];
    return NULL;
}

const char *event_text(const struct syncshell_event *e, int32_t field, size_t *ret_length)
{
    const struct field *f = find(e, field);
    if (!f || !f->text)
        return NULL;
    if (ret_length)
        *ret_length = strlen(f->text);
    return f->text;
}

bool event_integer(const struct syncshell_event *e, int32_t field, uint64_t *ret_value)
{
    const struct field *f = find(e, field);
    if (!f || f->text)
        return false;
    *ret_value = f->integer;
    return true;
}

const struct body_file_list *event_files(const struct syncshell_event *e, int32_t list)
{
    for (size_t i = 0; i < e->n_lists; i++)
        if (e->lists[i].id == list)
            return &e->lists[i].files;
    return NULL;
}

const struct message_ice_server *event_ice_servers(const struct syncshell_event *e,
                                                   size_t *ret_n_servers)
{
    *ret_n_servers = e->n_ice_servers;
    return e->ice_servers;
}

struct list_node *event_node(struct syncshell_event *e)
{
    return &e->node;
}

struct syncshell_event *event_from_node(struct list_node *n)
{
    return container_of(n, struct syncshell_event, node);
}

const char *event_type_name(int32_t type)
{
    static const char *const names[] = {
        [SYNCSHELL_EVENT_RELAY_CONNECTED] = "relay_connected",
        [SYNCSHELL_EVENT_RELAY_DISCONNECTED] = "relay_disconnected",
        [SYNCSHELL_EVENT_SYNCSHELL_CREATED] = "syncshell_created",
        [SYNCSHELL_EVENT_SYNCSHELL_JOINED] = "syncshell_joined",
        [SYNCSHELL_EVENT_SYNCSHELL_READY] = "syncshell_ready",
        [SYNCSHELL_EVENT_SYNCSHELL_LEFT] = "syncshell_left",
        [SYNCSHELL_EVENT_PEER_PRESENCE] = "peer_presence",
        [SYNCSHELL_EVENT_SESSION_OPENED] = "session_opened",
        [SYNCSHELL_EVENT_SESSION_RESUMED] = "session_resumed",
        [SYNCSHELL_EVENT_SESSION_CLOSED] = "session_closed",
        [SYNCSHELL_EVENT_OFFER_NEEDED] = "offer_needed",
        [SYNCSHELL_EVENT_OFFER] = "offer",
        [SYNCSHELL_EVENT_ANSWER] = "answer",
        [SYNCSHELL_EVENT_CANDIDATE] = "candidate",
        [SYNCSHELL_EVENT_SIGNAL_HELD] = "signal_held",
        [SYNCSHELL_EVENT_SIGNAL_REFUSED] = "signal_refused",
        [SYNCSHELL_EVENT_ATTEMPT_FAILED] = "attempt_failed",
        [SYNCSHELL_EVENT_MANUAL_RECOVERY] = "manual_recovery",
        [SYNCSHELL_EVENT_RECOVERED] = "recovered",
        [SYNCSHELL_EVENT_PROGRESS_SAVED] = "progress_saved",
        [SYNCSHELL_EVENT_PROGRESS_STORED] = "progress_stored",
        [SYNCSHELL_EVENT_MANIFEST_SAVED] = "manifest_saved",
        [SYNCSHELL_EVENT_RECOVERY_REQUEST] = "recovery_request",
        [SYNCSHELL_EVENT_RECOVERY_REQUESTED] = "recovery_requested",
        [SYNCSHELL_EVENT_RECOVERY_RESPONSE] = "recovery_response",
        [SYNCSHELL_EVENT_REQUEST_FAILED] = "request_failed",
        [SYNCSHELL_EVENT_STOPPED] = "stopped",
        [SYNCSHELL_EVENT_SESSION_CAUSE] = "session_cause",
        [SYNCSHELL_EVENT_MEMBERSHIP_ENDED] = "membership_ended",
        [SYNCSHELL_EVENT_OWNER_CHANGED] = "owner_changed",
        [SYNCSHELL_EVENT_MEMBER_REMOVED] = "member_removed",
        [SYNCSHELL_EVENT_KEY_ROTATED] = "key_rotated",
        [SYNCSHELL_EVENT_SYNCSHELL_DELETED] = "syncshell_deleted",
        [SYNCSHELL_EVENT_RECOVERY_CODE] = "recovery_code",
        [SYNCSHELL_EVENT_CODE_REDEEMED] = "code_redeemed",
        [SYNCSHELL_EVENT_SESSION_MOVED] = "session_moved",
        [SYNCSHELL_EVENT_ICE_SERVERS] = "ice_servers",
    };
    if (type < 0 || (size_t)type >= sizeof names / sizeof names[0] || !names[type])
        return "unknown";
    return names[type];
}

const char *event_field_name(int32_t field)
{
    static const struct {
        int32_t id;
        const char *name;
    } names[] = {
        {SYNCSHELL_FIELD_SYNCSHELL_ID, "syncshellId"},
        {SYNCSHELL_FIELD_SESSION_ID, "sessionId"},
        {SYNCSHELL_FIELD_PEER_ID, "peerId"},
        {SYNCSHELL_FIELD_JOINER_PEER_ID, "joinerPeerId"},
        {SYNCSHELL_FIELD_PROVIDER_PEER_ID, "providerPeerId"},
        {SYNCSHELL_FIELD_OWNER_PEER_ID, "ownerPeerId"},
        {SYNCSHELL_FIELD_ROLE, "role"},
        {SYNCSHELL_FIELD_PRESENCE, "presence"},
        {SYNCSHELL_FIELD_INVITE, "invite"},
        {SYNCSHELL_FIELD_LABEL, "label"},
        {SYNCSHELL_FIELD_SDP, "sdp"},
        {SYNCSHELL_FIELD_SDP_MID, "sdpMid"},
        {SYNCSHELL_FIELD_CODE, "code"},
        {SYNCSHELL_FIELD_MESSAGE, "message"},
        {SYNCSHELL_FIELD_OUTCOME, "outcome"},
        {SYNCSHELL_FIELD_CAUSE, "cause"},
        {SYNCSHELL_FIELD_REQUEST_ID, "requestId"},
        {SYNCSHELL_FIELD_RECOVERY_CODE, "recoveryCode"},
        {SYNCSHELL_FIELD_GENERATION, "generation"},
        {SYNCSHELL_FIELD_ATTEMPT, "attempt"},
        {SYNCSHELL_FIELD_RETRY_MS, "retryMs"},
        {SYNCSHELL_FIELD_HELD_MS, "heldMs"},
        {SYNCSHELL_FIELD_TICKET_UP_TO, "ticketUpTo"},
        {SYNCSHELL_FIELD_FILES_DONE, "filesDone"},
        {SYNCSHELL_FIELD_FILES_TO_SEND, "filesToSend"},
        {SYNCSHELL_FIELD_BYTES, "bytes"},
        {SYNCSHELL_FIELD_SDP_MLINE_INDEX, "sdpMLineIndex"},
        {SYNCSHELL_FIELD_RECOVERED, "recovered"},
        {SYNCSHELL_FIELD_RETRYABLE, "retryable"},
        {SYNCSHELL_FIELD_VALID_MS, "validMs"},
        {SYNCSHELL_FIELD_ICE_TTL_MS, "iceTtlMs"},
    };
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].id == field)
            return names[i].name;
    return "unknown";
}
