/* Lines from a descriptor, without waiting more than once per call: fill when poll says so, then take every whole line.
 * A line longer than the maximum is reported once, as soon as that shows, and the rest of it is skipped. At the end of the
 * input a last line without its newline counts. */
#ifndef SHARED_CLI_LINE_READER_H
#define SHARED_CLI_LINE_READER_H

#include <stdbool.h>
#include <stddef.h>

enum line_result {
    LINE_NONE = 0, /* no whole line: fill */
    LINE_TAKEN,
    LINE_TOO_LONG,
};

struct line_reader {
    char *buffer;
    size_t size;
    size_t begin; /* of what was not taken yet */
    size_t end;
    size_t scanned; /* from begin: known to hold no newline */
    size_t line_max_bytes;
    bool skipping;
    bool ended;
};

void line_reader_init(struct line_reader *reader, size_t line_max_bytes);
void line_reader_deinit(struct line_reader *reader);

/* Reads once. 0, also at the end of the input (`ended` is set) and on EINTR and EAGAIN; -errno. */
int line_reader_fill(struct line_reader *reader, int fd);

/* The next line, without its newline; `*ret_line` lives until the next call and may contain any byte. */
enum line_result line_reader_next(struct line_reader *reader, const char **ret_line,
                                  size_t *ret_length);

#endif
