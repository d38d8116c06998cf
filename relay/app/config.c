#include "app/config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "adapters/toml_tomlpp/toml.h"
#include "app/config_check.h"
#include "app/fault.h"
#include "app/place.h"
#include "base/str.h"

enum { PLACE_SIZE = 512, CHOICES_SIZE = 256 };

/* What is being read: the settings under construction, where they are from, and where faults go. */
struct reading {
    struct settings *settings;
    struct places *places;
    struct faults *faults;
};

static void choices_text(const struct setting *row, char *ret_text, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; row->choices[i] && used < size; i++)
        used += (size_t)snprintf(ret_text + used, size - used, "%s\"%s\"", i ? ", " : "",
                                 row->choices[i]);
}

static void take_choice(struct reading *r, const struct setting *row, const char *place,
                        const char *text)
{
    for (size_t i = 0; row->choices[i]; i++) {
        if (str_equal(row->choices[i], text)) {
            setting_set_value(r->settings, row, i);
            return;
        }
    }
    char choices[CHOICES_SIZE];
    choices_text(row, choices, sizeof choices);
    fault_add(r->faults, place, "%s: \"%s\" is not one of %s", row->key, text, choices);
}

static void take_integer(struct reading *r, const struct setting *row, const char *place,
                         int64_t value)
{
    if (value < 0 || (uint64_t)value < row->min || (uint64_t)value > row->max)
        fault_add(r->faults, place, "%s: %" PRId64 " is not between %" PRIu64 " and %" PRIu64,
                  row->key, value, row->min, row->max);
    else
        setting_set_value(r->settings, row, (uint64_t)value);
}

static void unknown_key(struct reading *r, const char *place, const char *what, const char *name,
                        const char *key)
{
    const struct setting *nearest = setting_find_nearest(key);
    char suggestion[SETTING_ENVIRONMENT_NAME_SIZE] = "";
    if (nearest && str_equal(name, key))
        snprintf(suggestion, sizeof suggestion, "%s", nearest->key);
    else if (nearest)
        setting_environment_name(nearest, suggestion);
    if (*suggestion)
        fault_add(r->faults, place, "unknown %s \"%s\"; did you mean \"%s\"?", what, name,
                  suggestion);
    else
        fault_add(r->faults, place, "unknown %s \"%s\"; --print-example lists all keys", what,
                  name);
}

static bool is_section(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < setting_count; i++)
        if (strncmp(setting_table[i].key, name, length) == 0 && setting_table[i].key[length] == '.')
            return true;
    return false;
}

/* Every item that is wrong is told; the list is taken only as a whole. */
static void take_list(struct reading *r, const struct setting *row, const char *place,
                      const char *const *items)
{
    bool valid = true;
    for (size_t i = 0; row->item_fault && items[i]; i++) {
        const char *fault = row->item_fault(items[i]);
        if (!fault)
            continue;
        valid = false;
        fault_add(r->faults, place, "%s: \"%s\" %s", row->key, items[i], fault);
    }
    if (valid)
        fault_note(r->faults, setting_set_list(r->settings, row, items));
}

/* ---- the file ---- */

static const char *type_name(enum setting_type type)
{
    switch (type) {
    case SETTING_INTEGER:
        return "an integer";
    case SETTING_LIST:
        return "an array of strings";
    case SETTING_TEXT:
    case SETTING_CHOICE:
        break;
    }
    return "a string";
}

static void take_toml(struct reading *r, const char *place, const struct toml_value *v)
{
    const struct setting *row = setting_find(v->key);
    if (ice_settings_has_key(v->key)) {
        ice_settings_take(&r->settings->ice, r->faults, place, v);
        return;
    }
    if (v->table > 0 && v->type != TOML_TABLE)
        return; /* what is wrong with its table is told */
    if (!row) {
        if (!is_section(v->key))
            unknown_key(r, place, "key", v->key, v->key);
        else if (v->type != TOML_EMPTY_TABLE)
            fault_add(r->faults, place, "%s: must be a section, [%s]", v->key, v->key);
        return;
    }
    fault_note(r->faults, places_note(r->places, row, place));
    if (row->type == SETTING_TEXT && v->type == TOML_STRING)
        fault_note(r->faults, setting_set_text(r->settings, row, v->string));
    else if (row->type == SETTING_CHOICE && v->type == TOML_STRING)
        take_choice(r, row, place, v->string);
    else if (row->type == SETTING_INTEGER && v->type == TOML_INTEGER)
        take_integer(r, row, place, v->integer);
    else if (row->type == SETTING_LIST && v->type == TOML_STRINGS)
        take_list(r, row, place, (const char *const *)v->strings);
    else
        fault_add(r->faults, place, "%s: must be %s", row->key, type_name(row->type));
}

static void read_file(struct reading *r, const char *path)
{
    struct toml_document document;
    struct toml_error error;
    char place[PLACE_SIZE];
    int result = toml_load(&document, path, &error);
    if (result == -ENOMEM) {
        r->faults->error = result;
    } else if (result < 0) {
        if (error.line)
            snprintf(place, sizeof place, "%s:%u:%u", path, error.line, error.column);
        else
            snprintf(place, sizeof place, "%s", path);
        fault_add(r->faults, place, "%s", error.text);
    } else {
        for (size_t i = 0; i < document.n_values; i++) {
            snprintf(place, sizeof place, "%s:%u", path, document.values[i].line);
            take_toml(r, place, &document.values[i]);
        }
        ice_settings_finish(&r->settings->ice, r->faults, path);
        toml_document_deinit(&document);
    }
}

/* ---- texts: the environment and the command line ---- */

static void take_list_text(struct reading *r, const struct setting *row, const char *place,
                           const char *text)
{
    char *copy = strdup(text);
    const char **items = (const char **)calloc(strlen(text) + 2, sizeof *items);
    if (copy && items) {
        size_t n = 0;
        char *rest = NULL;
        for (char *item = strtok_r(copy, ", ", &rest); item; item = strtok_r(NULL, ", ", &rest))
            items[n++] = item;
        take_list(r, row, place, items);
    } else {
        r->faults->error = -ENOMEM;
    }
    free((void *)items);
    free(copy);
}

static void take_text(struct reading *r, const struct setting *row, const char *place,
                      const char *text)
{
    fault_note(r->faults, places_note(r->places, row, place));
    switch (row->type) {
    case SETTING_TEXT:
        fault_note(r->faults, setting_set_text(r->settings, row, text));
        return;
    case SETTING_LIST:
        take_list_text(r, row, place, text);
        return;
    case SETTING_CHOICE:
        take_choice(r, row, place, text);
        return;
    case SETTING_INTEGER:
        break;
    }
    char *end = NULL;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    bool spelt = *text == '-' || (*text >= '0' && *text <= '9'); /* strtoll() takes more */
    if (!spelt || end == text || *end || errno)
        fault_add(r->faults, place, "%s: \"%s\" is not an integer", row->key, text);
    else
        take_integer(r, row, place, value);
}

static const struct setting *find_by_environment(const char *name)
{
    char candidate[SETTING_ENVIRONMENT_NAME_SIZE];
    for (size_t i = 0; i < setting_count; i++) {
        setting_environment_name(&setting_table[i], candidate);
        if (str_equal(candidate, name))
            return &setting_table[i];
    }
    return NULL;
}

/* SYNCSHELL_RELAY_LISTEN_PROT as "listen.prot", for finding what is near. */
static void key_from_environment(const char *name, char *ret_key, size_t size)
{
    snprintf(ret_key, size, "%s", name + strlen(SETTING_ENVIRONMENT_PREFIX));
    bool section = true;
    for (char *c = ret_key; *c; c++) {
        if (*c == '_' && section) {
            *c = '.';
            section = false;
        } else if (*c >= 'A' && *c <= 'Z') {
            *c = (char)(*c - 'A' + 'a');
        }
    }
}

static void read_environment(struct reading *r, char *const *environment)
{
    for (char *const *e = environment; *e; e++) {
        const char *equals = strchr(*e, '=');
        char name[SETTING_ENVIRONMENT_NAME_SIZE];
        if (!equals ||
            strncmp(*e, SETTING_ENVIRONMENT_PREFIX, strlen(SETTING_ENVIRONMENT_PREFIX)) != 0)
            continue;
        snprintf(name, sizeof name, "%.*s", (int)(equals - *e), *e);
        if (str_equal(name, CONFIG_FILE_VARIABLE))
            continue;
        const struct setting *row = find_by_environment(name);
        if (row) {
            take_text(r, row, name, equals + 1);
        } else {
            char key[SETTING_ENVIRONMENT_NAME_SIZE];
            key_from_environment(name, key, sizeof key);
            unknown_key(r, "environment", "variable", name, key);
        }
    }
}

static void read_assignments(struct reading *r, const char *const *assignments)
{
    for (const char *const *a = assignments; a && *a; a++) {
        const char *equals = strchr(*a, '=');
        char key[SETTING_ENVIRONMENT_NAME_SIZE];
        if (!equals) {
            fault_add(r->faults, "--set", "\"%s\" is not KEY=VALUE", *a);
            continue;
        }
        snprintf(key, sizeof key, "%.*s", (int)(equals - *a), *a);
        const struct setting *row = setting_find(key);
        if (row)
            take_text(r, row, "--set", equals + 1);
        else
            unknown_key(r, "--set", "key", key, key);
    }
}

/* ---- the whole ---- */

/* What belongs to the database, its lock first of all, stands beside the file itself, whichever link leads there. */
static void follow_store_link(struct reading *r)
{
    const struct setting *row = setting_find("store.path");
    const char *path = r->settings->store_path;
    struct stat status;
    if (lstat(path, &status) < 0 || !S_ISLNK(status.st_mode))
        return;
    char *file = realpath(path, NULL);
    if (file)
        fault_note(r->faults, setting_set_text(r->settings, row, file));
    else
        fault_add(r->faults, places_find(r->places, row->key),
                  "%s: %s is a link, and what it names cannot be reached: %s. Make an empty file "
                  "there, or name it itself",
                  row->key, path, strerror(errno));
    free(file);
}

static void read_all(struct reading *r, const struct config_source *source)
{
    if (source->file)
        read_file(r, source->file);
    read_environment(r, source->environment);
    read_assignments(r, source->assignments);
    /* What is wrong in one row would only lead to false conclusions about the whole. */
    if (!r->faults->any && !r->faults->error)
        config_check(r->settings, r->places, r->faults);
    if (!r->faults->any && !r->faults->error)
        follow_store_link(r);
}

int config_load(struct settings *ret_settings, const struct config_source *source,
                struct buf *faults)
{
    struct settings settings;
    struct places places;
    struct faults found = {.out = faults};
    int result = settings_init(&settings);
    if (result < 0)
        return result;
    fault_note(&found, places_init(&places));
    struct reading r = {.settings = &settings, .places = &places, .faults = &found};
    if (!found.error)
        read_all(&r, source);
    places_deinit(&places);
    if (found.error || found.any) {
        settings_deinit(&settings);
        return found.error ? found.error : CONFIG_E_FAULTS;
    }
    *ret_settings = settings;
    return 0;
}
