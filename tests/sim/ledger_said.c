#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* What is said to the relay, and what the relay says: is it true, is it allowed, does it come at the right time? */

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

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

/* --- to the relay -------------------------------------------------------------------------------------------------- */

/* The library seals: nothing that an application said may be readable. */
static void check_blind(struct ledger *l, const struct frame *f)
{
    static const char *const words[] = {"offer of ", "answer of ", "candidate of ", "mods",
                                        "file-"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (memmem(f->data, f->size, words[i], strlen(words[i])))
            sim_fail(l->sim, "P5", "the relay can read \"%s\"", words[i]);
}

/* What is said of a session. */
static void note_session(struct ledger_said *said, const struct message *m)
{
    switch ((int)m->type) {
    case MESSAGE_RECONNECT_OFFER:
    case MESSAGE_RECONNECT_ANSWER:
    case MESSAGE_ICE_CANDIDATE:
    case MESSAGE_RECOVERY_REQUEST:
    case MESSAGE_RECOVERY_RESPONSE:
        said->message_id = m->routed.message_id;
        said->shell = m->routed.syncshell_id;
        said->session = m->routed.recovery_session_id;
        said->routed = m->routed;
        break;
    case MESSAGE_SESSION_OPEN:
        said->message_id = m->session_open.message_id;
        said->shell = m->session_open.syncshell_id;
        said->session = m->session_open.recovery_session_id;
        break;
    case MESSAGE_SESSION_PROGRESS:
    case MESSAGE_SESSION_CHECKPOINT:
        said->message_id = m->session_entry.message_id;
        said->shell = m->session_entry.syncshell_id;
        said->session = m->session_entry.recovery_session_id;
        break;
    case MESSAGE_SESSION_SNAPSHOT_REQUEST:
        said->message_id = m->session_snapshot_request.message_id;
        said->shell = m->session_snapshot_request.syncshell_id;
        said->session = m->session_snapshot_request.recovery_session_id;
        break;
    case MESSAGE_CONNECTION_REPORT:
        said->message_id = m->connection_report.message_id;
        said->shell = m->connection_report.syncshell_id;
        said->session = m->connection_report.recovery_session_id;
        break;
    case MESSAGE_ICE_SERVERS_REQUEST:
        said->message_id = m->ice_servers_request.message_id;
        said->shell = m->ice_servers_request.syncshell_id;
        said->session = m->ice_servers_request.recovery_session_id;
        break;
    case MESSAGE_ISSUE_RECOVERY_CODE:
        said->message_id = m->issue_recovery_code.message_id;
        said->shell = m->issue_recovery_code.syncshell_id;
        said->session = m->issue_recovery_code.recovery_session_id;
        break;
    case MESSAGE_SESSION_CLOSE:
        said->message_id = m->session_close.message_id;
        said->shell = m->session_close.syncshell_id;
        said->session = m->session_close.recovery_session_id;
        break;
    default:
        break;
    }
}

static void note(struct ledger_said *said, const struct message *m)
{
    said->type = m->type;
    switch ((int)m->type) {
    case MESSAGE_AUTHENTICATE:
        said->message_id = m->authenticate.message_id;
        break;
    case MESSAGE_CREATE_SYNCSHELL:
        said->message_id = m->create_syncshell.message_id;
        said->shell = m->create_syncshell.syncshell_id;
        break;
    case MESSAGE_JOIN_SYNCSHELL:
        said->message_id = m->join_syncshell.message_id;
        said->shell = m->join_syncshell.syncshell_id;
        said->number = m->join_syncshell.inbox_cursor;
        said->key_epoch = m->join_syncshell.key_epoch;
        break;
    case MESSAGE_LEAVE_SYNCSHELL:
        said->message_id = m->leave_syncshell.message_id;
        said->shell = m->leave_syncshell.syncshell_id;
        break;
    case MESSAGE_ACK_INBOX:
        said->message_id = m->ack_inbox.message_id;
        said->shell = m->ack_inbox.syncshell_id;
        said->number = m->ack_inbox.inbox_seq;
        break;
    case MESSAGE_REDEEM_RECOVERY_CODE:
        said->message_id = m->redeem_recovery_code.message_id;
        said->shell = m->redeem_recovery_code.syncshell_id;
        break;
    case MESSAGE_REMOVE_MEMBER:
    case MESSAGE_ROTATE_GROUP_KEY:
    case MESSAGE_TRANSFER_OWNERSHIP:
    case MESSAGE_DELETE_SYNCSHELL:
        said->message_id = m->owner_operation.message_id;
        said->shell = m->owner_operation.syncshell_id;
        break;
    default:
        note_session(said, m);
        break;
    }
}

struct ledger_joined *ledger_joined(struct ledger_wire *lw, const char *shell)
{
    for (size_t i = 0; i < lw->n_joined; i++)
        if (same(lw->joined[i].shell.text, shell))
            return &lw->joined[i];
    return NULL;
}

bool ledger_has_joined(const struct wire *w, const char *shell)
{
    const struct ledger_joined *j = ledger_joined(w->ledger, shell);
    return j && j->in;
}

static struct ledger_joined *joined_new(struct ledger *l, struct ledger_wire *lw,
                                        const struct wire_id *shell)
{
    struct ledger_joined *j = ledger_joined(lw, shell->text);
    if (j)
        return j;
    if (lw->n_joined == JOINED_MAX)
        sim_fail(l->sim, "sim", "too many syncshells on one connection");
    j = &lw->joined[lw->n_joined++];
    *j = (struct ledger_joined){.shell = *shell};
    return j;
}

void ledger_said(struct ledger *l, struct wire *w, struct frame *f)
{
    struct ledger_wire *lw = w->ledger;
    struct message m;
    struct message_refusal refusal;
    l->turn++;
    check_blind(l, f);
    l->said = grown(l->said, l->n_said, sizeof *l->said);
    struct ledger_said *said = &l->said[l->n_said++];
    said->wire = w->id;
    said->life = l->life;
    said->at_us = l->sim->now_us;
    said->by = lw->peer;
    said->frame = frame_ref(f);
    if (message_decode(&m, &refusal, true, f->binary, f->data, f->size, &message_limits_to_relay) !=
        0) {
        sim_trace(l->sim, "p%u -> relay: what is no message", w->peer->index);
        said->message_id = refusal.message_id;
        return;
    }
    note(said, &m);
    if (m.type == MESSAGE_AUTHENTICATE)
        lw->claimed = m.authenticate.peer_id;
    if (m.type == MESSAGE_JOIN_SYNCSHELL) {
        struct ledger_joined *j = joined_new(l, lw, &said->shell);
        j->seq_known = false;
        j->seq = said->number;
    }
    sim_trace(l->sim, "p%u -> relay: %s %s %s %u", w->peer->index, message_type_name(m.type),
              said->message_id.text, said->session.text, (unsigned)said->routed.generation);
    message_deinit(&m);
}

/* --- from the relay: answers --------------------------------------------------------------------------------------- */

static uint64_t queued_us(const struct ledger *l, const struct wire *w)
{
    return w->stalled_us ? w->stalled_us : l->sim->now_us;
}

static unsigned queued_turn(const struct ledger *l, const struct wire *w)
{
    return w->stalled_turn ? w->stalled_turn : l->turn;
}

static const struct ledger_letter *find_letter(const struct ledger *l,
                                               const struct ledger_said *said)
{
    for (size_t i = l->n_letters; i-- > 0;)
        if (same(l->letters[i].message_id.text, said->message_id.text) &&
            same(l->letters[i].source.text, said->by.text))
            return &l->letters[i];
    return NULL;
}

static uint64_t find_version(const struct ledger *l, const struct ledger_said *said)
{
    for (size_t i = l->n_versions; i-- > 0;)
        if (same(l->versions[i].message_id.text, said->message_id.text) &&
            same(l->versions[i].session.text, said->session.text))
            return l->versions[i].version;
    return 0;
}

/* NULL: it is true. */
static const char *stored_fault(const struct ledger *l, const struct ledger_said *said,
                                const struct message_stored *m)
{
    const struct ledger_member *member = ledger_member(l, said->shell.text, said->by.text);
    const struct ledger_letter *letter;
    switch ((int)said->type) {
    case MESSAGE_RECOVERY_REQUEST:
    case MESSAGE_RECOVERY_RESPONSE:
        letter = find_letter(l, said);
        return !letter                       ? "it is in no inbox on the disk"
               : letter->seq != m->inbox_seq ? "with the wrong inboxSeq"
                                             : NULL;
    case MESSAGE_SESSION_PROGRESS:
    case MESSAGE_SESSION_CHECKPOINT:
        return find_version(l, said) == m->version ? NULL : "no such version is on the disk";
    case MESSAGE_CONNECTION_REPORT:
    case MESSAGE_ISSUE_RECOVERY_CODE:
    case MESSAGE_REDEEM_RECOVERY_CODE:
    case MESSAGE_REMOVE_MEMBER:
    case MESSAGE_ROTATE_GROUP_KEY:
    case MESSAGE_TRANSFER_OWNERSHIP:
    case MESSAGE_DELETE_SYNCSHELL:
        return find_version(l, said) ? NULL : "it is not on the disk";
    case MESSAGE_SESSION_OPEN:
        return ledger_session(l, said->session.text) ? NULL : "the session is not on the disk";
    case MESSAGE_SESSION_CLOSE:
        return ledger_session_closed(l, said->session.text) ? NULL : "on the disk it is open";
    case MESSAGE_ACK_INBOX:
        return member && member->acked >= said->number ? NULL : "the disk does not know";
    case MESSAGE_CREATE_SYNCSHELL:
        return member ? NULL : "it is not on the disk";
    case MESSAGE_LEAVE_SYNCSHELL:
        return member && member->in ? "on the disk it is a member" : NULL;
    default:
        return "nothing is stored for such a request";
    }
}

static void check_stored(struct ledger *l, const struct wire *w, const struct ledger_wire *lw,
                         const struct message_stored *m)
{
    struct ledger_said *said = ledger_find_said(l, lw->peer.text, m->in_reply_to.text, w->id);
    if (!said)
        sim_fail(l->sim, "P1", "%s hears Stored for what it never said",
                 sim_peer_name(l->sim, lw->peer.text));
    const char *fault = stored_fault(l, said, m);
    if (fault)
        sim_fail(l->sim, "P2", "%s hears Stored for its %s %s, and %s",
                 sim_peer_name(l->sim, lw->peer.text), message_type_name(said->type),
                 said->message_id.text, fault);
    said->told = true;
    struct ledger_joined *j = ledger_joined(w->ledger, said->shell.text);
    if (j && (said->type == MESSAGE_LEAVE_SYNCSHELL || said->type == MESSAGE_DELETE_SYNCSHELL))
        j->in = false;
}

static void check_told(struct ledger *l, const struct ledger_wire *lw, const struct wire_id *id,
                       unsigned wire, bool held)
{
    if (!*id->text)
        return;
    struct ledger_said *said = ledger_find_said(l, lw->peer.text, id->text, wire);
    if (!said && *lw->peer.text)
        sim_fail(l->sim, "P1", "%s hears of %s, which it never said",
                 sim_peer_name(l->sim, lw->peer.text), id->text);
    if (said && held)
        said->held = true;
    else if (said)
        said->told = true;
}

/* --- from the relay: other members' messages ------------------------------------------------------------------------ */

static void check_member(struct ledger *l, const struct wire *w, struct ledger_wire *lw,
                         const struct wire_id *shell, const char *what)
{
    const struct ledger_member *m = ledger_member(l, shell->text, lw->peer.text);
    if (!m || (!m->in && m->out_turn < queued_turn(l, w)))
        sim_fail(l->sim, "P1", "%s, no member, hears %s", sim_peer_name(l->sim, lw->peer.text),
                 what);
    const struct ledger_joined *j = ledger_joined(lw, shell->text);
    if (!j || !j->in)
        sim_fail(l->sim, "P1", "%s hears %s on a connection that has not joined",
                 sim_peer_name(l->sim, lw->peer.text), what);
}

static struct ledger_said *find_bytes(const struct ledger *l, const struct frame *f, const char *by)
{
    for (size_t i = l->n_said; i-- > 0;) {
        struct ledger_said *said = &l->said[i];
        if (said->frame->size == f->size && same(said->by.text, by) &&
            memcmp(said->frame->data, f->data, f->size) == 0)
            return said;
    }
    return NULL;
}

static void check_attempt(struct ledger *l, const struct wire *w, const struct message *m)
{
    const struct message_routed *r = &m->routed;
    const struct ledger_attempt *own = NULL;
    for (size_t i = l->n_attempts; i-- > 0;) {
        const struct ledger_attempt *a = &l->attempts[i];
        if (a->life != l->life || !same(a->session.text, r->recovery_session_id.text))
            continue;
        if (a->generation > r->generation && a->turn < queued_turn(l, w))
            sim_fail(l->sim, "P4", "%s of generation %u is delivered after generation %u began",
                     message_type_name(m->type), (unsigned)r->generation, (unsigned)a->generation);
        if (a->generation == r->generation)
            own = a;
    }
    if (!own)
        sim_fail(l->sim, "P4", "%s of generation %u is delivered, of which no attempt began",
                 message_type_name(m->type), (unsigned)r->generation);
    bool by_winner = same(own->by.text, r->source_peer_id.text);
    if (m->type != MESSAGE_ICE_CANDIDATE && by_winner != (m->type == MESSAGE_RECONNECT_OFFER))
        sim_fail(l->sim, "P4", "%s of generation %u comes from the wrong side",
                 message_type_name(m->type), (unsigned)r->generation);
}

static void check_routed(struct ledger *l, const struct wire *w, struct ledger_wire *lw,
                         const struct message *m, const struct frame *f)
{
    const struct message_routed *r = &m->routed;
    const char *type = message_type_name(m->type);
    struct ledger_said *said = find_bytes(l, f, r->source_peer_id.text);
    if (!said)
        sim_fail(l->sim, "P1", "%s hears a %s that its source never said",
                 sim_peer_name(l->sim, lw->peer.text), type);
    if (!same(r->target_peer_id.text, lw->peer.text))
        sim_fail(l->sim, "P1", "%s hears a %s for another", sim_peer_name(l->sim, lw->peer.text),
                 type);
    check_member(l, w, lw, &r->syncshell_id, type);
    if (said->delivered_wire == w->id)
        sim_fail(l->sim, "P1", "%s is delivered twice on one connection", type);
    uint64_t ttl_us = (uint64_t)l->sim->relay.config.offer_ttl_ms * 1000;
    if (said->life != l->life || queued_us(l, w) > said->at_us + ttl_us)
        sim_fail(l->sim, "P4", "%s %s is delivered %u ms after it was said", type,
                 r->message_id.text, (unsigned)((l->sim->now_us - said->at_us) / 1000));
    check_attempt(l, w, m);
    said->delivered_wire = w->id;
    said->told = true;
}

static void check_delivery(struct ledger *l, const struct wire *w, struct ledger_wire *lw,
                           const struct message *m)
{
    const char *name = sim_peer_name(l->sim, lw->peer.text);
    uint64_t seq = m->inbox_delivery.inbox_seq;
    struct ledger_letter *letter = NULL;
    check_member(l, w, lw, &m->inbox_delivery.syncshell_id, "InboxDelivery");
    struct ledger_joined *j = ledger_joined(lw, m->inbox_delivery.syncshell_id.text);
    if (j->seq_known && seq <= j->seq)
        sim_fail(l->sim, "P2", "%s: inbox message %u after %u", name, (unsigned)seq,
                 (unsigned)j->seq);
    for (size_t i = 0; i < l->n_letters; i++) {
        struct ledger_letter *other = &l->letters[i];
        if (!same(other->target.text, lw->peer.text) ||
            !same(other->shell.text, m->inbox_delivery.syncshell_id.text))
            continue;
        if (other->seq == seq)
            letter = other;
        else if (other->seq < seq && other->seq > j->seq && !other->acked)
            sim_fail(l->sim, "P2", "%s: inbox message %u before %u", name, (unsigned)seq,
                     (unsigned)other->seq);
    }
    if (!letter)
        sim_fail(l->sim, "P2", "%s: inbox message %u is not on the disk", name, (unsigned)seq);
    if (letter->frame->size != m->body_size ||
        memcmp(letter->frame->data, m->body, m->body_size) != 0)
        sim_fail(l->sim, "P2", "%s: inbox message %u is not what was stored", name, (unsigned)seq);
    letter->delivered = true;
    j->seq = seq;
    j->seq_known = true;
}

static bool takes_part(const struct ledger_session *s, const char *peer)
{
    for (size_t i = 0; i < s->n_formers; i++)
        if (same(s->formers[i].text, peer))
            return true;
    return same(s->joiner.text, peer) || same(s->provider.text, peer);
}

/* Whose it is and by which key, as on the disk, once the core has learned that. */
static void check_owner(struct ledger *l, const struct wire *w, const char *name,
                        const struct message_syncshell_joined *m)
{
    const struct ledger_owner *o = ledger_owner_of(l, m->syncshell_id.text);
    if (!o || m->key_epoch > o->key_epoch)
        sim_fail(l->sim, "P2", "%s has joined by a key that is not on the disk", name);
    if (o->n_unlearned > 0 || o->changed_turn >= queued_turn(l, w))
        return;
    if (m->key_epoch != o->key_epoch)
        sim_fail(l->sim, "P1", "%s has joined by the key of before", name);
    if (!same(m->owner_peer_id.text, o->peer.text))
        sim_fail(l->sim, "P1", "%s hears of the owner of before", name);
}

/* Who shows the newest key is not told that it is another, nor, unless it is the rogue, that it proves nothing. */
static void check_refused(struct ledger *l, const struct wire *w, const struct ledger_wire *lw,
                          const struct message_error *m)
{
    const struct ledger_said *said = ledger_find_said(l, lw->peer.text, m->in_reply_to.text, w->id);
    bool unproved = m->code == WIRE_CODE_BAD_PROOF && !rogue_is(l->sim, w->peer);
    if ((m->code != WIRE_CODE_WRONG_KEY_EPOCH && !unproved) || !said ||
        said->type != MESSAGE_JOIN_SYNCSHELL)
        return;
    const struct ledger_owner *o = ledger_owner_of(l, said->shell.text);
    if (o && o->n_unlearned == 0 && o->changed_turn < queued_turn(l, w) &&
        said->key_epoch == o->key_epoch)
        sim_fail(l->sim, "P1", "%s is refused by the newest key",
                 sim_peer_name(l->sim, lw->peer.text));
}

static void check_joined(struct ledger *l, const struct wire *w, struct ledger_wire *lw,
                         const struct message_syncshell_joined *m)
{
    const char *name = sim_peer_name(l->sim, lw->peer.text);
    const struct ledger_member *member = ledger_member(l, m->syncshell_id.text, lw->peer.text);
    if (!member || (!member->in && member->out_turn < queued_turn(l, w)))
        sim_fail(l->sim, "P2", "%s has joined, and is no member on the disk", name);
    check_owner(l, w, name, m);
    struct ledger_joined *j = joined_new(l, lw, &m->syncshell_id);
    j->in = true;
    if (!m->recovered)
        j->seq = 0;
    ledger_meets(l, j, m);
    for (size_t i = 0; i < m->n_sessions; i++) {
        const struct message_session_summary *summary = &m->sessions[i];
        const struct ledger_session *s = ledger_session(l, summary->recovery_session_id.text);
        if (!s)
            sim_fail(l->sim, "P2", "%s is told of a session that is not on the disk", name);
        if (!takes_part(s, lw->peer.text))
            sim_fail(l->sim, "P1", "%s is told of others' session", name);
        if (summary->version > s->version || (summary->state == SESSION_STATE_CLOSED && !s->closed))
            sim_fail(l->sim, "P2", "%s is told more of %s than the disk has", name, s->id.text);
    }
}

static void check_changed(struct ledger *l, const struct wire *w, struct ledger_wire *lw,
                          const struct message_session_changed *m)
{
    const struct ledger_session *s = ledger_session(l, m->session.recovery_session_id.text);
    check_member(l, w, lw, &m->syncshell_id, "SessionChanged");
    if (!s || (m->session.state == SESSION_STATE_CLOSED && !s->closed))
        sim_fail(l->sim, "P2", "%s is told of a session what the disk does not have",
                 sim_peer_name(l->sim, lw->peer.text));
}

/* Nothing of the syncshell is said on this connection any more. */
static void check_ended(struct ledger *l, struct ledger_wire *lw,
                        const struct message_membership_ended *m)
{
    struct ledger_joined *j = ledger_joined(lw, m->syncshell_id.text);
    if (!j || !j->in)
        sim_fail(l->sim, "P1", "%s hears of the end of what it has not joined",
                 sim_peer_name(l->sim, lw->peer.text));
    j->in = false;
}

static void check_welcome(struct ledger *l, const struct wire *w, struct ledger_wire *lw,
                          const struct message_welcome *m)
{
    const char *peer = w->peer->station.config.peer_id.text;
    if (!same(m->peer_id.text, lw->claimed.text) || !same(m->peer_id.text, peer))
        sim_fail(l->sim, "P1", "p%u is welcomed as another", w->peer->index);
    lw->peer = m->peer_id;
    for (size_t i = l->n_said; i-- > 0 && l->said[i].wire == w->id;)
        l->said[i].by = lw->peer; /* of what it said in the same breath */
}

void ledger_heard(struct ledger *l, struct wire *w, struct frame *f)
{
    struct ledger_wire *lw = w->ledger;
    struct message m;
    struct message_refusal refusal;
    if (message_decode(&m, &refusal, false, f->binary, f->data, f->size,
                       &message_limits_to_client) != 0)
        sim_fail(l->sim, "P1", "the relay says what is no message: %s", refusal.detail);
    sim_trace(l->sim, "relay -> p%u: %s", w->peer->index, message_type_name(m.type));
    if (rogue_is(l->sim, w->peer))
        rogue_answered(l->sim, w, &m);
    switch ((int)m.type) {
    case MESSAGE_WELCOME:
        check_welcome(l, w, lw, &m.welcome);
        break;
    case MESSAGE_SYNCSHELL_JOINED:
        check_joined(l, w, lw, &m.syncshell_joined);
        break;
    case MESSAGE_STORED:
        check_stored(l, w, lw, &m.stored);
        break;
    case MESSAGE_HELD:
        check_told(l, lw, &m.held.in_reply_to, w->id, true);
        break;
    case MESSAGE_UNDELIVERABLE:
        check_told(l, lw, &m.undeliverable.in_reply_to, 0, false);
        break;
    case MESSAGE_ERROR:
        l->sim->stats->refusals[m.error.code]++;
        sim_trace(l->sim, "    %s %s", wire_code_name(m.error.code), m.error.in_reply_to.text);
        check_told(l, lw, &m.error.in_reply_to, w->id, false);
        check_refused(l, w, lw, &m.error);
        break;
    case MESSAGE_RECONNECT_OFFER:
    case MESSAGE_RECONNECT_ANSWER:
    case MESSAGE_ICE_CANDIDATE:
        check_routed(l, w, lw, &m, f);
        break;
    case MESSAGE_RECOVERY_REQUEST:
    case MESSAGE_RECOVERY_RESPONSE:
        sim_fail(l->sim, "P2", "a durable message is forwarded past the inbox");
    case MESSAGE_INBOX_DELIVERY:
        check_delivery(l, w, lw, &m);
        break;
    case MESSAGE_SESSION_CHANGED:
        check_changed(l, w, lw, &m.session_changed);
        break;
    case MESSAGE_PEER_PRESENCE:
        check_member(l, w, lw, &m.peer_presence.syncshell_id, "PeerPresence");
        ledger_hears_presence(l, lw, &m.peer_presence);
        break;
    case MESSAGE_MEMBERSHIP_ENDED:
        check_ended(l, lw, &m.membership_ended);
        break;
    default:
        break;
    }
    message_deinit(&m);
}

void ledger_arrives(struct ledger *l, struct wire *w, struct frame *f)
{
    (void)l;
    (void)w;
    (void)f;
}

void ledger_core_event(struct ledger *l, const struct core_event *event)
{
    if (event->kind != CORE_EVENT_ATTEMPT_STARTED)
        return;
    for (size_t i = 0; i < l->n_attempts; i++)
        if (l->attempts[i].life == l->life && l->attempts[i].generation == event->generation &&
            same(l->attempts[i].session.text, event->recovery_session_id.text))
            sim_fail(l->sim, "P4", "generation %u begins twice", (unsigned)event->generation);
    l->attempts = grown(l->attempts, l->n_attempts, sizeof *l->attempts);
    l->attempts[l->n_attempts++] = (struct ledger_attempt){.session = event->recovery_session_id,
                                                           .generation = event->generation,
                                                           .by = event->peer_id,
                                                           .life = l->life,
                                                           .turn = l->turn};
}

void ledger_audit(struct ledger *l)
{
    (void)l;
}
