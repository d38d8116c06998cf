#include "app/event_log.h"

#include <stdio.h>
#include <string.h>

#include <arpa/inet.h>

#include "app/limit_key.h"

static enum log_level level_of(const struct core_event *event)
{
    switch (event->kind) {
    case CORE_EVENT_STORE_FAILED:
        return LOG_LEVEL_ERROR;
    case CORE_EVENT_TURNED_AWAY:
        return LOG_LEVEL_WARNING;
    case CORE_EVENT_CLOSED:
    case CORE_EVENT_REFUSED:
    case CORE_EVENT_UNDELIVERABLE:
    case CORE_EVENT_JOINED:
    case CORE_EVENT_LEFT:
    case CORE_EVENT_SYNCSHELL_CREATED:
    case CORE_EVENT_MEMBER_REMOVED:
    case CORE_EVENT_KEY_ROTATED:
    case CORE_EVENT_OWNER_CHANGED:
    case CORE_EVENT_SYNCSHELL_DELETED:
    case CORE_EVENT_SYNCSHELL_EXPIRED:
    case CORE_EVENT_SESSION_OPENED:
    case CORE_EVENT_SESSION_CLOSED:
    case CORE_EVENT_CODE_ISSUED:
    case CORE_EVENT_SESSION_MOVED:
    case CORE_EVENT_ATTEMPT_STARTED:
    case CORE_EVENT_ATTEMPT_ANSWERED:
    case CORE_EVENT_ATTEMPT_EXPIRED:
    case CORE_EVENT_CONNECTED:
    case CORE_EVENT_ATTEMPT_FAILED:
        return LOG_LEVEL_INFO;
    case CORE_EVENT_AUTHENTICATED:
    case CORE_EVENT_HELD:
        break;
    }
    return LOG_LEVEL_DEBUG;
}

/* As accounts see it: "192.0.2.7", "2001:db8:1:2::/64". */
static const char *address_text(const struct core_event *event, char *ret_text, size_t size)
{
    struct address a = address_of_account(&event->address);
    bool v4 = address_is_v4(&a);
    *ret_text = '\0';
    if (!event->has_address ||
        !inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? a.bytes + ADDRESS_V4_OFFSET : a.bytes, ret_text,
                   (socklen_t)size))
        return "";
    if (!v4)
        snprintf(ret_text + strlen(ret_text), size - strlen(ret_text), "/64");
    return ret_text;
}

void event_log_write(struct event_log *events, const struct log *log,
                     const struct core_event *event)
{
    char peer[LOG_PEER_SIZE];
    char address[INET6_ADDRSTRLEN + sizeof "/64"];
    bool typed = event->type != MESSAGE_NONE;
    bool coded = event->code != WIRE_CODE_NONE;
    bool ended = event->outcome != SESSION_OUTCOME_NONE;
    bool charged = event->account != ACCOUNT_NONE;
    const char *key = limit_key(event->code, event->account);
    const char *name = core_event_name(event->kind);
    enum log_level level = *key ? LOG_LEVEL_WARNING : level_of(event);
    if (!log_may_write(log, *key ? &events->codes[event->code] : &events->limits[event->kind],
                       level, name))
        return;
    log_write(log, level, name,
              LOG_FIELDS(LOG_NUMBER_UNLESS_0("connection", event->connection_id),
                         LOG_TEXT("address", address_text(event, address, sizeof address)),
                         LOG_TEXT("peer", log_peer(event->peer_id.text, peer)),
                         LOG_TEXT("syncshell", event->syncshell_id.text),
                         LOG_TEXT("session", event->recovery_session_id.text),
                         LOG_NUMBER_UNLESS_0("generation", event->generation),
                         LOG_TEXT("type", typed ? message_type_name(event->type) : ""),
                         LOG_TEXT("request", event->message_id.text),
                         LOG_TEXT("code", coded ? wire_code_name(event->code) : ""),
                         LOG_TEXT("account", charged ? account_kind_name(event->account) : ""),
                         LOG_TEXT("raise", key),
                         LOG_TEXT("outcome", ended ? session_outcome_name(event->outcome) : ""),
                         LOG_NUMBER_UNLESS_0("recovery_ms", event->recovery_ms),
                         LOG_NUMBER_UNLESS_0("kept_bytes", event->kept_bytes),
                         LOG_TEXT("cause", event->cause.text)));
}
