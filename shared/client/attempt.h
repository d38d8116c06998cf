/* Attempts to bring a link up: numbering, the one live attempt, retries (design: P4 and the retry schedule).
 *
 * At most one attempt is live at a side: the one of the highest generation that it offered or was offered. What belongs to
 * another generation is refused to the application, and not given to it. */
#ifndef SHARED_CLIENT_ATTEMPT_H
#define SHARED_CLIENT_ATTEMPT_H

#include "client/engine_state.h"

struct request;

/* What the application gives. Texts are borrowed. What is wrong comes as SIGNAL_REFUSED. */
void attempt_offer(struct session *s, uint64_t ticket, uint64_t generation, const char *sdp);
void attempt_answer(struct session *s, uint64_t ticket, uint64_t generation, const char *sdp);
void attempt_candidate(struct session *s, uint64_t ticket, uint64_t generation,
                       const char *candidate, const char *sdp_mid, int32_t sdp_mline_index);
void attempt_link(struct session *s, uint64_t ticket, uint64_t generation,
                  const struct engine_link *link);

/* A routed signal from the other side, opened. NULL, or the code that says what was wrong with it. */
const char *attempt_received(struct session *s, const struct message *m, const struct buf *plain);

/* Is it worth opening? False for what belongs to no live attempt. */
bool attempt_expects(const struct session *s, const struct message *m);

/* Held, Undeliverable and Error for one of our signals. */
void attempt_held(struct session *s, const struct request *r, uint32_t held_for_ms);
void attempt_refused(struct session *s, const struct request *r, enum wire_code code,
                     bool has_generation, uint64_t generation);

/* The relay knows of an attempt of that generation. It is believed as far as an offer could lead: what a relay makes up must not
 * use up the numbers of a session for good. */
void attempt_generation_told(struct session *s, uint64_t generation);

/* Asks for the next offer when it is time. */
void attempt_pump(struct session *s);
/* The other side says that the attempt of that generation failed, by that cause: nothing will come of ours. */
void attempt_failed_there(struct session *s, uint64_t generation, const char *cause);

void attempt_tick(struct session *s);
uint64_t attempt_deadline_us(const struct session *s);
void attempt_disconnected(struct session *s);

/* The other side is back: what waits is tried at once, and as often as in the beginning. */
void attempt_peer_online(struct session *s);

/* The network may have changed: the same. */
void attempt_now(struct session *s);

/* This side is back, and knows again who is there. */
void attempt_joined(struct session *s);

#endif
