/* The command line of syncshell-relay. */
#ifndef RELAY_APP_OPTIONS_H
#define RELAY_APP_OPTIONS_H

#include <stddef.h>
#include <stdint.h>

#include "app/config.h"

/* What ends a sentence about a relay that is not where it is looked for. */
#define OPTIONS_WHICH_SETTINGS "(--config or SYNCSHELL_RELAY_CONFIG names a relay's settings)"

enum { OPTIONS_ASSIGNMENTS_MAX = 64, OPTIONS_EXPIRES_DAYS_MAX = 36500 };

struct command;

enum options_command {
    COMMAND_RUN = 0,
    COMMAND_CHECK,
    COMMAND_PRINT_CONFIG,
    COMMAND_PRINT_EXAMPLE,
    COMMAND_NAMED, /* `named`, with `words` */
    COMMAND_HELP,
    COMMAND_VERSION,
};

/* Texts are borrowed from argv and the environment. */
struct options {
    enum options_command command;
    struct config_source source; /* its assignments are the array below: do not move */
    const char *assignments[OPTIONS_ASSIGNMENTS_MAX + 1];
    size_t n_assignments;
    const struct command *named;
    char *const *words;    /* what follows the name of a command, NULL-terminated */
    const char *ca_file;   /* doctor; NULL: the system's authorities */
    uint32_t expires_days; /* access-key add; 0: never */
};

extern const char options_help[]; /* --help: this, then the other */
extern const char options_help_commands[];

/* 0, or -EINVAL after having said on standard error what is wrong. */
int options_parse(struct options *ret_options, int argc, char **argv, char *const *environment);

#endif
