/* The texts of --help. */
#ifndef SHARED_CLI_HELP_H
#define SHARED_CLI_HELP_H

#include <stdio.h>

#include "cli/options.h"

/* One event of `syncshell peer`, as help shows it. */
struct help_event {
    const char *name;
    const char *example;
    const char *meaning;
};

extern const struct help_event HELP_EVENTS[];
extern const size_t HELP_EVENTS_COUNT;

/* The program's help for SUBCOMMAND_NONE. */
void help_print(FILE *stream, enum subcommand subcommand);

#endif
