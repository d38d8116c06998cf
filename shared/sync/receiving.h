/* What comes over one link: puts pieces into parts, finishes files, reports both to the library in groups. Counts for the whole
 * life of the program. */
#ifndef SHARED_SYNC_RECEIVING_H
#define SHARED_SYNC_RECEIVING_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sync/app.h"
#include "sync/part.h"

struct receiving {
    struct app *app;
    const char *session_id;  /* NULL: nothing can be reported yet */
    struct part *part;       /* of the current file; NULL: none, or it cannot be written */
    uint32_t index;          /* of the current file */
    uint64_t reported_bytes; /* of the part */
    gint64 reported_us;
    GPtrArray *done;     /* of struct folder_file: finished, not reported */
    uint64_t pass_bytes; /* taken in this pass, and how many there are to be */
    uint64_t pass_total_bytes;
    uint64_t pass_total_files;
    GHashTable *pass_paths; /* begun in this pass, folded */
    unsigned int misfits;   /* pieces of this pass that did not follow those before */
    uint64_t link_bytes;    /* taken over this link */
    uint64_t total_bytes;   /* taken by this program */
    uint64_t files;         /* finished by this program */
    uint64_t bad_files;     /* of this pass: not what they should be */
};

void receiving_init(struct receiving *receiving, struct app *app);
void receiving_deinit(struct receiving *receiving);

/* What is in the folder, whole and in parts, to the library. Complete parts are finished first, by receiving_settle(), which
 * must come before the folder is scanned. 0 or -errno. */
int receiving_settle(const struct folder *folder);
int receiving_report_folder(struct receiving *receiving);

/* What the sharer sends. NULL, or how it breaks the rules: then the link is to be given up, with that cause. Nothing is taken
 * beyond the files and bytes that `begin` announced. Files that cannot be written end the program. */
const char *receiving_begin(struct receiving *receiving, const json_t *fields);
const char *receiving_file(struct receiving *receiving, const json_t *fields);
const char *receiving_end(struct receiving *receiving, const json_t *fields);
const char *receiving_piece(struct receiving *receiving, const uint8_t *data, size_t size);

/* Reports what has come since the last report: `now`, or when it is time to. */
void receiving_report(struct receiving *receiving, bool now);

/* The link is gone: the current file stays as a part. */
void receiving_interrupt(struct receiving *receiving);

#endif
