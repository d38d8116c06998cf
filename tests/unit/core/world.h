/* A relay's core with clients around it, in virtual time: tests read as conversations.
 *
 * A client says something (say_*), the core's effects are carried out until it is quiet, and the test expects what each
 * client has heard, frame by frame. By default the store answers at once, sockets take everything at once and a close is
 * followed by the disconnect that an adapter owes; each can be switched off to see what happens in between.
 *
 * Signatures are a hash of key and text: enough for logic that only asks whether they fit. */
#ifndef TESTS_UNIT_CORE_WORLD_H
#define TESTS_UNIT_CORE_WORLD_H

#include "core/core.h"
#include "model/fake_store.h"

enum {
    WORLD_CLIENTS_MAX = 160,
    WORLD_SAID_MAX = 256,
};

struct world;

struct heard {
    struct list_node node;
    struct frame *frame;
};

struct client {
    struct world *world;
    struct connection *connection; /* NULL: disconnected */
    struct address address;        /* one of its own, unless changed */
    struct wire_peer_id peer_id;
    struct wire_key nonce;
    bool forwarded;    /* a trusted proxy says its address */
    struct list heard; /* frames pulled and not yet expected */
    bool stalled;      /* its socket takes nothing */
    bool lingers;      /* is not disconnected when the core closes it */
    uint16_t close_code;
    char close_reason[64];
    struct message current; /* what expect() returned last */
    struct frame *current_frame;
};

struct world {
    struct core *core;
    struct core_config config;
    struct core_host host;
    struct fake_store *store;
    uint64_t now_us;
    int64_t wall_ms;
    uint64_t random_state;
    bool random_fails;
    struct list ops; /* handed over, not yet executed */
    bool store_held; /* operations wait for world_store_step() */
    bool joins_held; /* who waits for a loaded syncshell goes on waiting, for world_join_step() */
    enum wire_code fail;          /* what the store answers next instead of executing... */
    enum store_op_kind fail_kind; /* ... to this kind; 0: to any */
    size_t n_ops[STORE_SWEEP + 1];
    size_t n_sends;
    size_t n_events[CORE_EVENT_STORE_FAILED + 1];
    struct core_event last_event[CORE_EVENT_STORE_FAILED + 1];
    void (*before_call)(
        struct world *w); /* NULL, or what happens around every call into the core */
    void (*after_call)(struct world *w);
    const char *key;    /* the group's, that make_join() proves... */
    uint64_t key_epoch; /* ... and its epoch */
    unsigned n_messages;
    struct wire_id said[WORLD_SAID_MAX]; /* a ring of the last message ids */
    size_t n_said;
    struct client clients[WORLD_CLIENTS_MAX];
};

/* Life. world_start() takes what was changed in `config` after world_init(). */
void world_init(struct world *w);
void world_start(struct world *w);
void world_end(
    struct world
        *w); /* disconnects everybody, lets the store finish, checks that nothing is left */
void world_restart(struct world *w); /* of the relay alone: connections break, the store stays */

/* Time. */
void world_advance_ms(struct world *w, uint64_t ms); /* runs every deadline on the way */

/* Around every call into the core. */
void world_enter(struct world *w);
void world_leave(struct world *w);

/* Carries effects out until there are none. */
void world_settle(struct world *w);

/* The store: executes and gives back the oldest waiting operation, which must be of that kind. */
void world_store_step(struct world *w, enum store_op_kind kind);
void world_store_run(struct world *w);

uint64_t world_loaded(const struct world *w); /* syncshells in memory */

/* Lets in the next of those who wait for a loaded syncshell. */
void world_join_step(struct world *w);

/* Identities. */
void peer_id_of(unsigned n, struct wire_peer_id *ret_id);
void sign(const char *key, const void *text, size_t size, struct wire_signature *ret_signature);
extern const char group_key[];
extern const char next_group_key[];

/* Connecting. */
struct address address_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d);
struct client *client_at(struct world *w, unsigned n); /* peer n, disconnected */
int client_try_connect(struct client *c);
void client_connect(struct client *c); /* and takes Hello */
void client_disconnect(struct client *c);
void client_pull(struct client *c, size_t n_frames);       /* of a stalled client */
struct client *client_online(struct world *w, unsigned n); /* connected and authenticated */
struct client *client_joined(struct world *w, unsigned n, const char *syncshell);
void client_reconnect(struct client *c, const char *syncshell); /* until SyncshellJoined */

/* Speaking: fills in a new message id unless there is one. The id stays valid for the next
 * WORLD_SAID_MAX messages. */
const char *say(struct client *c, struct message *m);
void say_raw(struct client *c, bool binary, const void *data, size_t size);
void make_authenticate(struct client *c, struct message *ret_message);
const char *say_authenticate(struct client *c);
const char *say_create(struct client *c, const char *syncshell);
void make_join(struct client *c, const char *syncshell, struct message *ret_message);
const char *say_join(struct client *c, const char *syncshell);
const char *say_leave(struct client *c, const char *syncshell);
/* The owner's operations, signed by the client; `subject`: who is removed or the new owner, NULL otherwise. */
void make_owner(struct client *c, enum message_type type, uint64_t sequence,
                const struct client *subject, struct message *ret_message);
const char *say_remove(struct client *c, uint64_t sequence, const struct client *subject);
const char *say_transfer(struct client *c, uint64_t sequence, const struct client *subject);
const char *say_rotate(struct client *c, uint64_t sequence); /* to next_group_key, epoch 2 */
const char *say_delete(struct client *c, uint64_t sequence);
void make_routed(struct client *c, struct client *to, enum message_type type, const char *session,
                 uint64_t generation, struct message *ret_message);
const char *say_routed(struct client *c, struct client *to, enum message_type type,
                       const char *session, uint64_t generation);
const char *say_open(struct client *joiner, struct client *provider, const char *session);
const char *say_entry(struct client *c, enum message_type type, const char *session,
                      uint64_t base_version, const char *body);
const char *say_snapshot(struct client *c, const char *session, uint64_t after_version);
const char *say_close(struct client *c, const char *session, enum session_outcome outcome);
const char *say_ack(struct client *c, uint64_t seq);

/* Hearing: the next frame, which must be of that type and stays valid until the next expectation. */
const struct message *expect(struct client *c, enum message_type type);
const struct message *hear(struct client *c); /* whatever it is; NULL: nothing */
void expect_error(struct client *c, const char *in_reply_to, enum wire_code code);
void expect_stored(struct client *c, const char *in_reply_to);
void expect_presence(struct client *c, const struct client *of, enum presence presence);
void expect_ended(struct client *c, enum wire_code code); /* MembershipEnded of "shell" */
void expect_undeliverable(struct client *c, const char *in_reply_to, enum wire_code code);
void expect_held(struct client *c, const char *in_reply_to, uint32_t held_for_ms);
void expect_routed(struct client *c, enum message_type type, const char *message_id);
void expect_delivery(struct client *c, uint64_t seq, const char *message_id);
void expect_nothing(struct client *c);
void expect_closed(struct client *c, uint16_t close_code);
void forget(struct client *c); /* whatever it has heard */

/* The usual scene: syncshell "shell" of peers 0 (its owner), 1 and, in trio, 2; all joined, nothing left to hear. */
struct pair {
    struct client *joiner;
    struct client *provider;
};
struct pair world_pair(struct world *w); /* and session "session", opened */

/* cmocka's setup and teardown: *state is a started world; `configured` ones are not started yet. */
int setup_world(void **state);
int setup_configured(void **state);
int teardown_world(void **state);

#define WORLD_TEST(f)      cmocka_unit_test_setup_teardown(f, setup_world, teardown_world)
#define CONFIGURED_TEST(f) cmocka_unit_test_setup_teardown(f, setup_configured, teardown_world)

#endif
