#include "cli/line_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { FILL_BYTES = 64 * 1024 };

void line_reader_init(struct line_reader *reader, size_t line_max_bytes)
{
    *reader = (struct line_reader){.line_max_bytes = line_max_bytes};
}

void line_reader_deinit(struct line_reader *reader)
{
    free(reader->buffer);
    line_reader_init(reader, reader->line_max_bytes);
}

/* Makes room for one read. The buffer never holds more than one unfinished line and one read. */
static int make_room(struct line_reader *reader)
{
    size_t held = reader->end - reader->begin, size;
    char *buffer;

    if (reader->begin > 0) {
        memmove(reader->buffer, reader->buffer + reader->begin, held);
        reader->begin = 0;
        reader->end = held;
    }
    if (reader->size - reader->end >= FILL_BYTES)
        return 0;
    size = reader->size ? reader->size * 2 : (size_t)FILL_BYTES * 2;
    buffer = realloc(reader->buffer, size);
    if (!buffer)
        return -ENOMEM;
    reader->buffer = buffer;
    reader->size = size;
    return 0;
}

int line_reader_fill(struct line_reader *reader, int fd)
{
    ssize_t n;
    int r;

    if ((r = make_room(reader)))
        return r;
    n = read(fd, reader->buffer + reader->end, FILL_BYTES);
    if (n < 0)
        return errno == EINTR || errno == EAGAIN ? 0 : -errno;
    if (n == 0)
        reader->ended = true;
    reader->end += (size_t)n;
    return 0;
}

static void drop(struct line_reader *reader, size_t bytes)
{
    reader->begin += bytes;
    reader->scanned = 0;
}

static enum line_result take(struct line_reader *reader, size_t length, size_t taken,
                             const char **ret_line, size_t *ret_length)
{
    bool skipped = reader->skipping;

    *ret_line = reader->buffer + reader->begin;
    *ret_length = length;
    reader->skipping = false;
    drop(reader, taken);
    if (skipped)
        return LINE_NONE;
    return length > reader->line_max_bytes ? LINE_TOO_LONG : LINE_TAKEN;
}

enum line_result line_reader_next(struct line_reader *reader, const char **ret_line,
                                  size_t *ret_length)
{
    while (reader->end > reader->begin) {
        const char *start = reader->buffer + reader->begin;
        size_t held = reader->end - reader->begin;
        const char *newline = memchr(start + reader->scanned, '\n', held - reader->scanned);
        enum line_result result;

        if (!newline && !reader->ended) {
            reader->scanned = held;
            if (reader->skipping)
                drop(reader, held);
            else if (held > reader->line_max_bytes) {
                reader->skipping = true;
                drop(reader, held);
                return LINE_TOO_LONG;
            }
            return LINE_NONE;
        }
        if (newline)
            result = take(reader, (size_t)(newline - start), (size_t)(newline - start) + 1,
                          ret_line, ret_length);
        else
            result = take(reader, held, held, ret_line, ret_length);
        if (result != LINE_NONE)
            return result;
    }
    return LINE_NONE;
}
