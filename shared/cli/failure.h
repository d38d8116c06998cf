/* What went wrong, as sentences for a person: each says what happened and what to do about it. */
#ifndef SHARED_CLI_FAILURE_H
#define SHARED_CLI_FAILURE_H

#include <stdint.h>

/* A sentence for a syncshell_error; never NULL. */
const char *failure_sentence(int32_t error);

/* Prints "syncshell: <sentence>" to stderr. printf-like. */
void failure_print(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Prints a syncshell_error: the sentence and its name. */
void failure_print_error(int32_t error);

#endif
