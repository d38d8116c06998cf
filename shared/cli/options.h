/* The command line as data: which subcommand, its options, its positional argument. Options may stand before or after the
 * positional argument, as --name VALUE or --name=VALUE; "--" ends them. Texts are borrowed from argv. Nothing here prints or
 * reads the system. */
#ifndef SHARED_CLI_OPTIONS_H
#define SHARED_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum subcommand {
    SUBCOMMAND_NONE,
    SUBCOMMAND_ID,
    SUBCOMMAND_CREATE,
    SUBCOMMAND_JOIN,
    SUBCOMMAND_INVITE,
    SUBCOMMAND_MEMBERS,
    SUBCOMMAND_SESSIONS,
    SUBCOMMAND_CODE,
    SUBCOMMAND_REDEEM,
    SUBCOMMAND_REMOVE_MEMBER,
    SUBCOMMAND_ROTATE_KEY,
    SUBCOMMAND_HAND_OVER,
    SUBCOMMAND_DELETE,
    SUBCOMMAND_PEER,
    N_SUBCOMMANDS,
};

enum { OPTIONS_PROBLEM_SIZE = 256, OPTIONS_TIMEOUT_S_DEFAULT = 15, OPTIONS_TIMEOUT_S_MAX = 86400 };

struct options {
    enum subcommand subcommand;
    bool help;
    bool version;
    bool json;
    const char *state_dir; /* this and what follows: NULL when not given */
    const char *relay_url;
    const char *ca_file;
    const char *pin;
    const char *access_key_file;
    const char *passphrase_file;
    const char *syncshell_id;
    const char *argument;
    uint32_t timeout_ms;
};

/* The subcommand's word; "" for SUBCOMMAND_NONE. */
const char *subcommand_name(enum subcommand subcommand);

/* Reads the command line. `argv` as main() gets it. 0, or -EINVAL with a sentence in `ret_problem` that says what is wrong
 * with it. --help and --version are looked for first, so that they work on an incomplete line. */
int options_parse(struct options *ret_options, int argc, char **argv,
                  char ret_problem[static OPTIONS_PROBLEM_SIZE]);

#endif
