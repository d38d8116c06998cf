/* A relay that has lost its mind, an application that does anything in any order, a process that dies, and memory that runs
 * out: from one seed each.
 *
 * Of what the relay says most is well-formed and fits nothing: the wrong answer to a request, an answer to none, sessions
 * between strangers, owners that change, keys of the future. The engine may believe it or not; but it never falls over (P6), it
 * answers a command with one failure at most, and its journal always makes a new engine that comes back (P3). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <syncshell/syncshell.h>

#include "base/str.h"
#include "client/code.h"
#include "failmalloc.h"
#include "scene.h"
#include "wire/code.h"

enum {
    SEEDS = 60,
    STEPS = 700,
    REQUESTS = 16,
    TICKETS = 4096,
    SNAPSHOT_ENTRIES = 3,
};

struct asked {
    enum message_type type;
    struct wire_id id;
    struct wire_id session;
    uint64_t base_version;
};

struct game {
    struct scene *s;
    uint64_t random;
    bool memory_is_short;
    unsigned greeted; /* how many dials */
    struct asked asked[REQUESTS];
    unsigned n_asked;
    bool failed[TICKETS];
    unsigned n_stops;
};

static struct game game;

static unsigned draw(struct game *g, unsigned below)
{
    g->random = g->random * UINT64_C(6364136223846793005) + 1442695040888963407;
    return (unsigned)(g->random >> 33) % below;
}

static bool one_in(struct game *g, unsigned n)
{
    return draw(g, n) == 0;
}

static const char *draw_session(struct game *g)
{
    static const char *const names[] = {SCENE_SESSION, SCENE_SESSION, "session1", "nobody"};
    return names[draw(g, 4)];
}

static const char *draw_shell(struct game *g)
{
    return one_in(g, 10) ? "nowhere" : SCENE_SHELL;
}

static struct wire_peer_id draw_peer(struct game *g)
{
    struct wire_peer_id id;
    stub_peer_id(draw(g, 3), &id);
    return id;
}

/* --- memory -------------------------------------------------------------------------------------------------------- */

/* Randomness may be missing, too: that is the same to the engine. */
static void arm(struct station *st)
{
    st->crypto.random_fails = game.memory_is_short && one_in(&game, 60);
    if (game.memory_is_short && one_in(&game, 40))
        failmalloc_arm(draw(&game, 30), one_in(&game, 2));
}

static void disarm(struct station *st)
{
    st->crypto.random_fails = false;
    failmalloc_disarm();
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

static void say_something(struct game *g)
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
        answer(g, &g->asked[draw(g, g->n_asked < REQUESTS ? g->n_asked : REQUESTS)]); /* again */
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

static void relay_turn(struct game *g)
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
        g->asked[g->n_asked++ % REQUESTS] = asked;
        if (s->connected)
            answer(g, &asked);
    }
}

/* --- the application ----------------------------------------------------------------------------------------------- */

static void take_events(struct game *g)
{
    struct station *st = &g->s->station;
    for (struct syncshell_event *e = station_next(st); e; e = station_next(st)) {
        uint64_t ticket = event_ticket(e);
        uint64_t generation = 0;
        const char *session = event_string(e, SYNCSHELL_FIELD_SESSION_ID);
        event_integer(e, SYNCSHELL_FIELD_GENERATION, &generation);
        if (event_type(e) == SYNCSHELL_EVENT_REQUEST_FAILED && ticket != 0) {
            assert_true(ticket < TICKETS);
            if (g->failed[ticket])
                fail_msg("ticket %u fails twice", (unsigned)ticket);
            g->failed[ticket] = true;
        } else if (event_type(e) == SYNCSHELL_EVENT_OFFER_NEEDED && !one_in(g, 4)) {
            STATION_CALL(st, engine_session_offer(st->engine, g->s->now_us, station_ticket(st),
                                                  session, generation, "offer"));
        } else if (event_type(e) == SYNCSHELL_EVENT_OFFER && !one_in(g, 4)) {
            STATION_CALL(st, engine_session_answer(st->engine, g->s->now_us, station_ticket(st),
                                                   session, generation, "answer"));
        }
        if (one_in(g, 6))
            return; /* the rest later */
    }
}

static void report_files(struct game *g, bool manifest)
{
    struct station *st = &g->s->station;
    struct body_file_list l = {0};
    unsigned n = draw(g, 3);
    for (unsigned i = 0; i <= n; i++) {
        char path[8];
        snprintf(path, sizeof path, "f%02u", i);
        struct body_file f = one_in(g, 3) && !manifest ? file_partial(path, 100, 0, 50)
                                                       : file_done(path, "abcd", 100);
        f.done = f.done && !manifest;
        files_add(&l, f);
    }
    if (!manifest) {
        station_report(st, draw_session(g), &l);
        return;
    }
    STATION_CALL(st, engine_session_set_manifest(st->engine, g->s->now_us, station_ticket(st),
                                                 draw_session(g), &l));
    body_file_list_deinit(&l);
}

/* What a fake or a real relay shows, and what an invite says that it should. */
static struct wire_key draw_key(struct game *g)
{
    struct wire_key key;
    memset(key.text, one_in(g, 3) ? 'P' : 'K', WIRE_KEY_LENGTH - 1);
    key.text[WIRE_KEY_LENGTH - 1] = 'A';
    key.text[WIRE_KEY_LENGTH] = '\0';
    return key;
}

static void about_membership(struct game *g)
{
    static const enum message_type operations[] = {MESSAGE_REMOVE_MEMBER, MESSAGE_ROTATE_GROUP_KEY,
                                                   MESSAGE_TRANSFER_OWNERSHIP,
                                                   MESSAGE_DELETE_SYNCSHELL};
    struct station *st = &g->s->station;
    uint64_t now_us = g->s->now_us;
    enum message_type type = operations[draw(g, one_in(g, 8) ? 4 : 3)];
    struct invite invite = {.secret = g->s->secret, .owner_peer_id = g->s->other};
    struct recovery_code code = {"7YXW4KQ01N8DPZ3MB"};
    str_copy(invite.relay_url, sizeof invite.relay_url, "wss://relay.example:8443/way");
    switch (draw(g, 6)) {
    case 0:
        wire_id_set(&invite.syncshell_id, draw_shell(g));
        if (one_in(g, 3))
            invite.certificate_pin = draw_key(g);
        if (one_in(g, 10))
            str_copy(invite.relay_url, sizeof invite.relay_url, "wss://elsewhere.example");
        if (one_in(g, 3)) {
            invite_set_key_epoch(&invite, 1 + draw(g, 3));
            invite.secret.text[0] = 'T';
        }
        STATION_CALL(st, engine_join(st->engine, now_us, station_ticket(st), &invite));
        break;
    case 1:
        if (one_in(g, 8))
            STATION_CALL(st, engine_leave(st->engine, now_us, station_ticket(st), draw_shell(g)));
        break;
    case 2:
        if (one_in(g, 8))
            STATION_CALL(st, engine_create_syncshell(st->engine, now_us, station_ticket(st)));
        break;
    case 3:
        STATION_CALL(
            st, engine_redeem_code(st->engine, now_us, station_ticket(st), draw_shell(g), &code));
        break;
    default:
        STATION_CALL(st, engine_owner_operation(st->engine, now_us, station_ticket(st),
                                                draw_shell(g), type, draw_peer(g).text));
        break;
    }
}

static void about_session(struct game *g)
{
    struct station *st = &g->s->station;
    uint64_t now_us = g->s->now_us;
    uint64_t generation = draw(g, 5);
    const char *session = draw_session(g);
    const struct engine_link link = {.state = (int32_t)draw(g, 5),
                                     .cause = (enum cause)draw(g, CAUSE_COUNT),
                                     .ice_server = one_in(g, 2) ? "turn:b.example" : NULL};
    switch (draw(g, 10)) {
    case 0:
        STATION_CALL(st, engine_session_close(st->engine, now_us, station_ticket(st), session,
                                              (int32_t)draw(g, 5)));
        break;
    case 1:
        STATION_CALL(st,
                     engine_session_issue_code(st->engine, now_us, station_ticket(st), session));
        break;
    case 2:
        STATION_CALL(
            st, engine_session_request_recovery(st->engine, now_us, station_ticket(st), session));
        break;
    case 3:
        STATION_CALL(st, engine_session_offer(st->engine, now_us, station_ticket(st), session,
                                              generation, "offer"));
        break;
    case 4:
        STATION_CALL(st, engine_session_candidate(st->engine, now_us, station_ticket(st), session,
                                                  generation, "candidate",
                                                  one_in(g, 2) ? "0" : NULL, -1));
        break;
    case 5:
        STATION_CALL(st, engine_session_answer(st->engine, now_us, station_ticket(st), session,
                                               generation, "answer"));
        break;
    case 6:
    case 7:
        STATION_CALL(st, engine_session_link(st->engine, now_us, station_ticket(st), session,
                                             generation, &link));
        break;
    default:
        STATION_CALL(st, engine_session_open(st->engine, now_us, station_ticket(st), draw_shell(g),
                                             draw_peer(g).text, one_in(g, 2), session,
                                             one_in(g, 2) ? "label" : NULL));
        break;
    }
}

static void act(struct game *g)
{
    static const uint16_t close_codes[] = {1000, 1006, 4001, 4002, 4401};
    struct scene *s = g->s;
    switch (draw(g, 12)) {
    case 0:
        if (s->connected && one_in(g, 3))
            scene_drop(s, close_codes[draw(g, 5)]);
        break;
    case 1:
        scene_advance_ms(s, draw(g, one_in(g, 10) ? 300000 : 3000));
        break;
    case 2:
        if (one_in(g, 6))
            scene_restart(s);
        break;
    case 3:
        STATION_CALL(&s->station, engine_network_changed(s->station.engine, s->now_us));
        s->refuses = one_in(g, 6);
        if (one_in(g, 4))
            engine_connection_fault(s->station.engine, CODE_WRONG_CERTIFICATE_PIN);
        break;
    case 4:
        report_files(g, one_in(g, 3));
        break;
    case 5:
        about_membership(g);
        break;
    case 6:
    case 7:
        about_session(g);
        break;
    default:
        if (s->connected && g->greeted == s->n_dials)
            say_something(g);
        break;
    }
    scene_settle(s);
}

static void revive(struct game *g)
{
    struct scene *s = g->s;
    if (!engine_stopped(s->station.engine))
        return;
    g->n_stops++;
    assert_true(g->memory_is_short); /* nothing else stops it */
    bool was_short = g->memory_is_short;
    g->memory_is_short = false;
    scene_restart(s);
    g->memory_is_short = was_short;
}

/* --- and in the end ------------------------------------------------------------------------------------------------ */

/* Whatever it has come to believe: what is on its disk makes an engine that comes back, and asks to join. */
static void expect_return(struct game *g)
{
    struct scene *s = g->s;
    g->memory_is_short = s->refuses = false;
    scene_restart(s);
    if (station_records(&s->station, "syncshell") == 0)
        return;
    for (unsigned i = 0; i < 600 && !s->connected; i++)
        scene_advance_ms(s, 1000);
    assert_true(s->connected);
    scene_hello(s);
    scene_welcome(s);
    const struct message *m = scene_hear_any(s);
    assert_non_null(m);
    assert_true(m->type == MESSAGE_JOIN_SYNCSHELL || m->type == MESSAGE_CREATE_SYNCSHELL);
}

static unsigned play(uint64_t seed, bool memory_is_short)
{
    struct scene s;
    game = (struct game){.s = &s, .random = seed, .memory_is_short = memory_is_short};
    struct game *g = &game;
    scene_init(&s);
    s.hears_reports = s.hears_codes = s.hears_ice = true;
    s.station.before_call = arm;
    s.station.after_call = disarm;
    bool was_short = g->memory_is_short;
    g->memory_is_short = false;
    scene_boot(&s);
    g->greeted = s.n_dials;
    g->memory_is_short = was_short;
    for (unsigned i = 0; i < STEPS; i++) {
        relay_turn(g);
        revive(g);
        take_events(g);
        revive(g);
        act(g);
        revive(g);
    }
    expect_return(g);
    scene_deinit(&s);
    return g->n_stops;
}

static void p3_a_relay_may_say_anything(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        play(seed, false);
}

static void p3_a_relay_may_say_anything_while_memory_is_short(void **state)
{
    unsigned n_stops = 0;
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        n_stops += play(seed, true);
    assert_true(n_stops > 5 * SEEDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p3_a_relay_may_say_anything),
        cmocka_unit_test(p3_a_relay_may_say_anything_while_memory_is_short),
    };
    failmalloc_watch_jansson();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
