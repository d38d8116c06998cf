/* A library of the same interface without thread, relay or disk, to drive the command alone. Calls answer at once with the event
 * that success would bring; session calls say in a request_failed what they were given, so that a test sees each argument. The
 * state directory's name chooses what happens:
 *   in_use, stopped, silent    syncshell_client_new() fails; the first event is STOPPED; nothing ever comes
 *   two, one                   two syncshells, or one, are rejoined: each with two members and a session
 * Only a few events may wait before calls answer E_BUSY. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sys/eventfd.h>

#include <syncshell/syncshell.h>

#define OWN_ID   "ed25519:QWxsIHRoYXQgaXMgZ29sZCBkb2VzIG5vdCBnbGl0dGV"
#define OTHER_ID "ed25519:Tm90IGFsbCB0aG9zZSB3aG8gd2FuZGVyIGFyZSBsb3N"

enum { BUSY_FROM = 5, TEXTS = 32, INTEGERS = 16, MESSAGE_SIZE = 512 };

struct syncshell_event {
    struct syncshell_event *next;
    int32_t type;
    uint64_t ticket;
    char *texts[TEXTS];
    uint64_t integers[INTEGERS];
    bool has_integer[INTEGERS];
};

struct syncshell_client {
    struct syncshell_event *first;
    size_t n_events;
    uint64_t tickets;
    int wake_fd;
    bool has_relay;
    bool stopped;
};

static struct syncshell_event *event_add(syncshell_client *client, int32_t type, uint64_t ticket)
{
    struct syncshell_event *event = calloc(1, sizeof(*event)), **end = &client->first;
    uint64_t one = 1;

    if (!event)
        abort();
    event->type = type;
    event->ticket = ticket;
    while (*end)
        end = &(*end)->next;
    *end = event;
    client->n_events++;
    if (write(client->wake_fd, &one, sizeof(one)) != sizeof(one))
        abort();
    return event;
}

static void text_set(struct syncshell_event *event, int32_t field, const char *text)
{
    event->texts[field] = strdup(text);
}

static void integer_set(struct syncshell_event *event, int32_t field, uint64_t value)
{
    event->integers[field - SYNCSHELL_FIELD_GENERATION] = value;
    event->has_integer[field - SYNCSHELL_FIELD_GENERATION] = true;
}

static void member_add(syncshell_client *client, const char *syncshell, const char *peer,
                       const char *presence)
{
    struct syncshell_event *event = event_add(client, SYNCSHELL_EVENT_PEER_PRESENCE, 0);

    text_set(event, SYNCSHELL_FIELD_SYNCSHELL_ID, syncshell);
    text_set(event, SYNCSHELL_FIELD_PEER_ID, peer);
    text_set(event, SYNCSHELL_FIELD_PRESENCE, presence);
}

static void syncshell_add(syncshell_client *client, const char *id, uint64_t ticket)
{
    struct syncshell_event *event = event_add(client, SYNCSHELL_EVENT_SYNCSHELL_JOINED, ticket);

    text_set(event, SYNCSHELL_FIELD_SYNCSHELL_ID, id);
    text_set(event, SYNCSHELL_FIELD_OWNER_PEER_ID, OTHER_ID);
    integer_set(event, SYNCSHELL_FIELD_RECOVERED, 1);
    member_add(client, id, OWN_ID, "online");
    member_add(client, id, OTHER_ID, "away");
    event = event_add(client, SYNCSHELL_EVENT_SESSION_RESUMED, 0);
    text_set(event, SYNCSHELL_FIELD_SYNCSHELL_ID, id);
    text_set(event, SYNCSHELL_FIELD_SESSION_ID, "armour");
    text_set(event, SYNCSHELL_FIELD_PEER_ID, OTHER_ID);
    text_set(event, SYNCSHELL_FIELD_ROLE, "joiner");
    integer_set(event, SYNCSHELL_FIELD_GENERATION, 7);
    event = event_add(client, SYNCSHELL_EVENT_SYNCSHELL_READY, 0);
    text_set(event, SYNCSHELL_FIELD_SYNCSHELL_ID, id);
}

void syncshell_options_init(syncshell_options *options, uint32_t size)
{
    memset(options, 0, size);
    options->size = size;
}

int32_t syncshell_client_new(const syncshell_options *options, syncshell_client **ret_client)
{
    const char *slash = strrchr(options->state_dir, '/'),
               *scenario = slash ? slash + 1 : options->state_dir;
    syncshell_client *client;

    if (strcmp(scenario, "in_use") == 0)
        return SYNCSHELL_E_STATE_IN_USE;
    client = calloc(1, sizeof(*client));
    if (!client)
        abort();
    client->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE);
    client->has_relay = options->relay_url;
    if (strcmp(scenario, "stopped") == 0)
        text_set(event_add(client, SYNCSHELL_EVENT_STOPPED, 0), SYNCSHELL_FIELD_MESSAGE,
                 "The disk is gone.");
    if (strcmp(scenario, "one") == 0 || strcmp(scenario, "two") == 0)
        syncshell_add(client, "first", 0);
    if (strcmp(scenario, "two") == 0)
        syncshell_add(client, "second", 0);
    *ret_client = client;
    return SYNCSHELL_OK;
}

void syncshell_event_free(syncshell_event *event)
{
    for (size_t i = 0; event && i < TEXTS; i++)
        free(event->texts[i]);
    free(event);
}

void syncshell_client_free(syncshell_client *client)
{
    if (!client)
        return;
    while (client->first) {
        syncshell_event *event = client->first;

        client->first = event->next;
        syncshell_event_free(event);
    }
    close(client->wake_fd);
    free(client);
}

int32_t syncshell_client_peer_id(const syncshell_client *client, char *ret_id, size_t size)
{
    (void)client;
    snprintf(ret_id, size, "%s", OWN_ID);
    return SYNCSHELL_OK;
}

int32_t syncshell_client_invite(syncshell_client *client, const char *syncshell_id,
                                char *ret_invite, size_t size, size_t *ret_size)
{
    (void)client;
    (void)ret_size;
    if (strcmp(syncshell_id, "first") != 0)
        return SYNCSHELL_E_UNKNOWN;
    snprintf(ret_invite, size, "syncshell1.of-%s", syncshell_id);
    return SYNCSHELL_OK;
}

int32_t syncshell_client_next_event(syncshell_client *client, syncshell_event **ret_event)
{
    uint64_t one;

    if (client->stopped)
        return SYNCSHELL_E_STOPPED;
    *ret_event = client->first;
    if (!client->first)
        return SYNCSHELL_OK;
    if (read(client->wake_fd, &one, sizeof(one)) != sizeof(one))
        abort();
    client->first = client->first->next;
    client->n_events--;
    client->stopped = (*ret_event)->type == SYNCSHELL_EVENT_STOPPED;
    return SYNCSHELL_OK;
}

int32_t syncshell_client_wait_event(syncshell_client *client, int32_t timeout_ms,
                                    syncshell_event **ret_event)
{
    int32_t error = syncshell_client_next_event(client, ret_event);

    (void)timeout_ms; /* nothing can come while one thread waits: the time counts as over */
    if (!error && !*ret_event) {
        usleep(timeout_ms > 0 ? 10000 : 0);
        return SYNCSHELL_E_TIMEOUT;
    }
    return error;
}

int32_t syncshell_client_wake_fd(const syncshell_client *client)
{
    return client->wake_fd;
}

int32_t syncshell_event_get_type(const syncshell_event *event)
{
    return event->type;
}

uint64_t syncshell_event_ticket(const syncshell_event *event)
{
    return event->ticket;
}

const char *syncshell_event_text(const syncshell_event *event, int32_t field, size_t *ret_length)
{
    const char *text = field > 0 && field < TEXTS ? event->texts[field] : NULL;

    if (text && ret_length)
        *ret_length = strlen(text);
    return text;
}

int32_t syncshell_event_integer(const syncshell_event *event, int32_t field, uint64_t *ret_value)
{
    int32_t index = field - SYNCSHELL_FIELD_GENERATION;

    if (index < 0 || index >= INTEGERS || !event->has_integer[index])
        return SYNCSHELL_E_UNKNOWN;
    *ret_value = event->integers[index];
    return SYNCSHELL_OK;
}

size_t syncshell_event_file_count(const syncshell_event *event, int32_t list)
{
    if (event->type == SYNCSHELL_EVENT_RECOVERY_REQUEST && list == SYNCSHELL_FILES_NEEDED)
        return 1;
    return 0;
}

int32_t syncshell_event_file(const syncshell_event *event, int32_t list, size_t index,
                             syncshell_file *ret_file)
{
    static const syncshell_range RANGES[] = {{400, 600}, {700, 1000}};

    if (index >= syncshell_event_file_count(event, list) || ret_file->size != sizeof(*ret_file))
        return SYNCSHELL_E_UNKNOWN;
    *ret_file = (syncshell_file){
        .size = sizeof(*ret_file),
        .flags = SYNCSHELL_FILE_MISMATCHED,
        .path = "half",
        .hash = "ab",
        .algorithm = "sha256",
        .size_bytes = 1000,
        .ranges = RANGES,
        .n_ranges = 2,
    };
    return SYNCSHELL_OK;
}

size_t syncshell_event_ice_server_count(const syncshell_event *event)
{
    return event->type == SYNCSHELL_EVENT_RECOVERY_REQUEST ? 2 : 0; /* as if it had some */
}

int32_t syncshell_event_ice_server(const syncshell_event *event, size_t index,
                                   syncshell_ice_server *ret_server)
{
    if (index >= syncshell_event_ice_server_count(event) || ret_server->size != sizeof(*ret_server))
        return SYNCSHELL_E_UNKNOWN;
    *ret_server = (syncshell_ice_server){.size = sizeof(*ret_server), .url = "stun:stun.example"};
    if (index == 0) {
        ret_server->url = "turn:turn.example";
        ret_server->username = "guild";
        ret_server->credential = "pass";
    }
    return SYNCSHELL_OK;
}

/* ---- Commands ---- */

static bool is_busy(const syncshell_client *client)
{
    return client->n_events >= BUSY_FROM;
}

int32_t syncshell_client_create_syncshell(syncshell_client *client, uint64_t *ret_ticket)
{
    struct syncshell_event *event;

    if (!client->has_relay)
        return SYNCSHELL_E_ARGUMENT;
    event = event_add(client, SYNCSHELL_EVENT_SYNCSHELL_CREATED, ++client->tickets);
    text_set(event, SYNCSHELL_FIELD_SYNCSHELL_ID, "first");
    text_set(event, SYNCSHELL_FIELD_INVITE, "syncshell1.of-first");
    *ret_ticket = client->tickets;
    return SYNCSHELL_OK;
}

int32_t syncshell_client_join(syncshell_client *client, const char *invite, size_t length,
                              uint64_t *ret_ticket)
{
    struct syncshell_event *event;

    (void)length;
    if (strncmp(invite, "syncshell1.", 11) != 0)
        return SYNCSHELL_E_INVITE;
    *ret_ticket = ++client->tickets;
    if (strcmp(invite, "syncshell1.refused") != 0) {
        syncshell_add(client, "first", client->tickets);
        return SYNCSHELL_OK;
    }
    event = event_add(client, SYNCSHELL_EVENT_REQUEST_FAILED, client->tickets);
    text_set(event, SYNCSHELL_FIELD_CODE, "not_a_member");
    text_set(event, SYNCSHELL_FIELD_MESSAGE, "The relay refused.");
    integer_set(event, SYNCSHELL_FIELD_RETRYABLE, 0);
    return SYNCSHELL_OK;
}

static bool passphrase_ok(const char *passphrase)
{
    return strcmp(passphrase, "correct horse battery") == 0;
}

int32_t syncshell_client_create_with_passphrase(syncshell_client *client, const char *passphrase,
                                                size_t length, uint64_t *ret_ticket)
{
    (void)length;
    return passphrase_ok(passphrase) ? syncshell_client_create_syncshell(client, ret_ticket)
                                     : SYNCSHELL_E_PASSPHRASE;
}

int32_t syncshell_client_join_with_passphrase(syncshell_client *client, const char *syncshell_id,
                                              const char *passphrase, size_t length,
                                              uint64_t *ret_ticket)
{
    if (!passphrase_ok(passphrase))
        return SYNCSHELL_E_PASSPHRASE;
    return syncshell_client_join(
        client, strcmp(syncshell_id, "first") == 0 ? "syncshell1.x" : "syncshell1.refused", length,
        ret_ticket);
}

/* Says what the call was given. A session called "no" is not allowed. */
static int32_t answer(syncshell_client *client, const char *session, const char *said,
                      uint64_t *ret_ticket)
{
    struct syncshell_event *event;

    if (strcmp(session, "no") == 0)
        return SYNCSHELL_E_ARGUMENT;
    if (is_busy(client))
        return SYNCSHELL_E_BUSY;
    event = event_add(client, SYNCSHELL_EVENT_REQUEST_FAILED, ++client->tickets);
    text_set(event, SYNCSHELL_FIELD_SESSION_ID, session);
    text_set(event, SYNCSHELL_FIELD_MESSAGE, said);
    *ret_ticket = client->tickets;
    return SYNCSHELL_OK;
}

int32_t syncshell_client_leave(syncshell_client *client, const char *syncshell_id,
                               uint64_t *ret_ticket)
{
    return answer(client, syncshell_id, "leave", ret_ticket);
}

/* The owner of "first" is this client; nobody else's wish is heard. */
static int32_t owner_answer(syncshell_client *client, const char *syncshell_id, const char *what,
                            int32_t type, const char *peer_id, uint64_t *ret_ticket)
{
    char said[MESSAGE_SIZE];
    struct syncshell_event *event;

    if (strcmp(syncshell_id, "first") != 0 || (peer_id && strcmp(peer_id, OTHER_ID) != 0)) {
        snprintf(said, sizeof(said), "%s %s", what, peer_id ? peer_id : "-");
        return answer(client, syncshell_id, said, ret_ticket);
    }
    event = event_add(client, type, ++client->tickets);
    text_set(event, SYNCSHELL_FIELD_SYNCSHELL_ID, syncshell_id);
    if (type == SYNCSHELL_EVENT_KEY_ROTATED)
        text_set(event, SYNCSHELL_FIELD_INVITE, "syncshell1.second-of-first");
    *ret_ticket = client->tickets;
    return SYNCSHELL_OK;
}

int32_t syncshell_client_remove_member(syncshell_client *client, const char *syncshell_id,
                                       const char *peer_id, uint64_t *ret_ticket)
{
    return owner_answer(client, syncshell_id, "remove", SYNCSHELL_EVENT_MEMBER_REMOVED, peer_id,
                        ret_ticket);
}

int32_t syncshell_client_rotate_group_key(syncshell_client *client, const char *syncshell_id,
                                          uint64_t *ret_ticket)
{
    return owner_answer(client, syncshell_id, "rotate", SYNCSHELL_EVENT_KEY_ROTATED, NULL,
                        ret_ticket);
}

int32_t syncshell_client_hand_over(syncshell_client *client, const char *syncshell_id,
                                   const char *peer_id, uint64_t *ret_ticket)
{
    return owner_answer(client, syncshell_id, "hand_over", SYNCSHELL_EVENT_OWNER_CHANGED, peer_id,
                        ret_ticket);
}

int32_t syncshell_client_delete_syncshell(syncshell_client *client, const char *syncshell_id,
                                          uint64_t *ret_ticket)
{
    return owner_answer(client, syncshell_id, "delete", SYNCSHELL_EVENT_SYNCSHELL_DELETED, NULL,
                        ret_ticket);
}

static int32_t code_answer(syncshell_client *client, int32_t type, const char *session,
                           uint64_t *ret_ticket)
{
    struct syncshell_event *event = event_add(client, type, ++client->tickets);

    text_set(event, SYNCSHELL_FIELD_SYNCSHELL_ID, "first");
    text_set(event, SYNCSHELL_FIELD_SESSION_ID, session);
    if (type == SYNCSHELL_EVENT_RECOVERY_CODE) {
        text_set(event, SYNCSHELL_FIELD_RECOVERY_CODE, "7YXW-4KQ0-1N8D-PZ3MB");
        integer_set(event, SYNCSHELL_FIELD_VALID_MS, 600000);
    }
    *ret_ticket = client->tickets;
    return SYNCSHELL_OK;
}

int32_t syncshell_session_issue_code(syncshell_client *client, const char *session_id,
                                     uint64_t *ret_ticket)
{
    if (strcmp(session_id, "armour") != 0)
        return answer(client, session_id, "issue_code", ret_ticket);
    return code_answer(client, SYNCSHELL_EVENT_RECOVERY_CODE, session_id, ret_ticket);
}

int32_t syncshell_client_redeem_code(syncshell_client *client, const char *syncshell_id,
                                     const char *code, size_t length, uint64_t *ret_ticket)
{
    (void)length;
    if (strcmp(code, "mistyped") == 0)
        return SYNCSHELL_E_CODE;
    if (strcmp(syncshell_id, "first") != 0)
        return answer(client, syncshell_id, code, ret_ticket);
    return code_answer(client, SYNCSHELL_EVENT_CODE_REDEEMED, "armour", ret_ticket);
}

int32_t syncshell_client_network_changed(syncshell_client *client)
{
    (void)client;
    return SYNCSHELL_OK;
}

int32_t syncshell_session_open(syncshell_client *client, const char *syncshell_id,
                               const char *other_peer_id, int32_t role, const char *session_id,
                               const char *label, uint64_t *ret_ticket)
{
    char said[MESSAGE_SIZE];

    snprintf(said, sizeof(said), "open %s %s %d %s %s", syncshell_id, other_peer_id, role,
             session_id ? session_id : "-", label ? label : "-");
    return answer(client, session_id ? session_id : "fresh", said, ret_ticket);
}

static int32_t files_answer(syncshell_client *client, const char *what, const char *session_id,
                            const syncshell_file *files, size_t n_files, uint64_t *ret_ticket)
{
    char said[MESSAGE_SIZE];
    int length = snprintf(said, sizeof(said), "%s", what);

    for (size_t i = 0; i < n_files && (size_t)length < sizeof(said); i++) {
        length += snprintf(said + length, sizeof(said) - (size_t)length, " %s:%llu:%s:%s:%u",
                           files[i].path, (unsigned long long)files[i].size_bytes,
                           files[i].hash ? files[i].hash : "-",
                           files[i].algorithm ? files[i].algorithm : "-", files[i].flags);
        for (size_t j = 0; j < files[i].n_ranges && (size_t)length < sizeof(said); j++)
            length += snprintf(said + length, sizeof(said) - (size_t)length, ":%llu-%llu",
                               (unsigned long long)files[i].ranges[j].begin,
                               (unsigned long long)files[i].ranges[j].end);
    }
    return answer(client, session_id, said, ret_ticket);
}

int32_t syncshell_session_set_manifest(syncshell_client *client, const char *session_id,
                                       const syncshell_file *files, size_t n_files,
                                       uint64_t *ret_ticket)
{
    return files_answer(client, "manifest", session_id, files, n_files, ret_ticket);
}

int32_t syncshell_session_report(syncshell_client *client, const char *session_id,
                                 const syncshell_file *files, size_t n_files, uint64_t *ret_ticket)
{
    return files_answer(client, "report", session_id, files, n_files, ret_ticket);
}

static int32_t signal_answer(syncshell_client *client, const char *what, const char *session_id,
                             uint64_t generation, const char *text, size_t length,
                             uint64_t *ret_ticket)
{
    char said[MESSAGE_SIZE];

    snprintf(said, sizeof(said), "%s %llu %.*s", what, (unsigned long long)generation, (int)length,
             text);
    return answer(client, session_id, said, ret_ticket);
}

int32_t syncshell_session_offer(syncshell_client *client, const char *session_id,
                                uint64_t generation, const char *sdp, size_t sdp_length,
                                uint64_t *ret_ticket)
{
    return signal_answer(client, "offer", session_id, generation, sdp, sdp_length, ret_ticket);
}

int32_t syncshell_session_answer(syncshell_client *client, const char *session_id,
                                 uint64_t generation, const char *sdp, size_t sdp_length,
                                 uint64_t *ret_ticket)
{
    return signal_answer(client, "answer", session_id, generation, sdp, sdp_length, ret_ticket);
}

int32_t syncshell_session_candidate(syncshell_client *client, const char *session_id,
                                    uint64_t generation, const char *candidate,
                                    size_t candidate_length, const char *sdp_mid,
                                    int32_t sdp_mline_index, uint64_t *ret_ticket)
{
    char said[MESSAGE_SIZE];

    snprintf(said, sizeof(said), "candidate %llu %.*s %s %d", (unsigned long long)generation,
             (int)candidate_length, candidate, sdp_mid ? sdp_mid : "-", sdp_mline_index);
    return answer(client, session_id, said, ret_ticket);
}

int32_t syncshell_session_link_report(syncshell_client *client, const char *session_id,
                                      uint64_t generation, const syncshell_link_report *report,
                                      uint64_t *ret_ticket)
{
    char said[MESSAGE_SIZE];

    snprintf(said, sizeof(said), "link %llu %d%s%s%s%s", (unsigned long long)generation,
             report->link, report->cause ? " " : "", report->cause ? report->cause : "",
             report->ice_server ? " " : "", report->ice_server ? report->ice_server : "");
    return answer(client, session_id, said, ret_ticket);
}

/* Brings the richest event there is, too. */
int32_t syncshell_session_request_recovery(syncshell_client *client, const char *session_id,
                                           uint64_t *ret_ticket)
{
    int32_t error = answer(client, session_id, "recover", ret_ticket);

    if (!error)
        event_add(client, SYNCSHELL_EVENT_RECOVERY_REQUEST, 0);
    return error;
}

int32_t syncshell_session_close(syncshell_client *client, const char *session_id, int32_t outcome,
                                uint64_t *ret_ticket)
{
    char said[MESSAGE_SIZE];

    snprintf(said, sizeof(said), "close %d", outcome);
    return answer(client, session_id, said, ret_ticket);
}

/* ---- Names: those that the tests look at ---- */

const char *syncshell_error_name(int32_t error)
{
    switch (error) {
    case SYNCSHELL_E_ARGUMENT:
        return "E_ARGUMENT";
    case SYNCSHELL_E_INVITE:
        return "E_INVITE";
    case SYNCSHELL_E_STATE_IN_USE:
        return "E_STATE_IN_USE";
    default:
        return "E_OTHER";
    }
}

const char *syncshell_version(void)
{
    return "0.1.0";
}

const char *syncshell_event_type_name(int32_t type)
{
    switch (type) {
    case SYNCSHELL_EVENT_SYNCSHELL_CREATED:
        return "syncshell_created";
    case SYNCSHELL_EVENT_SYNCSHELL_JOINED:
        return "syncshell_joined";
    case SYNCSHELL_EVENT_RECOVERY_REQUEST:
        return "recovery_request";
    case SYNCSHELL_EVENT_REQUEST_FAILED:
        return "request_failed";
    case SYNCSHELL_EVENT_STOPPED:
        return "stopped";
    default:
        return "another";
    }
}

const char *syncshell_field_name(int32_t field)
{
    switch (field) {
    case SYNCSHELL_FIELD_MESSAGE:
        return "message";
    case SYNCSHELL_FIELD_INVITE:
        return "invite";
    case SYNCSHELL_FIELD_RECOVERED:
        return "recovered";
    case SYNCSHELL_FIELD_GENERATION:
        return "generation";
    case SYNCSHELL_FIELD_SESSION_ID:
        return "sessionId";
    default:
        return "field";
    }
}
