#include "model/fake_store_state.h"

#include <stdlib.h>
#include <string.h>

/* Whether the frame fits beside what all inboxes of the syncshell hold, and what they hold of its source. */
static enum wire_code check_pool(const struct shell *s, const struct store_op *op)
{
    size_t bytes = 0, own_bytes = 0;
    for (size_t i = 0; i < s->n_members; i++) {
        for (size_t k = 0; k < s->members[i].n_letters; k++) {
            const struct letter *l = &s->members[i].letters[k];
            if (!l->frame)
                continue;
            bytes += l->size;
            if (strcmp(l->source.text, op->peer_id.text) == 0)
                own_bytes += l->size;
        }
    }
    if (bytes + op->frame->size > op->pool_bytes)
        return WIRE_CODE_INBOXES_FULL;
    return fake_is_share(op->pool_bytes, bytes, own_bytes, op->frame->size)
               ? WIRE_CODE_NONE
               : WIRE_CODE_INBOXES_SHARE;
}

void fake_inbox_add(struct shell *s, struct store_op *op)
{
    struct inhabitant *m = fake_member_find(s, op->target_peer_id.text);
    size_t rows = 0, own_rows = 0;
    size_t bytes = 0, own_bytes = 0;
    if (!fake_member_find(s, op->peer_id.text)) {
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
    else if (!fake_is_share(op->limit_rows, rows, own_rows, 1) ||
             !fake_is_share(op->limit_bytes, bytes, own_bytes, op->frame->size))
        op->code = WIRE_CODE_INBOX_SHARE;
    else
        op->code = check_pool(s, op);
    if (op->code != WIRE_CODE_NONE)
        return;
    m->letters = fake_grown(m->letters, m->n_letters, sizeof *m->letters);
    struct letter *l = &m->letters[m->n_letters++];
    op->ret_seq = l->seq = ++m->stored.inbox_head;
    l->source = op->peer_id;
    l->message_id = op->message_id;
    l->frame = fake_copied(op->frame->data, op->frame->size);
    l->size = op->frame->size;
    l->expires_unix_ms = op->expires_unix_ms;
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
        op->inbox = fake_grown(op->inbox, op->n_inbox, sizeof *op->inbox);
        op->inbox[op->n_inbox++] = (struct store_inbox_entry){
            .seq = l->seq, .frame = fake_copied(l->frame, l->size), .frame_bytes = l->size};
    }
}

void fake_inbox_execute(struct shell *s, struct store_op *op)
{
    struct inhabitant *m = fake_member_find(s, op->peer_id.text);
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

/* What expired unread counts as settled, but never beyond a message that is still held. */
static void settle(const struct shell *s, struct inhabitant *m, uint64_t seq, struct store_op *op)
{
    for (size_t i = 0; i < m->n_letters; i++)
        if (m->letters[i].frame && m->letters[i].seq <= seq)
            seq = m->letters[i].seq - 1;
    if (m->stored.inbox_acked < seq)
        m->stored.inbox_acked = seq;
    op->settled = fake_grown(op->settled, op->n_settled, sizeof *op->settled);
    op->settled[op->n_settled++] = (struct store_settled){
        .syncshell_id = s->id, .peer_id = m->stored.peer_id, .inbox_acked = m->stored.inbox_acked};
}

void fake_inboxes_sweep(struct shell *s, struct store_op *op)
{
    for (size_t i = 0; i < s->n_members; i++) {
        struct inhabitant *m = &s->members[i];
        uint64_t unread = 0;
        size_t kept = 0;
        for (size_t k = 0; k < m->n_letters; k++) {
            struct letter *l = &m->letters[k];
            if (l->expires_unix_ms > op->now.unix_ms) {
                m->letters[kept++] = *l;
                continue;
            }
            if (l->frame)
                unread = l->seq;
            free(l->frame);
        }
        m->n_letters = kept;
        if (unread > 0)
            settle(s, m, unread, op);
    }
}
