#include "sync/receiving.h"

#include <errno.h>
#include <string.h>

#include "sync/link.h"
#include "sync/path.h"
#include "sync/transfer.h"

/* The sharer may have a window full of pieces on the way when a part turns out to be another than was reported. */
enum { MISFITS_MAX = 256, PASS_FILES_MAX = 1000000 };
enum { REPORT_FILES = 256, REPORT_US = 250000, REPORT_BYTES = 1024 * 1024 };

void receiving_init(struct receiving *receiving, struct app *app)
{
    *receiving = (struct receiving){.app = app};
    receiving->done = g_ptr_array_new();
    receiving->pass_paths = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
}

static void done_clear(struct receiving *receiving)
{
    for (guint i = 0; i < receiving->done->len; i++) {
        struct folder_file *file = receiving->done->pdata[i];

        g_free(file->path);
        g_free(file);
    }
    g_ptr_array_set_size(receiving->done, 0);
}

void receiving_deinit(struct receiving *receiving)
{
    part_free(receiving->part);
    g_clear_pointer(&receiving->pass_paths, g_hash_table_unref);
    if (receiving->done) {
        done_clear(receiving);
        g_ptr_array_unref(receiving->done);
    }
}

/* ---- reports ---- */

static void report(const struct receiving *receiving, const syncshell_file *files, size_t n_files)
{
    int32_t error;

    if (n_files == 0 || !receiving->session_id)
        return;
    do
        error = syncshell_session_report(receiving->app->client, receiving->session_id, files,
                                         n_files, NULL);
    while (link_busy_pause(error));
    if (error)
        output_failure("A report of files is refused (%s).", syncshell_error_name(error));
}

static syncshell_file whole_file(const struct folder_file *file)
{
    return (syncshell_file){.size = sizeof(syncshell_file),
                            .flags = SYNCSHELL_FILE_DONE,
                            .path = file->path,
                            .hash = file->hash,
                            .algorithm = "sha256",
                            .size_bytes = file->size_bytes};
}

static void report_files(const struct receiving *receiving, const GPtrArray *files)
{
    syncshell_file group[REPORT_FILES];
    size_t n_files = 0;

    for (guint i = 0; i < files->len; i++) {
        group[n_files++] = whole_file(files->pdata[i]);
        if (n_files < REPORT_FILES && i + 1 < files->len)
            continue;
        report(receiving, group, n_files);
        n_files = 0;
    }
}

static void report_part(const struct receiving *receiving, const struct part *part)
{
    const syncshell_range range = {0, part_have_bytes(part)};
    const syncshell_file file = {.size = sizeof(file),
                                 .path = part_path(part),
                                 .hash = part_hash(part),
                                 .algorithm = "sha256",
                                 .size_bytes = part_size_bytes(part),
                                 .ranges = &range,
                                 .n_ranges = range.end > 0};

    report(receiving, &file, 1);
}

int receiving_settle(const struct folder *folder)
{
    GPtrArray *parts;
    int r = part_list(folder, &parts);

    if (r)
        return r;
    for (guint i = 0; !r && i < parts->len; i++) {
        const struct part *listed = parts->pdata[i];
        struct part *part = NULL;

        if (part_have_bytes(listed) < part_size_bytes(listed))
            continue;
        r = part_open(&part, folder, part_path(listed), part_size_bytes(listed), part_hash(listed));
        if (!r)
            r = part_finish(part);
        part_free(part);
        if (r > 0)
            r = 0; /* it was not what it should be, and is gone */
    }
    g_ptr_array_unref(parts);
    return r;
}

int receiving_report_folder(struct receiving *receiving)
{
    GPtrArray *parts;
    int r = part_list(&receiving->app->folder, &parts);

    if (r)
        return r;
    report_files(receiving, receiving->app->folder.files);
    for (guint i = 0; i < parts->len; i++)
        report_part(receiving,
                    parts->pdata[i]); /* of a newer version than what stands in its place */
    g_ptr_array_unref(parts);
    return 0;
}

void receiving_report(struct receiving *receiving, bool now)
{
    gint64 now_us = g_get_monotonic_time();

    if (!now && now_us - receiving->reported_us < REPORT_US)
        return;
    receiving->reported_us = now_us;
    report_files(receiving, receiving->done);
    done_clear(receiving);
    if (receiving->part && part_have_bytes(receiving->part) > receiving->reported_bytes &&
        (now || part_have_bytes(receiving->part) - receiving->reported_bytes >= REPORT_BYTES)) {
        report_part(receiving, receiving->part);
        receiving->reported_bytes = part_have_bytes(receiving->part);
    }
}

/* Until the next `begin` nothing may come. */
static void end_pass(struct receiving *receiving)
{
    receiving->pass_bytes = receiving->pass_total_bytes = receiving->pass_total_files = 0;
    receiving->misfits = 0;
    g_hash_table_remove_all(receiving->pass_paths);
}

void receiving_interrupt(struct receiving *receiving)
{
    receiving_report(receiving, true);
    part_free(receiving->part);
    receiving->part = NULL;
    receiving->link_bytes = 0;
    end_pass(receiving);
}

/* ---- messages ---- */

static void cannot_write(struct receiving *receiving, const char *path, int error)
{
    output_failure("%s cannot be written (%s): make room or check the rights, then start again.",
                   path, g_strerror(error));
    app_quit(receiving->app, 1);
}

const char *receiving_begin(struct receiving *receiving, const json_t *fields)
{
    json_int_t bytes = json_integer_value(json_object_get(fields, "bytes"));
    json_int_t files = json_integer_value(json_object_get(fields, "files"));

    if (receiving->part || bytes < 0 || files < 0)
        return "bad_message";
    if (files > PASS_FILES_MAX)
        return "too_many_files";
    end_pass(receiving);
    receiving->pass_total_bytes = (uint64_t)bytes;
    receiving->pass_total_files = (uint64_t)files;
    receiving->bad_files = 0;
    output_event(&receiving->app->output,
                 json_pack("{s:s, s:I, s:I}", "event", "receiving", "files", files, "bytes", bytes),
                 "%lld files are to come, %lld bytes.", (long long)files, (long long)bytes);
    return NULL;
}

/* NULL, or why this file may not come now. */
static const char *admit(struct receiving *receiving, const char *path)
{
    if (!path_valid(path))
        return "bad_path";
    if (g_hash_table_size(receiving->pass_paths) >= receiving->pass_total_files)
        return "too_many_files";
    return g_hash_table_add(receiving->pass_paths, path_folded(path)) ? NULL : "duplicate_path";
}

const char *receiving_file(struct receiving *receiving, const json_t *fields)
{
    const char *path = json_string_value(json_object_get(fields, "path"));
    const char *hash = json_string_value(json_object_get(fields, "hash"));
    json_int_t size = json_integer_value(json_object_get(fields, "size"));
    json_int_t index = json_integer_value(json_object_get(fields, "index"));
    const char *problem;
    int r;

    if (receiving->part || !path || !hash || strlen(hash) != FOLDER_HASH_SIZE - 1 || size < 0 ||
        index < 0 || index > UINT32_MAX)
        return "bad_message";
    if ((problem = admit(receiving, path)))
        return problem;
    r = part_open(&receiving->part, &receiving->app->folder, path, (uint64_t)size, hash);
    if (r)
        cannot_write(receiving, path, -r);
    receiving->index = (uint32_t)index;
    receiving->reported_bytes = r ? 0 : part_have_bytes(receiving->part);
    return NULL;
}

static void file_finished(struct receiving *receiving)
{
    struct folder_file *file = g_new0(struct folder_file, 1);

    file->path = g_strdup(part_path(receiving->part));
    file->size_bytes = part_size_bytes(receiving->part);
    g_strlcpy(file->hash, part_hash(receiving->part), sizeof(file->hash));
    g_ptr_array_add(receiving->done, file);
    receiving->files++;
    output_event(&receiving->app->output,
                 json_pack("{s:s, s:s, s:I}", "event", "file", "path", file->path, "bytes",
                           (json_int_t)file->size_bytes),
                 "%s", file->path);
}

/* It comes again, from where it is good: from the start, or from the end of what has come. */
static void file_bad(struct receiving *receiving, const char *cause)
{
    const syncshell_file nothing = {.size = sizeof(nothing),
                                    .path = part_path(receiving->part),
                                    .size_bytes = part_size_bytes(receiving->part)};

    receiving->bad_files++;
    output_event(
        &receiving->app->output,
        json_pack("{s:s, s:s, s:s}", "event", "file_failed", "path", nothing.path, "cause", cause),
        "%s is not what it should be (%s): it comes again.", nothing.path, cause);
    report(receiving, &nothing, 1);
    if (part_have_bytes(receiving->part) < part_size_bytes(receiving->part))
        report_part(receiving, receiving->part);
}

const char *receiving_end(struct receiving *receiving, const json_t *fields)
{
    json_int_t index = json_integer_value(json_object_get(fields, "index"));
    int r;

    if (!receiving->part || index != (json_int_t)receiving->index)
        return "bad_message";
    r = part_finish(receiving->part);
    if (r < 0)
        cannot_write(receiving, part_path(receiving->part), -r);
    else if (r > 0)
        file_bad(receiving, r == PART_E_HASH ? "hash_mismatch" : "bytes_missing");
    else
        file_finished(receiving);
    part_free(receiving->part);
    receiving->part = NULL;
    return NULL;
}

const char *receiving_piece(struct receiving *receiving, const uint8_t *data, size_t size)
{
    uint64_t offset;
    uint32_t index;
    int r;

    if (!receiving->part || size <= TRANSFER_HEADER_BYTES)
        return "bad_message";
    transfer_read_header(data, &index, &offset);
    size -= TRANSFER_HEADER_BYTES;
    if (index != receiving->index)
        return "bad_message";
    if (size > receiving->pass_total_bytes - receiving->pass_bytes)
        return "too_many_bytes";
    r = part_write(receiving->part, offset, data + TRANSFER_HEADER_BYTES, size);
    if (r < 0)
        cannot_write(receiving, part_path(receiving->part), -r);
    else if (r > 0 && ++receiving->misfits > MISFITS_MAX) /* fewer are missed at the file's end */
        return "misfits";
    receiving->link_bytes += size;
    receiving->pass_bytes += size;
    receiving->total_bytes += size;
    output_progress(&receiving->app->output, receiving->pass_bytes, receiving->pass_total_bytes);
    return NULL;
}
