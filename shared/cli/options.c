#include "cli/options.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct option {
    const char *name;
    size_t offset; /* in struct options, of a text or a bool */
    bool is_flag;
};

static const struct option OPTIONS[] = {
    {"--state", offsetof(struct options, state_dir), false},
    {"--relay", offsetof(struct options, relay_url), false},
    {"--ca", offsetof(struct options, ca_file), false},
    {"--access-key-file", offsetof(struct options, access_key_file), false},
    {"--passphrase-file", offsetof(struct options, passphrase_file), false},
    {"--pin", offsetof(struct options, pin), false},
    {"--syncshell", offsetof(struct options, syncshell_id), false},
    {"--json", offsetof(struct options, json), true},
    {"--help", offsetof(struct options, help), true},
    {"-h", offsetof(struct options, help), true},
    {"--version", offsetof(struct options, version), true},
};

enum { N_OPTIONS = sizeof(OPTIONS) / sizeof(OPTIONS[0]) };

static const char *const SUBCOMMANDS[N_SUBCOMMANDS] = {
    [SUBCOMMAND_NONE] = "",
    [SUBCOMMAND_ID] = "id",
    [SUBCOMMAND_CREATE] = "create",
    [SUBCOMMAND_JOIN] = "join",
    [SUBCOMMAND_INVITE] = "invite",
    [SUBCOMMAND_MEMBERS] = "members",
    [SUBCOMMAND_SESSIONS] = "sessions",
    [SUBCOMMAND_CODE] = "code",
    [SUBCOMMAND_REDEEM] = "redeem",
    [SUBCOMMAND_REMOVE_MEMBER] = "remove-member",
    [SUBCOMMAND_ROTATE_KEY] = "rotate-key",
    [SUBCOMMAND_HAND_OVER] = "hand-over",
    [SUBCOMMAND_DELETE] = "delete",
    [SUBCOMMAND_PEER] = "peer",
};

struct parse {
    struct options *options;
    char **argv;
    int argc;
    int position;
    char *problem;
};

const char *subcommand_name(enum subcommand subcommand)
{
    return SUBCOMMANDS[subcommand];
}

static enum subcommand subcommand_find(const char *word)
{
    for (int i = SUBCOMMAND_NONE + 1; i < N_SUBCOMMANDS; i++)
        if (strcmp(word, SUBCOMMANDS[i]) == 0)
            return (enum subcommand)i;
    return SUBCOMMAND_NONE;
}

__attribute__((format(printf, 2, 3))) static int refuse(struct parse *parse, const char *format,
                                                        ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(parse->problem, OPTIONS_PROBLEM_SIZE, format, arguments);
    va_end(arguments);
    return -EINVAL;
}

static int timeout_set(struct parse *parse, const char *value)
{
    char *end = NULL;
    unsigned long seconds;

    errno = 0;
    seconds = strtoul(value, &end, 10);
    if (errno || end == value || *end || *value < '0' || *value > '9' || seconds == 0 ||
        seconds > OPTIONS_TIMEOUT_S_MAX)
        return refuse(parse,
                      "--timeout takes seconds, a whole number from 1 to 86400, not \"%.100s\".",
                      value);
    parse->options->timeout_ms = (uint32_t)seconds * 1000;
    return 0;
}

/* The option whose name `word` starts with, and in `ret_value` what stands behind its '=', or NULL. */
static const struct option *option_find(const char *word, const char **ret_value)
{
    size_t length = strcspn(word, "=");

    for (size_t i = 0; i < N_OPTIONS; i++) {
        if (strlen(OPTIONS[i].name) != length || strncmp(word, OPTIONS[i].name, length) != 0)
            continue;
        *ret_value = word[length] ? word + length + 1 : NULL;
        return &OPTIONS[i];
    }
    return NULL;
}

static int value_take(struct parse *parse, const char *name, const char *inlined,
                      const char **ret_value)
{
    const char *value = inlined;

    if (!value && parse->position + 1 < parse->argc)
        value = parse->argv[++parse->position];
    if (!value || !*value)
        return refuse(parse, "%.100s needs a value.", name);
    *ret_value = value;
    return 0;
}

static int option_take(struct parse *parse, const char *word)
{
    const char *inlined = NULL, *value = "";
    const struct option *option;
    char *target;
    int r;

    if (strcmp(word, "--timeout") == 0 || strncmp(word, "--timeout=", 10) == 0) {
        r = value_take(parse, "--timeout", word[9] ? word + 10 : NULL, &value);
        return r ? r : timeout_set(parse, value);
    }
    option = option_find(word, &inlined);
    if (!option)
        return refuse(parse, "There is no option %.100s.", word);
    target = (char *)parse->options + option->offset;
    if (option->is_flag) {
        const bool on = true;

        if (inlined)
            return refuse(parse, "%.100s takes no value.", option->name);
        memcpy(target, &on, sizeof(on));
        return 0;
    }
    if ((r = value_take(parse, option->name, inlined, &value)))
        return r;
    memcpy(target, &value, sizeof(value));
    return 0;
}

/* What the command's argument is, in the sentence that misses it. NULL: it takes none. */
static const char *argument_wanted(enum subcommand subcommand)
{
    static const char *const WANTED[N_SUBCOMMANDS] = {
        [SUBCOMMAND_JOIN] = "join needs the invite that a member gave you: syncshell join INVITE",
        [SUBCOMMAND_CODE] = "code needs a session's id: syncshell code SESSION",
        [SUBCOMMAND_REDEEM] =
            "redeem needs the code that the other device shows: syncshell redeem CODE",
        [SUBCOMMAND_REMOVE_MEMBER] =
            "remove-member needs the member's peer id: syncshell remove-member PEER",
        [SUBCOMMAND_HAND_OVER] =
            "hand-over needs the new owner's peer id: syncshell hand-over PEER",
    };

    return WANTED[subcommand];
}

static int word_take(struct parse *parse, const char *word)
{
    struct options *options = parse->options;

    if (options->subcommand == SUBCOMMAND_NONE) {
        options->subcommand = subcommand_find(word);
        if (options->subcommand == SUBCOMMAND_NONE)
            return refuse(parse, "There is no command \"%.100s\".", word);
        return 0;
    }
    if (!argument_wanted(options->subcommand) || options->argument)
        return refuse(parse, "\"%.100s\" is one argument too many.", word);
    options->argument = word;
    return 0;
}

static int passphrase_check(struct parse *parse)
{
    const struct options *options = parse->options;
    bool join = options->subcommand == SUBCOMMAND_JOIN;

    if (!join && options->subcommand != SUBCOMMAND_CREATE)
        return refuse(parse, "--passphrase-file has no meaning for %s.",
                      subcommand_name(options->subcommand));
    if (options->argument)
        return refuse(parse, "An invite needs no passphrase: leave one of them out.");
    if (join && !options->syncshell_id)
        return refuse(parse, "join with a passphrase needs the syncshell's id: --syncshell ID");
    if (!join && options->syncshell_id)
        return refuse(parse, "--syncshell has no meaning for create.");
    if (options->access_key_file && strcmp(options->access_key_file, "-") == 0 &&
        strcmp(options->passphrase_file, "-") == 0)
        return refuse(parse, "Only one of access key and passphrase can come from the standard "
                             "input: put the other into a file.");
    return 0;
}

/* What only shows when the whole line was read. */
static int line_check(struct parse *parse)
{
    const struct options *options = parse->options;

    if (options->help || options->version)
        return 0;
    if (options->subcommand == SUBCOMMAND_NONE)
        return refuse(parse, "A command is missing.");
    if (options->passphrase_file)
        return passphrase_check(parse);
    if (argument_wanted(options->subcommand) && !options->argument)
        return refuse(parse, "%s", argument_wanted(options->subcommand));
    if (options->subcommand == SUBCOMMAND_DELETE && !options->syncshell_id)
        return refuse(parse, "delete cannot be undone: name the syncshell with --syncshell.");
    if (options->subcommand == SUBCOMMAND_PEER && options->access_key_file &&
        strcmp(options->access_key_file, "-") == 0)
        return refuse(parse,
                      "peer reads its commands from the standard input: put the key into a file.");
    if (options->syncshell_id &&
        (options->subcommand == SUBCOMMAND_ID || options->subcommand == SUBCOMMAND_CREATE ||
         options->subcommand == SUBCOMMAND_JOIN))
        return refuse(parse, "--syncshell has no meaning for %s.",
                      subcommand_name(options->subcommand));
    return 0;
}

static bool asks_for(int argc, char **argv, const char *word, const char *other)
{
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], word) == 0 || strcmp(argv[i], other) == 0)
            return true;
    return false;
}

int options_parse(struct options *ret_options, int argc, char **argv,
                  char ret_problem[static OPTIONS_PROBLEM_SIZE])
{
    struct options options = {.timeout_ms = OPTIONS_TIMEOUT_S_DEFAULT * 1000};
    struct parse parse = {&options, argv, argc, 1, ret_problem};
    bool only_words = false, lenient;
    int r;

    options.help = asks_for(argc, argv, "--help", "-h");
    options.version = asks_for(argc, argv, "--version", "--version");
    lenient = options.help || options.version;
    for (; parse.position < argc; parse.position++) {
        const char *word = argv[parse.position];

        if (!only_words && strcmp(word, "--") == 0) {
            only_words = true;
            continue;
        }
        if (!only_words && word[0] == '-' && word[1])
            r = option_take(&parse, word);
        else
            r = word_take(&parse, word);
        if (r && !lenient)
            return r;
    }
    if ((r = line_check(&parse)))
        return r;
    *ret_options = options;
    return 0;
}
