/* A second syncshell, in which nobody is safe: founded, joined and left, its members removed, its key rotated, handed over, deleted,
 * its sessions given to other members by recovery codes; by the real engines, killed amid each step.
 *
 * The ledger keeps who is in it, which codes count, and what may be said to whom. */
#ifndef TESTS_SIM_CLUB_H
#define TESTS_SIM_CLUB_H

#include "wire/message.h"

#include <stdbool.h>
#include <stdint.h>

struct peer;
struct sim;
struct syncshell_event;

/* X(enumerator, name): what the plan wants of it. */
#define CLUB_TABLE(X)                     \
    X(JOIN, "joined, or founded")         \
    X(LEAVE, "left")                      \
    X(OPEN, "session opened")             \
    X(REPORT, "progress reported")        \
    X(ISSUE, "recovery code issued")      \
    X(REDEEM, "recovery code redeemed")   \
    X(REDEEM_AGAIN, "used code redeemed") \
    X(REMOVE, "member removed")           \
    X(ROTATE, "key rotated")              \
    X(TRANSFER, "handed over")            \
    X(DELETE, "deleted")                  \
    X(USURP, "order by a member, not the owner")

enum club_wish {
#define X(id, name) CLUB_##id,
    CLUB_TABLE(X)
#undef X
        CLUB_WISH_COUNT,
};

enum { CLUBS_MAX = 4 };

struct club {
    unsigned n; /* of the present one; 0: none yet */
    struct wire_id id;
    unsigned founder;
    unsigned n_sessions;
    unsigned n_wanted;
    uint64_t due_us; /* the next wish */
    uint64_t random;
    char code[32]; /* as last shown; "" none */
    char used[32]; /* as last redeemed */
};

const char *club_wish_name(enum club_wish wish);

/* Many wishes, one after another, by random peers. */
bool club_wishes(struct sim *s, uint64_t detail);

void club_tick(struct sim *s); /* the next one is due */
void club_heal(struct sim *s);

/* True when the event was the club's. */
bool club_event(struct peer *p, const struct syncshell_event *e);

/* What is not as it has to be in the end, or NULL. */
const char *club_fault(struct sim *s, const struct peer *p);

#endif
