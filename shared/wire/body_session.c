#include "wire/body_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

void body_session_entry_deinit(struct body_session_entry *e)
{
    if (!e)
        return;
    free(e->label);
    body_file_list_deinit(&e->files);
    memset(e, 0, sizeof(*e));
}

static json_t *files_to_json(const struct body_file_list *l)
{
    json_t *array = json_array();

    for (size_t i = 0; array && i < l->n_files; i++) {
        if (json_array_append_new(array, body_file_to_json(&l->files[i]))) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static bool label_valid(const char *label)
{
    size_t length = strnlen(label, BODY_LABEL_MAX + 1);

    return length <= BODY_LABEL_MAX && str_utf8_valid(label, length);
}

int body_session_entry_encode(struct buf *out, const struct body_session_entry *e)
{
    json_t *object;
    int r = body_file_list_check(&e->files);

    if (r)
        return r;
    if (e->label && !label_valid(e->label))
        return BODY_E_INVALID;

    object = json_object();
    r = object ? 0 : -ENOMEM;
    if (!r && e->label)
        r = body_json_set(object, "label", json_string(e->label));
    if (!r && (!e->label || e->files.n_files > 0))
        r = body_json_set(object, "files", files_to_json(&e->files));
    return body_json_finish(out, object, r);
}

static int files_from_json(struct body_file_list *l, const json_t *array)
{
    size_t n = json_array_size(array);
    int r = json_is_array(array) ? 0 : BODY_E_INVALID;

    for (size_t i = 0; !r && i < n; i++) {
        struct body_file f;

        r = body_file_from_json(&f, json_array_get(array, i));
        if (r)
            break;
        r = body_file_list_append(l, &f);
        if (r)
            body_file_deinit(&f);
    }
    return r ? r : body_file_list_check(l);
}

int body_session_entry_decode(struct body_session_entry *ret_entry, const void *json, size_t size)
{
    struct body_session_entry e = {0};
    const json_t *label;
    const json_t *files;
    json_t *object;
    int r = body_json_load(&object, json, size);

    if (r)
        return r;
    label = json_object_get(object, "label");
    files = json_object_get(object, "files");
    if (label)
        r = body_json_dup(&e.label, label, 0, BODY_LABEL_MAX);
    if (!r && files)
        r = files_from_json(&e.files, files);
    json_decref(object);
    if (r)
        body_session_entry_deinit(&e);
    else
        *ret_entry = e;
    return r;
}
