#include "cli/file_json.h"

#include <stdlib.h>
#include <string.h>

struct reading {
    enum file_purpose purpose;
    const char *problem;
};

static int refuse(struct reading *reading, const char *problem)
{
    reading->problem = problem;
    return -1;
}

static bool is_single(enum file_purpose purpose)
{
    return purpose == FILE_PURPOSE_DONE || purpose == FILE_PURPOSE_PARTIAL;
}

/* An absent text is NULL. */
static int read_text(struct reading *reading, const json_t *object, const char *name,
                     const char *problem, const char **ret_text)
{
    const json_t *value = json_object_get(object, name);

    if (value && !json_is_string(value))
        return refuse(reading, problem);
    *ret_text = json_string_value(value);
    return 0;
}

static int read_bytes(struct reading *reading, const json_t *value, const char *problem,
                      uint64_t *ret_bytes)
{
    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return refuse(reading, problem);
    *ret_bytes = (uint64_t)json_integer_value(value);
    return 0;
}

static int read_ranges(struct reading *reading, const json_t *value, syncshell_file *file)
{
    static const char PROBLEM[] = "\"ranges\" is a list of [begin, end] in bytes, end exclusive.";
    size_t count = json_array_size(value);
    syncshell_range *ranges;

    if (!json_is_array(value))
        return refuse(reading, PROBLEM);
    if (count == 0)
        return 0;
    ranges = calloc(count, sizeof(*ranges));
    if (!ranges)
        return refuse(reading, "There is not enough memory for the ranges.");
    file->ranges = ranges;
    file->n_ranges = count;
    for (size_t i = 0; i < count; i++) {
        const json_t *range = json_array_get(value, i);

        if (json_array_size(range) != 2 ||
            read_bytes(reading, json_array_get(range, 0), PROBLEM, &ranges[i].begin) ||
            read_bytes(reading, json_array_get(range, 1), PROBLEM, &ranges[i].end))
            return refuse(reading, PROBLEM);
    }
    return 0;
}

/* "done" and "ranges", as far as the purpose allows them. */
static int read_state(struct reading *reading, const json_t *object, syncshell_file *file)
{
    const json_t *done = json_object_get(object, "done"),
                 *ranges = json_object_get(object, "ranges");

    if (reading->purpose == FILE_PURPOSE_MANIFEST && (done || ranges))
        return refuse(
            reading,
            "A manifest says what there is: its files have neither \"done\" nor \"ranges\".");
    if (reading->purpose == FILE_PURPOSE_PARTIAL && !ranges)
        return refuse(reading,
                      "\"ranges\" is missing: a list of [begin, end] in bytes, end exclusive.");
    if (done && !json_is_boolean(done))
        return refuse(reading, "\"done\" is true or false.");
    if (reading->purpose == FILE_PURPOSE_DONE || json_is_true(done))
        file->flags = SYNCSHELL_FILE_DONE;
    if (ranges && read_ranges(reading, ranges, file))
        return -1;
    if (file->n_ranges > 0 && file->flags)
        return refuse(reading, "A file is either \"done\" or has \"ranges\", not both.");
    return 0;
}

static int check_names(struct reading *reading, const json_t *object)
{
    static const char *const NAMES[] = {"path", "size", "hash", "algorithm", "done", "ranges"};
    void *iterator = json_object_iter((json_t *)(uintptr_t)object);

    for (; iterator; iterator = json_object_iter_next((json_t *)(uintptr_t)object, iterator)) {
        const char *name = json_object_iter_key(iterator);
        size_t i = 0;

        while (i < sizeof(NAMES) / sizeof(NAMES[0]) && strcmp(name, NAMES[i]) != 0)
            i++;
        if (i == sizeof(NAMES) / sizeof(NAMES[0]))
            return refuse(
                reading,
                "A file has only \"path\", \"size\", \"hash\", \"algorithm\", \"done\" and \"ranges\".");
    }
    return 0;
}

static int read_file(struct reading *reading, const json_t *object, syncshell_file *file)
{
    file->size = sizeof(*file);
    if (!json_is_object(object))
        return refuse(reading, "Each of \"files\" is an object with \"path\" and \"size\".");
    if (!is_single(reading->purpose) && check_names(reading, object))
        return -1;
    if (read_text(reading, object, "path", "A file's \"path\" is a text.", &file->path) ||
        read_text(reading, object, "hash", "A file's \"hash\" is a text of hex digits.",
                  &file->hash) ||
        read_text(reading, object, "algorithm",
                  "A file's \"algorithm\" is a text such as \"sha256\".", &file->algorithm))
        return -1;
    if (!file->path)
        return refuse(reading, "A file's \"path\" is missing.");
    if (!file->hash != !file->algorithm)
        return refuse(reading, "\"hash\" and \"algorithm\" come together, or neither.");
    if (read_bytes(reading, json_object_get(object, "size"),
                   "A file's \"size\" is its bytes, a whole number.", &file->size_bytes))
        return -1;
    return read_state(reading, object, file);
}

int file_set_init(struct file_set *ret_set, const json_t *json, enum file_purpose purpose,
                  const char **ret_problem)
{
    struct reading reading = {.purpose = purpose};
    size_t count = is_single(purpose) ? 1 : json_array_size(json);
    struct file_set set = {.n_files = count};
    int r = 0;

    if (!is_single(purpose) && !json_is_array(json)) {
        *ret_problem = "\"files\" is a list of objects with \"path\" and \"size\".";
        return -1;
    }
    set.files = calloc(count ? count : 1, sizeof(*set.files));
    if (!set.files) {
        *ret_problem = "There is not enough memory for the files.";
        return -1;
    }
    for (size_t i = 0; !r && i < count; i++)
        r = read_file(&reading, is_single(purpose) ? json : json_array_get(json, i), &set.files[i]);
    if (r) {
        file_set_deinit(&set);
        *ret_problem = reading.problem;
        return -1;
    }
    *ret_set = set;
    return 0;
}

void file_set_deinit(struct file_set *set)
{
    for (size_t i = 0; set->files && i < set->n_files; i++)
        free((void *)(uintptr_t)set->files[i].ranges);
    free(set->files);
    *set = (struct file_set){0};
}
