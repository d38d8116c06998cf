/* ICE servers: asked of the relay for each attempt, given to the application with the event that starts it, and again before their
 * credentials expire. Kept in memory only.
 *
 * The provider of a session asks when the joiner's recovery request comes, which is before its offer: so the offer need not wait
 * for another way to the relay and back.
 *
 * OFFER_NEEDED and OFFER, and the candidates behind an OFFER, wait for the answer. When the relay gives none, they go without, or
 * with what the last attempt had, as long as that is good. */
#ifndef SHARED_CLIENT_ICE_H
#define SHARED_CLIENT_ICE_H

#include "client/engine_state.h"

struct request;

void ice_init(struct session *s);
void ice_deinit(struct session *s);

/* The other side says that it is about to offer. What is asked for now is here when the offer is, a way to the relay and back earlier. */
void ice_announced(struct session *s);

/* An attempt begins, or changes its stage. What waited to be told is of the past. */
void ice_attempt_started(struct session *s);

/* An event about the attempt: at once, or with the answer. */
void ice_tell(struct session *s, struct syncshell_event *takes_event);

void ice_pump(struct session *s);
uint64_t ice_deadline_us(const struct session *s);

/* Whether what started the attempt is not told yet. */
bool ice_is_holding(const struct session *s);

void ice_answered(struct session *s, const struct request *r, struct message_ice_servers *m);
void ice_refused(struct session *s, const struct request *r, const struct message_error *error);

#endif
