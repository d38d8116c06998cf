#include "wire/body_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/limits.h"

json_t *body_hash_to_json(const struct body_file *f)
{
    char text[BODY_ALGORITHM_MAX + 1 + BODY_HASH_MAX + 1];

    (void)snprintf(text, sizeof(text), "%s:%s", f->algorithm, f->hash);
    return json_string(text);
}

int body_hash_from_json(struct body_file *f, const json_t *value)
{
    const char *text = json_string_value(value);
    const char *colon = text ? strchr(text, ':') : NULL;

    if (!colon)
        return BODY_E_INVALID;
    f->algorithm = strdup(text);
    f->hash = strdup(colon + 1);
    if (!f->algorithm || !f->hash)
        return -ENOMEM;
    f->algorithm[colon - text] = '\0';
    return 0;
}

static json_t *range_to_json(const struct body_range *range)
{
    return json_pack("[I,I]", (json_int_t)range->begin, (json_int_t)range->end);
}

static json_t *ranges_to_json(const struct body_file *f)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < f->n_ranges; i++) {
        if (json_array_append_new(array, range_to_json(&f->ranges[i]))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static int range_from_json(struct body_range *ret_range, const json_t *value)
{
    int r;

    if (!json_is_array(value) || json_array_size(value) != 2)
        return BODY_E_INVALID;
    r = body_json_u64(&ret_range->begin, json_array_get(value, 0), 0, WIRE_INTEGER_MAX);
    if (r)
        return r;
    return body_json_u64(&ret_range->end, json_array_get(value, 1), 1, WIRE_INTEGER_MAX);
}

static int ranges_from_json(struct body_file *f, const json_t *array)
{
    size_t n = json_array_size(array);

    if (!json_is_array(array) || n > BODY_RANGES_MAX)
        return BODY_E_INVALID;
    if (n == 0)
        return 0;
    f->ranges = calloc(n, sizeof(*f->ranges));
    if (!f->ranges)
        return -ENOMEM;
    for (f->n_ranges = 0; f->n_ranges < n; f->n_ranges++) {
        int r = range_from_json(&f->ranges[f->n_ranges], json_array_get(array, f->n_ranges));

        if (r)
            return r;
    }
    return 0;
}

json_t *body_file_to_json(const struct body_file *f)
{
    json_t *object = json_object();
    int r = object ? 0 : -ENOMEM;

    if (!r)
        r = body_json_set(object, "path", json_string(f->path));
    if (!r)
        r = body_json_set(object, "size", json_integer((json_int_t)f->size_bytes));
    if (!r && f->hash)
        r = body_json_set(object, "hash", body_hash_to_json(f));
    if (!r && f->done)
        r = body_json_set(object, "done", json_true());
    if (!r && f->n_ranges > 0)
        r = body_json_set(object, "ranges", ranges_to_json(f));
    if (r) {
        json_decref(object);
        return NULL;
    }
    return object;
}

int body_file_from_json(struct body_file *ret_file, const json_t *object)
{
    const json_t *hash = json_object_get(object, "hash");
    const json_t *done = json_object_get(object, "done");
    const json_t *ranges = json_object_get(object, "ranges");
    struct body_file f = {.done = json_is_true(done)};
    int r;

    r = body_json_dup(&f.path, json_object_get(object, "path"), 1, BODY_PATH_MAX);
    if (!r)
        r = body_json_u64(&f.size_bytes, json_object_get(object, "size"), 0, WIRE_INTEGER_MAX);
    if (!r && hash)
        r = body_hash_from_json(&f, hash);
    if (!r && done && !json_is_boolean(done))
        r = BODY_E_INVALID;
    if (!r && ranges)
        r = ranges_from_json(&f, ranges);
    if (!r && !body_file_valid(&f))
        r = BODY_E_INVALID;
    if (r) {
        body_file_deinit(&f);
        return r;
    }
    *ret_file = f;
    return 0;
}
