/* Runs the command `syncshell` (linked with the fake library) as a process of its own. */
#ifndef TESTS_UNIT_CLI_PROGRAM_H
#define TESTS_UNIT_CLI_PROGRAM_H

#include <stddef.h>

struct program_result {
    int status;   /* exit status, or 256 + signal */
    char *output; /* NUL-terminated */
    char *errors;
};

/* `input` (may be NULL) goes to stdin, which is then closed. The arguments end with NULL. Fails the test when the program cannot be
 * run. Free the result with program_result_deinit(). */
void program_run(struct program_result *ret_result, const char *input, size_t input_length,
                 const char *const arguments[]);

void program_result_deinit(struct program_result *result);

#endif
