/* ConnectionReport: what became of an attempt, for the relay's judgement of the cause and its order of ICE servers.
 *
 * The newest report waits until the relay has stored it, over reconnections, but not over a restart. */
#ifndef SHARED_CLIENT_REPORT_H
#define SHARED_CLIENT_REPORT_H

#include "client/engine_state.h"

struct request;

/* Of the session's attempt, before it is cleared. `cause` "" when it connected; `ice_server` may be NULL. */
void report_attempt(struct session *s, const char *cause, const char *ice_server);

void report_pump(struct session *s);
void report_stored(struct session *s, const struct request *r);
void report_refused(struct session *s, const struct request *r, const struct message_error *error);

/* The session's cause as the relay has it; tells the application when it changed. */
void report_judged(struct session *s, const struct cause_text *cause);

#endif
