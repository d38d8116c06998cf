#include "app/event_log.h"

static enum log_level level_of(const struct core_event *event)
{
    switch (event->kind) {
    case CORE_EVENT_STORE_FAILED:
        return LOG_LEVEL_ERROR;
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
    case CORE_EVENT_SESSION_OPENED:
    case CORE_EVENT_SESSION_CLOSED:
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

void event_log_write(struct event_log *events, const struct log *log,
                     const struct core_event *event)
{
    char peer[LOG_PEER_SIZE];
    bool typed = event->type != MESSAGE_NONE;
    bool coded = event->code != WIRE_CODE_NONE;
    bool ended = event->outcome != SESSION_OUTCOME_NONE;
    log_write_limited(
        log, &events->limits[event->kind], level_of(event), core_event_name(event->kind),
        LOG_FIELDS(LOG_NUMBER_UNLESS_0("connection", event->connection_id),
                   LOG_TEXT("peer", log_peer(event->peer_id.text, peer)),
                   LOG_TEXT("syncshell", event->syncshell_id.text),
                   LOG_TEXT("session", event->recovery_session_id.text),
                   LOG_NUMBER_UNLESS_0("generation", event->generation),
                   LOG_TEXT("type", typed ? message_type_name(event->type) : ""),
                   LOG_TEXT("code", coded ? wire_code_name(event->code) : ""),
                   LOG_TEXT("outcome", ended ? session_outcome_name(event->outcome) : ""),
                   LOG_TEXT("cause", event->cause.text)));
}
