#define _GNU_SOURCE /* asprintf */
#include "app/usage.h"

#include <dirent.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { US_PER_S = 1000000, LINE_SIZE = 256 };

static uint64_t cpu_us(void)
{
    struct rusage used;
    if (getrusage(RUSAGE_SELF, &used) < 0)
        return 0;
    return (uint64_t)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * US_PER_S +
           (uint64_t)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
}

/* The second number of /proc/self/statm, in pages. */
static uint64_t resident_bytes(void)
{
    char line[LINE_SIZE] = "";
    FILE *in = fopen("/proc/self/statm", "re");
    if (!in)
        return 0;
    const char *space = fgets(line, sizeof line, in) ? strchr(line, ' ') : NULL;
    (void)fclose(in);
    return space ? strtoull(space, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE) : 0;
}

static uint64_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    uint64_t n = 0;
    if (!folder)
        return 0;
    while (readdir(folder)) /* ".", ".." and the folder itself are not ours */
        n++;
    (void)closedir(folder);
    return n > 3 ? n - 3 : 0;
}

static uint64_t file_bytes(const char *path, const char *suffix)
{
    struct stat status;
    char *name = NULL;
    if (asprintf(&name, "%s%s", path, suffix) < 0)
        return 0;
    uint64_t bytes = stat(name, &status) == 0 ? (uint64_t)status.st_size : 0;
    free(name);
    return bytes;
}

static uint64_t free_bytes(const char *path)
{
    struct statvfs status;
    char *copy = strdup(path);
    if (!copy)
        return 0;
    uint64_t bytes =
        statvfs(dirname(copy), &status) == 0 ? (uint64_t)status.f_bavail * status.f_frsize : 0;
    free(copy);
    return bytes;
}

void usage_read(struct usage *ret_usage, const char *store_path)
{
    struct rlimit limit;
    *ret_usage = (struct usage){
        .cpu_us = cpu_us(),
        .resident_bytes = resident_bytes(),
        .open_descriptors = open_descriptors(),
        .descriptors_max = getrlimit(RLIMIT_NOFILE, &limit) == 0 ? (uint64_t)limit.rlim_cur : 0,
        .database_bytes = file_bytes(store_path, ""),
        .log_bytes = file_bytes(store_path, "-wal"),
        .free_bytes = free_bytes(store_path),
    };
}
