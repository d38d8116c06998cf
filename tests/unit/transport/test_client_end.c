/* Ends that are not in order: a thread that does not come back in time, and a host that leaves without a word. */
#include "scratch.h"

#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <syncshell/syncshell.h>

enum { STOP_MS = 100, LIMIT_MS = 60000, EXITS = 24, COMMANDS = 64 };

static uint64_t now_ms(void)
{
    struct timespec t;

    (void)clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static syncshell_client *start(const char *state_dir, syncshell_wake_fn wake, void *userdata)
{
    syncshell_options o;
    syncshell_client *client = NULL;

    syncshell_options_init(&o, sizeof o);
    o.state_dir = state_dir;
    o.relay_url = "ws://127.0.0.1:1";
    o.stop_timeout_ms = STOP_MS;
    o.wake = wake;
    o.wake_userdata = userdata;
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_OK);
    return client;
}

static int count_threads(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = 0;

    assert_non_null(d);
    while (readdir(d))
        n++;
    assert_int_equal(closedir(d), 0);
    return n;
}

/* ---- a host whose wake function hangs ---- */

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool entered;
    bool open;
};

static void wait_at_gate(void *userdata)
{
    struct gate *g = userdata;

    (void)pthread_mutex_lock(&g->lock);
    g->entered = true;
    (void)pthread_cond_broadcast(&g->changed);
    while (!g->open)
        (void)pthread_cond_wait(&g->changed, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
}

static void wait_until_entered(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    while (!g->entered)
        (void)pthread_cond_wait(&g->changed, &g->lock);
    (void)pthread_mutex_unlock(&g->lock);
}

static void open_gate(struct gate *g)
{
    (void)pthread_mutex_lock(&g->lock);
    g->open = true;
    (void)pthread_cond_broadcast(&g->changed);
    (void)pthread_mutex_unlock(&g->lock);
}

/* Frees while the thread hangs in the host's function: the call returns, and when the thread comes back it clears away what
 * is left, so that the state directory can be used again. */
static void a_thread_that_hangs_is_left_behind(void **state)
{
    const struct scratch *s = *state;
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};
    syncshell_client *client = start(s->path, NULL, NULL);
    syncshell_options o;
    int n_threads;
    uint64_t start_ms;
    int32_t r;

    syncshell_client_free(client); /* a sanitizer may begin a thread of its own with the first */
    n_threads = count_threads();
    client = start(s->path, wait_at_gate, &gate);
    assert_int_equal(syncshell_session_close(client, "none", SYNCSHELL_OUTCOME_FAILED, NULL),
                     SYNCSHELL_OK);
    wait_until_entered(&gate);
    start_ms = now_ms();
    syncshell_client_free(client);
    assert_in_range(now_ms() - start_ms, STOP_MS, LIMIT_MS);

    syncshell_options_init(&o, sizeof o);
    o.state_dir = s->path;
    assert_int_equal(syncshell_client_new(&o, &client), SYNCSHELL_E_STATE_IN_USE);
    open_gate(&gate);
    start_ms = now_ms();
    do
        r = syncshell_client_new(&o, &client);
    while (r == SYNCSHELL_E_STATE_IN_USE && now_ms() - start_ms < LIMIT_MS);
    assert_int_equal(r, SYNCSHELL_OK);
    syncshell_client_free(client);
    while (count_threads() > n_threads && now_ms() - start_ms < LIMIT_MS)
        (void)sched_yield();
    assert_int_equal(count_threads(), n_threads);
}

/* ---- a host that just exits ---- */

static void leave_busy(const struct scratch *s, unsigned round)
{
    char path[SCRATCH_PATH_MAX], name[16];
    syncshell_client *client;

    (void)snprintf(name, sizeof name, "%u", round);
    scratch_path(s, name, path);
    client = start(path, NULL, NULL);

    for (int i = 0; i < COMMANDS; i++)
        (void)syncshell_client_create_syncshell(client, NULL);
    (void)usleep(round * 500); /* each child is caught at another step */
    exit(0);
}

static void a_host_may_exit_without_freeing(void **state)
{
    for (unsigned i = 0; i < EXITS; i++) {
        pid_t child = fork();
        int status;

        assert_true(child >= 0);
        if (child == 0)
            leave_busy(*state, i);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

#define WITH_SCRATCH(name) cmocka_unit_test_setup_teardown(name, scratch_setup, scratch_teardown)

int main(void)
{
    /* The exits come first: no OpenSSL was used in this process before. */
    const struct CMUnitTest tests[] = {
        WITH_SCRATCH(a_host_may_exit_without_freeing),
        WITH_SCRATCH(a_thread_that_hangs_is_left_behind),
    };

    return cmocka_run_group_tests_name("transport_client_end", tests, NULL, NULL);
}
