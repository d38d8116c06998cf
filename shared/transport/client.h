/* What stands behind syncshell_client: the parts, in the order in which they are made. The public functions are in client.c
 * (life), client_event.c, client_command.c and client_passphrase.c; they check what they are given and do nothing else. */
#ifndef SHARED_TRANSPORT_CLIENT_H
#define SHARED_TRANSPORT_CLIENT_H

#include <syncshell/syncshell.h>

#include "transport/state_dir.h"
#include "wire/id.h"

#include <stdint.h>

struct command;

struct syncshell_client {
    struct state_dir state_dir;
    struct identity *identity;
    struct engine *engine;
    struct event_queue *events;
    struct io_thread *io;
    struct wire_peer_id peer_id;
    uint32_t stop_timeout_ms;
};

/* Queues a command, which it takes and which may be NULL because memory ran out. A public error. */
int32_t client_submit(syncshell_client *client, struct command *takes_command,
                      uint64_t *ret_ticket);

#endif
