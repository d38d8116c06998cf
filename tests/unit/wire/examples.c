#include "examples.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message_fields.h"

static void path_of(char *ret_path, size_t size, const char *folder, const char *name)
{
    int n = snprintf(ret_path, size, "%s/%s/%s", SCHEMA_WIRE_DIR, folder, name);

    assert_true(n > 0 && (size_t)n < size);
}

static bool ends_with(const char *text, const char *suffix)
{
    size_t n_text = strlen(text);
    size_t n_suffix = strlen(suffix);

    return n_text >= n_suffix && strcmp(text + n_text - n_suffix, suffix) == 0;
}

size_t examples_visit(const char *folder, const char *prefix, const char *suffix,
                      void (*visit)(const char *folder, const char *name, void *userdata),
                      void *userdata)
{
    struct dirent **entries = NULL;
    char path[4096];
    size_t n_visited = 0;
    int n;

    path_of(path, sizeof(path), folder, "");
    n = scandir(path, &entries, NULL, alphasort);
    if (n < 0)
        fail_msg("cannot read %s", path);
    for (int i = 0; i < n; i++) {
        const char *name = entries[i]->d_name;

        if (name[0] != '.' && strncmp(name, prefix, strlen(prefix)) == 0 &&
            ends_with(name, suffix)) {
            visit(folder, name, userdata);
            n_visited++;
        }
        free(entries[i]);
    }
    free(entries);
    return n_visited;
}

bool example_exists(const char *folder, const char *name)
{
    char path[4096];
    FILE *file;

    path_of(path, sizeof(path), folder, name);
    file = fopen(path, "rb");
    if (file)
        (void)fclose(file);
    return file != NULL;
}

void example_read(struct buf *out, const char *folder, const char *name)
{
    char path[4096];
    char block[4096];
    size_t n;
    FILE *file;

    path_of(path, sizeof(path), folder, name);
    file = fopen(path, "rb");
    if (!file)
        fail_msg("cannot open %s", path);
    while ((n = fread(block, 1, sizeof(block), file)) > 0)
        assert_int_equal(buf_append(out, block, n), 0);
    assert_int_equal(ferror(file), 0);
    (void)fclose(file);
}

static void remove_line_feeds(struct buf *b)
{
    size_t kept = 0;

    for (size_t i = 0; i < b->size; i++) {
        if (b->data[i] != '\n')
            b->data[kept++] = b->data[i];
    }
    b->size = kept;
}

void example_frame(struct buf *out, const char *folder, const char *json_name, bool *ret_binary)
{
    const char *type = strrchr(folder, '/') ? strrchr(folder, '/') + 1 : folder;
    const struct message_spec *spec = message_spec(message_type_from_name(type, strlen(type)));
    char body_name[256];

    example_read(out, folder, json_name);
    remove_line_feeds(out);
    (void)snprintf(body_name, sizeof(body_name), "%.*s.body",
                   (int)(strlen(json_name) - strlen(".json")), json_name);

    *ret_binary = true;
    if (example_exists(folder, body_name)) {
        assert_int_equal(buf_append(out, "\n", 1), 0);
        example_read(out, folder, body_name);
    } else if (spec && spec->body == MESSAGE_BODY_MUST) {
        assert_int_equal(buf_append_str(out, "\n{}"), 0);
    } else {
        *ret_binary = false;
    }
}
