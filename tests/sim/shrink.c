#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

enum { TRACE_LINES = 60 };

/* What kind of failure: "P2" of "seed 7, 1.2 s: P2: ...", or "crash". */
static void kind_of(const char *output, uint64_t seed, char *ret_kind, size_t size)
{
    char start[48];
    snprintf(start, sizeof start, "seed %" PRIu64 ", ", seed);
    const char *line = strstr(output, start);
    const char *kind = line ? strstr(line, " s: ") : NULL;
    const char *end = kind ? strchr(kind + 4, ':') : NULL;
    if (end && (size_t)(end - kind - 4) < size)
        snprintf(ret_kind, size, "%.*s", (int)(end - kind - 4), kind + 4);
    else
        snprintf(ret_kind, size, "crash");
}

static bool still_fails(uint64_t seed, const struct plan *plan, const char *kind)
{
    char found[32];
    char *output = driver_try(seed, plan, false);
    if (!output)
        return false;
    kind_of(output, seed, found, sizeof found);
    free(output);
    return strcmp(found, kind) == 0;
}

/* Leaves out `size` entries at a time, each run of them once. Whether anything could go. */
static bool pass(uint64_t seed, struct plan *plan, size_t size, const char *kind)
{
    bool changed = false;
    for (size_t first = 0; first < plan->n_entries; first += size) {
        struct plan without = *plan;
        bool any = false;
        for (size_t i = first; i < first + size && i < plan->n_entries; i++) {
            any = any || !plan->entries[i].off;
            without.entries[i].off = true;
        }
        if (any && still_fails(seed, &without, kind)) {
            *plan = without;
            changed = true;
        }
    }
    return changed;
}

static void print_list(const struct plan *plan)
{
    const char *separator = " --without ";
    for (size_t i = 0; i < plan->n_entries; i++) {
        size_t first = i;
        if (!plan->entries[i].off)
            continue;
        while (i + 1 < plan->n_entries && plan->entries[i + 1].off)
            i++;
        printf(first == i ? "%s%zu" : "%s%zu-%zu", separator, first, i);
        separator = ",";
    }
}

static void print_tail(const char *text, size_t n_lines)
{
    const char *start = text + strlen(text);
    while (start > text && n_lines > 0)
        if (*--start == '\n' && start[1])
            n_lines--;
    fputs(*start == '\n' ? start + 1 : start, stdout);
}

void shrink(uint64_t seed, const struct plan *plan, const char *output)
{
    char kind[32];
    struct plan small = *plan;
    size_t n_left = 0;
    kind_of(output, seed, kind, sizeof kind);
    printf("FAILED seed %" PRIu64 "\n", seed);
    print_tail(output, TRACE_LINES);
    if (!still_fails(seed, &small, kind)) {
        printf("alone, it does not fail like that\n");
        return;
    }
    for (size_t size = small.n_entries / 2; size > 0; size /= 2)
        pass(seed, &small, size, kind);
    while (pass(seed, &small, 1, kind))
        ;
    for (size_t i = 0; i < small.n_entries; i++)
        n_left += !small.entries[i].off;
    char *trace = driver_try(seed, &small, true);
    printf("made small: %zu of %zu entries are left; the end of its trace:\n", n_left,
           small.n_entries);
    print_tail(trace ? trace : "", TRACE_LINES);
    free(trace);
    printf("again: tests/sim/run --seed %" PRIu64, seed);
    print_list(&small);
    printf(" --trace\n\n");
    fflush(stdout);
}
