/* One struct per message of the wire, decoded strictly and encoded canonically.
 *
 * A frame is a header (one JSON object, no raw line feed in it) and, in binary frames, a line feed and a body that this
 * module never looks into. schema/wire holds the JSON Schema of every type; the two describe the same set of frames, and
 * a test holds them together through the examples. Unknown header fields are accepted and ignored: a relay forwards the
 * sender's bytes, so they survive. Fields of optional meaning say so; an absent optional string is "" here, an absent
 * optional integer is flagged by its has_ member.
 *
 * Strings are copied into fixed arrays; bodies are borrowed from the frame. Only the arrays of SyncshellJoined,
 * SessionSnapshot and IceServers are on the heap: message_deinit() frees them. Pure; any thread. */
#ifndef SHARED_WIRE_MESSAGE_H
#define SHARED_WIRE_MESSAGE_H

#include "base/buf.h"
#include "wire/cause.h"
#include "wire/code.h"
#include "wire/id.h"
#include "wire/limits.h"
#include "wire/recovery_code.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(enumerator, type on the wire, C member, body: NONE never | MAY | MUST, direction: TO_RELAY | TO_CLIENT | ROUTED) */
#define MESSAGE_TABLE(X)                                                                  \
    X(HELLO, "Hello", hello, NONE, TO_CLIENT)                                             \
    X(AUTHENTICATE, "Authenticate", authenticate, NONE, TO_RELAY)                         \
    X(WELCOME, "Welcome", welcome, NONE, TO_CLIENT)                                       \
    X(CREATE_SYNCSHELL, "CreateSyncshell", create_syncshell, NONE, TO_RELAY)              \
    X(JOIN_SYNCSHELL, "JoinSyncshell", join_syncshell, NONE, TO_RELAY)                    \
    X(SYNCSHELL_JOINED, "SyncshellJoined", syncshell_joined, NONE, TO_CLIENT)             \
    X(LEAVE_SYNCSHELL, "LeaveSyncshell", leave_syncshell, NONE, TO_RELAY)                 \
    X(MEMBERSHIP_ENDED, "MembershipEnded", membership_ended, NONE, TO_CLIENT)             \
    X(PEER_PRESENCE, "PeerPresence", peer_presence, NONE, TO_CLIENT)                      \
    X(REMOVE_MEMBER, "RemoveMember", owner_peer, NONE, TO_RELAY)                          \
    X(ROTATE_GROUP_KEY, "RotateGroupKey", owner_key, NONE, TO_RELAY)                      \
    X(TRANSFER_OWNERSHIP, "TransferOwnership", owner_peer, NONE, TO_RELAY)                \
    X(DELETE_SYNCSHELL, "DeleteSyncshell", owner_alone, NONE, TO_RELAY)                   \
    X(OWNER_CHANGED, "OwnerChanged", owner_changed, NONE, TO_CLIENT)                      \
    X(RECONNECT_OFFER, "ReconnectOffer", routed, MUST, ROUTED)                            \
    X(RECONNECT_ANSWER, "ReconnectAnswer", routed, MUST, ROUTED)                          \
    X(ICE_CANDIDATE, "IceCandidate", routed, MUST, ROUTED)                                \
    X(RECOVERY_REQUEST, "RecoveryRequest", routed, MUST, ROUTED)                          \
    X(RECOVERY_RESPONSE, "RecoveryResponse", routed, MUST, ROUTED)                        \
    X(HELD, "Held", held, NONE, TO_CLIENT)                                                \
    X(UNDELIVERABLE, "Undeliverable", undeliverable, NONE, TO_CLIENT)                     \
    X(INBOX_DELIVERY, "InboxDelivery", inbox_delivery, MUST, TO_CLIENT)                   \
    X(ACK_INBOX, "AckInbox", ack_inbox, NONE, TO_RELAY)                                   \
    X(SESSION_OPEN, "SessionOpen", session_open, MAY, TO_RELAY)                           \
    X(SESSION_PROGRESS, "SessionProgress", session_entry, MUST, TO_RELAY)                 \
    X(SESSION_CHECKPOINT, "SessionCheckpoint", session_entry, MUST, TO_RELAY)             \
    X(SESSION_SNAPSHOT_REQUEST, "SessionSnapshotRequest", session_snapshot_request, NONE, \
      TO_RELAY)                                                                           \
    X(SESSION_SNAPSHOT, "SessionSnapshot", session_snapshot, MAY, TO_CLIENT)              \
    X(SESSION_CLOSE, "SessionClose", session_close, NONE, TO_RELAY)                       \
    X(SESSION_CHANGED, "SessionChanged", session_changed, NONE, TO_CLIENT)                \
    X(ISSUE_RECOVERY_CODE, "IssueRecoveryCode", issue_recovery_code, NONE, TO_RELAY)      \
    X(REDEEM_RECOVERY_CODE, "RedeemRecoveryCode", redeem_recovery_code, NONE, TO_RELAY)   \
    X(CONNECTION_REPORT, "ConnectionReport", connection_report, NONE, TO_RELAY)           \
    X(ICE_SERVERS_REQUEST, "IceServersRequest", ice_servers_request, NONE, TO_RELAY)      \
    X(ICE_SERVERS, "IceServers", ice_servers, NONE, TO_CLIENT)                            \
    X(STORED, "Stored", stored, NONE, TO_CLIENT)                                          \
    X(ERROR, "Error", error, NONE, TO_CLIENT)                                             \
    X(GO_AWAY, "GoAway", go_away, NONE, TO_CLIENT)

enum message_type {
    MESSAGE_NONE = 0,
#define X(id, name, member, body, direction) MESSAGE_##id,
    MESSAGE_TABLE(X)
#undef X
        MESSAGE_COUNT,
};

enum body_format {
    BODY_FORMAT_NONE = 0, /* no body */
    BODY_FORMAT_SEALED,   /* "sealed": 12 bytes nonce, ciphertext, 16 bytes tag */
    BODY_FORMAT_JSON,     /* "json": clear; for debugging and other people's clients */
};

enum presence {
    PRESENCE_ONLINE = 1, /* "online" */
    PRESENCE_AWAY,       /* "away": member without a joined connection */
    PRESENCE_LEFT,       /* "left": no longer a member */
};

enum session_state {
    SESSION_STATE_OPEN = 1, /* "open" */
    SESSION_STATE_CLOSED,   /* "closed": tombstone */
};

enum session_outcome {
    SESSION_OUTCOME_NONE = 0,  /* still open */
    SESSION_OUTCOME_COMPLETED, /* "completed" */
    SESSION_OUTCOME_FAILED,    /* "failed" */
    SESSION_OUTCOME_CANCELLED, /* "cancelled" */
};

enum report_result {
    REPORT_RESULT_CONNECTED = 1, /* "connected" */
    REPORT_RESULT_FAILED,        /* "failed" */
};

/* relay -> client, first frame of a connection. */
struct message_hello {
    uint32_t protocol_version;
    struct wire_id relay_id; /* stable for one store; part of what is signed */
    struct wire_key nonce;   /* fresh random bytes for this connection */
    uint64_t server_time_ms; /* Unix time */
    uint32_t heartbeat_ms;   /* the relay pings this often and closes after two unanswered */
    struct {
        uint32_t request_header_bytes;
        uint32_t signal_body_bytes;
        uint32_t body_bytes;
        uint32_t offer_ttl_ms; /* how long an offer, answer or candidate is held */
    } limits;
};

/* client -> relay. The signature covers challenge_authenticate(). */
struct message_authenticate {
    struct wire_id message_id;
    uint32_t protocol_version;
    struct wire_peer_id peer_id;
    char origin[WIRE_ORIGIN_MAX +
                1]; /* what the client dialled: scheme://host[:port], lower case, no path */
    struct wire_signature signature;
    char access_key[WIRE_ACCESS_KEY_MAX + 1]; /* optional */
};

struct message_welcome {
    struct wire_id in_reply_to;
    struct wire_peer_id peer_id;
    uint64_t server_time_ms;
    /* changes when a backup was restored: cursors and versions from before mean nothing */
    struct wire_id store_epoch;
    bool may_create;
};

/* client -> relay; answered Stored. Idempotent for the same owner and key. The proof (group key's signature over
 * challenge_create()) shows that the creator holds the private half. */
struct message_create_syncshell {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_key group_public_key;
    struct wire_signature proof;
    /* Optional, 1 when absent: where a relay that lost its store goes on counting. */
    bool has_key_epoch;
    uint64_t key_epoch;
};

/* client -> relay; answered SyncshellJoined. The proof is the group key's signature over challenge_join(). A first
 * join makes the peer a member. store_epoch and inbox_cursor are absent when the client has never joined before. */
struct message_join_syncshell {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    uint64_t key_epoch; /* counts rotations of the group key from 1 */
    struct wire_signature proof;
    bool has_inbox_cursor;
    uint64_t inbox_cursor; /* the highest inboxSeq that the client has taken over durably */
    /* of the store which that cursor is from; present exactly when the cursor is */
    struct wire_id store_epoch;
};

struct message_member {
    struct wire_peer_id peer_id;
    enum presence presence; /* online or away */
};

struct message_session_summary {
    struct wire_id recovery_session_id;
    struct wire_peer_id joiner_peer_id;
    struct wire_peer_id provider_peer_id;
    uint64_t generation; /* highest the relay has seen; 0 before the first offer */
    uint64_t version;    /* of the progress log */
    enum session_state state;
    enum session_outcome outcome;
    /* Why it is not whole: of the last attempt, if that failed, or of the session's end. Optional: "" for none */
    struct cause_text cause;
};

/* relay -> client. sessions are those in which the peer takes part, tombstones included. */
struct message_syncshell_joined {
    struct wire_id in_reply_to;
    struct wire_id syncshell_id;
    struct wire_id store_epoch;
    struct wire_peer_id owner_peer_id;
    uint64_t key_epoch;
    /* how many owner's operations the relay has carried out; absent: it knows none */
    bool has_owner_sequence;
    uint64_t owner_sequence;
    uint64_t inbox_head; /* highest inboxSeq stored for this peer */
    bool recovered;      /* the cursor was understood: nothing between it and now is missing */
    struct message_member *members; /* owned */
    size_t n_members;
    struct message_session_summary *sessions; /* owned */
    size_t n_sessions;
};

/* client -> relay; answered Stored. Ends the membership: sessions close, the inbox is emptied. */
struct message_leave_syncshell {
    struct wire_id message_id;
    struct wire_id syncshell_id;
};

/* relay -> client: this connection is in that syncshell no more. */
struct message_membership_ended {
    struct wire_id syncshell_id;
    enum wire_code
        code; /* member_removed, wrong_key_epoch, syncshell_deleted, syncshell_expired; as in Error */
};

/* client -> relay; answered Stored. What only the owner may do: RemoveMember, RotateGroupKey, TransferOwnership,
 * DeleteSyncshell. Each is signed by the owner's identity key over its challenge (wire/challenge.h). */
struct message_owner_operation {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    uint64_t owner_sequence; /* the relay's plus one: operations are applied once, and in order */
    struct wire_peer_id peer_id;      /* RemoveMember, TransferOwnership */
    uint64_t key_epoch;               /* RotateGroupKey: the new one, the old plus one */
    struct wire_key group_public_key; /* RotateGroupKey: the new one */
    struct wire_signature signature;
};

/* relay -> client: the ownership was handed over. */
struct message_owner_changed {
    struct wire_id syncshell_id;
    struct wire_peer_id owner_peer_id;
    uint64_t owner_sequence;
};

struct message_peer_presence {
    struct wire_id syncshell_id;
    struct wire_peer_id peer_id;
    enum presence presence;
};

/* The header that all messages between members share. Offers, answers and candidates are ephemeral: forwarded, or held
 * (Held, later perhaps Undeliverable). RecoveryRequest and RecoveryResponse are durable: answered Stored{inboxSeq}. */
struct message_routed {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_peer_id source_peer_id;
    struct wire_peer_id target_peer_id;
    struct wire_id recovery_session_id;
    uint64_t generation; /* >= 1 */
    enum body_format body_format;
};

struct message_held {
    struct wire_id in_reply_to;
    uint32_t held_for_ms;
};

struct message_undeliverable {
    struct wire_id in_reply_to;
    /* expired, superseded, target_left, session_closed; as in Error, NONE for one of a later version */
    enum wire_code code;
};

/* relay -> client. The body is the sender's whole frame, unchanged. Sent again after a reconnect until acknowledged. */
struct message_inbox_delivery {
    struct wire_id syncshell_id;
    uint64_t inbox_seq;
};

/* client -> relay; answered Stored. Cumulative: everything up to inbox_seq is taken over. */
struct message_ack_inbox {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    uint64_t inbox_seq;
};

/* client -> relay; answered Stored{version: 1}. Idempotent for the same id and roles. The sender is one of the two. */
struct message_session_open {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    struct wire_peer_id joiner_peer_id;
    struct wire_peer_id provider_peer_id;
    enum body_format body_format; /* NONE without a body */
};

/* SessionProgress appends a log entry, SessionCheckpoint replaces the log by one entry; both answered
 * Stored{version: base_version + 1}, or the version it got when message_id is known, or version_conflict. Only the joiner
 * writes the log. */
struct message_session_entry {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    uint64_t base_version; /* >= 1 */
    enum body_format body_format;
};

struct message_session_snapshot_request {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    uint64_t after_version; /* entries above this; 0 for all */
};

struct message_snapshot_entry {
    uint64_t version;
    enum message_type type; /* SESSION_OPEN, SESSION_PROGRESS or SESSION_CHECKPOINT */
    struct wire_peer_id source_peer_id;
    enum body_format body_format;
    uint32_t size_bytes; /* this entry's share of the body, in order */
};

/* relay -> client. A page of the log; its body is the entries' bodies one after another. */
struct message_session_snapshot {
    struct wire_id in_reply_to;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    uint64_t version;                       /* of the whole log */
    bool complete;                          /* false: ask again after the last entry's version */
    struct message_snapshot_entry *entries; /* owned */
    size_t n_entries;
};

/* client -> relay; answered Stored. Idempotent. */
struct message_session_close {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    enum session_outcome outcome;
    struct cause_text cause; /* optional; "" leaves the one that the session has */
};

/* client -> relay; answered Stored. By the joiner of an open session: who shows the relay the code behind that hash becomes its
 * joiner. Idempotent; ends the codes that the session had before. */
struct message_issue_recovery_code {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    struct wire_sha256 code_sha256; /* of recovery_code_hashed() */
};

/* client -> relay; answered Stored. */
struct message_redeem_recovery_code {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct recovery_code code;
};

/* client -> relay; answered Stored. What became of an attempt. The first failure of a generation that the relay hears is the
 * session's cause: both sides hear it by SessionChanged. */
struct message_connection_report {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    uint64_t generation; /* 0: no offer was ever made */
    uint32_t attempt;    /* within one recovery, from 1 */
    enum report_result result;
    struct cause_text cause;               /* exactly when it failed */
    uint32_t elapsed_ms;                   /* since the attempt began */
    char ice_server[WIRE_ICE_URL_MAX + 1]; /* optional: the URL of the one in use, or that failed */
    /* Beside connected alone, for the operator's figures. */
    bool has_lost_ms;
    uint32_t lost_ms; /* since this side lost the link before */
    bool has_kept_bytes;
    uint64_t kept_bytes; /* joiner: what it had, and need not be sent again */
};

/* client -> relay; answered IceServers. Asked by a session's participant for each attempt, and before they expire. */
struct message_ice_servers_request {
    struct wire_id message_id;
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    uint32_t attempt; /* within one recovery, from 1: the order of the servers depends on it */
};

struct message_ice_server {
    char url[WIRE_ICE_URL_MAX + 1];
    char username[WIRE_ICE_TEXT_MAX + 1]; /* optional, and the credential */
    char credential[WIRE_ICE_TEXT_MAX + 1];
};

/* relay -> client. In the order in which to prefer them; none where the operator has configured none. */
struct message_ice_servers {
    struct wire_id in_reply_to;
    bool has_ttl_ms;
    uint32_t ttl_ms;                    /* until the first credential expires; absent: none does */
    struct message_ice_server *servers; /* owned */
    size_t n_servers;
};

/* relay -> client: a session was opened or closed, or its cause has changed. */
struct message_session_changed {
    struct wire_id syncshell_id;
    struct message_session_summary session;
    bool has_failed_generation;
    uint64_t failed_generation; /* the other side has just said that this attempt failed */
};

/* relay -> client: the request's transaction is on disk. */
struct message_stored {
    struct wire_id in_reply_to;
    struct wire_id recovery_session_id; /* optional; of RedeemRecoveryCode: which one it is */
    bool has_valid_for_ms;
    uint32_t valid_for_ms; /* of IssueRecoveryCode: how long the code can be redeemed */
    bool has_version;
    uint64_t version;
    bool has_inbox_seq;
    uint64_t inbox_seq;
    bool duplicate; /* it was there already: this changed nothing */
};

struct message_error {
    struct wire_id in_reply_to; /* optional: "" when the request had no readable messageId */
    enum wire_code code;        /* decoded, NONE is a code of a later version: act on `retryable` */
    char text[WIRE_TEXT_MAX +
              1]; /* field `message`: may name the field; never echoes what the peer sent */
    bool retryable;
    bool has_retry_after;
    uint32_t retry_after_ms;
    /* with version_conflict: the session's version; with stale_owner_sequence: the syncshell's ownerSequence */
    bool has_version;
    uint64_t version;
    /* with stale_generation, glare_lost, generation_jump: the session's generation */
    bool has_generation;
    uint64_t generation;
};

struct message_go_away {
    uint32_t reconnect_after_ms;
    char text[WIRE_TEXT_MAX + 1]; /* field `reason` */
};

struct message {
    enum message_type type;
    const uint8_t *body; /* borrowed from the frame; NULL without a body (an empty body is none) */
    size_t body_size;
    union {
        struct message_hello hello;
        struct message_authenticate authenticate;
        struct message_welcome welcome;
        struct message_create_syncshell create_syncshell;
        struct message_join_syncshell join_syncshell;
        struct message_syncshell_joined syncshell_joined;
        struct message_leave_syncshell leave_syncshell;
        struct message_membership_ended membership_ended;
        struct message_peer_presence peer_presence;
        struct message_owner_operation
            owner_operation; /* owner_peer, owner_key and owner_alone in the table */
        struct message_owner_changed owner_changed;
        struct message_routed routed;
        struct message_held held;
        struct message_undeliverable undeliverable;
        struct message_inbox_delivery inbox_delivery;
        struct message_ack_inbox ack_inbox;
        struct message_session_open session_open;
        struct message_session_entry session_entry;
        struct message_session_snapshot_request session_snapshot_request;
        struct message_session_snapshot session_snapshot;
        struct message_session_close session_close;
        struct message_session_changed session_changed;
        struct message_issue_recovery_code issue_recovery_code;
        struct message_redeem_recovery_code redeem_recovery_code;
        struct message_connection_report connection_report;
        struct message_ice_servers_request ice_servers_request;
        struct message_ice_servers ice_servers;
        struct message_stored stored;
        struct message_error error;
        struct message_go_away go_away;
    };
};

/* Limits on what is decoded, by direction. */
struct message_limits {
    uint32_t header_bytes;
    uint32_t signal_body_bytes;
    uint32_t body_bytes;
};

extern const struct message_limits message_limits_to_relay; /* the wire's maxima */
extern const struct message_limits
    message_limits_to_client; /* bodies larger by a header: InboxDelivery wraps a frame */

/* Why a frame was refused, and as much of its identity as could be read. */
struct message_refusal {
    enum wire_code code;
    struct wire_id message_id;      /* "" when unreadable */
    char detail[WIRE_TEXT_MAX + 1]; /* names the field or the limit, never a value */
};

enum {
    MESSAGE_E_REFUSED = 1, /* the frame is at fault: see the refusal */
};

/* Decodes one complete frame. `ret_message` borrows the body from `frame`; message_deinit() it. Refuses types that do
 * not travel in this direction (to_relay: TO_RELAY and ROUTED; otherwise TO_CLIENT and ROUTED).
 * 0, MESSAGE_E_REFUSED (ret_refusal is filled) or -ENOMEM. */
int message_decode(struct message *ret_message, struct message_refusal *ret_refusal, bool to_relay,
                   bool binary, const uint8_t *frame, size_t frame_size,
                   const struct message_limits *limits);

/* Appends the frame to `out`; the frame is binary exactly when the message has a body. Asserts that the message is one
 * that message_decode() would accept. 0, BUF_E_FULL or -ENOMEM. */
int message_encode(const struct message *m, struct buf *out);

bool message_has_body(const struct message *m);
void message_deinit(struct message *m);

const char *message_type_name(enum message_type type);
enum message_type message_type_from_name(const char *name,
                                         size_t length); /* MESSAGE_NONE when unknown */
const char *presence_name(enum presence p);
const char *report_result_name(enum report_result r);
const char *session_outcome_name(enum session_outcome o);
enum session_outcome session_outcome_from_name(const char *name); /* NONE when unknown */

#endif
