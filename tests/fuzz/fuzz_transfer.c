/* What a sharer sends over the data channel: a stream of messages, each one byte of kind, two bytes of size, its content. Nothing may
 * come to lie outside of the folder, and no more than `begin` has announced. */
#include "fuzz.h"

#include <glib/gstdio.h>
#include <string.h>

#include "sync/receiving.h"
#include "unit/sync/tree.h"

enum kind { KIND_BEGIN, KIND_FILE, KIND_END, KIND_PIECE, KIND_INTERRUPT, KIND_COUNT };
enum { HEAD_BYTES = 3, MESSAGES_MAX = 64 };

void app_quit(struct app *app, int status)
{
    (void)app;
    (void)status;
}

static void check_nothing_beside(const char *outer)
{
    GDir *folder = g_dir_open(outer, 0, NULL);

    fuzz_check(folder != NULL);
    fuzz_check(g_strcmp0(g_dir_read_name(folder), "inner") == 0);
    fuzz_check(g_dir_read_name(folder) == NULL);
    g_dir_close(folder);
}

static const char *take(struct receiving *receiving, enum kind kind, const uint8_t *data,
                        size_t size)
{
    const char *problem = NULL;
    json_t *fields;

    if (kind == KIND_PIECE)
        return receiving_piece(receiving, data, size);
    if (kind == KIND_INTERRUPT) {
        receiving_interrupt(receiving);
        return NULL;
    }
    fields = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (kind == KIND_BEGIN)
        problem = receiving_begin(receiving, fields);
    else if (kind == KIND_FILE)
        problem = receiving_file(receiving, fields);
    else
        problem = receiving_end(receiving, fields);
    json_decref(fields);
    return problem;
}

static void take_all(struct receiving *receiving, const uint8_t *data, size_t size)
{
    for (int i = 0; i < MESSAGES_MAX && size >= HEAD_BYTES; i++) {
        enum kind kind = data[0] % KIND_COUNT;
        size_t length = MIN((size_t)(data[1] << 8 | data[2]), size - HEAD_BYTES);

        if (take(receiving, kind, data + HEAD_BYTES, length))
            receiving_interrupt(receiving); /* the link is given up, the next one may go on */
        fuzz_check(receiving->pass_bytes <= receiving->pass_total_bytes);
        fuzz_check(g_hash_table_size(receiving->pass_paths) <= receiving->pass_total_files);
        data += HEAD_BYTES + length;
        size -= HEAD_BYTES + length;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *outer = g_dir_make_tmp("syncshell-fuzz-XXXXXX", NULL);
    char *inner = g_build_filename(outer, "inner", NULL);
    struct app app = {0};
    struct receiving receiving;

    fuzz_check(g_mkdir(inner, 0700) == 0);
    fuzz_check(folder_open(&app.folder, inner) == 0);
    output_init(&app.output);
    app.output.terminal = false;
    receiving_init(&receiving, &app);
    take_all(&receiving, data, size);
    receiving_deinit(&receiving);
    folder_close(&app.folder);
    check_nothing_beside(outer);
    tree_remove(outer);
    g_free(inner);
    g_free(outer);
    return 0;
}
