#include "app/status_command.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "app/admin_client.h"

enum { ANSWER_MAX = 4 * 1024 * 1024, MS_PER_S = 1000, S_PER_HOUR = 3600, KIBIBYTE = 1024 };

static int64_t number_of(const json_t *object, const char *name)
{
    return (int64_t)json_integer_value(json_object_get(object, name));
}

static const char *text_of(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text ? text : "";
}

static void print_bytes(const char *name, int64_t bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    size_t unit = 0;
    int64_t tenths =
        bytes < INT64_MAX / 10 ? bytes * 10 : INT64_MAX; /* a member may have said anything */
    for (; tenths >= 10 * KIBIBYTE && unit + 1 < sizeof units / sizeof units[0]; unit++)
        tenths /= KIBIBYTE;
    printf("  %-14s %" PRId64 ".%" PRId64 " %s\n", name, tenths / 10, tenths % 10, units[unit]);
}

static void print_relay(const json_t *relay)
{
    int64_t up_s = (number_of(relay, "nowUnixMs") - number_of(relay, "startedUnixMs")) / MS_PER_S;
    printf("Syncshell relay %s on %s: %s\n", text_of(relay, "version"), text_of(relay, "url"),
           text_of(relay, "state"));
    printf("  %-14s %" PRId64 " h %" PRId64 " min\n", "running for", up_s / S_PER_HOUR,
           up_s % S_PER_HOUR / 60);
}

static void print_load(const json_t *load, const json_t *machine)
{
    printf("  %-14s %" PRId64 ", of them signed in: %" PRId64 "\n", "connections",
           number_of(load, "connections"), number_of(load, "authenticated"));
    printf("  %-14s %" PRId64 " passed on of %" PRId64 " received\n", "messages",
           number_of(load, "routed"), number_of(load, "received"));
    print_bytes("memory", number_of(machine, "residentBytes"));
    print_bytes("database", number_of(machine, "databaseBytes") + number_of(machine, "logBytes"));
    print_bytes("disk left", number_of(machine, "freeBytes"));
}

static void print_outcomes(const json_t *root)
{
    size_t i;
    json_t *entry;
    printf("Reports of attempts: %" PRId64 " came to a link, %" PRId64 " did not\n",
           number_of(root, "connected"), number_of(root, "failed"));
    print_bytes("not sent again", number_of(root, "keptBytes"));
    json_array_foreach (json_object_get(root, "causes"), i, entry)
        printf("  %6" PRId64 "  %s (%s)\n", number_of(entry, "count"), text_of(entry, "sentence"),
               text_of(entry, "cause"));
    json_array_foreach (json_object_get(root, "ice"), i, entry)
        printf("  %s: %" PRId64 " worked, %" PRId64 " failed\n", text_of(entry, "server"),
               number_of(entry, "connected"), number_of(entry, "failed"));
    json_array_foreach (json_object_get(root, "limits"), i, entry)
        printf("  limit hit %" PRId64 " times: %s (%s)\n", number_of(entry, "count"),
               text_of(entry, "code"), text_of(entry, "setting"));
}

static void print_syncshells(const json_t *root)
{
    size_t i;
    json_t *entry;
    printf("Syncshells in use: %" PRId64 "\n",
           number_of(json_object_get(root, "load"), "syncshells"));
    json_array_foreach (json_object_get(root, "syncshells"), i, entry)
        printf("  %s: %" PRId64 " of %" PRId64 " members here, %" PRId64 " open sessions\n",
               text_of(entry, "id"), number_of(entry, "online"), number_of(entry, "members"),
               number_of(entry, "sessions"));
    printf("Recovering now: %zu\n", json_array_size(json_object_get(root, "recovering")));
    json_array_foreach (json_object_get(root, "recovering"), i, entry)
        printf("  %s: %s, generation %" PRId64 ", for %" PRId64 " s %s\n",
               text_of(entry, "session"), text_of(entry, "step"), number_of(entry, "generation"),
               number_of(entry, "sinceMs") / MS_PER_S, text_of(entry, "sentence"));
}

static int print_status(const char *text)
{
    json_t *root = json_loads(text, 0, NULL);
    if (!root) {
        fputs("syncshell-relay: the relay's answer cannot be read: it is of another version\n",
              stderr);
        return EXIT_FAILURE;
    }
    print_relay(json_object_get(root, "relay"));
    print_load(json_object_get(root, "load"), json_object_get(root, "machine"));
    print_outcomes(root);
    print_syncshells(root);
    json_decref(root);
    return EXIT_SUCCESS;
}

int status_command(const char *store_path)
{
    struct buf body = BUF_INIT(ANSWER_MAX);
    int answered = admin_ask(store_path, "GET", "/status.json", &body);
    int status = answered == 200 ? print_status((const char *)body.data) : EXIT_FAILURE;
    if (answered > 0 && answered != 200)
        fprintf(stderr, "syncshell-relay: the relay answered %d\n", answered);
    buf_deinit(&body);
    return status;
}
