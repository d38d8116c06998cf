/* A relay that has lost its mind. Of what it says most is well-formed and fits nothing: the wrong answer to a request, an answer
 * to none, sessions between strangers, owners that change, keys of the future. */
#include "random_game.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "wire/code.h"

enum { SNAPSHOT_ENTRIES = 3 };

unsigned draw(struct game *g, unsigned below)
{
    g->random = g->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(g->random >> 33) % below;
}

bool one_in(struct game *g, unsigned n)
{
    return draw(g, n) == 0;
}

const char *draw_session(struct game *g)
{
    static const char *const names[] = {SCENE_SESSION, SCENE_SESSION, "session1", "nobody"};
    return names[draw(g, 4)];
}

const char *draw_shell(struct game *g)
{
    return one_in(g, 10) ? "nowhere" : SCENE_SHELL;
}

struct wire_peer_id draw_peer(struct game *g)
{
    struct wire_peer_id id;
    stub_peer_id(draw(g, 3), &id);
    return id;
}

/* --- what the relay says ------------------------------------------------------------------------------------------- */

static struct message_session_summary draw_summary(struct game *g)
{
    struct message_session_summary summary = {
        .generation = draw(g, 6), .version = 1 + draw(g, 5), .state = SESSION_STATE_OPEN};
    wire_id_set(&summary.recovery_session_id, draw_session(g));
    stub_peer_id(one_in(g, 4) ? draw(g, 3) : 0, &summary.joiner_peer_id);
    do
        stub_peer_id(1 + draw(g, 2), &summary.provider_peer_id);
    while (strcmp(summary.provider_peer_id.text, summary.joiner_peer_id.text) == 0);
    if (one_in(g, 2)) {
        const struct wire_peer_id swap = summary.joiner_peer_id;
        summary.joiner_peer_id = summary.provider_peer_id;
        summary.provider_peer_id = swap;
    }
    if (one_in(g, 6)) {
        summary.state = SESSION_STATE_CLOSED;
        summary.outcome = one_in(g, 2) ? SESSION_OUTCOME_FAILED : SESSION_OUTCOME_COMPLETED;
    }
    if (one_in(g, 4))
        str_copy(summary.cause.text, sizeof summary.cause.text,
                 one_in(g, 2) ? "turn_refused" : "cause_of_a_later_version");
    return summary;
}

static void say_joined(struct game *g, const struct asked *asked)
{
    struct message_member members[3];
    struct message_session_summary sessions[4];
    struct message m = {.type = MESSAGE_SYNCSHELL_JOINED};
    struct message_syncshell_joined *j = &m.syncshell_joined;
    j->in_reply_to = asked->id;
    wire_id_set(&j->syncshell_id, draw_shell(g));
    j->store_epoch = g->s->store_epoch;
    if (one_in(g, 8))
        wire_id_set(&j->store_epoch, "epoch1");
    j->owner_peer_id = one_in(g, 2) ? g->s->self : draw_peer(g);
    j->key_epoch = 1 + (one_in(g, 8) ? draw(g, 3) : 0);
    j->has_owner_sequence = !one_in(g, 4);
    j->owner_sequence = draw(g, 4);
    j->inbox_head = draw(g, 9);
    j->recovered = !one_in(g, 4);
    j->members = members;
    for (unsigned i = 0; i < 3; i++) {
        if (i > 0 && one_in(g, 4))
            continue;
        stub_peer_id(i, &members[j->n_members].peer_id);
        members[j->n_members++].presence = one_in(g, 2) ? PRESENCE_ONLINE : PRESENCE_AWAY;
    }
    j->sessions = sessions;
    j->n_sessions = draw(g, 4);
    for (size_t i = 0; i < j->n_sessions; i++)
        sessions[i] = draw_summary(g);
    scene_say(g->s, &m);
}

/* A page of a log that somebody has written; sealed as it should be, or not at all. */
static void say_snapshot(struct game *g, const struct asked *asked)
{
    static const enum message_type types[] = {MESSAGE_SESSION_OPEN, MESSAGE_SESSION_PROGRESS,
                                              MESSAGE_SESSION_CHECKPOINT};
    static const char *const plain[] = {
        "{\"label\":\"mods\"}", "{\"files\":[{\"path\":\"f00\",\"size\":100,\"done\":true}]}",
        "{\"files\":[{\"path\":\"f01\",\"size\":100,\"ranges\":[[0,50]]}]}", "no JSON"};
    struct message_snapshot_entry entries[SNAPSHOT_ENTRIES];
    struct message m = {.type = MESSAGE_SESSION_SNAPSHOT};
    struct message_session_snapshot *snapshot = &m.session_snapshot;
    struct buf body = BUF_INIT(WIRE_BODY_MAX);
    snapshot->in_reply_to = asked->id;
    wire_id_set(&snapshot->syncshell_id, SCENE_SHELL);
    snapshot->recovery_session_id = asked->session;
    snapshot->complete = !one_in(g, 5);
    snapshot->entries = entries;
    snapshot->n_entries = draw(g, SNAPSHOT_ENTRIES + 1);
    for (size_t i = 0; i < snapshot->n_entries; i++) {
        unsigned which = i == 0 && !one_in(g, 4) ? 0 : draw(g, 3);
        bool theirs = one_in(g, 3);
        const struct message sealed = {.type = types[which]};
        const char *text = plain[one_in(g, 8) ? draw(g, 4) : which];
        size_t before = body.size;
        snapshot->version = asked->base_version + i + 1;
        entries[i] =
            (struct message_snapshot_entry){.version = snapshot->version,
                                            .type = types[which],
                                            .source_peer_id = theirs ? g->s->other : g->s->self,
                                            .body_format = BODY_FORMAT_SEALED};
        if (one_in(g, 8))
            entries[i].source_peer_id = draw_peer(g);
        if (!one_in(g, 8))
            scene_seal(g->s, &sealed, theirs, snapshot->version, text, strlen(text), &body);
        else if (which == 0 && one_in(g, 2))
            entries[i].body_format = BODY_FORMAT_NONE;
        else
            assert_int_equal(buf_append(&body, text, strlen(text)), 0);
        entries[i].size_bytes = (uint32_t)(body.size - before);
    }
    if (snapshot->version == 0)
        snapshot->version = 1;
    m.body = body.data;
    m.body_size = body.size;
    scene_say(g->s, &m);
    buf_deinit(&body);
}

static void say_ice_servers(struct game *g, const struct asked *asked)
{
    struct message_ice_server servers[2] = {
        {.url = "stun:a.example"}, {.url = "turn:b.example", .username = "u", .credential = "c"}};
    const struct message m = {.type = MESSAGE_ICE_SERVERS,
                              .ice_servers = {.in_reply_to = asked->id,
                                              .has_ttl_ms = !one_in(g, 3),
                                              .ttl_ms = 1 + draw(g, 60000),
                                              .servers = servers,
                                              .n_servers = draw(g, 3)}};
    scene_say(g->s, &m);
}

static void say_error(struct game *g, const struct asked *asked)
{
    struct message m =
        scene_error_message(&asked->id, (enum wire_code)(1 + draw(g, WIRE_CODE_COUNT - 1)));
    m.error.has_retry_after = one_in(g, 2);
    m.error.retry_after_ms = m.error.has_retry_after ? draw(g, 60000) : 0;
    m.error.has_version = one_in(g, 3);
    m.error.version = m.error.has_version ? 1 + draw(g, 6) : 0;
    m.error.has_generation = one_in(g, 3);
    m.error.generation = m.error.has_generation ? draw(g, 9) : 0;
    scene_say(g->s, &m);
}

static void say_stored(struct game *g, const struct asked *asked)
{
    struct message m = {.type = MESSAGE_STORED, .stored = {.in_reply_to = asked->id}};
    m.stored.has_version = !one_in(g, 5);
    m.stored.version = m.stored.has_version ? asked->base_version + 1 + 3 * one_in(g, 9) : 0;
    m.stored.has_inbox_seq = one_in(g, 3);
    m.stored.inbox_seq = m.stored.has_inbox_seq ? 1 + draw(g, 9) : 0;
    m.stored.has_valid_for_ms = one_in(g, 2);
    m.stored.valid_for_ms = m.stored.has_valid_for_ms ? draw(g, 60000) : 0;
    m.stored.duplicate = one_in(g, 5);
    wire_id_set(&m.stored.recovery_session_id, draw_session(g));
    scene_say(g->s, &m);
}

static void say_later(struct game *g, const struct asked *asked)
{
    struct message m = {.type = one_in(g, 2) ? MESSAGE_HELD : MESSAGE_UNDELIVERABLE};
    if (m.type == MESSAGE_HELD) {
        m.held.in_reply_to = asked->id;
        m.held.held_for_ms = draw(g, 20000);
    } else {
        m.undeliverable.in_reply_to = asked->id;
        m.undeliverable.code = (enum wire_code)(1 + draw(g, WIRE_CODE_COUNT - 1));
    }
    scene_say(g->s, &m);
}

static void say_welcome(struct game *g, const struct asked *asked)
{
    struct message m = {.type = MESSAGE_WELCOME};
    m.welcome.in_reply_to = asked->id;
    m.welcome.peer_id = g->s->self;
    m.welcome.server_time_ms = 1700000000000;
    m.welcome.store_epoch = g->s->store_epoch;
    scene_say(g->s, &m);
}

typedef void say_function(struct game *g, const struct asked *asked);

static say_function *fitting(enum message_type type)
{
    if (type == MESSAGE_AUTHENTICATE)
        return say_welcome;
    if (type == MESSAGE_JOIN_SYNCSHELL)
        return say_joined;
    if (type == MESSAGE_SESSION_SNAPSHOT_REQUEST)
        return say_snapshot;
    if (type == MESSAGE_ICE_SERVERS_REQUEST)
        return say_ice_servers;
    if (type == MESSAGE_RECONNECT_OFFER || type == MESSAGE_RECONNECT_ANSWER ||
        type == MESSAGE_ICE_CANDIDATE)
        return say_later;
    return say_stored;
}

static void answer(struct game *g, const struct asked *asked)
{
    static say_function *const any[] = {say_stored,   say_error,       say_later,  say_joined,
                                        say_snapshot, say_ice_servers, say_welcome};
    unsigned how = draw(g, 10);
    if (how == 0)
        return;
    if (how == 1)
        any[draw(g, sizeof any / sizeof any[0])](g, asked);
    else if (how == 2)
        say_error(g, asked);
    else
        fitting(asked->type)(g, asked);
}

/* What belongs to no request. */
static void say_news(struct game *g)
{
    struct message m = {.type = MESSAGE_NONE};
    struct wire_id shell;
    wire_id_set(&shell, draw_shell(g));
    switch (draw(g, 8)) {
    case 0:
        m.type = MESSAGE_MEMBERSHIP_ENDED;
        m.membership_ended.syncshell_id = shell;
        m.membership_ended.code =
            one_in(g, 2) ? WIRE_CODE_MEMBER_REMOVED : WIRE_CODE_WRONG_KEY_EPOCH;
        if (one_in(g, 3))
            m.membership_ended.code = WIRE_CODE_SYNCSHELL_DELETED;
        break;
    case 1:
        m.type = MESSAGE_OWNER_CHANGED;
        m.owner_changed.syncshell_id = shell;
        m.owner_changed.owner_peer_id = draw_peer(g);
        m.owner_changed.owner_sequence = 1 + draw(g, 5);
        break;
    case 2:
        m.type = MESSAGE_GO_AWAY;
        m.go_away.reconnect_after_ms = draw(g, 5000);
        break;
    case 3:
        m.type = MESSAGE_PEER_PRESENCE;
        m.peer_presence.syncshell_id = shell;
        m.peer_presence.peer_id = draw_peer(g);
        m.peer_presence.presence = (enum presence)(1 + draw(g, 3));
        break;
    default:
        m.type = MESSAGE_SESSION_CHANGED;
        m.session_changed.syncshell_id = shell;
        m.session_changed.session = draw_summary(g);
        break;
    }
    scene_say(g->s, &m);
}

static void deliver(struct game *g)
{
    static const char *const bodies[] = {
        "{\"requestId\":\"q\",\"part\":1,\"parts\":1,\"completedFiles\":[\"f00\"]}",
        "{\"requestId\":\"q\",\"part\":2,\"parts\":2,\"completedFiles\":[\"f01\"]}",
        ("{\"requestId\":\"r\",\"part\":1,\"parts\":2,\"completedFiles\":[],"
         "\"partialFiles\":[{\"path\":\"f02\",\"size\":100,\"ranges\":[[0,50]]}]}"),
        "{\"requestId\":\"q\",\"filesToSend\":1,\"bytesToSend\":100,\"mismatchedFiles\":[\"f00\"]}",
        "{}"};
    const char *body = bodies[draw(g, 5)];
    struct message m = scene_routed(
        g->s, one_in(g, 3) ? MESSAGE_RECOVERY_RESPONSE : MESSAGE_RECOVERY_REQUEST, 1 + draw(g, 3));
    if (one_in(g, 8))
        m.routed.body_format = BODY_FORMAT_JSON;
    if (one_in(g, 8))
        stub_peer_id(2, &m.routed.source_peer_id);
    scene_deliver(g->s, 1 + draw(g, 9), &m, body, strlen(body));
}

void relay_says_something(struct game *g)
{
    static const enum message_type signals[] = {MESSAGE_RECONNECT_OFFER, MESSAGE_RECONNECT_ANSWER,
                                                MESSAGE_ICE_CANDIDATE};
    static const char unknown[] = "{\"type\":\"OfALaterVersion\"}";
    unsigned what = draw(g, 10);
    if (what < 4)
        scene_signal(g->s, signals[draw(g, 3)], 1 + draw(g, 6), "sdp");
    else if (what < 6)
        deliver(g);
    else if (what == 6 && one_in(g, 3))
        scene_say_raw(g->s, one_in(g, 2), unknown, sizeof unknown - 1 - one_in(g, 4));
    else if (what == 7 && g->n_asked > 0)
        answer(g, &g->asked[draw(g, g->n_asked < RANDOM_REQUESTS ? g->n_asked
                                                                 : RANDOM_REQUESTS)]); /* again */
    else
        say_news(g);
}

/* --- what the engine says ------------------------------------------------------------------------------------------ */

static struct asked asked_of(const struct message *m)
{
    struct asked asked = {.type = m->type, .id = m->routed.message_id};
    if (m->type == MESSAGE_SESSION_PROGRESS || m->type == MESSAGE_SESSION_CHECKPOINT)
        asked.base_version = m->session_entry.base_version;
    if (m->type == MESSAGE_SESSION_SNAPSHOT_REQUEST) {
        asked.session = m->session_snapshot_request.recovery_session_id;
        asked.base_version = m->session_snapshot_request.after_version;
    } else {
        wire_id_set(&asked.session, SCENE_SESSION);
    }
    return asked;
}

void relay_turn(struct game *g)
{
    struct scene *s = g->s;
    if (s->connected && g->greeted != s->n_dials) {
        g->greeted = s->n_dials;
        scene_hello(s);
    }
    for (unsigned i = 0; i < 4; i++) {
        const struct message *m = scene_hear_any(s);
        if (!m)
            return;
        struct asked asked = asked_of(m);
        g->asked[g->n_asked++ % RANDOM_REQUESTS] = asked;
        if (s->connected)
            answer(g, &asked);
    }
}
