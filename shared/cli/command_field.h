/* Reading one field of a command. Each returns 0, or E_ARGUMENT with a sentence in `call->problem`; an absent optional field leaves
 * the result at what "absent" means to the library. */
#ifndef SHARED_CLI_COMMAND_FIELD_H
#define SHARED_CLI_COMMAND_FIELD_H

#include "cli/command.h"

struct word_value {
    const char *word;
    int32_t value;
};

/* A text; NULL when absent and `missing` is NULL, refused with the sentence `missing` otherwise. */
int32_t field_text(struct command_call *call, const char *name, const char *missing,
                   const char **ret_text, size_t *ret_length);

/* A required whole number from 0. */
int32_t field_generation(struct command_call *call, uint64_t *ret_generation);

/* An optional whole number from 0 to 65535; -1 when absent. */
int32_t field_index(struct command_call *call, const char *name, int32_t *ret_index);

/* One of the words, required; `problem` names them all. */
int32_t field_word(struct command_call *call, const char *name, const struct word_value *words,
                   size_t n_words, const char *problem, int32_t *ret_value);

#endif
