#include <stdio.h>
#include <string.h>

#include "random.h"
#include "rogue.h"
#include "sim.h"
#include "wire/challenge.h"

/* What the rogue does. All return whether there was something to do it with. */

enum { FLOOD_MAX = 120, DEAF_US = 60000000 };

static const uint8_t some_body[] = "a body that was never sealed, and opens for nobody";

static struct message with_body(enum message_type type)
{
    return (struct message){.type = type, .body = some_body, .body_size = sizeof some_body};
}

static void set_shell(struct sim *s, struct wire_id *ret_id)
{
    if (wire_id_set(ret_id, s->ledger.shell_id) != 0)
        sim_fail(s, "sim", "a syncshell's id is none");
}

/* --- others' frames ------------------------------------------------------------------------------------------------- */

/* A frame of an honest peer that `fits` likes, by chance one of the later ones. NULL: none was said. */
static const struct ledger_said *honest_said(struct sim *s,
                                             bool (*fits)(const struct ledger_said *))
{
    const struct ledger *l = &s->ledger;
    const char *own = s->rogue.peer->station.config.peer_id.text;
    const struct ledger_said *found = NULL;
    for (size_t i = l->n_said; i-- > 0;) {
        const struct ledger_said *said = &l->said[i];
        if (!*said->by.text || strcmp(said->by.text, own) == 0 || !fits(said))
            continue;
        found = said;
        if (random_one_in(&s->rogue.random, 3))
            break;
    }
    return found;
}

static bool is_authenticate(const struct ledger_said *said)
{
    return said->type == MESSAGE_AUTHENTICATE;
}

static bool is_join(const struct ledger_said *said)
{
    return said->type == MESSAGE_JOIN_SYNCSHELL;
}

/* Of those in a session: only its two members may say such a thing. */
static bool is_of_session(const struct ledger_said *said)
{
    return *said->session.text && *said->message_id.text;
}

static bool is_routed(const struct ledger_said *said)
{
    return *said->routed.message_id.text;
}

static bool is_anything(const struct ledger_said *said)
{
    return said->frame->size > 0;
}

static bool replay(struct sim *s, enum misdeed misdeed, bool (*fits)(const struct ledger_said *))
{
    const struct ledger_said *said = honest_said(s, fits);
    if (!said)
        return false;
    rogue_charge(s, misdeed, EXPECT_REFUSAL, &said->message_id);
    rogue_say_bytes(s, said->frame->binary, said->frame->data, said->frame->size);
    return true;
}

static bool garbage(struct sim *s)
{
    uint8_t bytes[200];
    uint64_t *random = &s->rogue.random;
    size_t size = 1 + random_below(random, sizeof bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)random_next(random);
    if (random_one_in(random, 2))
        bytes[0] = '{';
    rogue_say_bytes(s, random_one_in(random, 2), bytes, size);
    return true;
}

/* One byte is another, or the end is missing. It may still be a message, of another's session. */
static bool bent(struct sim *s)
{
    uint8_t bytes[4096];
    uint64_t *random = &s->rogue.random;
    const struct ledger_said *said = honest_said(s, is_anything);
    if (!said || said->frame->size > sizeof bytes)
        return false;
    size_t size = said->frame->size;
    memcpy(bytes, said->frame->data, size);
    if (random_one_in(random, 3))
        size = 1 + random_below(random, size);
    else
        bytes[random_below(random, size)] ^= (uint8_t)(1 << random_below(random, 8));
    rogue_say_bytes(s, said->frame->binary, bytes, size);
    return true;
}

/* The adapter has counted too many bytes: it tells the core before the frame's end. */
static bool oversized(struct sim *s)
{
    struct wire *w = s->rogue.peer->wire;
    if (!w->relay_end || w->closing || w->broken)
        return false;
    s->ledger.turn++;
    s->relay.hears = w;
    core_receive_oversized(w->relay_end, s->now_us);
    relay_settle(s);
    s->relay.hears = NULL;
    return true;
}

/* --- messages ------------------------------------------------------------------------------------------------------- */

static bool foreign_source(struct sim *s)
{
    const struct ledger_said *said = honest_said(s, is_routed);
    if (!said)
        return false;
    struct message m = with_body(said->type);
    m.routed = said->routed;
    rogue_message_id(&s->rogue, &m.routed.message_id);
    rogue_charge(s, MISDEED_FOREIGN_SOURCE, EXPECT_REFUSAL, &m.routed.message_id);
    rogue_say(s, &m);
    return true;
}

static bool foreign_session(struct sim *s)
{
    const struct ledger_said *said = honest_said(s, is_routed);
    if (!said)
        return false;
    struct message m = with_body(said->type);
    m.routed = said->routed;
    m.routed.source_peer_id = s->rogue.peer->station.config.peer_id;
    m.routed.generation += random_below(&s->rogue.random, 3);
    rogue_message_id(&s->rogue, &m.routed.message_id);
    rogue_charge(s, MISDEED_FOREIGN_SESSION, EXPECT_REFUSAL, &m.routed.message_id);
    rogue_say(s, &m);
    return true;
}

static bool entry(struct sim *s, const struct wire_id *session, uint64_t base_version,
                  enum misdeed misdeed, enum expectation expectation, unsigned n_times)
{
    struct message m = with_body(random_one_in(&s->rogue.random, 4) ? MESSAGE_SESSION_CHECKPOINT
                                                                    : MESSAGE_SESSION_PROGRESS);
    rogue_message_id(&s->rogue, &m.session_entry.message_id);
    set_shell(s, &m.session_entry.syncshell_id);
    m.session_entry.recovery_session_id = *session;
    m.session_entry.base_version = base_version;
    m.session_entry.body_format = BODY_FORMAT_SEALED;
    for (unsigned i = 0; i < n_times; i++) {
        rogue_charge(s, misdeed, expectation, &m.session_entry.message_id);
        rogue_say(s, &m);
    }
    return true;
}

static bool foreign_entry(struct sim *s)
{
    const struct ledger *l = &s->ledger;
    for (size_t i = 0; i < l->n_sessions; i++) {
        const struct ledger_session *session = &l->sessions[l->n_sessions - 1 - i];
        if (strncmp(session->id.text, "rogue", 5) != 0)
            return entry(s, &session->id, session->version, MISDEED_FOREIGN_ENTRY, EXPECT_REFUSAL,
                         1);
    }
    return false;
}

static struct message own_routed(struct sim *s, enum message_type type, uint64_t generation)
{
    struct rogue *g = &s->rogue;
    struct message m = with_body(type);
    rogue_message_id(g, &m.routed.message_id);
    set_shell(s, &m.routed.syncshell_id);
    m.routed.source_peer_id = g->peer->station.config.peer_id;
    m.routed.target_peer_id = s->peers[g->victim].station.config.peer_id;
    m.routed.recovery_session_id = g->session;
    m.routed.generation = generation;
    m.routed.body_format = BODY_FORMAT_SEALED;
    return m;
}

/* An answer to no attempt, a candidate of none, an offer from far in the future. */
static bool wrong_generation(struct sim *s)
{
    static const enum message_type types[] = {MESSAGE_RECONNECT_OFFER, MESSAGE_RECONNECT_ANSWER,
                                              MESSAGE_ICE_CANDIDATE};
    struct rogue *g = &s->rogue;
    enum message_type type = types[random_below(&g->random, 3)];
    uint64_t generation = type == MESSAGE_RECONNECT_OFFER
                              ? g->generation + 2 * WIRE_GENERATION_JUMP_MAX
                              : g->generation + 1 + random_below(&g->random, 5);
    struct message m = own_routed(s, type, generation);
    rogue_charge(s, MISDEED_WRONG_GENERATION, EXPECT_REFUSAL, &m.routed.message_id);
    rogue_say(s, &m);
    return true;
}

static bool unsealed(struct sim *s)
{
    struct message m = own_routed(s, MESSAGE_RECONNECT_OFFER, ++s->rogue.generation);
    /* No answer is owed: what is delivered at once is not acknowledged. */
    rogue_say(s, &m);
    return true;
}

static bool duplicate(struct sim *s)
{
    struct message m = own_routed(s, MESSAGE_RECOVERY_REQUEST, s->rogue.generation + 1);
    unsigned n_times = 2 + (unsigned)random_below(&s->rogue.random, 3);
    for (unsigned i = 0; i < n_times; i++) {
        rogue_charge(s, MISDEED_DUPLICATE, EXPECT_ANYTHING, &m.routed.message_id);
        rogue_say(s, &m);
    }
    return true;
}

static bool duplicate_entry(struct sim *s)
{
    const struct ledger_session *own = ledger_session(&s->ledger, s->rogue.session.text);
    if (!own)
        return false;
    return entry(s, &own->id, own->version, MISDEED_DUPLICATE_ENTRY, EXPECT_ANYTHING,
                 2 + (unsigned)random_below(&s->rogue.random, 3));
}

/* Its signature is good: it is only not the owner's. */
static bool no_owner(struct sim *s)
{
    static const enum message_type types[] = {MESSAGE_REMOVE_MEMBER, MESSAGE_ROTATE_GROUP_KEY,
                                              MESSAGE_TRANSFER_OWNERSHIP, MESSAGE_DELETE_SYNCSHELL};
    struct rogue *g = &s->rogue;
    struct message m = {.type = types[random_below(&g->random, 4)]};
    struct message_owner_operation *o = &m.owner_operation;
    struct buf text = BUF_INIT(1024);
    rogue_message_id(g, &o->message_id);
    set_shell(s, &o->syncshell_id);
    o->owner_sequence = 1;
    if (m.type == MESSAGE_ROTATE_GROUP_KEY) {
        o->key_epoch = 2;
        stub_group_public_key("rogue", s->ledger.shell_id, &o->group_public_key);
    } else if (m.type != MESSAGE_DELETE_SYNCSHELL) {
        o->peer_id = s->peers[g->victim].station.config.peer_id;
    }
    if (challenge_owner_operation(&text, m.type, g->relay_id.text, g->nonce.text, o) != 0)
        sim_fail(s, "sim", "an order is too long to be signed");
    rogue_sign(s, &text, &o->signature);
    buf_deinit(&text);
    rogue_charge(s, MISDEED_NO_OWNER, EXPECT_REFUSAL, &o->message_id);
    rogue_say(s, &m);
    return true;
}

/* --- too much ------------------------------------------------------------------------------------------------------- */

static bool flood(struct sim *s, enum misdeed misdeed)
{
    struct rogue *g = &s->rogue;
    unsigned n = (unsigned)random_between(&g->random, 20, FLOOD_MAX);
    bool asks = random_one_in(&g->random, 2);
    for (unsigned i = 0; i < n; i++) {
        struct message m = {.type = MESSAGE_SESSION_SNAPSHOT_REQUEST};
        if (asks) {
            rogue_message_id(g, &m.session_snapshot_request.message_id);
            set_shell(s, &m.session_snapshot_request.syncshell_id);
            m.session_snapshot_request.recovery_session_id = g->session;
            rogue_charge(s, misdeed, EXPECT_ANYTHING, &m.session_snapshot_request.message_id);
        } else {
            m = own_routed(s, MESSAGE_RECOVERY_REQUEST, g->generation + 1);
            rogue_charge(s, misdeed, EXPECT_ANYTHING, &m.routed.message_id);
        }
        rogue_say(s, &m);
    }
    return true;
}

static bool deaf(struct sim *s)
{
    s->rogue.peer->wire->down_stalled_us = s->now_us + DEAF_US;
    return flood(s, MISDEED_DEAF);
}

bool misdeed_do(struct sim *s, enum misdeed misdeed)
{
    if (!s->rogue.peer->wire)
        return false;
    switch (misdeed) {
    case MISDEED_REPLAYED_AUTHENTICATE:
        return replay(s, misdeed, is_authenticate);
    case MISDEED_REPLAYED_JOIN:
        return replay(s, misdeed, is_join);
    case MISDEED_GARBAGE:
        return garbage(s);
    case MISDEED_BENT:
        return bent(s);
    case MISDEED_OVERSIZED:
        return oversized(s);
    case MISDEED_FOREIGN_SOURCE:
        return foreign_source(s);
    case MISDEED_COPY:
        return replay(s, misdeed, is_of_session);
    case MISDEED_FOREIGN_SESSION:
        return foreign_session(s);
    case MISDEED_FOREIGN_ENTRY:
        return foreign_entry(s);
    case MISDEED_WRONG_GENERATION:
        return wrong_generation(s);
    case MISDEED_UNSEALED:
        return unsealed(s);
    case MISDEED_DUPLICATE:
        return duplicate(s);
    case MISDEED_DUPLICATE_ENTRY:
        return duplicate_entry(s);
    case MISDEED_NO_OWNER:
        return no_owner(s);
    case MISDEED_FLOOD:
        return flood(s, misdeed);
    case MISDEED_DEAF:
        return deaf(s);
    case MISDEED_COUNT:
        break;
    }
    return false;
}
