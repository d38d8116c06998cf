#include <stddef.h>

#include "core/core.h"

static const char *const event_names[] = {
    [CORE_EVENT_AUTHENTICATED] = "authenticated",
    [CORE_EVENT_CLOSED] = "closed",
    [CORE_EVENT_REFUSED] = "refused",
    [CORE_EVENT_TURNED_AWAY] = "turned_away",
    [CORE_EVENT_JOINED] = "joined",
    [CORE_EVENT_LEFT] = "left",
    [CORE_EVENT_SYNCSHELL_CREATED] = "syncshell_created",
    [CORE_EVENT_MEMBER_REMOVED] = "member_removed",
    [CORE_EVENT_KEY_ROTATED] = "key_rotated",
    [CORE_EVENT_OWNER_CHANGED] = "owner_changed",
    [CORE_EVENT_SYNCSHELL_DELETED] = "syncshell_deleted",
    [CORE_EVENT_SYNCSHELL_EXPIRED] = "syncshell_expired",
    [CORE_EVENT_SESSION_OPENED] = "session_opened",
    [CORE_EVENT_SESSION_CLOSED] = "session_closed",
    [CORE_EVENT_CODE_ISSUED] = "code_issued",
    [CORE_EVENT_SESSION_MOVED] = "session_moved",
    [CORE_EVENT_ATTEMPT_STARTED] = "attempt_started",
    [CORE_EVENT_ATTEMPT_ANSWERED] = "attempt_answered",
    [CORE_EVENT_ATTEMPT_EXPIRED] = "attempt_expired",
    [CORE_EVENT_HELD] = "held",
    [CORE_EVENT_UNDELIVERABLE] = "undeliverable",
    [CORE_EVENT_CONNECTED] = "link_up",
    [CORE_EVENT_ATTEMPT_FAILED] = "attempt_failed",
    [CORE_EVENT_STORE_FAILED] = "store_failed",
};

const char *core_event_name(enum core_event_kind kind)
{
    size_t i = (size_t)kind;
    if (i >= sizeof event_names / sizeof event_names[0] || !event_names[i])
        return "unknown";
    return event_names[i];
}
