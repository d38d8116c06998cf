/* What syncshell-relay does besides running: the commands that follow its options, each with its words. */
#ifndef RELAY_APP_COMMAND_H
#define RELAY_APP_COMMAND_H

struct options;
struct settings;

struct command {
    const char *name;
    /* What is wrong with the words after the name, NULL when nothing is. */
    const char *(*problem)(char *const *words);
    /* The exit status, after having said what was done or what went wrong. */
    int (*run)(const struct options *o, const struct settings *s);
};

const struct command *command_find(const char *name); /* NULL: there is none */

#endif
