/* One line per thing that matters, on standard error: logfmt for people and grep, JSON for collectors.
 *
 * The only place of the relay that writes a log. A line has a time, a level, an event word and fields. Peer ids are
 * shortened here; bodies, proofs, signatures and keys never come this far. A burst of refusals is cut: per second at most
 * LOG_BURST_MAX lines of `limited` kind are written, and what was left out is counted in the next. Loop thread. */
#ifndef RELAY_APP_LOG_H
#define RELAY_APP_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum log_level {
    LOG_LEVEL_ERROR = 0,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
};

enum { LOG_BURST_MAX = 20 };

struct log {
    enum log_level level;
    bool json;
    uint64_t burst_second;
    uint32_t burst_lines;
    uint64_t suppressed;
};

struct log_field {
    const char *name;
    const char *text; /* NULL: the field is `number`; "": the field is left out */
    uint64_t number;
};

#define LOG_TEXT(n, t)   ((struct log_field){.name = (n), .text = (t)})
#define LOG_NUMBER(n, v) ((struct log_field){.name = (n), .number = (v)})

/* Writes one line if the level is on. `fields` ends with a field whose name is NULL. */
void log_write(struct log *log, enum log_level level, const char *event,
               const struct log_field *fields);

/* The same for what remote peers can cause at will. */
void log_write_limited(struct log *log, enum log_level level, const char *event,
                       const struct log_field *fields);

#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {.name = NULL}})

enum { LOG_PEER_SIZE = 24 };

/* "ed25519:AbCdEfGh" of a peer id: enough to tell members apart. `ret_short` has LOG_PEER_SIZE bytes. */
const char *log_peer(const char *peer_id, char *ret_short);

#endif
