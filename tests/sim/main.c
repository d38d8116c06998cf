#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

/* tests/sim/run builds this and hands its arguments on. */

static const char usage[] =
    "Usage: tests/sim/run [--fast] [--seed N [--without LIST] [--trace] | --seeds N | --minutes M] [--first N] [--jobs N]\n"
    "\n"
    "Runs the whole system in virtual time, a relay core, client engines and a model of what surrounds them, with faults\n"
    "made from seeds, and holds it to the promises P1 to P6. Ends in \"N passed, N failed\"; exit status 0 only if all passed.\n"
    "\n"
    "  --fast           what is released instead of a build with sanitizers: four times as many seeds\n"
    "  --seeds N        that many seeds (default 1000), from --first (default 1)\n"
    "  --minutes M      as many seeds as fit, and a report: seeds, steps, faults by kind, states reached\n"
    "  --seed N         one seed\n"
    "  --without LIST   of its plan, leaves out these entries, e.g. 3,7,12-20\n"
    "  --trace          prints everything that happens\n"
    "  --jobs N         processes (default: one for each processor)\n"
    "\n"
    "A seed that fails is made small: entries of its plan are left out one after another while it still fails. What is left\n"
    "is printed with the command that shows it again.\n";

static bool number(const char *text, uint64_t *ret_value)
{
    char *end;
    if (!text || *text < '0' || *text > '9')
        return false;
    *ret_value = strtoull(text, &end, 10);
    return !*end;
}

static bool parse(struct driver_options *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *value = argv[i + 1];
        uint64_t *target = NULL;
        if (strcmp(argv[i], "--trace") == 0)
            o->trace = true;
        else if (strcmp(argv[i], "--seed") == 0)
            target = &o->seed, o->one_seed = true;
        else if (strcmp(argv[i], "--seeds") == 0)
            target = &o->n_seeds;
        else if (strcmp(argv[i], "--first") == 0)
            target = &o->first;
        else if (strcmp(argv[i], "--minutes") == 0)
            target = &o->minutes;
        else if (strcmp(argv[i], "--jobs") == 0)
            target = &o->jobs;
        else if (strcmp(argv[i], "--without") == 0 && value)
            o->without = value;
        else
            return false;
        if (target && !number(value, target))
            return false;
        i += target != NULL || strcmp(argv[i], "--without") == 0;
    }
    return true;
}

int main(int argc, char **argv)
{
    struct driver_options options = {.n_seeds = 1000, .first = 1};
    if (argc > 1 && (strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "--help") == 0)) {
        fputs(usage, stdout);
        return 0;
    }
    if (!parse(&options, argc, argv)) {
        fputs(usage, stderr);
        return 2;
    }
    return driver_run(&options);
}
