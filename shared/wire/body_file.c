#include "wire/body_json.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "wire/limits.h"

void body_file_deinit(struct body_file *f)
{
    if (!f)
        return;
    free(f->path);
    free(f->hash);
    free(f->algorithm);
    free(f->ranges);
    memset(f, 0, sizeof(*f));
}

static int dup_optional(char **ret_copy, const char *text)
{
    char *copy = NULL;

    if (text) {
        copy = strdup(text);
        if (!copy)
            return -ENOMEM;
    }
    *ret_copy = copy;
    return 0;
}

int body_file_copy(struct body_file *ret_copy, const struct body_file *f)
{
    struct body_file copy = {
        .size_bytes = f->size_bytes, .done = f->done, .mismatched = f->mismatched};
    int r = dup_optional(&copy.path, f->path);

    if (!r)
        r = dup_optional(&copy.hash, f->hash);
    if (!r)
        r = dup_optional(&copy.algorithm, f->algorithm);
    if (!r && f->n_ranges > 0) {
        copy.ranges = calloc(f->n_ranges, sizeof(*copy.ranges));
        if (copy.ranges) {
            memcpy(copy.ranges, f->ranges, f->n_ranges * sizeof(*copy.ranges));
            copy.n_ranges = f->n_ranges;
        } else {
            r = -ENOMEM;
        }
    }
    if (r) {
        body_file_deinit(&copy);
        return r;
    }
    *ret_copy = copy;
    return 0;
}

bool body_path_valid(const char *path)
{
    size_t length = strnlen(path, BODY_PATH_MAX + 1);

    return length >= 1 && length <= BODY_PATH_MAX && !strchr(path, '\n') &&
           str_utf8_valid(path, length);
}

static bool hash_valid(const char *algorithm, const char *hash)
{
    size_t n_algorithm = strnlen(algorithm, BODY_ALGORITHM_MAX + 1);
    size_t n_hash = strnlen(hash, BODY_HASH_MAX + 1);

    return n_algorithm >= 1 && n_algorithm <= BODY_ALGORITHM_MAX && n_hash >= 1 &&
           n_hash <= BODY_HASH_MAX &&
           strspn(algorithm, "abcdefghijklmnopqrstuvwxyz0123456789-") == n_algorithm &&
           strspn(hash, "0123456789abcdefABCDEF") == n_hash;
}

static bool ranges_valid(const struct body_file *f)
{
    uint64_t previous_end = 0;

    if (f->n_ranges > BODY_RANGES_MAX || (f->done && f->n_ranges > 0))
        return false;
    for (size_t i = 0; i < f->n_ranges; i++) {
        const struct body_range *range = &f->ranges[i];

        if (range->begin < previous_end || range->end <= range->begin)
            return false;
        previous_end = range->end;
    }
    return previous_end <= f->size_bytes;
}

bool body_file_valid(const struct body_file *f)
{
    if (!f->path || !body_path_valid(f->path) || f->size_bytes > WIRE_INTEGER_MAX)
        return false;
    if (!f->hash != !f->algorithm)
        return false;
    if (f->hash && !hash_valid(f->algorithm, f->hash))
        return false;
    return ranges_valid(f);
}

void body_file_list_deinit(struct body_file_list *l)
{
    if (!l)
        return;
    for (size_t i = 0; i < l->n_files; i++)
        body_file_deinit(&l->files[i]);
    free(l->files);
    memset(l, 0, sizeof(*l));
}

int body_file_list_append(struct body_file_list *l, struct body_file *takes_file)
{
    if (l->n_files >= BODY_FILES_MAX)
        return BODY_E_INVALID;
    if (l->n_files == l->capacity) {
        size_t capacity = l->capacity == 0 ? 16 : l->capacity * 2;
        struct body_file *files = realloc(l->files, capacity * sizeof(*files));

        if (!files)
            return -ENOMEM;
        l->files = files;
        l->capacity = capacity;
    }
    l->files[l->n_files++] = *takes_file;
    memset(takes_file, 0, sizeof(*takes_file));
    return 0;
}

int body_file_list_check(const struct body_file_list *l)
{
    json_t *seen = json_object();
    int r = seen ? 0 : -ENOMEM;

    assert(l->n_files <= BODY_FILES_MAX); /* by body_file_list_append() */
    for (size_t i = 0; !r && i < l->n_files; i++) {
        r = body_file_valid(&l->files[i]) ? 0 : BODY_E_INVALID;
        if (!r)
            r = body_path_first_time(seen, l->files[i].path);
    }
    json_decref(seen);
    return r;
}

static size_t escaped_bytes(const char *text)
{
    size_t n = 0;

    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            n += 2;
        else
            n += (unsigned char)*text < 0x20 ? 6 : 1;
    }
    return n;
}

size_t body_file_encoded_bytes_max(const struct body_file *f)
{
    /* The longest form without its texts: {"path":"","size":9007199254740991,"hash":":","done":true,"ranges":[]}, or three
     * keys of a completed file with their punctuation; and a range is [b,e], with two numbers of up to 16 digits. */
    const size_t fixed = 96;
    const size_t range = 36;
    size_t hash = f->hash ? strlen(f->hash) + strlen(f->algorithm) : 0;

    return fixed + 3 * escaped_bytes(f->path) + hash + range * f->n_ranges;
}
