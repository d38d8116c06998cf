/* Loads the library, uses it and unloads it again, many times in one process, as a host does that reloads a plugin:
 *
 *     reload LIBRARY FOLDER RELAY CA ROUNDS
 *
 * In each round two clients, of one syncshell, carry a session to its end. After each the library must be gone, and with it
 * its threads and descriptors; from a tenth of the rounds on, not one more byte may be in use. */
#define _GNU_SOURCE

#include <dirent.h>
#include <dlfcn.h>
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <syncshell/syncshell.h>

enum { WAIT_MS = 60000, INVITE_SIZE = SYNCSHELL_INVITE_SIZE, PATH_SIZE = 4096 };

#define FUNCTIONS(X)                     \
    X(syncshell_options_init)            \
    X(syncshell_client_new)              \
    X(syncshell_client_free)             \
    X(syncshell_client_peer_id)          \
    X(syncshell_client_create_syncshell) \
    X(syncshell_client_join)             \
    X(syncshell_client_wait_event)       \
    X(syncshell_event_get_type)          \
    X(syncshell_event_text)              \
    X(syncshell_event_free)              \
    X(syncshell_event_type_name)         \
    X(syncshell_session_open)            \
    X(syncshell_session_report)          \
    X(syncshell_session_close)

struct library {
    void *handle;
#define POINTER(name) __typeof__(name) *name;
    FUNCTIONS(POINTER)
};

#define CHECK(condition) check(condition, #condition, __LINE__)

static void check(int condition, const char *text, int line)
{
    if (condition)
        return;
    fprintf(stderr, "reload.c:%d: %s\n", line, text);
    exit(1);
}

static struct library load(const char *path)
{
    struct library l = {.handle = dlopen(path, RTLD_NOW | RTLD_LOCAL)};

    if (!l.handle)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(l.handle != NULL);
#define SYMBOL(name)                            \
    *(void **)&l.name = dlsym(l.handle, #name); \
    CHECK(l.name != NULL);
    FUNCTIONS(SYMBOL)
    return l;
}

/* ---- what the process holds ---- */

static int entries(const char *folder)
{
    DIR *d = opendir(folder);
    int n = 0;

    CHECK(d != NULL);
    while (readdir(d))
        n++;
    (void)closedir(d);
    return n;
}

/* A thread that was joined may take the kernel a moment to remove. */
static int threads(int expected)
{
    time_t end = time(NULL) + WAIT_MS / 1000;
    int n;

    while ((n = entries("/proc/self/task")) != expected && time(NULL) < end)
        (void)poll(NULL, 0, 1);
    return n;
}

static size_t bytes_in_use(void)
{
    size_t (*sanitizers)(void);

    *(void **)&sanitizers = dlsym(RTLD_DEFAULT, "__sanitizer_get_current_allocated_bytes");
    return sanitizers ? sanitizers() : mallinfo2().uordblks + mallinfo2().hblkhd;
}

/* ---- a round ---- */

static syncshell_client *client_start(const struct library *l, const char *folder, const char *name,
                                      const char *relay, const char *ca)
{
    char state[PATH_SIZE];
    syncshell_options options;
    syncshell_client *client = NULL;

    (void)snprintf(state, sizeof state, "%s/%s", folder, name);
    l->syncshell_options_init(&options, sizeof options);
    options.state_dir = state;
    options.relay_url = relay;
    options.ca_file = ca;
    CHECK(l->syncshell_client_new(&options, &client) == SYNCSHELL_OK);
    return client;
}

/* Takes events up to the first of that type; copies its `field` if one is asked for. */
static void await(const struct library *l, syncshell_client *client, int32_t type, int32_t field,
                  char *ret_text, size_t size)
{
    int32_t got = 0;

    while (got != type) {
        syncshell_event *event;

        if (l->syncshell_client_wait_event(client, WAIT_MS, &event) != SYNCSHELL_OK) {
            fprintf(stderr, "no %s\n", l->syncshell_event_type_name(type));
            exit(1);
        }
        got = l->syncshell_event_get_type(event);
        CHECK(got != SYNCSHELL_EVENT_STOPPED && got != SYNCSHELL_EVENT_REQUEST_FAILED);
        if (got == type && ret_text)
            (void)snprintf(ret_text, size, "%s", l->syncshell_event_text(event, field, NULL));
        l->syncshell_event_free(event);
    }
}

/* A session from its opening, with a file that arrived, to its end. */
static void transfer(const struct library *l, syncshell_client *provider, syncshell_client *joiner,
                     const char *syncshell)
{
    char session[SYNCSHELL_ID_SIZE], peer[SYNCSHELL_PEER_ID_SIZE];
    syncshell_file file = {
        .size = sizeof file, .flags = SYNCSHELL_FILE_DONE, .path = "a", .size_bytes = 1};

    CHECK(l->syncshell_client_peer_id(provider, peer, sizeof peer) == SYNCSHELL_OK);
    CHECK(l->syncshell_session_open(joiner, syncshell, peer, SYNCSHELL_ROLE_JOINER, NULL, "a label",
                                    NULL) == SYNCSHELL_OK);
    await(l, joiner, SYNCSHELL_EVENT_SESSION_OPENED, SYNCSHELL_FIELD_SESSION_ID, session,
          sizeof session);
    CHECK(l->syncshell_session_report(joiner, session, &file, 1, NULL) == SYNCSHELL_OK);
    await(l, joiner, SYNCSHELL_EVENT_PROGRESS_STORED, 0, NULL, 0);
    CHECK(l->syncshell_session_close(joiner, session, SYNCSHELL_OUTCOME_COMPLETED, NULL) ==
          SYNCSHELL_OK);
    await(l, joiner, SYNCSHELL_EVENT_SESSION_CLOSED, 0, NULL, 0);
    await(l, provider, SYNCSHELL_EVENT_SESSION_CLOSED, 0, NULL, 0);
}

static void play(char **argv, int first)
{
    struct library l = load(argv[1]);
    syncshell_client *provider = client_start(&l, argv[2], "provider", argv[3], argv[4]);
    syncshell_client *joiner = client_start(&l, argv[2], "joiner", argv[3], argv[4]);
    char invite[INVITE_SIZE], syncshell[SYNCSHELL_ID_SIZE];

    if (first) {
        CHECK(l.syncshell_client_create_syncshell(provider, NULL) == SYNCSHELL_OK);
        await(&l, provider, SYNCSHELL_EVENT_SYNCSHELL_CREATED, SYNCSHELL_FIELD_INVITE, invite,
              sizeof invite);
        CHECK(l.syncshell_client_join(joiner, invite, SYNCSHELL_ZERO_TERMINATED, NULL) ==
              SYNCSHELL_OK);
    }
    await(&l, provider, SYNCSHELL_EVENT_SYNCSHELL_READY, 0, NULL, 0);
    await(&l, joiner, SYNCSHELL_EVENT_SYNCSHELL_READY, SYNCSHELL_FIELD_SYNCSHELL_ID, syncshell,
          sizeof syncshell);
    transfer(&l, provider, joiner, syncshell);
    l.syncshell_client_free(provider);
    l.syncshell_client_free(joiner);
    CHECK(dlclose(l.handle) == 0);
    CHECK(dlopen(argv[1], RTLD_NOW | RTLD_NOLOAD) == NULL); /* it is gone */
}

int main(int argc, char **argv)
{
    int n_threads = entries("/proc/self/task"), n_descriptors = entries("/proc/self/fd");
    size_t bytes = 0;
    int rounds;

    CHECK(argc == 6);
    rounds = atoi(argv[5]);
    for (int i = 0; i < rounds; i++) {
        play(argv, i == 0);
        CHECK(threads(n_threads) == n_threads);
        CHECK(entries("/proc/self/fd") == n_descriptors);
        if (getenv("RELOAD_VERBOSE"))
            fprintf(stderr, "%d: %zu\n", i, bytes_in_use());
        if (i < rounds / 10)
            bytes = bytes_in_use();
    }
    printf("%d rounds: %ld bytes more than after round %d\n", rounds,
           (long)bytes_in_use() - (long)bytes, rounds / 10);
    return 0;
}
