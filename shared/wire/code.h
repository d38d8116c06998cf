/* Every refusal the wire knows: the `code` of Error and Undeliverable and the close code that goes with it, if any.
 *
 * One table makes the enum, the names, the documentation and the schema's list (a test compares them). A code is never
 * reused with another meaning. */
#ifndef SHARED_WIRE_CODE_H
#define SHARED_WIRE_CODE_H

#include <stdbool.h>
#include <stdint.h>

/* X(enumerator, name on the wire, retryable, close code or 0, sentence for people) */
#define WIRE_CODE_TABLE(X)                                                                        \
    X(BAD_FRAME, "bad_frame", false, 4400,                                                        \
      "the frame is not a header, or a header, a line feed and a body")                           \
    X(BAD_HEADER, "bad_header", false, 4400, "the header is not one strict JSON object")          \
    X(DUPLICATE_KEY, "duplicate_key", false, 4400, "the header names a key twice")                \
    X(HEADER_TOO_LARGE, "header_too_large", false, 1009, "the header is over its limit")          \
    X(BODY_TOO_LARGE, "body_too_large", false, 1009, "the body is over its limit")                \
    X(UNKNOWN_TYPE, "unknown_type", false, 0, "this relay does not know the message type")        \
    X(BAD_FIELD, "bad_field", false, 0,                                                           \
      "a field is missing, has the wrong type or is out of range")                                \
    X(UNEXPECTED_TYPE, "unexpected_type", false, 0, "only the relay sends this message type")     \
    X(UNSUPPORTED_VERSION, "unsupported_version", false, 4402,                                    \
      "the protocol version is not supported")                                                    \
    X(NOT_AUTHENTICATED, "not_authenticated", false, 4401, "Authenticate must come first")        \
    X(ALREADY_AUTHENTICATED, "already_authenticated", false, 0,                                   \
      "this connection is authenticated already")                                                 \
    X(BAD_ORIGIN, "bad_origin", false, 4401,                                                      \
      "the signed origin is not one of this relay's addresses")                                   \
    X(BAD_SIGNATURE, "bad_signature", false, 4401,                                                \
      "the signature does not fit this connection and peer")                                      \
    X(BAD_ACCESS_KEY, "bad_access_key", false, 0, "the access key is not known")                  \
    X(ACCESS_KEY_REQUIRED, "access_key_required", false, 0,                                       \
      "creating a syncshell here takes an access key from the relay's operator")                  \
    X(ACCESS_KEY_EXPIRED, "access_key_expired", false, 0, "the access key has expired")           \
    X(ACCESS_KEY_REVOKED, "access_key_revoked", false, 0,                                         \
      "the relay's operator revoked the access key")                                              \
    X(HANDSHAKE_TIMEOUT, "handshake_timeout", true, 4003, "no valid Authenticate in time")        \
    X(REPLACED, "replaced", true, 4001, "a newer connection of the same peer took over")          \
    X(SLOW_READER, "slow_reader", true, 4002, "the connection did not read what was sent to it")  \
    X(IDLE, "idle", true, 4004, "the connection did not answer a ping")                           \
    X(SHUTTING_DOWN, "shutting_down", true, 4000, "the relay is going away")                      \
    X(TOO_MANY_CONNECTIONS, "too_many_connections", true, 0,                                      \
      "the relay's connection limit is reached")                                                  \
    X(TOO_MANY_FROM_ADDRESS, "too_many_from_address", true, 0,                                    \
      "too many connections come from this address")                                              \
    X(TOO_MANY_HANDSHAKES, "too_many_handshakes", true, 0,                                        \
      "too many connections that have not begun to speak WebSocket")                              \
    X(TOO_MANY_CONNECTS, "too_many_connects", true, 0, "this address connects too often")         \
    X(TOO_MANY_FAILURES, "too_many_failures", true, 4007,                                         \
      "too many signatures, proofs or codes from this address did not fit")                       \
    X(FLOODING, "flooding", true, 4008, "too many requests in a row had to be refused")           \
    X(RELAY_BUSY, "relay_busy", true, 4009, "the relay has no memory to spare")                   \
    X(ADDRESS_QUOTA, "address_quota", true, 4010, "this address makes the relay hold too much")   \
    X(PEER_QUOTA, "peer_quota", true, 4011, "this peer makes the relay hold too much")            \
    X(SYNCSHELL_QUOTA, "syncshell_quota", true, 0, "the syncshell has stored what it may")        \
    X(SESSIONS_SHARE, "sessions_share", true, 0,                                                  \
      "this peer has opened its share of the syncshell's sessions")                               \
    X(LOG_SHARE, "log_share", false, 0,                                                           \
      "this peer's logs have their share of the syncshell's room: send a checkpoint")             \
    X(INBOX_SHARE, "inbox_share", true, 0, "this peer has its share of the target's inbox")       \
    X(INBOXES_FULL, "inboxes_full", true, 0, "the syncshell's inboxes hold what they may")        \
    X(INBOXES_SHARE, "inboxes_share", true, 0,                                                    \
      "this peer has its share of the syncshell's inboxes")                                       \
    X(TOO_MANY_JOINS, "too_many_joins", true, 0,                                                  \
      "too many requests to authenticate, create, join or leave in a short time")                 \
    X(TOO_MANY_SIGNALS, "too_many_signals", true, 0,                                              \
      "too many offers, answers and candidates in a short time")                                  \
    X(TOO_MANY_WRITES, "too_many_writes", true, 0,                                                \
      "too many messages to be stored in a short time")                                           \
    X(TOO_MANY_QUERIES, "too_many_queries", true, 0, "too many queries in a short time")          \
    X(TOO_MANY_JOINED, "too_many_joined", false, 0,                                               \
      "this connection has joined as many syncshells as it may")                                  \
    X(TOO_MANY_SYNCSHELLS, "too_many_syncshells", false, 0,                                       \
      "this peer has created as many syncshells as it may")                                       \
    X(CREATE_REFUSED, "create_refused", false, 0, "this peer may not create syncshells here")     \
    X(SYNCSHELL_EXISTS, "syncshell_exists", false, 0,                                             \
      "another owner or key holds this syncshell id")                                             \
    X(UNKNOWN_SYNCSHELL, "unknown_syncshell", false, 0, "no such syncshell")                      \
    X(BAD_PROOF, "bad_proof", false, 0, "the proof of the group key does not fit")                \
    X(WRONG_KEY_EPOCH, "wrong_key_epoch", false, 0, "the group key was rotated")                  \
    X(NOT_JOINED, "not_joined", false, 0, "this connection has not joined the syncshell")         \
    X(SYNCSHELL_FULL, "syncshell_full", false, 0, "the syncshell has its maximum of members")     \
    X(OWNER_CANNOT_LEAVE, "owner_cannot_leave", false, 0, "the owner cannot leave its syncshell") \
    X(MEMBER_REMOVED, "member_removed", false, 0, "the owner removed this member")                \
    X(NOT_OWNER, "not_owner", false, 0, "only the owner of the syncshell may do that")            \
    X(STALE_OWNER_SEQUENCE, "stale_owner_sequence", false, 0,                                     \
      "ownerSequence is not the syncshell's next")                                                \
    X(SYNCSHELL_DELETED, "syncshell_deleted", false, 0, "the owner deleted the syncshell")        \
    X(SYNCSHELL_EXPIRED, "syncshell_expired", false, 0, "nobody used the syncshell for too long") \
    X(FORGED_SOURCE, "forged_source", false, 0, "sourcePeerId is not the authenticated peer")     \
    X(UNKNOWN_TARGET, "unknown_target", false, 0, "the target is not a member of the syncshell")  \
    X(UNKNOWN_SESSION, "unknown_session", false, 0, "no such recovery session")                   \
    X(SESSION_EXISTS, "session_exists", false, 0, "another session holds this id")                \
    X(SESSION_CLOSED, "session_closed", false, 0, "the recovery session is closed")               \
    X(SESSION_EXPIRED, "session_expired", false, 0, "the recovery session expired")               \
    X(TOO_MANY_SESSIONS, "too_many_sessions", true, 0, "the limit of open sessions is reached")   \
    X(SESSION_FULL, "session_full", false, 0,                                                     \
      "the session's log is over its limit: send a checkpoint")                                   \
    X(NOT_PARTICIPANT, "not_participant", false, 0, "the peer has no such part in this session")  \
    X(WRONG_RECOVERY_CODE, "wrong_recovery_code", false, 0, "no such recovery code")              \
    X(RECOVERY_CODE_EXPIRED, "recovery_code_expired", false, 0,                                   \
      "the recovery code has expired: make a new one")                                            \
    X(RECOVERY_CODE_USED, "recovery_code_used", false, 0, "the recovery code was used already")   \
    X(VERSION_CONFLICT, "version_conflict", false, 0, "baseVersion is not the session's version") \
    X(STALE_GENERATION, "stale_generation", false, 0,                                             \
      "the generation is not the session's live attempt")                                         \
    X(GENERATION_JUMP, "generation_jump", false, 0, "the generation runs too far ahead")          \
    X(GLARE_LOST, "glare_lost", false, 0, "the other side's offer of this generation came first") \
    X(ALREADY_ANSWERED, "already_answered", false, 0, "this generation has its answer already")   \
    X(EXPIRED, "expired", true, 0, "the target did not come back in time")                        \
    X(SUPERSEDED, "superseded", false, 0, "a newer attempt replaced it before it was delivered")  \
    X(TARGET_LEFT, "target_left", false, 0, "the target left the syncshell")                      \
    X(HELD_FULL, "held_full", true, 0, "too much is held for this attempt")                       \
    X(INBOX_FULL, "inbox_full", true, 0, "the target's inbox is full")                            \
    X(BAD_CURSOR, "bad_cursor", false, 0, "the inbox cursor runs ahead of the inbox")             \
    X(TOO_MANY_REQUESTS, "too_many_requests", true, 0,                                            \
      "too many requests are waiting for the store")                                              \
    X(STORE_FULL, "store_full", true, 0, "the relay's disk is full")                              \
    X(STORE_UNAVAILABLE, "store_unavailable", true, 0, "the relay cannot write to its store")     \
    X(INTERNAL, "internal", true, 0, "the relay failed; its log says why")

enum wire_code {
    WIRE_CODE_NONE = 0,
#define X(id, name, retryable, close_code, text) WIRE_CODE_##id,
    WIRE_CODE_TABLE(X)
#undef X
        WIRE_CODE_COUNT,
};

const char *wire_code_name(enum wire_code code); /* "none" for WIRE_CODE_NONE */
const char *wire_code_text(enum wire_code code); /* a sentence without a full stop */
bool wire_code_retryable(enum wire_code code);
uint16_t wire_code_close(enum wire_code code);        /* 0: the connection stays */
enum wire_code wire_code_from_name(const char *name); /* WIRE_CODE_NONE when unknown */

/* The first code that closes with it; WIRE_CODE_NONE if none does. */
enum wire_code wire_code_from_close(uint16_t close_code);

#endif
