#include "cli/command_field.h"

#include <string.h>

static int32_t refuse(struct command_call *call, const char *problem)
{
    call->problem = problem;
    return SYNCSHELL_E_ARGUMENT;
}

int32_t field_text(struct command_call *call, const char *name, const char *missing,
                   const char **ret_text, size_t *ret_length)
{
    const json_t *value = json_object_get(call->fields, name);

    if (!value && missing)
        return refuse(call, missing);
    if (value && !json_is_string(value))
        return refuse(
            call, "A field that is a text has another kind of value: put it in quotation marks.");
    *ret_text = json_string_value(value);
    if (ret_length)
        *ret_length = json_string_length(value);
    return SYNCSHELL_OK;
}

int32_t field_generation(struct command_call *call, uint64_t *ret_generation)
{
    const json_t *value = json_object_get(call->fields, "generation");

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return refuse(
            call, "\"generation\" is a whole number: the one that offer_needed or offer named.");
    *ret_generation = (uint64_t)json_integer_value(value);
    return SYNCSHELL_OK;
}

int32_t field_index(struct command_call *call, const char *name, int32_t *ret_index)
{
    const json_t *value = json_object_get(call->fields, name);

    if (!value) {
        *ret_index = -1;
        return SYNCSHELL_OK;
    }
    if (!json_is_integer(value) || json_integer_value(value) < 0 ||
        json_integer_value(value) > UINT16_MAX)
        return refuse(call, "\"sdpMLineIndex\" is a whole number from 0 to 65535.");
    *ret_index = (int32_t)json_integer_value(value);
    return SYNCSHELL_OK;
}

int32_t field_word(struct command_call *call, const char *name, const struct word_value *words,
                   size_t n_words, const char *problem, int32_t *ret_value)
{
    const char *text = json_string_value(json_object_get(call->fields, name));

    for (size_t i = 0; text && i < n_words; i++) {
        if (strcmp(text, words[i].word) != 0)
            continue;
        *ret_value = words[i].value;
        return SYNCSHELL_OK;
    }
    return refuse(call, problem);
}
