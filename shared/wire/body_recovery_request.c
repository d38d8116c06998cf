#include "wire/body_json.h"

#include <errno.h>
#include <string.h>

#include "wire/limits.h"

void body_recovery_request_deinit(struct body_recovery_request *r)
{
    if (!r)
        return;
    body_file_list_deinit(&r->files);
    memset(r, 0, sizeof(*r));
}

/* The four places where a request's files go. */
struct request_parts {
    json_t *completed;
    json_t *hashes;
    json_t *sizes;
    json_t *partial;
};

static int request_add_file(const struct request_parts *p, const struct body_file *f)
{
    int r = 0;

    if (!f->done)
        return json_array_append_new(p->partial, body_file_to_json(f)) ? -ENOMEM : 0;
    if (json_array_append_new(p->completed, json_string(f->path)))
        return -ENOMEM;
    if (f->hash)
        r = body_json_set(p->hashes, f->path, body_hash_to_json(f));
    if (!r && f->size_bytes > 0)
        r = body_json_set(p->sizes, f->path, json_integer((json_int_t)f->size_bytes));
    return r;
}

static int request_fill(json_t *object, const struct body_recovery_request *request)
{
    struct request_parts p;
    int r = body_json_set(object, "requestId", json_string(request->request_id.text));

    if (!r)
        r = body_json_set(object, "part", json_integer(request->part));
    if (!r)
        r = body_json_set(object, "parts", json_integer(request->parts));
    if (!r)
        r = body_json_set_part(&p.completed, object, "completedFiles", json_array());
    if (!r)
        r = body_json_set_part(&p.hashes, object, "completedHashes", json_object());
    if (!r)
        r = body_json_set_part(&p.sizes, object, "completedSizes", json_object());
    if (!r)
        r = body_json_set_part(&p.partial, object, "partialFiles", json_array());
    for (size_t i = 0; !r && i < request->files.n_files; i++)
        r = request_add_file(&p, &request->files.files[i]);
    return r;
}

static bool parts_valid(uint64_t part, uint64_t parts)
{
    return part >= 1 && part <= parts && parts <= BODY_FILES_MAX;
}

int body_recovery_request_encode(struct buf *out, const struct body_recovery_request *r)
{
    int e = body_file_list_check(&r->files);
    json_t *object;

    if (e)
        return e;
    if (!parts_valid(r->part, r->parts) ||
        !wire_id_valid(r->request_id.text, strlen(r->request_id.text)))
        return BODY_E_INVALID;
    object = json_object();
    return body_json_finish(out, object, object ? request_fill(object, r) : -ENOMEM);
}

/* A completed file with what the two maps know about it; counts what it found there. */
static int completed_from_json(struct body_file *ret_file, const json_t *path, const json_t *hashes,
                               const json_t *sizes, size_t *n_hashes, size_t *n_sizes)
{
    struct body_file f = {.done = true};
    const json_t *hash = NULL;
    const json_t *size = NULL;
    int r = body_json_dup(&f.path, path, 1, BODY_PATH_MAX);

    if (!r) {
        hash = json_object_get(hashes, f.path);
        size = json_object_get(sizes, f.path);
    }
    if (!r && hash) {
        (*n_hashes)++;
        r = body_hash_from_json(&f, hash);
    }
    if (!r && size) {
        (*n_sizes)++;
        r = body_json_u64(&f.size_bytes, size, 0, WIRE_INTEGER_MAX);
    }
    if (r)
        body_file_deinit(&f);
    else
        *ret_file = f;
    return r;
}

static int list_take(struct body_file_list *l, struct body_file *takes_file)
{
    int r = body_file_list_append(l, takes_file);

    if (r)
        body_file_deinit(takes_file);
    return r;
}

static int completed_list_from_json(struct body_file_list *l, const json_t *object)
{
    const json_t *completed = json_object_get(object, "completedFiles");
    const json_t *hashes = json_object_get(object, "completedHashes");
    const json_t *sizes = json_object_get(object, "completedSizes");
    size_t n_hashes = 0;
    size_t n_sizes = 0;
    struct body_file f;
    int r = 0;

    if (!json_is_array(completed) || (hashes && !json_is_object(hashes)) ||
        (sizes && !json_is_object(sizes)))
        return BODY_E_INVALID;
    for (size_t i = 0; !r && i < json_array_size(completed); i++) {
        r = completed_from_json(&f, json_array_get(completed, i), hashes, sizes, &n_hashes,
                                &n_sizes);
        if (!r)
            r = list_take(l, &f);
    }
    /* With every path once (checked later), a smaller count means a key that is no completed file. */
    if (!r && (n_hashes != json_object_size(hashes) || n_sizes != json_object_size(sizes)))
        r = BODY_E_INVALID;
    return r;
}

static int partial_list_from_json(struct body_file_list *l, const json_t *partial)
{
    struct body_file f;
    int r = partial && !json_is_array(partial) ? BODY_E_INVALID : 0;

    for (size_t i = 0; !r && i < json_array_size(partial); i++) {
        r = body_file_from_json(&f, json_array_get(partial, i));
        if (!r && f.done) {
            body_file_deinit(&f);
            r = BODY_E_INVALID;
        }
        if (!r)
            r = list_take(l, &f);
    }
    return r;
}

static int request_from_json(struct body_recovery_request *request, const json_t *object)
{
    uint64_t part = 0;
    uint64_t parts = 0;
    int r = body_json_id(&request->request_id, json_object_get(object, "requestId"));

    if (!r)
        r = body_json_u64(&part, json_object_get(object, "part"), 1, BODY_FILES_MAX);
    if (!r)
        r = body_json_u64(&parts, json_object_get(object, "parts"), 1, BODY_FILES_MAX);
    if (!r && !parts_valid(part, parts))
        r = BODY_E_INVALID;
    if (r)
        return r;
    request->part = (uint32_t)part;
    request->parts = (uint32_t)parts;

    r = completed_list_from_json(&request->files, object);
    if (!r)
        r = partial_list_from_json(&request->files, json_object_get(object, "partialFiles"));
    return r ? r : body_file_list_check(&request->files);
}

int body_recovery_request_decode(struct body_recovery_request *ret_request, const void *json,
                                 size_t size)
{
    struct body_recovery_request request;
    json_t *object;
    int r = body_json_load(&object, json, size);

    if (r)
        return r;
    memset(&request, 0, sizeof(request));
    r = request_from_json(&request, object);
    json_decref(object);
    if (r)
        body_recovery_request_deinit(&request);
    else
        *ret_request = request;
    return r;
}
