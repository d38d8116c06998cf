/* The live attempt of a session: one offer, at most one answer, candidates of both sides.
 *
 * Identity: (generation, offering side). Frames are kept for offer_ttl after they came and until something acknowledges
 * them (the answer acknowledges the offer), because a frame handed to a socket is not a frame received: a target
 * that comes back in time gets them again, in order. A frame that reached no connection, or only one that is gone, is
 * told to its sender as undeliverable when its time is over.
 *
 * The attempt itself outlives its frames: until it is superseded, its session closes, or ATTEMPT_LIFE_TTLS times offer_ttl
 * after its last accepted frame, so that late candidates still belong to something and repeated ones are known. Its memory
 * is bounded by attempt_bytes_max and ATTEMPT_CANDIDATES_MAX, and charged frame by frame to who sent it, the attempt with its
 * offer. */
#ifndef RELAY_CORE_ATTEMPT_H
#define RELAY_CORE_ATTEMPT_H

#include "base/frame.h"
#include "base/list.h"
#include "core/session.h"
#include "core/timer.h"
#include "wire/message.h"

enum {
    ATTEMPT_CANDIDATES_MAX = 64, /* per side */
    ATTEMPT_LIFE_TTLS = 2,
};

struct attempt {
    struct session *session;
    struct list_node node; /* the syncshell's attempts */
    uint64_t generation;
    enum session_side side; /* who offered */
    bool answered;
    struct list frames; /* every accepted one, oldest first; their bytes only while kept */
    size_t kept_bytes;
    size_t n_candidates[2];
    /* Of their ids, so that a new one is known without a walk over frames that lie all over the memory. */
    uint32_t candidate_hashes[2][ATTEMPT_CANDIDATES_MAX];
    uint64_t end_us;
    struct timer timer; /* the next frame's expiry or the end */
};

/* Starts the attempt with its offer, in place of an older one, and forwards or holds the offer. WIRE_CODE_NONE, or why not:
 * nothing has changed then. */
enum wire_code attempt_start(struct session *session, enum session_side side,
                             const struct message_routed *offer, struct frame *frame);

/* Takes an answer or candidate of that side and forwards or holds it. A repeated one is taken silently. */
enum wire_code attempt_answer(struct attempt *a, enum session_side side,
                              const struct message_routed *answer, struct frame *frame);
enum wire_code attempt_candidate(struct attempt *a, enum session_side side,
                                 const struct message_routed *candidate, struct frame *frame);

/* Was this message of this type accepted from that side already? */
bool attempt_knows(const struct attempt *a, enum session_side side, enum message_type type,
                   const struct wire_id *message_id);

/* Sends a side what is kept for it and was not handed over yet. False when there was no room for all of it. */
bool attempt_send_kept(struct attempt *a, enum session_side side);

/* The side's connection is gone: what was not acknowledged is to be sent again. */
void attempt_target_gone(struct attempt *a, enum session_side side);

/* Ends the attempt; senders hear `code` for what reached nobody, nothing with WIRE_CODE_NONE. Always NULL. */
struct attempt *attempt_end(struct attempt *a, enum wire_code code);

#endif
