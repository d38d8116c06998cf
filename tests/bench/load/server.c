#include "bench/load/server.h"

#include <dirent.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000U + (uint64_t)now.tv_nsec;
}

static uint64_t task_cpu_ns(pid_t pid, const char *task)
{
    char path[PATH_MAX];
    uint64_t ns = 0;
    snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat", (int)pid, task);
    FILE *f = fopen(path, "re");
    if (!f)
        return 0;
    if (fscanf(f, "%" SCNu64, &ns) != 1) // NOLINT(cert-err34-c): the kernel writes numbers
        ns = 0;
    fclose(f);
    return ns;
}

uint64_t server_cpu_ns(pid_t pid)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/task", (int)pid);
    DIR *tasks = pid ? opendir(path) : NULL;
    if (!tasks)
        return 0;
    uint64_t sum = 0;
    const struct dirent *entry;
    while ((entry = readdir(tasks))) {
        if (entry->d_name[0] != '.')
            sum += task_cpu_ns(pid, entry->d_name);
    }
    closedir(tasks);
    return sum;
}

uint64_t server_resident_bytes(pid_t pid)
{
    char path[64];
    uint64_t pages = 0;
    snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
    FILE *f = pid ? fopen(path, "re") : NULL;
    if (!f)
        return 0;
    if (fscanf(f, "%*u %" SCNu64, &pages) != 1) // NOLINT(cert-err34-c): the kernel writes numbers
        pages = 0;
    fclose(f);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}
