#include "sync/sharer.h"

#include <string.h>

#include "sync/link.h"
#include "sync/needed.h"
#include "sync/path.h"
#include "sync/sending.h"
#include "sync/transfer.h"

enum { REQUESTS_MAX = 4, UNKNOWN_AFTER_US = 2000000 };

struct sharer {
    struct app *app;
    GHashTable *shares; /* by session id */
};

/* One session: one member that fetches. */
struct share {
    struct sharer *sharer;
    char *session_id;
    char *peer_id;
    struct link *link;
    GQueue requests; /* of struct needed, the newest last */
    char *want_id;   /* what the other side asked for and does not get yet */
    gint64 want_us;
    uint64_t list_version; /* of the folder's list that the library has, or gets */
    uint64_t
        manifest_ticket; /* of that list on its way; until then requests are about an older one. 0: it is there */
    char *stale_id; /* the newest request that was about an older list */
    struct sending sending;
};

static void share_free(gpointer pointer)
{
    struct share *share = pointer;

    sending_reset(&share->sending);
    link_free(share->link);
    g_queue_clear_full(&share->requests, (GDestroyNotify)needed_free);
    g_free(share->want_id);
    g_free(share->stale_id);
    g_free(share->session_id);
    g_free(share->peer_id);
    g_free(share);
}

static void reject_want(struct share *share)
{
    link_send(share->link, json_pack("{s:s, s:s}", "type", "unknown", "request", share->want_id));
    g_clear_pointer(&share->want_id, g_free);
}

/* The folder's files; of those that some systems hold for the same, the first. */
static size_t list_files(const struct folder *folder, syncshell_file *files)
{
    GHashTable *seen = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    size_t n_files = 0;

    for (guint i = 0; i < folder->files->len; i++) {
        const struct folder_file *file = folder->files->pdata[i];

        if (!g_hash_table_add(seen, path_folded(file->path))) {
            output_failure("%s is passed over: another path differs from it by case only.",
                           file->path);
            continue;
        }
        files[n_files++] = (syncshell_file){.size = sizeof(*files),
                                            .path = file->path,
                                            .hash = file->hash,
                                            .algorithm = "sha256",
                                            .size_bytes = file->size_bytes};
    }
    g_hash_table_unref(seen);
    return n_files;
}

static void set_manifest(struct share *share)
{
    const struct folder *folder = &share->sharer->app->folder;
    syncshell_file *files = g_new0(syncshell_file, folder->files->len + 1);
    size_t n_files = list_files(folder, files);
    int32_t error;

    do
        error = syncshell_session_set_manifest(share->sharer->app->client, share->session_id, files,
                                               n_files, &share->manifest_ticket);
    while (link_busy_pause(error));
    g_free(files);
    share->list_version = folder->version;
    if (error)
        output_failure("The list of files is refused (%s).", syncshell_error_name(error));
}

static void scan(const struct share *share)
{
    int r = folder_scan(&share->sharer->app->folder);

    if (r)
        output_failure("The folder cannot be read (%s): the list of before is used.",
                       g_strerror(-r));
}

static void rescan(struct share *share)
{
    scan(share);
    set_manifest(share);
}

/* Begins to send when both what is wanted and the list for it are there. What was about an older list is asked for again. */
static void try_begin(struct share *share)
{
    if (share->want_id && share->stale_id && strcmp(share->want_id, share->stale_id) == 0)
        reject_want(share);
    for (GList *item = share->requests.head; share->want_id && item; item = item->next) {
        const struct needed *needed = item->data;

        if (strcmp(needed->request_id, share->want_id) != 0)
            continue;
        g_clear_pointer(&share->want_id, g_free);
        output_event(&share->sharer->app->output,
                     json_pack("{s:s, s:s, s:I, s:I}", "event", "sending", "peerId", share->peer_id,
                               "files", (json_int_t)needed->n_files, "bytes",
                               (json_int_t)needed->bytes),
                     "Sending %zu files, %llu bytes, to %.20s...", needed->n_files,
                     (unsigned long long)needed->bytes, share->peer_id);
        sending_begin(&share->sending, share->link, needed);
    }
}

static void make_stale(struct share *share, const struct needed *needed)
{
    g_free(share->stale_id);
    share->stale_id = g_strdup(needed->request_id);
}

/* The other side may have been away for long: what it gets is the folder of now. */
static void refresh(struct share *share)
{
    struct needed *needed;

    scan(share);
    if (share->list_version == share->sharer->app->folder.version)
        return;
    while ((needed = g_queue_pop_head(&share->requests))) {
        make_stale(share, needed);
        needed_free(needed);
    }
    set_manifest(share);
}

/* ---- from the link ---- */

static void on_up(void *userdata)
{
    struct share *share = userdata;

    sending_reset(&share->sending);
    refresh(share);
}

static void on_message(void *userdata, const char *type, const json_t *fields)
{
    struct share *share = userdata;
    const char *request = json_string_value(json_object_get(fields, "request"));
    json_int_t bytes = json_integer_value(json_object_get(fields, "bytes"));

    if (strcmp(type, "want") == 0 && request) {
        g_free(share->want_id);
        share->want_id = g_strdup(request);
        share->want_us = g_get_monotonic_time();
        try_begin(share);
    } else if (strcmp(type, "ack") == 0 &&
               (bytes < 0 || !sending_ack(&share->sending, (uint64_t)bytes))) {
        link_reject(share->link, "bad_ack");
    }
}

static void on_binary(void *userdata, const uint8_t *data, size_t size)
{
    struct share *share = userdata;

    (void)data;
    (void)size;
    link_reject(share->link, "bad_message");
}

static void finish_pass(struct share *share, const char *request_id)
{
    if (share->sending.changed)
        rescan(share); /* before the other side asks again */
    link_send(share->link, json_pack("{s:s, s:s}", "type", "done", "request", request_id));
    output_event(
        &share->sharer->app->output,
        json_pack("{s:s, s:s, s:I, s:b}", "event", "sent", "peerId", share->peer_id, "bytes",
                  (json_int_t)share->sending.pass_bytes, "changed", share->sending.changed),
        "Sent %llu bytes to %.20s%s.", (unsigned long long)share->sending.pass_bytes,
        share->peer_id, share->sending.changed ? "; some files had changed meanwhile" : "");
}

static void on_room(void *userdata)
{
    struct share *share = userdata;
    const struct needed *needed = share->sending.needed;

    if (share->want_id && g_get_monotonic_time() - share->want_us > UNKNOWN_AFTER_US)
        reject_want(share);
    if (sending_pump(&share->sending, share->link))
        finish_pass(share, needed->request_id);
    else if (needed && share->sending.needed)
        output_progress(&share->sharer->app->output, share->sending.pass_bytes, needed->bytes);
}

static void on_down(void *userdata)
{
    struct share *share = userdata;

    sending_reset(&share->sending);
    g_clear_pointer(&share->want_id, g_free);
}

/* ---- from the library ---- */

static struct link *make_link(struct share *share)
{
    const struct app *app = share->sharer->app;
    const struct link_handler handler = {.userdata = share,
                                         .up = on_up,
                                         .message = on_message,
                                         .binary = on_binary,
                                         .room = on_room,
                                         .down = on_down};

    return link_new(app->client, app->stack, &share->sharer->app->output, share->session_id,
                    &handler);
}

static struct share *share_new(struct sharer *sharer, const char *session_id, const char *peer_id)
{
    struct share *share = g_new0(struct share, 1);

    share->sharer = sharer;
    share->session_id = g_strdup(session_id);
    share->peer_id = g_strdup(peer_id);
    g_queue_init(&share->requests);
    sending_init(&share->sending, &sharer->app->folder);
    share->link = make_link(share);
    return share;
}

static void take_session(struct sharer *sharer, const syncshell_event *event)
{
    const char *id = app_text(event, SYNCSHELL_FIELD_SESSION_ID);
    const char *peer_id = app_text(event, SYNCSHELL_FIELD_PEER_ID);
    struct share *share;

    if (strcmp(app_text(event, SYNCSHELL_FIELD_ROLE), "provider") != 0 ||
        !g_str_has_prefix(id, TRANSFER_SESSION_PREFIX) || g_hash_table_lookup(sharer->shares, id))
        return;
    share = share_new(sharer, id, peer_id);
    g_hash_table_insert(sharer->shares, share->session_id, share);
    output_event(
        &sharer->app->output,
        json_pack("{s:s, s:s, s:s}", "event", "session", "sessionId", id, "peerId", peer_id),
        "%.20s... fetches this folder.", peer_id);
    rescan(share);
}

static void take_request(struct share *share, const syncshell_event *event)
{
    struct needed *needed = needed_new(event);

    if (share->manifest_ticket) {
        make_stale(share, needed);
        needed_free(needed);
    } else {
        g_queue_push_tail(&share->requests, needed);
    }
    if (g_queue_get_length(&share->requests) > REQUESTS_MAX) {
        struct needed *oldest = g_queue_pop_head(&share->requests);

        if (share->sending.needed == oldest)
            link_reject(share->link, "too_many_requests");
        needed_free(oldest);
    }
    try_begin(share);
}

/* Another device of the user goes on: what the former one asked for is void, and so is the link to it. */
static void take_moved(struct share *share, const syncshell_event *event)
{
    struct needed *needed;

    sending_reset(&share->sending);
    while ((needed = g_queue_pop_head(&share->requests)))
        needed_free(needed);
    g_clear_pointer(&share->want_id, g_free);
    g_clear_pointer(&share->stale_id, g_free);
    link_free(share->link);
    share->link = make_link(share);
    g_free(share->peer_id);
    share->peer_id = g_strdup(app_text(event, SYNCSHELL_FIELD_PEER_ID));
    output_event(&share->sharer->app->output,
                 json_pack("{s:s, s:s, s:s}", "event", "session_moved", "sessionId",
                           share->session_id, "peerId", share->peer_id),
                 "The other side goes on at another device, %.20s...", share->peer_id);
}

static void take_saved(struct share *share, const syncshell_event *event)
{
    if (syncshell_event_ticket(event) == share->manifest_ticket)
        share->manifest_ticket = 0;
}

static void take_presence(struct sharer *sharer, const syncshell_event *event)
{
    const char *peer_id = app_text(event, SYNCSHELL_FIELD_PEER_ID);
    GHashTableIter iterator;
    gpointer value;

    g_hash_table_iter_init(&iterator, sharer->shares);
    while (g_hash_table_iter_next(&iterator, NULL, &value)) {
        struct share *share = value;

        if (strcmp(share->peer_id, peer_id) == 0)
            link_event(share->link, event);
    }
}

static void take_end(struct sharer *sharer, struct share *share, const syncshell_event *event)
{
    const char *outcome = app_text(event, SYNCSHELL_FIELD_OUTCOME);

    output_event(&sharer->app->output,
                 json_pack("{s:s, s:s, s:s, s:s}", "event", "session_closed", "sessionId",
                           share->session_id, "peerId", share->peer_id, "outcome", outcome),
                 "%.20s... is done: %s.", share->peer_id, outcome);
    g_hash_table_remove(sharer->shares, share->session_id);
}

void sharer_event(struct sharer *sharer, const syncshell_event *event)
{
    int32_t type = syncshell_event_get_type(event);
    struct share *share;

    if (type == SYNCSHELL_EVENT_PEER_PRESENCE) {
        take_presence(sharer, event);
        return;
    }
    if (type == SYNCSHELL_EVENT_SESSION_OPENED || type == SYNCSHELL_EVENT_SESSION_RESUMED)
        take_session(sharer, event);
    share = g_hash_table_lookup(sharer->shares, app_text(event, SYNCSHELL_FIELD_SESSION_ID));
    if (!share)
        return;
    if (type == SYNCSHELL_EVENT_RECOVERY_REQUEST)
        take_request(share, event);
    else if (type == SYNCSHELL_EVENT_MANIFEST_SAVED)
        take_saved(share, event);
    else if (type == SYNCSHELL_EVENT_SESSION_CLOSED)
        take_end(sharer, share, event);
    else if (type == SYNCSHELL_EVENT_SESSION_MOVED)
        take_moved(share, event);
    else
        link_event(share->link, event);
}

struct sharer *sharer_new(struct app *app)
{
    struct sharer *sharer = g_new0(struct sharer, 1);

    sharer->app = app;
    sharer->shares = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, share_free);
    return sharer;
}

void sharer_free(struct sharer *sharer)
{
    if (!sharer)
        return;
    g_hash_table_unref(sharer->shares);
    g_free(sharer);
}
