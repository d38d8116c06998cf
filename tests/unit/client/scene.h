/* One engine and a relay that says what the test tells it to: conversations in virtual time.
 *
 * The scene's peer is number 0, the other side number 1. scene_hear() takes the engine's oldest frame, which must be of that
 * type; scene_say() answers. Nothing happens by itself except that a dialled connection is up at once, unless `refuses`, and
 * that ConnectionReports are taken from the conversation and stored, unless `hears_reports`, and IceServersRequests answered
 * that there are none, unless `hears_ice`, and IssueRecoveryCodes stored, unless `hears_codes`. */
#ifndef TESTS_UNIT_CLIENT_SCENE_H
#define TESTS_UNIT_CLIENT_SCENE_H

#include "model/station.h"
#include "wire/message.h"

#define SCENE_SHELL   "shell0"
#define SCENE_SESSION "session0"

struct scene {
    struct station station;
    struct port port;
    uint64_t now_us;
    bool refuses;                 /* dialling fails */
    const struct wire_key *shows; /* the relay's, to those who dial; NULL: without TLS */
    bool hears_reports;
    bool hears_codes;
    struct wire_id code_request; /* waits for its answer; "": none */
    bool hears_ice;
    struct wire_id ice_request; /* waits for its answer; "": none */
    struct message_connection_report last_report;
    bool report_waits; /* for its Stored */
    unsigned n_reports;
    bool connected;
    bool dialled;
    bool hung_up;
    unsigned n_dials;
    uint64_t last_dial_us;
    char url[600];
    struct list frames; /* sent by the engine, not heard yet */
    struct wire_peer_id self;
    struct wire_peer_id other;
    struct wire_key nonce;
    struct wire_key secret; /* of SCENE_SHELL */
    struct wire_id store_epoch;
    struct message current; /* what scene_hear() returned last */
    struct frame *current_frame;
    unsigned n_messages;
};

/* Life: cmocka's setup and teardown; *state is a scene whose engine is not started. */
int scene_setup(void **state);
int scene_teardown(void **state);
#define SCENE_TEST(f) cmocka_unit_test_setup_teardown(f, scene_setup, scene_teardown)

void scene_init(struct scene *s);
void scene_deinit(struct scene *s);

/* Carries out everything, connecting and disconnecting included. */
void scene_settle(struct scene *s);
void scene_advance_ms(struct scene *s, uint64_t ms);   /* runs every deadline on the way */
void scene_drop(struct scene *s, uint16_t close_code); /* the relay closes */
void scene_restart(struct scene *s); /* the client's process dies and comes back */

/* The wire. */
const struct message *scene_hear(struct scene *s, enum message_type type);
const struct message *scene_hear_any(struct scene *s); /* NULL: nothing */
void scene_silence(struct scene *s);                   /* nothing more was sent */
void scene_forget(struct scene *s);                    /* all frames and events */
void scene_say(struct scene *s, const struct message *m);
void scene_say_raw(struct scene *s, bool binary, const void *data, size_t size);
void scene_stored(struct scene *s, const struct wire_id *in_reply_to);
void scene_stored_version(struct scene *s, const struct wire_id *in_reply_to, uint64_t version);
void scene_error(struct scene *s, const struct wire_id *in_reply_to, enum wire_code code);
struct message scene_error_message(const struct wire_id *in_reply_to, enum wire_code code);
void scene_presence(struct scene *s, enum presence presence); /* of the other side */

/* Steps of the handshake. */
void scene_hello(struct scene *s);
void scene_welcome(struct scene *s); /* Authenticate is heard */
void scene_boot(
    struct scene
        *s); /* the engine starts, with SCENE_SHELL joined by invite; up to JoinSyncshell */

/* SyncshellJoined: the members are both sides, the other one with that presence. */
struct scene_joined {
    enum presence other;
    bool not_recovered;
    bool owned;         /* by us */
    bool alone;         /* the other side is no member */
    uint64_t key_epoch; /* 0: 1 */
    uint64_t owner_sequence;
    const struct message_session_summary *sessions;
    size_t n_sessions;
};
void scene_joined(struct scene *s, const struct scene_joined *how); /* JoinSyncshell is heard */
struct message_session_summary scene_summary(const struct scene *s, bool joiner,
                                             uint64_t generation, uint64_t version);

/* The usual scene: joined, the other side online, SCENE_SESSION open with us as joiner or provider; nothing left to hear. As
 * joiner the first RecoveryRequest is stored and the first OFFER_NEEDED given, both forgotten. */
void scene_session(struct scene *s, bool joiner);

/* Sealing as the other side would. */
void scene_seal(struct scene *s, const struct message *m, bool theirs, uint64_t version,
                const void *plain, size_t size, struct buf *ret_sealed);
void scene_open(struct scene *s, const struct message *m, uint64_t version, struct buf *ret_plain);

/* A sealed message of the other side, at once. */
struct message scene_routed(struct scene *s, enum message_type type, uint64_t generation);
void scene_signal(struct scene *s, enum message_type type, uint64_t generation, const char *sdp);

/* The files of a sealed entry of ours. */
void scene_entry(struct scene *s, const struct message *m, struct body_session_entry *ret_entry);
void scene_request(struct scene *s, const struct message *m,
                   struct body_recovery_request *ret_request);

/* A RecoveryRequest of the other side, into our inbox. */
void scene_deliver(struct scene *s, uint64_t inbox_seq, const struct message *m, const void *plain,
                   size_t size);
void scene_deliver_request(struct scene *s, uint64_t inbox_seq,
                           const struct body_recovery_request *request);

#endif
