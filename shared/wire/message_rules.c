#include "wire/message_fields.h"

#include <string.h>

static const char *body_format_rule(const struct message *m, enum body_format format)
{
    if (message_has_body(m) && format == BODY_FORMAT_NONE)
        return "bodyFormat is missing";
    if (!message_has_body(m) && format != BODY_FORMAT_NONE)
        return "bodyFormat stands without a body";
    return NULL;
}

static const char *routed_rule(const struct message *m)
{
    const struct message_routed *r = &m->routed;

    if (strcmp(r->source_peer_id.text, r->target_peer_id.text) == 0)
        return "targetPeerId is the source itself";
    return body_format_rule(m, r->body_format);
}

static const char *join_rule(const struct message_join_syncshell *j)
{
    if (j->has_inbox_cursor && j->store_epoch.text[0] == '\0')
        return "storeEpoch is missing beside inboxCursor";
    if (!j->has_inbox_cursor && j->store_epoch.text[0] != '\0')
        return "inboxCursor is missing beside storeEpoch";
    return NULL;
}

static const char *session_open_rule(const struct message *m)
{
    const struct message_session_open *o = &m->session_open;

    if (strcmp(o->joiner_peer_id.text, o->provider_peer_id.text) == 0)
        return "providerPeerId is the joiner itself";
    return body_format_rule(m, o->body_format);
}

static const char *summary_rule(const struct message_session_summary *s)
{
    if (strcmp(s->joiner_peer_id.text, s->provider_peer_id.text) == 0)
        return "providerPeerId is the joiner itself";
    if (s->state == SESSION_STATE_OPEN && s->outcome != SESSION_OUTCOME_NONE)
        return "outcome stands in an open session";
    return NULL;
}

static const char *joined_rule(const struct message_syncshell_joined *j)
{
    for (size_t i = 0; i < j->n_sessions; i++) {
        const char *broken = summary_rule(&j->sessions[i]);

        if (broken)
            return broken;
    }
    return NULL;
}

static const char *snapshot_entry_rule(const struct message_snapshot_entry *e)
{
    if (e->size_bytes == 0 && e->type != MESSAGE_SESSION_OPEN)
        return "entries.sizeBytes is zero where a body is due";
    if ((e->size_bytes == 0) != (e->body_format == BODY_FORMAT_NONE))
        return "entries.bodyFormat does not go with sizeBytes";
    return NULL;
}

static const char *snapshot_rule(const struct message *m)
{
    const struct message_session_snapshot *s = &m->session_snapshot;
    uint64_t previous = 0;
    uint64_t sum = 0;

    for (size_t i = 0; i < s->n_entries; i++) {
        const struct message_snapshot_entry *e = &s->entries[i];
        const char *broken = snapshot_entry_rule(e);

        if (broken)
            return broken;
        if (e->version <= previous || e->version > s->version)
            return "entries.version is out of order";
        previous = e->version;
        sum += e->size_bytes;
    }
    return sum == m->body_size ? NULL : "entries.sizeBytes do not add up to the body";
}

static const char *report_rule(const struct message_connection_report *c)
{
    bool failed = c->result == REPORT_RESULT_FAILED;
    if (failed != (c->cause.text[0] != '\0'))
        return failed ? "cause is missing" : "cause stands beside connected";
    if (failed && (c->has_lost_ms || c->has_kept_bytes))
        return "lostMs and keptBytes stand beside connected only";
    return NULL;
}

const char *message_broken_rule(const struct message *m)
{
    switch (m->type) {
    case MESSAGE_JOIN_SYNCSHELL:
        return join_rule(&m->join_syncshell);
    case MESSAGE_SYNCSHELL_JOINED:
        return joined_rule(&m->syncshell_joined);
    case MESSAGE_RECONNECT_OFFER:
    case MESSAGE_RECONNECT_ANSWER:
    case MESSAGE_ICE_CANDIDATE:
    case MESSAGE_RECOVERY_REQUEST:
    case MESSAGE_RECOVERY_RESPONSE:
        return routed_rule(m);
    case MESSAGE_SESSION_OPEN:
        return session_open_rule(m);
    case MESSAGE_SESSION_PROGRESS:
    case MESSAGE_SESSION_CHECKPOINT:
        return body_format_rule(m, m->session_entry.body_format);
    case MESSAGE_SESSION_SNAPSHOT:
        return snapshot_rule(m);
    case MESSAGE_SESSION_CHANGED:
        return summary_rule(&m->session_changed.session);
    case MESSAGE_CONNECTION_REPORT:
        return report_rule(&m->connection_report);
    case MESSAGE_NONE:
    case MESSAGE_HELLO:
    case MESSAGE_AUTHENTICATE:
    case MESSAGE_WELCOME:
    case MESSAGE_CREATE_SYNCSHELL:
    case MESSAGE_LEAVE_SYNCSHELL:
    case MESSAGE_MEMBERSHIP_ENDED:
    case MESSAGE_PEER_PRESENCE:
    case MESSAGE_REMOVE_MEMBER:
    case MESSAGE_ROTATE_GROUP_KEY:
    case MESSAGE_TRANSFER_OWNERSHIP:
    case MESSAGE_DELETE_SYNCSHELL:
    case MESSAGE_OWNER_CHANGED:
    case MESSAGE_HELD:
    case MESSAGE_UNDELIVERABLE:
    case MESSAGE_INBOX_DELIVERY:
    case MESSAGE_ACK_INBOX:
    case MESSAGE_SESSION_SNAPSHOT_REQUEST:
    case MESSAGE_SESSION_CLOSE:
    case MESSAGE_ISSUE_RECOVERY_CODE:
    case MESSAGE_REDEEM_RECOVERY_CODE:
    case MESSAGE_ICE_SERVERS_REQUEST:
    case MESSAGE_ICE_SERVERS:
    case MESSAGE_STORED:
    case MESSAGE_ERROR:
    case MESSAGE_GO_AWAY:
    case MESSAGE_COUNT:
        return NULL;
    }
    return NULL;
}
