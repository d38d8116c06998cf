/* What happened lately, for the status page: the last recovery events, and an hour of outcomes by the minute. */
#ifndef RELAY_APP_RECENT_H
#define RELAY_APP_RECENT_H

#include "core/core.h"

enum { RECENT_EVENTS_MAX = 200, RECENT_MINUTES = 60 };

struct recent_event {
    int64_t at_unix_ms;
    enum core_event_kind kind;
    struct wire_peer_id peer_id;
    struct wire_id recovery_session_id;
    uint64_t generation;
    uint64_t recovery_ms;
    struct cause_text cause;
};

struct recent_minute {
    int64_t minute; /* since the epoch */
    uint64_t connected;
    uint64_t failed;
    uint64_t recoveries;
    uint64_t recovery_ms; /* of all of them together */
};

struct recent {
    struct recent_event events[RECENT_EVENTS_MAX]; /* a ring */
    size_t n_events;                               /* ever noted */
    struct recent_minute minutes[RECENT_MINUTES];  /* a ring, by minute modulo its size */
};

void recent_note(struct recent *r, int64_t now_unix_ms, const struct core_event *event);

/* The i-th of the events that are kept, oldest first; NULL beyond the last. */
const struct recent_event *recent_event_at(const struct recent *r, size_t i);

/* Of that minute; zero counts when nothing happened. */
struct recent_minute recent_minute_at(const struct recent *r, int64_t minute);

#endif
