#include "adapters/store_sqlite/log_head.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "adapters/store_sqlite/db.h"
#include "base/siphash.h"
#include "base/str.h"

enum {
    SETS = 256, /* a power of two */
    SET_HEADS = 4,
    AHEAD_MAX = 256, /* more are written at once */
};

struct log_heads {
    struct log_head heads[SETS][SET_HEADS];
    struct log_head *ahead[AHEAD_MAX];
    size_t n_ahead;
    uint64_t life;
    uint64_t clock;
    uint64_t seed[2];
    uint64_t written;      /* rows */
    unsigned data_version; /* SQLite's, after our last commit */
};

static int heads_need(struct db *db)
{
    if (db->log_heads)
        return 0;
    db->log_heads = calloc(1, sizeof *db->log_heads);
    if (!db->log_heads)
        return -ENOMEM;
    db->log_heads->life = 1;
    sqlite3_randomness(sizeof db->log_heads->seed, db->log_heads->seed);
    return 0;
}

void log_heads_free(struct db *db)
{
    free(db->log_heads);
    db->log_heads = NULL;
}

static uint64_t id_hash(const struct log_heads *heads, const struct wire_id *id)
{
    return siphash(heads->seed, id->text, strlen(id->text));
}

/* Never 0, which is of no entry. */
static uint32_t entry_hash(const struct log_heads *heads, const struct wire_id *message_id)
{
    return (uint32_t)id_hash(heads, message_id) | 1;
}

static bool head_is(const struct log_heads *heads, const struct log_head *h,
                    const struct store_op *op)
{
    return h->life == heads->life &&
           str_equal(h->recovery_session_id.text, op->recovery_session_id.text) &&
           str_equal(h->syncshell_id.text, op->syncshell_id.text);
}

/* Forgotten ones go first. */
static uint64_t last_use(const struct log_heads *heads, const struct log_head *h)
{
    return h->life == heads->life ? h->used : 0;
}

/* op's head, or the one that makes room for it. */
static struct log_head *head_place(struct log_heads *heads, const struct store_op *op)
{
    /* Sessions of different syncshells may have the same id. */
    uint64_t hash =
        id_hash(heads, &op->syncshell_id) * 3 + id_hash(heads, &op->recovery_session_id);
    struct log_head *set = heads->heads[hash & (SETS - 1)];
    struct log_head *place = &set[0];

    for (size_t i = 0; i < SET_HEADS; i++) {
        if (head_is(heads, &set[i], op))
            return &set[i];
        if (last_use(heads, &set[i]) < last_use(heads, place))
            place = &set[i];
    }
    return place;
}

static int read_ids(struct db *db, struct log_head *h)
{
    static const char sql[] =
        "SELECT version, message_id FROM session_entry WHERE session = ? AND version > ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    struct wire_id id;
    int r;

    memset(h->ids, 0, sizeof h->ids);
    statement_bind_int(st, h->session);
    statement_bind_uint(st, h->version > OP_ENTRY_IDS_KEPT ? h->version - OP_ENTRY_IDS_KEPT : 0);
    while ((r = statement_step(st)) == STATEMENT_ROW) {
        statement_text(st, 1, id.text, sizeof id.text);
        h->ids[statement_uint(st, 0) % OP_ENTRY_IDS_KEPT] = entry_hash(db->log_heads, &id);
    }
    return r;
}

static int head_read(struct db *db, struct store_op *op, struct log_head *h)
{
    struct session_row row;
    int r = session_find_open(db, op, SESSION_PART_JOINER, &row);

    if (r < 0 || op->code != WIRE_CODE_NONE)
        return r;
    h->syncshell_id = op->syncshell_id;
    h->recovery_session_id = op->recovery_session_id;
    h->joiner_peer_id = row.session.summary.joiner_peer_id;
    h->session = row.id;
    h->syncshell = row.syncshell;
    h->version = row.session.summary.version;
    h->log_bytes = row.log_bytes;
    h->expires_unix_ms = row.session.expires_unix_ms;
    h->ahead = false;
    r = read_ids(db, h);
    if (r == 0)
        h->life = db->log_heads->life;
    return r;
}

int log_head_find(struct db *db, struct store_op *op, struct log_head **ret_head)
{
    struct log_head *h;
    int r = heads_need(db);

    if (r < 0)
        return r;
    if (db->log_heads->n_ahead == AHEAD_MAX && (r = log_heads_write(db)) < 0)
        return r;
    h = head_place(db->log_heads, op);
    if (!head_is(db->log_heads, h, op)) {
        if (h->life == db->log_heads->life && h->ahead)
            r = log_heads_write(db);
        h->life = 0;
        if (r == 0)
            r = head_read(db, op, h);
        if (r < 0 || op->code != WIRE_CODE_NONE)
            return r;
    }
    if (!str_equal(h->joiner_peer_id.text, op->peer_id.text))
        op->code = WIRE_CODE_NOT_PARTICIPANT;
    h->used = ++db->log_heads->clock;
    *ret_head = h;
    return 0;
}

static int version_has_id(struct db *db, const struct log_head *h, const struct store_op *op,
                          uint64_t version)
{
    static const char sql[] =
        "SELECT 1 FROM session_entry WHERE session = ? AND version = ? AND message_id = ?";
    STATEMENT_SCOPED st = statement_get(db, sql);
    int r;

    statement_bind_int(st, h->session);
    statement_bind_uint(st, version);
    statement_bind_text(st, op->message_id.text);
    r = statement_step(st);
    if (r < 0)
        return r;
    return r == STATEMENT_ROW ? 0 : OP_E_MISSING;
}

int log_head_find_version(struct db *db, const struct log_head *h, const struct store_op *op,
                          uint64_t *ret_version)
{
    uint32_t hash = entry_hash(db->log_heads, &op->message_id);
    int r = OP_E_MISSING;

    for (size_t i = 0; r == OP_E_MISSING && i < OP_ENTRY_IDS_KEPT; i++) {
        if (h->ids[i] != hash)
            continue;
        *ret_version = h->version - (h->version - i) % OP_ENTRY_IDS_KEPT;
        r = version_has_id(db, h, op, *ret_version);
    }
    /* Sent again so late, it still says what it was to follow. */
    if (r == OP_E_MISSING && op->base_version < h->version) {
        *ret_version = op->base_version + 1;
        r = version_has_id(db, h, op, *ret_version);
    }
    return r;
}

void log_head_advance(struct db *db, struct log_head *h, const struct store_op *op,
                      uint64_t version, uint64_t log_bytes)
{
    struct log_heads *heads = db->log_heads;

    h->version = version;
    h->log_bytes = log_bytes;
    h->ids[version % OP_ENTRY_IDS_KEPT] = entry_hash(heads, &op->message_id);
    if (!h->ahead)
        heads->ahead[heads->n_ahead++] = h;
    h->ahead = true;
}

static int head_write(struct db *db, const struct log_head *h)
{
    static const char sql[] = "UPDATE session SET version = ?, log_bytes = ? WHERE id = ?";
    struct statement *st = statement_get(db, sql);

    statement_bind_uint(st, h->version);
    statement_bind_uint(st, h->log_bytes);
    statement_bind_int(st, h->session);
    return statement_run(st);
}

int log_heads_write(struct db *db)
{
    struct log_heads *heads = db->log_heads;
    int r = 0;

    for (size_t i = 0; heads && r == 0 && i < heads->n_ahead; i++) {
        r = head_write(db, heads->ahead[i]);
        heads->ahead[i]->ahead = false;
        heads->written++;
    }
    if (r < 0)
        log_heads_forget(db); /* the transaction is lost */
    else if (heads)
        heads->n_ahead = 0;
    return r;
}

uint64_t log_heads_written(const struct db *db)
{
    return db->log_heads ? db->log_heads->written : 0;
}

void log_heads_forget(struct db *db)
{
    if (!db->log_heads)
        return;
    db->log_heads->life++;
    db->log_heads->n_ahead = 0;
}

static unsigned data_version(struct db *db)
{
    unsigned version = 0;

    (void)sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_DATA_VERSION, &version);
    return version;
}

void log_heads_begin(struct db *db)
{
    if (db->log_heads && data_version(db) != db->log_heads->data_version)
        log_heads_forget(db);
}

void log_heads_committed(struct db *db)
{
    if (db->log_heads)
        db->log_heads->data_version = data_version(db);
}
