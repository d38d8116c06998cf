/* Events to the application: one function per shape, so that the fields of an event are decided in one place. Failure to
 * build one (memory) stops the engine. */
#ifndef SHARED_CLIENT_NOTIFY_H
#define SHARED_CLIENT_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

struct engine;
struct syncshell;
struct session;
struct syncshell_event;

/* A new event, NULL after a failure: the adders below accept NULL. */
struct syncshell_event *notify_new(struct engine *e, int32_t type, uint64_t ticket);
/* The same with the session fields of the public header; the second with the live attempt's generation. */
struct syncshell_event *notify_signal(struct session *s, int32_t type, uint64_t ticket,
                                      uint64_t generation);
struct syncshell_event *notify_session(struct session *s, int32_t type, uint64_t ticket);

/* What every event about a session says of it. */
struct notify_fields {
    const char *syncshell_id;
    const char *session_id;
    const char *other; /* peer id */
    bool joiner;       /* our role */
    const char *label; /* NULL: none */
    uint64_t generation;
};
struct syncshell_event *notify_about(struct engine *e, int32_t type, uint64_t ticket,
                                     const struct notify_fields *fields);
void notify_text(struct syncshell_event *event, int32_t field, const char *text);
void notify_integer(struct syncshell_event *event, int32_t field, uint64_t value);
void notify_send(struct engine *e, struct syncshell_event *takes_event);

/* REQUEST_FAILED. syncshell_id and session_id may be NULL. */
void notify_failed(struct engine *e, uint64_t ticket, const char *code, const char *text,
                   bool retryable, const char *syncshell_id, const char *session_id);

#endif
