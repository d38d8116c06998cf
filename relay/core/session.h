/* A recovery session in memory: the summary that the store holds, and the attempt that is live, if any.
 *
 * The summary follows the store, with one exception: the generation rises in memory first and is written behind, at most
 * once in SESSION_RAISE_INTERVAL_MS per session. Losing the last raises costs nothing but a refused offer after a restart. */
#ifndef RELAY_CORE_SESSION_H
#define RELAY_CORE_SESSION_H

#include "base/list.h"
#include "base/map.h"
#include "core/former.h"
#include "core/ice.h"
#include "core/store_op.h"
#include "core/timer.h"
#include "wire/message.h"

struct attempt;
struct connection;
struct core;
struct member;
struct syncshell;

enum { SESSION_TOMBSTONES_MAX = 1024 }; /* per syncshell: beyond, the oldest are forgotten early */

enum { SESSION_RAISE_INTERVAL_MS = 1000 };

/* The two participants; also the index of what there is two of. */
enum session_side {
    SESSION_SIDE_NONE = -1,
    SESSION_SIDE_JOINER = 0,
    SESSION_SIDE_PROVIDER = 1,
};

/* The last link, for the operator's figures: what was counted of it. */
struct recovered {
    uint64_t generation;
    uint64_t signaled_ms; /* since the first attempt; 0: there was none that the relay saw */
    unsigned told;        /* bits by side: who said that the link is up */
    bool timed;
    bool weighed;
};

struct session {
    struct syncshell *syncshell;
    struct map_node node;
    struct list_node list_node; /* the syncshell's open sessions, or its tombstones */
    struct message_session_summary summary;
    struct former former;       /* who was joiner before it was handed over */
    int64_t expires_unix_ms;    /* of a tombstone: when it is forgotten */
    struct attempt *attempt;    /* NULL: none is live */
    struct member *members[2];  /* by side, as far as looked up: session_member() */
    uint64_t stored_generation; /* what the store knows, or is being told */
    bool raising;               /* a STORE_RAISE_GENERATION is in flight */
    uint64_t next_raise_us;     /* not before then */
    struct timer raise_timer;   /* armed while the store is behind and next_raise_us has not come */
    uint64_t failed_generation; /* the last one of which the other side was told that it failed */
    uint64_t
        recovering_us; /* when the first attempt since the last link was offered; 0: none since */
    struct recovered recovered;
    struct ice_round ice[2]; /* by side */
};

struct session *session_find(const struct syncshell *s, const struct wire_id *id);

/* Links a new session. 0 or negative. */
int session_new(struct syncshell *s, const struct store_session *stored,
                struct session **ret_session);
struct session *session_free(struct session *session); /* drops the attempt silently; always NULL */

enum session_side session_side_of(const struct session *session, const char *peer_id);
const struct wire_peer_id *session_peer(const struct session *session, enum session_side side);
/* The participant's place in the syncshell, NULL when it is no longer a member. */
struct member *session_member(struct session *session, enum session_side side);
void session_forget_member(struct syncshell *s, const struct member *m);
static inline enum session_side session_other_side(enum session_side side)
{
    return side == SESSION_SIDE_JOINER ? SESSION_SIDE_PROVIDER : SESSION_SIDE_JOINER;
}

/* OPEN to CLOSED. What is held of its attempt is undeliverable for `code`; participants other than `except` (may be
 * NULL) hear SessionChanged. */
void session_closed(struct session *session, enum session_outcome outcome, int64_t expires_unix_ms,
                    enum wire_code code, const char *except);

/* Tells the participants other than `except` (may be NULL) of the session's state. */
void session_announce(const struct session *session, const char *except);

/* Tells the side that is not `reporter` that this one has just called the attempt of that generation failed (0: none), so that it need not
 * wait until its own time is over; `to_both`: the state is news for the reporter, too. */
void session_announce_failure(const struct session *session, const char *reporter, bool to_both,
                              uint64_t failed_generation);

/* Another joiner. The attempt ends; both participants and the joiner before hear SessionChanged. */
void session_hand_over(struct session *session, const struct wire_peer_id *joiner);

/* Whether the peer is to hear of it: a participant, or a former joiner, for whom it is over. */
bool session_concerns(const struct session *session, const char *peer_id);

/* The live attempt's generation: memory now, the store soon. */
void session_raise(struct session *session, uint64_t generation);
void session_flush(struct session *session); /* the store now */
void session_raised(struct session *session, const struct store_op *op);

/* Forgets tombstones that have expired; the store's own sweep does the same to their rows. */
void session_purge(struct syncshell *s);

#endif
