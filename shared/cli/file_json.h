/* Files of reports and manifests, from JSON to the library's structs: {"path", "size", "hash"?, "algorithm"?, "done"?,
 * "ranges"?}. What the library itself checks (path length, order of ranges) is left to it. */
#ifndef SHARED_CLI_FILE_JSON_H
#define SHARED_CLI_FILE_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

#include <syncshell/syncshell.h>

struct file_set {
    syncshell_file *files; /* their texts are borrowed from the JSON */
    size_t n_files;
};

/* What the files are for decides what may be said of them. */
enum file_purpose {
    FILE_PURPOSE_REPORT,   /* done or ranges */
    FILE_PURPOSE_MANIFEST, /* neither */
    FILE_PURPOSE_DONE,     /* one object, done without saying so */
    FILE_PURPOSE_PARTIAL,  /* one object, ranges required */
};

/* Reads `array`, or for DONE and PARTIAL the one `object` itself, whose other members are not looked at. 0; -1 with a sentence
 * in `ret_problem` (static, never freed). */
int file_set_init(struct file_set *ret_set, const json_t *json, enum file_purpose purpose,
                  const char **ret_problem);

void file_set_deinit(struct file_set *set);

#endif
