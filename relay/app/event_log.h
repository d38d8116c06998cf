/* The core's events as log lines: which level, which fields. */
#ifndef RELAY_APP_EVENT_LOG_H
#define RELAY_APP_EVENT_LOG_H

#include "app/log.h"
#include "core/core.h"

void event_log_write(struct log *log, const struct core_event *event);

#endif
