/* A call of the application on its way to the I/O thread: checked, copied, numbered. */
#ifndef SHARED_TRANSPORT_COMMAND_H
#define SHARED_TRANSPORT_COMMAND_H

#include "base/list.h"
#include "client/engine.h"
#include "wire/body.h"
#include "wire/id.h"
#include "wire/invite.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum command_kind {
    COMMAND_CREATE = 1,      /* invite: the id and a secret, or nothing of it */
    COMMAND_JOIN,            /* invite; the owner may be "" */
    COMMAND_LEAVE,           /* syncshell_id */
    COMMAND_NETWORK_CHANGED, /* without a ticket */
    COMMAND_OPEN,     /* syncshell_id, peer_id, as_joiner, session_id or "", text: label or NULL */
    COMMAND_MANIFEST, /* session_id, files */
    COMMAND_REPORT,   /* session_id, files */
    COMMAND_OFFER,    /* session_id, generation, text */
    COMMAND_ANSWER,   /* session_id, generation, text */
    COMMAND_CANDIDATE, /* session_id, generation, text, sdp_mid or NULL, number: m-line index or -1 */
    COMMAND_LINK, /* session_id, generation, number: state; cause, text: the ICE server or NULL */
    COMMAND_RECOVER, /* session_id */
    COMMAND_CLOSE,   /* session_id, number: outcome */
    COMMAND_CODE,    /* session_id */
    COMMAND_REDEEM,  /* syncshell_id, recovery_code */
    COMMAND_OWNER,   /* syncshell_id, number: message type; peer_id or "" */
};

struct command {
    struct list_node node;
    enum command_kind kind;
    uint64_t ticket;
    size_t bytes; /* what it holds, for the queue's limit */
    struct wire_id syncshell_id;
    struct wire_id session_id;
    struct wire_peer_id peer_id;
    bool as_joiner;
    uint64_t generation;
    int32_t number;
    enum cause cause;
    char *text;    /* owned */
    char *sdp_mid; /* owned */
    struct body_file_list files;
    struct invite invite;
    struct recovery_code recovery_code;
};

struct command *command_new(enum command_kind kind); /* NULL when memory ran out */
struct command *command_free(struct command *c);

/* Hands it to the engine. 0 or negative. */
int command_run(struct command *c, struct engine *e, uint64_t now_us);

#endif
