/* What the core asks of the store, and what comes back. An operation is one transaction's worth of meaning, not SQL.
 *
 * The division: the core decides who may; the store decides whether it is new. Compare-and-set, deduplication and
 * sequence numbers happen inside the transaction, so the core never acts on state that is not on disk yet.
 *
 * Life: the core allocates an operation and hands it over with EFFECT_STORE; the store executes it on its own thread,
 * fills the result and, after the commit, gives it back through core_store_done(), where the core answers and frees it.
 * Operations are executed and come back in the order in which they were handed over. While the store has it, only the
 * store touches it; frames in it are read, never ref'd or unref'd, there.
 *
 * Members marked `in` are set by the core, `out` by the store; out memory is malloc'd and owned by the operation. */
#ifndef RELAY_CORE_STORE_OP_H
#define RELAY_CORE_STORE_OP_H

#include "base/frame.h"
#include "base/list.h"
#include "base/timeutil.h"
#include "core/account.h"
#include "core/former.h"
#include "wire/message.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* No syncshell's: who has proved none is only told whether it was removed. */
#define STORE_KEY_EPOCH_NONE UINT64_MAX

enum store_op_kind {
    STORE_LOAD_SYNCSHELL = 1, /* everything but bodies of one syncshell */
    STORE_CREATE_SYNCSHELL,   /* and its owner's membership; same owner and key again: duplicate */
    STORE_ADD_MEMBER,         /* idempotent; key_epoch: proved, or STORE_KEY_EPOCH_NONE */
    STORE_REMOVE_MEMBER, /* its open sessions become tombstones (cancelled), its inbox goes; idempotent; not the owner */
    /* The owner's, each with owner_sequence: applied when it is the next one, a duplicate when it was the last one,
     * STALE_OWNER_SEQUENCE (ret_version: the syncshell's) otherwise, NOT_OWNER when somebody else sent it. */
    STORE_EXPEL_MEMBER,       /* REMOVE_MEMBER of the target, which may not be added again */
    STORE_ROTATE_KEY,         /* key_epoch must be the next one */
    STORE_TRANSFER_OWNERSHIP, /* to the target, a member */
    STORE_DELETE_SYNCSHELL,   /* a tombstone stays; what it had goes with the sweep */
    STORE_OPEN_SESSION, /* version 1 with the body as first entry; same id and roles again: duplicate */
    STORE_APPEND_ENTRY,  /* compare-and-set on base_version */
    STORE_CHECKPOINT,    /* the same, and every earlier entry goes */
    STORE_READ_SNAPSHOT, /* a page of entries above after_version */
    STORE_CLOSE_SESSION, /* tombstone; again with any outcome: duplicate, first outcome stays */
    STORE_RAISE_GENERATION, /* session's generation = max(old, new); write-behind, nobody waits for it */
    STORE_ADD_INBOX, /* next inbox_seq for the target, unless (source, message_id) is known: duplicate */
    STORE_READ_INBOX, /* a page of unacknowledged messages above after_seq */
    STORE_ACK_INBOX,  /* cumulative; bodies go, (source, message_id) stays until it expires */
    STORE_REPORT_CONNECTION, /* into the story, and perhaps the session's cause; again: duplicate */
    STORE_ISSUE_CODE, /* of the session's joiner; ends the session's codes before; same hash again: duplicate */
    STORE_REDEEM_CODE, /* the peer becomes the session's joiner; again by the same peer: duplicate */
    STORE_NOTE_USE,    /* a member is joined on that day */
    STORE_SWEEP,       /* remove a bounded number of expired rows */
};

enum {
    STORE_DAY_MS = 24 * 3600 * 1000,
    STORE_SHA256_SIZE = 65,
    STORE_ENTRY_BYTES = 192, /* of an entry's row and its index, at most, beside the body */
    /* REDEEM_CODE raises the generation by so much: the new joiner knows only what the relay does, which may have lost the last
     * raises in a crash, and the provider takes nothing that is not above what it has seen. */
    STORE_HANDOVER_GENERATIONS = 64,
};

/* An access key as it was shown: which one it says it is, and its hash. */
struct store_access_key {
    struct wire_id key_id; /* "": it has not the form of one */
    char sha256[STORE_SHA256_SIZE];
};

/* A member as the store knows it. */
struct store_member {
    struct wire_peer_id peer_id;
    uint64_t inbox_head;  /* highest sequence number given out; 0 when none */
    uint64_t inbox_acked; /* highest acknowledged */
};

struct store_session {
    struct message_session_summary summary;
    int64_t expires_unix_ms; /* open: idle expiry; closed: the tombstone's end */
    struct former former;    /* who was joiner before it was handed over */
};

/* STORE_LOAD_SYNCSHELL's result. */
struct store_syncshell {
    struct wire_key group_public_key;
    struct wire_peer_id owner_peer_id;
    uint64_t key_epoch;
    uint64_t owner_sequence;
    int64_t
        used_unix_day; /* when a member was last joined: later by the days since on which no relay ran */
    struct store_member *members;
    size_t n_members;
    struct store_session *sessions;
    size_t n_sessions;
};

struct store_entry {
    struct message_snapshot_entry meta;
    uint8_t *data; /* meta.size_bytes */
};

struct store_inbox_entry {
    uint64_t seq;
    uint8_t *frame; /* the sender's whole frame */
    size_t frame_bytes;
};

/* An inbox of which messages went unread: what is left of it begins above. */
struct store_settled {
    struct wire_id syncshell_id;
    struct wire_peer_id peer_id;
    uint64_t inbox_acked;
};

struct store_op {
    struct list_node node; /* for whoever holds the operation */
    enum store_op_kind kind;
    struct charge
        charge; /* the core's own affair, as what follows: of a request, for as long as it lives */

    /* in: the requester, for the core only; the store ignores these */
    uint64_t connection_id; /* 0: nobody waits */
    struct wire_id
        message_id; /* also the deduplication key of sessions' entries and inbox messages */

    /* in: the subject; which are set follows from the kind */
    struct wall_time now;
    struct wire_id syncshell_id;
    struct wire_peer_id
        peer_id; /* creator, member, entry's writer, inbox's owner (READ, ACK), inbox message's source (ADD) */
    struct wire_peer_id target_peer_id; /* ADD_INBOX, EXPEL_MEMBER, TRANSFER_OWNERSHIP */
    struct wire_key group_public_key;   /* CREATE_SYNCSHELL, ROTATE_KEY */
    uint64_t key_epoch;      /* CREATE_SYNCSHELL (0: 1), ROTATE_KEY; ADD_MEMBER: proved */
    uint64_t owner_sequence; /* the owner's operations */
    bool needs_access_key;   /* CREATE_SYNCSHELL, unless it exists already */
    enum wire_code refusal;  /* CREATE_SYNCSHELL: of one that does not exist yet; NONE */
    struct store_access_key access_key;   /* CREATE_SYNCSHELL */
    struct wire_id recovery_session_id;   /* REDEEM_CODE: out */
    struct wire_sha256 code_sha256;       /* ISSUE_CODE, REDEEM_CODE */
    struct wire_peer_id joiner_peer_id;   /* OPEN_SESSION */
    struct wire_peer_id provider_peer_id; /* OPEN_SESSION */
    uint64_t base_version;        /* APPEND_ENTRY, CHECKPOINT; READ_SNAPSHOT: after_version */
    uint64_t generation;          /* RAISE_GENERATION */
    enum session_outcome outcome; /* CLOSE_SESSION */
    /* CLOSE_SESSION: "" keeps the session's own; REMOVE_MEMBER: of the sessions that it closes. Out: with CLOSE_SESSION and
     * REPORT_CONNECTION the session's cause from now on */
    struct cause_text cause;
    struct message_connection_report *report; /* REPORT_CONNECTION; owned */
    uint64_t seq; /* READ_INBOX: after; ACK_INBOX: up to and including */
    enum body_format body_format;
    struct frame
        *frame; /* ref'd by the core: ADD_INBOX the whole frame; session entries: see body_* */
    size_t body_offset; /* where the body begins in `frame` */
    size_t max_bytes;   /* READ_*: page size; at least one entry is returned regardless */
    size_t max_rows;    /* READ_*, SWEEP */
    int64_t
        expires_unix_ms; /* OPEN, APPEND, CHECKPOINT, RAISE_GENERATION, REDEEM_CODE: the session's idle expiry; ISSUE_CODE: the code's, out: of the one that is there; ADD_INBOX:
                                                * the message's; CLOSE, REMOVE_MEMBER, EXPEL_MEMBER, DELETE_SYNCSHELL, SWEEP: the end of
                                                * the tombstones made */
    uint32_t
        unused_days; /* SWEEP: syncshells end after so many, and are known as expired as long; 0: none end */
    uint64_t
        row_bytes; /* OPEN, APPEND, CHECKPOINT: what an entry counts for in logs, beside its body */
    uint64_t limit_bytes; /* APPEND: log bytes; ADD_INBOX: inbox bytes: refuse beyond */
    uint64_t
        limit_rows; /* CREATE: syncshells of its creator; OPEN: open sessions of the syncshell; ADD_INBOX: unacknowledged; ADD_MEMBER: members */
    /* OPEN, APPEND, CHECKPOINT: so many bytes of each open session's log are its own; what is beyond them, and what
     * closed ones still have, draws from the syncshell's pool; ADD_INBOX: pool_bytes are those of all inboxes. 0: no limit */
    uint64_t part_bytes;
    uint64_t pool_bytes;

    /* out */
    /* Of limit_rows of OPEN and ADD_INBOX, limit_bytes of ADD_INBOX, and pool_bytes nobody has more than what is then left,
     * beyond the first: SESSIONS_SHARE, INBOX_SHARE, INBOXES_SHARE, LOG_SHARE.
     *
     * NONE: committed. STORE_FULL, STORE_UNAVAILABLE, INTERNAL: nothing happened. Otherwise `refusal`, SYNCSHELL_EXISTS, SYNCSHELL_FULL,
     * TOO_MANY_SYNCSHELLS, UNKNOWN_SYNCSHELL, SESSION_EXISTS, SESSION_CLOSED, SESSION_EXPIRED, UNKNOWN_SESSION, VERSION_CONFLICT, SESSION_FULL, TOO_MANY_SESSIONS,
     * SESSIONS_SHARE, LOG_SHARE, SYNCSHELL_QUOTA, INBOX_FULL, INBOX_SHARE, INBOXES_FULL, INBOXES_SHARE, BAD_CURSOR, SYNCSHELL_DELETED, SYNCSHELL_EXPIRED, BAD_ACCESS_KEY,
     * ACCESS_KEY_EXPIRED, ACCESS_KEY_REVOKED, MEMBER_REMOVED, WRONG_KEY_EPOCH, NOT_OWNER, OWNER_CANNOT_LEAVE,
     * STALE_OWNER_SEQUENCE, WRONG_RECOVERY_CODE, RECOVERY_CODE_EXPIRED, RECOVERY_CODE_USED, NOT_PARTICIPANT; and for a peer whose membership ended meanwhile UNKNOWN_TARGET (ADD_INBOX) or NOT_JOINED
     * (READ_INBOX, ACK_INBOX). */
    enum wire_code code;
    bool duplicate;
    bool rekeyed; /* CREATE_SYNCSHELL: it was there, with an older key of its owner's */
    /* The entry's version; with VERSION_CONFLICT and READ_SNAPSHOT the session's; with STALE_OWNER_SEQUENCE the
     * syncshell's ownerSequence. */
    uint64_t ret_version;
    /* ADD_INBOX: given (or had); ADD_MEMBER, READ_INBOX, ACK_INBOX: the inbox's head, which for a new member is above 0 when
     * members left before it. */
    uint64_t ret_seq;
    bool complete; /* READ_*: nothing more; SWEEP: nothing left to remove */
    struct store_syncshell *syncshell;
    struct store_entry *entries;
    size_t n_entries;
    struct store_inbox_entry *inbox;
    size_t n_inbox;
    struct store_session *
        swept_sessions; /* SWEEP: sessions that became tombstones; syncshell in swept_syncshells[i] */
    struct wire_id *swept_syncshells;
    size_t n_swept;
    struct store_settled *settled; /* SWEEP: one for each message */
    size_t n_settled;
    struct wire_id *expired_syncshells; /* SWEEP: that nobody used */
    size_t n_expired;
};

const char *store_op_name(enum store_op_kind kind);

/* The generation of a session that is handed over, from the one before: at most what a message holds. */
uint64_t store_session_handed_generation(uint64_t generation);

/* What is said of a session to whoever wants more of it: NONE while it is open, SESSION_EXPIRED when nobody closed it, else
 * SESSION_CLOSED. */
enum wire_code store_session_ended(const struct message_session_summary *s);

/* A zeroed operation of that kind, or NULL. */
struct store_op *store_op_new(enum store_op_kind kind);

/* Frees the operation, its results and its reference to the frame: only on the core's thread. Always NULL. */
struct store_op *store_op_free(struct store_op *op);

void store_syncshell_free(struct store_syncshell *s);

#endif
