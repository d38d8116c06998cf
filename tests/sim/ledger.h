/* The reference model: what was said to the relay, what its disk synced, and what the relay may therefore say.
 *
 * It stands at the relay's border and sees every frame in and out, every operation when it is synced, and nothing of what the
 * core thinks. Deliberately dumb: arrays that only grow, searched from the end; no indexes, no cleverness to get wrong. */
#ifndef TESTS_SIM_LEDGER_H
#define TESTS_SIM_LEDGER_H

#include "base/frame.h"
#include "core/core.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FORMERS_MAX = 16, JOINED_MAX = 8 };

struct peer;
struct sim;
struct wire;

/* A frame that the core took. */
struct ledger_said {
    unsigned wire;
    unsigned life; /* of the relay */
    uint64_t at_us;
    struct wire_peer_id by; /* as authenticated; "" before */
    enum message_type type;
    struct wire_id message_id;
    struct wire_id shell;
    struct message_routed routed;
    struct wire_id session;
    uint64_t number;    /* AckInbox: up to */
    uint64_t key_epoch; /* JoinSyncshell */
    struct frame *frame;
    unsigned delivered_wire; /* the last that it was forwarded to */
    bool told;               /* delivered, held, undeliverable, refused or stored */
    bool held;
};

/* A message in somebody's inbox. */
struct ledger_letter {
    struct wire_id shell;
    struct wire_peer_id source;
    struct wire_peer_id target;
    struct wire_id message_id;
    uint64_t seq;
    struct frame *frame;
    int64_t expires_unix_ms;
    bool expired;
    bool acked; /* or gone: with its member, or because nobody took it in time */
    unsigned acked_turn;
    bool delivered;
};

struct ledger_member {
    struct wire_id shell;
    struct wire_peer_id peer;
    bool in;
    unsigned out_turn; /* when the core learned it; UINT_MAX: not yet */
    uint64_t acked;
};

struct ledger_entry {
    uint64_t version;
    enum message_type type;
    struct wire_peer_id writer;
    uint8_t *body;
    size_t size;
};

struct ledger_session {
    struct wire_id shell;
    struct wire_id id;
    struct wire_peer_id joiner;
    struct wire_peer_id provider;
    struct wire_peer_id formers[FORMERS_MAX]; /* joiners before a code was redeemed */
    size_t n_formers;
    bool closed;
    enum session_outcome outcome;
    uint64_t version;
    struct ledger_entry *entries; /* of the log as it is */
    size_t n_entries;
};

/* A recovery code: it counts once. */
struct ledger_code {
    struct wire_id session;
    struct wire_sha256 sha256;
    struct wire_peer_id by; /* who redeemed it */
    bool ended;
};

struct ledger_owner {
    struct wire_id shell;
    struct wire_peer_id peer;
    uint64_t key_epoch;
    struct wire_key group_public_key;
    unsigned n_unlearned;  /* changes of these that the disk has and the core does not know yet */
    unsigned changed_turn; /* when it learned of the last */
    bool deleted;
    bool rotated; /* ever */
};

/* Which version a message became; 1 for what has none: a report, a code, an owner's order. */
struct ledger_version {
    struct wire_id session;
    struct wire_id message_id;
    uint64_t version;
};

/* An attempt that the core says to have begun. */
struct ledger_attempt {
    struct wire_id session;
    uint64_t generation;
    struct wire_peer_id by;
    unsigned life;
    unsigned turn;
};

/* A syncshell that a connection has asked to join. */
struct ledger_joined {
    struct wire_id shell;
    bool in;
    uint64_t seq; /* of its inbox: what it has */
    bool seq_known;
    uint32_t online; /* whom it was told to be there: a bit for each of the simulation's peers */
};

/* What is known of a connection. */
struct ledger_wire {
    unsigned life;
    struct wire_peer_id claimed; /* by its last Authenticate */
    struct wire_peer_id peer;    /* since Welcome */
    struct ledger_joined joined[JOINED_MAX];
    size_t n_joined;
};

struct ledger {
    struct sim *sim;
    char shell_id[WIRE_ID_MAX + 1]; /* the first one; "" before it was created */
    struct wire_key secret;
    unsigned turn; /* rises with each call into the core */
    unsigned life;
    struct ledger_said *said;
    size_t n_said;
    struct ledger_letter *letters;
    size_t n_letters;
    struct ledger_member *members;
    size_t n_members;
    struct ledger_session *sessions;
    size_t n_sessions;
    struct ledger_version *versions;
    size_t n_versions;
    struct ledger_attempt *attempts;
    size_t n_attempts;
    struct ledger_code *codes;
    size_t n_codes;
    struct ledger_owner *owners;
    size_t n_owners;
    size_t n_aged; /* of said: their fate is settled */
};

void ledger_init(struct ledger *l, struct sim *s);
void ledger_deinit(struct ledger *l);

/* An application has learned its syncshell's id. */
void ledger_shell(struct ledger *l, const char *shell_id);

void ledger_relay_starts(struct ledger *l, unsigned life);
void ledger_wire(struct ledger *l, struct wire *w);
void ledger_relay_end_gone(struct ledger *l, struct wire *w);
void ledger_wire_gone(struct ledger *l, struct wire *w);

/* What happens. Each checks what it can. */
void ledger_said(struct ledger *l, struct wire *w, struct frame *f);  /* before the core gets it */
void ledger_heard(struct ledger *l, struct wire *w, struct frame *f); /* when the core gives it */
void ledger_arrives(struct ledger *l, struct wire *w, struct frame *f);
void ledger_synced(struct ledger *l, const struct store_op *op);
void ledger_learned(struct ledger *l, const struct store_op *op); /* before the core does */
void ledger_core_event(struct ledger *l, const struct core_event *event);
void ledger_audit(struct ledger *l); /* after each call into the core */

/* ledger_presence.c: whom members take for being there. */
void ledger_meets(const struct ledger *l, struct ledger_joined *j,
                  const struct message_syncshell_joined *m);
void ledger_hears_presence(const struct ledger *l, struct ledger_wire *lw,
                           const struct message_peer_presence *m);
const char *ledger_presence_fault(const struct ledger *l, const struct wire *w); /* or NULL */

/* Looking up: NULL when there is none. */
struct ledger_session *ledger_session(const struct ledger *l, const char *id);
bool ledger_session_closed(const struct ledger *l, const char *id);
struct ledger_member *ledger_member(const struct ledger *l, const char *shell, const char *peer);
const char *ledger_owner(const struct ledger *l, const char *shell); /* "": none */
const struct ledger_owner *ledger_owner_of(const struct ledger *l,
                                           const char *shell); /* NULL: none */
bool ledger_rotated(const struct ledger *l, const char *shell);
bool ledger_has_joined(const struct wire *w, const char *shell); /* heard so on that connection */
struct ledger_joined *ledger_joined(struct ledger_wire *lw, const char *shell);
bool ledger_deleted(const struct ledger *l, const char *shell);
bool ledger_redeemed(const struct ledger *l, const char *session, const char *peer);
struct ledger_said *ledger_find_said(const struct ledger *l, const char *by, const char *message_id,
                                     unsigned wire); /* wire 0: any */

#endif
