/* Frames in: decoded once, sent to the handler of their type through the gates that the type's row names. */
#include <stddef.h>

#include "core/create.h"
#include "core/handshake.h"
#include "core/ice.h"
#include "core/inbox.h"
#include "core/join.h"
#include "core/leave.h"
#include "core/member.h"
#include "core/owner.h"
#include "core/recovery_code.h"
#include "core/reply.h"
#include "core/report.h"
#include "core/request.h"
#include "core/route.h"
#include "core/session_request.h"
#include "core/syncshell.h"

enum { RATE_UNIT_BYTES = 16 * 1024 };

enum gate {
    GATE_CLOSED = 0, /* not a client's message: message_decode() has refused it */
    GATE_HELLO,      /* before authentication only */
    GATE_AUTHENTICATED,
    GATE_JOINED, /* and the message's syncshell is joined */
};

struct handler {
    enum gate gate;
    enum rate rate;
    size_t message_id_offset;
    size_t syncshell_id_offset; /* GATE_AUTHENTICATED and GATE_JOINED */
    void (*handle)(const struct request *r);
};

/* The ids are found by offset, because messages share them by name and not by a common struct. */
#define ROW(gate, rate, member, handle)                           \
    {                                                             \
        gate, rate, offsetof(struct message, member.message_id),  \
            offsetof(struct message, member.syncshell_id), handle \
    }

static const struct handler handlers[MESSAGE_COUNT] = {
    [MESSAGE_AUTHENTICATE] = {GATE_HELLO, RATE_JOINS,
                              offsetof(struct message, authenticate.message_id), 0,
                              handshake_authenticate},
    [MESSAGE_CREATE_SYNCSHELL] =
        ROW(GATE_AUTHENTICATED, RATE_JOINS, create_syncshell, create_request),
    [MESSAGE_JOIN_SYNCSHELL] = ROW(GATE_AUTHENTICATED, RATE_JOINS, join_syncshell, join_request),
    [MESSAGE_LEAVE_SYNCSHELL] = ROW(GATE_JOINED, RATE_JOINS, leave_syncshell, leave_request),
    [MESSAGE_REMOVE_MEMBER] = ROW(GATE_JOINED, RATE_JOINS, owner_operation, owner_request),
    [MESSAGE_ROTATE_GROUP_KEY] = ROW(GATE_JOINED, RATE_JOINS, owner_operation, owner_request),
    [MESSAGE_TRANSFER_OWNERSHIP] = ROW(GATE_JOINED, RATE_JOINS, owner_operation, owner_request),
    [MESSAGE_DELETE_SYNCSHELL] = ROW(GATE_JOINED, RATE_JOINS, owner_operation, owner_request),
    [MESSAGE_RECONNECT_OFFER] = ROW(GATE_JOINED, RATE_SIGNALS, routed, route_request),
    [MESSAGE_RECONNECT_ANSWER] = ROW(GATE_JOINED, RATE_SIGNALS, routed, route_request),
    [MESSAGE_ICE_CANDIDATE] = ROW(GATE_JOINED, RATE_SIGNALS, routed, route_request),
    [MESSAGE_RECOVERY_REQUEST] = ROW(GATE_JOINED, RATE_WRITES, routed, route_request),
    [MESSAGE_RECOVERY_RESPONSE] = ROW(GATE_JOINED, RATE_WRITES, routed, route_request),
    [MESSAGE_ACK_INBOX] = ROW(GATE_JOINED, RATE_WRITES, ack_inbox, inbox_ack),
    [MESSAGE_SESSION_OPEN] = ROW(GATE_JOINED, RATE_WRITES, session_open, session_open_request),
    [MESSAGE_SESSION_PROGRESS] =
        ROW(GATE_JOINED, RATE_WRITES, session_entry, session_entry_request),
    [MESSAGE_SESSION_CHECKPOINT] =
        ROW(GATE_JOINED, RATE_WRITES, session_entry, session_entry_request),
    [MESSAGE_SESSION_SNAPSHOT_REQUEST] =
        ROW(GATE_JOINED, RATE_QUERIES, session_snapshot_request, session_snapshot_request),
    [MESSAGE_CONNECTION_REPORT] = ROW(GATE_JOINED, RATE_WRITES, connection_report, report_request),
    [MESSAGE_ICE_SERVERS_REQUEST] =
        ROW(GATE_JOINED, RATE_QUERIES, ice_servers_request, ice_request),
    [MESSAGE_ISSUE_RECOVERY_CODE] =
        ROW(GATE_JOINED, RATE_WRITES, issue_recovery_code, recovery_code_issue_request),
    [MESSAGE_REDEEM_RECOVERY_CODE] =
        ROW(GATE_JOINED, RATE_JOINS, redeem_recovery_code, recovery_code_redeem_request),
    [MESSAGE_SESSION_CLOSE] = ROW(GATE_JOINED, RATE_WRITES, session_close, session_close_request),
};

static const struct wire_id *id_at(const struct message *m, size_t offset)
{
    return (const struct wire_id *)(const void *)((const char *)m + offset);
}

/* Refuses and closes with the code's own close code, if it has one. */
static void refuse_and_close(const struct request *r, enum wire_code code)
{
    request_refuse(r, code, NULL);
    if (wire_code_close(code) != 0)
        connection_close(r->connection, code);
}

static void dispatch(struct request *r)
{
    const struct handler *h = &handlers[r->message->type];
    r->message_id = id_at(r->message, h->message_id_offset);
    const struct payers *payers = connection_payers(r->connection);
    struct refusal refusal;
    /* A token, and one for every further 16 KiB. */
    if (!rate_take(payers->address, payers->peer, h->rate, 1 + r->size / RATE_UNIT_BYTES,
                   &refusal)) {
        request_refuse_by(r, &refusal);
        return;
    }
    bool authenticated = r->connection->state == CONNECTION_READY;
    if (h->gate == GATE_HELLO) {
        if (authenticated)
            refuse_and_close(r, WIRE_CODE_ALREADY_AUTHENTICATED);
        else
            h->handle(r);
        return;
    }
    if (!authenticated) {
        refuse_and_close(r, WIRE_CODE_NOT_AUTHENTICATED);
        return;
    }
    r->syncshell_id = id_at(r->message, h->syncshell_id_offset);
    if (h->gate == GATE_JOINED) {
        r->membership = connection_joined(r->connection, r->syncshell_id);
        if (!r->membership) {
            refuse_and_close(r, WIRE_CODE_NOT_JOINED);
            return;
        }
    }
    h->handle(r);
}

/* Answers a frame that could not be decoded. A type that is not Authenticate's is out of turn before authentication,
 * whichever it is. */
static void refuse_frame(struct connection *c, const struct message_refusal *refusal)
{
    enum wire_code code = refusal->code;
    bool other_type = code == WIRE_CODE_UNKNOWN_TYPE || code == WIRE_CODE_UNEXPECTED_TYPE;
    if (c->state == CONNECTION_HELLO && other_type)
        code = WIRE_CODE_NOT_AUTHENTICATED;
    const struct reply_detail detail = {
        .text = code == refusal->code && refusal->detail[0] ? refusal->detail : NULL};
    reply_error(c, &refusal->message_id, MESSAGE_NONE, code, &detail);
    if (wire_code_close(code) != 0)
        connection_close(c, code);
}

void core_receive(struct connection *connection, uint64_t now_us, bool binary, const uint8_t *data,
                  size_t size)
{
    struct core *core = connection->core;
    core_enter(core, now_us);
    if (connection->state != CONNECTION_CLOSED) {
        struct message m = {0};
        struct message_refusal refusal = {0};
        core->stats.frames_received++;
        int r = message_decode(&m, &refusal, true, binary, data, size, &message_limits_to_relay);
        if (r == 0) {
            struct request request = {.core = core,
                                      .connection = connection,
                                      .message = &m,
                                      .binary = binary,
                                      .data = data,
                                      .size = size};
            dispatch(&request);
            message_deinit(&m);
        } else if (r == MESSAGE_E_REFUSED) {
            refuse_frame(connection, &refusal);
        } else {
            connection_close(connection, WIRE_CODE_INTERNAL);
        }
    }
    core_leave(core);
}

void core_receive_oversized(struct connection *connection, uint64_t now_us)
{
    struct core *core = connection->core;
    core_enter(core, now_us);
    const struct message_refusal refusal = {.code = WIRE_CODE_BODY_TOO_LARGE};
    if (connection->state != CONNECTION_CLOSED)
        refuse_frame(connection, &refusal);
    core_leave(core);
}
