/* A session: its log, its codes, its reports, and its end. */
#include "model/fake_store_state.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void fake_session_clear(struct session *s)
{
    for (size_t i = 0; i < s->n_entries; i++)
        free(s->entries[i].data);
    free(s->entries);
    s->entries = NULL;
    s->n_entries = 0;
}

struct session *fake_session_find(const struct shell *s, const char *id)
{
    for (size_t i = 0; i < s->n_sessions; i++)
        if (strcmp(s->sessions[i].stored.summary.recovery_session_id.text, id) == 0)
            return &s->sessions[i];
    return NULL;
}

void fake_session_close(struct session *s, enum session_outcome outcome,
                        const struct cause_text *cause, int64_t expires_unix_ms)
{
    s->stored.summary.cause = *cause;
    s->stored.summary.state = SESSION_STATE_CLOSED;
    s->stored.summary.outcome = outcome;
    s->stored.expires_unix_ms = expires_unix_ms;
    fake_session_clear(s);
}

static enum message_type entry_type(enum store_op_kind kind)
{
    return kind == STORE_OPEN_SESSION   ? MESSAGE_SESSION_OPEN
           : kind == STORE_APPEND_ENTRY ? MESSAGE_SESSION_PROGRESS
                                        : MESSAGE_SESSION_CHECKPOINT;
}

static void add_entry(struct session *s, struct store_op *op)
{
    size_t size = op->frame->size - op->body_offset;
    s->entries = fake_grown(s->entries, s->n_entries, sizeof *s->entries);
    struct entry *e = &s->entries[s->n_entries++];
    e->meta.version = ++s->stored.summary.version;
    e->meta.type = entry_type(op->kind);
    e->meta.source_peer_id = op->peer_id;
    e->meta.body_format = op->body_format;
    e->meta.size_bytes = (uint32_t)size;
    e->message_id = op->message_id;
    e->data = fake_copied(op->frame->data + op->body_offset, size);
    s->stored.expires_unix_ms = op->expires_unix_ms;
    op->ret_version = e->meta.version;
}

/* Of `peer`, or of everybody (NULL). */
static size_t open_sessions(const struct shell *s, const char *peer)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_sessions; i++)
        n += s->sessions[i].stored.summary.state == SESSION_STATE_OPEN &&
             (!peer || strcmp(s->sessions[i].opened_by.text, peer) == 0);
    return n;
}

/* Beyond the first thing nobody has more than what is then left. */
bool fake_is_share(uint64_t max, uint64_t all, uint64_t own, uint64_t more)
{
    return own == 0 || all + own + 2 * more <= max;
}

static uint64_t log_bytes(const struct session *s, const struct store_op *op)
{
    uint64_t n = 0;
    for (size_t i = 0; i < s->n_entries; i++)
        n += s->entries[i].meta.size_bytes + op->row_bytes;
    return n;
}

/* What op's entry counts for in a log. */
static uint64_t counted_size(const struct store_op *op)
{
    return op->frame->size - op->body_offset + op->row_bytes;
}

static uint64_t from_pool(const struct store_op *op, uint64_t bytes)
{
    return bytes > op->part_bytes ? bytes - op->part_bytes : 0;
}

/* A session's log (NULL: a new one's) is to become that large. A model's closed sessions have no entries. */
static bool admit_log(const struct shell *s, const struct session *session, struct store_op *op,
                      uint64_t bytes)
{
    uint64_t has = session ? from_pool(op, log_bytes(session, op)) : 0;
    uint64_t wants = from_pool(op, bytes);
    uint64_t all = 0, own = 0;
    for (size_t i = 0; i < s->n_sessions; i++) {
        uint64_t n = from_pool(op, log_bytes(&s->sessions[i], op));
        all += n;
        if (strcmp(s->sessions[i].stored.summary.joiner_peer_id.text, op->peer_id.text) == 0)
            own += n;
    }
    if (op->pool_bytes == 0 || wants <= has)
        return true;
    if (all + wants - has > op->pool_bytes)
        op->code = WIRE_CODE_SYNCSHELL_QUOTA;
    else if (!fake_is_share(op->pool_bytes, all, own, wants - has) ||
             (!session && strcmp(op->joiner_peer_id.text, op->peer_id.text) != 0))
        op->code = WIRE_CODE_LOG_SHARE;
    return op->code == WIRE_CODE_NONE;
}

void fake_session_open(struct shell *s, struct store_op *op)
{
    struct session *session = fake_session_find(s, op->recovery_session_id.text);
    if (session) {
        const struct message_session_summary *summary = &session->stored.summary;
        op->ret_version = summary->version;
        if (summary->state == SESSION_STATE_CLOSED)
            op->code = store_session_ended(summary);
        else if (strcmp(summary->joiner_peer_id.text, op->joiner_peer_id.text) != 0 ||
                 strcmp(summary->provider_peer_id.text, op->provider_peer_id.text) != 0)
            op->code = WIRE_CODE_SESSION_EXISTS;
        else
            op->duplicate = true;
        return;
    }
    size_t n_open = open_sessions(s, NULL);
    if (n_open >= op->limit_rows)
        op->code = WIRE_CODE_TOO_MANY_SESSIONS;
    else if (!fake_is_share(op->limit_rows, n_open, open_sessions(s, op->peer_id.text), 1))
        op->code = WIRE_CODE_SESSIONS_SHARE;
    else
        admit_log(s, NULL, op, counted_size(op));
    if (op->code != WIRE_CODE_NONE)
        return;
    s->sessions = fake_grown(s->sessions, s->n_sessions, sizeof *s->sessions);
    session = &s->sessions[s->n_sessions++];
    session->stored.summary.recovery_session_id = op->recovery_session_id;
    session->stored.summary.joiner_peer_id = op->joiner_peer_id;
    session->stored.summary.provider_peer_id = op->provider_peer_id;
    session->stored.summary.state = SESSION_STATE_OPEN;
    session->opened_by = op->peer_id;
    add_entry(session, op);
}

static void write_entry(const struct shell *shell, struct session *s, struct store_op *op)
{
    uint64_t size = counted_size(op);
    for (size_t i = 0; i < s->n_entries; i++) {
        if (strcmp(s->entries[i].message_id.text, op->message_id.text) == 0) {
            op->duplicate = true;
            op->ret_version = s->entries[i].meta.version;
            return;
        }
    }
    op->ret_version = s->stored.summary.version;
    if (op->base_version != s->stored.summary.version) {
        op->code = WIRE_CODE_VERSION_CONFLICT;
    } else if (op->kind == STORE_CHECKPOINT) {
        if (!admit_log(shell, s, op, size))
            return;
        fake_session_clear(s);
        add_entry(s, op);
    } else if (log_bytes(s, op) + size > op->limit_bytes) {
        op->code = WIRE_CODE_SESSION_FULL;
    } else if (admit_log(shell, s, op, log_bytes(s, op) + size)) {
        add_entry(s, op);
    }
}

static void read_snapshot(const struct session *s, struct store_op *op)
{
    size_t bytes = 0;
    op->ret_version = s->stored.summary.version;
    op->complete = true;
    for (size_t i = 0; i < s->n_entries; i++) {
        const struct entry *e = &s->entries[i];
        if (e->meta.version <= op->base_version)
            continue;
        bytes += e->meta.size_bytes;
        if (op->n_entries > 0 && (bytes > op->max_bytes || op->n_entries >= op->max_rows)) {
            op->complete = false;
            return;
        }
        op->entries = fake_grown(op->entries, op->n_entries, sizeof *op->entries);
        op->entries[op->n_entries++] =
            (struct store_entry){.meta = e->meta, .data = fake_copied(e->data, e->meta.size_bytes)};
    }
}

static void close_as_asked(struct session *s, struct store_op *op)
{
    if (op->outcome != SESSION_OUTCOME_COMPLETED && !*op->cause.text)
        op->cause = s->stored.summary.cause;
    fake_session_close(s, op->outcome, &op->cause, op->expires_unix_ms);
}

static void report(struct session *s, struct store_op *op)
{
    const struct message_connection_report *m = op->report;
    struct cause_text *cause = &s->stored.summary.cause;
    bool same = m->generation == s->cause_generation;
    bool own = strcmp(s->cause_peer.text, op->peer_id.text) == 0;
    op->duplicate = strcmp(s->last_report.text, op->message_id.text) == 0;
    bool stands = same && *cause->text && !own && *m->cause.text;
    if (!op->duplicate && m->generation >= s->cause_generation && !stands) {
        *cause = m->cause;
        s->cause_generation = m->generation;
        s->cause_peer = op->peer_id;
    }
    s->last_report = op->message_id;
    op->cause = *cause;
}

/* Operations on one session; unknown and closed ones are refused alike, except that a closed one may be closed again. */
static struct code *find_code(struct shell *s, const struct store_op *op,
                              struct session **ret_session)
{
    for (size_t i = 0; i < s->n_sessions; i++) {
        *ret_session = &s->sessions[i];
        for (size_t k = 0; k < s->sessions[i].n_codes; k++)
            if (strcmp(s->sessions[i].codes[k].sha256.text, op->code_sha256.text) == 0)
                return &s->sessions[i].codes[k];
    }
    return NULL;
}

static bool code_is_over(const struct session *session, const struct code *code,
                         const struct store_op *op)
{
    return code != &session->codes[session->n_codes - 1] ||
           code->expires_unix_ms <= op->now.unix_ms;
}

static void end_codes(struct session *session, int64_t now_ms)
{
    for (size_t i = 0; i < session->n_codes; i++)
        if (session->codes[i].expires_unix_ms > now_ms)
            session->codes[i].expires_unix_ms = now_ms;
}

static void issue_code(struct shell *s, struct session *session, struct store_op *op)
{
    struct session *holder;
    const struct code *there = find_code(s, op, &holder);
    if (there && (holder != session || *there->redeemed_by.text)) {
        op->code = WIRE_CODE_RECOVERY_CODE_USED;
        return;
    }
    if (there && code_is_over(session, there, op)) {
        op->code = WIRE_CODE_RECOVERY_CODE_EXPIRED;
        return;
    }
    op->duplicate = there != NULL;
    if (there) {
        op->expires_unix_ms = there->expires_unix_ms;
        return;
    }
    end_codes(session, op->now.unix_ms);
    session->codes = fake_grown(session->codes, session->n_codes, sizeof *session->codes);
    session->codes[session->n_codes++] =
        (struct code){.sha256 = op->code_sha256, .expires_unix_ms = op->expires_unix_ms};
}

void fake_code_redeem(struct shell *s, struct store_op *op)
{
    struct session *session;
    struct code *code = find_code(s, op, &session);
    if (!code) {
        op->code = WIRE_CODE_WRONG_RECOVERY_CODE;
        return;
    }
    struct message_session_summary *summary = &session->stored.summary;
    bool holds = strcmp(summary->joiner_peer_id.text, op->peer_id.text) == 0;
    bool again = holds && strcmp(code->redeemed_by.text, op->peer_id.text) == 0;
    op->recovery_session_id = summary->recovery_session_id;
    if (*code->redeemed_by.text && !again)
        op->code = WIRE_CODE_RECOVERY_CODE_USED;
    else if (summary->state == SESSION_STATE_CLOSED)
        op->code = store_session_ended(summary);
    else if (holds)
        op->duplicate = true;
    else if (code_is_over(session, code, op))
        op->code = WIRE_CODE_RECOVERY_CODE_EXPIRED;
    else if (strcmp(summary->provider_peer_id.text, op->peer_id.text) == 0)
        op->code = WIRE_CODE_NOT_PARTICIPANT;
    if (op->code != WIRE_CODE_NONE || op->duplicate)
        return;
    former_add(&session->stored.former, &summary->joiner_peer_id);
    if (strcmp(session->opened_by.text, summary->joiner_peer_id.text) == 0)
        session->opened_by = op->peer_id;
    summary->joiner_peer_id = op->peer_id;
    summary->cause = (struct cause_text){""};
    summary->generation = store_session_handed_generation(summary->generation);
    if (session->stored.expires_unix_ms < op->expires_unix_ms)
        session->stored.expires_unix_ms = op->expires_unix_ms;
    code->redeemed_by = op->peer_id;
    end_codes(session, op->now.unix_ms);
}

static void raise_generation(struct session *session, const struct store_op *op)
{
    if (session->stored.summary.generation < op->generation)
        session->stored.summary.generation = op->generation;
    if (session->stored.expires_unix_ms < op->expires_unix_ms)
        session->stored.expires_unix_ms = op->expires_unix_ms;
}

/* Whoever was let in may be a former joiner by now. The raise is the relay's own. */
static bool takes_part(const struct session *session, const struct store_op *op)
{
    const struct message_session_summary *s = &session->stored.summary;
    bool joiner = strcmp(s->joiner_peer_id.text, op->peer_id.text) == 0;
    bool provider = strcmp(s->provider_peer_id.text, op->peer_id.text) == 0;
    if (op->kind == STORE_RAISE_GENERATION)
        return true;
    if (op->kind == STORE_APPEND_ENTRY || op->kind == STORE_CHECKPOINT ||
        op->kind == STORE_ISSUE_CODE)
        return joiner;
    return joiner || provider;
}

void fake_session_execute(struct shell *s, struct store_op *op)
{
    struct session *session = fake_session_find(s, op->recovery_session_id.text);
    bool closed = session && session->stored.summary.state == SESSION_STATE_CLOSED;
    if (!session)
        op->code = WIRE_CODE_UNKNOWN_SESSION;
    else if (!takes_part(session, op))
        op->code = WIRE_CODE_NOT_PARTICIPANT;
    else if (closed && op->kind == STORE_CLOSE_SESSION)
        op->duplicate = true;
    else if (closed)
        op->code = store_session_ended(&session->stored.summary);
    else if (op->kind == STORE_CLOSE_SESSION)
        close_as_asked(session, op);
    else if (op->kind == STORE_REPORT_CONNECTION)
        report(session, op);
    else if (op->kind == STORE_ISSUE_CODE)
        issue_code(s, session, op);
    else if (op->kind == STORE_READ_SNAPSHOT)
        read_snapshot(session, op);
    else if (op->kind != STORE_RAISE_GENERATION)
        write_entry(s, session, op);
    else
        raise_generation(session, op);
}

static void drop_session(struct shell *s, size_t at)
{
    struct session *last = &s->sessions[--s->n_sessions];
    free(s->sessions[at].codes);
    if (at < s->n_sessions)
        s->sessions[at] = *last;
    *last = (struct session){.n_codes = 0};
}

void fake_shell_sweep(struct shell *s, struct store_op *op)
{
    for (size_t i = 0; i < s->n_sessions; i++) {
        struct session *session = &s->sessions[i];
        if (session->stored.expires_unix_ms > op->now.unix_ms)
            continue;
        if (session->stored.summary.state == SESSION_STATE_CLOSED) {
            drop_session(s, i);
            i--;
            continue;
        }
        if (op->n_swept == op->max_rows) {
            op->complete = false;
            return;
        }
        fake_session_close(session, SESSION_OUTCOME_FAILED, &(struct cause_text){"session_expired"},
                           op->expires_unix_ms);
        op->swept_sessions =
            fake_grown(op->swept_sessions, op->n_swept, sizeof *op->swept_sessions);
        op->swept_syncshells =
            fake_grown(op->swept_syncshells, op->n_swept, sizeof *op->swept_syncshells);
        op->swept_sessions[op->n_swept] = session->stored;
        op->swept_syncshells[op->n_swept++] = s->id;
    }
}
