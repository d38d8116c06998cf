#include "app/tally.h"

#include "wire/cause.h"

static const uint64_t bounds_ms[] = {50,   100,   250,   500,   1000,  2000,
                                     5000, 10000, 30000, 60000, 300000};

void tally_init(struct tally *t)
{
    *t = (struct tally){.attempt_ms = HISTOGRAM_INIT(bounds_ms),
                        .recovery_ms = HISTOGRAM_INIT(bounds_ms)};
}

void tally_note(struct tally *t, const struct core_event *event)
{
    t->events[event->kind]++;
    if (event->kind == CORE_EVENT_ATTEMPT_FAILED)
        t->causes[cause_from_name(event->cause.text)]++;
    if (event->kind == CORE_EVENT_SESSION_CLOSED)
        t->outcomes[event->outcome]++;
    if (event->kind != CORE_EVENT_CONNECTED)
        return;
    histogram_add(&t->attempt_ms, event->elapsed_ms);
    /* A member's word: it may be absurd, but does not bring the counter back to 0. */
    t->kept_bytes = event->kept_bytes > UINT64_MAX - t->kept_bytes
                        ? UINT64_MAX
                        : t->kept_bytes + event->kept_bytes;
    if (event->recovery_ms != 0)
        histogram_add(&t->recovery_ms, event->recovery_ms);
}
