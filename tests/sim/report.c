#include <inttypes.h>
#include <stdio.h>

#include "client/event.h"
#include "driver.h"
#include "wire/code.h"

/* The statistics are numbers and nothing else. */
void report_add(struct sim_stats *sum, const struct sim_stats *stats)
{
    uint64_t *to = (uint64_t *)(void *)sum;
    const uint64_t *from = (const uint64_t *)(const void *)stats;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
}

static void title(const char *text)
{
    printf("%s:\n", text);
}

static void row(const char *name, uint64_t n)
{
    if (n)
        printf("  %-34s %12" PRIu64 "\n", name, n);
}

void report_print(const struct sim_stats *stats, uint64_t n_seeds, double seconds)
{
    title("ran");
    row("seeds", n_seeds);
    row("steps", stats->steps);
    row("frames of the relay", stats->frames);
    row("syncs of its disk", stats->syncs);
    row("links that came up", stats->links_up);
    row("virtual seconds", stats->virtual_s);
    row("seconds", (uint64_t)(seconds + 0.5));
    title("faults and wishes");
    for (int i = 0; i < DEED_COUNT; i++)
        row(deed_name((enum deed)i), stats->deeds[i]);
    title("another syncshell");
    for (int i = 0; i < CLUB_WISH_COUNT; i++)
        row(club_wish_name((enum club_wish)i), stats->club_wishes[i]);
    title("misdeeds of a member");
    for (int i = 0; i < MISDEED_COUNT; i++)
        row(misdeed_name((enum misdeed)i), stats->misdeeds[i]);
    title("events of clients");
    for (int i = 0; i < (int)(sizeof stats->events / sizeof *stats->events); i++)
        row(event_type_name(i), stats->events[i]);
    title("events of the relay");
    for (int i = 1; i < (int)(sizeof stats->core_events / sizeof *stats->core_events); i++)
        row(core_event_name((enum core_event_kind)i), stats->core_events[i]);
    title("refusals");
    for (int i = 1; i < WIRE_CODE_COUNT; i++)
        row(wire_code_name((enum wire_code)i), stats->refusals[i]);
}
