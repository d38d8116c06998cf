/* What the program says on its standard output: on a terminal a sentence for each event and a bar for the transfer, otherwise one
 * JSON object a line. */
#ifndef SHARED_SYNC_OUTPUT_H
#define SHARED_SYNC_OUTPUT_H

#include <glib.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct output {
    bool terminal;
    bool bar;    /* one stands on the terminal's current line */
    bool failed; /* nobody reads any more */
    gint64 shown_us;
    uint64_t shown_bytes;
};

void output_init(struct output *output);

/* An event: `takes_fields` is an object with "event" in it; the sentence is printf-like. */
void output_event(struct output *output, json_t *takes_fields, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* How far the transfer is; shown a few times a second at most, and always when it is complete. */
void output_progress(struct output *output, uint64_t done_bytes, uint64_t total_bytes);

/* "syncshell-sync: ..." to the standard error. printf-like. */
void output_failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
