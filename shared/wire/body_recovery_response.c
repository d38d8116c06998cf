#include "wire/body_json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/limits.h"

void body_recovery_response_deinit(struct body_recovery_response *r)
{
    if (!r)
        return;
    for (size_t i = 0; i < r->n_mismatched_paths; i++)
        free(r->mismatched_paths[i]);
    free(r->mismatched_paths);
    memset(r, 0, sizeof(*r));
}

static bool response_valid(const struct body_recovery_response *r)
{
    if (!wire_id_valid(r->request_id.text, strlen(r->request_id.text)) ||
        r->files_to_send > WIRE_INTEGER_MAX || r->bytes_to_send > WIRE_INTEGER_MAX ||
        r->n_mismatched_paths > BODY_FILES_MAX)
        return false;
    for (size_t i = 0; i < r->n_mismatched_paths; i++) {
        if (!body_path_valid(r->mismatched_paths[i]))
            return false;
    }
    return true;
}

static int response_fill(json_t *object, const struct body_recovery_response *response)
{
    json_t *mismatched = NULL;
    int r = body_json_set(object, "requestId", json_string(response->request_id.text));

    if (!r)
        r = body_json_set(object, "filesToSend", json_integer((json_int_t)response->files_to_send));
    if (!r)
        r = body_json_set(object, "bytesToSend", json_integer((json_int_t)response->bytes_to_send));
    if (!r)
        r = body_json_set_part(&mismatched, object, "mismatchedFiles", json_array());
    for (size_t i = 0; !r && i < response->n_mismatched_paths; i++) {
        if (json_array_append_new(mismatched, json_string(response->mismatched_paths[i])))
            r = -ENOMEM;
    }
    return r;
}

int body_recovery_response_encode(struct buf *out, const struct body_recovery_response *r)
{
    json_t *object;

    if (!response_valid(r))
        return BODY_E_INVALID;
    object = json_object();
    return body_json_finish(out, object, object ? response_fill(object, r) : -ENOMEM);
}

static int mismatched_from_json(struct body_recovery_response *response, const json_t *array)
{
    size_t n = json_array_size(array);
    int r = 0;

    if (!json_is_array(array) || n > BODY_FILES_MAX)
        return BODY_E_INVALID;
    if (n == 0)
        return 0;
    response->mismatched_paths = calloc(n, sizeof(*response->mismatched_paths));
    if (!response->mismatched_paths)
        return -ENOMEM;
    for (size_t i = 0; !r && i < n; i++) {
        r = body_json_dup(&response->mismatched_paths[i], json_array_get(array, i), 1,
                          BODY_PATH_MAX);
        if (!r)
            response->n_mismatched_paths++;
    }
    return r;
}

static int response_from_json(struct body_recovery_response *response, const json_t *object)
{
    int r = body_json_id(&response->request_id, json_object_get(object, "requestId"));

    if (!r)
        r = body_json_u64(&response->files_to_send, json_object_get(object, "filesToSend"), 0,
                          WIRE_INTEGER_MAX);
    if (!r)
        r = body_json_u64(&response->bytes_to_send, json_object_get(object, "bytesToSend"), 0,
                          WIRE_INTEGER_MAX);
    if (!r)
        r = mismatched_from_json(response, json_object_get(object, "mismatchedFiles"));
    return r || response_valid(response) ? r : BODY_E_INVALID;
}

int body_recovery_response_decode(struct body_recovery_response *ret_response, const void *json,
                                  size_t size)
{
    struct body_recovery_response response;
    json_t *object;
    int r = body_json_load(&object, json, size);

    if (r)
        return r;
    memset(&response, 0, sizeof(response));
    r = response_from_json(&response, object);
    json_decref(object);
    if (r)
        body_recovery_response_deinit(&response);
    else
        *ret_response = response;
    return r;
}
