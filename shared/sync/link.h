/* The link of one session: makes a channel for each attempt that the library asks for or that the other side offers, tells the
 * library what became of it, and watches that the other side is still there.
 *
 * Both sides send a ping when they sent nothing for LINK_PING_MS; who hears nothing for LINK_SILENCE_MS holds the link for lost.
 * When the relay says that the other side went away, an answer must come within LINK_SUSPICION_MS. A handler must not free
 * the link. */
#ifndef SHARED_SYNC_LINK_H
#define SHARED_SYNC_LINK_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syncshell/syncshell.h>

#include "sync/channel.h"
#include "sync/output.h"

enum { LINK_PING_MS = 1500, LINK_SILENCE_MS = 4500, LINK_SUSPICION_MS = 1000 };

struct link;

struct link_handler {
    void *userdata;
    void (*up)(void *userdata);
    void (*message)(void *userdata, const char *type, const json_t *fields);
    void (*binary)(void *userdata, const uint8_t *data, size_t size);
    void (*room)(void *userdata); /* about every 10 ms while up, and when there is room to send */
    void (*down)(void *userdata); /* it was up; the library hears of it after this */
};

/* Borrows everything but the id. */
struct link *link_new(syncshell_client *client, struct channel_stack *stack, struct output *output,
                      const char *session_id, const struct link_handler *handler);
void link_free(struct link *link);
bool link_is_up(const struct link *link);
bool link_has_room(const struct link *link); /* up, and no control message waits */

/* An event of this session, or of the presence of its other side. */
void link_event(struct link *link, const syncshell_event *event);

/* A control message, an object with "type". Sent in order, before any binary that is sent later. */
void link_send(struct link *link, json_t *takes_fields);

/* 0, -EAGAIN: wait for room; -EIO. */
int link_send_binary(struct link *link, const void *data, size_t size);

/* The other side breaks the rules: the link is given up and made anew. */
void link_reject(struct link *link, const char *cause);

/* To be called after a command that was refused because the library's queue was full: whether to try again. */
bool link_busy_pause(int32_t error);

#endif
