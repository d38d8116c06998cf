/* One thread: poll on the input, the library's descriptor and the signals. A command is answered before the next one is read and
 * before any event is taken, so the reply with a ticket always stands before that ticket's events. */
#include "cli/peer.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli/client.h"
#include "cli/command.h"
#include "cli/event_json.h"
#include "cli/failure.h"
#include "cli/line_reader.h"
#include "cli/output.h"
#include "program/interrupt.h"

enum { BUSY_PAUSE_MS = 20 };

struct peer {
    const struct options *options;
    syncshell_client *client;
    struct line_reader input;
    struct output output;
    json_t *syncshells; /* an object used as a set of ids that events named */
    int signal_fd;
    bool quit;
    bool stopped; /* the event STOPPED was taken */
};

static void peer_deinit(struct peer *peer)
{
    syncshell_client_free(peer->client);
    line_reader_deinit(&peer->input);
    json_decref(peer->syncshells);
    if (peer->signal_fd >= 0)
        close(peer->signal_fd);
}

/* The signals are blocked before the client makes its thread, which inherits that. */
static int signals_init(struct peer *peer)
{
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    sigset_t signals;

    sigemptyset(&signals);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (!interrupt_is_ignored(numbers[i]))
            sigaddset(&signals, numbers[i]);
    if (sigprocmask(SIG_BLOCK, &signals, NULL))
        return -errno;
    peer->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    return peer->signal_fd < 0 ? -errno : 0;
}

static int print_started(struct peer *peer)
{
    char id[SYNCSHELL_PEER_ID_SIZE];
    int32_t error = syncshell_client_peer_id(peer->client, id, sizeof(id));

    if (error) {
        failure_print_error(error);
        return -EINVAL;
    }
    return output_line(&peer->output, json_pack("{s:s, s:s, s:s}", "event", "started", "peerId", id,
                                                "version", syncshell_version()));
}

static bool ended_for_good(const syncshell_event *event)
{
    const char *code = syncshell_event_text(event, SYNCSHELL_FIELD_CODE, NULL);

    return syncshell_event_get_type(event) == SYNCSHELL_EVENT_MEMBERSHIP_ENDED && code &&
           strcmp(code, "wrong_key_epoch") != 0;
}

static int note_syncshell(struct peer *peer, const syncshell_event *event)
{
    const char *id = syncshell_event_text(event, SYNCSHELL_FIELD_SYNCSHELL_ID, NULL);
    int32_t type = syncshell_event_get_type(event);

    if (!id)
        return 0;
    if (type == SYNCSHELL_EVENT_SYNCSHELL_LEFT || type == SYNCSHELL_EVENT_SYNCSHELL_DELETED ||
        ended_for_good(event))
        json_object_del(peer->syncshells, id); /* it may never have been there */
    else if (type == SYNCSHELL_EVENT_SYNCSHELL_CREATED ||
             type == SYNCSHELL_EVENT_SYNCSHELL_JOINED || type == SYNCSHELL_EVENT_SYNCSHELL_READY)
        return json_object_set_new(peer->syncshells, id, json_true()) ? -ENOMEM : 0;
    return 0;
}

static int print_event(struct peer *peer, const syncshell_event *event)
{
    int r = note_syncshell(peer, event);

    if (r)
        return r;
    if (syncshell_event_get_type(event) == SYNCSHELL_EVENT_STOPPED)
        peer->stopped = true;
    return output_line(&peer->output, event_to_json(event));
}

/* Prints all events that wait. */
static int drain_events(struct peer *peer)
{
    while (!peer->stopped) {
        syncshell_event *event = NULL;
        int32_t error = syncshell_client_next_event(peer->client, &event);
        int r;

        if (error || !event)
            return error == SYNCSHELL_E_NO_MEMORY ? -ENOMEM : 0;
        r = print_event(peer, event);
        syncshell_event_free(event);
        if (r)
            return r;
    }
    return 0;
}

static const char *default_syncshell(const struct peer *peer)
{
    if (peer->options->syncshell_id)
        return peer->options->syncshell_id;
    if (json_object_size(peer->syncshells) != 1)
        return NULL;
    return json_object_iter_key(json_object_iter(peer->syncshells));
}

/* Until the library's thread has taken some of what waits, or has events. */
static int pause_busy(const struct peer *peer)
{
    struct pollfd polled[] = {
        {.fd = syncshell_client_wake_fd(peer->client), .events = POLLIN},
        {.fd = peer->signal_fd, .events = POLLIN},
    };

    if (poll(polled, 2, BUSY_PAUSE_MS) < 0 && errno != EINTR)
        return -errno;
    return polled[1].revents ? -ECANCELED : 0;
}

static int reply_rejected(struct peer *peer, const json_t *tag, int32_t error, const char *problem)
{
    json_t *reply = json_pack("{s:s, s:s, s:s}", "event", "rejected", "error",
                              syncshell_error_name(error), "message", problem);

    if (json_is_string(tag) && json_object_set(reply, "tag", (json_t *)(uintptr_t)tag)) {
        json_decref(reply);
        return -ENOMEM;
    }
    return output_line(&peer->output, reply);
}

static int reply_accepted(struct peer *peer, const json_t *tag, uint64_t ticket)
{
    json_t *reply = json_pack("{s:s, s:I}", "event", "accepted", "ticket", (json_int_t)ticket);

    if (tag && json_object_set(reply, "tag", (json_t *)(uintptr_t)tag)) {
        json_decref(reply);
        return -ENOMEM;
    }
    return output_line(&peer->output, reply);
}

static int run_command(struct peer *peer, const json_t *fields)
{
    struct command_call call = {.client = peer->client, .fields = fields};
    const json_t *tag = json_object_get(fields, "tag");
    int32_t error;
    int r;

    for (;;) {
        call.syncshell_id = default_syncshell(peer);
        error = command_run(&call);
        if (error != SYNCSHELL_E_BUSY)
            break;
        if ((r = drain_events(peer)) || (r = pause_busy(peer)))
            return r;
    }
    peer->quit = peer->quit || call.quit;
    if (error)
        return reply_rejected(peer, tag, error, call.problem);
    return reply_accepted(peer, tag, call.ticket);
}

static int take_line(struct peer *peer, const char *line, size_t length)
{
    char problem[JSON_ERROR_TEXT_LENGTH + 64];
    json_error_t error;
    json_t *fields;
    size_t blank = 0;
    int r;

    while (blank < length && strchr(" \t\r", line[blank]) && line[blank])
        blank++;
    if (blank == length)
        return 0;
    fields = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);
    if (!fields) {
        snprintf(problem, sizeof(problem), "The line is not one JSON object: %s.", error.text);
        return reply_rejected(peer, NULL, SYNCSHELL_E_ARGUMENT, problem);
    }
    if (json_is_object(fields))
        r = run_command(peer, fields);
    else
        r = reply_rejected(peer, NULL, SYNCSHELL_E_ARGUMENT,
                           "The line is JSON, but not an object: write {...}.");
    json_decref(fields);
    return r;
}

static int take_lines(struct peer *peer)
{
    const char *line;
    size_t length;
    int r = 0;

    while (!r && !peer->quit) {
        switch (line_reader_next(&peer->input, &line, &length)) {
        case LINE_NONE:
            return 0;
        case LINE_TAKEN:
            r = take_line(peer, line, length);
            break;
        case LINE_TOO_LONG:
            r = reply_rejected(
                peer, NULL, SYNCSHELL_E_ARGUMENT,
                "The line has more than 8 MiB: report many files in several commands.");
            break;
        }
    }
    return r;
}

/* Until the input ends, quit, a signal, the client's end or an error. */
static int loop(struct peer *peer)
{
    while (!peer->quit && !peer->stopped) {
        struct pollfd polled[] = {
            {.fd = STDIN_FILENO, .events = POLLIN},
            {.fd = syncshell_client_wake_fd(peer->client), .events = POLLIN},
            {.fd = peer->signal_fd, .events = POLLIN},
            {.fd = STDOUT_FILENO, .events = 0}, /* POLLERR: nobody reads any more */
        };
        int r;

        if (poll(polled, 4, -1) < 0) {
            if (errno == EINTR)
                continue;
            return -errno;
        }
        if (polled[2].revents)
            return -ECANCELED;
        if (polled[3].revents & POLLERR)
            return -EPIPE;
        if (polled[1].revents && (r = drain_events(peer)))
            return r;
        if (!polled[0].revents)
            continue;
        if ((r = line_reader_fill(&peer->input, STDIN_FILENO)) || (r = take_lines(peer)))
            return r;
        if (peer->input.ended)
            return drain_events(peer);
    }
    return peer->stopped ? 0 : drain_events(peer);
}

/* The exit status for how the loop ended. */
static int conclude(const struct peer *peer, int r)
{
    if (r == -EPIPE)
        failure_print(
            "Nobody reads the events any more; the state is saved. Start again with a reader on the output.");
    else if (r == -ENOMEM)
        failure_print_error(SYNCSHELL_E_NO_MEMORY);
    else if (r && r != -ECANCELED)
        failure_print("Input or output failed (%s): start again, the state is saved.",
                      strerror(-r));
    else if (peer->stopped)
        failure_print_error(SYNCSHELL_E_STOPPED);
    else
        return 0;
    return 1;
}

int peer_run(const struct options *options)
{
    struct peer peer = {.options = options, .signal_fd = -1, .syncshells = json_object()};
    int r, status = 1;

    line_reader_init(&peer.input, PEER_LINE_MAX_BYTES);
    r = peer.syncshells ? signals_init(&peer) : -ENOMEM;
    if (r) {
        failure_print("The program cannot start (%s): end other programs and try again.",
                      strerror(-r));
    } else if (client_open(options, &peer.client) == 0) {
        peer.output = (struct output){STDOUT_FILENO, peer.signal_fd};
        r = print_started(&peer);
        status = conclude(&peer, r ? r : loop(&peer));
    }
    peer_deinit(&peer);
    return status;
}
