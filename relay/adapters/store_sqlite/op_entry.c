/* The entries of a session's log: appended under compare-and-set, replaced by checkpoints, read in pages. */
#include "adapters/store_sqlite/op.h"

#include <errno.h>
#include <string.h>

#include "adapters/store_sqlite/db.h"
#include "adapters/store_sqlite/log_head.h"
#include "base/str.h"

/* Numbers in the file, which must not follow the order of an enumeration that may change. */
enum {
    KIND_OPEN = 1,
    KIND_PROGRESS = 2,
    KIND_CHECKPOINT = 3,
    EXPIRY_STEP_MS = 60000,
    FORMAT_NONE = 0,
    FORMAT_SEALED = 1,
    FORMAT_JSON = 2,
};

static int kind_from_type(enum message_type type)
{
    if (type == MESSAGE_SESSION_OPEN)
        return KIND_OPEN;
    return type == MESSAGE_SESSION_CHECKPOINT ? KIND_CHECKPOINT : KIND_PROGRESS;
}

static enum message_type kind_type(int64_t kind)
{
    if (kind == KIND_OPEN)
        return MESSAGE_SESSION_OPEN;
    return kind == KIND_CHECKPOINT ? MESSAGE_SESSION_CHECKPOINT : MESSAGE_SESSION_PROGRESS;
}

static int format_number(enum body_format format)
{
    if (format == BODY_FORMAT_NONE)
        return FORMAT_NONE;
    return format == BODY_FORMAT_JSON ? FORMAT_JSON : FORMAT_SEALED;
}

static enum body_format format_from_number(int64_t number)
{
    if (number == FORMAT_NONE)
        return BODY_FORMAT_NONE;
    return number == FORMAT_JSON ? BODY_FORMAT_JSON : BODY_FORMAT_SEALED;
}

size_t entry_body_bytes(const struct store_op *op)
{
    if (op->body_format == BODY_FORMAT_NONE || !op->frame || op->body_offset >= op->frame->size)
        return 0;
    return op->frame->size - op->body_offset;
}

uint64_t entry_log_bytes(const struct store_op *op)
{
    return entry_body_bytes(op) + op->row_bytes;
}

int entry_insert(struct db *db, const struct store_op *op, int64_t session, uint64_t version,
                 enum message_type type)
{
    static const char sql[] = "INSERT INTO session_entry (session, version, kind, source_peer_id,"
                              " message_id, body_format, body) VALUES (?, ?, ?, ?, ?, ?, ?)";
    struct statement *st = statement_get(db, sql);
    size_t size = entry_body_bytes(op);

    statement_bind_int(st, session);
    statement_bind_uint(st, version);
    statement_bind_int(st, kind_from_type(type));
    statement_bind_text(st, op->peer_id.text);
    statement_bind_text(st, op->message_id.text);
    statement_bind_int(st, format_number(op->body_format));
    statement_bind_blob(st, size ? op->frame->data + op->body_offset : NULL, size);
    return statement_run(st);
}

/* What a checkpoint of this version replaces: old rows go, the youngest stay as message ids without a body. */
static int entries_retire(struct db *db, int64_t session, uint64_t version)
{
    static const char delete_sql[] = "DELETE FROM session_entry WHERE session = ? AND version <= ?";
    static const char empty_sql[] =
        "UPDATE session_entry SET body = NULL WHERE session = ? AND version < ? AND body IS NOT NULL";
    struct statement *st = statement_get(db, delete_sql);
    int r;

    statement_bind_int(st, session);
    statement_bind_uint(st, version > OP_ENTRY_IDS_KEPT ? version - OP_ENTRY_IDS_KEPT : 0);
    r = statement_run(st);
    if (r < 0)
        return r;
    st = statement_get(db, empty_sql);
    statement_bind_int(st, session);
    statement_bind_uint(st, version);
    return statement_run(st);
}

/* The expiry stands in two indexes, so it moves only when it has come a minute further: of the hours that it is away nobody
 * misses that. */
static int session_prolong(struct db *db, const struct store_op *op, struct log_head *head)
{
    static const char sql[] =
        "UPDATE session SET expires_unix_ms = max(expires_unix_ms, ?) WHERE id = ?";
    struct statement *st;

    if (op->expires_unix_ms - head->expires_unix_ms < EXPIRY_STEP_MS)
        return 0;
    head->expires_unix_ms = op->expires_unix_ms;
    st = statement_get(db, sql);
    statement_bind_int(st, op->expires_unix_ms);
    statement_bind_int(st, head->session);
    return statement_run(st);
}

static uint64_t beyond(uint64_t bytes, uint64_t part)
{
    return bytes > part ? bytes - part : 0;
}

/* What the syncshell's logs have of the pool: those of op's peer, and all. */
static int log_count(struct db *db, const struct store_op *op, int64_t syncshell, uint64_t *ret_own,
                     uint64_t *ret_all)
{
    static const char sql[] =
        "SELECT coalesce(sum(n), 0), coalesce(sum(n) FILTER (WHERE joiner_peer_id = ?2), 0) FROM"
        " (SELECT joiner_peer_id, max(log_bytes - iif(state = 'open', ?3, 0), 0) AS n FROM session"
        "  WHERE syncshell = ?1 AND has_entries = 1)";
    STATEMENT_SCOPED st = NULL;
    int r = log_heads_write(db);

    if (r < 0)
        return r;
    st = statement_get(db, sql);
    statement_bind_int(st, syncshell);
    statement_bind_text(st, op->peer_id.text);
    statement_bind_uint(st, op->part_bytes);
    r = statement_step(st);
    if (r < 0)
        return r;
    *ret_all = statement_uint(st, 0);
    *ret_own = statement_uint(st, 1);
    return statement_error(st);
}

static struct log_bound *log_bound(struct db *db, int64_t syncshell)
{
    return &db->log_bounds[(uint64_t)syncshell & (LOG_BOUNDS - 1)];
}

/* Counting goes through all sessions of the syncshell, so it is put off while there is room even if all that is taken were of op's
 * peer: that is so for nearly every entry. */
static bool log_surely_fits(struct db *db, const struct store_op *op, int64_t syncshell,
                            uint64_t more)
{
    struct log_bound *b = log_bound(db, syncshell);

    if (b->syncshell != syncshell || b->part_bytes != op->part_bytes ||
        !share_fits(op->pool_bytes, b->bytes, b->bytes, more))
        return false;
    b->bytes += more;
    return true;
}

int log_check_room(struct db *db, struct store_op *op, int64_t syncshell, uint64_t from,
                   uint64_t to, bool opens)
{
    uint64_t has = beyond(from, op->part_bytes), wants = beyond(to, op->part_bytes), own, all;
    int r;

    /* A new session looks in any case: those that were closed fill the pool too, until they are swept. */
    if (!op->pool_bytes || (wants <= has && !opens))
        return 0;
    if (!opens && log_surely_fits(db, op, syncshell, wants - has))
        return 0;
    r = log_count(db, op, syncshell, &own, &all);
    if (r < 0)
        return r;
    if (all + (wants - has) > op->pool_bytes)
        op->code = WIRE_CODE_SYNCSHELL_QUOTA;
    else if (wants > has && (!share_fits(op->pool_bytes, all, own, wants - has) ||
                             (opens && !str_equal(op->peer_id.text, op->joiner_peer_id.text))))
        op->code =
            WIRE_CODE_LOG_SHARE; /* in the joiner's name only the joiner takes from the pool */
    *log_bound(db, syncshell) =
        (struct log_bound){syncshell, op->part_bytes, all + beyond(wants, has)};
    return 0;
}

/* Whether op's entry, which is new, may follow: in conflict, or over the limit otherwise. */
static int entry_check(struct db *db, struct store_op *op, const struct log_head *head,
                       uint64_t log_bytes)
{
    if (op->base_version != head->version) {
        op->code = WIRE_CODE_VERSION_CONFLICT;
        op->ret_version = head->version;
        return 0;
    }
    if (op->kind == STORE_APPEND_ENTRY && op->limit_bytes && log_bytes > op->limit_bytes) {
        op->code = WIRE_CODE_SESSION_FULL;
        return 0;
    }
    return log_check_room(db, op, head->syncshell, head->log_bytes, log_bytes, false);
}

static int entry_write(struct db *db, struct store_op *op, struct log_head *head,
                       enum message_type type, uint64_t log_bytes)
{
    uint64_t version = head->version + 1;
    int r = entry_insert(db, op, head->session, version, type);

    if (r == 0 && type == MESSAGE_SESSION_CHECKPOINT)
        r = entries_retire(db, head->session, version);
    if (r == 0)
        r = session_prolong(db, op, head);
    if (r < 0)
        return r;
    log_head_advance(db, head, op, version, log_bytes);
    op->ret_version = version;
    return 0;
}

static int entry_add(struct db *db, struct store_op *op, enum message_type type)
{
    struct log_head *head;
    uint64_t log_bytes, version;
    int r = log_head_find(db, op, &head);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    r = log_head_find_version(db, head, op, &version);
    if (r == 0) {
        op->duplicate = true;
        op->ret_version = version;
    }
    if (r != OP_E_MISSING)
        return r;
    log_bytes = entry_log_bytes(op);
    if (type != MESSAGE_SESSION_CHECKPOINT)
        log_bytes += head->log_bytes;
    r = entry_check(db, op, head, log_bytes);
    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    return entry_write(db, op, head, type, log_bytes);
}

int op_append_entry(struct db *db, struct store_op *op)
{
    return entry_add(db, op, MESSAGE_SESSION_PROGRESS);
}

int op_checkpoint(struct db *db, struct store_op *op)
{
    return entry_add(db, op, MESSAGE_SESSION_CHECKPOINT);
}

static int snapshot_add_row(struct store_op *op, struct statement *st, size_t *total)
{
    struct store_entry *grown = array_grow(op->entries, op->n_entries, sizeof *grown);
    struct store_entry *entry;
    size_t size;
    int r;

    if (!grown)
        return -ENOMEM;
    op->entries = grown;
    entry = &grown[op->n_entries];
    r = statement_blob(st, 5, &entry->data, &size);
    if (r < 0)
        return r;
    op->n_entries++;
    *total += size;
    entry->meta = (struct message_snapshot_entry){
        .version = statement_uint(st, 0),
        .type = kind_type(statement_int(st, 1)),
        .body_format = format_from_number(statement_int(st, 3)),
        .size_bytes = (uint32_t)size,
    };
    statement_text(st, 2, entry->meta.source_peer_id.text, sizeof entry->meta.source_peer_id.text);
    return 0;
}

int op_read_snapshot(struct db *db, struct store_op *op)
{
    static const char sql[] =
        "SELECT version, kind, source_peer_id, body_format, length(body), body FROM session_entry"
        " WHERE session = ? AND version > ? AND body IS NOT NULL ORDER BY version";
    struct session_row row;
    STATEMENT_SCOPED st = NULL;
    size_t total = 0;
    int r = session_find_open(db, op, SESSION_PART_SIDE, &row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    st = statement_get(db, sql);
    statement_bind_int(st, row.id);
    statement_bind_uint(st, op->base_version);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        if (!page_has_room(op, op->n_entries, total, (size_t)statement_uint(st, 4)))
            break;
        r = snapshot_add_row(op, st, &total);
        if (r < 0)
            return r;
    }
    if (r < 0)
        return r;
    op->complete = r == 0;
    op->ret_version = row.session.summary.version;
    return statement_error(st);
}
