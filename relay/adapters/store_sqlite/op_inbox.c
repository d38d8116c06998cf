#include "adapters/store_sqlite/op.h"

#include <assert.h>
#include <errno.h>

#include "adapters/store_sqlite/db.h"

/* The sequence number that this message got when it came for the first time. 0, OP_E_MISSING or negative. */
static int message_find_seq(struct db *db, const struct store_op *op, int64_t target,
                            uint64_t *ret_seq)
{
    static const char sql[] =
        "SELECT seq FROM inbox_message WHERE target = ? AND source_peer_id = ? AND message_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, target);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_text(st, op->message_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    if (r != STATEMENT_ROW)
        return OP_E_MISSING;
    *ret_seq = statement_uint(st, 0);
    return statement_error(st);
}

/* What is held unacknowledged. */
struct room {
    uint64_t rows;         /* for the target */
    uint64_t bytes;        /* the same */
    uint64_t pool_bytes;   /* in all inboxes of the syncshell */
    uint64_t sender_bytes; /* of those, of op's peer */
};

static int room_read(struct db *db, const struct store_op *op, int64_t target,
                     struct room *ret_room)
{
    static const char sql[] =
        "SELECT held_rows, member.held_bytes, syncshell.held_bytes, coalesce(inbox_sender.held_bytes, 0)"
        " FROM member JOIN syncshell ON syncshell.id = member.syncshell"
        " LEFT JOIN inbox_sender ON inbox_sender.syncshell = member.syncshell"
        "  AND inbox_sender.peer_id = ? WHERE member.id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_text(st, op->peer_id.text);
    statement_bind_int(st, target);
    r = statement_step(st);
    if (r < 0)
        return r;
    *ret_room = (struct room){statement_uint(st, 0), statement_uint(st, 1), statement_uint(st, 2),
                              statement_uint(st, 3)};
    return statement_error(st);
}

/* Of what is held for the target, op's peer's: a look at each message, so only where the inbox is half full. */
static int room_read_own(struct db *db, const struct store_op *op, int64_t target,
                         uint64_t *ret_rows, uint64_t *ret_bytes)
{
    static const char sql[] = "SELECT count(*), coalesce(sum(frame_bytes), 0) FROM inbox_message"
                              " WHERE target = ? AND frame IS NOT NULL AND source_peer_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, target);
    statement_bind_text(st, op->peer_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    *ret_rows = statement_uint(st, 0);
    *ret_bytes = statement_uint(st, 1);
    return statement_error(st);
}

static bool inbox_fits(const struct store_op *op, const struct room *room, uint64_t own_rows,
                       uint64_t own_bytes)
{
    return share_fits(op->limit_rows, room->rows, own_rows, 1) &&
           share_fits(op->limit_bytes, room->bytes, own_bytes, op->frame->size);
}

static enum wire_code pool_verdict(const struct store_op *op, const struct room *room)
{
    if (!share_fits(op->pool_bytes, room->pool_bytes, 0, op->frame->size))
        return WIRE_CODE_INBOXES_FULL;
    return share_fits(op->pool_bytes, room->pool_bytes, room->sender_bytes, op->frame->size)
               ? WIRE_CODE_NONE
               : WIRE_CODE_INBOXES_SHARE;
}

/* op->code becomes INBOX_FULL or INBOXES_FULL when the message does not fit beside what is held for the target or in all inboxes,
 * INBOX_SHARE or INBOXES_SHARE when it does not beside what is held there of the same source. 0 or negative. */
static int inbox_check_room(struct db *db, struct store_op *op, int64_t target)
{
    struct room room;
    uint64_t own_rows, own_bytes;
    int r = room_read(db, op, target, &room);

    if (r < 0)
        return r;
    op->code = inbox_fits(op, &room, 0, 0) ? pool_verdict(op, &room) : WIRE_CODE_INBOX_FULL;
    if (op->code == WIRE_CODE_INBOX_FULL || inbox_fits(op, &room, room.rows, room.bytes))
        return 0;
    r = room_read_own(db, op, target, &own_rows, &own_bytes);
    if (r == 0 && !inbox_fits(op, &room, own_rows, own_bytes))
        op->code = WIRE_CODE_INBOX_SHARE;
    return r;
}

static int message_insert(struct db *db, const struct store_op *op, int64_t target, uint64_t seq)
{
    static const char insert_sql[] = "INSERT INTO inbox_message (target, seq, source_peer_id,"
                                     " message_id, frame_bytes, expires_unix_ms, frame)"
                                     " VALUES (?, ?, ?, ?, ?, ?, ?)";
    static const char head_sql[] = "UPDATE member SET inbox_head = ? WHERE id = ?";
    struct statement *st = statement_get(db, insert_sql);
    int r;

    statement_bind_int(st, target);
    statement_bind_uint(st, seq);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_text(st, op->message_id.text);
    statement_bind_uint(st, op->frame->size);
    statement_bind_int(st, op->expires_unix_ms);
    statement_bind_blob(st, op->frame->data, op->frame->size);
    r = statement_run(st);
    if (r < 0)
        return r;
    st = statement_get(db, head_sql);
    statement_bind_uint(st, seq);
    statement_bind_int(st, target);
    return statement_run(st);
}

int op_add_inbox(struct db *db, struct store_op *op)
{
    struct member_row target;
    int r;

    assert(op->frame);
    /* The source, too, may have been removed since it was let in. */
    r = member_find_or(db, op, &op->peer_id, WIRE_CODE_NOT_JOINED, &target);
    if (r == 0 && op->code == WIRE_CODE_NONE)
        r = member_find_or(db, op, &op->target_peer_id, WIRE_CODE_UNKNOWN_TARGET, &target);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = message_find_seq(db, op, target.id, &op->ret_seq);
    if (r == 0)
        op->duplicate = true;
    if (r != OP_E_MISSING)
        return r;
    r = inbox_check_room(db, op, target.id);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = message_insert(db, op, target.id, target.inbox_head + 1);
    if (r == 0)
        op->ret_seq = target.inbox_head + 1;
    return r;
}

/* The inbox of op's peer, if its cursor is possible; ret_seq is its head. 0 or negative. */
static int inbox_find(struct db *db, struct store_op *op, struct member_row *ret_row)
{
    int r = member_find_or(db, op, &op->peer_id, WIRE_CODE_NOT_JOINED, ret_row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    op->ret_seq = ret_row->inbox_head;
    if (op->seq > ret_row->inbox_head)
        op->code = WIRE_CODE_BAD_CURSOR;
    return 0;
}

int op_read_inbox(struct db *db, struct store_op *op)
{
    static const char sql[] = "SELECT seq, frame_bytes, frame FROM inbox_message"
                              " WHERE target = ? AND seq > ? AND frame IS NOT NULL ORDER BY seq";
    struct member_row row;
    STATEMENT_SCOPED st = NULL;
    size_t total = 0;
    int r = inbox_find(db, op, &row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    st = statement_get(db, sql);
    statement_bind_int(st, row.id);
    statement_bind_uint(st, op->seq);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        struct store_inbox_entry *grown, *entry;

        if (!page_has_room(op, op->n_inbox, total, (size_t)statement_uint(st, 1)))
            break;
        grown = array_grow(op->inbox, op->n_inbox, sizeof *grown);
        if (!grown)
            return -ENOMEM;
        op->inbox = grown;
        entry = &grown[op->n_inbox];
        entry->seq = statement_uint(st, 0);
        r = statement_blob(st, 2, &entry->frame, &entry->frame_bytes);
        if (r < 0)
            return r;
        op->n_inbox++;
        total += entry->frame_bytes;
    }
    if (r < 0)
        return r;
    op->complete = r == 0;
    return statement_error(st);
}

/* Frames up to `seq` go, rows stay so that a sender's repetition is recognised; of those, the oldest go. */
static int inbox_retire(struct db *db, int64_t target, uint64_t seq)
{
    static const char empty_sql[] = "UPDATE inbox_message SET frame = NULL"
                                    " WHERE target = ? AND seq <= ? AND frame IS NOT NULL";
    static const char delete_sql[] = "DELETE FROM inbox_message WHERE target = ? AND seq <= ?";
    struct statement *st = statement_get(db, empty_sql);
    int r;

    statement_bind_int(st, target);
    statement_bind_uint(st, seq);
    r = statement_run(st);
    if (r < 0)
        return r;
    st = statement_get(db, delete_sql);
    statement_bind_int(st, target);
    statement_bind_uint(st, seq > OP_INBOX_IDS_KEPT ? seq - OP_INBOX_IDS_KEPT : 0);
    return statement_run(st);
}

int op_ack_inbox(struct db *db, struct store_op *op)
{
    static const char sql[] = "UPDATE member SET inbox_acked = ? WHERE id = ?";
    struct statement *st;
    struct member_row row;
    int r = inbox_find(db, op, &row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    if (op->seq <= row.inbox_acked) {
        op->duplicate = true;
        return 0;
    }
    r = inbox_retire(db, row.id, op->seq);
    if (r < 0)
        return r;
    st = statement_get(db, sql);
    statement_bind_uint(st, op->seq);
    statement_bind_int(st, row.id);
    return statement_run(st);
}
