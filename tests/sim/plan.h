/* What is going to happen in a simulation: its size, its limits, and a list of faults and wishes with their times.
 *
 * A plan is made from the seed alone, before anything runs; every entry can be left out by its number without changing the
 * others. So a failure is made small by leaving out one entry after another for as long as it still fails. */
#ifndef TESTS_SIM_PLAN_H
#define TESTS_SIM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(enumerator, name): faults first, then what applications and strangers wish. */
#define DEED_TABLE(X)                           \
    X(CUT, "connection cut")                    \
    X(HALF_OPEN, "connection half open")        \
    X(STALL_DOWN, "reader stalls")              \
    X(STALL_UP, "sender stalls")                \
    X(UNREACHABLE, "relay unreachable")         \
    X(KILL_PEER, "client killed")               \
    X(KILL_RELAY, "relay killed")               \
    X(DRAIN, "relay drains and restarts")       \
    X(DISK_FULL, "relay disk full")             \
    X(DISK_BROKEN, "relay disk broken")         \
    X(DISK_SLOW, "relay disk slow")             \
    X(DISK_FAILS_ONCE, "relay disk fails once") \
    X(DISK_LOCKED, "relay disk locked")         \
    X(CLIENT_DISK_SLOW, "client disk slow")     \
    X(CLIENT_DISK_FAILS, "client disk fails")   \
    X(CLIENT_DISK_LOCKED, "client disk locked") \
    X(FREEZE, "client frozen")                  \
    X(CLOCK_JUMP, "wall clock jumps")           \
    X(NO_PATH, "no path between peers")         \
    X(LINK_CUT, "data link cut")                \
    X(MISDEED, "a member misbehaves")           \
    X(CLUB, "another syncshell's life")         \
    X(OPEN, "session opened")                   \
    X(CLOSE, "session closed")                  \
    X(OWN_OFFER, "offer unasked")               \
    X(ASK_AGAIN, "recovery requested")          \
    X(NETWORK, "network changed")

enum deed {
#define X(id, name) DEED_##id,
    DEED_TABLE(X)
#undef X
        DEED_COUNT,
};

enum { PLAN_ENTRIES_MAX = 96, DEED_FAULTS = DEED_OPEN };

struct plan_entry {
    uint64_t at_us;
    enum deed deed;
    unsigned who; /* a peer */
    uint64_t duration_us;
    uint64_t detail; /* random, for whatever it needs */
    bool off;
};

struct plan {
    unsigned n_peers;
    uint64_t chaos_us; /* faults happen before */
    struct plan_entry entries[PLAN_ENTRIES_MAX];
    size_t n_entries;
};

const char *deed_name(enum deed deed);

void plan_make(struct plan *ret_plan, uint64_t seed);

/* Leaves out the entries of a list like "3,7,12-20". False: not such a list. */
bool plan_leave_out(struct plan *p, const char *list);

#endif
