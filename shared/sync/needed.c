#include "sync/needed.h"

#include <glib.h>

static void copy_file(struct needed *needed, const syncshell_file *from)
{
    struct needed_file *file = &needed->files[needed->n_files++];
    const syncshell_range whole = {0, from->size_bytes};
    const syncshell_range *ranges = from->n_ranges > 0 ? from->ranges : &whole;

    file->path = g_strdup(from->path);
    file->hash = g_strdup(from->hash ? from->hash : "");
    file->size_bytes = from->size_bytes;
    file->n_ranges = from->n_ranges > 0 ? from->n_ranges : from->size_bytes > 0;
    file->ranges = g_new0(syncshell_range, file->n_ranges);
    for (size_t i = 0; i < file->n_ranges; i++) {
        file->ranges[i] = ranges[i];
        needed->bytes += ranges[i].end - ranges[i].begin;
    }
}

struct needed *needed_new(const syncshell_event *event)
{
    size_t count = syncshell_event_file_count(event, SYNCSHELL_FILES_NEEDED);
    struct needed *needed = g_new0(struct needed, 1);

    needed->request_id = g_strdup(syncshell_event_text(event, SYNCSHELL_FIELD_REQUEST_ID, NULL));
    needed->files = g_new0(struct needed_file, count);
    for (size_t i = 0; i < count; i++) {
        syncshell_file file = {.size = sizeof(file)};

        if (syncshell_event_file(event, SYNCSHELL_FILES_NEEDED, i, &file) == SYNCSHELL_OK)
            copy_file(needed, &file);
    }
    return needed;
}

void needed_free(struct needed *needed)
{
    if (!needed)
        return;
    for (size_t i = 0; i < needed->n_files; i++) {
        g_free(needed->files[i].path);
        g_free(needed->files[i].hash);
        g_free(needed->files[i].ranges);
    }
    g_free(needed->files);
    g_free(needed->request_id);
    g_free(needed);
}
