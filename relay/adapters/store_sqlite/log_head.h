/* The logs that grow at present: what an entry must know of its session, so that it need not ask the database each time.
 *
 * A head equals its session's row, but for version and length of the log: of several entries in one transaction only the last
 * writes them there. Such a head is *ahead*, and log_heads_write() must come before anybody else looks: before other operations
 * and before the commit (batch.c).
 *
 * Whatever else may change a session forgets all heads (batch.c), as does a rollback, and a commit of another connection. They are
 * a bounded number; the one that was not used for longest makes room. The db's thread. */
#ifndef RELAY_ADAPTERS_STORE_SQLITE_LOG_HEAD_H
#define RELAY_ADAPTERS_STORE_SQLITE_LOG_HEAD_H

#include "adapters/store_sqlite/op.h"

struct log_heads;

struct log_head {
    struct wire_id syncshell_id;
    struct wire_id recovery_session_id;
    struct wire_peer_id joiner_peer_id; /* who alone writes it */
    int64_t session;                    /* the rows' ids */
    int64_t syncshell;
    uint64_t version;
    uint64_t log_bytes;
    int64_t expires_unix_ms;

    /* log_head.c's own */
    bool ahead;
    uint64_t life;                   /* of the heads': an older one is forgotten */
    uint64_t used;                   /* higher: later */
    uint32_t ids[OP_ENTRY_IDS_KEPT]; /* of version v at v modulo so many: its message id, hashed */
};

/* The head of op's session; or op->code becomes UNKNOWN_SESSION, NOT_PARTICIPANT, SESSION_CLOSED or SESSION_EXPIRED. The pointer is good until the
 * next call. 0 or negative. */
int log_head_find(struct db *db, struct store_op *op, struct log_head **ret_head);

/* Whether op's message id is among those of the last OP_ENTRY_IDS_KEPT versions, or is that of the version that op would have
 * made, however old. 0, OP_E_MISSING or negative. */
int log_head_find_version(struct db *db, const struct log_head *head, const struct store_op *op,
                          uint64_t *ret_version);

/* After an entry with op's message id was added as this version. */
void log_head_advance(struct db *db, struct log_head *head, const struct store_op *op,
                      uint64_t version, uint64_t log_bytes);

int log_heads_write(struct db *db); /* what is ahead, into the database; 0 or negative */
uint64_t log_heads_written(
    const struct db *db); /* rows that were, or failed to be, since the db was opened */
void log_heads_forget(struct db *db);

/* At the beginning of a transaction that writes, and after its commit: whether nobody else committed in between. */
void log_heads_begin(struct db *db);
void log_heads_committed(struct db *db);

void log_heads_free(struct db *db);

#endif
