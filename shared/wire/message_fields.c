#include "wire/message_fields.h"

#include <string.h>

#include "base/str.h"

/* (ws|wss)://host[:port], lower case; which of its origins a relay has, the relay knows. */
static bool origin_valid(const char *text, size_t length)
{
    static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]";
    size_t scheme = 0;

    if (strncmp(text, "ws://", 5) == 0)
        scheme = 5;
    else if (strncmp(text, "wss://", 6) == 0)
        scheme = 6;
    return scheme > 0 && length > scheme && strspn(text + scheme, alphabet) == length - scheme;
}

static bool access_key_valid(const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (text[i] < '!' || text[i] > '~')
            return false;
    }
    return length > 0;
}

static const char *const body_format_names[] = {
    [BODY_FORMAT_SEALED] = "sealed",
    [BODY_FORMAT_JSON] = "json",
};
static const char *const presence_names[] = {
    [PRESENCE_ONLINE] = "online",
    [PRESENCE_AWAY] = "away",
    [PRESENCE_LEFT] = "left",
};
static const char *const session_state_names[] = {
    [SESSION_STATE_OPEN] = "open",
    [SESSION_STATE_CLOSED] = "closed",
};
static const char *const session_outcome_names[] = {
    [SESSION_OUTCOME_COMPLETED] = "completed",
    [SESSION_OUTCOME_FAILED] = "failed",
    [SESSION_OUTCOME_CANCELLED] = "cancelled",
};
static const char *const report_result_names[] = {
    [REPORT_RESULT_CONNECTED] = "connected",
    [REPORT_RESULT_FAILED] = "failed",
};
static const char *const entry_type_names[MESSAGE_COUNT] = {
    [MESSAGE_SESSION_OPEN] = "SessionOpen",
    [MESSAGE_SESSION_PROGRESS] = "SessionProgress",
    [MESSAGE_SESSION_CHECKPOINT] = "SessionCheckpoint",
};

#define ID(T, member, name)        FIELD_STRING_AT(T, member, name, wire_id_valid)
#define PEER_ID(T, member, name)   FIELD_STRING_AT(T, member, name, wire_peer_id_valid)
#define KEY(T, member, name)       FIELD_STRING_AT(T, member, name, wire_key_valid)
#define SIGNATURE(T, member, name) FIELD_STRING_AT(T, member, name, wire_signature_valid)
#define TEXT(T, member, name)      FIELD_STRING_AT(T, member, name, str_utf8_valid)
#define U32                        FIELD_U32_AT
#define U64                        FIELD_U64_AT
#define BOOL                       FIELD_BOOL_AT
#define PRESENCE(T, member, name, highest) \
    FIELD_ENUM_AT(T, member, name, enum presence, presence_names, highest)
#define OUTCOME(T, member, name)                                                \
    FIELD_ENUM_AT(T, member, name, enum session_outcome, session_outcome_names, \
                  SESSION_OUTCOME_CANCELLED)
#define CAUSE(T, member, name) \
    FIELD_STRING_AT(T, member.text, name, cause_shape_valid), FIELD_OPTIONAL
/* Optional by itself: message_broken_rule() ties it to the body. */
#define BODY_FORMAT(T, member, name)                                                       \
    FIELD_ENUM_AT(T, member, name, enum body_format, body_format_names, BODY_FORMAT_JSON), \
        FIELD_OPTIONAL

#define T struct message_hello
static const struct field hello_limits_fields[] = {
    {U32(T, limits.request_header_bytes, "requestHeaderBytes", 1)},
    {U32(T, limits.signal_body_bytes, "signalBodyBytes", 1)},
    {U32(T, limits.body_bytes, "bodyBytes", 1)},
    {U32(T, limits.offer_ttl_ms, "offerTtlMs", 0)},
};
/* The limits' struct has no name: its fields count their offsets from the whole message. */
static const struct field_group hello_limits_group = FIELD_GROUP(T, hello_limits_fields);
static const struct field hello_fields[] = {
    {U32(T, protocol_version, "protocolVersion", 1)},
    {ID(T, relay_id, "relayId")},
    {KEY(T, nonce, "nonce")},
    {U64(T, server_time_ms, "serverTimeMs", 0)},
    {U32(T, heartbeat_ms, "heartbeatMs", 1)},
    {.name = "limits", .kind = FIELD_STRUCT, .offset = 0, .group = &hello_limits_group},
};
static const struct field_group hello_group = FIELD_GROUP(T, hello_fields);
#undef T

#define T struct message_authenticate
static const struct field authenticate_fields[] = {
    {ID(T, message_id, "messageId")},
    {U32(T, protocol_version, "protocolVersion", 1)},
    {PEER_ID(T, peer_id, "peerId")},
    {FIELD_STRING_AT(T, origin, "origin", origin_valid)},
    {SIGNATURE(T, signature, "signature")},
    {FIELD_STRING_AT(T, access_key, "accessKey", access_key_valid), FIELD_OPTIONAL},
};
static const struct field_group authenticate_group = FIELD_GROUP(T, authenticate_fields);
#undef T

#define T struct message_welcome
static const struct field welcome_fields[] = {
    {ID(T, in_reply_to, "inReplyTo")},           {PEER_ID(T, peer_id, "peerId")},
    {U64(T, server_time_ms, "serverTimeMs", 0)}, {ID(T, store_epoch, "storeEpoch")},
    {BOOL(T, may_create, "mayCreate")},
};
static const struct field_group welcome_group = FIELD_GROUP(T, welcome_fields);
#undef T

#define T struct message_create_syncshell
static const struct field create_syncshell_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {KEY(T, group_public_key, "groupPublicKey")},
    {SIGNATURE(T, proof, "proof")},
    {U64(T, key_epoch, "keyEpoch", 1), FIELD_OPTIONAL_FLAG(T, has_key_epoch)},
};
static const struct field_group create_syncshell_group = FIELD_GROUP(T, create_syncshell_fields);
#undef T

#define T struct message_join_syncshell
static const struct field join_syncshell_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {U64(T, key_epoch, "keyEpoch", 1)},
    {SIGNATURE(T, proof, "proof")},
    {U64(T, inbox_cursor, "inboxCursor", 0), FIELD_OPTIONAL_FLAG(T, has_inbox_cursor)},
    {ID(T, store_epoch, "storeEpoch"), FIELD_OPTIONAL},
};
static const struct field_group join_syncshell_group = FIELD_GROUP(T, join_syncshell_fields);
#undef T

#define T struct message_member
static const struct field member_fields[] = {
    {PEER_ID(T, peer_id, "peerId")},
    {PRESENCE(T, presence, "presence", PRESENCE_AWAY)},
};
static const struct field_group member_group = FIELD_GROUP(T, member_fields);
#undef T

#define T struct message_session_summary
static const struct field session_summary_fields[] = {
    {ID(T, recovery_session_id, "recoverySessionId")},
    {PEER_ID(T, joiner_peer_id, "joinerPeerId")},
    {PEER_ID(T, provider_peer_id, "providerPeerId")},
    {U64(T, generation, "generation", 0)},
    {U64(T, version, "version", 0)},
    {FIELD_ENUM_AT(T, state, "state", enum session_state, session_state_names,
                   SESSION_STATE_CLOSED)},
    {OUTCOME(T, outcome, "outcome"), FIELD_OPTIONAL},
    {CAUSE(T, cause, "cause")},
};
static const struct field_group session_summary_group = FIELD_GROUP(T, session_summary_fields);
#undef T

#define T struct message_syncshell_joined
static const struct field syncshell_joined_fields[] = {
    {ID(T, in_reply_to, "inReplyTo")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, store_epoch, "storeEpoch")},
    {PEER_ID(T, owner_peer_id, "ownerPeerId")},
    {U64(T, key_epoch, "keyEpoch", 1)},
    {U64(T, owner_sequence, "ownerSequence", 0), FIELD_OPTIONAL_FLAG(T, has_owner_sequence)},
    {U64(T, inbox_head, "inboxHead", 0)},
    {BOOL(T, recovered, "recovered")},
    {FIELD_ARRAY_AT(T, members, n_members, "members", WIRE_MEMBERS_MAX, &member_group)},
    {FIELD_ARRAY_AT(T, sessions, n_sessions, "sessions", WIRE_SESSIONS_MAX,
                    &session_summary_group)},
};
static const struct field_group syncshell_joined_group = FIELD_GROUP(T, syncshell_joined_fields);
#undef T

#define T struct message_leave_syncshell
static const struct field leave_syncshell_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
};
static const struct field_group leave_syncshell_group = FIELD_GROUP(T, leave_syncshell_fields);
#undef T

#define T struct message_membership_ended
static const struct field membership_ended_fields[] = {
    {ID(T, syncshell_id, "syncshellId")},
    {FIELD_CODE_AT(T, code, "code")},
};
static const struct field_group membership_ended_group = FIELD_GROUP(T, membership_ended_fields);
#undef T

/* One struct, three shapes: which of its members are on the wire differs. */
#define T struct message_owner_operation
static const struct field owner_peer_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {U64(T, owner_sequence, "ownerSequence", 1)},
    {PEER_ID(T, peer_id, "peerId")},
    {SIGNATURE(T, signature, "signature")},
};
static const struct field_group owner_peer_group = FIELD_GROUP(T, owner_peer_fields);
static const struct field owner_key_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {U64(T, owner_sequence, "ownerSequence", 1)},
    {U64(T, key_epoch, "keyEpoch", 2)},
    {KEY(T, group_public_key, "groupPublicKey")},
    {SIGNATURE(T, signature, "signature")},
};
static const struct field_group owner_key_group = FIELD_GROUP(T, owner_key_fields);
static const struct field owner_alone_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {U64(T, owner_sequence, "ownerSequence", 1)},
    {SIGNATURE(T, signature, "signature")},
};
static const struct field_group owner_alone_group = FIELD_GROUP(T, owner_alone_fields);
#undef T

#define T struct message_owner_changed
static const struct field owner_changed_fields[] = {
    {ID(T, syncshell_id, "syncshellId")},
    {PEER_ID(T, owner_peer_id, "ownerPeerId")},
    {U64(T, owner_sequence, "ownerSequence", 1)},
};
static const struct field_group owner_changed_group = FIELD_GROUP(T, owner_changed_fields);
#undef T

#define T struct message_peer_presence
static const struct field peer_presence_fields[] = {
    {ID(T, syncshell_id, "syncshellId")},
    {PEER_ID(T, peer_id, "peerId")},
    {PRESENCE(T, presence, "presence", PRESENCE_LEFT)},
};
static const struct field_group peer_presence_group = FIELD_GROUP(T, peer_presence_fields);
#undef T

#define T struct message_routed
static const struct field routed_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {PEER_ID(T, source_peer_id, "sourcePeerId")},
    {PEER_ID(T, target_peer_id, "targetPeerId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {U64(T, generation, "generation", 1)},
    {BODY_FORMAT(T, body_format, "bodyFormat")},
};
static const struct field_group routed_group = FIELD_GROUP(T, routed_fields);
#undef T

#define T struct message_held
static const struct field held_fields[] = {
    {ID(T, in_reply_to, "inReplyTo")},
    {U32(T, held_for_ms, "heldForMs", 0)},
};
static const struct field_group held_group = FIELD_GROUP(T, held_fields);
#undef T

#define T struct message_undeliverable
static const struct field undeliverable_fields[] = {
    {ID(T, in_reply_to, "inReplyTo")},
    {FIELD_CODE_AT(T, code, "code")},
};
static const struct field_group undeliverable_group = FIELD_GROUP(T, undeliverable_fields);
#undef T

#define T struct message_inbox_delivery
static const struct field inbox_delivery_fields[] = {
    {ID(T, syncshell_id, "syncshellId")},
    {U64(T, inbox_seq, "inboxSeq", 1)},
};
static const struct field_group inbox_delivery_group = FIELD_GROUP(T, inbox_delivery_fields);
#undef T

#define T struct message_ack_inbox
static const struct field ack_inbox_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {U64(T, inbox_seq, "inboxSeq", 1)},
};
static const struct field_group ack_inbox_group = FIELD_GROUP(T, ack_inbox_fields);
#undef T

#define T struct message_session_open
static const struct field session_open_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {PEER_ID(T, joiner_peer_id, "joinerPeerId")},
    {PEER_ID(T, provider_peer_id, "providerPeerId")},
    {BODY_FORMAT(T, body_format, "bodyFormat")},
};
static const struct field_group session_open_group = FIELD_GROUP(T, session_open_fields);
#undef T

#define T struct message_session_entry
static const struct field session_entry_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {U64(T, base_version, "baseVersion", 1)},
    {BODY_FORMAT(T, body_format, "bodyFormat")},
};
static const struct field_group session_entry_group = FIELD_GROUP(T, session_entry_fields);
#undef T

#define T struct message_session_snapshot_request
static const struct field session_snapshot_request_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {U64(T, after_version, "afterVersion", 0)},
};
static const struct field_group session_snapshot_request_group =
    FIELD_GROUP(T, session_snapshot_request_fields);
#undef T

#define T struct message_snapshot_entry
static const struct field snapshot_entry_fields[] = {
    {U64(T, version, "version", 1)},
    {FIELD_ENUM_AT(T, type, "type", enum message_type, entry_type_names, MESSAGE_COUNT - 1)},
    {PEER_ID(T, source_peer_id, "sourcePeerId")},
    {BODY_FORMAT(T, body_format, "bodyFormat")},
    {U32(T, size_bytes, "sizeBytes", 0)},
};
static const struct field_group snapshot_entry_group = FIELD_GROUP(T, snapshot_entry_fields);
#undef T

#define T struct message_session_snapshot
static const struct field session_snapshot_fields[] = {
    {ID(T, in_reply_to, "inReplyTo")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {U64(T, version, "version", 1)},
    {BOOL(T, complete, "complete")},
    {FIELD_ARRAY_AT(T, entries, n_entries, "entries", WIRE_ENTRIES_MAX, &snapshot_entry_group)},
};
static const struct field_group session_snapshot_group = FIELD_GROUP(T, session_snapshot_fields);
#undef T

#define T struct message_session_close
static const struct field session_close_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {OUTCOME(T, outcome, "outcome")},
    {CAUSE(T, cause, "cause")},
};
static const struct field_group session_close_group = FIELD_GROUP(T, session_close_fields);
#undef T

#define T struct message_session_changed
static const struct field session_changed_fields[] = {
    {ID(T, syncshell_id, "syncshellId")},
    {FIELD_STRUCT_AT(T, session, "session", &session_summary_group)},
    {U64(T, failed_generation, "failedGeneration", 1),
     FIELD_OPTIONAL_FLAG(T, has_failed_generation)},
};
static const struct field_group session_changed_group = FIELD_GROUP(T, session_changed_fields);
#undef T

#define T struct message_issue_recovery_code
static const struct field issue_recovery_code_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {FIELD_STRING_AT(T, code_sha256, "codeSha256", wire_sha256_valid)},
};
static const struct field_group issue_recovery_code_group =
    FIELD_GROUP(T, issue_recovery_code_fields);
#undef T

#define T struct message_redeem_recovery_code
static const struct field redeem_recovery_code_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {FIELD_STRING_AT(T, code, "code", recovery_code_valid)},
};
static const struct field_group redeem_recovery_code_group =
    FIELD_GROUP(T, redeem_recovery_code_fields);
#undef T

#define T struct message_connection_report
static const struct field connection_report_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {U64(T, generation, "generation", 0)},
    {U32(T, attempt, "attempt", 1)},
    {FIELD_ENUM_AT(T, result, "result", enum report_result, report_result_names,
                   REPORT_RESULT_FAILED)},
    {CAUSE(T, cause, "cause")},
    {U32(T, elapsed_ms, "elapsedMs", 0)},
    {FIELD_STRING_AT(T, ice_server, "iceServer", wire_ice_url_valid), FIELD_OPTIONAL},
    {U32(T, lost_ms, "lostMs", 0), FIELD_OPTIONAL_FLAG(T, has_lost_ms)},
    {U64(T, kept_bytes, "keptBytes", 0), FIELD_OPTIONAL_FLAG(T, has_kept_bytes)},
};
static const struct field_group connection_report_group = FIELD_GROUP(T, connection_report_fields);
#undef T

#define T struct message_ice_servers_request
static const struct field ice_servers_request_fields[] = {
    {ID(T, message_id, "messageId")},
    {ID(T, syncshell_id, "syncshellId")},
    {ID(T, recovery_session_id, "recoverySessionId")},
    {U32(T, attempt, "attempt", 1)},
};
static const struct field_group ice_servers_request_group =
    FIELD_GROUP(T, ice_servers_request_fields);
#undef T

#define T struct message_ice_server
static const struct field ice_server_fields[] = {
    {FIELD_STRING_AT(T, url, "url", wire_ice_url_valid)},
    {FIELD_STRING_AT(T, username, "username", wire_ice_text_valid), FIELD_OPTIONAL},
    {FIELD_STRING_AT(T, credential, "credential", wire_ice_text_valid), FIELD_OPTIONAL},
};
static const struct field_group ice_server_group = FIELD_GROUP(T, ice_server_fields);
#undef T

#define T struct message_ice_servers
static const struct field ice_servers_fields[] = {
    {ID(T, in_reply_to, "inReplyTo")},
    {U32(T, ttl_ms, "ttlMs", 0), FIELD_OPTIONAL_FLAG(T, has_ttl_ms)},
    {FIELD_ARRAY_AT(T, servers, n_servers, "servers", WIRE_ICE_SERVERS_MAX, &ice_server_group)},
};
static const struct field_group ice_servers_group = FIELD_GROUP(T, ice_servers_fields);
#undef T

#define T struct message_stored
static const struct field stored_fields[] = {
    {ID(T, in_reply_to, "inReplyTo")},
    {U64(T, version, "version", 0), FIELD_OPTIONAL_FLAG(T, has_version)},
    {U64(T, inbox_seq, "inboxSeq", 0), FIELD_OPTIONAL_FLAG(T, has_inbox_seq)},
    {ID(T, recovery_session_id, "recoverySessionId"), FIELD_OPTIONAL},
    {U32(T, valid_for_ms, "validForMs", 0), FIELD_OPTIONAL_FLAG(T, has_valid_for_ms)},
    {BOOL(T, duplicate, "duplicate")},
};
static const struct field_group stored_group = FIELD_GROUP(T, stored_fields);
#undef T

#define T struct message_error
static const struct field error_fields[] = {
    {ID(T, in_reply_to, "inReplyTo"), FIELD_OPTIONAL},
    {FIELD_CODE_AT(T, code, "code")},
    {TEXT(T, text, "message")},
    {BOOL(T, retryable, "retryable")},
    {U32(T, retry_after_ms, "retryAfterMs", 0), FIELD_OPTIONAL_FLAG(T, has_retry_after)},
    {U64(T, version, "version", 0), FIELD_OPTIONAL_FLAG(T, has_version)},
    {U64(T, generation, "generation", 0), FIELD_OPTIONAL_FLAG(T, has_generation)},
};
static const struct field_group error_group = FIELD_GROUP(T, error_fields);
#undef T

#define T struct message_go_away
static const struct field go_away_fields[] = {
    {U32(T, reconnect_after_ms, "reconnectAfterMs", 0)},
    {TEXT(T, text, "reason")},
};
static const struct field_group go_away_group = FIELD_GROUP(T, go_away_fields);
#undef T

static const struct message_spec specs[MESSAGE_COUNT] = {
#define X(id, type_name, member, body_rule, type_direction) \
    [MESSAGE_##id] = {                                      \
        .name = type_name,                                  \
        .body = MESSAGE_BODY_##body_rule,                   \
        .direction = MESSAGE_DIRECTION_##type_direction,    \
        .group = &member##_group,                           \
    },
    MESSAGE_TABLE(X)
#undef X
};

const struct message_spec *message_spec(enum message_type type)
{
    if (type <= MESSAGE_NONE || type >= MESSAGE_COUNT)
        return NULL;
    return &specs[type];
}

const char *presence_name(enum presence p)
{
    return presence_names[p];
}

const char *report_result_name(enum report_result r)
{
    return report_result_names[r];
}

const char *session_outcome_name(enum session_outcome o)
{
    return o == SESSION_OUTCOME_NONE ? "none" : session_outcome_names[o];
}

enum session_outcome session_outcome_from_name(const char *name)
{
    return (enum session_outcome)field_enum_from_name(
        session_outcome_names, SESSION_OUTCOME_CANCELLED, name, strlen(name));
}
