/* The operations of core/store_op.h as SQL: one function per kind, one file per noun.
 *
 * An operation runs inside the batch's transaction. It returns 0 when it has an answer: op->code is NONE, or the reason
 * why nothing was done, and then its writes are taken back by the batch. It returns negative (db.h) when the database
 * failed it. Limits and page sizes of 0: no limit; one row.
 *
 * Writer thread. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_OP_H
#define RELAY_ADAPTERS_STORE_SQLITE_OP_H

#include "core/store_op.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct statement;

enum {
    OP_ROWS_MAX = 1024, /* of one page or one sweep, whatever was asked for */
    OP_ENTRY_IDS_KEPT =
        256, /* the newest entries of a session whose message ids stay known, whatever is sent with them again */
    OP_INBOX_IDS_KEPT = 4096, /* acknowledged messages of an inbox that stay known, newest first */
    OP_TOMBSTONES_MAX =
        1024, /* closed sessions of a syncshell that stay known, and gone syncshells of an owner, longest-lived first */
    OP_CODES_KEPT = 4,                  /* recovery codes of a session, newest first */
    OP_ATTEMPTS_KEPT = 64,              /* reports of a session's attempts, newest first */
    OP_TOMBSTONE_TTL_MS = 24 * 3600000, /* where the operation names no expiry */
};

/* op_syncshell.c */
int op_load_syncshell(struct db *db, struct store_op *op);
int op_create_syncshell(struct db *db, struct store_op *op);

/* op_use.c */
int op_note_use(struct db *db, struct store_op *op);

/* op_member.c */
int op_add_member(struct db *db, struct store_op *op);
int op_remove_member(struct db *db, struct store_op *op);

/* op_owner.c */
int op_expel_member(struct db *db, struct store_op *op);
int op_rotate_key(struct db *db, struct store_op *op);
int op_transfer_ownership(struct db *db, struct store_op *op);
int op_delete_syncshell(struct db *db, struct store_op *op);

/* op_session.c */
int op_open_session(struct db *db, struct store_op *op);
int op_close_session(struct db *db, struct store_op *op);
int op_raise_generation(struct db *db, struct store_op *op);

/* op_report.c */
int op_report_connection(struct db *db, struct store_op *op);

/* op_entry.c */
int op_append_entry(struct db *db, struct store_op *op);
int op_checkpoint(struct db *db, struct store_op *op);
int op_read_snapshot(struct db *db, struct store_op *op);

/* op_inbox.c */
int op_add_inbox(struct db *db, struct store_op *op);
int op_read_inbox(struct db *db, struct store_op *op);
int op_ack_inbox(struct db *db, struct store_op *op);

/* op_recovery_code.c */
int op_issue_code(struct db *db, struct store_op *op);
int op_redeem_code(struct db *db, struct store_op *op);

/* op_sweep.c */
int op_sweep(struct db *db, struct store_op *op);

/* Frees what the operation produced so far and sets its out members back. */
void op_clear_results(struct store_op *op);

/* --- shared between these files --- */

enum {
    OP_E_MISSING = 1, /* no such row */
};

/* The internal key of op's syncshell. 0, OP_E_MISSING or negative. */
int db_syncshell_find(struct db *db, const struct store_op *op, int64_t *ret_syncshell);

struct member_row {
    int64_t id;
    int64_t syncshell;
    uint64_t inbox_head;
    uint64_t inbox_acked;
};

/* A member of op's syncshell, and the answer when there is none: op->code becomes UNKNOWN_SYNCSHELL, or `code`. 0 or negative. */
int member_find_or(struct db *db, struct store_op *op, const struct wire_peer_id *peer_id,
                   enum wire_code code, struct member_row *ret_row);

/* Ends a membership: its sessions become tombstones, its inbox goes. 0 or negative. */
int member_end(struct db *db, const struct store_op *op, const struct member_row *row);

/* Lets op's access key through and notes its use; otherwise op->code is set. 0 or negative. */
int access_key_check(struct db *db, struct store_op *op);

/* op's day in the relay's own calendar (op_use.c), which moves on to it. 0 or negative. */
int use_today(struct db *db, const struct store_op *op, int64_t *ret_day);

/* One of its days as the Unix day that is as far from op's. 0 or negative. */
int use_as_unix_day(struct db *db, const struct store_op *op, int64_t used_day,
                    int64_t *ret_unix_day);

/* Whether op's syncshell is known to be gone: op->code becomes SYNCSHELL_DELETED or SYNCSHELL_EXPIRED, or `code` when nothing
 * is known of it. `ret_owner` (may be NULL) says whether op's peer owned it. 0 or negative. */
int tombstone_find_or(struct db *db, struct store_op *op, enum wire_code code, bool *ret_owner);

/* Takes a syncshell's id away, leaves a tombstone, and what it had to the sweep. 0 or negative. */
int tombstone_make(struct db *db, const struct store_op *op, int64_t syncshell, bool expired);
int tombstone_forget(struct db *db, const struct store_op *op);

/* A step of a sweep: the same for syncshells that nobody used; `today` is one of the relay's days. 0 or negative. */
int tombstone_expire(struct db *db, struct store_op *op, int64_t today, size_t *budget);

/* Steps of a sweep: remove what such syncshells had, and old tombstones, as far as the budget goes. 0 or negative. */
int tombstone_sweep(struct db *db, const struct store_op *op, size_t *budget);

struct session_row {
    int64_t id;
    int64_t syncshell;
    struct store_session session;
    uint64_t log_bytes;
};

/* The columns that session_read() reads, from its column 0. */
#define SESSION_COLUMNS                                                                    \
    "recovery_session_id, joiner_peer_id, provider_peer_id, generation, version, outcome," \
    " session.cause, session.expires_unix_ms, session.former_peer_ids"
enum { SESSION_COLUMNS_N = 9 };
void session_read(struct statement *st, struct store_session *ret_session);

/* What of a session an operation is for. Whoever was let in with it may have been made a former joiner meanwhile. */
enum session_part {
    SESSION_PART_NONE, /* the relay's own: op names no peer */
    SESSION_PART_SIDE, /* joiner or provider */
    SESSION_PART_JOINER,
};

/* op's session, if op's peer has that part in it and it is open; otherwise op->code becomes UNKNOWN_SESSION, NOT_PARTICIPANT,
 * SESSION_CLOSED or SESSION_EXPIRED. 0 or negative. */
int session_find_open(struct db *db, struct store_op *op, enum session_part part,
                      struct session_row *ret_row);

/* Forgets the shortest-lived tombstones of a syncshell beyond OP_TOMBSTONES_MAX. */
int session_trim_tombstones(struct db *db, int64_t syncshell);
int64_t session_tombstone_end(const struct store_op *op); /* Unix milliseconds */

/* A step of a sweep: removes codes that nobody needs to hear about any more. 0 or negative. */
int recovery_code_sweep(struct db *db, const struct store_op *op, size_t *budget);

/* Adds one entry to a session's log, with op's body, writer and message id. 0 or negative. */
int entry_insert(struct db *db, const struct store_op *op, int64_t session, uint64_t version,
                 enum message_type type);
size_t entry_body_bytes(const struct store_op *op);
uint64_t entry_log_bytes(const struct store_op *op); /* what it counts for in its log */

/* Whether another element of `bytes` still belongs on op's page that has `n` elements of `total` bytes. */
bool page_has_room(const struct store_op *op, size_t n, size_t total, size_t bytes);
size_t op_rows_max(const struct store_op *op); /* max_rows within its bounds */

/* Whether somebody who has `own` of `total` may have `more` of what `max` allows: nobody has more than what is then left, so
 * that whoever comes later finds something; but for the first thing it is enough that there is room. 0: no limit. */
bool share_fits(uint64_t max, uint64_t total, uint64_t own, uint64_t more);

/* op->code becomes LOG_SHARE or SYNCSHELL_QUOTA when a log of `from` bytes in op's syncshell may not grow to `to` on behalf of
 * op's peer. `opens`: the session is new. 0 or negative. */
int log_check_room(struct db *db, struct store_op *op, int64_t syncshell, uint64_t from,
                   uint64_t to, bool opens);

/* Makes room for element `n` of an array that grows one by one: the array, perhaps moved, or NULL (it is still there). */
void *array_grow(void *array, size_t n, size_t element_size);

#endif
