/* Everything has a limit, and its refusal a code; every type meets every state of a connection (P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

static void p6_pending_ops_max(void **state)
{
    struct world *w = *state;
    w->config.pending_ops_max = 3;
    world_start(w);
    struct pair p = world_pair(w);
    w->store_held = true;
    say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 1, "x");
    say_open(p.joiner, p.provider, "s2");
    say_routed(p.joiner, p.provider, MESSAGE_RECOVERY_REQUEST, "session", 1);
    /* Whatever needs the store is refused now... */
    const char *ids[8];
    ids[0] = say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 2, "x");
    ids[1] = say_open(p.joiner, p.provider, "s3");
    ids[2] = say_routed(p.joiner, p.provider, MESSAGE_RECOVERY_REQUEST, "session", 1);
    ids[3] = say_snapshot(p.joiner, "session", 0);
    ids[4] = say_close(p.joiner, "session", SESSION_OUTCOME_FAILED);
    ids[5] = say_create(p.joiner, "other");
    ids[6] = say_join(p.joiner, "other");
    ids[7] = say_leave(p.joiner, "shell");
    for (size_t i = 0; i < 8; i++)
        expect_error(p.joiner, ids[i], WIRE_CODE_TOO_MANY_REQUESTS);
    /* ... while signaling goes on, and others are not affected. */
    const char *id = say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_routed(p.provider, MESSAGE_RECONNECT_OFFER, id);
    say_snapshot(p.provider, "session", 0);
    world_store_run(w);
    for (int i = 0; i < 3; i++)
        expect(p.joiner, MESSAGE_STORED);
    w->store_held = false;
    forget(p.provider);
    id = say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 2, "x");
    expect_stored(p.joiner, id);
}

static void p6_ack_counts_as_pending(void **state)
{
    struct world *w = *state;
    w->config.pending_ops_max = 1;
    world_start(w);
    struct pair p = world_pair(w);
    say_routed(p.joiner, p.provider, MESSAGE_RECOVERY_REQUEST, "session", 1);
    forget(p.provider);
    w->store_held = true;
    say_ack(p.provider, 1);
    const char *id = say_ack(p.provider, 1);
    expect_error(p.provider, id, WIRE_CODE_TOO_MANY_REQUESTS);
}

static void p6_slow_reader_by_bytes(void **state)
{
    struct world *w = *state;
    w->config.queue_bytes_max = 2000;
    world_start(w);
    struct pair p = world_pair(w);
    p.provider->stalled = true;
    for (int i = 0; i < 4; i++)
        say_routed(p.joiner, p.provider, i ? MESSAGE_ICE_CANDIDATE : MESSAGE_RECONNECT_OFFER,
                   "session", 1);
    assert_non_null(p.provider->connection);
    struct core_stats stats;
    core_stats(w->core, &stats);
    assert_true(stats.queued_bytes > 0 && stats.queued_bytes <= 2000);
    for (int i = 0; i < 4; i++)
        say_routed(p.joiner, p.provider, MESSAGE_ICE_CANDIDATE, "session", 1);
    assert_null(p.provider->connection);
    expect_closed(p.provider, 4002);
    assert_string_equal(p.provider->close_reason, "slow_reader");
    expect(p.joiner, MESSAGE_HELD);
    core_stats(w->core, &stats);
    assert_int_equal(stats.queued_bytes, 0);
}

static void p6_send_is_announced_once(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    c->stalled = true;
    w->n_sends = 0;
    say_leave(c, "nowhere");
    say_leave(c, "nowhere");
    assert_int_equal(w->n_sends, 1);
    client_pull(c, 1);
    say_leave(c, "nowhere");
    assert_int_equal(w->n_sends, 1);
    client_pull(c, 2);
    say_leave(c, "nowhere");
    assert_int_equal(w->n_sends, 2);
}

static void p6_slow_reader_of_replies(void **state)
{
    struct world *w = *state;
    w->config.queue_frames_max = 5;
    world_start(w);
    struct client *c = client_online(w, 0);
    c->stalled = true;
    for (int i = 0; i < 5; i++)
        say_leave(c, "nowhere");
    assert_non_null(c->connection);
    c->lingers = true;
    say_leave(c, "nowhere");
    expect_closed(c, 4002);
    assert_false(core_connection_pending(c->connection)); /* its memory is free at once */
}

static void p6_slow_reader_of_presence(void **state)
{
    struct world *w = *state;
    w->config.queue_frames_max = 8;
    world_start(w);
    struct pair p = world_pair(w);
    p.provider->stalled = true;
    p.joiner->stalled = true;
    /* Both are dropped in the middle of the same announcement. */
    for (unsigned i = 2; i < 12; i++) {
        struct client *c = client_online(w, i);
        say_join(c, "shell");
        forget(c);
    }
    expect_closed(p.provider, 4002);
    expect_closed(p.joiner, 4002);
    /* The others are well, and know. */
    assert_non_null(client_at(w, 11)->connection);
    forget(client_at(w, 11));
}

static void p6_frame_larger_than_the_queue_goes_alone(void **state)
{
    struct world *w = *state;
    w->config.queue_bytes_max = 10;
    world_start(w);
    struct pair p = world_pair(w);
    const char *id = say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_routed(p.provider, MESSAGE_RECONNECT_OFFER, id);
}

static void p6_undrained_events_are_dropped(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    static const char frame[] = "{\"type\":\"Surprise\"}";
    c->stalled = true;
    for (int i = 0; i < 5000; i++) {
        core_receive(c->connection, w->now_us, false, (const uint8_t *)frame, strlen(frame));
        while (core_connection_pending(c->connection))
            frame_unref(core_connection_pull(c->connection, w->now_us));
    }
    struct core_stats stats;
    core_stats(w->core, &stats);
    assert_int_equal(stats.events_dropped, 5000 - 4096);
    c->stalled = false;
    world_settle(w);
    assert_int_equal(w->n_events[CORE_EVENT_REFUSED], 4096);
}

static void p6_freed_with_effects_not_taken(void **state)
{
    struct world *w = *state;
    struct client *c = client_online(w, 0);
    w->store_held = true;
    say_create(c, "shell"); /* taken */
    world_store_run(w);
    forget(c);
    struct message m;
    struct buf out = BUF_INIT(4096);
    make_join(c, "shell", &m);
    wire_id_set(&m.join_syncshell.message_id, "j");
    assert_int_equal(message_encode(&m, &out), 0);
    core_receive(c->connection, w->now_us, false, out.data, out.size); /* not taken */
    buf_deinit(&out);
    core_disconnect(c->connection, w->now_us);
    c->connection = NULL;
    core_free(w->core);
    world_start(w);
    assert_null(core_free(NULL));
}

/* --- every type in every state ------------------------------------------------------------------------------------- */

enum stage {
    STAGE_HELLO,
    STAGE_ONLINE,
    STAGE_JOINED,
    STAGE_CLOSED,
    STAGES,
};

static struct client *client_in(struct world *w, enum stage stage)
{
    struct client *c = client_at(w, 20);
    client_connect(c);
    if (stage == STAGE_HELLO)
        return c;
    say_authenticate(c);
    if (stage == STAGE_CLOSED) {
        c->lingers = true;
        core_heartbeat_missed(c->connection, w->now_us);
        world_settle(w);
    } else if (stage == STAGE_JOINED) {
        say_join(c, "shell");
    }
    forget(c);
    return c;
}

/* A frame of that type by that client, well-formed; about a session that is not there. */
static void make_any(struct client *c, enum message_type type, struct message *ret_message)
{
    struct client *owner = client_at(c->world, 0);
    struct message m = {.type = type};
    if (type == MESSAGE_AUTHENTICATE) {
        make_authenticate(c, &m);
    } else if (type == MESSAGE_JOIN_SYNCSHELL) {
        make_join(c, "shell", &m);
    } else if (type == MESSAGE_LEAVE_SYNCSHELL) {
        wire_id_set(&m.leave_syncshell.syncshell_id, "shell");
    } else if (type == MESSAGE_ACK_INBOX) {
        wire_id_set(&m.ack_inbox.syncshell_id, "shell");
        m.ack_inbox.inbox_seq = 1;
    } else if (type == MESSAGE_SESSION_OPEN) {
        wire_id_set(&m.session_open.syncshell_id, "shell");
        wire_id_set(&m.session_open.recovery_session_id, "new");
        m.session_open.joiner_peer_id = c->peer_id;
        m.session_open.provider_peer_id = owner->peer_id;
    } else if (type == MESSAGE_SESSION_SNAPSHOT_REQUEST) {
        wire_id_set(&m.session_snapshot_request.syncshell_id, "shell");
        wire_id_set(&m.session_snapshot_request.recovery_session_id, "none");
    } else if (type == MESSAGE_ICE_SERVERS_REQUEST) {
        wire_id_set(&m.ice_servers_request.syncshell_id, "shell");
        wire_id_set(&m.ice_servers_request.recovery_session_id, "none");
        m.ice_servers_request.attempt = 1;
    } else if (type == MESSAGE_CONNECTION_REPORT) {
        wire_id_set(&m.connection_report.syncshell_id, "shell");
        wire_id_set(&m.connection_report.recovery_session_id, "none");
        m.connection_report.attempt = 1;
        m.connection_report.result = REPORT_RESULT_CONNECTED;
    } else if (type == MESSAGE_SESSION_CLOSE) {
        wire_id_set(&m.session_close.syncshell_id, "shell");
        wire_id_set(&m.session_close.recovery_session_id, "none");
        m.session_close.outcome = SESSION_OUTCOME_FAILED;
    } else if (type == MESSAGE_ISSUE_RECOVERY_CODE) {
        wire_id_set(&m.issue_recovery_code.syncshell_id, "shell");
        wire_id_set(&m.issue_recovery_code.recovery_session_id, "none");
        memset(m.issue_recovery_code.code_sha256.text, 'a', WIRE_SHA256_LENGTH);
    } else if (type == MESSAGE_REDEEM_RECOVERY_CODE) {
        wire_id_set(&m.redeem_recovery_code.syncshell_id, "shell");
        memset(m.redeem_recovery_code.code.text, '7', RECOVERY_CODE_LENGTH);
    } else if (type == MESSAGE_REMOVE_MEMBER || type == MESSAGE_ROTATE_GROUP_KEY ||
               type == MESSAGE_TRANSFER_OWNERSHIP || type == MESSAGE_DELETE_SYNCSHELL) {
        make_owner(c, type, 1, owner, &m);
    } else if (type == MESSAGE_SESSION_PROGRESS || type == MESSAGE_SESSION_CHECKPOINT) {
        wire_id_set(&m.session_entry.syncshell_id, "shell");
        wire_id_set(&m.session_entry.recovery_session_id, "none");
        m.session_entry.base_version = 1;
        m.session_entry.body_format = BODY_FORMAT_SEALED;
        m.body = (const uint8_t *)"x";
        m.body_size = 1;
    } else {
        make_routed(c, owner, type, "none", 1, &m);
    }
    *ret_message = m;
}

struct reaction {
    enum message_type type;
    enum wire_code code
        [STAGES]; /* of the Error; NONE: `answer` in the stages where it is allowed, nothing when closed */
    enum message_type answer;
};

/* Before Authenticate nothing else; without joining nothing inside a syncshell; after a close nothing at all. */
#define INSIDE(type, code, answer)                                                                \
    {                                                                                             \
        MESSAGE_##type, {WIRE_CODE_NOT_AUTHENTICATED, WIRE_CODE_NOT_JOINED, WIRE_CODE_##code, 0}, \
            answer                                                                                \
    }

static const struct reaction reactions[] = {
    {MESSAGE_AUTHENTICATE,
     {0, WIRE_CODE_ALREADY_AUTHENTICATED, WIRE_CODE_ALREADY_AUTHENTICATED, 0},
     MESSAGE_WELCOME},
    {MESSAGE_JOIN_SYNCSHELL, {WIRE_CODE_NOT_AUTHENTICATED, 0, 0, 0}, MESSAGE_SYNCSHELL_JOINED},
    {MESSAGE_CREATE_SYNCSHELL, {WIRE_CODE_NOT_AUTHENTICATED, 0, 0, 0}, MESSAGE_STORED},
    INSIDE(LEAVE_SYNCSHELL, NONE, MESSAGE_STORED),
    INSIDE(REMOVE_MEMBER, NOT_OWNER, MESSAGE_NONE),
    INSIDE(ROTATE_GROUP_KEY, NOT_OWNER, MESSAGE_NONE),
    INSIDE(TRANSFER_OWNERSHIP, NOT_OWNER, MESSAGE_NONE),
    INSIDE(DELETE_SYNCSHELL, NOT_OWNER, MESSAGE_NONE),
    INSIDE(RECONNECT_OFFER, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(RECONNECT_ANSWER, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(ICE_CANDIDATE, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(RECOVERY_REQUEST, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(RECOVERY_RESPONSE, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(ACK_INBOX, BAD_CURSOR, MESSAGE_NONE),
    INSIDE(SESSION_OPEN, NONE, MESSAGE_STORED),
    INSIDE(SESSION_PROGRESS, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(SESSION_CHECKPOINT, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(SESSION_SNAPSHOT_REQUEST, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(SESSION_CLOSE, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(ISSUE_RECOVERY_CODE, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(REDEEM_RECOVERY_CODE, WRONG_RECOVERY_CODE, MESSAGE_NONE),
    INSIDE(CONNECTION_REPORT, UNKNOWN_SESSION, MESSAGE_NONE),
    INSIDE(ICE_SERVERS_REQUEST, UNKNOWN_SESSION, MESSAGE_NONE),
};

static void react(struct world *w, const struct reaction *reaction, enum stage stage)
{
    struct message m;
    struct client *c = client_in(w, stage);
    const char *id;
    if (reaction->type == MESSAGE_CREATE_SYNCSHELL) {
        id = say_create(c, stage == STAGE_ONLINE ? "fresh1" : "fresh2");
    } else {
        make_any(c, reaction->type, &m);
        id = say(c, &m);
    }
    if (stage == STAGE_CLOSED) {
        expect_nothing(c);
    } else if (reaction->code[stage] != WIRE_CODE_NONE) {
        expect_error(c, id, reaction->code[stage]);
        assert_int_equal(c->close_code, wire_code_close(reaction->code[stage]));
    } else {
        expect(c, reaction->answer);
    }
    expect_nothing(c);
    c->lingers = false;
    client_disconnect(c);
    forget(client_at(w, 0));
}

static void p6_every_type_in_every_state(void **state)
{
    struct world *w = *state;
    bool covered[MESSAGE_COUNT] = {false};
    world_pair(w);
    for (size_t i = 0; i < sizeof reactions / sizeof reactions[0]; i++) {
        covered[reactions[i].type] = true;
        for (int stage = 0; stage < STAGES; stage++)
            react(w, &reactions[i], (enum stage)stage);
    }
    /* What is not in the table only the relay sends. */
    for (int type = 1; type < MESSAGE_COUNT; type++) {
        char frame[128];
        if (covered[type])
            continue;
        int size = snprintf(frame, sizeof frame, "{\"type\":\"%s\",\"messageId\":\"m\"}",
                            message_type_name((enum message_type)type));
        for (int stage = 0; stage < STAGE_CLOSED; stage++) {
            struct client *c = client_in(w, (enum stage)stage);
            say_raw(c, false, frame, (size_t)size);
            expect_error(c, "m",
                         stage == STAGE_HELLO ? WIRE_CODE_NOT_AUTHENTICATED
                                              : WIRE_CODE_UNEXPECTED_TYPE);
            client_disconnect(c);
        }
    }
    forget(client_at(w, 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CONFIGURED_TEST(p6_pending_ops_max),
        CONFIGURED_TEST(p6_ack_counts_as_pending),
        CONFIGURED_TEST(p6_slow_reader_by_bytes),
        WORLD_TEST(p6_send_is_announced_once),
        CONFIGURED_TEST(p6_slow_reader_of_replies),
        CONFIGURED_TEST(p6_slow_reader_of_presence),
        CONFIGURED_TEST(p6_frame_larger_than_the_queue_goes_alone),
        WORLD_TEST(p6_undrained_events_are_dropped),
        WORLD_TEST(p6_freed_with_effects_not_taken),
        WORLD_TEST(p6_every_type_in_every_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
