/* What has happened since the start, counted from the core's events: for metrics and the status page. */
#ifndef RELAY_APP_TALLY_H
#define RELAY_APP_TALLY_H

#include "base/histogram.h"
#include "core/core.h"

struct tally {
    uint64_t events[CORE_EVENT_STORE_FAILED + 1]; /* by kind */
    uint64_t causes[CAUSE_COUNT]; /* of failed attempts; 0: a cause of a later version */
    uint64_t outcomes[SESSION_OUTCOME_CANCELLED + 1];
    struct histogram attempt_ms;  /* of attempts that came to a link */
    struct histogram recovery_ms; /* from the loss of the link to the next */
    uint64_t kept_bytes;          /* that need not be sent again; stays at its highest */
};

void tally_init(struct tally *t);
void tally_note(struct tally *t, const struct core_event *event);

#endif
