/* One line per thing that matters, on standard error: logfmt for people and grep, JSON for collectors.
 *
 * The only place of the relay that writes a log. A line has a time, a level, an event word and fields. Peer ids are
 * shortened here; bodies, proofs, signatures and keys never come this far. What remote peers can cause at will is cut: each
 * kind of line has a limit of LOG_BURST_MAX per second, so that a flood of one kind hides no other, and what was left out is
 * counted before the kind's next line. The relay does not wait for its reader: a terminal that is stopped, a collector that
 * hangs, must not stop everybody's recoveries. Loop thread. */
#ifndef RELAY_APP_LOG_H
#define RELAY_APP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "app/setting.h"

enum { LOG_BURST_MAX = 20 };

/* Lines that were not written, because whoever reads the log did not take them. */
struct log_loss {
    uint64_t lines; /* since the last one that was written */
};

struct log {
    FILE *out; /* borrowed */
    /* Borrowed. A line that would have to wait is left out and counted here; the next that is written comes behind a line
     * event=lines_lost. NULL: lines wait for whoever reads them. */
    struct log_loss *loss;
    enum log_level level;
    enum log_format format;
    bool journal; /* lines begin with their level as journald reads it, which it takes off */
};

struct log_field {
    const char *name;
    const char *text; /* NULL: the field is `number`; "": the field is left out */
    uint64_t number;
};

#define LOG_TEXT(n, t)   ((struct log_field){.name = (n), .text = (t)})
#define LOG_NUMBER(n, v) ((struct log_field){.name = (n), .number = (v)})

/* A number that says "none" by being 0, and is left out then. */
#define LOG_NUMBER_UNLESS_0(n, v) \
    ((struct log_field){.name = (n), .text = (v) ? NULL : "", .number = (v)})

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {.name = NULL}})

/* Whether what is written there goes to journald, as it told this process when it was started (JOURNAL_STREAM). */
bool log_reaches_journal(int fd);

/* Writes one line if the level is on and there is room for it. `fields` ends with a field whose name is NULL. */
void log_write(const struct log *log, enum log_level level, const char *event,
               const struct log_field *fields);

/* How much of one kind of line was written lately; all zero at first. */
struct log_limit {
    uint64_t second;
    uint32_t lines;
    uint64_t left_out;
};

/* May another line be written in this second? If so, how many were left out since the last one. */
bool log_limit_take(struct log_limit *limit, uint64_t second, uint64_t *ret_left_out);

/* Whether a line of a kind that remote peers can cause at will may be written now, to be asked before its fields are made; writes how many
 * were left out before it. `limit` belongs to this kind of line alone. */
bool log_may_write(const struct log *log, struct log_limit *limit, enum log_level level,
                   const char *event);

/* log_may_write(), then log_write(). */
void log_write_limited(const struct log *log, struct log_limit *limit, enum log_level level,
                       const char *event, const struct log_field *fields);

enum { LOG_PEER_SIZE = 24 };

/* "ed25519:AbCdEfGh" of a peer id: enough to tell members apart. `ret_short` has LOG_PEER_SIZE bytes. */
const char *log_peer(const char *peer_id, char *ret_short);

#endif
