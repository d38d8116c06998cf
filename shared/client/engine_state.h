/* What the parts of the engine share: the objects and how they hang together.
 *
 *   engine ── link (the one connection)
 *          ├─ syncshells ── members, keys, the owner's operations
 *          ├─ sessions ── attempt, held files (joiner), manifest and gathered request (provider)
 *          └─ requests in flight, by messageId
 *
 * The parts work by pumping: every input changes state, and engine_settle() then lets each object send what its state
 * calls for and what is not in flight already. So the same code serves the first connection, a reconnection, and a start
 * from the journal; there is no list of things to send again. */
#ifndef SHARED_CLIENT_ENGINE_STATE_H
#define SHARED_CLIENT_ENGINE_STATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "base/map.h"
#include "client/code.h"
#include "client/effect.h"
#include "client/engine.h"
#include "wire/message.h"

enum {
    ENGINE_SYNCSHELLS_MAX = 64,
    ENGINE_REQUESTS_MAX = 4096,
    ENGINE_SIGNALS_MAX = 3072, /* of the requests: the rest is for what must come through */
    ENGINE_FRAME_BYTES_MAX = WIRE_REQUEST_HEADER_MAX + 1 + WIRE_BODY_MAX,
    ENGINE_RETRY_PAUSE_MS = 1000, /* after a refusal that may pass */
    ENGINE_OLD_KEYS_MAX = 8,      /* of a syncshell */
    ENGINE_OWNER_OPERATIONS_MAX = 64,
};

enum link_state {
    LINK_IDLE = 0, /* nothing to connect for */
    LINK_WAITING,  /* until retry_us */
    LINK_DIALLING,
    LINK_GREETING,       /* the WebSocket is up: Hello comes */
    LINK_AUTHENTICATING, /* Welcome comes */
    LINK_READY,
    LINK_CLOSING, /* given up by us: engine_disconnected() comes */
    LINK_REFUSED, /* the relay said not to come back */
};

struct link {
    enum link_state state;
    uint64_t retry_us;
    uint64_t deadline_us; /* for dialling, greeting, authenticating */
    uint32_t failures;
    uint64_t ready_us;       /* since when it is READY */
    uint32_t short_lived;    /* connections in a row that did not stay READY for long */
    uint64_t go_away_us;     /* the relay asked not to come back before */
    enum wire_code farewell; /* why the relay ends the connection; NONE: it did not say */
    uint32_t
        retry_after_ms; /* whoever answered in the relay's place asked for such a pause; 0: nobody */
    char fault_text[ENGINE_FAULT_TEXT_MAX];
    const char *fault; /* why we do, or did not let it come about; NULL: nothing of that kind */
    char origin[WIRE_ORIGIN_MAX + 1];
    struct wire_id relay_id;
    struct wire_key nonce;
    struct wire_id store_epoch;
};

struct member {
    struct list_node node;
    struct wire_peer_id peer_id;
    enum presence presence;
};

enum syncshell_state {
    SYNCSHELL_CREATING = 1, /* CreateSyncshell is not answered yet */
    SYNCSHELL_JOINING,      /* never joined so far */
    SYNCSHELL_MEMBER,
    SYNCSHELL_LEAVING,
};

/* See client/group_key.h. */
struct group_key {
    struct list_node node; /* in syncshell->old_keys */
    uint64_t epoch;        /* counts the syncshell's keys from 1 */
    struct wire_key secret;
    struct engine_group *group;
};

/* See client/owner.h. */
struct owner_operation {
    struct list_node node; /* in syncshell->operations, oldest first */
    enum message_type type;
    struct wire_peer_id peer_id; /* whom it is about; "" */
    uint64_t sequence;           /* its ownerSequence once it was sent; 0 */
    uint64_t ticket;
};

/* See client/handover.h. */
enum code_request_state {
    CODE_REQUEST_NONE = 0,
    CODE_REQUEST_MANUAL,  /* MANUAL_RECOVERY waits for it */
    CODE_REQUEST_COMMAND, /* the application asked */
};

struct code_request {
    enum code_request_state state;
    struct recovery_code code; /* "": not made yet */
    bool renewed;              /* the first one's time was over before the relay's answer came */
    struct cause_text cause;   /* MANUAL */
    uint64_t ticket;           /* COMMAND */
};

struct redemption {
    bool waits;
    struct recovery_code code;
    uint64_t ticket;
};

struct syncshell {
    struct map_node node; /* in engine->syncshells by id */
    struct engine *engine;
    enum syncshell_state state;
    struct wire_id id;
    struct wire_peer_id owner;
    struct group_key *key;      /* in force */
    struct group_key *next_key; /* to be; NULL */
    bool next_key_invited;      /* it came by an invite; otherwise it is the owner's own */
    bool next_key_tried;        /* it is what the next join proves */
    struct list old_keys;       /* oldest first */
    size_t n_old_keys;
    struct list operations;
    size_t n_operations;
    uint64_t owner_sequence; /* the relay's, as far as we know */
    struct redemption redemption;
    uint64_t ticket; /* of the command under way; 0 */
    struct wire_id
        store_epoch; /* which the cursor and the sessions' versions belong to; "" before the first join */
    uint64_t inbox_cursor; /* everything up to here is taken over */
    uint64_t inbox_acked;  /* on this connection */
    bool joined;
    bool told_behind;
    /* over this connection: the relay has an older key than we have */ /* on this connection */
    uint64_t pause_us;                                                  /* after a refusal */
    uint32_t in_flight; /* bits of enum request_kind */
    struct list members;
    size_t n_members;
};

enum session_phase {
    SESSION_OPENING = 1, /* SessionOpen is not answered yet */
    SESSION_OPENED,
    SESSION_RESTORING, /* known to the relay only: its log is being read */
    SESSION_CLOSING,   /* SessionClose is not answered yet */
};

/* A file that the joiner reported. Order in the lists is the order of seq. */
struct held_file {
    struct map_node node;  /* in session->files by path */
    struct list_node list; /* in session->stored or session->fresh */
    struct body_file file;
    uint64_t seq;
    bool restored; /* from the relay's log, not from the application */
};

enum attempt_stage {
    ATTEMPT_NONE = 0,
    ATTEMPT_NEEDED,   /* the application was asked for an offer */
    ATTEMPT_OFFERED,  /* ours is sent */
    ATTEMPT_INCOMING, /* theirs was given to the application */
    ATTEMPT_ANSWERED, /* either side's answer passed */
    ATTEMPT_UP,       /* the link of this generation is up */
};

struct attempt {
    enum attempt_stage stage;
    uint64_t generation;
    bool ours;        /* who offers */
    bool interrupted; /* this side was without a relay meanwhile: signals may be lost */
    uint64_t started_us;
    uint64_t deadline_us;
};

/* A ConnectionReport on its way to the relay. */
struct report {
    bool waits;
    struct wire_id message_id;
    uint64_t generation;
    uint32_t attempt;
    struct cause_text cause; /* "": connected */
    uint32_t elapsed_ms;
    bool has_lost_ms;
    uint32_t lost_ms;
    uint64_t kept_bytes; /* 0: nothing */
    char ice_server[WIRE_ICE_URL_MAX + 1];
};

/* The ICE servers of an attempt: see ice.h. */
struct session_ice {
    uint64_t generation; /* of the attempt that this is about; 0: none */
    bool asking;         /* a request is to be made, or to be answered */
    bool holding;        /* `events` wait for the answer */
    struct list events;
    struct message_ice_server *servers; /* owned: the last answer's */
    size_t n_servers;
    uint64_t expires_us; /* theirs */
    uint64_t refresh_us; /* when to ask again */
    bool announced;      /* the other side is about to offer: ask before it does */
    /* Until then the attempt that was announced takes what is there; 0: nothing was asked ahead. */
    uint64_t ahead_until_us;
};

/* The joiner's progress on its way to the relay's log. */
struct progress {
    struct wire_id message_id; /* "" when nothing is in flight or to be repeated */
    bool checkpoint;
    bool outdated; /* a file in it was dropped since: another checkpoint follows */
    uint64_t base_version;
    uint64_t seq_to;
    struct frame *frame; /* exactly what was sent: repeated as it was */
};

struct ticket_mark {
    struct list_node node;
    uint64_t seq;
    uint64_t ticket;
};

/* A RecoveryRequest or RecoveryResponse on its way to the other side's inbox. */
struct outgoing {
    struct list_node node;
    struct wire_id message_id;
    struct frame *frame;
    bool in_flight;
};

struct session {
    struct map_node node; /* in engine->sessions by id */
    struct syncshell *syncshell;
    enum session_phase phase;
    struct wire_id id;
    struct wire_peer_id other;
    bool joiner; /* our role */
    char *label; /* owned; may be NULL */
    uint64_t ticket;
    enum session_outcome outcome; /* CLOSING */
    uint64_t version;    /* of the relay's log as far as we know; 0 before the first answer */
    uint64_t generation; /* highest seen */
    uint64_t pause_us;
    uint32_t in_flight; /* bits of enum request_kind */
    bool announced;     /* on this connection */
    bool unlisted;      /* the relay has not told us on this connection how it stands */

    /* joiner */
    struct map files;
    struct list stored; /* held_file: in the relay's log */
    struct list fresh;  /* held_file: not yet, or to be sent again */
    uint64_t next_seq;
    uint64_t stored_seq;  /* files up to here are in the relay's log */
    uint64_t stored_done; /* complete files among them */
    bool checkpoint_needed;
    bool conflicted;  /* the last entry met a version that it did not expect */
    uint32_t entries; /* in the log since its last checkpoint */
    struct progress progress;
    struct list tickets; /* ticket_mark: reports not yet stored */
    uint64_t restore_after;
    uint64_t full_seq; /* next_seq when the relay's log was full; 0: never */

    /* recovery */
    bool episode;        /* the link is to be brought back */
    uint64_t lost_us;    /* when it was lost; 0: it never was up in this process */
    bool request_needed; /* the episode's RecoveryRequest is to be made */
    bool manual_told;
    struct code_request code;
    uint32_t n_attempts;
    uint32_t n_failures; /* in this episode */
    uint32_t n_retries;  /* failures since the schedule began */
    uint64_t retry_us;   /* joiner: the next attempt; TIME_NEVER_US: on occasion only */
    struct attempt attempt;
    struct session_ice ice;
    struct report report;
    struct cause_text
        cause; /* why it is not whole, as the relay judged; "": it is, or nothing was reported */
    struct wire_id
        request_id;       /* joiner: of the last request; provider: of the one being gathered */
    uint64_t request_seq; /* joiner: files up to here are in it */
    uint64_t request_ticket;
    bool
        request_spent; /* joiner: an attempt was answered since: the provider may have forgotten the request */
    struct list outgoing;

    /* provider */
    bool has_manifest;
    struct body_file_list manifest;
    uint32_t request_parts;
    uint32_t request_gathered;
    struct body_file_list request_files;
    bool request_ready; /* complete and not yet computed */
    bool request_told;
    uint64_t request_receipt; /* of the event that told it; 0: taken */
    bool request_answered;    /* the relay has the answer */
};

enum request_kind {
    REQUEST_AUTHENTICATE = 0,
    REQUEST_CREATE,
    REQUEST_JOIN,
    REQUEST_LEAVE,
    REQUEST_ACK,
    REQUEST_OWNER,
    REQUEST_CODE,
    REQUEST_REDEEM,
    REQUEST_OPEN,
    REQUEST_PROGRESS,
    REQUEST_SNAPSHOT,
    REQUEST_CLOSE,
    REQUEST_REPORT,
    REQUEST_ICE,
    REQUEST_DURABLE, /* RecoveryRequest, RecoveryResponse */
    REQUEST_SIGNAL,  /* offer, answer, candidate: answered only when something is wrong */
};

struct engine {
    struct engine_config config;
    char *access_key;
    struct engine_crypto crypto;
    bool started;
    bool stopped;
    uint64_t now_us;
    char relay_url[INVITE_URL_MAX + 1];
    struct wire_key certificate_pin; /* "": none */
    struct wire_key relay_key;       /* of the last connection; "" without TLS */
    bool pin_next_key;               /* the next connection's key becomes the pin */
    struct link link;
    struct map syncshells;
    struct map sessions;
    struct map requests;
    struct effects effects;
    struct syncshell_event *last_word; /* STOPPED, made beforehand: it must not need memory */
    struct list untold;                /* events that the journal holds; until the start */
    uint64_t last_receipt;             /* numbers of events that are told until taken */
    uint64_t frames_sent;
    uint64_t frames_received;
    const char *refused; /* the id of the request whose refusal is being told; NULL: none is */
};

/* Every entry of the public interface: takes the time, and at the end pumps and seals. */
void engine_enter(struct engine *e, uint64_t now_us);
void engine_settle(struct engine *e);

/* Something that cannot be carried on from: memory, journal. Everything stays as the journal has it. */
void engine_fail(struct engine *e, const char *code, const char *text);

/* Forwards 0; -ENOMEM (any negative) stops the engine. For the many places that can only fail for want of memory. */
void engine_check(struct engine *e, int result);

/* `prefix` and n random bytes as hex into a wire id. */
int engine_random_id(struct engine *e, size_t n_bytes, struct wire_id *ret_id);

/* 0..n-1, for jitter. */
uint64_t engine_random_below(struct engine *e, uint64_t n);

/* delay with 0.75 to 1.25 jitter. */
uint64_t engine_jitter_ms(struct engine *e, uint64_t delay_ms);

struct syncshell *engine_find_syncshell(const struct engine *e, const char *id);
struct session *engine_find_session(const struct engine *e, const char *id);

#endif
