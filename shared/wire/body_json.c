#include "wire/body_json.h"

#include <errno.h>
#include <string.h>

#include "wire/limits.h"
#include "wire/strict_json.h"

enum { BODY_DEPTH_MAX = 8 };

int body_json_load(json_t **ret_object, const void *json, size_t size)
{
    int r;

    if (size > WIRE_BODY_MAX)
        return BODY_E_INVALID;
    r = strict_json_load(ret_object, json, size, BODY_DEPTH_MAX);
    return r > 0 ? BODY_E_INVALID : r;
}

int body_json_finish(struct buf *out, json_t *takes_object, int error)
{
    int r = error ? error : strict_json_append(out, takes_object);

    json_decref(takes_object);
    return r;
}

int body_json_set(json_t *object, const char *key, json_t *takes_value)
{
    return json_object_set_new(object, key, takes_value) ? -ENOMEM : 0;
}

int body_json_set_part(json_t **ret_part, json_t *object, const char *key, json_t *takes_part)
{
    int r = body_json_set(object, key, takes_part);

    if (!r)
        *ret_part = takes_part;
    return r;
}

int body_json_dup(char **ret_text, const json_t *value, size_t min, size_t max)
{
    if (!json_is_string(value))
        return BODY_E_INVALID;

    size_t length = json_string_length(value);
    if (length < min || length > max)
        return BODY_E_INVALID;

    char *text = strdup(json_string_value(value));
    if (!text)
        return -ENOMEM;
    *ret_text = text;
    return 0;
}

int body_json_u64(uint64_t *ret_number, const json_t *value, uint64_t min, uint64_t max)
{
    if (!json_is_integer(value))
        return BODY_E_INVALID;

    json_int_t number = json_integer_value(value);
    if (number < 0 || (uint64_t)number < min || (uint64_t)number > max)
        return BODY_E_INVALID;
    *ret_number = (uint64_t)number;
    return 0;
}

int body_json_id(struct wire_id *ret_id, const json_t *value)
{
    if (!json_is_string(value) || wire_id_set(ret_id, json_string_value(value)))
        return BODY_E_INVALID;
    return 0;
}

int body_path_first_time(json_t *seen, const char *path)
{
    if (json_object_get(seen, path))
        return BODY_E_INVALID;
    return body_json_set(seen, path, json_true());
}
