#include "app/limit_key.h"

static const char *const keys[WIRE_CODE_COUNT] = {
    [WIRE_CODE_HANDSHAKE_TIMEOUT] = "timing.handshake_timeout_ms",
    [WIRE_CODE_SLOW_READER] = "limits.queue_bytes_max",
    [WIRE_CODE_TOO_MANY_CONNECTIONS] = "limits.connections_max",
    [WIRE_CODE_TOO_MANY_FROM_ADDRESS] = "limits.address_connections_max",
    [WIRE_CODE_TOO_MANY_HANDSHAKES] = "limits.connections_max",
    [WIRE_CODE_TOO_MANY_CONNECTS] = "rates.connects_per_minute",
    [WIRE_CODE_TOO_MANY_FAILURES] = "limits.failures_max",
    [WIRE_CODE_FLOODING] = "rates.refusals_per_minute",
    [WIRE_CODE_RELAY_BUSY] = "limits.memory_bytes_max",
    [WIRE_CODE_ADDRESS_QUOTA] = "limits.address_peers",
    [WIRE_CODE_PEER_QUOTA] = "limits.peer_bytes_max",
    [WIRE_CODE_TOO_MANY_JOINS] = "rates.joins_per_minute",
    [WIRE_CODE_TOO_MANY_SIGNALS] = "rates.signals_per_minute",
    [WIRE_CODE_TOO_MANY_WRITES] = "rates.writes_per_minute",
    [WIRE_CODE_TOO_MANY_QUERIES] = "rates.queries_per_minute",
    [WIRE_CODE_TOO_MANY_JOINED] = "limits.joined_max",
    [WIRE_CODE_TOO_MANY_SYNCSHELLS] = "limits.created_max",
    [WIRE_CODE_SYNCSHELL_FULL] = "limits.members_max",
    [WIRE_CODE_TOO_MANY_SESSIONS] = "limits.sessions_max",
    [WIRE_CODE_SESSIONS_SHARE] = "limits.sessions_max",
    [WIRE_CODE_SYNCSHELL_QUOTA] = "limits.syncshell_log_bytes_max",
    [WIRE_CODE_LOG_SHARE] = "limits.syncshell_log_bytes_max",
    [WIRE_CODE_INBOX_SHARE] = "limits.inbox_messages_max",
    [WIRE_CODE_INBOXES_FULL] = "limits.syncshell_inbox_bytes_max",
    [WIRE_CODE_INBOXES_SHARE] = "limits.syncshell_inbox_bytes_max",
    [WIRE_CODE_SESSION_FULL] = "limits.session_log_bytes_max",
    [WIRE_CODE_HELD_FULL] = "limits.attempt_bytes_max",
    [WIRE_CODE_INBOX_FULL] = "limits.inbox_messages_max",
    [WIRE_CODE_TOO_MANY_REQUESTS] = "limits.pending_requests_max",
};

const char *limit_key(enum wire_code code, enum account_kind account)
{
    if (code == WIRE_CODE_TOO_MANY_HANDSHAKES && account == ACCOUNT_ADDRESS)
        return "limits.address_connections_max";
    return keys[code] ? keys[code] : "";
}
