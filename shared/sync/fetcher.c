#include "sync/fetcher.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sync/hash.h"
#include "sync/link.h"
#include "sync/receiving.h"
#include "sync/takeover.h"
#include "sync/transfer.h"

enum { ROUNDS_MAX = 5, CLOSE_WAIT_S = 5, PREFIX_DIGITS = 24 };

struct fetcher {
    struct app *app;
    char *folder_path; /* canonical */
    char *session_id;  /* NULL: none yet */
    char *peer_id;     /* who shares; NULL: not known yet */
    struct link *link;
    struct receiving receiving;
    struct takeover takeover;
    GHashTable *members;     /* peer ids of the syncshell that will be used, ourselves not */
    char *syncshell_id;      /* that one; NULL: not known yet */
    bool ready;              /* all members and sessions were named */
    uint64_t ask_ticket;     /* of our last wish for a RecoveryRequest; 0: none */
    char *request_id;        /* what came of it */
    bool wanted;             /* the sharer was asked for it over this link */
    bool begun;              /* and sends it */
    unsigned int rejections; /* links given up because the sharer broke the rules */
    uint64_t acked_bytes;
    unsigned int rounds; /* passes after which files were bad */
    bool closing;
    bool failed;
    guint close_timer;
};

/* The beginning of the ids of all sessions for this folder and that member. */
static int session_prefix(const struct fetcher *fetcher, const char *peer_id,
                          char ret_prefix[static SYNCSHELL_ID_SIZE])
{
    char *text = g_strconcat(fetcher->folder_path, "\n", peer_id, NULL);
    char digest[HASH_TEXT_SIZE];
    int r = hash_text(text, digest);

    g_free(text);
    if (!r)
        g_snprintf(ret_prefix, SYNCSHELL_ID_SIZE, "%s%.*s-", fetcher->takeover.own_prefix,
                   PREFIX_DIGITS, digest);
    return r;
}

/* ---- asking for what is missing ---- */

/* The old request, if any, is worth nothing any more. */
static void ask(struct fetcher *fetcher)
{
    int32_t error;

    g_clear_pointer(&fetcher->request_id, g_free);
    fetcher->wanted = fetcher->begun = false;
    do
        error = syncshell_session_request_recovery(fetcher->app->client, fetcher->session_id,
                                                   &fetcher->ask_ticket);
    while (link_busy_pause(error));
    if (error)
        output_failure("What is missing cannot be asked for (%s).", syncshell_error_name(error));
}

static void want(struct fetcher *fetcher)
{
    if (!fetcher->request_id || fetcher->wanted || fetcher->closing || !link_is_up(fetcher->link))
        return;
    fetcher->wanted = true;
    link_send(fetcher->link,
              json_pack("{s:s, s:s}", "type", "want", "request", fetcher->request_id));
}

/* The library makes requests of its own accord, too; one counts if it was made after our wish, for then it has our reports, and
 * as long as the sharer was not asked for the one before. */
static void take_requested(struct fetcher *fetcher, const syncshell_event *event)
{
    uint64_t ticket = syncshell_event_ticket(event);

    bool newer = ticket == 0 && fetcher->request_id && !fetcher->wanted;

    if (ticket != fetcher->ask_ticket && !newer)
        return;
    g_free(fetcher->request_id);
    fetcher->request_id = g_strdup(app_text(event, SYNCSHELL_FIELD_REQUEST_ID));
    want(fetcher);
}

/* ---- the end ---- */

static void leave(struct fetcher *fetcher)
{
    const struct receiving *receiving = &fetcher->receiving;

    fetcher->closing = true;
    takeover_over(&fetcher->takeover);
    link_free(fetcher->link); /* that the other side lets go of it, too, is no news */
    fetcher->link = NULL;
    if (!fetcher->failed)
        output_event(
            &fetcher->app->output,
            json_pack("{s:s, s:I, s:I}", "event", "complete", "files", (json_int_t)receiving->files,
                      "bytesReceived", (json_int_t)receiving->total_bytes),
            "The folder is up to date: %llu files came, %llu bytes.",
            (unsigned long long)receiving->files, (unsigned long long)receiving->total_bytes);
    app_quit(fetcher->app, fetcher->failed ? 1 : 0);
}

/* The relay is away: the library tells it at the next start. */
static gboolean on_close_timer(gpointer userdata)
{
    struct fetcher *fetcher = userdata;

    fetcher->close_timer = 0;
    leave(fetcher);
    return G_SOURCE_REMOVE;
}

static void close_session(struct fetcher *fetcher, int32_t outcome)
{
    int32_t error;

    fetcher->closing = true;
    fetcher->failed = outcome != SYNCSHELL_OUTCOME_COMPLETED;
    do
        error = syncshell_session_close(fetcher->app->client, fetcher->session_id, outcome, NULL);
    while (link_busy_pause(error));
    if (error)
        output_failure("The session cannot be closed (%s).", syncshell_error_name(error));
    fetcher->close_timer = g_timeout_add_seconds(CLOSE_WAIT_S, on_close_timer, fetcher);
}

static void take_end(struct fetcher *fetcher, const syncshell_event *event)
{
    const char *cause = app_text(event, SYNCSHELL_FIELD_CAUSE);

    if (!fetcher->closing) {
        output_failure("The session has ended before the folder was complete (%s%s%s). %s %s",
                       app_text(event, SYNCSHELL_FIELD_OUTCOME), *cause ? ", " : "", cause,
                       *cause ? syncshell_cause_sentence(cause) : "",
                       *cause ? syncshell_cause_advice(cause) : "Start again.");
        fetcher->failed = true;
    }
    leave(fetcher);
}

static void pass_done(struct fetcher *fetcher)
{
    receiving_report(&fetcher->receiving, true);
    if (fetcher->receiving.bad_files == 0) {
        close_session(fetcher, SYNCSHELL_OUTCOME_COMPLETED);
    } else if (++fetcher->rounds < ROUNDS_MAX) {
        ask(fetcher);
    } else {
        output_failure(
            "Files keep arriving with other contents than announced: does the shared folder change all "
            "the time? Start again when it rests.");
        close_session(fetcher, SYNCSHELL_OUTCOME_FAILED);
    }
}

/* ---- from the link ---- */

static void on_up(void *userdata)
{
    struct fetcher *fetcher = userdata;

    fetcher->acked_bytes = 0;
    want(fetcher);
}

/* A damaged message is not impossible, a sharer that always breaks the rules is not waited for. */
static void reject(struct fetcher *fetcher, const char *cause)
{
    link_reject(fetcher->link, cause);
    if (++fetcher->rejections < ROUNDS_MAX || fetcher->closing)
        return;
    output_failure("The sharing side breaks the rules (%s): it is another program, or damaged.",
                   cause);
    close_session(fetcher, SYNCSHELL_OUTCOME_FAILED);
}

/* Each wish is answered once. */
static const char *take_begin(struct fetcher *fetcher, const json_t *fields, bool current)
{
    if (!current || !fetcher->wanted || fetcher->begun)
        return "unasked";
    fetcher->begun = true;
    return receiving_begin(&fetcher->receiving, fields);
}

static void on_message(void *userdata, const char *type, const json_t *fields)
{
    struct fetcher *fetcher = userdata;
    struct receiving *receiving = &fetcher->receiving;
    const char *request = json_string_value(json_object_get(fields, "request"));
    bool current = request && fetcher->request_id && strcmp(request, fetcher->request_id) == 0;
    const char *problem = NULL;

    if (strcmp(type, "begin") == 0)
        problem = take_begin(fetcher, fields, current);
    else if (strcmp(type, "file") == 0)
        problem = receiving_file(receiving, fields);
    else if (strcmp(type, "end") == 0)
        problem = receiving_end(receiving, fields);
    else if (strcmp(type, "done") == 0 && current)
        pass_done(fetcher);
    else if (strcmp(type, "unknown") == 0 && current)
        ask(fetcher);
    if (problem)
        reject(fetcher, problem);
}

static void on_binary(void *userdata, const uint8_t *data, size_t size)
{
    struct fetcher *fetcher = userdata;

    const char *problem = receiving_piece(&fetcher->receiving, data, size);

    if (problem) {
        reject(fetcher, problem);
        return;
    }
    if (fetcher->receiving.link_bytes - fetcher->acked_bytes < TRANSFER_ACK_BYTES)
        return;
    fetcher->acked_bytes = fetcher->receiving.link_bytes;
    link_send(fetcher->link,
              json_pack("{s:s, s:I}", "type", "ack", "bytes", (json_int_t)fetcher->acked_bytes));
}

static void on_room(void *userdata)
{
    struct fetcher *fetcher = userdata;

    receiving_report(&fetcher->receiving, false);
}

static void on_down(void *userdata)
{
    struct fetcher *fetcher = userdata;

    receiving_interrupt(&fetcher->receiving);
    if (!fetcher->closing)
        ask(fetcher);
}

/* ---- finding the session ---- */

static void use_session(struct fetcher *fetcher, const char *session_id, const char *peer_id)
{
    const struct link_handler handler = {.userdata = fetcher,
                                         .up = on_up,
                                         .message = on_message,
                                         .binary = on_binary,
                                         .room = on_room,
                                         .down = on_down};

    fetcher->session_id = g_strdup(session_id);
    fetcher->receiving.session_id = fetcher->session_id;
    if (!fetcher->peer_id)
        fetcher->peer_id = g_strdup(peer_id);
    fetcher->link = link_new(fetcher->app->client, fetcher->app->stack, &fetcher->app->output,
                             session_id, &handler);
}

static void begin(struct fetcher *fetcher, const char *how)
{
    int r = receiving_report_folder(&fetcher->receiving);

    if (r) {
        output_failure("The folder cannot be used (%s): check its rights.", g_strerror(-r));
        app_quit(fetcher->app, 1);
        return;
    }
    output_event(&fetcher->app->output,
                 json_pack("{s:s, s:s, s:s, s:s}", "event", "session", "sessionId",
                           fetcher->session_id, "peerId", fetcher->peer_id, "how", how),
                 "Fetching from %.20s... (%s).", fetcher->peer_id, how);
    ask(fetcher);
}

/* Fresh at the end: a closed session's id is not free again for a while. */
static void open_session(struct fetcher *fetcher, const char *peer_id)
{
    char prefix[SYNCSHELL_ID_SIZE], id[SYNCSHELL_ID_SIZE];
    char *label = g_path_get_basename(fetcher->folder_path);
    int32_t error;
    int length;

    if (session_prefix(fetcher, peer_id, prefix)) {
        g_free(label);
        app_quit(fetcher->app, 1);
        return;
    }
    length = g_snprintf(id, sizeof(id), "%s%08x%08x", prefix, g_random_int(), g_random_int());
    g_assert(length < (int)sizeof(id));
    use_session(fetcher, id, peer_id);
    do
        error = syncshell_session_open(fetcher->app->client, fetcher->syncshell_id, peer_id,
                                       SYNCSHELL_ROLE_JOINER, id,
                                       strlen(label) <= 200 ? label : NULL, NULL);
    while (link_busy_pause(error));
    g_free(label);
    if (error) {
        output_failure("No session can be opened (%s).", syncshell_error_name(error));
        app_quit(fetcher->app, 1);
    }
}

/* Once all members are known and no session was left by an earlier start: opens one with the member that is meant. */
static void choose(struct fetcher *fetcher)
{
    const char *from = fetcher->app->options->from_peer_id;
    GHashTableIter iterator;
    gpointer peer_id;

    if (!fetcher->ready || fetcher->session_id ||
        takeover_redeem(&fetcher->takeover, fetcher->syncshell_id))
        return;
    if (from) {
        if (g_hash_table_contains(fetcher->members, from))
            open_session(fetcher, from);
    } else if (g_hash_table_size(fetcher->members) == 1) {
        g_hash_table_iter_init(&iterator, fetcher->members);
        g_hash_table_iter_next(&iterator, &peer_id, NULL);
        open_session(fetcher, peer_id);
    } else if (g_hash_table_size(fetcher->members) > 1) {
        output_failure(
            "The syncshell has several other members: say with --from whose folder to fetch "
            "(\"syncshell members\" lists them).");
        app_quit(fetcher->app, 1);
    }
    if (!fetcher->session_id)
        output_event(&fetcher->app->output, json_pack("{s:s}", "event", "waiting"),
                     "Waiting until the other member joins the syncshell.");
}

static void take_presence(struct fetcher *fetcher, const syncshell_event *event)
{
    const char *peer_id = app_text(event, SYNCSHELL_FIELD_PEER_ID);
    char own_id[SYNCSHELL_PEER_ID_SIZE] = "";

    if (fetcher->link && strcmp(peer_id, fetcher->peer_id) == 0)
        link_event(fetcher->link, event);
    if (syncshell_client_peer_id(fetcher->app->client, own_id, sizeof(own_id)) ||
        strcmp(own_id, peer_id) == 0)
        return;
    if (strcmp(app_text(event, SYNCSHELL_FIELD_PRESENCE), "left") == 0)
        g_hash_table_remove(fetcher->members, peer_id);
    else
        g_hash_table_add(fetcher->members, g_strdup(peer_id));
    choose(fetcher);
}

static void take_session(struct fetcher *fetcher, const syncshell_event *event)
{
    bool resumed = syncshell_event_get_type(event) == SYNCSHELL_EVENT_SESSION_RESUMED;
    const char *id = app_text(event, SYNCSHELL_FIELD_SESSION_ID);
    const char *peer_id = app_text(event, SYNCSHELL_FIELD_PEER_ID);
    const char *from = fetcher->app->options->from_peer_id;
    char prefix[SYNCSHELL_ID_SIZE];

    if (strcmp(app_text(event, SYNCSHELL_FIELD_ROLE), "joiner") != 0)
        return;
    if (!fetcher->session_id && takeover_takes(&fetcher->takeover, id, peer_id)) {
        use_session(fetcher, id, peer_id);
        begin(fetcher, "taken over");
        return;
    }
    if (!resumed) {
        if (fetcher->session_id && strcmp(id, fetcher->session_id) == 0)
            begin(fetcher, "opened");
        return;
    }
    if (fetcher->session_id || (from && strcmp(from, peer_id) != 0) ||
        session_prefix(fetcher, peer_id, prefix) || !g_str_has_prefix(id, prefix))
        return;
    use_session(fetcher, id, peer_id);
    begin(fetcher, "resumed");
}

/* The session comes before the answer or after it; or it came in an earlier process. */
static void take_redeemed(struct fetcher *fetcher, const syncshell_event *event)
{
    bool failed = syncshell_event_get_type(event) == SYNCSHELL_EVENT_REQUEST_FAILED;
    const char *session_id, *peer_id;
    bool there = takeover_answered(&fetcher->takeover, event, &session_id, &peer_id);

    if (fetcher->session_id)
        return;
    if (there) {
        use_session(fetcher, session_id, peer_id);
        begin(fetcher, "taken over");
    } else if (failed) {
        app_quit(fetcher->app, 1);
    }
}

void fetcher_issue_code(struct fetcher *fetcher)
{
    int32_t error = SYNCSHELL_E_UNKNOWN;

    if (fetcher->session_id)
        error = syncshell_session_issue_code(fetcher->app->client, fetcher->session_id, NULL);
    if (error)
        output_failure("No recovery code can be made now (%s).", syncshell_error_name(error));
}

/* The syncshell that is meant: the one named, or the first that the client rejoins. */
static bool is_ours(struct fetcher *fetcher, const char *syncshell_id)
{
    const char *named = fetcher->app->options->syncshell_id;

    if (!*syncshell_id || (named && strcmp(named, syncshell_id) != 0))
        return false;
    if (!fetcher->syncshell_id)
        fetcher->syncshell_id = g_strdup(syncshell_id);
    return strcmp(fetcher->syncshell_id, syncshell_id) == 0;
}

void fetcher_event(struct fetcher *fetcher, const syncshell_event *event)
{
    int32_t type = syncshell_event_get_type(event);
    const char *session_id = app_text(event, SYNCSHELL_FIELD_SESSION_ID);

    if (!is_ours(fetcher, app_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID)))
        return;
    if (type == SYNCSHELL_EVENT_PEER_PRESENCE) {
        take_presence(fetcher, event);
    } else if (type == SYNCSHELL_EVENT_SYNCSHELL_READY) {
        fetcher->ready = true;
        choose(fetcher);
    } else if (fetcher->takeover.ticket &&
               syncshell_event_ticket(event) == fetcher->takeover.ticket) {
        take_redeemed(fetcher, event);
    } else if (type == SYNCSHELL_EVENT_MEMBERSHIP_ENDED) {
        app_quit(fetcher->app, 1);
    } else if (type == SYNCSHELL_EVENT_SESSION_OPENED || type == SYNCSHELL_EVENT_SESSION_RESUMED) {
        take_session(fetcher, event);
    } else if (fetcher->session_id && strcmp(session_id, fetcher->session_id) == 0) {
        if (type == SYNCSHELL_EVENT_RECOVERY_REQUESTED)
            take_requested(fetcher, event);
        else if (type == SYNCSHELL_EVENT_SESSION_CLOSED)
            take_end(fetcher, event);
        else if (fetcher->link)
            link_event(fetcher->link, event);
    }
}

int fetcher_new(struct fetcher **ret_fetcher, struct app *app)
{
    char *path = realpath(app->options->folder, NULL);
    struct fetcher *fetcher;

    if (!path)
        return -errno;
    fetcher = g_new0(struct fetcher, 1);
    fetcher->app = app;
    fetcher->folder_path = g_strdup(path);
    free(path);
    fetcher->members = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    receiving_init(&fetcher->receiving, app);
    if (takeover_init(&fetcher->takeover, app)) {
        fetcher_free(fetcher);
        return -EIO;
    }
    *ret_fetcher = fetcher;
    return 0;
}

void fetcher_free(struct fetcher *fetcher)
{
    if (!fetcher)
        return;
    if (fetcher->session_id)
        receiving_interrupt(&fetcher->receiving);
    if (fetcher->close_timer)
        g_source_remove(fetcher->close_timer);
    receiving_deinit(&fetcher->receiving);
    takeover_deinit(&fetcher->takeover);
    link_free(fetcher->link);
    g_hash_table_unref(fetcher->members);
    g_free(fetcher->folder_path);
    g_free(fetcher->session_id);
    g_free(fetcher->peer_id);
    g_free(fetcher->syncshell_id);
    g_free(fetcher->request_id);
    g_free(fetcher);
}
