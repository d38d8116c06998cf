/* Recovery sessions: stored means stored (P2), who may (P1), how much (P6). */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "world.h"

#define PROGRESS   MESSAGE_SESSION_PROGRESS
#define CHECKPOINT MESSAGE_SESSION_CHECKPOINT

static void expect_version(struct client *c, const char *in_reply_to, uint64_t version,
                           bool duplicate)
{
    expect_stored(c, in_reply_to);
    assert_true(c->current.stored.has_version);
    assert_int_equal(c->current.stored.version, version);
    assert_int_equal(c->current.stored.duplicate, duplicate);
}

static void p2_open_answered_after_commit(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    const char *id = say_open(p.joiner, p.provider, "s2");
    expect_nothing(p.joiner);
    expect_nothing(p.provider);
    /* Nobody may act on what is not on disk. */
    const char *early = say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "s2", 1);
    expect_error(p.joiner, early, WIRE_CODE_UNKNOWN_SESSION);
    world_store_step(w, STORE_OPEN_SESSION);
    expect_version(p.joiner, id, 1, false);
    const struct message_session_summary *s =
        &expect(p.provider, MESSAGE_SESSION_CHANGED)->session_changed.session;
    assert_string_equal(s->recovery_session_id.text, "s2");
    assert_string_equal(s->joiner_peer_id.text, p.joiner->peer_id.text);
    assert_string_equal(s->provider_peer_id.text, p.provider->peer_id.text);
    assert_int_equal(s->state, SESSION_STATE_OPEN);
    assert_int_equal(s->version, 1);
    assert_int_equal(s->generation, 0);
    assert_int_equal(w->n_events[CORE_EVENT_SESSION_OPENED], 2);
}

static void p2_open_again(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    const char *id = say_open(p.joiner, p.provider, "session");
    expect_version(p.joiner, id, 1, true);
    expect_nothing(p.provider);
    assert_int_equal(w->n_events[CORE_EVENT_SESSION_OPENED], 1);
}

static void p2_opened_by_the_provider(void **state)
{
    struct pair p = world_pair(*state);
    struct message m = {.type = MESSAGE_SESSION_OPEN, .body = (const uint8_t *)"x", .body_size = 1};
    wire_id_set(&m.session_open.syncshell_id, "shell");
    wire_id_set(&m.session_open.recovery_session_id, "s2");
    m.session_open.joiner_peer_id = p.joiner->peer_id;
    m.session_open.provider_peer_id = p.provider->peer_id;
    m.session_open.body_format = BODY_FORMAT_SEALED;
    const char *id = say(p.provider, &m);
    expect_version(p.provider, id, 1, false);
    expect(p.joiner, MESSAGE_SESSION_CHANGED);
}

static void p1_open_refusals(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    struct client *stranger = client_at(w, 5);
    struct message m = {.type = MESSAGE_SESSION_OPEN};
    forget(p.joiner);
    wire_id_set(&m.session_open.syncshell_id, "shell");
    wire_id_set(&m.session_open.recovery_session_id, "s2");
    m.session_open.joiner_peer_id = p.joiner->peer_id;
    m.session_open.provider_peer_id = p.provider->peer_id;
    const char *id = say(third, &m);
    expect_error(third, id, WIRE_CODE_NOT_PARTICIPANT);
    id = say_open(p.joiner, stranger, "s2");
    expect_error(p.joiner, id, WIRE_CODE_UNKNOWN_TARGET);
    id = say_open(p.joiner, third, "session");
    expect_error(p.joiner, id, WIRE_CODE_SESSION_EXISTS);
    say_close(p.joiner, "session", SESSION_OUTCOME_FAILED);
    forget(p.joiner);
    id = say_open(p.joiner, p.provider, "session");
    expect_error(p.joiner, id, WIRE_CODE_SESSION_CLOSED);
    expect_nothing(third);
}

static void p2_append_and_checkpoint(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    const char *first = say_entry(p.joiner, PROGRESS, "session", 1, "one");
    const char *second = say_entry(p.joiner, PROGRESS, "session", 2, "two");
    const char *third = say_entry(p.joiner, CHECKPOINT, "session", 3, "both");
    expect_nothing(p.joiner);
    world_store_step(w, STORE_APPEND_ENTRY);
    expect_version(p.joiner, first, 2, false);
    expect_nothing(p.joiner);
    world_store_step(w, STORE_APPEND_ENTRY);
    expect_version(p.joiner, second, 3, false);
    world_store_step(w, STORE_CHECKPOINT);
    expect_version(p.joiner, third, 4, false);
    w->store_held = false;
    client_reconnect(p.joiner, "shell");
    assert_int_equal(p.joiner->current.syncshell_joined.sessions[0].version, 4);
}

static void p2_repeated_entry(void **state)
{
    struct pair p = world_pair(*state);
    struct message m = {.type = PROGRESS, .body = (const uint8_t *)"x", .body_size = 1};
    wire_id_set(&m.session_entry.message_id, "entry");
    wire_id_set(&m.session_entry.syncshell_id, "shell");
    wire_id_set(&m.session_entry.recovery_session_id, "session");
    m.session_entry.base_version = 1;
    m.session_entry.body_format = BODY_FORMAT_SEALED;
    say(p.joiner, &m);
    expect_version(p.joiner, "entry", 2, false);
    say_entry(p.joiner, PROGRESS, "session", 2, "more");
    expect(p.joiner, MESSAGE_STORED);
    say(p.joiner, &m);
    expect_version(p.joiner, "entry", 2, true);
}

static void p2_version_conflict(void **state)
{
    struct pair p = world_pair(*state);
    say_entry(p.joiner, PROGRESS, "session", 1, "x");
    expect(p.joiner, MESSAGE_STORED);
    const char *id = say_entry(p.joiner, PROGRESS, "session", 1, "y");
    expect_error(p.joiner, id, WIRE_CODE_VERSION_CONFLICT);
    assert_true(p.joiner->current.error.has_version);
    assert_int_equal(p.joiner->current.error.version, 2);
}

static void p1_entry_refusals(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    forget(p.joiner);
    forget(p.provider);
    const char *id = say_entry(p.provider, PROGRESS, "session", 1, "x");
    expect_error(p.provider, id, WIRE_CODE_NOT_PARTICIPANT);
    id = say_entry(third, CHECKPOINT, "session", 1, "x");
    expect_error(third, id, WIRE_CODE_NOT_PARTICIPANT);
    id = say_entry(p.joiner, PROGRESS, "other", 1, "x");
    expect_error(p.joiner, id, WIRE_CODE_UNKNOWN_SESSION);
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    forget(p.joiner);
    id = say_entry(p.joiner, PROGRESS, "session", 1, "x");
    expect_error(p.joiner, id, WIRE_CODE_SESSION_CLOSED);
    assert_int_equal(w->n_ops[STORE_APPEND_ENTRY] + w->n_ops[STORE_CHECKPOINT], 0);
}

static void p2_entry_failing_store(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->fail = WIRE_CODE_STORE_FULL;
    const char *id = say_entry(p.joiner, PROGRESS, "session", 1, "x");
    expect_error(p.joiner, id, WIRE_CODE_STORE_FULL);
    id = say_entry(p.joiner, PROGRESS, "session", 1, "x");
    expect_version(p.joiner, id, 2, false);
}

static void p6_session_log_max(void **state)
{
    struct world *w = *state;
    w->config.session_log_bytes_max = 10 + 2 * STORE_ENTRY_BYTES; /* one is SessionOpen's */
    world_start(w);
    struct pair p = world_pair(w);
    say_entry(p.joiner, PROGRESS, "session", 1, "12345678");
    expect(p.joiner, MESSAGE_STORED);
    const char *id = say_entry(p.joiner, PROGRESS, "session", 2, "123");
    expect_error(p.joiner, id, WIRE_CODE_SESSION_FULL);
    id = say_entry(p.joiner, CHECKPOINT, "session", 2, "123");
    expect_version(p.joiner, id, 3, false);
}

/* Two entries and 10 bytes are each session's own, and twice that is for both, of which one may have half. */
static void p6_syncshell_log_max(void **state)
{
    enum { PART_BYTES = 10 + 2 * STORE_ENTRY_BYTES, BODY_BYTES = 10 + PART_BYTES };
    struct world *w = *state;
    char body[BODY_BYTES + 2] = {0};
    w->config.sessions_max = 2;
    w->config.syncshell_log_bytes_max = (uint64_t)4 * PART_BYTES;
    world_start(w);
    struct pair p = world_pair(w);
    say_open(p.provider, p.joiner, "theirs");
    forget(p.joiner);
    forget(p.provider);
    memset(body, 'x', BODY_BYTES);
    say_entry(p.joiner, PROGRESS, "session", 1, body);
    expect(p.joiner, MESSAGE_STORED);
    const char *id = say_entry(p.joiner, PROGRESS, "session", 2, "1");
    expect_error(p.joiner, id, WIRE_CODE_LOG_SHARE);
    assert_int_equal(core_refusals(w->core, WIRE_CODE_LOG_SHARE), 1);
    memset(body, 'x', BODY_BYTES + 1);
    id = say_entry(p.provider, PROGRESS, "theirs", 1, body);
    expect_error(p.provider, id, WIRE_CODE_SYNCSHELL_QUOTA);
    id = say_entry(p.provider, PROGRESS, "theirs", 1, body + 1);
    expect_version(p.provider, id, 2, false);
    id = say_entry(p.joiner, CHECKPOINT, "session", 2, "123");
    expect_version(p.joiner, id, 3, false);
}

static void p6_sessions_max(void **state)
{
    struct world *w = *state;
    w->config.sessions_max = 2;
    world_start(w);
    struct pair p = world_pair(w);
    const char *id = say_open(p.joiner, p.provider, "s2");
    expect_error(p.joiner, id, WIRE_CODE_SESSIONS_SHARE);
    assert_int_equal(core_refusals(w->core, WIRE_CODE_SESSIONS_SHARE), 1);
    id = say_open(p.provider, p.joiner, "s2"); /* half of them is the others' */
    expect_version(p.provider, id, 1, false);
    forget(p.joiner);
    id = say_open(p.joiner, p.provider, "s3");
    expect_error(p.joiner, id, WIRE_CODE_TOO_MANY_SESSIONS);
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    forget(p.joiner);
    id = say_open(p.joiner, p.provider, "s3");
    expect_version(p.joiner, id, 1, false);
}

static void p6_tombstones_max(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    for (unsigned i = 0; i < 1024; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        say_open(p.joiner, p.provider, name);
        say_close(p.joiner, name, SESSION_OUTCOME_COMPLETED);
    }
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    forget(p.joiner);
    forget(p.provider);
    /* One too many: the one that was closed first is forgotten. */
    const char *id = say_close(p.joiner, "s0", SESSION_OUTCOME_COMPLETED);
    expect_error(p.joiner, id, WIRE_CODE_UNKNOWN_SESSION);
    id = say_snapshot(p.joiner, "s1", 0);
    expect_error(p.joiner, id, WIRE_CODE_SESSION_CLOSED);
    id = say_snapshot(p.joiner, "session", 0);
    expect_error(p.joiner, id, WIRE_CODE_SESSION_CLOSED);
}

static void p2_snapshot(void **state)
{
    struct pair p = world_pair(*state);
    const char *entry = say_entry(p.joiner, PROGRESS, "session", 1, "one");
    expect_version(p.joiner, entry, 2, false);
    say_entry(p.joiner, PROGRESS, "session", 2, "three");
    expect(p.joiner, MESSAGE_STORED);
    const char *id = say_snapshot(p.joiner, "session", 0);
    const struct message *m = expect(p.joiner, MESSAGE_SESSION_SNAPSHOT);
    const struct message_session_snapshot *s = &m->session_snapshot;
    assert_string_equal(s->in_reply_to.text, id);
    assert_string_equal(s->syncshell_id.text, "shell");
    assert_string_equal(s->recovery_session_id.text, "session");
    assert_int_equal(s->version, 3);
    assert_true(s->complete);
    assert_int_equal(s->n_entries, 3);
    assert_int_equal(s->entries[0].type, MESSAGE_SESSION_OPEN);
    assert_int_equal(s->entries[0].size_bytes, 0);
    assert_int_equal(s->entries[2].version, 3);
    assert_int_equal(m->body_size, 8);
    assert_memory_equal(m->body, "onethree", 8);
    /* The provider may read it, too. */
    say_snapshot(p.provider, "session", 2);
    m = expect(p.provider, MESSAGE_SESSION_SNAPSHOT);
    assert_int_equal(m->session_snapshot.n_entries, 1);
    assert_memory_equal(m->body, "three", 5);
    /* Nothing above the version. */
    say_snapshot(p.joiner, "session", 3);
    m = expect(p.joiner, MESSAGE_SESSION_SNAPSHOT);
    assert_int_equal(m->session_snapshot.n_entries, 0);
    assert_true(m->session_snapshot.complete);
}

static void p2_snapshot_in_pages(void **state)
{
    struct world *w = *state;
    w->config.queue_bytes_max = 2000;
    world_start(w);
    struct pair p = world_pair(w);
    char body[601];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    for (uint64_t v = 1; v <= 3; v++) {
        say_entry(p.joiner, PROGRESS, "session", v, body);
        expect(p.joiner, MESSAGE_STORED);
    }
    uint64_t after = 0;
    for (int page = 0; page < 3; page++) {
        say_snapshot(p.joiner, "session", after);
        const struct message_session_snapshot *s =
            &expect(p.joiner, MESSAGE_SESSION_SNAPSHOT)->session_snapshot;
        assert_int_equal(s->version, 4);
        assert_int_equal(s->complete, page == 2);
        after = s->entries[s->n_entries - 1].version;
    }
    assert_int_equal(after, 4);
}

static void p6_snapshots_wait_for_the_reader(void **state)
{
    struct world *w = *state;
    w->config.queue_bytes_max = 4000;
    world_start(w);
    struct pair p = world_pair(w);
    char body[1501];
    memset(body, 'x', sizeof body - 1);
    body[sizeof body - 1] = '\0';
    say_entry(p.joiner, PROGRESS, "session", 1, body);
    expect(p.joiner, MESSAGE_STORED);
    p.joiner->stalled = true;
    for (int i = 0; i < 10; i++)
        say_snapshot(p.joiner, "session", 0);
    assert_int_equal(w->n_ops[STORE_READ_SNAPSHOT], 1);
    assert_non_null(p.joiner->connection);
    for (size_t i = 1; i <= 10; i++) {
        assert_int_equal(w->n_ops[STORE_READ_SNAPSHOT], i);
        client_pull(p.joiner, 1);
        expect(p.joiner, MESSAGE_SESSION_SNAPSHOT);
    }
    p.joiner->stalled = false;
    expect_nothing(p.joiner);
}

static void p6_disconnected_with_waiting_snapshots(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    for (int i = 0; i < 5; i++)
        say_snapshot(p.joiner, "session", 0);
    assert_int_equal(w->n_ops[STORE_READ_SNAPSHOT], 1);
    client_disconnect(p.joiner);
    world_store_run(w);
    assert_int_equal(w->n_ops[STORE_READ_SNAPSHOT], 1);
}

static void p1_snapshot_refusals(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    const char *id = say_snapshot(third, "session", 0);
    expect_error(third, id, WIRE_CODE_NOT_PARTICIPANT);
    forget(p.joiner);
    id = say_snapshot(p.joiner, "other", 0);
    expect_error(p.joiner, id, WIRE_CODE_UNKNOWN_SESSION);
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    id = say_snapshot(p.joiner, "session", 0);
    expect_error(p.joiner, id, WIRE_CODE_STORE_UNAVAILABLE);
    say_snapshot(p.joiner, "session", 0); /* the next is not held up */
    expect(p.joiner, MESSAGE_SESSION_SNAPSHOT);
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    forget(p.joiner);
    id = say_snapshot(p.joiner, "session", 0);
    expect_error(p.joiner, id, WIRE_CODE_SESSION_CLOSED);
}

static void p2_close(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    w->store_held = true;
    const char *id = say_close(p.provider, "session", SESSION_OUTCOME_COMPLETED);
    expect_nothing(p.provider);
    expect_nothing(p.joiner);
    world_store_step(w, STORE_CLOSE_SESSION);
    w->store_held = false;
    expect_stored(p.provider, id);
    assert_false(p.provider->current.stored.duplicate);
    const struct message_session_summary *s =
        &expect(p.joiner, MESSAGE_SESSION_CHANGED)->session_changed.session;
    assert_int_equal(s->state, SESSION_STATE_CLOSED);
    assert_int_equal(s->outcome, SESSION_OUTCOME_COMPLETED);
    expect_nothing(p.provider);
    /* Again, with another outcome: the first stays. */
    id = say_close(p.joiner, "session", SESSION_OUTCOME_FAILED);
    expect_stored(p.joiner, id);
    assert_true(p.joiner->current.stored.duplicate);
    expect_nothing(p.provider);
    client_reconnect(p.joiner, "shell");
    assert_int_equal(p.joiner->current.syncshell_joined.sessions[0].outcome,
                     SESSION_OUTCOME_COMPLETED);
    assert_int_equal(w->n_events[CORE_EVENT_SESSION_CLOSED], 1);
}

static void p1_close_refusals(void **state)
{
    struct world *w = *state;
    world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    const char *id = say_close(third, "session", SESSION_OUTCOME_FAILED);
    expect_error(third, id, WIRE_CODE_NOT_PARTICIPANT);
    id = say_close(third, "other", SESSION_OUTCOME_FAILED);
    expect_error(third, id, WIRE_CODE_UNKNOWN_SESSION);
}

static void p1_joined_lists_own_sessions_only(void **state)
{
    struct world *w = *state;
    world_pair(w);
    struct client *third = client_joined(w, 2, "shell");
    assert_int_equal(third->current.syncshell_joined.n_sessions, 0);
}

static void p6_joined_prefers_open_sessions(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    for (unsigned i = 0; i < WIRE_SESSIONS_MAX + 10; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        say_open(p.joiner, p.provider, name);
        say_close(p.joiner, name, SESSION_OUTCOME_COMPLETED);
    }
    client_reconnect(p.joiner, "shell");
    const struct message_syncshell_joined *j = &p.joiner->current.syncshell_joined;
    assert_int_equal(j->n_sessions, WIRE_SESSIONS_MAX);
    assert_string_equal(j->sessions[0].recovery_session_id.text, "session");
    assert_int_equal(j->sessions[0].state, SESSION_STATE_OPEN);
    assert_string_equal(j->sessions[1].recovery_session_id.text, "s137");
}

static void p6_expired_session_is_swept(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    client_disconnect(p.provider);
    forget(p.joiner);
    world_advance_ms(w, w->config.session_ttl_ms - 60000);
    say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    forget(p.joiner);
    world_advance_ms(w, 120000);
    expect_undeliverable(p.joiner, w->said[(w->n_said - 1) % WORLD_SAID_MAX].text,
                         WIRE_CODE_EXPIRED);
    expect_nothing(p.joiner); /* the attempt has put it off */
    world_advance_ms(w, w->config.session_ttl_ms - 60000);
    const struct message_session_summary *s =
        &expect(p.joiner, MESSAGE_SESSION_CHANGED)->session_changed.session;
    assert_int_equal(s->state, SESSION_STATE_CLOSED);
    assert_int_equal(s->outcome, SESSION_OUTCOME_FAILED);
    const char *id = say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 2);
    expect_error(p.joiner, id, WIRE_CODE_SESSION_EXPIRED);
    id = say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 1, "late");
    expect_error(p.joiner, id, WIRE_CODE_SESSION_EXPIRED);
    expect_error(p.joiner, say_open(p.joiner, p.provider, "session"), WIRE_CODE_SESSION_EXPIRED);
    world_restart(w);
    client_reconnect(p.joiner, "shell");
    id = say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 1, "late");
    expect_error(p.joiner, id, WIRE_CODE_SESSION_EXPIRED);
    expect_stored(p.joiner, say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED));
    say_join(p.joiner, "shell");
    assert_int_equal(expect(p.joiner, MESSAGE_SYNCSHELL_JOINED)->syncshell_joined.n_sessions, 1);
    /* The tombstone goes, too. */
    world_advance_ms(w, w->config.tombstone_ttl_ms + 60000);
    client_reconnect(p.joiner, "shell");
    assert_int_equal(p.joiner->current.syncshell_joined.n_sessions, 0);
}

static void p6_tombstone_expires_in_memory(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    world_advance_ms(w, w->config.tombstone_ttl_ms - 1);
    client_reconnect(p.joiner, "shell"); /* the provider keeps the syncshell loaded */
    assert_int_equal(p.joiner->current.syncshell_joined.n_sessions, 1);
    world_advance_ms(w, 1);
    client_reconnect(p.joiner, "shell");
    assert_int_equal(p.joiner->current.syncshell_joined.n_sessions, 0);
    assert_int_equal(w->n_ops[STORE_LOAD_SYNCSHELL], 1);
}

/* The store forgets the tombstone by itself: nobody joins meanwhile, which is when memory would. */
static void p2_an_id_whose_tombstone_expired_opens_a_new_session(void **state)
{
    struct world *w = *state;
    struct pair p = world_pair(w);
    say_close(p.joiner, "session", SESSION_OUTCOME_COMPLETED);
    world_advance_ms(w, w->config.tombstone_ttl_ms + 60000);
    forget(p.joiner);
    forget(p.provider);
    expect_stored(p.joiner, say_open(p.joiner, p.provider, "session"));
    const struct message_session_summary *s =
        &expect(p.provider, MESSAGE_SESSION_CHANGED)->session_changed.session;
    assert_int_equal(s->state, SESSION_STATE_OPEN);
    expect_stored(p.joiner, say_entry(p.joiner, MESSAGE_SESSION_PROGRESS, "session", 1, "new"));
    const char *id = say_routed(p.joiner, p.provider, MESSAGE_RECONNECT_OFFER, "session", 1);
    expect_routed(p.provider, MESSAGE_RECONNECT_OFFER, id);
}

static void p6_sweep_in_steps(void **state)
{
    struct world *w = *state;
    w->config.sessions_max = 1000;
    w->config.session_ttl_ms = 1000;
    w->config.pending_ops_max = 1000;
    world_start(w);
    struct pair p = world_pair(w);
    for (unsigned i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "s%u", i);
        say_open(p.joiner, p.provider, name);
    }
    client_disconnect(p.joiner);
    client_disconnect(p.provider);
    w->store_held = true;
    world_advance_ms(w, 60000);
    assert_int_equal(w->n_ops[STORE_SWEEP], 1);
    world_advance_ms(w, 300000);
    assert_int_equal(w->n_ops[STORE_SWEEP], 1); /* one at a time */
    world_store_step(w, STORE_SWEEP);
    assert_int_equal(w->n_ops[STORE_SWEEP], 2); /* at once again: not complete */
    world_store_step(w, STORE_SWEEP);
    assert_int_equal(w->n_ops[STORE_SWEEP], 2);
    w->store_held = false;
    w->fail = WIRE_CODE_STORE_UNAVAILABLE;
    world_advance_ms(w, 60000);
    assert_int_equal(w->n_ops[STORE_SWEEP], 3); /* failed: a pause, not a storm */
    assert_int_equal(w->n_events[CORE_EVENT_STORE_FAILED], 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(p2_open_answered_after_commit),
        WORLD_TEST(p2_open_again),
        WORLD_TEST(p2_opened_by_the_provider),
        WORLD_TEST(p1_open_refusals),
        WORLD_TEST(p2_append_and_checkpoint),
        WORLD_TEST(p2_repeated_entry),
        WORLD_TEST(p2_version_conflict),
        WORLD_TEST(p1_entry_refusals),
        WORLD_TEST(p2_entry_failing_store),
        CONFIGURED_TEST(p6_session_log_max),
        CONFIGURED_TEST(p6_syncshell_log_max),
        CONFIGURED_TEST(p6_sessions_max),
        WORLD_TEST(p6_tombstones_max),
        WORLD_TEST(p2_snapshot),
        CONFIGURED_TEST(p2_snapshot_in_pages),
        CONFIGURED_TEST(p6_snapshots_wait_for_the_reader),
        WORLD_TEST(p6_disconnected_with_waiting_snapshots),
        WORLD_TEST(p1_snapshot_refusals),
        WORLD_TEST(p2_close),
        WORLD_TEST(p1_close_refusals),
        WORLD_TEST(p1_joined_lists_own_sessions_only),
        WORLD_TEST(p6_joined_prefers_open_sessions),
        WORLD_TEST(p6_expired_session_is_swept),
        WORLD_TEST(p6_tombstone_expires_in_memory),
        WORLD_TEST(p2_an_id_whose_tombstone_expired_opens_a_new_session),
        CONFIGURED_TEST(p6_sweep_in_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
