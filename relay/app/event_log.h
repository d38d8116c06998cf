/* The core's events as log lines: which level, which fields.
 *
 * A refusal for a limit's sake says whose account it was, and with `raise` which setting would allow more. Each limit has its
 * own share of lines, so that a flood against one hides no other. */
#ifndef RELAY_APP_EVENT_LOG_H
#define RELAY_APP_EVENT_LOG_H

#include "app/log.h"
#include "core/core.h"

/* What was written lately, kind by kind; all zero at first. */
struct event_log {
    struct log_limit limits[CORE_EVENT_STORE_FAILED + 1];
    struct log_limit codes[WIRE_CODE_COUNT]; /* of refusals by limits */
};

void event_log_write(struct event_log *events, const struct log *log,
                     const struct core_event *event);

#endif
