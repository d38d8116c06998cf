/* A member that misbehaves: a raw connection of its own, with its own key, its own address and the syncshell's secret.
 *
 * It has no engine. It says what no client says, one misdeed at a time as the plan wants them, and keeps what the relay has
 * to answer. The relay refuses each misdeed with a code, or closes the rogue's connection; it never accepts one, never
 * stays silent, and never closes anybody else's connection while it listens to the rogue. What must not reach others is the
 * ledger's to see. */
#ifndef TESTS_SIM_ROGUE_H
#define TESTS_SIM_ROGUE_H

#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;
struct peer;
struct sim;
struct wire;

/* X(enumerator, name) */
#define MISDEED_TABLE(X)                                     \
    X(REPLAYED_AUTHENTICATE, "another's Authenticate")       \
    X(REPLAYED_JOIN, "another's JoinSyncshell")              \
    X(GARBAGE, "bytes that are no frame")                    \
    X(BENT, "a frame with a bent byte")                      \
    X(OVERSIZED, "a frame without end")                      \
    X(FOREIGN_SOURCE, "a message in another's name")         \
    X(COPY, "another's frame, as it was")                    \
    X(FOREIGN_SESSION, "a message in others' session")       \
    X(FOREIGN_ENTRY, "an entry for others' log")             \
    X(WRONG_GENERATION, "a generation that is not the next") \
    X(UNSEALED, "an offer that does not open")               \
    X(DUPLICATE, "a stored message again")                   \
    X(DUPLICATE_ENTRY, "a stored entry again")               \
    X(NO_OWNER, "an owner's order by another")               \
    X(FLOOD, "too many requests")                            \
    X(DEAF, "requests, and no answer read")

enum misdeed {
#define X(id, name) MISDEED_##id,
    MISDEED_TABLE(X)
#undef X
        MISDEED_COUNT,
};

/* What the relay may say to a request. */
enum expectation {
    EXPECT_REFUSAL,
    EXPECT_ANYTHING, /* but an answer */
};

/* A request that is to be answered. */
struct accusation {
    unsigned wire;
    enum misdeed misdeed;
    enum expectation expectation;
    struct wire_id message_id;
    bool answered;
};

enum rogue_state {
    ROGUE_AWAY = 0,
    ROGUE_GREETED_NOT, /* waits for Hello */
    ROGUE_AUTHENTICATES,
    ROGUE_JOINS,
    ROGUE_OPENS, /* its own session, with an honest peer */
    ROGUE_READY,
};

enum { ROGUE_WANTED_MAX = 32 };

struct rogue {
    struct peer *peer; /* its machine, without an engine: s->peers[s->n_peers] */
    enum rogue_state state;
    uint64_t random;
    unsigned n_messages;
    unsigned n_sessions;
    struct wire_id relay_id;
    struct wire_key nonce;
    struct wire_id request; /* the one that its state waits for */
    struct wire_id session; /* its own */
    unsigned victim;
    uint64_t generation;
    uint64_t version;
    enum misdeed wanted[ROGUE_WANTED_MAX];
    size_t n_wanted;
    uint64_t leaves_us; /* hangs up; TIME_NEVER_US: not by itself */
    struct accusation *charges;
    size_t n_charges;
};

const char *misdeed_name(enum misdeed misdeed);

void rogue_init(struct sim *s);
void rogue_deinit(struct sim *s);
bool rogue_is(const struct sim *s, const struct peer *p);

/* The plan wants one; it is done when the rogue has got that far. False: it has enough to do. */
bool rogue_wish(struct sim *s, enum misdeed misdeed);

/* The next frame that is on its way to it. */
void rogue_hear(struct sim *s);

/* At the relay's border: it answers the rogue. Checks. */
void rogue_answered(struct sim *s, const struct wire *w, const struct message *m);

/* The relay closes a connection. Checks that it is not another's while it hears the rogue. */
void rogue_watches_close(struct sim *s, const struct wire *w);

/* No more misdeeds: some seconds for the last answers, then it is gone. */
void rogue_heal(struct sim *s);
void rogue_leave(struct sim *s);
bool rogue_gone(const struct sim *s);

/* --- misdeed.c --- */

/* False: there is nothing to do it with. */
bool misdeed_do(struct sim *s, enum misdeed misdeed);

/* --- of both --- */
void rogue_message_id(struct rogue *g, struct wire_id *ret_id);
void rogue_say_bytes(struct sim *s, bool binary, const void *data, size_t size);
void rogue_say(struct sim *s, const struct message *m);
void rogue_charge(struct sim *s, enum misdeed misdeed, enum expectation expectation,
                  const struct wire_id *message_id);
void rogue_sign(struct sim *s, const struct buf *text, struct wire_signature *ret_signature);

#endif
