/* The relay's logic: events in, effects out, next deadline. No system calls, clock, threads, logging.
 *
 * Everything the relay decides is decided here: who a connection is, which syncshells it has joined, whom a frame goes to,
 * which attempt of a session is live, what is held for how long, when to answer. All functions belong to one thread (the
 * loop). Time comes in: monotonic microseconds as `now_us`, wall time from the host once per call into the core.
 *
 * Use: call an input function; then take effects with core_next_effect() until there is none; arm a timer for
 * core_deadline_us(); when a connection is writable, core_connection_pull() one frame at a time. Input functions never
 * call back except for the host's pure services below. A connection's handle is valid from core_connect() until
 * core_disconnect() returns, which the adapter owes for every connection, also after EFFECT_CLOSE.
 *
 * Rules that the rest of the program relies on:
 * - Nothing durable is answered before its operation came back from the store (P2).
 * - A frame from a member goes to its target or its sender is told (P1): forwarded unchanged, or Held and later delivered
 *   or Undeliverable, or Error.
 * - Per session at most one attempt is live: (generation, offering side). An offer with a higher generation supersedes it;
 *   with the same generation the other side's offer has lost (glare_lost); a lower one, and every answer or candidate that
 *   does not belong to the live attempt, is stale_generation (P4). A repeated messageId of the live attempt is ignored.
 * - What an attempt's frames were not acknowledged by (the answer acknowledges the offer) stays with the attempt for
 *   offer_ttl: a target that comes back within it gets the frames again, in order.
 * - Inbox messages of one syncshell reach their target in the order of their sequence numbers, again after every join
 *   until acknowledged.
 * - Durable messages are read from the store when a connection has room; only ephemeral ones can make it a slow reader. */
#ifndef RELAY_CORE_CORE_H
#define RELAY_CORE_CORE_H

#include "base/frame.h"
#include "base/timeutil.h"
#include "core/account_config.h"
#include "core/address.h"
#include "core/ice_server.h"
#include "core/store_op.h"
#include "wire/cause.h"
#include "wire/code.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct admission;
struct core;
struct connection;

enum core_create_policy {
    CORE_CREATE_NOBODY = 0,
    CORE_CREATE_OPEN,       /* every authenticated peer */
    CORE_CREATE_ACCESS_KEY, /* whoever has shown an access key that the store knows */
};

struct core_config {
    struct wire_id relay_id;
    struct wire_id store_epoch;
    const char *const *
        origins; /* NULL-terminated, lower case scheme://host[:port]; empty list: loopback names only. Borrowed
                                 * for the core's life */
    enum core_create_policy create_policy;
    uint32_t heartbeat_ms;
    uint32_t handshake_timeout_ms;
    uint32_t offer_ttl_ms;
    uint32_t session_ttl_ms; /* an open session without any entry or generation change */
    uint32_t tombstone_ttl_ms;
    uint32_t syncshell_ttl_days; /* without any member joined; 0: for ever */
    uint32_t recovery_code_ttl_ms;
    uint32_t inbox_ttl_ms;
    struct account_config accounts; /* who may hold and do how much */
    uint32_t members_max;           /* per syncshell */
    uint32_t created_max;           /* syncshells per creator */
    uint32_t sessions_max;          /* open, per syncshell */
    uint32_t joined_max;            /* syncshells per connection */
    uint32_t pending_ops_max;       /* store operations in flight per connection */
    uint64_t session_log_bytes_max;
    uint64_t syncshell_log_bytes_max;   /* of all its sessions */
    uint64_t inbox_bytes_max;           /* unacknowledged, per peer and syncshell */
    uint64_t syncshell_inbox_bytes_max; /* of all its inboxes */
    uint32_t inbox_messages_max;
    uint32_t attempt_bytes_max; /* held per attempt */
    uint32_t queue_bytes_max;   /* output queue of a connection */
    uint32_t queue_frames_max;
    const struct ice_server *const *
        ice_servers; /* NULL-terminated, at most ICE_PROVIDERS_MAX; NULL: none. Borrowed like the origins */
};

/* Fills in the defaults of config.example.toml; relay_id, store_epoch, origins stay empty. */
void core_config_defaults(struct core_config *ret_config);

enum {
    CORE_SHA256_SIZE = STORE_SHA256_SIZE, /* 64 digits and the NUL */
    CORE_HMAC_SHA1_SIZE = 29,             /* 20 bytes as base64, and the NUL */
};

/* Services that are pure or replayable. They must not call into the core. */
struct core_host {
    void *userdata;
    /* Ed25519: does `signature` (base64url) by `public_key` (base64url) fit the text? */
    bool (*verify)(void *userdata, const char *public_key, const char *signature, const void *text,
                   size_t text_size);
    /* SHA-256 as lower-case hex. 0 or negative. */
    int (*sha256)(void *userdata, const void *data, size_t size, char ret_hex[CORE_SHA256_SIZE]);
    /* HMAC-SHA1 of the text as padded base64. 0 or negative. */
    int (*hmac_sha1)(void *userdata, const char *key, const char *text,
                     char ret_base64[CORE_HMAC_SHA1_SIZE]);
    /* Cryptographically strong bytes. 0 or negative. */
    int (*random)(void *userdata, void *ret_bytes, size_t size);
    struct wall_time (*wall_now)(void *userdata);
};

enum core_effect_kind {
    EFFECT_SEND = 1, /* the connection's queue became non-empty: pull it when it is writable */
    EFFECT_CLOSE, /* send what is queued as far as the socket takes it, then close with close_code */
    EFFECT_STORE, /* execute op: the effect's taker owns it until core_store_done() */
    EFFECT_EVENT, /* something worth a log line or a counter */
};

enum core_event_kind {
    CORE_EVENT_AUTHENTICATED = 1, /* peer */
    CORE_EVENT_CLOSED,            /* peer (may be empty), code: the core closes this connection */
    CORE_EVENT_REFUSED,           /* peer, code, type: a request was refused */
    CORE_EVENT_TURNED_AWAY,       /* address (may be unknown), code: a socket was not admitted */
    CORE_EVENT_JOINED,            /* peer, syncshell */
    CORE_EVENT_LEFT,
    CORE_EVENT_SYNCSHELL_CREATED,
    CORE_EVENT_MEMBER_REMOVED, /* peer: the removed one */
    CORE_EVENT_KEY_ROTATED,
    CORE_EVENT_OWNER_CHANGED, /* peer: the new one */
    CORE_EVENT_SYNCSHELL_DELETED,
    CORE_EVENT_SYNCSHELL_EXPIRED, /* syncshell */
    CORE_EVENT_SESSION_OPENED,    /* peer, syncshell, session */
    CORE_EVENT_SESSION_CLOSED,    /* ... outcome */
    CORE_EVENT_CODE_ISSUED,       /* a recovery code, by its joiner */
    CORE_EVENT_SESSION_MOVED,     /* ... redeemed: peer is the new joiner */
    CORE_EVENT_ATTEMPT_STARTED,   /* peer = offering side, syncshell, session, generation */
    CORE_EVENT_ATTEMPT_ANSWERED,
    CORE_EVENT_ATTEMPT_EXPIRED,
    CORE_EVENT_HELD,
    CORE_EVENT_UNDELIVERABLE,  /* code */
    CORE_EVENT_CONNECTED,      /* peer, syncshell, session, generation: a side reports a link */
    CORE_EVENT_ATTEMPT_FAILED, /* the same, of a failure; cause */
    CORE_EVENT_STORE_FAILED,   /* code, type 0 */
};

/* Ids are empty when they do not apply. Never contains a body, a proof or a signature. */
struct core_event {
    enum core_event_kind kind;
    uint64_t connection_id;
    struct wire_peer_id peer_id;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    uint64_t generation;
    enum message_type type;
    struct wire_id message_id; /* REFUSED: of the request, as its sender chose it */
    enum wire_code code;
    enum session_outcome outcome;
    struct cause_text cause;
    uint32_t elapsed_ms; /* CONNECTED, ATTEMPT_FAILED: of this attempt, as reported */
    uint64_t
        recovery_ms; /* CONNECTED: since the link was lost; 0: none was, or it was told before */
    uint64_t kept_bytes; /* CONNECTED: what need not be sent again; 0 likewise */
    bool has_address;    /* of the connection, with its code */
    struct address address;
    enum account_kind account; /* whose limit it was; ACCOUNT_NONE: no account's */
};

const char *core_event_name(enum core_event_kind kind); /* logfmt word, e.g. "session_opened" */

struct core_effect {
    enum core_effect_kind kind;
    struct connection *connection; /* SEND, CLOSE */
    uint16_t close_code;           /* CLOSE */
    const char *close_reason;      /* CLOSE: the code's name, static */
    struct store_op *op;           /* STORE: taken */
    struct core_event event;       /* EVENT */
};

/* Copies config and host. 0, -ENOMEM or what host.random returned. */
int core_new(struct core **ret_core, const struct core_config *config, const struct core_host *host,
             uint64_t now_us);

/* Frees everything, operations not yet taken included. Connections must be disconnected and operations be back: asserted. */
struct core *core_free(struct core *core);

/* New limits, origins and ICE servers from a reload; relay id and epoch must be the same. What the former configuration points to
 * may go afterwards. */
void core_reconfigure(struct core *core, const struct core_config *config);

/* A socket was accepted; to be asked before anything is spent on it. `address` is NULL when a trusted proxy will say who it
 * is, with core_admission_forwarded(), which is to be called before the upgrade then. All: 0, CORE_E_FULL (an event says why)
 * or -ENOMEM. */
enum { CORE_E_FULL = 1 };
int core_admit(struct core *core, uint64_t now_us, const struct address *address,
               struct admission **ret_admission);
bool core_admission_awaits_address(const struct admission *a);
int core_admission_forwarded(struct admission *a, uint64_t now_us, const struct address *address);
int core_admission_upgrade(struct admission *a, uint64_t now_us);
struct admission *core_admission_free(struct admission *a); /* accepts NULL; always NULL */

/* A WebSocket connection with our subprotocol is up; queues Hello. `userdata` is the adapter's. When no
 * origins are configured, only loopback names may be signed. Takes the admission when it succeeds. 0, CORE_E_FULL, -ENOMEM
 * or what host.random returned. */
int core_connect(struct core *core, uint64_t now_us, void *userdata, struct admission *admission,
                 struct connection **ret_connection);
void core_disconnect(struct connection *connection, uint64_t now_us);

/* One complete message. Frames after EFFECT_CLOSE are ignored. Never fails: faults are answered or close the connection. */
void core_receive(struct connection *connection, uint64_t now_us, bool binary, const uint8_t *data,
                  size_t size);

/* The adapter saw a message pass the size limit before it was complete: answers and closes. */
void core_receive_oversized(struct connection *connection, uint64_t now_us);

/* So many bytes in all the adapter keeps for the connection from now on: of a message that is not complete, of what the socket did
 * not take. False: an account refused them, and the connection is closed. */
bool core_connection_buffers(struct connection *connection, uint64_t now_us, size_t bytes);

/* The adapter's heartbeat found nobody: closes with `idle`. */
void core_heartbeat_missed(struct connection *connection, uint64_t now_us);

/* An operation is back, committed or failed. Takes `op`. */
void core_store_done(struct core *core, uint64_t now_us, struct store_op *op);

/* An operation that is back may have loaded a syncshell for which many wait, each with a signature that takes longer to check
 * than a hundred messages to route. So they are let in one by one, whenever the caller has time: soon. */
bool core_joins_wait(const struct core *core);
void core_join_next(struct core *core, uint64_t now_us);

/* Runs what is due. Deadline: TIME_NEVER_US when nothing is. */
void core_tick(struct core *core, uint64_t now_us);
uint64_t core_deadline_us(const struct core *core);

/* Announces GoAway to everybody, spread over the window; new joins are refused with shutting_down. */
void core_drain(struct core *core, uint64_t now_us, uint32_t window_ms);

/* The next effect, false when there is none: events, then operations in their order, sends, closes. Must be drained after
 * every input call. Of `ret_effect` only what belongs to its kind is written. */
bool core_next_effect(struct core *core, struct core_effect *ret_effect);

/* Takes the next frame to write: the caller unrefs it. NULL when the queue is empty. May produce effects (more reading
 * from the store), so drain effects afterwards. */
struct frame *core_connection_pull(struct connection *connection, uint64_t now_us);
bool core_connection_pending(const struct connection *connection);

bool core_connection_is_member(const struct connection *connection); /* has joined a syncshell */

void *core_connection_userdata(const struct connection *connection);
uint64_t
core_connection_id(const struct connection *connection); /* never reused within a process */

/* For status and tests. */
struct core_stats {
    uint64_t connections;
    uint64_t authenticated;
    uint64_t syncshells_loaded;
    uint64_t attempts_live;
    uint64_t held_frames;
    uint64_t held_bytes;
    uint64_t queued_bytes;
    uint64_t ops_in_flight;
    uint64_t frames_received;
    uint64_t frames_routed;
    uint64_t charged_bytes; /* of everything that accounts pay for */
    uint64_t
        loaded_bytes; /* of these, for syncshells in memory, what they remember of closed sessions included */
    uint64_t handshakes;
    uint64_t addresses; /* accounts, those that are only remembered included */
    uint64_t peers;
    uint64_t events_dropped; /* for want of memory, or because effects were not drained */
};
void core_stats(const struct core *core, struct core_stats *ret_stats);

/* How many reports said that they used an ICE server of that provider, or that it failed, since there was one with its first
 * URL without a break. */
void core_ice_outcomes(const struct core *core, size_t provider, uint64_t *ret_worked,
                       uint64_t *ret_failed);

/* How often that code was answered, or was why a socket was turned away; and how often it closed a connection. */
uint64_t core_refusals(const struct core *core, enum wire_code code);
uint64_t core_closings(const struct core *core, enum wire_code code);

#endif
