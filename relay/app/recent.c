#include "app/recent.h"

enum { MS_PER_MINUTE = 60000 };

static bool is_of_recovery(enum core_event_kind kind)
{
    return kind == CORE_EVENT_SESSION_OPENED || kind == CORE_EVENT_SESSION_CLOSED ||
           kind == CORE_EVENT_ATTEMPT_STARTED || kind == CORE_EVENT_ATTEMPT_ANSWERED ||
           kind == CORE_EVENT_ATTEMPT_EXPIRED || kind == CORE_EVENT_CONNECTED ||
           kind == CORE_EVENT_ATTEMPT_FAILED;
}

static void count(struct recent *r, int64_t minute, const struct core_event *event)
{
    struct recent_minute *m = &r->minutes[minute % RECENT_MINUTES];
    if (m->minute != minute)
        *m = (struct recent_minute){.minute = minute};
    m->connected += event->kind == CORE_EVENT_CONNECTED;
    m->failed += event->kind == CORE_EVENT_ATTEMPT_FAILED;
    m->recoveries += event->recovery_ms != 0;
    m->recovery_ms += event->recovery_ms;
}

void recent_note(struct recent *r, int64_t now_unix_ms, const struct core_event *event)
{
    if (!is_of_recovery(event->kind) || now_unix_ms < 0)
        return;
    r->events[r->n_events++ % RECENT_EVENTS_MAX] =
        (struct recent_event){.at_unix_ms = now_unix_ms,
                              .kind = event->kind,
                              .peer_id = event->peer_id,
                              .recovery_session_id = event->recovery_session_id,
                              .generation = event->generation,
                              .recovery_ms = event->recovery_ms,
                              .cause = event->cause};
    count(r, now_unix_ms / MS_PER_MINUTE, event);
}

const struct recent_event *recent_event_at(const struct recent *r, size_t i)
{
    size_t first = r->n_events > RECENT_EVENTS_MAX ? r->n_events - RECENT_EVENTS_MAX : 0;
    return first + i < r->n_events ? &r->events[(first + i) % RECENT_EVENTS_MAX] : NULL;
}

struct recent_minute recent_minute_at(const struct recent *r, int64_t minute)
{
    const struct recent_minute *m = &r->minutes[minute % RECENT_MINUTES];
    return m->minute == minute ? *m : (struct recent_minute){.minute = minute};
}
