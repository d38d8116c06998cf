/* What stands behind syncshell_client: the parts, in the order in which they are made. The public functions are in client.c
 * (life), client_event.c and client_command.c; they check what they are given and do nothing else. */
#ifndef SHARED_TRANSPORT_CLIENT_H
#define SHARED_TRANSPORT_CLIENT_H

#include <syncshell/syncshell.h>

#include "transport/state_dir.h"
#include "wire/id.h"

#include <stdint.h>

struct syncshell_client {
    struct state_dir state_dir;
    struct identity *identity;
    struct engine *engine;
    struct event_queue *events;
    struct io_thread *io;
    struct wire_peer_id peer_id;
    uint32_t stop_timeout_ms;
};

#endif
