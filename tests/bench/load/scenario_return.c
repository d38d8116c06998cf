/* All come back at once. Everybody gets ready; "ready" is printed, and the suite restarts the server at the same port; the new
 * process's id comes on standard input, and everybody connects, authenticates and joins again. What that costs the server,
 * by client, and how long it took. */
#include <stdio.h>
#include <stdlib.h>

#include "bench/load/die.h"
#include "bench/load/load.h"
#include "bench/load/server.h"

static void size(struct load *load)
{
    load->n_endpoints = load->options.idle;
    load->n_lanes = 1;
}

static pid_t restarted(void)
{
    char line[32];
    puts("ready");
    fflush(stdout);
    if (!fgets(line, sizeof line, stdin))
        die("no process id on standard input");
    return (pid_t)strtol(line, NULL, 10);
}

static void run(struct load *load)
{
    pid_t pid = restarted();
    load_disconnect(load);
    uint64_t cpu_ns = server_cpu_ns(pid);
    uint64_t begin_ns = clock_ns();
    load_connect(load);
    cpu_ns = server_cpu_ns(pid) - cpu_ns;
    double seconds = (double)(clock_ns() - begin_ns) / 1e9;
    printf("{\"clients\": %zu, \"seconds\": %.3f, \"per_second\": %.1f, \"cpu_us\": %.4f}\n",
           load->n_endpoints, seconds, (double)load->n_endpoints / seconds,
           (double)cpu_ns / 1000 / (double)load->n_endpoints);
}

const struct scenario scenario_return = {.name = "return", .size = size, .run = run};
