/* What the relay tells this client when it connects: its syncshells, their members, the open sessions. */
#ifndef SHARED_CLI_KNOWN_H
#define SHARED_CLI_KNOWN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <syncshell/syncshell.h>

#include "cli/options.h"
#include "cli/visit.h"

enum { KNOWN_WORD_SIZE = 16, KNOWN_LABEL_SIZE = 256 };

struct known_member {
    char peer_id[SYNCSHELL_PEER_ID_SIZE];
    char presence[KNOWN_WORD_SIZE];
};

struct known_session {
    char id[SYNCSHELL_ID_SIZE];
    char role[KNOWN_WORD_SIZE];
    char peer_id[SYNCSHELL_PEER_ID_SIZE];
    char label[KNOWN_LABEL_SIZE]; /* "" when it has none */
    uint64_t generation;
};

struct known_syncshell {
    char id[SYNCSHELL_ID_SIZE];
    char owner_peer_id[SYNCSHELL_PEER_ID_SIZE];
    bool ready;
    struct known_member *members;
    size_t n_members;
    struct known_session *sessions;
    size_t n_sessions;
};

struct known {
    struct known_syncshell *syncshells;
    size_t n_syncshells;
};

/* Connects and collects, until the syncshell of --syncshell is ready, or all of them are: the library does not say how many there
 * will be, so all are ready when none is being joined and nothing came for a second. 0, or -1 after a sentence on stderr. */
int known_init(struct known *ret_known, const struct options *options, struct visit *visit);

void known_deinit(struct known *known);

#endif
