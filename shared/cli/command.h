/* The commands of `syncshell peer`: one JSON object becomes one call of the library. The table holds all that is known about a
 * command: its fields, what help says of it, and the function; so a command cannot be without help, and a field that is not in
 * the table is refused instead of being ignored. */
#ifndef SHARED_CLI_COMMAND_H
#define SHARED_CLI_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include <syncshell/syncshell.h>

struct command_call {
    syncshell_client *client;
    const char
        *syncshell_id;    /* for commands that name none; NULL: the caller knows none, or several */
    const json_t *fields; /* the whole line, an object */
    uint64_t ticket;      /* result; 0: the command has none */
    const char *problem;  /* result: a sentence that says more than the error; static */
    bool quit;            /* result */
};

struct command {
    const char *name;
    const char *
        fields; /* besides command and tag, with blanks between; those that may be absent in brackets */
    const char *example; /* a line to be pasted */
    const char *meaning; /* for help; lines of at most 110 columns */
    int32_t (*run)(struct command_call *call, int32_t parameter);
    int32_t parameter;       /* what tells commands of one function apart */
    const char *not_allowed; /* a sentence for the library's E_ARGUMENT */
};

extern const struct command COMMANDS[];
extern const size_t COMMANDS_COUNT;

/* NULL when there is none of that name. */
const struct command *command_find(const char *name);

/* Runs the command that `call->fields` names: 0 or a syncshell_error with `problem` set. E_BUSY: nothing has happened, it may be run again. */
int32_t command_run(struct command_call *call);

#endif
