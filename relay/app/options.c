#include "app/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/command.h"

const char options_help[] =
    "Usage: syncshell-relay [OPTION]...\n"
    "       syncshell-relay [OPTION]... access-key add NAME [--expires-days N]\n"
    "       syncshell-relay [OPTION]... access-key list\n"
    "       syncshell-relay [OPTION]... access-key revoke NAME|ID\n"
    "       syncshell-relay [OPTION]... backup FILE\n"
    "       syncshell-relay [OPTION]... restore FILE\n"
    "       syncshell-relay [OPTION]... doctor [--ca FILE]\n"
    "       syncshell-relay [OPTION]... explain SESSION\n"
    "       syncshell-relay [OPTION]... health\n"
    "       syncshell-relay [OPTION]... reload\n"
    "       syncshell-relay [OPTION]... status\n"
    "\n"
    "Runs the relay through which the members of a syncshell find each other again after a dropped link. It routes sealed\n"
    "reconnect offers, answers and candidates, and keeps recovery sessions in one SQLite file. Without options it listens\n"
    "on ws://127.0.0.1:8787 for this machine alone and keeps its data in ./syncshell-relay-data.\n"
    "\n"
    "  --config FILE       read settings from FILE (TOML); also " CONFIG_FILE_VARIABLE "\n"
    "  --set KEY=VALUE     set one key, such as listen.port=9000; may be repeated\n"
    "  --check-config      check the settings, say what is wrong and where, and end\n"
    "  --print-config      print the settings in effect as TOML, and end\n"
    "  --print-example     print every key with its meaning, range and default, and end\n"
    "  --help              print this text, and end\n"
    "  --version           print the version, and end\n"
    "\n";

const char options_help_commands[] =
    "Access keys let people create syncshells where create.policy is \"access-key\". The commands work on the database of\n"
    "store.path, also while a relay runs on it: it obeys at once.\n"
    "  access-key add      make a key and print it, once; the database keeps its hash\n"
    "  access-key list     id, name, when made, used, expiring, revoked; one key a line\n"
    "  access-key revoke   what was created with it stays\n"
    "  --expires-days N    of the key that is added; never if not given\n"
    "\n"
    "Backups are made and put back on the database of store.path:\n"
    "  backup FILE         copy it into a new FILE, also while a relay runs on it\n"
    "  restore FILE        put such a copy in its place, while no relay runs on it; what was there is kept beside it\n"
    "  explain SESSION     tell what became of a recovery, and why, from the reports of its two sides; the first characters of\n"
    "                      the session's id are enough\n"
    "\n"
    "A relay that runs on the database of store.path is asked through a socket file beside it:\n"
    "  health              whether it is ready to serve, and if not, why\n"
    "  reload              as SIGHUP, and say which keys need a restart, or what is wrong\n"
    "  status              who is here, what recovers, what failed and why; as a page: admin.address\n"
    "  doctor              try what members need, from this machine: the public name, its certificate, a whole recovery\n"
    "                      between two members of its own, the TURN servers, the clock, the disk; and say what to do about\n"
    "                      what is wrong\n"
    "  --ca FILE           doctor: trust the authorities of this PEM file instead of the system's\n"
    "\n"
    "Every key can also be set in the environment: listen.port is " SETTING_ENVIRONMENT_PREFIX
    "LISTEN_PORT. The command line goes before\n"
    "the environment, the environment before the file.\n"
    "\n"
    "Examples:\n"
    "  syncshell-relay                                   for this machine alone\n"
    "  syncshell-relay --print-example >relay.toml       a file to start from\n"
    "  syncshell-relay --config relay.toml --check-config\n"
    "  syncshell-relay --set listen.address=0.0.0.0 --set listen.tls_certificate=chain.pem --set listen.tls_key=key.pem \\\n"
    "      --set public.urls=wss://relay.example:8787 --set create.policy=open\n"
    "                                                    for everybody who reaches relay.example\n"
    "  syncshell-relay --config relay.toml access-key add \"Ann\" >ann.key\n"
    "  syncshell-relay --config relay.toml backup relay-monday.db\n"
    "\n"
    "Signals: SIGTERM and SIGINT tell clients to come back later, commit what is queued, and end; a second one hurries.\n"
    "SIGHUP reads the settings and the certificate again, applies what can change, and says which keys need a restart.\n"
    "SIGUSR1 logs what the relay holds at that moment, and how often it has refused what.\n"
    "Exit status: 0 ended in order, 1 the relay failed, 2 the command line or the settings are wrong.\n"
    "More: man syncshell-relay, man syncshell-relay.toml\n";

static int usage_error(const char *text, const char *argument)
{
    fprintf(stderr, "syncshell-relay: %s%s; --help explains\n", text, argument);
    return -EINVAL;
}

static int take_assignment(struct options *o, const char *text)
{
    if (o->n_assignments == OPTIONS_ASSIGNMENTS_MAX)
        return usage_error("too many --set; a --config FILE has no limit", "");
    o->assignments[o->n_assignments++] = text;
    return 0;
}

static int take_days(struct options *o, const char *text)
{
    char *end = NULL;
    errno = 0;
    unsigned long days = strtoul(text, &end, 10);
    if (errno || *text < '0' || *text > '9' || *end || days == 0 || days > OPTIONS_EXPIRES_DAYS_MAX)
        return usage_error("--expires-days takes a whole number from 1 to 36500, not ", text);
    o->expires_days = (uint32_t)days;
    return 0;
}

/* Who asks for help gets it; otherwise one of two commands would be lost silently. */
static int take_command(struct options *o, enum options_command command)
{
    if (o->command == COMMAND_HELP)
        return 0;
    if (command != COMMAND_HELP && o->command != COMMAND_RUN && o->command != command)
        return usage_error("only one of the options that end at once can be given", "");
    o->command = command;
    return 0;
}

static const char *file_from_environment(void)
{
    const char *file = getenv(CONFIG_FILE_VARIABLE);
    return file && *file ? file : NULL;
}

enum { OPTION_CONFIG = 256, OPTION_SET, OPTION_EXPIRES, OPTION_CA, OPTION_COMMAND };

static int take_option(struct options *o, int option, char **argv)
{
    if (option == OPTION_CONFIG) {
        o->source.file = optarg;
        return 0;
    }
    if (option == OPTION_SET)
        return take_assignment(o, optarg);
    if (option == OPTION_CA) {
        o->ca_file = optarg;
        return 0;
    }
    if (option == OPTION_EXPIRES)
        return take_days(o, optarg);
    if (option >= OPTION_COMMAND)
        return take_command(o, (enum options_command)(option - OPTION_COMMAND));
    if (optopt > 0 && optopt < OPTION_CONFIG) { /* a letter, perhaps of several after one dash */
        const char letter[] = {'-', (char)optopt, '\0'};
        return usage_error("unknown option ", letter);
    }
    return usage_error(option == ':' ? "a value is missing after " : "unknown option ",
                       argv[optind - 1]);
}

/* What is left behind the options. */
static int take_words(struct options *o, char *const *words)
{
    if (o->ca_file && (!words[0] || strcmp(words[0], "doctor") != 0))
        return usage_error("--ca is for doctor", "");
    if (!words[0])
        return o->expires_days == 0 ? 0 : usage_error("--expires-days is for access-key add", "");
    o->named = command_find(words[0]);
    if (!o->named)
        return usage_error("unexpected argument ", words[0]);
    if (o->named->problem(words + 1))
        return usage_error(o->named->problem(words + 1), "");
    if (o->expires_days != 0 &&
        (strcmp(words[0], "access-key") != 0 || strcmp(words[1], "add") != 0))
        return usage_error("--expires-days is for access-key add", "");
    o->words = words + 1;
    return take_command(o, COMMAND_NAMED);
}

int options_parse(struct options *ret_options, int argc, char **argv, char *const *environment)
{
    static const struct option known[] = {
        {"config", required_argument, NULL, OPTION_CONFIG},
        {"set", required_argument, NULL, OPTION_SET},
        {"ca", required_argument, NULL, OPTION_CA},
        {"expires-days", required_argument, NULL, OPTION_EXPIRES},
        {"check-config", no_argument, NULL, OPTION_COMMAND + COMMAND_CHECK},
        {"print-config", no_argument, NULL, OPTION_COMMAND + COMMAND_PRINT_CONFIG},
        {"print-example", no_argument, NULL, OPTION_COMMAND + COMMAND_PRINT_EXAMPLE},
        {"help", no_argument, NULL, OPTION_COMMAND + COMMAND_HELP},
        {"version", no_argument, NULL, OPTION_COMMAND + COMMAND_VERSION},
        {NULL, 0, NULL, 0},
    };
    int r = 0;
    *ret_options = (struct options){
        .source = {.file = file_from_environment(),
                   .environment = environment,
                   .assignments = ret_options->assignments},
    };
    for (int c = getopt_long(argc, argv, ":", known, NULL); c != -1 && r == 0;
         c = getopt_long(argc, argv, ":", known, NULL))
        r = take_option(ret_options, c, argv);
    return r == 0 ? take_words(ret_options, argv + optind) : r;
}
