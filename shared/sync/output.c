#include "sync/output.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { BAR_CELLS = 40, PAUSE_US = 100000, MEBIBYTE = 1024 * 1024 };

void output_init(struct output *output)
{
    *output = (struct output){.terminal = isatty(STDOUT_FILENO) == 1};
}

static void flush(struct output *output)
{
    if (fflush(stdout) || ferror(stdout))
        output->failed = true;
}

static void print_json(json_t *takes_fields)
{
    char *text = json_dumps(takes_fields, JSON_COMPACT);

    if (text)
        puts(text);
    free(text);
    json_decref(takes_fields);
}

void output_event(struct output *output, json_t *takes_fields, const char *format, ...)
{
    va_list arguments;

    if (!output->terminal) {
        print_json(takes_fields);
        flush(output);
        return;
    }
    json_decref(takes_fields);
    if (output->bar)
        putchar('\n');
    output->bar = false;
    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    flush(output);
}

static void draw(uint64_t done, uint64_t total, uint64_t per_second)
{
    unsigned int cells = total ? (unsigned int)(done * BAR_CELLS / total) : BAR_CELLS;

    fputs("\r[", stdout);
    for (unsigned int i = 0; i < BAR_CELLS; i++)
        putchar(i < cells ? '#' : '.');
    printf("] %3u %%  %.1f of %.1f MiB  %.1f MiB/s ",
           total ? (unsigned int)(done * 100 / total) : 100, (double)done / MEBIBYTE,
           (double)total / MEBIBYTE, (double)per_second / MEBIBYTE);
}

void output_progress(struct output *output, uint64_t done_bytes, uint64_t total_bytes)
{
    gint64 now_us = g_get_monotonic_time();
    gint64 passed_us = now_us - output->shown_us;
    uint64_t per_second = 0;

    if (done_bytes < total_bytes && passed_us < PAUSE_US)
        return;
    if (done_bytes > output->shown_bytes && passed_us > 0)
        per_second = (done_bytes - output->shown_bytes) * G_USEC_PER_SEC / (uint64_t)passed_us;
    output->shown_us = now_us;
    output->shown_bytes = done_bytes;
    if (output->terminal) {
        draw(done_bytes, total_bytes, per_second);
        output->bar = true;
    } else {
        print_json(json_pack("{s:s, s:I, s:I, s:I}", "event", "progress", "bytes",
                             (json_int_t)done_bytes, "ofBytes", (json_int_t)total_bytes,
                             "bytesPerSecond", (json_int_t)per_second));
    }
    flush(output);
}

void output_failure(const char *format, ...)
{
    va_list arguments;

    fputs("syncshell-sync: ", stderr);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}
