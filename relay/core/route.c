#include "core/route.h"

#include <string.h>

#include "core/attempt.h"
#include "core/inbox.h"
#include "core/member.h"
#include "core/session.h"
#include "core/syncshell.h"

/* The members of a session need no search. */
static bool is_member(const struct syncshell *s, struct session *session, const char *peer_id)
{
    enum session_side side = session ? session_side_of(session, peer_id) : SESSION_SIDE_NONE;
    return side == SESSION_SIDE_NONE ? syncshell_member(s, peer_id) != NULL
                                     : session_member(session, side) != NULL;
}

/* The session of a routed message, or NULL and the code. */
static struct session *check(const struct request *r, enum wire_code *ret_code)
{
    const struct message_routed *m = &r->message->routed;
    const struct syncshell *s = r->membership->syncshell;
    enum wire_code code = WIRE_CODE_NONE;
    struct session *session = session_find(s, &m->recovery_session_id);
    if (strcmp(m->source_peer_id.text, r->connection->peer_id.text) != 0) {
        code = WIRE_CODE_FORGED_SOURCE;
    } else if (!is_member(s, session, m->target_peer_id.text)) {
        code = WIRE_CODE_UNKNOWN_TARGET;
    } else if (!session) {
        code = WIRE_CODE_UNKNOWN_SESSION;
    } else {
        /* The two are different peers, or message_decode() had refused. */
        if (session_side_of(session, m->source_peer_id.text) == SESSION_SIDE_NONE ||
            session_side_of(session, m->target_peer_id.text) == SESSION_SIDE_NONE)
            code = WIRE_CODE_NOT_PARTICIPANT;
        else
            code = store_session_ended(&session->summary);
    }
    if (code == WIRE_CODE_NONE)
        return session;
    *ret_code = code;
    return NULL;
}

/* An offer against the session's generation; see core.h for the rules. */
static enum wire_code offer(struct session *session, enum session_side side,
                            const struct message_routed *m, struct frame *frame)
{
    uint64_t current = session->summary.generation;
    const struct attempt *live = session->attempt;
    if (m->generation > current) {
        if (m->generation - current > WIRE_GENERATION_JUMP_MAX)
            return WIRE_CODE_GENERATION_JUMP;
        return attempt_start(session, side, m, frame);
    }
    /* Also a current generation without a live attempt, after a restart or its end: it cannot be told apart from an
     * old one, and one more costs nothing. */
    if (m->generation < current || !live)
        return WIRE_CODE_STALE_GENERATION;
    if (side != live->side)
        return WIRE_CODE_GLARE_LOST;
    return attempt_knows(live, side, MESSAGE_RECONNECT_OFFER, &m->message_id)
               ? WIRE_CODE_NONE
               : WIRE_CODE_STALE_GENERATION;
}

static enum wire_code ephemeral(struct session *session, enum message_type type,
                                const struct message_routed *m, struct frame *frame)
{
    enum session_side side = session_side_of(session, m->source_peer_id.text);
    if (type == MESSAGE_RECONNECT_OFFER)
        return offer(session, side, m, frame);
    struct attempt *live = session->attempt;
    if (!live || m->generation != live->generation)
        return WIRE_CODE_STALE_GENERATION;
    return type == MESSAGE_RECONNECT_ANSWER ? attempt_answer(live, side, m, frame)
                                            : attempt_candidate(live, side, m, frame);
}

static bool code_tells_generation(enum wire_code code)
{
    return code == WIRE_CODE_STALE_GENERATION || code == WIRE_CODE_GLARE_LOST ||
           code == WIRE_CODE_GENERATION_JUMP;
}

void route_request(const struct request *r)
{
    enum wire_code code = WIRE_CODE_NONE;
    enum message_type type = r->message->type;
    struct session *session = check(r, &code);
    if (!session) {
        request_refuse(r, code, NULL);
        return;
    }
    if (type == MESSAGE_RECOVERY_REQUEST || type == MESSAGE_RECOVERY_RESPONSE) {
        inbox_route(r);
        return;
    }
    struct frame *frame = request_frame(r);
    if (!frame)
        return;
    code = ephemeral(session, type, &r->message->routed, frame);
    frame_unref(frame);
    if (code_tells_generation(code))
        request_refuse_generation(r, code, session->summary.generation);
    else if (code != WIRE_CODE_NONE)
        request_refuse(r, code, NULL);
}
