/* Thousands of clients in one process: the library's real engines, each with an address and keys of its own, connected to a relay on this
 * machine. Started with its port and their number (even); commands on standard input, a JSON object for each on standard output:
 *
 *   gather   all members connect, join, open the session of their pair and link up
 *   storm    counts anew; from the moment at which the first connection is lost, until all pairs are whole again
 *
 * Ends with the input. What must not happen (an end of a membership, a request that is refused for good) is told on standard error and
 * counted as lost. */
#include "faults/crowd.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/timeutil.h"
#include "bench/load/die.h"
#include "bench/load/server.h"
#include "faults/member.h"

enum { EVENTS_MAX = 512, TURN_MS = 5, GATHERING_MAX = 100, LIMIT_S = 115, LINE_MAX_BYTES = 64 };

static uint64_t now_us(void)
{
    return clock_ns() / 1000;
}

void curve_count(struct crowd *crowd, struct curve *c)
{
    uint64_t slot = (crowd->now_us - crowd->begun_us) / (1000 * SLOT_MS);
    c->at[slot < SLOTS ? slot : SLOTS - 1]++;
    c->total++;
    c->last_us = crowd->now_us;
}

static void count_anew(struct crowd *crowd)
{
    memset(&crowd->dials, 0, sizeof crowd->dials);
    memset(&crowd->accepts, 0, sizeof crowd->accepts);
    memset(&crowd->returns, 0, sizeof crowd->returns);
    memset(&crowd->wholes, 0, sizeof crowd->wholes);
    samples_clear(&crowd->greetings);
    crowd->failed_attempts = crowd->request_faults = 0;
    crowd->begun_us = crowd->now_us;
}

static void print_curve(const struct crowd *crowd, const char *name, const struct curve *c)
{
    size_t n = SLOTS;
    while (n > 0 && c->at[n - 1] == 0)
        n--;
    printf(", \"%s\": {\"total\": %zu, \"lastS\": %.3f, \"curve\": [", name, c->total,
           c->total ? (double)(c->last_us - crowd->begun_us) / 1e6 : 0.0);
    for (size_t i = 0; i < n; i++)
        printf("%s%u", i ? ", " : "", c->at[i]);
    printf("]}");
}

static void print(struct crowd *crowd)
{
    printf("{\"sessions\": %zu, \"whole\": %zu, \"lost\": %zu, \"slotMs\": %d, "
           "\"failedAttempts\": %zu, \"refusedForTheMoment\": %zu",
           crowd->n_members / 2, crowd->n_whole, crowd->lost, SLOT_MS, crowd->failed_attempts,
           crowd->request_faults);
    printf(", \"greetingMs\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}",
           samples_quantile(&crowd->greetings, 0.5) / 1000,
           samples_quantile(&crowd->greetings, 0.99) / 1000,
           samples_quantile(&crowd->greetings, 1.0) / 1000);
    print_curve(crowd, "dials", &crowd->dials);
    print_curve(crowd, "accepted", &crowd->accepts);
    print_curve(crowd, "joined", &crowd->returns);
    print_curve(crowd, "wholeSessions", &crowd->wholes);
    printf("}\n");
    (void)fflush(stdout);
}

static void turn(struct crowd *crowd)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(crowd->epoll, events, EVENTS_MAX, TURN_MS);
    if (n < 0 && errno != EINTR)
        die("epoll_wait: %s", strerror(errno));
    crowd->now_us = now_us();
    for (int i = 0; i < n; i++)
        member_serve(events[i].data.ptr, events[i].events);
    for (size_t i = 0; i < crowd->n_members; i++) {
        if (crowd->members[i].due_us <= crowd->now_us)
            member_tick(&crowd->members[i]);
    }
}

static bool over(const struct crowd *crowd, uint64_t end_us)
{
    return crowd->n_whole == crowd->n_members / 2 || crowd->now_us > end_us;
}

/* A few at a time: this is not the storm. */
static void gather(struct crowd *crowd)
{
    size_t n_started = 0;
    count_anew(crowd);
    uint64_t end_us = time_add_ms(crowd->now_us, LIMIT_S * 1000);
    while (!over(crowd, end_us)) {
        while (n_started < crowd->n_members / 2 && n_started - crowd->n_whole < GATHERING_MAX)
            member_start(&crowd->members[2 * n_started++]);
        turn(crowd);
    }
}

static void storm(struct crowd *crowd)
{
    puts("{\"ready\": true}");
    (void)fflush(stdout);
    while (crowd->n_whole == crowd->n_members / 2) {
        count_anew(crowd);
        turn(crowd);
    }
    uint64_t end_us = time_add_ms(crowd->now_us, LIMIT_S * 1000);
    while (!over(crowd, end_us))
        turn(crowd);
}

/* Connections are served while it waits. False at the end of the input. */
static bool next_line(struct crowd *crowd, char *ret_line, size_t size)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    while (poll(&input, 1, 0) == 0)
        turn(crowd);
    return fgets(ret_line, (int)size, stdin) != NULL;
}

static void set_up(struct crowd *crowd, const char *port, const char *count)
{
    crowd->port = (uint16_t)strtoul(port, NULL, 10);
    crowd->n_members = strtoul(count, NULL, 10) & ~(size_t)1;
    crowd->epoll = epoll_create1(EPOLL_CLOEXEC);
    crowd->members = calloc(crowd->n_members, sizeof *crowd->members);
    crowd->now_us = now_us();
    (void)snprintf(crowd->url, sizeof crowd->url, "ws://127.0.0.1:%u", crowd->port);
    if (crowd->epoll < 0 || crowd->n_members == 0 || !crowd->members)
        die("no memory, or no members");
    for (size_t i = 0; i < crowd->n_members; i++)
        member_init(&crowd->members[i], crowd, i);
}

int main(int argc, char **argv)
{
    static struct crowd crowd;
    char line[LINE_MAX_BYTES];
    if (argc != 3)
        die("usage: crowd PORT MEMBERS");
    (void)setvbuf(stdin, NULL, _IONBF, 0); /* poll() sees what fgets() would have read ahead */
    set_up(&crowd, argv[1], argv[2]);
    while (next_line(&crowd, line, sizeof line)) {
        if (strcmp(line, "gather\n") == 0)
            gather(&crowd);
        else if (strcmp(line, "storm\n") == 0)
            storm(&crowd);
        else
            die("unknown: %s", line);
        print(&crowd);
    }
    for (size_t i = 0; i < crowd.n_members; i++)
        member_deinit(&crowd.members[i]);
    free(crowd.members);
    samples_free(&crowd.greetings);
    close(crowd.epoll);
    return 0;
}
