#include "model/fake_store_state.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The array with room for one more zeroed element. */
void *fake_grown(void *array, size_t n, size_t size)
{
    char *a = realloc(array, (n + 1) * size);
    assert(a);
    memset(a + n * size, 0, size);
    return a;
}

void *fake_copied(const void *data, size_t size)
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

void fake_store_free(struct fake_store *store)
{
    for (size_t i = 0; i < store->n_shells; i++) {
        struct shell *s = &store->shells[i];
        for (size_t k = 0; k < s->n_members; k++)
            member_clear(&s->members[k]);
        for (size_t k = 0; k < s->n_sessions; k++) {
            fake_session_clear(&s->sessions[k]);
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

struct inhabitant *fake_member_find(const struct shell *s, const char *peer)
{
    for (size_t i = 0; i < s->n_members; i++)
        if (strcmp(s->members[i].stored.peer_id.text, peer) == 0)
            return &s->members[i];
    return NULL;
}

static void add_member(struct shell *s, const struct wire_peer_id *peer)
{
    s->members = fake_grown(s->members, s->n_members, sizeof *s->members);
    s->members[s->n_members++].stored = (struct store_member){
        .peer_id = *peer, .inbox_head = s->inbox_floor, .inbox_acked = s->inbox_floor};
}

static int64_t unix_day_of(const struct store_op *op)
{
    return op->now.unix_ms / STORE_DAY_MS;
}

static int64_t today_of(const struct fake_store *store, const struct store_op *op)
{
    return store->relay_day + (unix_day_of(op) > store->unix_day);
}

static void load(const struct fake_store *store, const struct shell *s, struct store_op *op)
{
    struct store_syncshell *out = calloc(1, sizeof *out);
    assert(out);
    out->group_public_key = s->key;
    out->owner_peer_id = s->owner;
    out->key_epoch = s->key_epoch;
    out->owner_sequence = s->owner_sequence;
    out->used_unix_day = unix_day_of(op) - (today_of(store, op) - s->used_day);
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
    store->shells = fake_grown(store->shells, store->n_shells, sizeof *store->shells);
    s = &store->shells[store->n_shells++];
    s->id = op->syncshell_id;
    s->key = op->group_public_key;
    s->owner = op->peer_id;
    s->creator = op->peer_id;
    s->used_day = store->relay_day;
    s->key_epoch = op->key_epoch;
    add_member(s, &op->peer_id);
}

static void remove_member(struct shell *s, struct store_op *op, const char *peer)
{
    struct inhabitant *m = fake_member_find(s, peer);
    op->duplicate = !m;
    if (!m)
        return;
    for (size_t i = 0; i < s->n_sessions; i++) {
        struct session *session = &s->sessions[i];
        const struct message_session_summary *summary = &session->stored.summary;
        if (summary->state == SESSION_STATE_OPEN &&
            (strcmp(summary->joiner_peer_id.text, peer) == 0 ||
             strcmp(summary->provider_peer_id.text, peer) == 0))
            fake_session_close(session, SESSION_OUTCOME_CANCELLED, &op->cause, op->expires_unix_ms);
    }
    if (s->inbox_floor < m->stored.inbox_head)
        s->inbox_floor = m->stored.inbox_head;
    member_clear(m);
    *m = s->members[--s->n_members];
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
             !fake_member_find(s, op->target_peer_id.text))
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
        s->removed = fake_grown(s->removed, s->n_removed, sizeof *s->removed);
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

static void on_shell(const struct fake_store *store, struct shell *s, struct store_op *op)
{
    /* The kinds that are not about a session or an inbox; the rest falls through to these two. */
    if (op->kind == STORE_LOAD_SYNCSHELL) {
        load(store, s, op);
    } else if (op->kind == STORE_ADD_MEMBER) {
        op->duplicate = fake_member_find(s, op->peer_id.text) != NULL;
        if (is_removed(s, op->peer_id.text))
            op->code = WIRE_CODE_MEMBER_REMOVED;
        else if (op->key_epoch != s->key_epoch)
            op->code = WIRE_CODE_WRONG_KEY_EPOCH;
        else if (!op->duplicate && s->n_members >= op->limit_rows)
            op->code = WIRE_CODE_SYNCSHELL_FULL;
        else if (!op->duplicate)
            add_member(s, &op->peer_id);
        if (op->code == WIRE_CODE_NONE)
            op->ret_seq = fake_member_find(s, op->peer_id.text)->stored.inbox_head;
    } else if (op->kind == STORE_NOTE_USE) {
        s->used_day = store->relay_day;
    } else if (op->kind == STORE_REMOVE_MEMBER && strcmp(s->owner.text, op->peer_id.text) == 0) {
        op->code = WIRE_CODE_OWNER_CANNOT_LEAVE;
    } else if (op->kind == STORE_REMOVE_MEMBER) {
        remove_member(s, op, op->peer_id.text);
    } else if (op->kind >= STORE_EXPEL_MEMBER && op->kind <= STORE_DELETE_SYNCSHELL) {
        owner_operation(s, op);
    } else if (op->kind == STORE_OPEN_SESSION) {
        fake_session_open(s, op);
    } else if (op->kind == STORE_REDEEM_CODE) {
        fake_code_redeem(s, op);
    } else if (op->kind == STORE_ADD_INBOX) {
        fake_inbox_add(s, op);
    } else if (op->kind == STORE_READ_INBOX || op->kind == STORE_ACK_INBOX) {
        fake_inbox_execute(s, op);
    } else {
        fake_session_execute(s, op);
    }
}

static void expire(const struct fake_store *store, struct shell *s, struct store_op *op)
{
    if (!op->unused_days || s->gone || s->used_day >= store->relay_day - (int64_t)op->unused_days)
        return;
    s->gone = WIRE_CODE_SYNCSHELL_EXPIRED;
    op->expired_syncshells =
        fake_grown(op->expired_syncshells, op->n_expired, sizeof *op->expired_syncshells);
    op->expired_syncshells[op->n_expired++] = s->id;
}

void fake_store_execute(struct fake_store *store, struct store_op *op)
{
    if (op->kind == STORE_CREATE_SYNCSHELL || op->kind == STORE_NOTE_USE ||
        op->kind == STORE_SWEEP) {
        store->relay_day = today_of(store, op);
        store->unix_day = unix_day_of(op);
    }
    if (op->kind == STORE_CREATE_SYNCSHELL) {
        create(store, op);
    } else if (op->kind == STORE_SWEEP) {
        op->complete = true;
        for (size_t i = 0; i < store->n_shells && op->complete; i++)
            fake_shell_sweep(&store->shells[i], op);
        for (size_t i = 0; i < store->n_shells; i++) {
            fake_inboxes_sweep(&store->shells[i], op);
            expire(store, &store->shells[i], op);
        }
    } else {
        struct shell *s = find_shell(store, op->syncshell_id.text);
        if (s && s->gone)
            op->code = s->gone;
        else if (s)
            on_shell(store, s, op);
        else
            op->code = WIRE_CODE_UNKNOWN_SYNCSHELL;
    }
}

bool fake_store_is_member(const struct fake_store *store, const char *syncshell, const char *peer)
{
    const struct shell *s = find_shell(store, syncshell);
    return s && fake_member_find(s, peer);
}

uint64_t fake_store_generation(const struct fake_store *store, const char *syncshell,
                               const char *session)
{
    const struct shell *s = find_shell(store, syncshell);
    const struct session *found = s ? fake_session_find(s, session) : NULL;
    return found ? found->stored.summary.generation : 0;
}

size_t fake_store_unacked(const struct fake_store *store, const char *syncshell, const char *peer)
{
    const struct shell *s = find_shell(store, syncshell);
    const struct inhabitant *m = s ? fake_member_find(s, peer) : NULL;
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
    struct inhabitant *m = s ? fake_member_find(s, peer) : NULL;
    assert(m);
    for (size_t i = 0; i < m->n_letters; i++) {
        if (m->letters[i].seq != seq)
            continue;
        free(m->letters[i].frame);
        m->letters[i].frame = NULL;
    }
}
