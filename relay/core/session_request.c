#include "core/session_request.h"

#include <stdlib.h>
#include <string.h>

#include "core/bulk.h"
#include "core/member.h"
#include "core/op.h"
#include "core/reply.h"
#include "core/session.h"
#include "core/syncshell.h"

static enum wire_code check_open(const struct request *r)
{
    const struct message_session_open *m = &r->message->session_open;
    const struct syncshell *s = r->membership->syncshell;
    const char *self = r->connection->peer_id.text;
    if (strcmp(self, m->joiner_peer_id.text) != 0 && strcmp(self, m->provider_peer_id.text) != 0)
        return WIRE_CODE_NOT_PARTICIPANT;
    if (!syncshell_member(s, m->joiner_peer_id.text) ||
        !syncshell_member(s, m->provider_peer_id.text))
        return WIRE_CODE_UNKNOWN_TARGET;
    return WIRE_CODE_NONE;
}

/* Half of the room is set aside, in equal parts, so that a session of usual size needs nothing of what others may have used
 * up, and costs no look at them. */
static void limit_log(struct store_op *op, const struct core_config *config)
{
    op->row_bytes = STORE_ENTRY_BYTES;
    op->limit_bytes = config->session_log_bytes_max;
    op->part_bytes = config->syncshell_log_bytes_max / 2 / config->sessions_max;
    op->pool_bytes = config->syncshell_log_bytes_max - op->part_bytes * config->sessions_max;
}

void session_open_request(const struct request *r)
{
    const struct message_session_open *m = &r->message->session_open;
    const struct core_config *config = &r->core->config;
    enum wire_code code = check_open(r);
    if (code != WIRE_CODE_NONE) {
        request_refuse(r, code, NULL);
        return;
    }
    if (!request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_OPEN_SESSION);
    if (!op || !request_op_frame(r, op))
        return;
    op->recovery_session_id = m->recovery_session_id;
    op->joiner_peer_id = m->joiner_peer_id;
    op->provider_peer_id = m->provider_peer_id;
    op->body_format = m->body_format;
    op->expires_unix_ms = core_wall_after_ms(r->core, config->session_ttl_ms);
    op->limit_rows = config->sessions_max;
    limit_log(op, config);
    request_issue(r, op);
}

void session_open_done(struct core *core, struct syncshell *s, struct connection *c,
                       struct store_op *op)
{
    if (op->code != WIRE_CODE_NONE)
        return;
    /* What memory has under a new one's id is a tombstone that the store has forgotten already. */
    if (!op->duplicate)
        session_free(session_find(s, &op->recovery_session_id));
    if (!session_find(s, &op->recovery_session_id)) {
        const struct store_session stored = {
            .summary = {.recovery_session_id = op->recovery_session_id,
                        .joiner_peer_id = op->joiner_peer_id,
                        .provider_peer_id = op->provider_peer_id,
                        .version = op->ret_version,
                        .state = SESSION_STATE_OPEN},
            .expires_unix_ms = op->expires_unix_ms};
        struct session *session;
        if (session_new(s, &stored, &session) != 0) {
            syncshell_spoil(s);
            return;
        }
        session_announce(session, op->peer_id.text);
        core_emit(core, &(struct core_event){.kind = CORE_EVENT_SESSION_OPENED,
                                             .connection_id = op->connection_id,
                                             .peer_id = op->peer_id,
                                             .syncshell_id = s->id,
                                             .recovery_session_id = op->recovery_session_id});
    }
    reply_outcome(c, op);
}

struct session *session_participated(const struct request *r, const struct wire_id *id,
                                     bool closed_too, enum session_side *ret_side)
{
    enum wire_code code = WIRE_CODE_NONE;
    struct session *session = session_find(r->membership->syncshell, id);
    enum session_side side =
        session ? session_side_of(session, r->connection->peer_id.text) : SESSION_SIDE_NONE;
    if (!session)
        code = WIRE_CODE_UNKNOWN_SESSION;
    else if (side == SESSION_SIDE_NONE)
        code = WIRE_CODE_NOT_PARTICIPANT;
    else if (!closed_too)
        code = store_session_ended(&session->summary);
    if (code != WIRE_CODE_NONE) {
        request_refuse(r, code, NULL);
        return NULL;
    }
    *ret_side = side;
    return session;
}

void session_entry_request(const struct request *r)
{
    const struct message_session_entry *m = &r->message->session_entry;
    enum session_side side;
    if (!session_participated(r, &m->recovery_session_id, false, &side))
        return;
    if (side != SESSION_SIDE_JOINER) {
        request_refuse(r, WIRE_CODE_NOT_PARTICIPANT, "only the joiner writes");
        return;
    }
    if (!request_admitted(r))
        return;
    bool append = r->message->type == MESSAGE_SESSION_PROGRESS;
    struct store_op *op = request_op(r, append ? STORE_APPEND_ENTRY : STORE_CHECKPOINT);
    if (!op || !request_op_frame(r, op))
        return;
    op->recovery_session_id = m->recovery_session_id;
    op->base_version = m->base_version;
    op->body_format = m->body_format;
    op->expires_unix_ms = core_wall_after_ms(r->core, r->core->config.session_ttl_ms);
    limit_log(op, &r->core->config);
    request_issue(r, op);
}

void session_entry_done(struct core *core, struct syncshell *s, struct connection *c,
                        struct store_op *op)
{
    (void)core;
    if (op->code != WIRE_CODE_NONE)
        return;
    struct session *session = session_find(s, &op->recovery_session_id);
    if (session && op->ret_version > session->summary.version)
        session->summary.version = op->ret_version;
    reply_outcome(c, op);
}

void session_snapshot_request(const struct request *r)
{
    const struct message_session_snapshot_request *m = &r->message->session_snapshot_request;
    enum session_side side;
    if (!session_participated(r, &m->recovery_session_id, false, &side) || !request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_READ_SNAPSHOT);
    if (!op)
        return;
    op->recovery_session_id = m->recovery_session_id;
    op->base_version = m->after_version;
    r->connection->n_pending++;
    bulk_snapshot(r->connection, op);
}

/* The entries' descriptions and their bodies in one block. 0 or -1. */
static int fill_snapshot(struct message *m, struct buf *body, const struct store_op *op)
{
    struct message_session_snapshot *snapshot = &m->session_snapshot;
    if (op->n_entries == 0)
        return 0;
    snapshot->entries = calloc(op->n_entries, sizeof *snapshot->entries);
    if (!snapshot->entries)
        return -1;
    for (size_t i = 0; i < op->n_entries; i++) {
        const struct store_entry *e = &op->entries[i];
        snapshot->entries[snapshot->n_entries++] = e->meta;
        if (e->meta.size_bytes > 0 && buf_append(body, e->data, e->meta.size_bytes) != 0)
            return -1;
    }
    m->body = body->data;
    m->body_size = body->size;
    return 0;
}

void session_snapshot_done(struct core *core, struct syncshell *s, struct connection *c,
                           struct store_op *op)
{
    (void)core;
    if (!c)
        return;
    if (op->code == WIRE_CODE_NONE && !connection_membership(c, s)) {
        /* It left, or was made to, while the log was read. */
        reply_error(c, &op->message_id, MESSAGE_SESSION_SNAPSHOT_REQUEST, WIRE_CODE_NOT_JOINED,
                    NULL);
    } else if (op->code == WIRE_CODE_NONE) {
        struct buf body = BUF_INIT(WIRE_BODY_MAX);
        struct message m = {.type = MESSAGE_SESSION_SNAPSHOT};
        m.session_snapshot.in_reply_to = op->message_id;
        m.session_snapshot.syncshell_id = s->id;
        m.session_snapshot.recovery_session_id = op->recovery_session_id;
        m.session_snapshot.version = op->ret_version;
        m.session_snapshot.complete = op->complete;
        if (fill_snapshot(&m, &body, op) == 0)
            reply_send_bulk(c, &m);
        else
            connection_close(c, WIRE_CODE_INTERNAL);
        message_deinit(&m);
        buf_deinit(&body);
    }
    /* A failed read was answered; the next need not wait for it. */
    bulk_done(c, false);
}

void session_close_request(const struct request *r)
{
    const struct message_session_close *m = &r->message->session_close;
    enum session_side side;
    if (!session_participated(r, &m->recovery_session_id, true, &side) || !request_admitted(r))
        return;
    struct store_op *op = request_op(r, STORE_CLOSE_SESSION);
    if (!op)
        return;
    op->recovery_session_id = m->recovery_session_id;
    op->outcome = m->outcome;
    op->cause = m->cause;
    op->expires_unix_ms = core_wall_after_ms(r->core, r->core->config.tombstone_ttl_ms);
    request_issue(r, op);
}

void session_close_done(struct core *core, struct syncshell *s, struct connection *c,
                        struct store_op *op)
{
    (void)core;
    if (op->code != WIRE_CODE_NONE)
        return;
    struct session *session = session_find(s, &op->recovery_session_id);
    if (session && session->summary.state == SESSION_STATE_OPEN)
        session->summary.cause = op->cause;
    if (session)
        session_closed(session, op->outcome, op->expires_unix_ms, WIRE_CODE_SESSION_CLOSED,
                       op->peer_id.text);
    reply_outcome(c, op);
}
