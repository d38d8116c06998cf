/* What a client finds in its state directory, and what it leaves there. */
#include "client_scene.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_restarted_client_is_the_same_peer(void **state)
{
    const struct scratch *s = *state;
    char first[SYNCSHELL_PEER_ID_SIZE], second[SYNCSHELL_PEER_ID_SIZE];
    syncshell_client *client = start(s);
    struct stat st;

    assert_int_equal(syncshell_client_peer_id(client, first, sizeof first), SYNCSHELL_OK);
    assert_int_equal(fstatat(s->fd, "identity.pem", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    syncshell_client_free(client);
    client = start(s);
    assert_int_equal(syncshell_client_peer_id(client, second, sizeof second), SYNCSHELL_OK);
    assert_string_equal(first, second);
    syncshell_client_free(client);
}

static void one_client_has_the_state(void **state)
{
    syncshell_client *client = start(*state);

    assert_start_fails(*state, SYNCSHELL_E_STATE_IN_USE);
    syncshell_client_free(client);
    syncshell_client_free(start(*state));
}

static void a_child_does_not_keep_the_state(void **state)
{
    const struct scratch *s = *state;
    syncshell_client *client = start(s);
    int fds[2], status;
    pid_t child;

    assert_int_equal(pipe(fds), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        /* The program that a plugin's host starts gets no descriptor of ours. */
        (void)dup2(fds[0], 0);
        (void)close(fds[1]);
        (void)execlp("sh", "sh", "-c", "read line", (char *)NULL);
        _exit(1);
    }
    (void)close(fds[0]);
    syncshell_client_free(client);
    client = NULL;
    for (uint64_t limit = now_ms() + LIMIT_MS; !client && now_ms() < limit;) {
        /* Between fork and exec the child still has them. */
        const syncshell_options o = usual_options(s);
        int32_t r = syncshell_client_new(&o, &client);
        assert_true(r == SYNCSHELL_OK || r == SYNCSHELL_E_STATE_IN_USE);
    }
    assert_non_null(client);
    syncshell_client_free(client);
    (void)close(fds[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
}

static void a_newer_journal_is_told(void **state)
{
    syncshell_client_free(start(*state));
    run_sql(*state, "PRAGMA user_version = 1000");
    assert_start_fails(*state, SYNCSHELL_E_STATE_NEWER);
    run_sql(*state, "PRAGMA user_version = 1");
    syncshell_client_free(start(*state));
    run_sql(*state, "INSERT INTO record (kind, key, value) VALUES ('of tomorrow', 'a', '{}')");
    assert_start_fails(*state, SYNCSHELL_E_STATE_NEWER);
}

/* What a process left that died before it took the event. */
#define ENDED_RECORD                                                                     \
    "INSERT INTO record (kind, key, value) VALUES ('ended', '00000000000000000001',"     \
    "'{\"v\":1,\"syncshell\":\"y\",\"session\":\"s1\",\"joiner\":true,\"generation\":3," \
    "\"outcome\":1,"                                                                     \
    "\"other\":\"ed25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}')"

static void an_end_is_told_until_it_is_taken(void **state)
{
    const struct scratch *s = *state;
    syncshell_event *event = NULL, *again = NULL;
    syncshell_client *client = start(s);

    syncshell_client_free(client);
    run_sql(s, ENDED_RECORD);
    client = start(s);
    assert_int_equal(syncshell_client_wait_event(client, LIMIT_MS, &event), SYNCSHELL_OK);
    assert_int_equal(syncshell_event_get_type(event), SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_string_equal(syncshell_event_text(event, SYNCSHELL_FIELD_SESSION_ID, NULL), "s1");
    assert_string_equal(syncshell_event_text(event, SYNCSHELL_FIELD_OUTCOME, NULL), "completed");
    syncshell_client_free(client);
    syncshell_event_free(event); /* too late to be written down */
    assert_int_equal(count_records(s, "ended"), 1);
    syncshell_client_free(start(s)); /* nor is one taken that was only waiting */
    assert_int_equal(count_records(s, "ended"), 1);
    client = start(s);
    assert_int_equal(syncshell_client_wait_event(client, LIMIT_MS, &again), SYNCSHELL_OK);
    syncshell_event_free(again);
    syncshell_client_free(client);
    assert_int_equal(count_records(s, "ended"), 0);
}

/* What is freed before the client is written down, also where the program has left so many events lying that nothing else is done
 * any more: what they say is dropped. */
static void an_end_is_taken_although_events_wait(void **state)
{
    const struct scratch *s = *state;
    syncshell_options o = usual_options(s);
    syncshell_client *client = start(s);
    syncshell_event *event = NULL;
    struct pollfd p = {.events = POLLIN};

    syncshell_client_free(client);
    run_sql(s, ENDED_RECORD);
    o.events_max = 1;
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_OK);
    p.fd = syncshell_client_wake_fd(client);
    assert_int_equal(syncshell_client_leave(client, "unknown", NULL), SYNCSHELL_OK);
    assert_int_equal(syncshell_client_wait_event(client, LIMIT_MS, &event), SYNCSHELL_OK);
    assert_int_equal(syncshell_event_get_type(event), SYNCSHELL_EVENT_SESSION_CLOSED);
    assert_int_equal(poll(&p, 1, LIMIT_MS), 1); /* the refused command's: there is no more room */
    syncshell_event_free(event);
    syncshell_client_free(client);
    assert_int_equal(count_records(s, "ended"), 0);
}

static void a_damaged_record_is_told(void **state)
{
    static const char *const values[] = {"", "{", "[]", "null", "{\"a\": 1, \"a\": 2}", "{}"};

    syncshell_client_free(start(*state));
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char sql[256];

        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO record (kind, key, value) VALUES ('session', 'a', '%s')"
                       " ON CONFLICT DO UPDATE SET value = excluded.value",
                       values[i]);
        run_sql(*state, sql);
        assert_start_fails(*state, SYNCSHELL_E_STATE_CORRUPT);
    }
}

static void a_damaged_journal_is_told_and_kept(void **state)
{
    static const char junk[] = "This was a journal once, and nobody knows what has become of it, "
                               "but it is longer than the first hundred bytes.";
    const struct scratch *s = *state;
    char path[SCRATCH_PATH_MAX];
    const char *name;
    size_t size;
    uint8_t *kept;

    syncshell_client_free(start(s));
    find_journal(s, path);
    name = strrchr(path, '/') + 1;
    scratch_write(s, name, junk, sizeof junk);
    assert_start_fails(s, SYNCSHELL_E_STATE_CORRUPT);
    kept = scratch_read(s, name, &size);
    assert_int_equal(size, sizeof junk);
    assert_memory_equal(kept, junk, size);
    free(kept);
}

static void a_damaged_or_open_key_is_told(void **state)
{
    const struct scratch *s = *state;

    syncshell_client_free(start(s));
    assert_int_equal(fchmodat(s->fd, "identity.pem", 0640, 0), 0);
    assert_start_fails(s, SYNCSHELL_E_STATE_DIR);
    assert_int_equal(fchmodat(s->fd, "identity.pem", 0600, 0), 0);
    scratch_write(s, "identity.pem", "junk", 4);
    assert_start_fails(s, SYNCSHELL_E_STATE_CORRUPT);
}

static void a_journal_without_its_key_is_damage(void **state)
{
    const struct scratch *s = *state;
    syncshell_client *client = start(s);
    syncshell_event *event;

    /* Something that is worth a record. */
    assert_int_equal(syncshell_client_create_syncshell(client, NULL), SYNCSHELL_OK);
    assert_int_equal(syncshell_client_wait_event(client, LIMIT_MS, &event), SYNCSHELL_OK);
    syncshell_event_free(event);
    syncshell_client_free(client);
    assert_int_equal(unlinkat(s->fd, "identity.pem", 0), 0);
    assert_start_fails(s, SYNCSHELL_E_STATE_CORRUPT);
    assert_int_equal(faccessat(s->fd, "identity.pem", F_OK, 0), -1);
}

static void places_that_cannot_be_are_told(void **state)
{
    const struct scratch *s = *state;
    syncshell_options o = usual_options(s);
    syncshell_client *client = NULL;
    char path[SCRATCH_PATH_MAX];

    scratch_path(s, "missing/state", path);
    o.state_dir = path;
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_E_STATE_DIR);
    o = usual_options(s);
    scratch_path(s, "missing.pem", path);
    o.ca_file = path;
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_E_SYSTEM);
    assert_null(client);
    syncshell_client_free(start(s)); /* nothing of it is left */
}

#define WITH_SCRATCH(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(a_restarted_client_is_the_same_peer),
        WITH_SCRATCH(one_client_has_the_state),
        WITH_SCRATCH(a_child_does_not_keep_the_state),
        WITH_SCRATCH(a_newer_journal_is_told),
        WITH_SCRATCH(an_end_is_told_until_it_is_taken),
        WITH_SCRATCH(an_end_is_taken_although_events_wait),
        WITH_SCRATCH(a_damaged_record_is_told),
        WITH_SCRATCH(a_damaged_journal_is_told_and_kept),
        WITH_SCRATCH(a_damaged_or_open_key_is_told),
        WITH_SCRATCH(a_journal_without_its_key_is_damage),
        WITH_SCRATCH(places_that_cannot_be_are_told),
    };

    return cmocka_run_group_tests_name("transport_client_state", tests, NULL, NULL);
}
