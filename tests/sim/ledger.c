#include "ledger.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* --- arrays -------------------------------------------------------------------------------------------------------- */

static void *grown(void *array, size_t n, size_t size)
{
    char *a = array;
    if ((n & (n - 1)) == 0)
        a = realloc(array, (n ? 2 * n : 1) * size);
    if (!a)
        abort();
    memset(a + n * size, 0, size);
    return a;
}

#define ADD(l, what) \
    (((l)->what = grown((l)->what, (l)->n_##what, sizeof *(l)->what)), &(l)->what[(l)->n_##what++])

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

void ledger_init(struct ledger *l, struct sim *s)
{
    memset(l, 0, sizeof *l);
    l->sim = s;
}

static void entries_clear(struct ledger_session *s)
{
    for (size_t i = 0; i < s->n_entries; i++)
        free(s->entries[i].body);
    free(s->entries);
    s->entries = NULL;
    s->n_entries = 0;
}

void ledger_deinit(struct ledger *l)
{
    for (size_t i = 0; i < l->n_said; i++)
        frame_unref(l->said[i].frame);
    for (size_t i = 0; i < l->n_letters; i++)
        frame_unref(l->letters[i].frame);
    for (size_t i = 0; i < l->n_sessions; i++)
        entries_clear(&l->sessions[i]);
    free(l->said);
    free(l->letters);
    free(l->members);
    free(l->sessions);
    free(l->versions);
    free(l->attempts);
    free(l->codes);
    free(l->owners);
}

void ledger_shell(struct ledger *l, const char *shell_id)
{
    struct invite invite;
    if (engine_invite(l->sim->peers[0].station.engine, shell_id, &invite) != 0)
        sim_fail(l->sim, "sim", "there is no invite to %s", shell_id);
    memcpy(l->shell_id, invite.syncshell_id.text, sizeof l->shell_id);
    l->secret = invite.secret;
}

void ledger_relay_starts(struct ledger *l, unsigned life)
{
    l->life = life;
    l->turn++;
    for (size_t i = 0; i < l->n_members; i++) /* it reads the disk */
        if (l->members[i].out_turn == UINT_MAX)
            l->members[i].out_turn = l->turn;
    for (size_t i = 0; i < l->n_owners; i++) {
        l->owners[i].n_unlearned = 0;
        l->owners[i].changed_turn = l->turn;
    }
}

void ledger_wire(struct ledger *l, struct wire *w)
{
    struct ledger_wire *known = calloc(1, sizeof *known);
    if (!known)
        abort();
    known->life = l->life;
    w->ledger = known;
}

void ledger_relay_end_gone(struct ledger *l, struct wire *w)
{
    (void)w;
    l->turn++;
}

void ledger_wire_gone(struct ledger *l, struct wire *w)
{
    (void)l;
    free(w->ledger);
}

/* --- looking up ---------------------------------------------------------------------------------------------------- */

struct ledger_session *ledger_session(const struct ledger *l, const char *id)
{
    for (size_t i = l->n_sessions; i-- > 0;)
        if (same(l->sessions[i].id.text, id))
            return &l->sessions[i];
    return NULL;
}

bool ledger_session_closed(const struct ledger *l, const char *id)
{
    const struct ledger_session *s = ledger_session(l, id);
    return !s || s->closed;
}

struct ledger_member *ledger_member(const struct ledger *l, const char *shell, const char *peer)
{
    for (size_t i = l->n_members; i-- > 0;)
        if (same(l->members[i].shell.text, shell) && same(l->members[i].peer.text, peer))
            return &l->members[i];
    return NULL;
}

struct ledger_said *ledger_find_said(const struct ledger *l, const char *by, const char *message_id,
                                     unsigned wire)
{
    for (size_t i = l->n_said; i-- > 0;) {
        struct ledger_said *said = &l->said[i];
        if (same(said->message_id.text, message_id) && same(said->by.text, by) &&
            (wire == 0 || said->wire == wire))
            return said;
    }
    return NULL;
}

/* --- what the disk has --------------------------------------------------------------------------------------------- */

static void member_synced(struct ledger *l, const struct store_op *op)
{
    struct ledger_member *m = ledger_member(l, op->syncshell_id.text, op->peer_id.text);
    if (m && m->in)
        return;
    if (!m) {
        m = ADD(l, members);
        m->shell = op->syncshell_id;
        m->peer = op->peer_id;
    }
    m->in = true;
}

static void codes_end(struct ledger *l, const char *session)
{
    for (size_t i = 0; i < l->n_codes; i++)
        if (same(l->codes[i].session.text, session))
            l->codes[i].ended = true;
}

static void session_closes(struct ledger *l, struct ledger_session *s)
{
    s->closed = true;
    codes_end(l, s->id.text);
}

static void leave_synced(struct ledger *l, const struct store_op *op, const char *peer)
{
    struct ledger_member *m = ledger_member(l, op->syncshell_id.text, peer);
    if (!m || !m->in)
        return;
    m->in = false;
    m->out_turn = UINT_MAX;
    for (size_t i = 0; i < l->n_letters; i++)
        if (same(l->letters[i].target.text, peer) &&
            same(l->letters[i].shell.text, op->syncshell_id.text))
            l->letters[i].acked = true;
    for (size_t i = 0; i < l->n_sessions; i++) {
        struct ledger_session *s = &l->sessions[i];
        if (same(s->shell.text, op->syncshell_id.text) &&
            (same(s->joiner.text, peer) || same(s->provider.text, peer)))
            session_closes(l, s);
    }
}

static void version_synced(struct ledger *l, const struct store_op *op, uint64_t version)
{
    struct ledger_version *v = ADD(l, versions);
    v->session = op->recovery_session_id;
    v->message_id = op->message_id;
    v->version = version;
}

static struct ledger_owner *find_owner(const struct ledger *l, const char *shell)
{
    for (size_t i = 0; i < l->n_owners; i++)
        if (same(l->owners[i].shell.text, shell))
            return &l->owners[i];
    return NULL;
}

const struct ledger_owner *ledger_owner_of(const struct ledger *l, const char *shell)
{
    return find_owner(l, shell);
}

const char *ledger_owner(const struct ledger *l, const char *shell)
{
    const struct ledger_owner *o = find_owner(l, shell);
    return o ? o->peer.text : "";
}

bool ledger_rotated(const struct ledger *l, const char *shell)
{
    const struct ledger_owner *o = find_owner(l, shell);
    return o && o->rotated;
}

bool ledger_deleted(const struct ledger *l, const char *shell)
{
    const struct ledger_owner *o = find_owner(l, shell);
    return o && o->deleted;
}

bool ledger_redeemed(const struct ledger *l, const char *session, const char *peer)
{
    const struct ledger_session *s = ledger_session(l, session);
    if (s && same(s->joiner.text, peer))
        return true;
    /* The joiner's own code, and in the same commit another device's after it. */
    for (size_t i = 0; s && i < s->n_formers; i++)
        if (same(s->formers[i].text, peer))
            return true;
    for (size_t i = 0; i < l->n_codes; i++)
        if (same(l->codes[i].session.text, session) && same(l->codes[i].by.text, peer))
            return true;
    return false;
}

static void create_synced(struct ledger *l, const struct store_op *op)
{
    struct ledger_owner *o = find_owner(l, op->syncshell_id.text);
    member_synced(l, op);
    if (o && !op->rekeyed)
        return;
    if (!o)
        o = ADD(l, owners);
    o->shell = op->syncshell_id;
    o->peer = op->peer_id;
    o->key_epoch = op->key_epoch;
    o->group_public_key = op->group_public_key;
    o->n_unlearned++;
}

static void order_synced(struct ledger *l, const struct store_op *op)
{
    struct ledger_owner *o = find_owner(l, op->syncshell_id.text);
    version_synced(l, op, 1);
    if (op->duplicate)
        return;
    if (!o || o->deleted || !same(o->peer.text, op->peer_id.text))
        sim_fail(l->sim, "P1", "%s gives an order that is the owner's",
                 sim_peer_name(l->sim, op->peer_id.text));
    o->n_unlearned++;
    if (op->kind == STORE_EXPEL_MEMBER)
        leave_synced(l, op, op->target_peer_id.text);
    else if (op->kind == STORE_ROTATE_KEY) {
        o->rotated = true;
        o->key_epoch = op->key_epoch;
        o->group_public_key = op->group_public_key;
    } else if (op->kind == STORE_TRANSFER_OWNERSHIP)
        o->peer = op->target_peer_id;
    else if (op->kind == STORE_DELETE_SYNCSHELL) {
        o->deleted = true;
        for (size_t i = 0; i < l->n_members; i++)
            if (same(l->members[i].shell.text, op->syncshell_id.text))
                leave_synced(l, op, l->members[i].peer.text);
    }
}

static void issue_synced(struct ledger *l, const struct store_op *op)
{
    version_synced(l, op, 1);
    if (op->duplicate)
        return;
    codes_end(l, op->recovery_session_id.text);
    struct ledger_code *c = ADD(l, codes);
    c->session = op->recovery_session_id;
    c->sha256 = op->code_sha256;
}

static void redeem_synced(struct ledger *l, const struct store_op *op)
{
    struct ledger_session *s = ledger_session(l, op->recovery_session_id.text);
    struct store_op without = *op;
    without.recovery_session_id = (struct wire_id){""}; /* the request does not name it */
    version_synced(l, &without, 1);
    if (op->duplicate && s && same(s->joiner.text, op->peer_id.text))
        return; /* it is the joiner already: the code is not used up */
    for (size_t i = 0; i < l->n_codes; i++) {
        struct ledger_code *c = &l->codes[i];
        if (!same(c->sha256.text, op->code_sha256.text))
            continue;
        if (!s || s->closed || c->ended || *c->by.text)
            break;
        codes_end(l, s->id.text);
        c->by = op->peer_id;
        if (s->n_formers < FORMERS_MAX)
            s->formers[s->n_formers++] = s->joiner;
        s->joiner = op->peer_id;
        return;
    }
    sim_fail(l->sim, "P2", "%s redeems a code that does not count",
             sim_peer_name(l->sim, op->peer_id.text));
}

/* The core learns that somebody is out: from here on nothing may be said to them. Or who owns a syncshell now, and by which key. */
void ledger_learned(struct ledger *l, const struct store_op *op)
{
    struct ledger_owner *o = find_owner(l, op->syncshell_id.text);
    l->turn++;
    if (op->code != WIRE_CODE_NONE)
        return;
    if (o && o->n_unlearned > 0 && !op->duplicate &&
        (op->kind == STORE_CREATE_SYNCSHELL ||
         (op->kind >= STORE_EXPEL_MEMBER && op->kind <= STORE_DELETE_SYNCSHELL))) {
        o->n_unlearned--;
        o->changed_turn = l->turn;
    }
    for (size_t i = 0; i < l->n_members; i++) {
        struct ledger_member *m = &l->members[i];
        bool leaves = op->kind == STORE_REMOVE_MEMBER && same(m->peer.text, op->peer_id.text);
        bool expelled =
            op->kind == STORE_EXPEL_MEMBER && same(m->peer.text, op->target_peer_id.text);
        if (m->out_turn == UINT_MAX && same(m->shell.text, op->syncshell_id.text) &&
            (leaves || expelled || op->kind == STORE_DELETE_SYNCSHELL))
            m->out_turn = l->turn;
    }
}

static void entry_synced(struct ledger *l, struct ledger_session *s, const struct store_op *op)
{
    size_t size = op->frame->size - op->body_offset;
    if (s->version + 1 != op->ret_version)
        sim_fail(l->sim, "P2", "session %s: version %u after %u", s->id.text,
                 (unsigned)op->ret_version, (unsigned)s->version);
    if (op->kind == STORE_CHECKPOINT)
        entries_clear(s);
    struct ledger_entry *e = ADD(s, entries);
    e->version = s->version = op->ret_version;
    e->type = op->kind == STORE_OPEN_SESSION   ? MESSAGE_SESSION_OPEN
              : op->kind == STORE_APPEND_ENTRY ? MESSAGE_SESSION_PROGRESS
                                               : MESSAGE_SESSION_CHECKPOINT;
    e->writer = op->peer_id;
    e->size = size;
    e->body = malloc(size + 1);
    if (!e->body)
        abort();
    memcpy(e->body, op->frame->data + op->body_offset, size);
    version_synced(l, op, op->ret_version);
}

static void open_synced(struct ledger *l, const struct store_op *op)
{
    struct ledger_session *s = ADD(l, sessions);
    s->shell = op->syncshell_id;
    s->id = op->recovery_session_id;
    s->joiner = op->joiner_peer_id;
    s->provider = op->provider_peer_id;
    entry_synced(l, s, op);
}

static void letter_synced(struct ledger *l, const struct store_op *op)
{
    for (size_t i = 0; i < l->n_letters; i++) {
        const struct ledger_letter *known = &l->letters[i];
        if (!known->expired && same(known->source.text, op->peer_id.text) &&
            same(known->target.text, op->target_peer_id.text) &&
            (same(known->message_id.text, op->message_id.text) ||
             (known->frame->size == op->frame->size &&
              memcmp(known->frame->data, op->frame->data, op->frame->size) == 0)))
            sim_fail(l->sim, "P2", "message %s to %s is stored twice", op->message_id.text,
                     sim_peer_name(l->sim, op->target_peer_id.text));
    }
    struct ledger_letter *letter = ADD(l, letters);
    letter->shell = op->syncshell_id;
    letter->source = op->peer_id;
    letter->target = op->target_peer_id;
    letter->message_id = op->message_id;
    letter->seq = op->ret_seq;
    letter->expires_unix_ms = op->expires_unix_ms;
    if (frame_new(&letter->frame, true, op->frame->data, op->frame->size) != 0)
        abort();
}

static void ack_synced(struct ledger *l, const struct store_op *op)
{
    struct ledger_member *m = ledger_member(l, op->syncshell_id.text, op->peer_id.text);
    if (m && m->acked < op->seq)
        m->acked = op->seq;
    for (size_t i = 0; i < l->n_letters; i++) {
        struct ledger_letter *letter = &l->letters[i];
        if (letter->acked || letter->seq > op->seq ||
            !same(letter->target.text, op->peer_id.text) ||
            !same(letter->shell.text, op->syncshell_id.text))
            continue;
        if (!letter->delivered)
            sim_fail(l->sim, "P2", "%s: inbox message %u is gone, and was never delivered",
                     sim_peer_name(l->sim, op->peer_id.text), (unsigned)letter->seq);
        letter->acked = true;
        letter->acked_turn = l->turn;
    }
}

/* What expired unread counts as taken, and is new when it comes again. */
static void sweep_synced(struct ledger *l, const struct store_op *op)
{
    for (size_t i = 0; i < op->n_swept; i++) {
        const struct message_session_summary *swept = &op->swept_sessions[i].summary;
        struct ledger_session *s = ledger_session(l, swept->recovery_session_id.text);
        if (s) {
            session_closes(l, s);
            s->outcome = swept->outcome;
        }
    }
    for (size_t i = 0; i < l->n_letters; i++) {
        struct ledger_letter *letter = &l->letters[i];
        letter->expired |= letter->expires_unix_ms <= op->now.unix_ms;
        letter->acked |= letter->expired;
    }
    for (size_t i = 0; i < op->n_settled; i++) {
        const struct store_settled *settled = &op->settled[i];
        struct ledger_member *m =
            ledger_member(l, settled->syncshell_id.text, settled->peer_id.text);
        if (m && m->acked < settled->inbox_acked)
            m->acked = settled->inbox_acked;
    }
}

/* It was let in as the session's, and may have lost that part by the time it is written. */
static void check_part(struct ledger *l, const struct ledger_session *s, const struct store_op *op)
{
    bool joiner = same(s->joiner.text, op->peer_id.text);
    bool writes = op->kind == STORE_APPEND_ENTRY || op->kind == STORE_CHECKPOINT ||
                  op->kind == STORE_ISSUE_CODE;
    bool takes_part = writes || op->kind == STORE_CLOSE_SESSION ||
                      op->kind == STORE_REPORT_CONNECTION || op->kind == STORE_READ_SNAPSHOT;
    if (takes_part && !joiner && (writes || !same(s->provider.text, op->peer_id.text)))
        sim_fail(l->sim, "P4", "%s is done in session %s for %s, who has no part in it",
                 store_op_name(op->kind), s->id.text, sim_peer_name(l->sim, op->peer_id.text));
}

void ledger_synced(struct ledger *l, const struct store_op *op)
{
    struct ledger_session *s = NULL;
    if (*op->recovery_session_id.text)
        s = ledger_session(l, op->recovery_session_id.text);
    sim_trace(l->sim, "disk: %s %s%s%s", store_op_name(op->kind),
              op->code ? wire_code_name(op->code) : "", op->duplicate ? "duplicate " : "",
              op->message_id.text);
    if (op->code != WIRE_CODE_NONE)
        return;
    if (s)
        check_part(l, s, op);
    if (op->kind == STORE_CREATE_SYNCSHELL)
        create_synced(l, op);
    else if (op->kind == STORE_ADD_MEMBER)
        member_synced(l, op);
    else if (op->kind >= STORE_EXPEL_MEMBER && op->kind <= STORE_DELETE_SYNCSHELL)
        order_synced(l, op);
    else if (op->kind == STORE_ISSUE_CODE)
        issue_synced(l, op);
    else if (op->kind == STORE_REDEEM_CODE)
        redeem_synced(l, op);
    else if (op->kind == STORE_REMOVE_MEMBER)
        leave_synced(l, op, op->peer_id.text);
    else if (op->duplicate)
        return;
    else if (op->kind == STORE_OPEN_SESSION)
        open_synced(l, op);
    else if (s && (op->kind == STORE_APPEND_ENTRY || op->kind == STORE_CHECKPOINT))
        entry_synced(l, s, op);
    else if (s && op->kind == STORE_CLOSE_SESSION)
        session_closes(l, s), s->outcome = op->outcome;
    else if (op->kind == STORE_REPORT_CONNECTION)
        version_synced(l, op, 1);
    else if (op->kind == STORE_ADD_INBOX)
        letter_synced(l, op);
    else if (op->kind == STORE_ACK_INBOX)
        ack_synced(l, op);
    else if (op->kind == STORE_SWEEP)
        sweep_synced(l, op);
}
