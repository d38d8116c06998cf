/* syncshell-sync: keeps a folder in step with another member's, over a WebRTC data channel that the library brings back whenever
 * it drops. The reference for programs that embed the library: it uses the public header only.
 *
 * Layers: sdp, ice, dtls, sctp make a channel; link ties a channel to a session of the library; folder, hash, part are
 * the disk; sending and receiving move the bytes; sharer and fetcher decide. One thread runs it all. Built with
 * -Dsync=enabled; it needs the packages of the section [sync] of deploy/packages. */
#include <errno.h>
#include <glib-unix.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "program/interrupt.h"
#include "program/stream.h"
#include "sync/app.h"
#include "sync/fetcher.h"
#include "sync/receiving.h"
#include "sync/sharer.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

struct program {
    struct app app;
    struct sharer *sharer;
    struct fetcher *fetcher;
    struct ice_options ice_options;
    guint event_source;
};

void app_quit(struct app *app, int status)
{
    if (status > app->status)
        app->status = status;
    g_main_loop_quit(app->loop);
}

const char *app_text(const syncshell_event *event, int32_t field)
{
    const char *text = syncshell_event_text(event, field, NULL);

    return text ? text : "";
}

/* Why, and what the user can do about it. */
static const char *ending_sentence(const char *code)
{
    static const struct {
        const char *code, *sentence;
    } endings[] = {
        {"member_removed", "the owner has removed this member"},
        {"syncshell_deleted", "the owner has deleted the syncshell"},
        {"syncshell_expired", "nobody has used the syncshell for too long"},
        {"wrong_key_epoch", "the owner has changed the key: ask for a new invite and join with it"},
    };

    for (size_t i = 0; i < G_N_ELEMENTS(endings); i++) {
        if (strcmp(endings[i].code, code) == 0)
            return endings[i].sentence;
    }
    return "the relay says so";
}

static void show_membership_ended(struct app *app, const char *syncshell_id, const char *code)
{
    output_event(&app->output,
                 json_pack("{s:s, s:s, s:s}", "event", "membership_ended", "syncshellId",
                           syncshell_id, "code", code),
                 "No longer in the syncshell %.16s.", syncshell_id);
    output_failure("The membership has ended: %s (%s).", ending_sentence(code), code);
}

/* A recovery code, asked for or because the link does not come up; that one may lack it. */
static void show_code(struct app *app, const syncshell_event *event)
{
    bool asked = syncshell_event_get_type(event) == SYNCSHELL_EVENT_RECOVERY_CODE;
    const char *code = syncshell_event_text(event, SYNCSHELL_FIELD_RECOVERY_CODE, NULL);
    uint64_t valid_ms = 0;
    json_t *fields =
        json_pack("{s:s, s:s, s:s*}", "event", asked ? "recovery_code" : "manual_recovery",
                  "sessionId", app_text(event, SYNCSHELL_FIELD_SESSION_ID), "recoveryCode", code);

    if (syncshell_event_integer(event, SYNCSHELL_FIELD_VALID_MS, &valid_ms) == SYNCSHELL_OK)
        json_object_set_new(fields, "validMs", json_integer((json_int_t)valid_ms));
    if (!code)
        output_event(&app->output, fields,
                     "Five attempts failed. It goes on as soon as the other side is back.");
    else
        output_event(
            &app->output, fields,
            "%sRecovery code: %s. With it the transfer goes on at another device of yours, within %llu minutes: "
            "syncshell-sync fetch DIR --state DIR --redeem %s",
            asked ? "" : "Five attempts failed; it goes on as soon as the other side is back. ",
            code, (unsigned long long)(valid_ms / 60000), code);
}

/* What concerns no session. */
static void take_general(struct app *app, const syncshell_event *event)
{
    const char *code = app_text(event, SYNCSHELL_FIELD_CODE);
    const char *message = app_text(event, SYNCSHELL_FIELD_MESSAGE);

    switch (syncshell_event_get_type(event)) {
    case SYNCSHELL_EVENT_RELAY_CONNECTED:
        output_event(&app->output, json_pack("{s:s}", "event", "relay_connected"),
                     "Connected to the relay.");
        break;
    case SYNCSHELL_EVENT_RELAY_DISCONNECTED:
        output_event(&app->output,
                     json_pack("{s:s, s:s}", "event", "relay_disconnected", "code", code),
                     "The relay is away (%s%s%s); a link that is up goes on.",
                     *code ? code : "closed", *message ? ": " : "", message);
        break;
    case SYNCSHELL_EVENT_MANUAL_RECOVERY:
    case SYNCSHELL_EVENT_RECOVERY_CODE:
        show_code(app, event);
        break;
    case SYNCSHELL_EVENT_MEMBERSHIP_ENDED:
        show_membership_ended(app, app_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID), code);
        break;
    case SYNCSHELL_EVENT_REQUEST_FAILED:
        /* Closed while we spoke of its link; or asked for once more before it was answered. */
        if (strcmp(code, "unknown_session") != 0 && strcmp(code, "superseded") != 0)
            output_failure("A request failed: %s (%s).", message, code);
        break;
    case SYNCSHELL_EVENT_STOPPED:
        output_failure("The client stopped: %s (%s). Start again.", message, code);
        app_quit(app, STATUS_FAILED);
        break;
    default:
        break;
    }
}

static void take_event(struct program *program, const syncshell_event *event)
{
    take_general(&program->app, event);
    if (program->sharer)
        sharer_event(program->sharer, event);
    else
        fetcher_event(program->fetcher, event);
}

static gboolean on_events(gint fd, GIOCondition condition, gpointer userdata)
{
    struct program *program = userdata;
    syncshell_event *event = NULL;

    (void)fd;
    (void)condition;
    while (syncshell_client_next_event(program->app.client, &event) == SYNCSHELL_OK && event) {
        take_event(program, event);
        syncshell_event_free(event);
        event = NULL;
    }
    if (program->app.output.failed)
        app_quit(&program->app, STATUS_FAILED);
    return G_SOURCE_CONTINUE;
}

static gboolean on_signal(gpointer userdata)
{
    struct app *app = userdata;

    app_quit(app, app->options->role == ROLE_SHARE ? 0 : STATUS_FAILED);
    return G_SOURCE_CONTINUE;
}

static gboolean on_code_wanted(gpointer userdata)
{
    const struct program *program = userdata;

    if (program->fetcher)
        fetcher_issue_code(program->fetcher);
    return G_SOURCE_CONTINUE;
}

static int open_client(struct app *app)
{
    syncshell_options options;
    int32_t error;

    syncshell_options_init(&options, sizeof(options));
    options.state_dir = app->options->state_dir;
    options.relay_url = app->options->relay_url;
    options.ca_file = app->options->ca_file;
    error = syncshell_client_new(&options, &app->client);
    if (error)
        output_failure(
            "The client cannot start (%s): check --state, --relay and --ca, and that no other program "
            "uses that state directory.",
            syncshell_error_name(error));
    return error ? -1 : 0;
}

static int open_folder(struct app *app)
{
    int r = folder_open(&app->folder, app->options->folder);

    if (!r && app->options->role == ROLE_FETCH)
        r = receiving_settle(&app->folder);
    if (!r)
        r = folder_scan(&app->folder);
    if (r) {
        output_failure(
            "%s cannot be used (%s): name an existing folder that may be read, and for fetch written.",
            app->options->folder, g_strerror(-r));
        return -1;
    }
    output_event(
        &app->output,
        json_pack("{s:s, s:I, s:I, s:I}", "event", "scanned", "files",
                  (json_int_t)app->folder.files->len, "bytes", (json_int_t)app->folder.bytes,
                  "skipped", (json_int_t)app->folder.skipped),
        "%u files, %llu bytes.", app->folder.files->len, (unsigned long long)app->folder.bytes);
    if (app->folder.skipped)
        output_failure("%u names are passed over: not every system can hold them.",
                       app->folder.skipped);
    return 0;
}

static int start(struct program *program)
{
    struct app *app = &program->app;

    if (open_folder(app) || open_client(app))
        return -1;
    if (channel_stack_new(&app->stack, NULL, &program->ice_options)) {
        output_failure("The keys for WebRTC cannot be made.");
        return -1;
    }
    if (app->options->role == ROLE_SHARE) {
        program->sharer = sharer_new(app);
    } else if (fetcher_new(&program->fetcher, app)) {
        output_failure("%s cannot be resolved.", app->options->folder);
        return -1;
    }
    program->event_source =
        g_unix_fd_add(syncshell_client_wake_fd(app->client), G_IO_IN, on_events, program);
    return 0;
}

/* Reports of the last moment go to the library before it ends. */
static void finish(struct program *program)
{
    struct app *app = &program->app;

    if (program->event_source)
        g_source_remove(program->event_source);
    sharer_free(program->sharer);
    fetcher_free(program->fetcher);
    channel_stack_free(app->stack);
    syncshell_client_free(app->client);
    folder_close(&app->folder);
    g_main_loop_unref(app->loop);
}

/* 0 when it stays ignored. */
static guint watch_end(int number, struct app *app)
{
    return interrupt_is_ignored(number) ? 0 : g_unix_signal_add(number, on_signal, app);
}

static int run(const struct options *options)
{
    struct program program = {.app = {.options = options},
                              .ice_options = {.bind_address = options->bind_address,
                                              .own = &options->ice_servers,
                                              .relay_only = options->relay_only}};
    struct app *app = &program.app;
    guint signals[] = {watch_end(SIGTERM, app), watch_end(SIGINT, app), watch_end(SIGHUP, app),
                       g_unix_signal_add(SIGUSR1, on_code_wanted, &program)};

    app->loop = g_main_loop_new(NULL, FALSE);
    output_init(&app->output);
    if (start(&program))
        app->status = STATUS_FAILED;
    else
        g_main_loop_run(app->loop);
    finish(&program);
    for (size_t i = 0; i < G_N_ELEMENTS(signals); i++)
        if (signals[i])
            g_source_remove(signals[i]);
    return app->status;
}

int main(int argc, char **argv)
{
    const char *problem = NULL;
    struct options options;

    if (!streams_fill())
        return STATUS_FAILED;
    signal(SIGPIPE, SIG_IGN); /* a reader or a relay that went away is an error code, not the end */
    if (options_parse(&options, argc, argv, &problem)) {
        output_failure("%s See: syncshell-sync --help", problem);
        return STATUS_USAGE;
    }
    if (options.help)
        fputs(options_help(), stdout);
    else if (options.version)
        printf("syncshell-sync %s\n", syncshell_version());
    else
        return run(&options);
    return fflush(stdout) ? STATUS_FAILED : 0;
}
