#include "app/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

enum { PEER_SHOWN = 16, TIME_SIZE = 32 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static void wall_text(char *ret_text)
{
    struct timespec now;
    struct tm parts;
    char seconds[TIME_SIZE - 8];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &parts);
    strftime(seconds, sizeof seconds, "%Y-%m-%dT%H:%M:%S", &parts);
    snprintf(ret_text, TIME_SIZE, "%s.%03dZ", seconds, (int)(now.tv_nsec / 1000000));
}

/* Bare when it is one plain word, else quoted with JSON's escapes, so that a value cannot forge a field or a line. */
static void print_logfmt_text(const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+@,";
    if (*text && strspn(text, plain) == strlen(text)) {
        fputs(text, stderr);
        return;
    }
    json_t *value = json_string(text);
    char *quoted = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    fputs(quoted ? quoted : "\"?\"", stderr);
    json_decref(value);
    json_free_t free_function;
    json_get_alloc_funcs(NULL, &free_function);
    if (quoted)
        free_function(quoted);
}

static void write_logfmt(const char *when, const char *level, const char *event,
                         const struct log_field *fields)
{
    fprintf(stderr, "time=%s level=%s event=%s", when, level, event);
    for (const struct log_field *f = fields; f->name; f++) {
        if (f->text && !*f->text)
            continue;
        fprintf(stderr, " %s=", f->name);
        if (f->text)
            print_logfmt_text(f->text);
        else
            fprintf(stderr, "%" PRIu64, f->number);
    }
    fputc('\n', stderr);
}

static void write_json(const char *when, const char *level, const char *event,
                       const struct log_field *fields)
{
    json_t *line = json_pack("{s:s, s:s, s:s}", "time", when, "level", level, "event", event);
    if (!line)
        return;
    for (const struct log_field *f = fields; f->name; f++) {
        if (f->text && !*f->text)
            continue;
        json_object_set_new(line, f->name,
                            f->text ? json_string(f->text) : json_integer((json_int_t)f->number));
    }
    json_dumpf(line, stderr, JSON_COMPACT);
    fputc('\n', stderr);
    json_decref(line);
}

void log_write(struct log *log, enum log_level level, const char *event,
               const struct log_field *fields)
{
    char when[TIME_SIZE];
    if (level > log->level)
        return;
    wall_text(when);
    flockfile(stderr);
    if (log->json)
        write_json(when, level_names[level], event, fields);
    else
        write_logfmt(when, level_names[level], event, fields);
    fflush(stderr);
    funlockfile(stderr);
}

void log_write_limited(struct log *log, enum log_level level, const char *event,
                       const struct log_field *fields)
{
    if (level > log->level)
        return;
    uint64_t second = (uint64_t)time(NULL);
    if (second != log->burst_second) {
        uint64_t suppressed = log->suppressed;
        log->burst_second = second;
        log->burst_lines = 0;
        log->suppressed = 0;
        if (suppressed)
            log_write(log, level, "lines_left_out", LOG_FIELDS(LOG_NUMBER("count", suppressed)));
    }
    if (log->burst_lines < LOG_BURST_MAX) {
        log->burst_lines++;
        log_write(log, level, event, fields);
    } else {
        log->suppressed++;
    }
}

const char *log_peer(const char *peer_id, char *ret_short)
{
    snprintf(ret_short, LOG_PEER_SIZE, "%.*s", PEER_SHOWN, peer_id);
    return ret_short;
}
