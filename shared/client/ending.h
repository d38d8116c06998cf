/* The ends of sessions: told until they are taken.
 *
 * When a session is over, its records go, and in the same batch comes one that says so. It stays until the application has
 * taken the event SESSION_CLOSED; each start before that tells it once more. */
#ifndef SHARED_CLIENT_ENDING_H
#define SHARED_CLIENT_ENDING_H

#include "client/record.h"

/* Journals and tells it. `cause` in it may be NULL. */
void ending_tell(struct engine *e, uint64_t ticket, const struct record_ended *ended);

/* From the journal: told by ending_tell_loaded(). 0 or negative. */
int ending_load(struct engine *e, uint64_t number, const struct record_ended *ended);
void ending_tell_loaded(struct engine *e);

#endif
