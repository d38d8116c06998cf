#include "rogue.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "sim.h"
#include "wire/challenge.h"

static const uint64_t LEAVES_AFTER_US = 20000000;

const char *misdeed_name(enum misdeed misdeed)
{
    static const char *const names[] = {
#define X(id, name) name,
        MISDEED_TABLE(X)
#undef X
    };
    return names[misdeed];
}

static bool same(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* --- life ---------------------------------------------------------------------------------------------------------- */

void rogue_init(struct sim *s)
{
    struct rogue *g = &s->rogue;
    g->peer = &s->peers[s->n_peers];
    peer_init(s, s->n_peers);
    g->random = s->seed ^ UINT64_C(0x726f677565);
    g->leaves_us = TIME_NEVER_US;
}

void rogue_deinit(struct sim *s)
{
    peer_deinit(s->rogue.peer);
    free(s->rogue.charges);
}

bool rogue_is(const struct sim *s, const struct peer *p)
{
    return p == s->rogue.peer;
}

/* --- saying -------------------------------------------------------------------------------------------------------- */

void rogue_message_id(struct rogue *g, struct wire_id *ret_id)
{
    char text[32];
    snprintf(text, sizeof text, "rogue-%u", ++g->n_messages);
    if (wire_id_set(ret_id, text) != 0)
        abort();
}

void rogue_say_bytes(struct sim *s, bool binary, const void *data, size_t size)
{
    struct frame *f;
    if (!s->rogue.peer->wire)
        return;
    if (frame_new(&f, binary, data, size) != 0)
        abort();
    wire_send_up(s->rogue.peer->wire, f);
}

void rogue_say(struct sim *s, const struct message *m)
{
    struct buf frame = BUF_INIT(WIRE_BODY_MAX);
    if (message_encode(m, &frame) != 0)
        abort();
    rogue_say_bytes(s, m->body_size > 0, frame.data, frame.size);
    buf_deinit(&frame);
}

void rogue_charge(struct sim *s, enum misdeed misdeed, enum expectation expectation,
                  const struct wire_id *message_id)
{
    struct rogue *g = &s->rogue;
    if ((g->n_charges & (g->n_charges - 1)) == 0)
        g->charges =
            realloc(g->charges, (g->n_charges ? 2 * g->n_charges : 1) * sizeof *g->charges);
    if (!g->charges)
        abort();
    g->charges[g->n_charges++] = (struct accusation){.wire = g->peer->wire ? g->peer->wire->id : 0,
                                                     .misdeed = misdeed,
                                                     .expectation = expectation,
                                                     .message_id = *message_id};
}

void rogue_sign(struct sim *s, const struct buf *text, struct wire_signature *ret_signature)
{
    const struct engine_crypto crypto = stub_crypto_services(&s->rogue.peer->station.crypto);
    if (crypto.sign(crypto.userdata, text->data, text->size, ret_signature) != 0)
        abort();
}

/* --- getting in ---------------------------------------------------------------------------------------------------- */

static void authenticate(struct sim *s)
{
    struct rogue *g = &s->rogue;
    struct message m = {.type = MESSAGE_AUTHENTICATE};
    struct buf text = BUF_INIT(1024);
    rogue_message_id(g, &g->request);
    m.authenticate.message_id = g->request;
    m.authenticate.protocol_version = WIRE_PROTOCOL_VERSION;
    m.authenticate.peer_id = g->peer->station.config.peer_id;
    snprintf(m.authenticate.origin, sizeof m.authenticate.origin, "%s", sim_relay_url);
    if (challenge_authenticate(&text, m.authenticate.origin, g->relay_id.text, g->nonce.text,
                               m.authenticate.peer_id.text) != 0)
        abort();
    rogue_sign(s, &text, &m.authenticate.signature);
    buf_deinit(&text);
    rogue_say(s, &m);
    g->state = ROGUE_AUTHENTICATES;
}

static void join(struct sim *s)
{
    struct rogue *g = &s->rogue;
    const struct engine_crypto crypto = stub_crypto_services(&g->peer->station.crypto);
    struct message m = {.type = MESSAGE_JOIN_SYNCSHELL};
    struct engine_group *group;
    struct buf text = BUF_INIT(1024);
    rogue_message_id(g, &g->request);
    m.join_syncshell.message_id = g->request;
    m.join_syncshell.key_epoch = 1;
    if (wire_id_set(&m.join_syncshell.syncshell_id, s->ledger.shell_id) != 0 ||
        challenge_join(&text, g->relay_id.text, g->nonce.text, s->ledger.shell_id,
                       g->peer->station.config.peer_id.text, 1) != 0 ||
        crypto.group_new(crypto.userdata, s->ledger.secret.text, s->ledger.shell_id, &group) != 0 ||
        crypto.group_sign(crypto.userdata, group, text.data, text.size, &m.join_syncshell.proof) !=
            0)
        abort();
    crypto.group_free(crypto.userdata, group);
    buf_deinit(&text);
    rogue_say(s, &m);
    g->state = ROGUE_JOINS;
}

/* Once; a joiner may say much in a session, and its provider waits. */
static void open_session(struct sim *s)
{
    struct rogue *g = &s->rogue;
    struct message m = {.type = MESSAGE_SESSION_OPEN, .body = (const uint8_t *)"?", .body_size = 1};
    char id[32];
    snprintf(id, sizeof id, "rogues-%u", ++g->n_sessions);
    g->victim = (unsigned)random_below(&g->random, s->n_peers);
    g->generation = 0;
    g->version = 1;
    rogue_message_id(g, &g->request);
    m.session_open.message_id = g->request;
    m.session_open.body_format = BODY_FORMAT_JSON;
    m.session_open.joiner_peer_id = g->peer->station.config.peer_id;
    m.session_open.provider_peer_id = s->peers[g->victim].station.config.peer_id;
    if (wire_id_set(&m.session_open.syncshell_id, s->ledger.shell_id) != 0 ||
        wire_id_set(&g->session, id) != 0)
        abort();
    m.session_open.recovery_session_id = g->session;
    rogue_say(s, &m);
    g->state = ROGUE_OPENS;
}

static void connect(struct sim *s)
{
    struct rogue *g = &s->rogue;
    g->state = peer_connect(g->peer) ? ROGUE_GREETED_NOT : ROGUE_AWAY;
    relay_settle(s);
}

static void hang_up(struct sim *s)
{
    struct rogue *g = &s->rogue;
    if (g->peer->wire) {
        g->peer->wire->close_code = 1000;
        wire_client_end_gone(s, g->peer->wire);
    }
    g->state = ROGUE_AWAY;
}

/* --- wishes -------------------------------------------------------------------------------------------------------- */

static void do_now(struct sim *s, enum misdeed misdeed)
{
    if (!misdeed_do(s, misdeed))
        return;
    sim_trace(s, "the rogue: %s", misdeed_name(misdeed));
    s->stats->misdeeds[misdeed]++;
}

/* Takes what can be done in this state. */
static bool do_wanted(struct sim *s, bool (*fits)(enum misdeed))
{
    struct rogue *g = &s->rogue;
    for (size_t i = 0; i < g->n_wanted; i++) {
        enum misdeed misdeed = g->wanted[i];
        if (!fits(misdeed))
            continue;
        g->n_wanted--;
        memmove(&g->wanted[i], &g->wanted[i + 1], (g->n_wanted - i) * sizeof *g->wanted);
        do_now(s, misdeed);
        return true;
    }
    return false;
}

static bool at_hello(enum misdeed misdeed)
{
    return misdeed == MISDEED_REPLAYED_AUTHENTICATE;
}

static bool before_join(enum misdeed misdeed)
{
    return misdeed == MISDEED_REPLAYED_JOIN;
}

static bool when_ready(enum misdeed misdeed)
{
    return !at_hello(misdeed) && !before_join(misdeed);
}

bool rogue_wish(struct sim *s, enum misdeed misdeed)
{
    struct rogue *g = &s->rogue;
    if (!*s->ledger.shell_id || g->n_wanted == ROGUE_WANTED_MAX)
        return false;
    g->wanted[g->n_wanted++] = misdeed;
    if (g->state == ROGUE_READY && !when_ready(misdeed))
        hang_up(s);
    if (!g->peer->wire)
        connect(s);
    if (g->state == ROGUE_READY)
        while (do_wanted(s, when_ready))
            ;
    return true;
}

/* --- hearing ------------------------------------------------------------------------------------------------------- */

static void on_message(struct sim *s, const struct message *m)
{
    struct rogue *g = &s->rogue;
    bool own = m->type == MESSAGE_STORED  ? same(m->stored.in_reply_to.text, g->request.text)
               : m->type == MESSAGE_ERROR ? same(m->error.in_reply_to.text, g->request.text)
                                          : false;
    if (m->type == MESSAGE_HELLO) {
        g->relay_id = m->hello.relay_id;
        g->nonce = m->hello.nonce;
        do_wanted(s, at_hello);
        authenticate(s);
    } else if (m->type == MESSAGE_WELCOME) {
        do_wanted(s, before_join);
        join(s);
    } else if (m->type == MESSAGE_SYNCSHELL_JOINED && !*g->session.text) {
        open_session(s);
    } else if (m->type == MESSAGE_SYNCSHELL_JOINED || (own && g->state == ROGUE_OPENS)) {
        g->state = ROGUE_READY;
        while (do_wanted(s, when_ready))
            ;
    } else if (own && m->type == MESSAGE_ERROR) {
        hang_up(s);
    }
}

void rogue_hear(struct sim *s)
{
    struct message m;
    struct message_refusal refusal;
    struct frame *f = wire_take(&s->rogue.peer->wire->down);
    if (!f)
        return;
    if (message_decode(&m, &refusal, false, f->binary, f->data, f->size,
                       &message_limits_to_client) == 0) {
        on_message(s, &m);
        message_deinit(&m);
    }
    frame_unref(f);
}

/* --- what the relay makes of it ------------------------------------------------------------------------------------- */

/* What a message answers, or NULL; and whether it is a refusal. */
static const struct wire_id *answer_of(const struct message *m, bool *ret_refusal)
{
    *ret_refusal = false;
    switch ((int)m->type) {
    case MESSAGE_ERROR:
        *ret_refusal = true;
        return &m->error.in_reply_to;
    case MESSAGE_UNDELIVERABLE:
        return &m->undeliverable.in_reply_to;
    case MESSAGE_STORED:
        return &m->stored.in_reply_to;
    case MESSAGE_HELD:
        return &m->held.in_reply_to;
    case MESSAGE_WELCOME:
        return &m->welcome.in_reply_to;
    case MESSAGE_SYNCSHELL_JOINED:
        return &m->syncshell_joined.in_reply_to;
    case MESSAGE_SESSION_SNAPSHOT:
        return &m->session_snapshot.in_reply_to;
    case MESSAGE_ICE_SERVERS:
        return &m->ice_servers.in_reply_to;
    default:
        return NULL;
    }
}

void rogue_answered(struct sim *s, const struct wire *w, const struct message *m)
{
    struct rogue *g = &s->rogue;
    bool refusal;
    const struct wire_id *id = answer_of(m, &refusal);
    for (size_t i = 0; id && i < g->n_charges; i++) {
        struct accusation *c = &g->charges[i];
        if (c->wire != w->id || c->answered || !same(c->message_id.text, id->text))
            continue;
        if (c->expectation == EXPECT_REFUSAL && !refusal)
            sim_fail(s, "P1", "the rogue hears %s for %s", message_type_name(m->type),
                     misdeed_name(c->misdeed));
        c->answered = true;
        return;
    }
}

/* A reader that is behind may be dropped by what anybody says; the rogue's own are its own business. */
void rogue_watches_close(struct sim *s, const struct wire *w)
{
    const struct wire *hears = s->relay.hears;
    if (!hears || !rogue_is(s, hears->peer) || rogue_is(s, w->peer) ||
        s->now_us < w->down_stalled_us)
        return;
    sim_fail(s, "P6", "p%u is closed for what the rogue says", w->peer->index);
}

/* Each request was answered, or its connection is closed: nobody is left without a word. */
static void check_charges(struct sim *s)
{
    const struct rogue *g = &s->rogue;
    const struct wire *w = g->peer->wire;
    if (!w || w->broken || w->closing || !w->relay_end || !list_empty(&w->up))
        return;
    for (size_t i = 0; i < g->n_charges; i++) {
        const struct accusation *c = &g->charges[i];
        if (c->wire == w->id && !c->answered)
            sim_fail(s, "P1", "the rogue hears nothing of %s (%s)", misdeed_name(c->misdeed),
                     c->message_id.text);
    }
}

void rogue_heal(struct sim *s)
{
    s->rogue.n_wanted = 0;
    s->rogue.leaves_us = s->now_us + LEAVES_AFTER_US;
}

void rogue_leave(struct sim *s)
{
    s->rogue.leaves_us = TIME_NEVER_US;
    check_charges(s);
    hang_up(s);
}

bool rogue_gone(const struct sim *s)
{
    return s->rogue.leaves_us == TIME_NEVER_US;
}
