/* What the store's model keeps, and what its parts share: of a syncshell, its sessions (fake_session.c), its inboxes
 * (fake_inbox.c), and the rest (fake_store.c). */
#ifndef TESTS_MODEL_FAKE_STORE_STATE_H
#define TESTS_MODEL_FAKE_STORE_STATE_H

#include "model/fake_store.h"

struct entry {
    struct message_snapshot_entry meta;
    struct wire_id message_id;
    uint8_t *data;
};

struct code {
    struct wire_sha256 sha256;
    int64_t expires_unix_ms;
    struct wire_peer_id redeemed_by;
};

struct session {
    struct store_session stored;
    struct wire_peer_id opened_by;
    struct code *codes;
    size_t n_codes;
    uint64_t cause_generation;
    struct wire_peer_id cause_peer;
    struct wire_id
        last_report; /* of the reports only the newest is known again: enough for a repetition */
    struct entry *entries;
    size_t n_entries;
};

struct letter {
    uint64_t seq;
    struct wire_peer_id source;
    struct wire_id message_id;
    uint8_t *frame; /* NULL: acknowledged */
    int64_t expires_unix_ms;
    size_t size;
};

struct inhabitant {
    struct store_member stored;
    struct letter *letters;
    size_t n_letters;
};

struct shell {
    struct wire_id id;
    struct wire_key key;
    struct wire_peer_id owner;
    struct wire_peer_id creator;
    uint64_t key_epoch;
    uint64_t owner_sequence;
    int64_t used_day; /* of the relay's calendar */
    char owner_operation[256];
    struct wire_peer_id *removed;
    size_t n_removed;
    enum wire_code gone;  /* NONE: it is there */
    uint64_t inbox_floor; /* where a new member's inbox starts: after those of former members */
    struct inhabitant *members;
    size_t n_members;
    struct session *sessions;
    size_t n_sessions;
};

struct fake_store {
    int64_t relay_day; /* one more for each day on which an operation came */
    int64_t unix_day;
    struct shell *shells;
    size_t n_shells;
};

void *fake_grown(void *array, size_t n, size_t size);
void *fake_copied(const void *data, size_t size);
void fake_session_clear(struct session *s);
struct inhabitant *fake_member_find(const struct shell *s, const char *peer);
struct session *fake_session_find(const struct shell *s, const char *id);
void fake_session_close(struct session *s, enum session_outcome outcome,
                        const struct cause_text *cause, int64_t expires_unix_ms);
bool fake_is_share(uint64_t max, uint64_t all, uint64_t own, uint64_t more);
void fake_session_open(struct shell *s, struct store_op *op);
void fake_code_redeem(struct shell *s, struct store_op *op);
void fake_session_execute(struct shell *s, struct store_op *op);
void fake_inbox_add(struct shell *s, struct store_op *op);
void fake_inbox_execute(struct shell *s, struct store_op *op);
void fake_inboxes_sweep(struct shell *s, struct store_op *op);
void fake_shell_sweep(struct shell *s, struct store_op *op);

#endif
