#include "app/log.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>

#include "base/str.h"

enum { PEER_SHOWN = 16, TIME_SIZE = 32, STREAM_SIZE = 48 };

static const char *const level_names[] = {"error", "warning", "info", "debug"};

/* Of syslog(3), which journald reads at the beginning of a line: <3> */
static const int journal_levels[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};

bool log_reaches_journal(int fd)
{
    const char *told = getenv("JOURNAL_STREAM");
    char here[STREAM_SIZE];
    struct stat st;
    if (!told || fstat(fd, &st) < 0)
        return false;
    (void)snprintf(here, sizeof here, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return str_equal(told, here);
}

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

/* Quoted with JSON's escapes, so that a value can forge neither a field nor a line. A path may be anything: what is not
 * UTF-8 shows its bytes beyond ASCII as '?'. */
static void print_quoted(FILE *out, const char *text)
{
    bool utf8 = str_utf8_valid(text, strlen(text));
    fputc('"', out);
    for (const char *c = text; *c; c++) {
        unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\')
            fprintf(out, "\\%c", byte);
        else if (byte < 0x20 || byte == 0x7f)
            fprintf(out, "\\u%04x", byte);
        else
            fputc(byte < 0x80 || utf8 ? byte : '?', out);
    }
    fputc('"', out);
}

/* Bare when it is one plain word. */
static void print_logfmt_text(FILE *out, const char *text)
{
    static const char plain[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.:/+@,";
    if (*text && text[strspn(text, plain)] == '\0')
        fputs(text, out);
    else
        print_quoted(out, text);
}

static void print_field(const struct log *log, const char *name, const char *text, uint64_t number)
{
    if (log->format == LOG_FORMAT_JSON)
        fprintf(log->out, ",\"%s\":", name);
    else
        fprintf(log->out, " %s=", name);
    if (!text)
        fprintf(log->out, "%" PRIu64, number);
    else if (log->format == LOG_FORMAT_JSON)
        print_quoted(log->out, text);
    else
        print_logfmt_text(log->out, text);
}

static void print_line(const struct log *log, enum log_level level, const char *event,
                       const struct log_field *fields)
{
    char when[TIME_SIZE];
    bool json = log->format == LOG_FORMAT_JSON;
    wall_text(when);
    if (log->journal)
        fprintf(log->out, "<%d>", journal_levels[level]);
    fprintf(log->out, json ? "{\"time\":\"%s\"" : "time=%s", when);
    print_field(log, "level", level_names[level], 0);
    print_field(log, "event", event, 0);
    for (const struct log_field *f = fields; f->name; f++)
        if (!f->text || *f->text)
            print_field(log, f->name, f->text, f->number);
    fputs(json ? "}\n" : "\n", log->out);
    fflush(log->out);
}

/* Would a line be taken at once? A pipe that is ready has a page of room, which is more than a line has. A descriptor that is
 * closed, or whose reader is gone, waits for nobody. O_NONBLOCK instead would be for all who share the descriptor. */
static bool has_room(FILE *out)
{
    struct pollfd p = {.fd = fileno(out), .events = POLLOUT};
    return poll(&p, 1, 0) != 0;
}

/* False: whoever reads does not come along; the line is counted. */
static bool keeps_up(const struct log *log)
{
    if (!log->loss)
        return true;
    if (log->loss->lines && has_room(log->out)) {
        print_line(log, LOG_LEVEL_WARNING, "lines_lost",
                   LOG_FIELDS(LOG_NUMBER("count", log->loss->lines)));
        log->loss->lines = 0;
    }
    if (!log->loss->lines && has_room(log->out))
        return true;
    log->loss->lines++;
    return false;
}

void log_write(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields)
{
    if (level <= log->level && keeps_up(log))
        print_line(log, level, event, fields);
}

bool log_limit_take(struct log_limit *limit, uint64_t second, uint64_t *ret_left_out)
{
    if (second != limit->second) {
        limit->second = second;
        limit->lines = 0;
    }
    if (limit->lines == LOG_BURST_MAX) {
        limit->left_out++;
        return false;
    }
    limit->lines++;
    *ret_left_out = limit->left_out;
    limit->left_out = 0;
    return true;
}

bool log_may_write(const struct log *log, struct log_limit *limit, enum log_level level,
                   const char *event)
{
    uint64_t left_out = 0;
    if (level > log->level || !log_limit_take(limit, (uint64_t)time(NULL), &left_out))
        return false;
    if (left_out)
        log_write(log, level, "lines_left_out",
                  LOG_FIELDS(LOG_TEXT("of", event), LOG_NUMBER("count", left_out)));
    return true;
}

void log_write_limited(const struct log *log, struct log_limit *limit, enum log_level level,
                       const char *event, const struct log_field *fields)
{
    if (log_may_write(log, limit, level, event))
        log_write(log, level, event, fields);
}

const char *log_peer(const char *peer_id, char *ret_short)
{
    size_t n = strnlen(peer_id, PEER_SHOWN);
    memcpy(ret_short, peer_id, n);
    ret_short[n] = '\0';
    return ret_short;
}
