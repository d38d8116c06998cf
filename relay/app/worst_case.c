#include "app/worst_case.h"

#include <inttypes.h>

#include "core/account.h"
#include "core/core.h"
#include "core/ice_network.h"
#include "core/member.h"
#include "core/queue.h"
#include "core/session.h"
#include "core/syncshell.h"

/* Measured with tests/bench and rounded up: a member's connection is 6.9 KB, over TLS 19; while it shakes hands it has
 * buffers for its request, or OpenSSL's of the handshake, too. */
enum {
    KIBIBYTE = 1024,
    MEBIBYTE = 1024 * KIBIBYTE,
    CONNECTION_BYTES = 10 * KIBIBYTE,
    HANDSHAKE_BYTES = 16 * KIBIBYTE,
    TLS_BYTES = 32 * KIBIBYTE,
    PROGRAM_BYTES = 40 * MEBIBYTE, /* itself and its libraries, log, events, status and metrics */
    STORE_BYTES =
        32 * MEBIBYTE, /* SQLite's pages of all its connections, its index of the log; log heads */
    ICE_NETWORK_BYTES = KIBIBYTE,
    MAP_ENTRY_BYTES = 64, /* in a map, and what malloc adds */
    HOLES =
        4, /* one part in so many of what is paid for: what malloc has free between what is used */
};

/* A syncshell's as the store reads it, before an account was asked: as many at once as may be. */
static uint64_t loading_bytes(const struct settings *s)
{
    uint64_t sessions = s->sessions_max + SESSION_TOMBSTONES_MAX;
    return SYNCSHELL_LOADS_MAX *
           (sessions * sizeof(struct store_session) + s->members_max * sizeof(struct store_member));
}

void worst_case_of(const struct settings *s, struct worst_case *ret_worst_case)
{
    uint64_t tls = *s->listen_tls_certificate ? TLS_BYTES : 0;
    /* Its address's and its peer's account are its own in the worst case. */
    uint64_t accounts = 2 * (sizeof(struct account) + MAP_ENTRY_BYTES);
    uint64_t memberships = s->joined_max * (sizeof(struct membership) + MAP_ENTRY_BYTES);
    *ret_worst_case = (struct worst_case){
        .parts = {
            {"connections (limits.connections_max)",
             s->connections_max *
                 (CONNECTION_BYTES + QUEUE_FREE_BYTES + tls + accounts + memberships)},
            {"as many sockets that do not speak WebSocket yet",
             s->connections_max * (HANDSHAKE_BYTES + tls + accounts)},
            {"what accounts pay for (limits.memory_bytes_max), and a quarter for malloc's holes",
             s->memory_bytes_max + s->memory_bytes_max / HOLES},
            {"addresses and peers that are remembered (limits.remembered_max)",
             s->remembered_max * (sizeof(struct account) + MAP_ENTRY_BYTES)},
            {"the store, and syncshells that it is reading", STORE_BYTES + loading_bytes(s)},
            {"the program, and what it knows of ICE servers",
             PROGRAM_BYTES + (uint64_t)ICE_NETWORKS_MAX * ICE_NETWORK_BYTES},
        }};
    for (size_t i = 0; i < WORST_CASE_PARTS; i++)
        ret_worst_case->total_bytes += ret_worst_case->parts[i].bytes;
}

static uint64_t mebibytes(uint64_t bytes)
{
    return (bytes + MEBIBYTE - 1) / MEBIBYTE;
}

void worst_case_print(FILE *out, const struct worst_case *w)
{
    fprintf(out, "Memory at worst: %" PRIu64 " MiB, with every limit reached at once.\n",
            mebibytes(w->total_bytes));
    for (size_t i = 0; i < WORST_CASE_PARTS; i++)
        fprintf(out, "%7" PRIu64 " MiB  %s\n", mebibytes(w->parts[i].bytes), w->parts[i].what);
}
