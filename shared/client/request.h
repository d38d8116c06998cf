/* Requests in flight: which answer belongs to what. A connection's requests end with it: what they were about is still in
 * the state of its object, and the pumps ask again. */
#ifndef SHARED_CLIENT_REQUEST_H
#define SHARED_CLIENT_REQUEST_H

#include "client/engine_state.h"

struct request {
    struct map_node node; /* in engine->requests by message_id */
    enum request_kind kind;
    enum message_type type;
    struct wire_id message_id;
    struct wire_id syncshell_id; /* "" when not about one */
    struct wire_id session_id;
    uint64_t ticket;
    uint64_t number; /* SIGNAL: generation; ACK: seq; DURABLE: 0 */
    uint64_t deadline_us;
};

/* Encodes and sends `m`; when it is to be answered, `takes_request`'s fields say what it is (copied; NULL: no answer is
 * expected). False when it could not be sent: the engine is stopped then, or too many requests are in flight. */
bool request_send(struct engine *e, const struct message *m, const struct request *r);

/* Sends an encoded frame in the same way. Refs the frame. */
bool request_send_frame(struct engine *e, struct frame *frame, const struct request *r);

/* Takes the request out: the caller owns it (free()). NULL when the answer belongs to none. */
struct request *request_take(struct engine *e, const char *message_id);

/* Forgets all, and the in_flight bits of their objects. */
void request_forget_all(struct engine *e);

/* Forgets a session's signals below a generation: of those that went well no answer comes. */
void request_forget_signals(struct engine *e, const char *session_id, uint64_t below_generation);

uint64_t request_deadline_us(const struct engine *e);
bool request_overdue(const struct engine *e);

#endif
