#include "sync/options.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset; /* in struct options, of a text */
} TEXTS[] = {
    {"--state", offsetof(struct options, state_dir)},
    {"--relay", offsetof(struct options, relay_url)},
    {"--ca", offsetof(struct options, ca_file)},
    {"--syncshell", offsetof(struct options, syncshell_id)},
    {"--from", offsetof(struct options, from_peer_id)},
    {"--redeem", offsetof(struct options, code)},
    {"--bind", offsetof(struct options, bind_address)},
};

static const char HELP[] =
    "Usage: syncshell-sync share DIR --state DIR [OPTION]...\n"
    "       syncshell-sync fetch DIR --state DIR [--from PEER] [OPTION]...\n"
    "\n"
    "share gives the folder's files to members that ask for them, until it is stopped. fetch brings a folder up to date\n"
    "with the one that another member shares, and ends. Either may be killed at any time and started again: only what\n"
    "is missing is sent. Both must be members of one syncshell (syncshell create, syncshell join).\n"
    "\n"
    "  --state DIR      the state directory of this member; one program at a time uses it\n"
    "  --relay URL      the relay, if the state directory does not know it yet\n"
    "  --ca FILE        PEM with the authorities to trust for wss\n"
    "  --syncshell ID   which syncshell, when this member is in several (fetch)\n"
    "  --from PEER      whose folder, when the syncshell has more than two members (fetch)\n"
    "  --redeem CODE    go on here with the transfer of the device that shows this recovery code (fetch)\n"
    "  --bind ADDRESS   use this local address only, such as 127.0.0.1 or a VPN's\n"
    "  --ice-server URL[,USERNAME,PASSWORD]\n"
    "                   a STUN or TURN server: stun:HOST[:PORT] or turn:HOST[:PORT][?transport=tcp]; may be repeated.\n"
    "                   Commas and percent signs in USERNAME and PASSWORD are written as %2C and %25.\n"
    "                   Without any, those that the relay names for each attempt, but for stuns: and turns:\n"
    "  --relay-only     reach the other side through a TURN server only\n"
    "  -h, --help       this text\n"
    "      --version    the version\n"
    "\n"
    "On a terminal a bar shows how far a transfer is; otherwise each event is one JSON object on a line. Exit status: 0\n"
    "when the folder is as the other side's or when share was told to stop, 1 on a failure, 2 on a wrong command line.\n";

const char *options_help(void)
{
    return HELP;
}

static int refuse(const char **ret_problem, const char *problem)
{
    *ret_problem = problem;
    return -EINVAL;
}

static int take_ice_server(struct options *options, const char *value, const char **ret_problem)
{
    struct ice_server_list *l = &options->ice_servers;

    if (l->n_servers == ICE_SERVERS_MAX)
        return refuse(ret_problem, "There are too many ICE servers.");
    return ice_server_parse(&l->servers[l->n_servers++], value, ret_problem);
}

/* The text that the option `name` of `length` fills; NULL: it is none of those. */
static const char **text_of(struct options *options, const char *name, size_t length)
{
    for (size_t i = 0; i < sizeof(TEXTS) / sizeof(TEXTS[0]); i++)
        if (strlen(TEXTS[i].name) == length && strncmp(TEXTS[i].name, name, length) == 0)
            return (const char **)(void *)((char *)options + TEXTS[i].offset);
    return NULL;
}

/* One option, at argv[*at]; moves `at` to the last word used. */
static int take_option(struct options *options, int argc, char **argv, int *at,
                       const char **ret_problem)
{
    static const char ICE_SERVER[] = "--ice-server";
    const char *word = argv[*at], *value;
    size_t length = strcspn(word, "=");
    const char **text = text_of(options, word, length);
    bool ice_server = length == strlen(ICE_SERVER) && strncmp(word, ICE_SERVER, length) == 0;

    if (strcmp(word, "--relay-only") == 0) {
        options->relay_only = true;
        return 0;
    }
    if (!text && !ice_server)
        return refuse(ret_problem, "There is an unknown option.");
    value = word[length] ? word + length + 1 : NULL;
    if (!value && *at + 1 < argc)
        value = argv[++*at];
    if (!value || !*value)
        return refuse(ret_problem, "An option lacks its value.");
    if (ice_server)
        return take_ice_server(options, value, ret_problem);
    *text = value;
    return 0;
}

static int take_word(struct options *options, const char *word, int *words,
                     const char **ret_problem)
{
    switch ((*words)++) {
    case 0:
        if (strcmp(word, "share") == 0)
            options->role = ROLE_SHARE;
        else if (strcmp(word, "fetch") == 0)
            options->role = ROLE_FETCH;
        else
            return refuse(ret_problem, "The command is share or fetch.");
        return 0;
    case 1:
        options->folder = word;
        return 0;
    default:
        return refuse(ret_problem, "There are too many words.");
    }
}

int options_parse(struct options *ret_options, int argc, char **argv, const char **ret_problem)
{
    struct options options = {0};
    int words = 0, r = 0;

    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
        options.help = options.help || !strcmp(argv[i], "--help") || !strcmp(argv[i], "-h");
        options.version = options.version || !strcmp(argv[i], "--version");
    }
    if (options.help || options.version) {
        *ret_options = options;
        return 0;
    }
    for (int i = 1; i < argc && !r; i++) {
        if (strcmp(argv[i], "--") == 0) {
            while (!r && ++i < argc)
                r = take_word(&options, argv[i], &words, ret_problem);
        } else if (argv[i][0] == '-') {
            r = take_option(&options, argc, argv, &i, ret_problem);
        } else {
            r = take_word(&options, argv[i], &words, ret_problem);
        }
    }
    if (r)
        return r;
    if (!options.folder)
        return refuse(ret_problem, "A command and a folder are needed.");
    if (!options.state_dir)
        return refuse(ret_problem, "--state is needed: the state directory of this member.");
    if (options.role == ROLE_SHARE && options.from_peer_id)
        return refuse(ret_problem, "--from has no meaning for share.");
    if (options.role == ROLE_SHARE && options.code)
        return refuse(ret_problem, "--redeem has no meaning for share.");
    *ret_options = options;
    return 0;
}
