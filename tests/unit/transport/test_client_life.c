/* A client's life without a relay: taking events, waiting, ending; and that it leaves the process as it was. */
#include "client_scene.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>
#include <syncshell/syncshell.h>

enum { ROUNDS = 100, COMMANDS_MAX = 1024, COMMANDS_PER_TURN = 64 };

static int count_entries(const char *directory)
{
    DIR *d = opendir(directory);
    int n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    assert_int_equal(closedir(d), 0);
    return n;
}

/* ---- events ---- */

static void what_is_unknown_fails_with_its_ticket(void **state)
{
    syncshell_client *client = start(*state);
    uint64_t first = 0, second = 0;

    assert_int_equal(syncshell_session_request_recovery(client, "unknown", &first), SYNCSHELL_OK);
    assert_int_equal(syncshell_client_leave(client, "unknown", &second), SYNCSHELL_OK);
    assert_true(second > first && first >= 1);
    assert_event(client, SYNCSHELL_EVENT_REQUEST_FAILED, first);
    assert_event(client, SYNCSHELL_EVENT_REQUEST_FAILED, second);
    syncshell_client_free(client);
}

static void the_descriptor_follows_the_events(void **state)
{
    syncshell_client *client = start(*state);
    struct pollfd p = {.fd = syncshell_client_wake_fd(client), .events = POLLIN};
    syncshell_event *event = (syncshell_event *)&p;

    assert_int_equal(poll(&p, 1, 0), 0);
    assert_int_equal(syncshell_client_next_event(client, &event), SYNCSHELL_OK);
    assert_null(event);
    assert_int_equal(syncshell_client_wait_event(client, 1, &event), SYNCSHELL_E_TIMEOUT);
    assert_int_equal(syncshell_client_leave(client, "unknown", NULL), SYNCSHELL_OK);
    assert_int_equal(poll(&p, 1, LIMIT_MS), 1);
    assert_event(client, SYNCSHELL_EVENT_REQUEST_FAILED, 1);
    assert_int_equal(poll(&p, 1, 0), 0);
    syncshell_client_free(client);
}

static void note_wake(void *userdata)
{
    (void)atomic_fetch_add((atomic_int *)userdata, 1);
}

static void the_wake_function_is_called(void **state)
{
    syncshell_options o = usual_options(*state);
    syncshell_client *client = NULL;
    atomic_int n_wakes = 0;

    o.wake = note_wake;
    o.wake_userdata = &n_wakes;
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_OK);
    assert_int_equal(syncshell_client_leave(client, "unknown", NULL), SYNCSHELL_OK);
    assert_event(client, SYNCSHELL_EVENT_REQUEST_FAILED, 1);
    syncshell_client_free(client); /* the thread has returned from its call by now */
    assert_int_equal(atomic_load(&n_wakes), 1);
}

/* While nobody takes events, memory is bounded: commands are refused sooner or later, and none that was taken is lost. */
static void commands_are_refused_while_events_wait(void **state)
{
    syncshell_options o = usual_options(*state);
    syncshell_client *client = NULL;
    uint64_t last = 0;
    int32_t r;

    o.events_max = 8;
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_OK);
    for (int i = 0; i < 20000; i++) {
        r = syncshell_client_leave(client, "unknown", &last);
        assert_true(r == SYNCSHELL_OK || r == SYNCSHELL_E_BUSY);
        if (r == SYNCSHELL_E_BUSY)
            (void)sched_yield();
    }
    /* As many as the command queue holds, and those that have filled the event queue, which one turn may pass. */
    assert_in_range(last, o.events_max, COMMANDS_MAX + COMMANDS_PER_TURN + 2 * o.events_max);
    for (uint64_t i = 1; i <= last; i++)
        assert_event(client, SYNCSHELL_EVENT_REQUEST_FAILED, i);
    assert_int_equal(syncshell_client_leave(client, "unknown", NULL), SYNCSHELL_OK);
    assert_event(client, SYNCSHELL_EVENT_REQUEST_FAILED, last + 1);
    syncshell_client_free(client);
}

static void freeing_does_not_wait_for_a_reader(void **state)
{
    syncshell_options o = usual_options(*state);
    syncshell_client *client = NULL;
    uint64_t start_ms;

    o.events_max = 1;
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_OK);
    while (syncshell_client_leave(client, "unknown", NULL) == SYNCSHELL_OK)
        ;
    start_ms = now_ms();
    syncshell_client_free(client);
    assert_true(now_ms() - start_ms < o.stop_timeout_ms);
}

static void an_event_outlives_its_client(void **state)
{
    syncshell_client *client = start(*state);
    syncshell_event *event = NULL;
    size_t length = 0;

    assert_int_equal(syncshell_client_leave(client, "unknown", NULL), SYNCSHELL_OK);
    assert_int_equal(syncshell_client_wait_event(client, LIMIT_MS, &event), SYNCSHELL_OK);
    syncshell_client_free(client);
    assert_string_equal(syncshell_event_text(event, SYNCSHELL_FIELD_CODE, &length),
                        "unknown_syncshell");
    assert_int_equal(length, strlen("unknown_syncshell"));
    assert_null(syncshell_event_text(event, SYNCSHELL_FIELD_SDP, &length));
    syncshell_event_free(event);
}

/* A journal that cannot be written is the end: the application hears why, and every call says so. */
static void a_journal_that_fails_stops_the_client(void **state)
{
    syncshell_client *client;
    syncshell_event *event = NULL;
    struct pollfd p = {.events = POLLIN};

    syncshell_client_free(start(*state));
    /* Not what is written at every start: the client might have stopped before the first call. */
    run_sql(*state, "CREATE TRIGGER full BEFORE INSERT ON record WHEN NEW.kind <> 'client'"
                    " BEGIN SELECT RAISE(ABORT, 'no space'); END");
    client = start(*state);
    assert_int_equal(syncshell_client_create_syncshell(client, NULL), SYNCSHELL_OK);
    do {
        syncshell_event_free(event);
        event = NULL;
        assert_int_equal(syncshell_client_wait_event(client, LIMIT_MS, &event), SYNCSHELL_OK);
        assert_int_not_equal(syncshell_event_get_type(event), SYNCSHELL_EVENT_SYNCSHELL_CREATED);
    } while (syncshell_event_get_type(event) != SYNCSHELL_EVENT_STOPPED);
    assert_string_equal(syncshell_event_text(event, SYNCSHELL_FIELD_CODE, NULL), "journal_failed");
    assert_non_null(syncshell_event_text(event, SYNCSHELL_FIELD_MESSAGE, NULL));
    syncshell_event_free(event);
    event = NULL;
    assert_int_equal(syncshell_client_next_event(client, &event), SYNCSHELL_E_STOPPED);
    assert_int_equal(syncshell_client_wait_event(client, -1, &event), SYNCSHELL_E_STOPPED);
    assert_null(event);
    assert_int_equal(syncshell_client_create_syncshell(client, NULL), SYNCSHELL_E_STOPPED);
    assert_int_equal(syncshell_client_leave(client, "unknown", NULL), SYNCSHELL_E_STOPPED);
    p.fd = syncshell_client_wake_fd(client);
    assert_int_equal(poll(&p, 1, 0), 0);
    syncshell_client_free(client);

    run_sql(*state, "DROP TRIGGER full");
    client = start(*state);
    assert_int_equal(syncshell_client_leave(client, "unknown", NULL), SYNCSHELL_OK);
    syncshell_client_free(client);
}

struct caller {
    syncshell_client *client;
    uint64_t tickets[500];
};

static void *call_often(void *userdata)
{
    struct caller *c = userdata;

    for (size_t i = 0; i < sizeof c->tickets / sizeof *c->tickets; i++) {
        while (syncshell_client_leave(c->client, "unknown", &c->tickets[i]) == SYNCSHELL_E_BUSY)
            (void)sched_yield();
    }
    return NULL;
}

static void many_threads_may_call(void **state)
{
    enum { CALLERS = 4, TOTAL = CALLERS * 500 };
    syncshell_client *client = start(*state);
    struct caller callers[CALLERS];
    pthread_t threads[CALLERS];

    for (int i = 0; i < CALLERS; i++) {
        callers[i].client = client;
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &callers[i]), 0);
    }
    for (uint64_t i = 1; i <= TOTAL; i++)
        assert_event(client, SYNCSHELL_EVENT_REQUEST_FAILED, i); /* in the order of tickets */
    for (int i = 0; i < CALLERS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        for (size_t k = 1; k < sizeof callers[i].tickets / sizeof *callers[i].tickets; k++)
            assert_true(callers[i].tickets[k] > callers[i].tickets[k - 1]);
    }
    syncshell_client_free(client);
}

/* ---- the process around it ---- */

/* A thread that was joined stands in /proc for a moment longer. */
static void assert_threads_become(int expected)
{
    for (uint64_t limit = now_ms() + LIMIT_MS;
         count_entries("/proc/self/task") != expected && now_ms() < limit;)
        (void)sched_yield();
    assert_int_equal(count_entries("/proc/self/task"), expected);
}

static void nothing_is_left_behind(void **state)
{
    int fds, threads;

    syncshell_client_free(start(*state)); /* libraries below make themselves at home once */
    fds = count_entries("/proc/self/fd");
    threads = count_entries("/proc/self/task");
    for (int i = 0; i < ROUNDS; i++) {
        syncshell_client *client = start(*state);

        /* At all stages of dialling. */
        assert_int_equal(syncshell_client_create_syncshell(client, NULL), SYNCSHELL_OK);
        if (i % 3 == 0)
            (void)sched_yield();
        syncshell_client_free(client);
        assert_threads_become(threads);
    }
    assert_int_equal(count_entries("/proc/self/fd"), fds);
}

static void host_handler(int number)
{
    (void)number;
}

static void the_hosts_signals_are_its_own(void **state)
{
    struct sigaction before[32], after, pipe_action = {.sa_handler = host_handler};
    syncshell_client *client;
    sigset_t mask_before, mask_after;

    assert_int_equal(sigaction(SIGPIPE, &pipe_action, NULL), 0);
    for (int i = 1; i < 32; i++)
        assert_int_equal(sigaction(i, NULL, &before[i]), 0);
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask_before), 0);
    client = start(*state);
    assert_int_equal(syncshell_client_create_syncshell(client, NULL), SYNCSHELL_OK);
    syncshell_client_free(client);
    for (int i = 1; i < 32; i++) {
        assert_int_equal(sigaction(i, NULL, &after), 0);
        assert_ptr_equal(after.sa_handler, before[i].sa_handler);
    }
    assert_int_equal(pthread_sigmask(SIG_SETMASK, NULL, &mask_after), 0);
    for (int i = 1; i < 32; i++)
        assert_int_equal(sigismember(&mask_after, i), sigismember(&mask_before, i));
}

static void nothing_is_printed(void **state)
{
    const struct scratch *s = *state;
    int saved_out = dup(1), saved_err = dup(2);
    int fd = openat(s->fd, "printed", O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    syncshell_client *client;
    size_t size;

    assert_true(saved_out >= 0 && saved_err >= 0 && fd >= 0);
    (void)fflush(NULL);
    assert_true(dup2(fd, 1) == 1 && dup2(fd, 2) == 2);
    client = start(s);
    (void)syncshell_client_create_syncshell(client, NULL);
    (void)syncshell_client_leave(client, "unknown", NULL);
    /* The first event comes when dialling has failed, or with the command: both have been tried at the second. */
    for (int i = 0; i < 2; i++) {
        syncshell_event *event = NULL;
        if (syncshell_client_wait_event(client, LIMIT_MS, &event) == SYNCSHELL_OK)
            syncshell_event_free(event);
    }
    syncshell_client_free(client);
    (void)fflush(NULL);
    assert_true(dup2(saved_out, 1) == 1 && dup2(saved_err, 2) == 2);
    (void)close(saved_out);
    (void)close(saved_err);
    (void)close(fd);
    free(scratch_read(s, "printed", &size));
    assert_int_equal(size, 0);
}

#define WITH_SCRATCH(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(what_is_unknown_fails_with_its_ticket),
        WITH_SCRATCH(the_descriptor_follows_the_events),
        WITH_SCRATCH(the_wake_function_is_called),
        WITH_SCRATCH(commands_are_refused_while_events_wait),
        WITH_SCRATCH(freeing_does_not_wait_for_a_reader),
        WITH_SCRATCH(an_event_outlives_its_client),
        WITH_SCRATCH(a_journal_that_fails_stops_the_client),
        WITH_SCRATCH(many_threads_may_call),
        WITH_SCRATCH(nothing_is_left_behind),
        WITH_SCRATCH(the_hosts_signals_are_its_own),
        WITH_SCRATCH(nothing_is_printed),
    };

    return cmocka_run_group_tests_name("transport_client_life", tests, NULL, NULL);
}
