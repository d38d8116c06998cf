#include "model/fake_store.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct entry {
    struct message_snapshot_entry meta;
    struct wire_id message_id;
    uint8_t *data;
};

struct code {
    struct wire_sha256 sha256;
    int64_t expires_unix_ms;
    struct wire_peer_id redeemed_by;
};

struct session {
    struct store_session stored;
    struct wire_peer_id opened_by;
    struct code *codes;
    size_t n_codes;
    uint64_t cause_generation;
    struct wire_peer_id cause_peer;
    struct wire_id
        last_report; /* of the reports only the newest is known again: enough for a repetition */
    struct entry *entries;
    size_t n_entries;
};

struct letter {
    uint64_t seq;
    struct wire_peer_id source;
    struct wire_id message_id;
    uint8_t *frame; /* NULL: acknowledged */
    size_t size;
};

struct inhabitant {
    struct store_member stored;
    struct letter *letters;
    size_t n_letters;
};

struct shell {
    struct wire_id id;
    struct wire_key key;
    struct wire_peer_id owner;
    struct wire_peer_id creator;
    uint64_t key_epoch;
    uint64_t owner_sequence;
    char owner_operation[256];
    struct wire_peer_id *removed;
    size_t n_removed;
    enum wire_code gone;  /* NONE: it is there */
    uint64_t inbox_floor; /* where a new member's inbox starts: after those of former members */
    struct inhabitant *members;
    size_t n_members;
    struct session *sessions;
    size_t n_sessions;
};

struct fake_store {
    struct shell *shells;
    size_t n_shells;
};

/* The array with room for one more zeroed element. */
static void *grown(void *array, size_t n, size_t size)
{
    char *a = realloc(array, (n + 1) * size);
    assert(a);
    memset(a + n * size, 0, size);
    return a;
}

static void *copied(const void *data, size_t size)
{
    void *copy = malloc(size ? size : 1);
    assert(copy);
    if (size)
        memcpy(copy, data, size);
    return copy;
}

struct fake_store *fake_store_new(void)
{
    struct fake_store *store = calloc(1, sizeof *store);
    assert(store);
    return store;
}

static void member_clear(struct inhabitant *m)
{
    for (size_t i = 0; i < m->n_letters; i++)
        free(m->letters[i].frame);
    free(m->letters);
    m->letters = NULL;
    m->n_letters = 0;
}

static void session_clear(struct session *s)
{
    for (size_t i = 0; i < s->n_entries; i++)
        free(s->entries[i].data);
    free(s->entries);
    s->entries = NULL;
    s->n_entries = 0;
}

void fake_store_free(struct fake_store *store)
{
    for (size_t i = 0; i < store->n_shells; i++) {
        struct shell *s = &store->shells[i];
        for (size_t k = 0; k < s->n_members; k++)
            member_clear(&s->members[k]);
        for (size_t k = 0; k < s->n_sessions; k++) {
            session_clear(&s->sessions[k]);
            free(s->sessions[k].codes);
        }
        free(s->members);
        free(s->sessions);
        free(s->removed);
    }
    free(store->shells);
    free(store);
}

static struct shell *find_shell(const struct fake_store *store, const char *id)
{
    for (size_t i = 0; i < store->n_shells; i++)
        if (strcmp(store->shells[i].id.text, id) == 0)
            return &store->shells[i];
    return NULL;
}

static struct inhabitant *find_member(const struct shell *s, const char *peer)
{
    for (size_t i = 0; i < s->n_members; i++)
        if (strcmp(s->members[i].stored.peer_id.text, peer) == 0)
            return &s->members[i];
    return NULL;
}

static struct session *find_session(const struct shell *s, const char *id)
{
    for (size_t i = 0; i < s->n_sessions; i++)
        if (strcmp(s->sessions[i].stored.summary.recovery_session_id.text, id) == 0)
            return &s->sessions[i];
    return NULL;
}

static void add_member(struct shell *s, const struct wire_peer_id *peer)
{
    s->members = grown(s->members, s->n_members, sizeof *s->members);
    s->members[s->n_members++].stored = (struct store_member){
        .peer_id = *peer, .inbox_head = s->inbox_floor, .inbox_acked = s->inbox_floor};
}

static void load(struct shell *s, struct store_op *op)
{
    struct store_syncshell *out = calloc(1, sizeof *out);
    assert(out);
    out->group_public_key = s->key;
    out->owner_peer_id = s->owner;
    out->key_epoch = s->key_epoch;
    out->owner_sequence = s->owner_sequence;
    out->members = calloc(s->n_members, sizeof *out->members);
    out->sessions = calloc(s->n_sessions + 1, sizeof *out->sessions);
    assert(out->members && out->sessions);
    for (size_t i = 0; i < s->n_members; i++)
        out->members[out->n_members++] = s->members[i].stored;
    for (size_t i = 0; i < s->n_sessions; i++)
        out->sessions[out->n_sessions++] = s->sessions[i].stored;
    op->syncshell = out;
}

static size_t created_by(const struct fake_store *store, const char *peer)
{
    size_t n = 0;
    for (size_t i = 0; i < store->n_shells; i++)
        n += !store->shells[i].gone && strcmp(store->shells[i].creator.text, peer) == 0;
    return n;
}

static void create(struct fake_store *store, struct store_op *op)
{
    struct shell *s = find_shell(store, op->syncshell_id.text);
    if (s && s->gone) {
        op->code = s->gone;
        return;
    }
    if (s) {
        bool owner = strcmp(s->owner.text, op->peer_id.text) == 0;
        op->duplicate = owner && strcmp(s->key.text, op->group_public_key.text) == 0;
        op->rekeyed = owner && !op->duplicate && op->key_epoch > s->key_epoch;
        if (op->rekeyed) {
            s->key = op->group_public_key;
            s->key_epoch = op->key_epoch;
        } else if (!op->duplicate) {
            op->code = WIRE_CODE_SYNCSHELL_EXISTS;
        }
        return;
    }
    op->code = op->refusal;
    if (op->code != WIRE_CODE_NONE)
        return;
    if (op->needs_access_key && strcmp(op->access_key.key_id.text, "good") != 0) {
        op->code = WIRE_CODE_BAD_ACCESS_KEY;
        return;
    }
    if (created_by(store, op->peer_id.text) >= op->limit_rows) {
        op->code = WIRE_CODE_TOO_MANY_SYNCSHELLS;
        return;
    }
    store->shells = grown(store->shells, store->n_shells, sizeof *store->shells);
    s = &store->shells[store->n_shells++];
    s->id = op->syncshell_id;
    s->key = op->group_public_key;
    s->owner = op->peer_id;
    s->creator = op->peer_id;
    s->key_epoch = op->key_epoch;
    add_member(s, &op->peer_id);
}

static void close_session(struct session *s, enum session_outcome outcome,
                          const struct cause_text *cause, int64_t expires_unix_ms)
{
    s->stored.summary.cause = *cause;
    s->stored.summary.state = SESSION_STATE_CLOSED;
    s->stored.summary.outcome = outcome;
    s->stored.expires_unix_ms = expires_unix_ms;
    session_clear(s);
}

static void remove_member(struct shell *s, struct store_op *op, const char *peer)
{
    struct inhabitant *m = find_member(s, peer);
    op->duplicate = !m;
    if (!m)
        return;
    for (size_t i = 0; i < s->n_sessions; i++) {
        struct session *session = &s->sessions[i];
        const struct message_session_summary *summary = &session->stored.summary;
        if (summary->state == SESSION_STATE_OPEN &&
            (strcmp(summary->joiner_peer_id.text, peer) == 0 ||
             strcmp(summary->provider_peer_id.text, peer) == 0))
            close_session(session, SESSION_OUTCOME_CANCELLED, &op->cause, op->expires_unix_ms);
    }
    if (s->inbox_floor < m->stored.inbox_head)
        s->inbox_floor = m->stored.inbox_head;
    member_clear(m);
    *m = s->members[--s->n_members];
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
    s->entries = grown(s->entries, s->n_entries, sizeof *s->entries);
    struct entry *e = &s->entries[s->n_entries++];
    e->meta.version = ++s->stored.summary.version;
    e->meta.type = entry_type(op->kind);
    e->meta.source_peer_id = op->peer_id;
    e->meta.body_format = op->body_format;
    e->meta.size_bytes = (uint32_t)size;
    e->message_id = op->message_id;
    e->data = copied(op->frame->data + op->body_offset, size);
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
static bool is_share(uint64_t max, uint64_t all, uint64_t own, uint64_t more)
{
    return own == 0 || all + own + 2 * more <= max;
}

static size_t log_bytes(const struct session *s)
{
    size_t n = 0;
    for (size_t i = 0; i < s->n_entries; i++)
        n += s->entries[i].meta.size_bytes;
    return n;
}

static size_t from_pool(const struct store_op *op, size_t bytes)
{
    return bytes > op->part_bytes ? bytes - op->part_bytes : 0;
}

/* A session's log (NULL: a new one's) is to become that large. A model's closed sessions have no entries. */
static bool admit_log(const struct shell *s, const struct session *session, struct store_op *op,
                      size_t bytes)
{
    size_t has = session ? from_pool(op, log_bytes(session)) : 0;
    size_t wants = from_pool(op, bytes);
    size_t all = 0, own = 0;
    for (size_t i = 0; i < s->n_sessions; i++) {
        size_t n = from_pool(op, log_bytes(&s->sessions[i]));
        all += n;
        if (strcmp(s->sessions[i].stored.summary.joiner_peer_id.text, op->peer_id.text) == 0)
            own += n;
    }
    if (op->pool_bytes == 0 || wants <= has)
        return true;
    if (all + wants - has > op->pool_bytes)
        op->code = WIRE_CODE_SYNCSHELL_QUOTA;
    else if (!is_share(op->pool_bytes, all, own, wants - has) ||
             (!session && strcmp(op->joiner_peer_id.text, op->peer_id.text) != 0))
        op->code = WIRE_CODE_LOG_SHARE;
    return op->code == WIRE_CODE_NONE;
}

static void open_session(struct shell *s, struct store_op *op)
{
    struct session *session = find_session(s, op->recovery_session_id.text);
    if (session) {
        const struct message_session_summary *summary = &session->stored.summary;
        op->ret_version = summary->version;
        if (summary->state == SESSION_STATE_CLOSED)
            op->code = WIRE_CODE_SESSION_CLOSED;
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
    else if (!is_share(op->limit_rows, n_open, open_sessions(s, op->peer_id.text), 1))
        op->code = WIRE_CODE_SESSIONS_SHARE;
    else
        admit_log(s, NULL, op, op->frame->size - op->body_offset);
    if (op->code != WIRE_CODE_NONE)
        return;
    s->sessions = grown(s->sessions, s->n_sessions, sizeof *s->sessions);
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
    size_t size = op->frame->size - op->body_offset;
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
        session_clear(s);
        add_entry(s, op);
    } else if (log_bytes(s) + size > op->limit_bytes) {
        op->code = WIRE_CODE_SESSION_FULL;
    } else if (admit_log(shell, s, op, log_bytes(s) + size)) {
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
        op->entries = grown(op->entries, op->n_entries, sizeof *op->entries);
        op->entries[op->n_entries++] =
            (struct store_entry){.meta = e->meta, .data = copied(e->data, e->meta.size_bytes)};
    }
}

static void close_as_asked(struct session *s, struct store_op *op)
{
    if (op->outcome != SESSION_OUTCOME_COMPLETED && !*op->cause.text)
        op->cause = s->stored.summary.cause;
    close_session(s, op->outcome, &op->cause, op->expires_unix_ms);
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

static void end_codes(struct session *session, int64_t now_ms)
{
    for (size_t i = 0; i < session->n_codes; i++)
        if (session->codes[i].expires_unix_ms > now_ms)
            session->codes[i].expires_unix_ms = now_ms;
}

static void issue_code(struct shell *s, struct session *session, struct store_op *op)
{
    struct session *holder;
    if (strcmp(session->stored.summary.joiner_peer_id.text, op->peer_id.text) != 0) {
        op->code = WIRE_CODE_NOT_PARTICIPANT;
        return;
    }
    const struct code *there = find_code(s, op, &holder);
    if (there && (holder != session || *there->redeemed_by.text)) {
        op->code = WIRE_CODE_RECOVERY_CODE_USED;
        return;
    }
    if (there && there->expires_unix_ms <= op->now.unix_ms) {
        op->code = WIRE_CODE_RECOVERY_CODE_EXPIRED;
        return;
    }
    op->duplicate = there != NULL;
    if (there) {
        op->expires_unix_ms = there->expires_unix_ms;
        return;
    }
    end_codes(session, op->now.unix_ms);
    session->codes = grown(session->codes, session->n_codes, sizeof *session->codes);
    session->codes[session->n_codes++] =
        (struct code){.sha256 = op->code_sha256, .expires_unix_ms = op->expires_unix_ms};
}

static void redeem_code(struct shell *s, struct store_op *op)
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
        op->code = WIRE_CODE_SESSION_CLOSED;
    else if (holds)
        op->duplicate = true;
    else if (code->expires_unix_ms <= op->now.unix_ms)
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
    summary->generation += STORE_HANDOVER_GENERATIONS;
    code->redeemed_by = op->peer_id;
    end_codes(session, op->now.unix_ms);
}

static void on_session(struct shell *s, struct store_op *op)
{
    struct session *session = find_session(s, op->recovery_session_id.text);
    bool closed = session && session->stored.summary.state == SESSION_STATE_CLOSED;
    if (!session)
        op->code = WIRE_CODE_UNKNOWN_SESSION;
    else if (closed && op->kind == STORE_CLOSE_SESSION)
        op->duplicate = true;
    else if (closed)
        op->code = WIRE_CODE_SESSION_CLOSED;
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
    else if (session->stored.summary.generation < op->generation)
        session->stored.summary.generation = op->generation;
}

static bool is_removed(const struct shell *s, const char *peer)
{
    for (size_t i = 0; i < s->n_removed; i++)
        if (strcmp(s->removed[i].text, peer) == 0)
            return true;
    return false;
}

/* Counts the operation if it is the owner's next one. */
static bool admit_owner(struct shell *s, struct store_op *op)
{
    char text[256];
    snprintf(text, sizeof text, "%s %d %s %s", op->peer_id.text, (int)op->kind,
             op->target_peer_id.text, op->group_public_key.text);
    if (op->owner_sequence == s->owner_sequence && strcmp(text, s->owner_operation) == 0)
        op->duplicate = true;
    else if (strcmp(s->owner.text, op->peer_id.text) != 0)
        op->code = WIRE_CODE_NOT_OWNER;
    else if (op->owner_sequence != s->owner_sequence + 1)
        op->code = WIRE_CODE_STALE_OWNER_SEQUENCE;
    else if (op->kind == STORE_ROTATE_KEY && op->key_epoch != s->key_epoch + 1)
        op->code = WIRE_CODE_WRONG_KEY_EPOCH;
    else if ((op->kind == STORE_EXPEL_MEMBER || op->kind == STORE_TRANSFER_OWNERSHIP) &&
             !find_member(s, op->target_peer_id.text))
        op->code = WIRE_CODE_UNKNOWN_TARGET;
    op->ret_version = s->owner_sequence;
    if (op->code != WIRE_CODE_NONE || op->duplicate)
        return false;
    s->owner_sequence = op->owner_sequence;
    memcpy(s->owner_operation, text, sizeof text);
    return true;
}

static void owner_operation(struct shell *s, struct store_op *op)
{
    if (!admit_owner(s, op))
        return;
    if (op->kind == STORE_EXPEL_MEMBER) {
        remove_member(s, op, op->target_peer_id.text);
        s->removed = grown(s->removed, s->n_removed, sizeof *s->removed);
        s->removed[s->n_removed++] = op->target_peer_id;
    } else if (op->kind == STORE_ROTATE_KEY) {
        s->key = op->group_public_key;
        s->key_epoch = op->key_epoch;
    } else if (op->kind == STORE_TRANSFER_OWNERSHIP) {
        s->owner = op->target_peer_id;
    } else {
        s->gone = WIRE_CODE_SYNCSHELL_DELETED;
    }
}

static void add_inbox(struct shell *s, struct store_op *op)
{
    struct inhabitant *m = find_member(s, op->target_peer_id.text);
    size_t rows = 0, own_rows = 0;
    size_t bytes = 0, own_bytes = 0;
    if (!find_member(s, op->peer_id.text)) {
        op->code = WIRE_CODE_NOT_JOINED;
        return;
    }
    if (!m) {
        op->code = WIRE_CODE_UNKNOWN_TARGET;
        return;
    }
    for (size_t i = 0; i < m->n_letters; i++) {
        const struct letter *l = &m->letters[i];
        bool own = strcmp(l->source.text, op->peer_id.text) == 0;
        if (own && strcmp(l->message_id.text, op->message_id.text) == 0) {
            op->duplicate = true;
            op->ret_seq = l->seq;
            return;
        }
        rows += l->frame != NULL;
        bytes += l->frame ? l->size : 0;
        own_rows += own && l->frame != NULL;
        own_bytes += own && l->frame ? l->size : 0;
    }
    if (rows >= op->limit_rows || bytes + op->frame->size > op->limit_bytes)
        op->code = WIRE_CODE_INBOX_FULL;
    else if (!is_share(op->limit_rows, rows, own_rows, 1) ||
             !is_share(op->limit_bytes, bytes, own_bytes, op->frame->size))
        op->code = WIRE_CODE_INBOX_SHARE;
    if (op->code != WIRE_CODE_NONE)
        return;
    m->letters = grown(m->letters, m->n_letters, sizeof *m->letters);
    struct letter *l = &m->letters[m->n_letters++];
    op->ret_seq = l->seq = ++m->stored.inbox_head;
    l->source = op->peer_id;
    l->message_id = op->message_id;
    l->frame = copied(op->frame->data, op->frame->size);
    l->size = op->frame->size;
}

static void read_inbox(const struct inhabitant *m, struct store_op *op)
{
    size_t bytes = 0;
    op->ret_seq = m->stored.inbox_head;
    op->complete = true;
    for (size_t i = 0; i < m->n_letters; i++) {
        const struct letter *l = &m->letters[i];
        if (!l->frame || l->seq <= op->seq)
            continue;
        bytes += l->size;
        if (op->n_inbox > 0 && (bytes > op->max_bytes || op->n_inbox >= op->max_rows)) {
            op->complete = false;
            return;
        }
        op->inbox = grown(op->inbox, op->n_inbox, sizeof *op->inbox);
        op->inbox[op->n_inbox++] = (struct store_inbox_entry){
            .seq = l->seq, .frame = copied(l->frame, l->size), .frame_bytes = l->size};
    }
}

static void on_inbox(struct shell *s, struct store_op *op)
{
    struct inhabitant *m = find_member(s, op->peer_id.text);
    if (!m) {
        op->code = WIRE_CODE_UNKNOWN_TARGET;
    } else if (op->kind == STORE_READ_INBOX) {
        read_inbox(m, op);
    } else if (op->seq > m->stored.inbox_head) {
        op->code = WIRE_CODE_BAD_CURSOR;
    } else {
        op->ret_seq = m->stored.inbox_head;
        op->duplicate = op->seq <= m->stored.inbox_acked;
        if (!op->duplicate)
            m->stored.inbox_acked = op->seq;
        for (size_t i = 0; i < m->n_letters; i++) {
            if (m->letters[i].seq > op->seq)
                continue;
            free(m->letters[i].frame);
            m->letters[i].frame = NULL;
        }
    }
}

static void drop_session(struct shell *s, size_t at)
{
    struct session *last = &s->sessions[--s->n_sessions];
    free(s->sessions[at].codes);
    if (at < s->n_sessions)
        s->sessions[at] = *last;
    *last = (struct session){.n_codes = 0};
}

static void sweep_shell(struct shell *s, struct store_op *op)
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
        close_session(session, SESSION_OUTCOME_FAILED, &(struct cause_text){"session_expired"},
                      op->expires_unix_ms);
        op->swept_sessions = grown(op->swept_sessions, op->n_swept, sizeof *op->swept_sessions);
        op->swept_syncshells =
            grown(op->swept_syncshells, op->n_swept, sizeof *op->swept_syncshells);
        op->swept_sessions[op->n_swept] = session->stored;
        op->swept_syncshells[op->n_swept++] = s->id;
    }
}

static void on_shell(struct shell *s, struct store_op *op)
{
    /* The kinds that are not about a session or an inbox; the rest falls through to these two. */
    if (op->kind == STORE_LOAD_SYNCSHELL) {
        load(s, op);
    } else if (op->kind == STORE_ADD_MEMBER) {
        op->duplicate = find_member(s, op->peer_id.text) != NULL;
        if (is_removed(s, op->peer_id.text))
            op->code = WIRE_CODE_MEMBER_REMOVED;
        else if (op->key_epoch != s->key_epoch)
            op->code = WIRE_CODE_WRONG_KEY_EPOCH;
        else if (!op->duplicate && s->n_members >= op->limit_rows)
            op->code = WIRE_CODE_SYNCSHELL_FULL;
        else if (!op->duplicate)
            add_member(s, &op->peer_id);
        if (op->code == WIRE_CODE_NONE)
            op->ret_seq = find_member(s, op->peer_id.text)->stored.inbox_head;
    } else if (op->kind == STORE_REMOVE_MEMBER) {
        remove_member(s, op, op->peer_id.text);
    } else if (op->kind >= STORE_EXPEL_MEMBER && op->kind <= STORE_DELETE_SYNCSHELL) {
        owner_operation(s, op);
    } else if (op->kind == STORE_OPEN_SESSION) {
        open_session(s, op);
    } else if (op->kind == STORE_REDEEM_CODE) {
        redeem_code(s, op);
    } else if (op->kind == STORE_ADD_INBOX) {
        add_inbox(s, op);
    } else if (op->kind == STORE_READ_INBOX || op->kind == STORE_ACK_INBOX) {
        on_inbox(s, op);
    } else {
        on_session(s, op);
    }
}

void fake_store_execute(struct fake_store *store, struct store_op *op)
{
    if (op->kind == STORE_CREATE_SYNCSHELL) {
        create(store, op);
    } else if (op->kind == STORE_SWEEP) {
        op->complete = true;
        for (size_t i = 0; i < store->n_shells && op->complete; i++)
            sweep_shell(&store->shells[i], op);
    } else {
        struct shell *s = find_shell(store, op->syncshell_id.text);
        if (s && s->gone)
            op->code = s->gone;
        else if (s)
            on_shell(s, op);
        else
            op->code = WIRE_CODE_UNKNOWN_SYNCSHELL;
    }
}

bool fake_store_is_member(const struct fake_store *store, const char *syncshell, const char *peer)
{
    const struct shell *s = find_shell(store, syncshell);
    return s && find_member(s, peer);
}

uint64_t fake_store_generation(const struct fake_store *store, const char *syncshell,
                               const char *session)
{
    const struct shell *s = find_shell(store, syncshell);
    const struct session *found = s ? find_session(s, session) : NULL;
    return found ? found->stored.summary.generation : 0;
}

size_t fake_store_unacked(const struct fake_store *store, const char *syncshell, const char *peer)
{
    const struct shell *s = find_shell(store, syncshell);
    const struct inhabitant *m = s ? find_member(s, peer) : NULL;
    size_t n = 0;
    for (size_t i = 0; m && i < m->n_letters; i++)
        n += m->letters[i].frame != NULL;
    return n;
}

void fake_store_set_key_epoch(struct fake_store *store, const char *syncshell, uint64_t key_epoch)
{
    struct shell *s = find_shell(store, syncshell);
    assert(s);
    s->key_epoch = key_epoch;
}

void fake_store_drop_message(struct fake_store *store, const char *syncshell, const char *peer,
                             uint64_t seq)
{
    struct shell *s = find_shell(store, syncshell);
    struct inhabitant *m = s ? find_member(s, peer) : NULL;
    assert(m);
    for (size_t i = 0; i < m->n_letters; i++) {
        if (m->letters[i].seq != seq)
            continue;
        free(m->letters[i].frame);
        m->letters[i].frame = NULL;
    }
}
