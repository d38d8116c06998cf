#include "wire/strict_json.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* Follows jansson's own idea of where strings begin and end for as long as the text is JSON; where it ceases to be,
 * jansson stops too. */
static bool nesting_within(const char *text, size_t size, size_t depth_max)
{
    size_t depth = 0;
    bool in_string = false;

    for (size_t i = 0; i < size; i++) {
        char c = text[i];

        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            if (++depth > depth_max)
                return false;
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return true;
}

/* jansson has no error for memory that runs out: it leaves the error empty, or says of a string that it could not copy that
 * it is no token, or no string. Said of other tokens that is true, but those do not end in a quotation mark. */
static bool out_of_memory(const json_error_t *error, const char *text, size_t size)
{
    static const char *const said_of_strings[] = {"invalid token", "string or '}' expected"};
    size_t position = error->position > 0 ? (size_t)error->position : 0;

    if (json_error_code(error) == json_error_out_of_memory || error->text[0] == '\0')
        return true;
    if (position < 1 || position > size || text[position - 1] != '"')
        return false;
    for (size_t i = 0; i < sizeof(said_of_strings) / sizeof(said_of_strings[0]); i++) {
        if (strncmp(error->text, said_of_strings[i], strlen(said_of_strings[i])) == 0)
            return true;
    }
    return false;
}

int strict_json_load(json_t **ret_object, const void *data, size_t size, size_t depth_max)
{
    json_error_t error;
    json_t *object;

    if (!nesting_within(data, size, depth_max))
        return STRICT_JSON_E_TOO_DEEP;

    memset(&error, 0, sizeof(error));
    object = json_loadb(data, size, JSON_REJECT_DUPLICATES, &error);
    if (!object) {
        if (json_error_code(&error) == json_error_duplicate_key)
            return STRICT_JSON_E_DUPLICATE_KEY;
        return out_of_memory(&error, data, size) ? -ENOMEM : STRICT_JSON_E_INVALID;
    }
    if (!json_is_object(object)) {
        json_decref(object);
        return STRICT_JSON_E_INVALID;
    }
    *ret_object = object;
    return 0;
}

struct dump {
    struct buf *out;
    int error;
};

static int dump_append(const char *text, size_t size, void *user)
{
    struct dump *d = user;

    if (!d->error)
        d->error = buf_append(d->out, text, size);
    return d->error ? -1 : 0;
}

int strict_json_append(struct buf *out, const json_t *value)
{
    struct dump dump = {.out = out};
    size_t start = out->size;

    int r = json_dump_callback(value, dump_append, &dump, JSON_COMPACT) ? -ENOMEM : 0;

    /* jansson goes on when a key could not be written, so its own result is not enough. */
    if (dump.error)
        r = dump.error;
    if (r)
        out->size = start;
    return r;
}
