/* What the store remembers of a recovery session, for the operator: read beside a relay that runs, or without one. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_STORY_H
#define RELAY_ADAPTERS_STORE_SQLITE_STORY_H

#include "core/store_op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { STORY_SESSIONS_MAX = 8, STORY_TEXT_SIZE = 512 };

struct story_session {
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    struct wire_peer_id joiner_peer_id;
    struct wire_peer_id provider_peer_id;
    uint64_t generation;
    char state[16];   /* "open", "closed" */
    char outcome[16]; /* "" while it is open */
    struct cause_text cause;
    int64_t expires_unix_ms; /* open: when nothing happens; closed: when it is forgotten */
};

/* A report of one side. */
struct story_attempt {
    struct wire_peer_id peer_id;
    uint64_t generation;
    uint64_t attempt;
    bool connected;
    struct cause_text cause;
    uint64_t elapsed_ms;
    char ice_server[STORY_TEXT_SIZE];
    int64_t at_unix_ms;
};

struct story_reader {
    void *userdata;
    void (*session)(void *userdata, const struct story_session *session);
    void (*attempt)(void *userdata,
                    const struct story_attempt *attempt); /* of that session, oldest first */
};

/* Sessions whose id is that, or begins so, up to STORY_SESSIONS_MAX. How many, or negative; then `ret_error` is a sentence. */
int story_read(const char *path, const char *session_id, const struct story_reader *reader,
               char *ret_error, size_t error_size);

#endif
