/* What both roles share: the client, the channels, the loop that drives everything on one thread. Memory comes from GLib, which
 * ends the program when there is none: what counts is on disk. */
#ifndef SHARED_SYNC_APP_H
#define SHARED_SYNC_APP_H

#include <glib.h>
#include <syncshell/syncshell.h>

#include "sync/channel.h"
#include "sync/folder.h"
#include "sync/options.h"
#include "sync/output.h"

struct app {
    const struct options *options;
    syncshell_client *client;
    struct channel_stack *stack;
    struct folder folder;
    struct output output;
    GMainLoop *loop;
    int status; /* of the program, once the loop has ended */
};

void app_quit(struct app *app, int status);

/* A field's text, "" when the event has none. */
const char *app_text(const syncshell_event *event, int32_t field);

#endif
