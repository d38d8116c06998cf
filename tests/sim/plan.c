#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"

enum { SECOND_US = 1000000, START_US = 2 * SECOND_US };

const char *deed_name(enum deed deed)
{
    static const char *const names[] = {
#define X(id, name) name,
        DEED_TABLE(X)
#undef X
    };
    return names[deed];
}

/* How often each deed is drawn, by how wild the seed is. */
static enum deed draw_deed(uint64_t *random)
{
    static const enum deed common[] = {
        DEED_CUT,         DEED_CUT,
        DEED_HALF_OPEN,   DEED_STALL_DOWN,
        DEED_STALL_UP,    DEED_KILL_PEER,
        DEED_KILL_PEER,   DEED_KILL_PEER,
        DEED_KILL_RELAY,  DEED_KILL_RELAY,
        DEED_LINK_CUT,    DEED_LINK_CUT,
        DEED_DISK_SLOW,   DEED_CLIENT_DISK_SLOW,
        DEED_MISDEED,     DEED_CLUB,
        DEED_CLUB,        DEED_CLUB,
        DEED_MISDEED,     DEED_DISK_FAILS_ONCE,
        DEED_DISK_LOCKED,
    };
    if (random_one_in(random, 3))
        return (enum deed)random_below(random, DEED_COUNT);
    if (random_one_in(random, 4))
        return DEED_OPEN;
    return common[random_below(random, sizeof common / sizeof *common)];
}

static uint64_t draw_duration_us(uint64_t *random)
{
    switch (random_below(random, 4)) {
    case 0:
        return random_below(random, SECOND_US / 10);
    case 1:
        return random_below(random, 3 * SECOND_US);
    case 2:
        return random_below(random, 20 * SECOND_US);
    default:
        return random_below(random, 90 * (uint64_t)SECOND_US);
    }
}

static int by_time(const void *a, const void *b)
{
    const struct plan_entry *x = a;
    const struct plan_entry *y = b;
    if (x->at_us != y->at_us)
        return x->at_us < y->at_us ? -1 : 1;
    return (x->detail > y->detail) - (x->detail < y->detail);
}

void plan_make(struct plan *ret_plan, uint64_t seed)
{
    uint64_t random = seed ^ UINT64_C(0x706c616e);
    struct plan *p = ret_plan;
    memset(p, 0, sizeof *p);
    p->n_peers = (unsigned)random_between(&random, 2, random_one_in(&random, 3) ? 5 : 3);
    p->chaos_us = random_between(&random, 5, random_one_in(&random, 4) ? 200 : 40) * SECOND_US;
    p->n_entries =
        (size_t)random_between(&random, 3, random_one_in(&random, 4) ? PLAN_ENTRIES_MAX : 24);
    for (size_t i = 0; i < p->n_entries; i++) {
        struct plan_entry *e = &p->entries[i];
        e->deed = i == 0 ? DEED_OPEN : draw_deed(&random);
        e->at_us = i == 0 ? START_US : START_US + random_below(&random, p->chaos_us);
        e->who = (unsigned)random_below(&random, p->n_peers);
        e->duration_us = draw_duration_us(&random);
        e->detail = random_next(&random);
    }
    p->chaos_us += START_US;
    qsort(p->entries, p->n_entries, sizeof *p->entries, by_time);
}

bool plan_leave_out(struct plan *p, const char *list)
{
    while (*list) {
        char *end;
        unsigned long first = strtoul(list, &end, 10);
        unsigned long last = first;
        if (end == list)
            return false;
        if (*end == '-') {
            list = end + 1;
            last = strtoul(list, &end, 10);
            if (end == list)
                return false;
        }
        for (unsigned long i = first; i <= last && i < p->n_entries; i++)
            p->entries[i].off = true;
        if (*end && *end != ',')
            return false;
        list = *end ? end + 1 : end;
    }
    return true;
}
