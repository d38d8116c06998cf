/* The ends of sessions and memberships: told until they are taken.
 *
 * When one is over, its records go, and in the same batch comes one that says so. It stays until the application has taken the
 * event SESSION_CLOSED or MEMBERSHIP_ENDED; each start before that tells it once more. */
#ifndef SHARED_CLIENT_ENDING_H
#define SHARED_CLIENT_ENDING_H

#include "client/record.h"

/* Journals and tells it. `ticket`: of whoever asked for a session's end, or 0. */
void ending_tell(struct engine *e, uint64_t ticket, const struct record_ended *ended);

/* From the journal: told by ending_tell_loaded(). 0 or negative. */
int ending_load(struct engine *e, uint64_t number, const struct record_ended *ended);
void ending_tell_loaded(struct engine *e);

#endif
